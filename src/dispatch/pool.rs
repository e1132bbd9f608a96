//! The modems that messages go through: joined at any time, looked at by everybody.

use tokio::sync::{mpsc, watch};

use super::budgets::Budgets;
use crate::clock::Timestamp;
use crate::ids::ModemName;
use crate::modem::Modem;
use crate::notify::{self, Beat, Pulse};

/// The modems of a [`Dispatcher`](super::Dispatcher). Cheap to clone; all clones are the same pool.
#[derive(Debug, Clone)]
pub struct Pool {
    members: watch::Sender<Vec<Member>>,
    newcomers: mpsc::UnboundedSender<(Newcomer, Beat)>,
    budgets: Budgets,
    sweeper: Pulse,
}

/// A modem on its way to a lane, and where the lane tells what it does.
pub(super) type Newcomer = (Modem, watch::Sender<LaneState>);

/// A modem of the pool with its lane.
#[derive(Debug, Clone)]
pub struct Member {
    modem: Modem,
    lane: watch::Receiver<LaneState>,
    pulse: Pulse,
}

/// What a modem's lane is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LaneState {
    /// The modem is at a part of a message.
    pub sending: bool,
    /// Why nothing comes of the modem, if so: it is left alone for a while, its SIM is barred, or another modem has that.
    pub resting: Option<Resting>,
    /// What the network said to the last message, once it has refused so many in a row that somebody should know.
    pub refused: Option<String>,
}

/// Why nothing comes of a modem although it says that it is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resting {
    /// What is the matter, in one sentence.
    pub reason: String,
    /// What the person who cares for it can do, in one sentence.
    pub advice: String,
    /// Since when.
    pub since: Timestamp,
    /// When it is tried again, if it is left alone until then; `None`: it is tried now and then, or what is the matter must
    /// change.
    pub until: Option<Timestamp>,
}

impl Pool {
    pub(super) fn new(budgets: Budgets, sweeper: Pulse) -> (Self, mpsc::UnboundedReceiver<(Newcomer, Beat)>) {
        let (newcomers, joining) = mpsc::unbounded_channel();
        (Self { members: watch::Sender::default(), newcomers, budgets, sweeper }, joining)
    }

    /// Takes a modem into the pool, for good: one that is unplugged stays a member and takes nothing. What waits goes
    /// through it at once. `false`, and nothing happens, when a member has its name already.
    pub fn add(&self, modem: Modem) -> bool {
        let (state, (pulse, beat)) = (watch::Sender::default(), notify::pulse());
        let member = Member { modem: modem.clone(), lane: state.subscribe(), pulse };
        let is_new = self.members.send_if_modified(|members| {
            let is_new = members.iter().all(|other| other.name() != member.name());
            if is_new {
                members.push(member);
            }
            is_new
        });
        if is_new {
            // A dispatcher that has stopped needs no more modems.
            let _ = self.newcomers.send(((modem, state), beat));
        }
        is_new
    }

    /// Waits until every task behind the pool answers: each modem's own and its lane, and what looks for what is due. For
    /// the watchdog.
    pub async fn answers(&self) {
        let members = self.members.borrow().clone();
        for member in members {
            member.modem.answers().await;
            member.pulse.answers().await;
        }
        self.sweeper.answers().await;
    }

    /// The modems in the order in which they joined, now and from now on.
    #[must_use]
    pub fn members(&self) -> watch::Receiver<Vec<Member>> {
        self.members.subscribe()
    }

    /// The budgets of their SIMs, to look at.
    #[must_use]
    pub fn budgets(&self) -> &Budgets {
        &self.budgets
    }
}

impl Member {
    /// The modem's name.
    #[must_use]
    pub fn name(&self) -> &ModemName {
        self.modem.name()
    }

    /// The modem.
    #[must_use]
    pub fn modem(&self) -> &Modem {
        &self.modem
    }

    /// What its lane is doing, now and from now on.
    #[must_use]
    pub fn lane(&self) -> watch::Receiver<LaneState> {
        self.lane.clone()
    }
}
