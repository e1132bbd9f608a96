//! Where the modem is to put what comes from the air, chosen from what it offers.

use super::actor::{Actor, End};
use super::storages::Storages;
use super::wire::Wire;
use crate::at::{Command, Field, NewMessages, Reply};

/// Where reports may wait, the likeliest first.
const REPORT_STORAGES: [&str; 3] = ["SR", "SM", "ME"];

impl Actor {
    /// Chooses from what the modem offers; some offer what they then refuse, so the next best is tried.
    pub(super) async fn route_reports(&mut self, wire: &mut Wire) -> Result<(), End> {
        // Left at 1 by other software, a modem would wait for acknowledgements. One that knows only 1 gets them.
        self.acknowledges = self.ask(wire, &Command::plain_service()).await?.is_err()
            && self.ask(wire, &Command::acknowledged_service()).await?.is_ok();
        let offer = self.ask(wire, &Command::new_messages_offer()).await?.ok();
        for route in routes(offer.as_ref()) {
            if self.ask(wire, &Command::new_messages(route)).await?.is_ok() {
                if route.ds == 0 {
                    tracing::warn!(modem.name = %self.name, "the modem does not hand out status reports");
                }
                return Ok(());
            }
        }
        tracing::warn!(modem.name = %self.name, "the modem takes no setting for status reports");
        Ok(())
    }

    /// The storages that can be read and may hold reports.
    pub(super) async fn report_storages(&mut self, wire: &mut Wire) -> Result<Storages, End> {
        let Ok(reply) = self.ask(wire, &Command::storages()).await? else { return Ok(Storages::default()) };
        let fields = reply.fields();
        // One group for each of three uses, the first for reading; some modems leave the groups out.
        let readable = match fields.first() {
            Some(Field::List(first)) => first.as_slice(),
            _ => fields.as_slice(),
        };
        let offered = |storage: &&str| readable.iter().any(|field| field.text() == Some(storage));
        Ok(Storages::new(
            REPORT_STORAGES.iter().filter(|storage| offered(storage)).map(|storage| (*storage).to_owned()),
        ))
    }
}

/// The settings worth trying, the best first: reports stored, since a stored one also waits for a daemon that is away,
/// else printed; in mode 2, else 1.
fn routes(offer: Option<&Reply>) -> Vec<NewMessages> {
    let mut all = Vec::new();
    for ds in [2, 1, 0] {
        for mode in [2, 1, 3] {
            for bfr in [0, 1] {
                all.push(NewMessages { mode, mt: 1, bm: 0, ds, bfr });
            }
        }
    }
    match offer.and_then(Reply::routes) {
        Some(offer) => all.into_iter().filter(|route| offer.offer(*route)).collect(),
        // A modem that does not tell is tried with what most take.
        None => all.into_iter().filter(|route| route.mode != 3 && route.bfr == 0).collect(),
    }
}
