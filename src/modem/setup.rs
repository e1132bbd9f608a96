//! Setting a modem up: who it is, its card, where its reports go, and how it stands with the network.
//!
//! A modem that lacks something is set up as far as it goes: only its card and its taking of PDUs are needed for
//! sending.

use std::time::Duration;

use super::actor::{Actor, End};
use super::health::{Signal, Sim, State};
use super::storages::Storages;
use super::verdict;
use super::wire::{Wire, now};
use crate::at::{CardNumber, Command, CommandError, Domain, Field, NewMessages, Refusal, Reply};
use crate::ids::Iccid;

/// A card can be busy with itself for some seconds after start: how often it is asked again, and after which pause.
const BUSY_TRIES: usize = 10;
const BUSY_PAUSE: Duration = Duration::from_secs(1);

/// Where reports may wait, the likeliest first.
const REPORT_STORAGES: [&str; 3] = ["SR", "SM", "ME"];

impl Actor {
    /// Everything, in the order on which drivers agree.
    pub(super) async fn set_up(&mut self, wire: &mut Wire) -> Result<(), End> {
        let _ = self.ask(wire, &Command::numeric_errors()).await?;
        self.identify(wire).await?;
        self.trouble = self.set_up_card(wire).await?;
        for domain in Domain::ALL {
            let _ = self.ask(wire, &Command::watch_registration(domain)).await?;
        }
        self.ask_network(wire).await?;
        self.look = false;
        self.looked = now();
        Ok(())
    }

    /// Asks again what may have changed; the card only while something is the matter with it, or it said so itself.
    pub(super) async fn look_again(&mut self, wire: &mut Wire) -> Result<(), End> {
        let state = self.ask(wire, &Command::sim_state()).await?;
        if let Some(trouble) = card_trouble(&state) {
            self.lose_card(trouble);
        } else if self.trouble.is_some() {
            self.trouble = self.set_up_card(wire).await?;
        }
        self.ask_network(wire).await?;
        self.look = false;
        if self.trouble.is_none() && self.storages.sweep_due() && !self.is_wanted() {
            self.sweep(wire).await?;
        }
        Ok(())
    }

    async fn identify(&mut self, wire: &mut Wire) -> Result<(), End> {
        let manufacturer = self.ask_text(wire, &Command::manufacturer()).await?;
        let model = self.ask_text(wire, &Command::model()).await?;
        let firmware = self.ask_text(wire, &Command::revision()).await?;
        let imei = self.ask_text(wire, &Command::serial_number()).await?;
        self.health.send_modify(|health| {
            health.manufacturer = manufacturer;
            health.model = model;
            health.firmware = firmware;
            health.imei = imei.and_then(|text| text.parse().ok());
            // Another card may be in it than last time.
            health.sim = None;
        });
        Ok(())
    }

    async fn ask_text(&mut self, wire: &mut Wire, command: &Command) -> Result<Option<String>, End> {
        let reply = self.ask(wire, command).await?;
        Ok(reply.ok().and_then(|reply| reply.text().map(printable)))
    }

    /// The card and what depends on it. `None` when messages can be sent, as far as it goes.
    async fn set_up_card(&mut self, wire: &mut Wire) -> Result<Option<State>, End> {
        let state = self.ask_patiently(wire, &Command::sim_state()).await?;
        if let Some(trouble) = card_trouble(&state) {
            return Ok(Some(trouble));
        }
        let Some(sim) = self.read_card(wire).await? else { return Ok(Some(verdict::nameless_card())) };
        if self.health.borrow().sim.as_ref().is_some_and(|before| before.id != sim.id) {
            self.reports.detach();
        }
        self.reports.belong_to(&sim.id);
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
    async fn report_storages(&mut self, wire: &mut Wire) -> Result<Storages, End> {
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

    /// Registration, the network's name, its strength. Broken off when a message waits.
    async fn ask_network(&mut self, wire: &mut Wire) -> Result<(), End> {
        for domain in Domain::ALL {
            if self.is_wanted() {
                return Ok(());
            }
            if let Ok(reply) = self.ask(wire, &Command::registration(domain)).await?
                && let Some(status) = reply.registration()
            {
                self.statuses.set(domain, status);
            }
        }
        if !self.is_wanted() {
            let reply = self.ask(wire, &Command::operator()).await?.ok();
            self.health.send_modify(|health| health.operator = reply.and_then(|reply| quoted(&reply, 2)));
        }
        if !self.is_wanted() {
            let reply = self.ask(wire, &Command::signal()).await?.ok();
            self.health.send_modify(|health| health.signal = reply.as_ref().and_then(signal));
        }
        Ok(())
    }
}

fn card_trouble(state: &Result<Reply, CommandError>) -> Option<State> {
    match state {
        Ok(reply) => verdict::of_card(reply.text().unwrap_or_default()),
        Err(error) => Some(verdict::of_card_error(*error)),
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

/// `+CSQ: <rssi>,<ber>`: 0 is -113 dBm, each step 2 dB, 99 unknown (3GPP TS 27.007 §8.5).
fn signal(reply: &Reply) -> Option<Signal> {
    let steps = reply.fields().first()?.number().filter(|steps| *steps <= 31)?;
    Some(Signal { dbm: i16::try_from(steps).ok()? * 2 - 113 })
}

fn quoted(reply: &Reply, at: usize) -> Option<String> {
    let text = reply.fields().get(at).and_then(Field::text).map(printable)?;
    (!text.is_empty()).then_some(text)
}

/// A modem's words are shown to people: nothing in them may move a cursor, and they end somewhere.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}
