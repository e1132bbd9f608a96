//! Questions to the network (USSD): asked for over the API without anybody waiting, and the balance asked every day.
//!
//! ```text
//! http ──ask──> a list of questions ──> one task for each ──> the modem ──> the network
//! http <─look── the same list       <── what it said
//! ```
//!
//! What is answered is kept in memory for an hour, and the last balance until the next one; never on disk, never logged.
//!
//! Its one rule: nobody waits here for a modem but tasks that have nothing else to do.

mod balance;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, Moment, Timestamp};
use crate::ids::{ModemName, UssdId};
use crate::modem::Modem;
use crate::phone::UssdCode;
use crate::secret::Text;

pub use balance::{Amount, Balance, Pattern, PatternError, Settings};

/// How long an answer is kept.
const KEPT: Duration = Duration::from_secs(3600);
/// How many questions are kept, and how many may be waiting among them.
const MOST_KEPT: usize = 64;
const MOST_WAITING: usize = 8;

/// A question and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Its id.
    pub id: UssdId,
    /// The modem that asks.
    pub modem: ModemName,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// What became of it; `None` while the answer is waited for.
    pub outcome: Option<Outcome>,
}

/// What became of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The network answered.
    Answered {
        /// Its words.
        text: Text,
        /// It wanted a choice among several, which it did not get.
        is_menu: bool,
    },
    /// There is no answer.
    Failed {
        /// Why, in one sentence.
        reason: String,
    },
}

/// Why a question is not taken on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// There is no modem of this name.
    #[error("there is no modem of this name")]
    NoSuchModem,
    /// Too many wait for their answers.
    #[error("too many questions wait for their answers")]
    TooMany,
}

/// The questions and the balances. Cheap to clone; every clone is the same.
#[derive(Debug, Clone)]
pub struct Ussd(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    settings: Settings,
    state: Mutex<State>,
    /// To the task that asks.
    work: mpsc::UnboundedSender<Work>,
}

#[derive(Debug, Default)]
struct State {
    modems: BTreeMap<ModemName, Modem>,
    questions: VecDeque<(Question, Moment)>,
    balances: BTreeMap<ModemName, Balance>,
}

/// What is to be done by a task of its own.
#[derive(Debug)]
enum Work {
    /// Ask this.
    Ask(UssdId, Modem, UssdCode),
    /// Keep the balance of its SIM known.
    Watch(Modem, UssdCode),
}

/// What runs the tasks.
#[derive(Debug)]
pub struct Asker {
    ussd: Ussd,
    work: mpsc::UnboundedReceiver<Work>,
}

impl Ussd {
    /// The questions of a site, none yet, and what asks them.
    #[must_use]
    pub fn new(clock: Clock, settings: Settings) -> (Self, Asker) {
        let (sender, work) = mpsc::unbounded_channel();
        let ussd = Self(Arc::new(Inner { clock, settings, state: Mutex::default(), work: sender }));
        (ussd.clone(), Asker { ussd, work })
    }

    /// A modem that can be asked from now on.
    pub fn add(&self, modem: Modem) {
        if let Some(code) = self.0.settings.code.clone() {
            self.hand_over(Work::Watch(modem.clone(), code));
        }
        self.state().modems.insert(modem.name().clone(), modem);
    }

    /// Has a modem ask the network, and returns at once.
    ///
    /// # Errors
    /// [`AskError`]; nothing is asked then.
    pub fn ask(&self, modem: &ModemName, code: UssdCode) -> Result<Question, AskError> {
        let now = self.0.clock.now();
        let mut state = self.state();
        let modem = state.modems.get(modem).cloned().ok_or(AskError::NoSuchModem)?;
        state.questions.retain(|(question, asked)| question.outcome.is_none() || *asked + KEPT > now);
        if state.questions.iter().filter(|(question, _)| question.outcome.is_none()).count() >= MOST_WAITING {
            return Err(AskError::TooMany);
        }
        if state.questions.len() >= MOST_KEPT
            && let Some(oldest) = state.questions.iter().position(|(question, _)| question.outcome.is_some())
        {
            state.questions.remove(oldest);
        }
        let asked_at = self.0.clock.wall();
        let question = Question { id: UssdId::generate(), modem: modem.name().clone(), asked_at, outcome: None };
        state.questions.push_back((question.clone(), now));
        drop(state);
        self.hand_over(Work::Ask(question.id, modem, code));
        Ok(question)
    }

    /// A question to this modem, if it was asked in the last hour.
    #[must_use]
    pub fn look(&self, modem: &ModemName, id: UssdId) -> Option<Question> {
        let now = self.0.clock.now();
        let state = self.state();
        let found = state.questions.iter().find(|(question, asked)| {
            question.id == id && question.modem == *modem && (question.outcome.is_none() || *asked + KEPT > now)
        });
        found.map(|(question, _)| question.clone())
    }

    /// The last balance of each modem's SIM.
    #[must_use]
    pub fn balances(&self) -> Vec<Balance> {
        self.state().balances.values().cloned().collect()
    }

    fn settle(&self, id: UssdId, outcome: Outcome) {
        if let Some((question, _)) = self.state().questions.iter_mut().find(|(question, _)| question.id == id) {
            question.outcome = Some(outcome);
        }
    }

    fn hand_over(&self, work: Work) {
        // Whoever asks has ended only when the daemon is stopping.
        let _ = self.0.work.send(work);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Asker {
    /// Asks what is to be asked, until stopped.
    ///
    /// # Errors
    /// When one of its tasks died.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), JoinError> {
        let mut tasks = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                Some(ended) = tasks.join_next() => ended?,
                Some(work) = self.work.recv() => drop(match work {
                    Work::Ask(id, modem, code) => tasks.spawn(ask(self.ussd.clone(), id, modem, code)),
                    Work::Watch(modem, code) => tasks.spawn(balance::watch(self.ussd.clone(), modem, code)),
                }),
            }
        }
    }
}

async fn ask(ussd: Ussd, id: UssdId, modem: Modem, code: UssdCode) {
    let outcome = match modem.ussd(code).await {
        Ok(answer) => Outcome::Answered { text: answer.text, is_menu: answer.is_menu },
        Err(error) => Outcome::Failed { reason: error.to_string() },
    };
    let answered = matches!(outcome, Outcome::Answered { .. });
    tracing::info!(modem.name = %modem.name(), %id, answered, "a question to the network has ended");
    ussd.settle(id, outcome);
}
