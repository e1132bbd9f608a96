//! Status reports and messages between the modem and the store: held until they are on disk, and only then forgotten by
//! the modem.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::event::{Acknowledge, Arrival, Event, Settled};
use super::rarely::Rarely;
use super::wire::now;
use crate::at::{Payload, Place};
use crate::ids::{ModemName, SimId};
use crate::pdu::{Deliver, Frame, StatusReport};

/// How many arrivals are held at once. More stay on the modem, or are lost where it does not keep them.
const MOST_HELD: usize = 64;
/// How many places are remembered that are yet to be read.
const MOST_CHORES: usize = 1024;
/// How many places are remembered of which the content is on disk.
const MOST_TAKEN: usize = 64;
/// How long to wait before an arrival that was not taken is offered again.
const AGAIN: Duration = Duration::from_secs(5);
/// More chores than these do not wait until there is no message to send.
const MANY_CHORES: usize = 8;
/// How often a modem is asked for what it refuses, a busy card's for instance, and with which pauses.
const MOST_REFUSALS: u8 = 6;
const REFUSED_PAUSE: Duration = Duration::from_secs(10);

impl Arrival {
    /// What is in a PDU; `None` when it is nothing that can come in, or cannot be read.
    pub(super) fn decode(payload: &Payload) -> Option<Self> {
        let frame = Frame::from_hex(payload.expose()).ok()?;
        let report = StatusReport::decode(&frame.tpdu).ok().map(|report| Self::Report(Box::new(report)));
        report.or_else(|| Deliver::decode(&frame.tpdu).ok().map(|deliver| Self::Message(Box::new(deliver))))
    }
}

/// By what a PDU is known again while the task runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark(u64);

impl Mark {
    pub(super) fn of(payload: &Payload) -> Self {
        let mut hasher = DefaultHasher::new();
        payload.expose().hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// Where an arrival came from, and so how the modem is told to forget it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// Printed as it came in; the modem waits to be told that it was taken (`+CNMA`).
    Unacknowledged,
    /// Printed as it came in and already forgotten by the modem, or read over a port that is no longer open.
    Loose,
    /// Kept in one of the modem's storages.
    Stored(Place, Mark),
}

/// What has to be said to the modem about what came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Chore {
    /// Read what the modem has announced to be in this place.
    Read(Place),
    /// See whether anything is in this place.
    Look(Place),
    /// Delete this, which is in it.
    Delete(Place, Mark),
    /// What was printed last was taken.
    Acknowledge,
}

impl Chore {
    fn reads(&self) -> bool {
        matches!(self, Self::Read(_) | Self::Look(_))
    }
}

/// A chore, and how it stands with it.
pub(super) struct Todo {
    pub(super) chore: Chore,
    /// How often the modem has refused it.
    refused: u8,
    /// It is not tried before this.
    due: Instant,
}

impl Todo {
    /// Whether the modem has been told before, and did not say yes.
    pub(super) fn was_refused(&self) -> bool {
        self.refused > 0
    }
}

struct Held {
    number: u64,
    /// The card it came to; not known while the modem is being set up.
    sim: Option<SimId>,
    arrival: Arrival,
    origin: Origin,
    offered: bool,
}

impl Held {
    fn waits(&self) -> bool {
        !self.offered && self.sim.is_some()
    }
}

/// What came in at one modem.
pub(super) struct Arrivals {
    modem: ModemName,
    held: Vec<Held>,
    chores: VecDeque<Todo>,
    /// Of which places the content is on disk, whatever the modem says to its being deleted.
    taken: VecDeque<(Place, Mark)>,
    /// What is said when nothing more can be held.
    crowded: Rarely,
    /// There were more chores than are remembered.
    overflow: bool,
    next_number: u64,
    /// Nothing is offered before this; set when something was not taken.
    not_before: Instant,
    answers: mpsc::Sender<Settled>,
    settled: mpsc::Receiver<Settled>,
}

impl Arrivals {
    pub(super) fn new(modem: ModemName) -> Self {
        let (answers, settled) = mpsc::channel(MOST_HELD);
        Self {
            modem,
            held: Vec::new(),
            chores: VecDeque::new(),
            taken: VecDeque::new(),
            crowded: Rarely::default(),
            overflow: false,
            next_number: 0,
            not_before: now(),
            answers,
            settled,
        }
    }

    /// Takes an arrival in. Returns whether there was room, or it is held already.
    pub(super) fn hold(&mut self, sim: Option<SimId>, arrival: Arrival, origin: Origin) -> bool {
        if let Origin::Stored(place, _) = &origin {
            if self.knows(place) {
                return true;
            }
            self.keep_until_read(&place.clone());
        }
        if !self.has_room() {
            if let Some(more) = self.crowded.warn() {
                tracing::warn!(modem.name = %self.modem, more, "too many reports and messages wait to be stored");
            }
            return false;
        }
        let number = self.next_number;
        self.next_number += 1;
        self.held.push(Held { number, sim, arrival, origin, offered: false });
        true
    }

    /// What came before the card was known came to this one.
    pub(super) fn belong_to(&mut self, sim: &SimId) {
        for held in &mut self.held {
            held.sim.get_or_insert_with(|| sim.clone());
        }
    }

    /// Something was stored in this place; modems may say so twice.
    pub(super) fn announce(&mut self, place: Place) {
        if !self.knows(&place) {
            self.keep_until_read(&place);
            self.add_chore(Chore::Read(place));
        }
    }

    /// What is in this place now is not deleted before it has been read.
    fn keep_until_read(&mut self, place: &Place) {
        self.chores.retain(|todo| !matches!(&todo.chore, Chore::Delete(stored, _) if stored == place));
    }

    /// Something may be in this place.
    pub(super) fn look_into(&mut self, place: Place) {
        if !self.knows(&place) {
            self.add_chore(Chore::Look(place));
        }
    }

    /// What is in this place is of no use.
    pub(super) fn discard(&mut self, place: Place, mark: Mark) {
        self.add_chore(Chore::Delete(place, mark));
    }

    /// What was printed last can be of no use to anybody, and the modem waits for a word.
    pub(super) fn acknowledge(&mut self) {
        self.add_chore(Chore::Acknowledge);
    }

    /// Whether this, in this place, is on disk already: the modem did not delete it.
    pub(super) fn was_taken(&self, place: &Place, mark: Mark) -> bool {
        self.taken.iter().any(|(at, taken)| at == place && *taken == mark)
    }

    /// Whether what is in this place has been read already. A modem that did not say yes to its deletion may have
    /// deleted it all the same, and put something else there.
    pub(super) fn knows(&self, place: &Place) -> bool {
        let is_here = |origin: &Origin| matches!(origin, Origin::Stored(stored, _) if stored == place);
        let goes =
            |todo: &Todo| matches!(&todo.chore, Chore::Delete(stored, _) if stored == place) && !todo.was_refused();
        self.held.iter().any(|held| is_here(&held.origin)) || self.chores.iter().any(goes)
    }

    fn add_chore(&mut self, chore: Chore) {
        if chore != Chore::Acknowledge && self.chores.iter().any(|todo| todo.chore == chore) {
            return;
        }
        if self.chores.len() < MOST_CHORES {
            self.chores.push_back(Todo { chore, refused: 0, due: now() });
        } else {
            self.overflow = true;
        }
    }

    /// Whether there were more chores than are remembered, so that the storages must be looked through. Asked once.
    pub(super) fn take_overflow(&mut self) -> bool {
        std::mem::take(&mut self.overflow)
    }

    /// Whether so many chores wait that messages must make room for them.
    pub(super) fn has_many_chores(&self) -> bool {
        self.chores.len() > MANY_CHORES
    }

    /// The next thing to be said to the modem now. What is on disk is forgotten before more is read, and nothing is read
    /// while there is no room for it.
    pub(super) fn next_chore(&mut self) -> Option<Todo> {
        let now = now();
        let due =
            |wanted: fn(&Chore) -> bool| self.chores.iter().position(|todo| wanted(&todo.chore) && todo.due <= now);
        let next = due(|chore| !chore.reads()).or_else(|| self.has_room().then(|| due(Chore::reads)).flatten())?;
        self.chores.remove(next)
    }

    /// When there is something to be said to the modem.
    pub(super) fn chore_at(&self) -> Option<Instant> {
        let room = self.has_room();
        self.chores.iter().filter(|todo| room || !todo.chore.reads()).map(|todo| todo.due).min()
    }

    fn has_room(&self) -> bool {
        self.held.len() < MOST_HELD
    }

    /// The modem refused a chore: it is done later. Returns whether it will be.
    pub(super) fn put_off(&mut self, todo: Todo) -> bool {
        let refused = todo.refused + 1;
        if refused < MOST_REFUSALS {
            self.chores.push_back(Todo { refused, due: now() + REFUSED_PAUSE, ..todo });
        }
        refused < MOST_REFUSALS
    }

    /// The port is no longer open, or the card is gone. What is held stays to be stored, but another card may be in the
    /// modem next time, so nothing in it is deleted on the word of today.
    pub(super) fn detach(&mut self) {
        self.chores.clear();
        for held in &mut self.held {
            held.origin = Origin::Loose;
        }
    }

    /// When the next arrival is to be offered; `None` when none waits.
    pub(super) fn offer_at(&self) -> Option<Instant> {
        self.held.iter().any(Held::waits).then_some(self.not_before)
    }

    /// Hands the next arrival out.
    pub(super) fn offer(&mut self, permit: mpsc::OwnedPermit<Event>) {
        // There is one answer for each arrival held, and not more of these than fit.
        let Ok(answer) = self.answers.clone().try_reserve_owned() else { return };
        let Some(held) = self.held.iter_mut().find(|held| held.waits()) else { return };
        let Some(sim) = held.sim.clone() else { return };
        held.offered = true;
        permit.send(Event {
            modem: self.modem.clone(),
            sim,
            arrival: held.arrival.clone(),
            done: Acknowledge::new(answer, held.number),
        });
    }

    /// Waits until something handed out is settled. May be cancelled at any time.
    pub(super) async fn settled(&mut self) -> Option<Settled> {
        self.settled.recv().await
    }

    /// What was handed out is on disk, or was dropped.
    pub(super) fn settle(&mut self, settled: Settled) {
        let Some(at) = self.held.iter().position(|held| held.number == settled.number) else { return };
        if !settled.taken {
            self.held[at].offered = false;
            self.not_before = now() + AGAIN;
            return;
        }
        match self.held.remove(at).origin {
            Origin::Unacknowledged => self.add_chore(Chore::Acknowledge),
            Origin::Stored(place, mark) => {
                self.taken.truncate(MOST_TAKEN - 1);
                self.taken.push_front((place.clone(), mark));
                self.add_chore(Chore::Delete(place, mark));
            }
            Origin::Loose => {}
        }
    }
}
