//! Where the modem is to put what comes from the air, chosen from what it offers.

use super::actor::{Actor, End};
use super::profile::{Acknowledgement, Profile};
use super::storages::Storages;
use super::wire::Wire;
use crate::at::{Command, Field, NewMessages, Reply};

impl Actor {
    /// Chooses from what the modem offers; some offer what they then refuse, so the next best is tried.
    pub(super) async fn route_reports(&mut self, wire: &mut Wire) -> Result<(), End> {
        // Left at 1 by other software, a modem would wait for acknowledgements. One that knows only 1 gets them.
        self.acknowledges = self.ask(wire, &Command::plain_service()).await?.is_err()
            && self.acknowledgement().is_some()
            && self.ask(wire, &Command::acknowledged_service()).await?.is_ok();
        let offer = self.ask(wire, &Command::new_messages_offer()).await?.ok();
        let mut may_be_busy = true;
        for route in routes(self.profile, offer.as_ref()) {
            let command = Command::new_messages(route);
            // Its message service may still be starting.
            let answer = match std::mem::take(&mut may_be_busy) {
                true => self.ask_patiently(wire, &command).await?,
                false => self.ask(wire, &command).await?,
            };
            if answer.is_ok() {
                if route.ds == 0 {
                    tracing::warn!(modem.name = %self.name, "the modem does not hand out status reports");
                }
                return Ok(());
            }
        }
        tracing::warn!(modem.name = %self.name, "the modem takes no setting for status reports");
        Ok(())
    }

    /// What the modem wants to be told when something it handed out has been taken.
    pub(super) fn acknowledgement(&self) -> Option<Command> {
        match self.profile.acknowledgement {
            Acknowledgement::Never => None,
            Acknowledgement::Plain => Some(Command::acknowledge()),
            Acknowledgement::Numbered(number) => Some(Command::acknowledge_with(number)),
        }
    }

    /// The storages that can be read and may hold reports.
    pub(super) async fn report_storages(&mut self, wire: &mut Wire) -> Result<Storages, End> {
        let Ok(reply) = self.ask_patiently(wire, &Command::storages()).await? else { return Ok(Storages::default()) };
        let fields = reply.fields();
        // One group for each of three uses, the first for reading; some modems leave the groups out.
        let readable = match fields.first() {
            Some(Field::List(first)) => first.as_slice(),
            _ => fields.as_slice(),
        };
        let offered = |storage: &&str| readable.iter().any(|field| field.text() == Some(storage));
        Ok(Storages::new(
            self.profile.storages.iter().filter(|storage| offered(storage)).map(|storage| (*storage).to_owned()),
        ))
    }
}

/// The settings worth trying, as the modem's family prefers them.
fn routes(profile: &Profile, offer: Option<&Reply>) -> Vec<NewMessages> {
    let mut all = Vec::new();
    for ds in profile.reports {
        for mode in profile.modes {
            for bfr in [0, 1] {
                all.push(NewMessages { mode: *mode, mt: 1, bm: 0, ds: *ds, bfr });
            }
        }
    }
    match offer.and_then(Reply::routes) {
        Some(offer) => all.into_iter().filter(|route| offer.offer(*route)).collect(),
        // A modem that does not tell is tried with what most take.
        None => all.into_iter().filter(|route| route.mode != 3 && route.bfr == 0).collect(),
    }
}
