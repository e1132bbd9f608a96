//! What the modem says by itself, and what has to be said to it about its reports.

use super::actor::{Actor, End};
use super::health::State;
use super::reports::{Chore, Origin, decode};
use super::verdict;
use super::wire::Wire;
use crate::at::{Command, Payload, Place, Unsolicited};
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
            None => tracing::warn!(modem.name = %self.name, "a status report that cannot be read was dropped"),
        }
    }

    /// Keeps a report until it is stored; tells whether it is kept.
    fn hold(&mut self, report: StatusReport, origin: Origin) -> bool {
        let sim = self.health.borrow().sim.as_ref().map(|sim| sim.id.clone());
        self.reports.hold(sim, report, origin)
    }

    /// Says one thing to the modem about its reports.
    pub(super) async fn do_chore(&mut self, wire: &mut Wire, chore: Chore) -> Result<(), End> {
        match chore {
            Chore::Acknowledge => {
                let _ = self.ask(wire, &Command::acknowledge()).await?;
            }
            Chore::Delete(place) => self.delete(wire, &place).await?,
            Chore::Read(place) => {
                if !self.select(wire, &place.storage).await? {
                    return Ok(());
                }
                let Ok(reply) = self.ask(wire, &Command::read_message(place.index)).await? else { return Ok(()) };
                match reply.message().and_then(decode) {
                    Some(report) => {
                        self.hold(report, Origin::Stored(place));
                    }
                    // Perhaps somebody's message: it stays.
                    None => tracing::warn!(modem.name = %self.name, "what was stored as a status report is none"),
                }
            }
        }
        Ok(())
    }

    async fn delete(&mut self, wire: &mut Wire, place: &Place) -> Result<(), End> {
        if self.select(wire, &place.storage).await? {
            let _ = self.ask(wire, &Command::delete_message(place.index)).await?;
        }
        Ok(())
    }

    /// Makes this the storage that is read and deleted in; tells whether it is.
    pub(super) async fn select(&mut self, wire: &mut Wire, storage: &str) -> Result<bool, End> {
        if self.storage.as_deref() == Some(storage) {
            return Ok(true);
        }
        let Some(command) = Command::read_storage(storage) else { return Ok(false) };
        let selected = self.ask(wire, &command).await?.is_ok();
        self.storage = selected.then(|| storage.to_owned());
        Ok(selected)
    }

    /// Takes in the reports that came while nobody listened.
    pub(super) async fn sweep(&mut self, wire: &mut Wire, storages: &[String]) -> Result<(), End> {
        for storage in storages {
            if !self.select(wire, storage).await? {
                continue;
            }
            let Ok(listing) = self.ask(wire, &Command::list_messages()).await? else { continue };
            for stored in listing.messages() {
                let place = Place { storage: storage.clone(), index: stored.index };
                // What is no report is a message to the modem, and not touched.
                let Some(report) = decode(&stored.payload) else { continue };
                if !self.hold(report, Origin::Stored(place.clone())) {
                    self.reports.announce(place);
                }
            }
        }
        Ok(())
    }
}
