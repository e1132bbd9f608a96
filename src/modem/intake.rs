//! What the modem says by itself, and what has to be said to it about its reports.

use super::actor::{Actor, End};
use super::health::State;
use super::reports::{Chore, Origin, Todo, decode};
use super::verdict;
use super::wire::{Wire, now};
use crate::at::{Command, CommandError, Payload, Place, Refusal, Unsolicited};
use crate::pdu::StatusReport;

impl Actor {
    /// Takes in what the modem said by itself.
    pub(super) fn hear(&mut self, said: Unsolicited) {
        match said {
            Unsolicited::StatusReport(payload) => self.take_printed(&payload),
            Unsolicited::StatusReportStored(place) => self.reports.announce(place),
            Unsolicited::Registration(domain, status) => {
                let before = self.statuses.registration();
                self.statuses.set(domain, status);
                // Name and strength of the network are others now.
                self.look |= self.statuses.registration() != before;
            }
            Unsolicited::SimState(state) => match verdict::of_card(&state) {
                // Another card may be in the modem when it is ready again.
                Some(trouble) => self.lose_card(trouble),
                None => self.look |= self.trouble.is_some(),
            },
            Unsolicited::Ready => self.look = true,
            Unsolicited::StorageFull(_) => {
                self.storages.sweep_soon();
                self.look = true;
            }
            Unsolicited::Call(rings) => self.calls.heard(rings, now()),
            Unsolicited::WeakPower => self.ladder.browned_out(now()),
            // The port is left for it, and the modem set up from zero.
            Unsolicited::Boot => {}
            // Messages to the modem are left where they are stored until there is a use for them.
            Unsolicited::Message(_) | Unsolicited::MessageStored(_) => {}
        }
    }

    /// The card cannot be used, and must be read again before it is.
    pub(super) fn lose_card(&mut self, trouble: State) {
        self.look |= self.trouble.is_none();
        self.trouble = Some(trouble);
        self.reports.detach();
    }

    fn take_printed(&mut self, payload: &Payload) {
        let origin = if self.acknowledges { Origin::Acknowledged } else { Origin::Loose };
        match decode(payload) {
            Some(report) => {
                self.hold(report, origin);
            }
            None => {
                if let Some(more) = self.unreadable.warn() {
                    tracing::warn!(modem.name = %self.name, more, "a status report that cannot be read was dropped");
                }
            }
        }
    }

    /// Keeps a report until it is stored; tells whether it is kept.
    pub(super) fn hold(&mut self, report: StatusReport, origin: Origin) -> bool {
        let sim = self.health.borrow().sim.as_ref().map(|sim| sim.id.clone());
        self.reports.hold(sim, report, origin)
    }

    /// Says one thing to the modem about its reports. What it refuses is said again later, a few times.
    pub(super) async fn do_chore(&mut self, wire: &mut Wire, todo: Todo) -> Result<(), End> {
        let (done, place) = match &todo.chore {
            Chore::Acknowledge => return self.acknowledge(wire).await,
            Chore::Delete(place) => (self.delete(wire, place).await?, place.clone()),
            Chore::Read(place) => (self.read(wire, place).await?, place.clone()),
        };
        // The card may have gone meanwhile; then the place is on another.
        if !done && self.trouble.is_none() && !self.reports.put_off(todo) {
            if let Some(more) = self.refused.warn() {
                let index = place.index;
                tracing::warn!(modem.name = %self.name, index, more, "the modem does not let go of a stored status report");
            }
            self.storages.list_again(&place.storage);
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

    async fn read(&mut self, wire: &mut Wire, place: &Place) -> Result<bool, End> {
        if !self.select(wire, &place.storage).await? {
            return Ok(false);
        }
        let reply = match self.ask(wire, &Command::read_message(place.index)).await? {
            Ok(reply) => reply,
            Err(error) => return Ok(is_empty_place(error)),
        };
        match reply.message().and_then(decode) {
            Some(report) => Ok(self.hold(report, Origin::Stored(place.clone()))),
            // Perhaps somebody's message: it stays.
            None => {
                if let Some(more) = self.strange.warn() {
                    tracing::warn!(modem.name = %self.name, more, "what was stored as a status report is none");
                }
                Ok(true)
            }
        }
    }

    async fn delete(&mut self, wire: &mut Wire, place: &Place) -> Result<bool, End> {
        if !self.select(wire, &place.storage).await? {
            return Ok(false);
        }
        let deleted = self.ask(wire, &Command::delete_message(place.index)).await?;
        Ok(deleted.map_or_else(is_empty_place, |_| true))
    }
}

/// Nothing is in this place, or there is no such place.
fn is_empty_place(error: CommandError) -> bool {
    matches!(error, CommandError::Refused(Refusal::Cms(Some(321)) | Refusal::Cme(Some(21 | 22))))
}
