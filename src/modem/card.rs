//! The card: what it waits for, which it is, and whether messages can be sent with it.

use std::time::Duration;

use super::actor::{Actor, End};
use super::health::{Sim, State};
use super::setup::quoted;
use super::verdict;
use super::wire::Wire;
use crate::at::{CardNumber, Command, CommandError, Refusal, Reply};
use crate::ids::Iccid;

/// A card can be busy with itself for some seconds after start: how often it is asked again, and after which pause.
const BUSY_TRIES: usize = 10;
const BUSY_PAUSE: Duration = Duration::from_secs(1);

impl Actor {
    /// The card and what depends on it. `None` when messages can be sent, as far as it goes.
    pub(super) async fn set_up_card(&mut self, wire: &mut Wire) -> Result<Option<State>, End> {
        let state = self.ask_patiently(wire, &Command::sim_state()).await?;
        if let Some(trouble) = trouble(&state) {
            return Ok(Some(trouble));
        }
        let Some(sim) = self.read_card(wire).await? else { return Ok(Some(verdict::nameless_card())) };
        if self.health.borrow().sim.as_ref().is_some_and(|before| before.id != sim.id) {
            self.arrivals.detach();
        }
        self.arrivals.belong_to(&sim.id);
        self.health.send_modify(|health| health.sim = Some(sim));
        if let Err(error) = self.ask_patiently(wire, &Command::pdu_mode()).await? {
            return Ok(Some(verdict::no_messages(error)));
        }
        self.route_reports(wire).await?;
        self.storages = self.report_storages(wire).await?;
        self.sweep(wire).await?;
        let _ = self.ask(wire, &Command::keep_link()).await?;
        let service_centre = self.ask(wire, &Command::service_centre()).await?.ok();
        self.health.send_modify(|health| health.service_centre = service_centre.and_then(|reply| quoted(&reply, 0)));
        Ok(None)
    }

    /// Asks again while the card is busy.
    async fn ask_patiently(&mut self, wire: &mut Wire, command: &Command) -> Result<Result<Reply, CommandError>, End> {
        for _ in 1..BUSY_TRIES {
            match self.ask(wire, command).await? {
                Err(CommandError::Refused(Refusal::Cms(Some(314)) | Refusal::Cme(Some(14)))) => {
                    self.rest(wire, BUSY_PAUSE).await?;
                }
                other => return Ok(other),
            }
        }
        self.ask(wire, command).await
    }

    async fn read_card(&mut self, wire: &mut Wire) -> Result<Option<Sim>, End> {
        let mut iccid: Option<Iccid> = None;
        for way in CardNumber::ALL {
            let reply = self.ask_patiently(wire, &Command::card_number(way)).await?;
            iccid = reply.ok().and_then(|reply| reply.text()?.trim_end_matches(['F', 'f', '"']).parse().ok());
            if iccid.is_some() {
                break;
            }
        }
        let imsi = self.ask_patiently(wire, &Command::subscriber()).await?;
        let imsi = imsi.ok().and_then(|reply| reply.text()?.parse().ok());
        Ok(self.cards.recognise(iccid, imsi))
    }
}

/// What keeps messages from being sent, by the answer to `+CPIN?`.
pub(super) fn trouble(state: &Result<Reply, CommandError>) -> Option<State> {
    match state {
        Ok(reply) => verdict::of_card(reply.text().unwrap_or_default()),
        Err(error) => Some(verdict::of_card_error(*error)),
    }
}
