//! The modem's own task, while its port is open: sets the modem up, then sends, listens and looks after it in turns.
//!
//! ```text
//! attend ── wake ── set-up (setup.rs) ── serve: a message (sending.rs), a chore (incoming.rs), a look
//! ```

use std::time::Instant;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::arrivals::{Arrivals, Todo};
use super::cards::Cards;
use super::event::Event;
use super::handle::{Job, Modem};
use super::health::{Health, Registration, Rung, State};
use super::ladder::Ladder;
use super::network::{Calls, Nudges};
use super::pin::PinBook;
use super::port::{Connector, Io};
use super::profile::Profile;
use super::rarely::Remarks;
use super::sends::Sends;
use super::settings::Settings;
use super::submission::Outcome;
use super::turn::Turn;
use super::ussd::Dialogue;
use super::verdict;
use super::visit::{Phase, Visit};
use super::wire::{Gone, Wire, now};
use crate::at::OPENING_TRIES;
use crate::clock::Clock;
use crate::ids::{MessageId, ModemName};
use crate::notify;

/// How many chores are done between two messages when too many wait: a report read, and one deleted.
const CHORES_BETWEEN: u8 = 2;

/// What the tasks of all modems have in common.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The site's clock.
    pub clock: Clock,
    /// Where what comes from the air is handed out.
    pub events: mpsc::Sender<Event>,
    /// Ends the task.
    pub stop: CancellationToken,
    /// The PINs that must not be tried again.
    pub pins: PinBook,
}

/// Starts the task that owns one modem. It ends when `stop` is cancelled, within 500 ms, and leaves the modem at no
/// prompt. Reports that nobody has taken by then are put into `events`, as far as there is room.
#[must_use]
pub fn spawn(
    settings: &Settings,
    connector: Box<dyn Connector>,
    surroundings: Surroundings,
) -> (Modem, JoinHandle<()>) {
    let Surroundings { clock, events, stop, pins } = surroundings;
    let name = settings.name.clone();
    let (jobs, inbox) = mpsc::channel(1);
    let (questions, dialogue) = mpsc::channel(1);
    let (pulse, beat) = notify::pulse();
    let (health, seen) =
        watch::channel(Health::new(name.clone(), settings.port.clone().unwrap_or_default(), clock.wall()));
    let cycle = (!settings.power_cycle.is_empty()).then_some(Rung::PowerCycle);
    let rungs = [Rung::Restart, Rung::UsbReset].into_iter().chain(cycle);
    let actor = Actor {
        name: name.clone(),
        settings: settings.clone(),
        pins,
        clock,
        events,
        stop,
        health,
        profile: Profile::generic(),
        reference: 0,
        inbox,
        arrivals: Arrivals::new(name.clone()),
        cards: Cards::default(),
        dialogue: Dialogue::new(dialogue),
        visit: Visit::new(now()),
        acknowledges: false,
        ladder: Ladder::new(rungs),
        sends: Sends::default(),
        calls: Calls::default(),
        nudges: Nudges::default(),
        remarks: Remarks::default(),
        chores_due: 0,
    };
    (Modem { name, jobs, questions, pulse, health: seen }, tokio::spawn(beat.of(actor.run(connector))))
}

/// Why an open port is left.
#[derive(Debug, thiserror::Error)]
pub(super) enum End {
    #[error("the daemon is stopping")]
    Stopped,
    #[error(transparent)]
    Gone(#[from] Gone),
    #[error("the modem does not answer on this port")]
    Deaf,
    #[error("what comes over the port makes no sense")]
    Noise,
    #[error("the modem answers, but sends no message")]
    Mute,
    #[error("the modem does not read its SIM")]
    CardFails,
    #[error("the modem has started anew by itself")]
    Restarted,
}

/// Something that the modem is told or asked while no message is sent.
enum Errand {
    /// About what came in.
    Chore(Todo),
    /// The network is told that a dialogue is over.
    EndDialogue,
    /// The modem is asked how it stands.
    Look,
}

/// How an open port was left.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) end: End,
    /// A message was under way. A modem that goes away then may have too weak a supply.
    pub(super) while_sending: bool,
}

impl From<End> for Left {
    fn from(end: End) -> Self {
        Self { end, while_sending: false }
    }
}

/// Everything the task knows.
pub(super) struct Actor {
    pub(super) name: ModemName,
    pub(super) settings: Settings,
    pub(super) pins: PinBook,
    pub(super) clock: Clock,
    pub(super) arrivals: Arrivals,
    pub(super) cards: Cards,
    pub(super) dialogue: Dialogue,
    pub(super) health: watch::Sender<Health>,
    /// What is known of the modem on the port since it was opened.
    pub(super) visit: Visit,
    /// The ways of the modem's family, as last known: one that does not answer any more is restarted in its own way.
    pub(super) profile: &'static Profile,
    /// The reference of the message sent last.
    pub(super) reference: u8,
    /// The modem wants every report it prints acknowledged (`+CSMS: 1`). It still does so when its port is opened again.
    pub(super) acknowledges: bool,
    pub(super) ladder: Ladder,
    pub(super) sends: Sends,
    pub(super) calls: Calls,
    pub(super) nudges: Nudges,
    pub(super) remarks: Remarks,
    /// How many chores may still be done before the next message, when there are too many of them.
    pub(super) chores_due: u8,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) stop: CancellationToken,
    pub(super) inbox: mpsc::Receiver<Job>,
}

impl Actor {
    /// Stays with an open port until it must be left.
    pub(super) async fn attend(&mut self, io: Box<dyn Io>) -> Left {
        let mut wire = Wire::new(io);
        self.visit = Visit::new(now());
        // Anything else that was the matter is so until the modem answers.
        if self.is_absent() {
            self.show(State::Starting);
        }
        self.nudges.begin_anew();
        self.sends.stop_resting();
        let left = match self.open(&mut wire).await {
            Ok(()) => self.serve(&mut wire).await,
            Err(end) => end.into(),
        };
        self.arrivals.detach();
        self.dialogue.detach();
        self.health.send_modify(|health| {
            health.registration = Registration::Unknown;
            health.operator = None;
            health.signal = None;
            health.concern = None;
        });
        left
    }

    async fn open(&mut self, wire: &mut Wire) -> Result<(), End> {
        wire.session.handle_wake(OPENING_TRIES, now());
        while !wire.session.is_idle() {
            self.turn(wire, false).await?;
        }
        self.visit.phase = Phase::SettingUp;
        self.profile = Profile::generic();
        self.show(State::Starting);
        self.visit.look.begin(now());
        self.set_up(wire).await?;
        self.visit.look.end(now());
        self.visit.phase = Phase::Working;
        Ok(())
    }

    async fn serve(&mut self, wire: &mut Wire) -> Left {
        loop {
            self.judge();
            if let Err(left) = self.serve_once(wire).await {
                return left;
            }
        }
    }

    /// Does one thing: what sends first, what listens next, what only asks last.
    async fn serve_once(&mut self, wire: &mut Wire) -> Result<(), Left> {
        if let Some(errand) = self.errand() {
            return Ok(self.run_errand(wire, errand).await?);
        }
        let again = tokio::time::sleep_until(self.next_errand_at().into());
        let turn = tokio::select! {
            biased;
            turn = self.turn(wire, true) => turn?,
            () = again => return Ok(()),
        };
        match turn {
            Turn::Job(job) => {
                self.chores_due = CHORES_BETWEEN;
                self.send(wire, job).await.map_err(|end| Left { end, while_sending: true })?;
                self.judge_sends()?;
            }
            Turn::Question(question) => self.inquire(wire, question).await?,
            _ => {}
        }
        Ok(())
    }

    /// What is to be done now, before a message is taken or while none waits.
    fn errand(&mut self) -> Option<Errand> {
        let free = !self.is_wanted();
        if (free || (self.chores_due > 0 && self.arrivals.has_many_chores()))
            && let Some(todo) = self.arrivals.next_chore()
        {
            self.chores_due = self.chores_due.saturating_sub(1);
            return Some(Errand::Chore(todo));
        }
        if !free {
            return None;
        }
        if self.dialogue.is_to_end() {
            return Some(Errand::EndDialogue);
        }
        if self.arrivals.take_overflow() {
            self.visit.storages.sweep_soon();
            self.visit.look.want();
        }
        (self.look_at() <= now()).then_some(Errand::Look)
    }

    async fn run_errand(&mut self, wire: &mut Wire, errand: Errand) -> Result<(), End> {
        match errand {
            Errand::Chore(todo) => self.do_chore(wire, todo).await,
            Errand::EndDialogue => self.end_dialogue(wire).await,
            Errand::Look => {
                self.visit.look.begin(now());
                self.look_again(wire).await?;
                self.visit.look.end(now());
                Ok(())
            }
        }
    }

    /// When the modem is to be asked again how it stands.
    fn look_at(&self) -> Instant {
        self.visit.look.due(self.is_ready() && self.visit.storages.concern().is_none())
    }

    /// When there is something to do, or another state to be shown, whatever the modem says or is given until then.
    fn next_errand_at(&self) -> Instant {
        let (sends, calls) = (self.sends.resting_until(now()), self.calls.until(now()));
        let due = [self.arrivals.chore_at(), self.dialogue.due(), sends, calls];
        due.into_iter().flatten().fold(self.look_at(), Instant::min)
    }

    pub(super) fn is_ready(&self) -> bool {
        self.health.borrow().state.is_ready()
    }

    fn is_absent(&self) -> bool {
        matches!(self.health.borrow().state, State::Absent { .. })
    }

    /// Whether a message waits that this modem could send now.
    pub(super) fn is_wanted(&self) -> bool {
        self.is_ready() && !self.inbox.is_empty()
    }

    /// Takes note of how this message fared.
    pub(super) fn note(&mut self, message: MessageId, outcome: &Outcome) {
        self.sends.note(message, outcome);
        if matches!(outcome, Outcome::Sent { .. }) {
            self.ladder.sent();
        }
    }

    /// Leaves a modem that answers but sends nothing, so that it is brought back; one on which all was tried is left alone
    /// for a while, listening for what comes from the air.
    fn judge_sends(&mut self) -> Result<(), End> {
        if !self.sends.are_mute() {
            return Ok(());
        }
        if self.ladder.goes_on(now()) {
            return Err(End::Mute);
        }
        tracing::warn!(modem.name = %self.name, "the modem still sends nothing, and everything has been tried");
        self.end_rung(false);
        self.sends.leave_alone(now());
        Ok(())
    }

    /// Shows the state that follows from what is known. What keeps it from receiving does not keep it from sending.
    fn judge(&mut self) {
        let registration = self.visit.statuses.registration();
        let state = if let Some(trouble) = &self.visit.trouble {
            trouble.clone()
        } else if self.sends.resting_until(now()).is_some() {
            verdict::mute()
        } else {
            verdict::of_registration(registration, self.settings.roaming, self.visit.denial.as_deref())
        };
        let concern = self.visit.storages.concern().or_else(|| self.calls.until(now()).map(|_| verdict::in_a_call()));
        self.health.send_if_modified(|health| {
            let is_other = health.registration != registration || health.concern != concern;
            (health.registration, health.concern) = (registration, concern);
            is_other
        });
        if state.is_ready() {
            self.ladder.ready(now());
            self.nudges.radio_is_on();
            self.end_rung(true);
        }
        self.show(state);
    }

    /// Shows a state, if it is another one.
    pub(super) fn show(&mut self, state: State) {
        let now = self.clock.wall();
        let name = &self.name;
        self.health.send_if_modified(|health| {
            if health.state == state {
                return false;
            }
            let (reason, advice) = (state.reason(), state.advice());
            tracing::info!(modem.name = %name, state = state.as_str(), reason, advice, "the modem's state has changed");
            health.state = state;
            health.since = now;
            true
        });
    }

    pub(super) fn refuse(&self, job: Job) {
        // A caller that has gone needs no answer.
        let _ = job.answer.send(Outcome::NotReady { reason: self.why_not_ready() });
    }

    pub(super) fn why_not_ready(&self) -> String {
        self.health.borrow().state.reason().unwrap_or("the modem is starting").to_owned()
    }

    pub(super) fn leave(mut self) {
        self.inbox.close();
        while let Ok(job) = self.inbox.try_recv() {
            // A caller that has gone needs no answer.
            let _ = job.answer.send(Outcome::NotReady { reason: End::Stopped.to_string() });
        }
        // What was printed is nowhere else: it goes to whoever still takes it.
        while self.arrivals.offer_at().is_some()
            && let Ok(permit) = self.events.clone().try_reserve_owned()
        {
            self.arrivals.offer(permit);
        }
    }
}
