//! The card: what it waits for, which it is, and whether messages can be sent with it.

use std::time::Duration;

use super::actor::{Actor, End};
use super::health::{Sim, State};
use super::setup::quoted;
use super::unlock::asks_for_pin;
use super::verdict;
use super::wire::{Wire, now};
use crate::at::{CardNumber, Command, CommandError, Refusal, Reply};
use crate::ids::{Iccid, Imsi};
use crate::phone::PhoneNumber;

/// A card can be busy with itself for some seconds after start: how often it is asked again, and after which pause.
const BUSY_TRIES: usize = 30;
const BUSY_PAUSE: Duration = Duration::from_secs(1);

/// A card that was not read for so long is not read without the modem's being restarted.
const CARD_FAILS_FOR: Duration = Duration::from_secs(60);

impl Actor {
    /// The card and what depends on it. No trouble is left when messages can be sent, as far as it goes.
    pub(super) async fn set_up_card(&mut self, wire: &mut Wire) -> Result<(), End> {
        let state = self.ask_patiently(wire, &Command::sim_state()).await?;
        self.note_card(&state);
        self.visit.trouble = if asks_for_pin(&state) { self.unlock(wire).await? } else { trouble(&state) };
        // What is heard of the card from here on is about the one that is ready now, and stays.
        self.visit.card_is_back = false;
        if self.visit.trouble.is_some() {
            return Ok(());
        }
        let mut found = self.set_up_ready_card(wire).await?;
        if self.take_card_back() {
            // Nobody knows what of it was done before the card went. One that says so again may always do.
            found = self.set_up_ready_card(wire).await?;
            if self.take_card_back() {
                // With the card went what was to be read and deleted.
                self.visit.storages.sweep_soon();
            }
        }
        if let Some(trouble) = found {
            self.visit.trouble.get_or_insert(trouble);
        }
        Ok(())
    }

    /// Sets a card up that went, as the modem said, and came back while the modem was asked other things. The next look may
    /// hear the same: some modems say both because they are asked.
    pub(super) async fn find_card_again(&mut self, wire: &mut Wire) -> Result<(), End> {
        if self.visit.card_is_back {
            self.show(State::Starting);
            self.set_up_card(wire).await?;
        }
        Ok(())
    }

    /// Whether the card went and came back since it was found ready, as the modem said: it is no trouble any more then.
    fn take_card_back(&mut self) -> bool {
        let is_back = std::mem::take(&mut self.visit.card_is_back);
        if is_back {
            self.visit.trouble = None;
        }
        is_back
    }

    /// What depends on a card that is ready. Why no messages can be sent all the same, if so.
    async fn set_up_ready_card(&mut self, wire: &mut Wire) -> Result<Option<State>, End> {
        self.tell(wire, self.profile.with_card).await?;
        let Some(sim) = self.read_card(wire).await? else { return Ok(Some(verdict::nameless_card())) };
        if self.health.borrow().sim.as_ref().is_some_and(|before| before.id != sim.id) {
            self.arrivals.detach();
        }
        self.arrivals.belong_to(&sim.id);
        self.health.send_modify(|health| health.sim = Some(sim));
        if let Err(error) = self.ask_patiently(wire, &Command::pdu_mode()).await? {
            return Ok(Some(verdict::no_messages(error)));
        }
        let format = self.ask_patiently(wire, &Command::message_format()).await?;
        self.visit.tells_format = format.is_ok_and(|reply| reply.text() == Some("0"));
        self.route_reports(wire).await?;
        self.visit.storages = self.report_storages(wire).await?;
        self.sweep(wire).await?;
        let _ = self.ask(wire, &Command::keep_link()).await?;
        self.set_up_numbers(wire).await?;
        Ok(None)
    }

    /// Asks how the card is, and whether it is still the same one: not every modem says so by itself.
    pub(super) async fn look_at_card(&mut self, wire: &mut Wire) -> Result<(), End> {
        let state = self.ask_patiently(wire, &Command::sim_state()).await?;
        if is_busy(&state) && self.is_wanted() {
            return Ok(());
        }
        self.note_card(&state);
        if let Some(trouble) = trouble(&state) {
            self.lose_card(trouble);
            if !asks_for_pin(&state) {
                return Ok(());
            }
        }
        let bounced = state.as_ref().is_ok_and(Reply::differs);
        if self.visit.trouble.is_some() || bounced || self.is_other_card(wire).await? {
            if self.visit.trouble.is_none() {
                // Nothing can be sent with it yet, and a message that waits must not hurry what follows.
                self.show(State::Starting);
            }
            self.set_up_card(wire).await?;
        }
        Ok(())
    }

    fn note_card(&mut self, state: &Result<Reply, CommandError>) {
        let was_read = self.health.borrow().sim.is_some();
        let fails = state.as_ref().is_err_and(|error| verdict::is_failing_card(*error, was_read));
        self.visit.card_fails = fails.then(|| self.visit.card_fails.unwrap_or_else(now));
    }

    /// Leaves a modem that has not read its card for a while, so that it is restarted: some read it again after that.
    pub(super) fn judge_card(&mut self) -> Result<(), End> {
        match self.visit.card_fails {
            Some(since) if now() < since + CARD_FAILS_FOR => Ok(()),
            Some(_) if self.ladder.may_restart(now()) => Err(End::CardFails),
            Some(_) => {
                self.end_rung(false);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Whether another card is in the modem than the one that was set up. Not asked while a message waits.
    async fn is_other_card(&mut self, wire: &mut Wire) -> Result<bool, End> {
        let Some(known) = self.health.borrow().sim.clone() else { return Ok(false) };
        if self.is_wanted() {
            return Ok(false);
        }
        let number = if known.iccid.is_some() { self.card_number(wire).await? } else { None };
        let other = match &number {
            Some(number) => known.iccid.as_ref() != Some(number),
            // One that does not tell its number is known by its subscription.
            None => known.imsi.is_some() && self.subscription(wire).await?.is_some_and(|imsi| known.imsi != Some(imsi)),
        };
        if other {
            tracing::info!(modem.name = %self.name, "another SIM is in the modem");
        } else if number.is_some()
            && known.imsi.is_none()
            && let Some(imsi) = self.subscription(wire).await?
        {
            // It did not tell when it was set up.
            self.cards.learn(&known.id, &imsi);
            self.health.send_modify(|health| {
                if let Some(sim) = &mut health.sim {
                    sim.imsi = Some(imsi);
                }
            });
        }
        Ok(other)
    }

    /// Asks again while the card is busy; not while a message waits that can be sent, which shows as well how it is.
    pub(super) async fn ask_patiently(
        &mut self,
        wire: &mut Wire,
        command: &Command,
    ) -> Result<Result<Reply, CommandError>, End> {
        for _ in 1..BUSY_TRIES {
            let answer = self.ask(wire, command).await?;
            if !is_busy(&answer) || self.is_wanted() {
                return Ok(answer);
            }
            self.listen_for(wire, BUSY_PAUSE).await?;
        }
        self.ask(wire, command).await
    }

    /// The card's own number, which it tells before it has its PIN as well.
    pub(super) async fn card_number(&mut self, wire: &mut Wire) -> Result<Option<Iccid>, End> {
        let ways: Vec<CardNumber> =
            self.visit.card_number_way.map_or_else(|| self.profile.card_number.in_order().collect(), |way| vec![way]);
        for way in ways {
            let reply = self.ask_patiently(wire, &Command::card_number(way)).await?;
            let number = reply.ok().and_then(|reply| reply.text()?.trim_end_matches(['F', 'f', '"']).parse().ok());
            if number.is_some() {
                self.visit.card_number_way = Some(way);
                return Ok(number);
            }
        }
        Ok(None)
    }

    async fn read_card(&mut self, wire: &mut Wire) -> Result<Option<Sim>, End> {
        let iccid = self.card_number(wire).await?;
        let imsi = self.subscription(wire).await?;
        // Only a card that lacks no PIN tells its subscription. Had another one told the number, the modem would have said
        // that it went.
        if imsi.is_some() && self.visit.trouble.is_none() {
            self.forget_pins(iccid.as_ref()).await;
        }
        Ok(self.cards.recognise(iccid, imsi))
    }

    async fn subscription(&mut self, wire: &mut Wire) -> Result<Option<Imsi>, End> {
        let reply = self.ask_patiently(wire, &Command::subscriber()).await?;
        Ok(reply.ok().and_then(|reply| reply.text()?.parse().ok()))
    }

    /// The card's telephone number and its service centre's, which is written when the operator set another one.
    async fn set_up_numbers(&mut self, wire: &mut Wire) -> Result<(), End> {
        let mut service_centre = self.service_centre(wire).await?;
        if let Some(wanted) = self.settings.service_centre.clone()
            && service_centre.as_ref().is_ok_and(|held| *held != Some(wanted.e164()))
            && self.ask(wire, &Command::set_service_centre(&wanted)).await?.is_ok()
        {
            tracing::info!(modem.name = %self.name, "the service centre's number was written to the SIM");
            service_centre = self.service_centre(wire).await?;
        }
        if let Ok(None) = service_centre {
            self.warn_of_no_service_centre();
        }
        let own = self.ask(wire, &Command::own_number()).await?.ok();
        self.health.send_modify(|health| {
            health.service_centre = service_centre.ok().flatten();
            health.phone_number = own.and_then(|reply| own_number(&reply));
        });
        Ok(())
    }

    /// Once for a card, however often it is set up.
    fn warn_of_no_service_centre(&mut self) {
        let card = self.health.borrow().sim.as_ref().map(|sim| sim.id.clone());
        if self.remarks.without_centre == card {
            return;
        }
        self.remarks.without_centre = card;
        tracing::warn!(
            modem.name = %self.name,
            "the SIM holds no service centre number, so messages may be refused; ask the operator for it and set it as \
             `service-centre` of this modem"
        );
    }

    /// Writes the service centre's number again, which the card has lost. Whether it could: nobody but the operator of the
    /// site knows the right one.
    pub(super) async fn restore_service_centre(&mut self, wire: &mut Wire) -> Result<bool, End> {
        let mut is_back = false;
        if let Some(wanted) = self.settings.service_centre.clone() {
            is_back = self.ask(wire, &Command::set_service_centre(&wanted)).await?.is_ok();
            let held = is_back.then(|| wanted.e164());
            self.health.send_modify(|health| health.service_centre = held);
        }
        tracing::warn!(modem.name = %self.name, is_back, "the SIM has lost its service centre's number");
        Ok(is_back)
    }

    async fn service_centre(&mut self, wire: &mut Wire) -> Result<Result<Option<String>, CommandError>, End> {
        let reply = self.ask(wire, &Command::service_centre()).await?;
        Ok(reply.map(|reply| quoted(&reply, 0)))
    }
}

/// `+CNUM: [<alpha>],<number>,<type>`: type 145 is a number with its country (3GPP TS 24.008 §10.5.4.7).
fn own_number(reply: &Reply) -> Option<PhoneNumber> {
    let (number, international) = (quoted(reply, 1)?, reply.fields().get(2)?.number() == Some(145));
    match number.strip_prefix('+') {
        None if international => PhoneNumber::parse(&format!("+{number}")).ok(),
        _ => PhoneNumber::parse(&number).ok(),
    }
}

/// Whether the card is busy with itself.
pub(super) fn is_busy(answer: &Result<Reply, CommandError>) -> bool {
    matches!(answer, Err(CommandError::Refused(Refusal::Cms(Some(314)) | Refusal::Cme(Some(14)))))
}

/// What keeps messages from being sent, by the answer to `+CPIN?`. A card that goes and comes back meanwhile has the modem
/// say so in lines that look like the answer; the last one holds.
pub(super) fn trouble(state: &Result<Reply, CommandError>) -> Option<State> {
    match state {
        Ok(reply) => verdict::of_card(reply.last_text().unwrap_or_default()),
        Err(error) => Some(verdict::of_card_error(*error)),
    }
}
