//! What the modem says by itself, and what has to be said to it about what comes in.

use super::actor::{Actor, End};
use super::arrivals::{Chore, Mark, Origin, Todo};
use super::event::Arrival;
use super::health::State;
use super::verdict;
use super::wire::{Wire, now};
use crate::at::{Command, CommandError, Payload, Place, Refusal, Unsolicited};

impl Actor {
    /// Takes in what the modem said by itself.
    pub(super) fn hear(&mut self, said: Unsolicited) {
        match said {
            Unsolicited::StatusReport(payload) | Unsolicited::Message(payload) => self.take_printed(&payload),
            Unsolicited::StatusReportStored(place) | Unsolicited::MessageStored(place) => self.arrivals.announce(place),
            Unsolicited::Ussd(said) => self.hear_ussd(&said),
            Unsolicited::Registration(domain, status) => {
                let before = self.visit.statuses.registration();
                self.visit.statuses.set(domain, status);
                // Name and strength of the network are others now.
                if self.visit.statuses.registration() != before {
                    self.visit.look.hint(now());
                }
            }
            Unsolicited::SimState(state) => self.hear_card(verdict::of_card(&state)),
            Unsolicited::Ready => self.visit.look.hint(now()),
            Unsolicited::StorageFull(_) => {
                self.visit.storages.sweep_soon();
                self.visit.look.hint(now());
            }
            Unsolicited::Call(rings) => self.calls.heard(rings, now()),
            Unsolicited::WeakPower => self.ladder.browned_out(now()),
            // The port is left for it, and the modem set up from zero.
            Unsolicited::Boot => {}
        }
    }

    /// The card has become unusable, or usable: then another one may be in the modem.
    fn hear_card(&mut self, trouble: Option<State>) {
        if self.visit.trouble.is_some() != trouble.is_some() {
            self.visit.look.hint(now());
        }
        match trouble {
            Some(trouble) => self.lose_card(trouble),
            None => self.visit.card_is_back = self.visit.trouble.is_some(),
        }
    }

    /// The card cannot be used, and must be read again before it is.
    pub(super) fn lose_card(&mut self, trouble: State) {
        (self.visit.trouble, self.visit.card_is_back) = (Some(trouble), false);
        self.arrivals.detach();
    }

    fn take_printed(&mut self, payload: &Payload) {
        let origin = if self.acknowledges { Origin::Unacknowledged } else { Origin::Loose };
        if let Some(arrival) = Arrival::decode(payload) {
            self.hold(arrival, origin);
            return;
        }
        if let Some(more) = self.remarks.unreadable.warn() {
            tracing::warn!(modem.name = %self.name, more, "a report or message that cannot be read was dropped");
        }
        // Without a word the network would send it for ever, and the modem hand out nothing behind it.
        if self.acknowledges {
            self.arrivals.acknowledge();
        }
    }

    /// Keeps an arrival until it is stored; tells whether it is kept.
    fn hold(&mut self, arrival: Arrival, origin: Origin) -> bool {
        let sim = self.health.borrow().sim.as_ref().map(|sim| sim.id.clone());
        self.arrivals.hold(sim, arrival, origin)
    }

    /// Deals with what is in a place of a storage; tells whether nothing is left to do about it now.
    pub(super) fn take_stored(&mut self, place: &Place, payload: &Payload) -> bool {
        let mark = Mark::of(payload);
        let Some(arrival) = Arrival::decode(payload) else {
            self.leave_there(place, mark);
            return true;
        };
        if self.arrivals.was_taken(place, mark) {
            if let Some(more) = self.remarks.refused.warn() {
                let index = place.index;
                tracing::warn!(modem.name = %self.name, index, more, "what the modem was told to delete is still there");
            }
            self.arrivals.discard(place.clone(), mark);
            return true;
        }
        let held = self.hold(arrival, Origin::Stored(place.clone(), mark));
        if held {
            // It goes as soon as it is on disk.
            self.visit.storages.let_one_go(&place.storage);
        }
        held
    }

    /// Perhaps somebody's draft: it stays, unless what comes in needs its place.
    fn leave_there(&mut self, place: &Place, mark: Mark) {
        let (storage, index) = (&place.storage, place.index);
        if self.visit.storages.let_one_go(storage) {
            tracing::warn!(modem.name = %self.name, storage, index, "what is no message was deleted to make room for one");
            self.arrivals.discard(place.clone(), mark);
        } else if let Some(more) = self.remarks.strange.warn() {
            tracing::info!(modem.name = %self.name, storage, index, more, "what is stored there did not come in, and stays");
        }
    }

    /// Says one thing to the modem about what came in. What it refuses is said again later, a few times.
    pub(super) async fn do_chore(&mut self, wire: &mut Wire, todo: Todo) -> Result<(), End> {
        let (done, place) = match &todo.chore {
            Chore::Acknowledge => return self.acknowledge(wire).await,
            // It may be gone all the same, and what is in its place now not be read yet.
            Chore::Delete(place, mark) if todo.was_refused() => {
                (self.read(wire, place, Some(*mark)).await?, place.clone())
            }
            Chore::Delete(place, _) => (self.delete(wire, place).await?, place.clone()),
            Chore::Look(place) => return self.read(wire, place, None).await.map(drop),
            // It was said twice.
            Chore::Read(place) if self.arrivals.knows(place) => return Ok(()),
            Chore::Read(place) => {
                let read = self.read(wire, place, None).await?;
                if read {
                    self.visit.storages.came(&place.storage);
                }
                (read, place.clone())
            }
        };
        // The card may have gone meanwhile; then the place is on another.
        if !done && self.visit.trouble.is_none() && !self.arrivals.put_off(todo) {
            if let Some(more) = self.remarks.refused.warn() {
                let index = place.index;
                tracing::warn!(modem.name = %self.name, index, more, "the modem does not let go of what is stored there");
            }
            self.visit.storages.list_again(&place.storage);
        }
        Ok(())
    }

    /// A modem whose acknowledgement comes too late, or not as it wants it, may hand out no more reports until it is told
    /// anew where they go (3GPP TS 27.005 §3.4.4).
    async fn acknowledge(&mut self, wire: &mut Wire) -> Result<(), End> {
        let Some(command) = self.acknowledgement() else { return Ok(()) };
        if self.ask(wire, &command).await?.is_err() {
            self.route_reports(wire).await?;
        }
        Ok(())
    }

    /// Deals with what is in a place; tells whether nothing is left to do about it now. What is unwanted is deleted.
    async fn read(&mut self, wire: &mut Wire, place: &Place, unwanted: Option<Mark>) -> Result<bool, End> {
        if !self.select(wire, &place.storage).await? {
            return Ok(false);
        }
        let reply = match self.ask(wire, &Command::read_message(place.index)).await? {
            Ok(reply) => reply,
            Err(error) => return Ok(is_empty_place(error)),
        };
        match reply.message() {
            Some(payload) if Some(Mark::of(payload)) == unwanted => self.delete(wire, place).await,
            Some(payload) => Ok(self.take_stored(place, payload)),
            None => Ok(true),
        }
    }

    async fn delete(&mut self, wire: &mut Wire, place: &Place) -> Result<bool, End> {
        if !self.select(wire, &place.storage).await? {
            return Ok(false);
        }
        let deleted =
            self.ask(wire, &Command::delete_message(place.index)).await?.map_or_else(is_empty_place, |_| true);
        if deleted {
            self.visit.storages.went(&place.storage);
        }
        Ok(deleted)
    }
}

/// Nothing is in this place, or there is no such place.
fn is_empty_place(error: CommandError) -> bool {
    matches!(error, CommandError::Refused(Refusal::Cms(Some(321)) | Refusal::Cme(Some(21 | 22))))
}
