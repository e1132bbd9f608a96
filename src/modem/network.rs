//! How the modem stands with the network: registration, the network's name, its strength; what is done about one that
//! finds none, and calls.

use std::time::{Duration, Instant};

use super::actor::{Actor, End};
use super::health::{Registration, Signal};
use super::setup::{printable, quoted};
use super::verdict;
use super::wire::{Wire, now};
use crate::at::{Command, Domain, Reply};

/// After this time without a network the modem is told to look for one, and after the second its radio is switched off
/// and on. The first search in a new country can take a quarter of an hour.
const SEARCH_AFTER: Duration = Duration::from_secs(90);
const RADIO_AFTER: Duration = Duration::from_secs(600);
/// The time from one such attempt to the next of its kind.
const NEXT_NUDGE: Duration = Duration::from_secs(3600);

/// The time from one switching on of a radio that was left off to the next.
const NEXT_SWITCH: Duration = Duration::from_secs(600);

/// A call rings every few seconds; not every modem says when it is over.
const RINGING: Duration = Duration::from_secs(12);

/// What was done about a modem that finds no network.
#[derive(Debug, Default)]
pub(super) struct Nudges {
    since: Option<Instant>,
    searched: Option<Instant>,
    switched: Option<Instant>,
    /// The radio was switched off, and nobody knows whether it is on again.
    radio_off: bool,
    /// When a radio that somebody had left off was switched on.
    switched_on: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nudge {
    Search,
    Radio,
}

impl Nudges {
    /// Its port is opened anew: what it did before says nothing about how long it searches.
    pub(super) fn begin_anew(&mut self) {
        self.since = None;
    }

    /// It can send, so its radio is on: one that is off after this was switched off anew.
    pub(super) fn radio_is_on(&mut self) {
        self.switched_on = None;
    }

    fn due(&mut self, registered: bool, now: Instant) -> Option<Nudge> {
        if registered {
            self.since = None;
            return None;
        }
        let waited = now - *self.since.get_or_insert(now);
        let again = |last: Option<Instant>| last.is_none_or(|last| now >= last + NEXT_NUDGE);
        if waited >= RADIO_AFTER && again(self.switched) {
            self.switched = Some(now);
            Some(Nudge::Radio)
        } else if waited >= SEARCH_AFTER && again(self.searched) {
            self.searched = Some(now);
            Some(Nudge::Search)
        } else {
            None
        }
    }
}

/// Whether somebody calls the modem.
#[derive(Debug, Default)]
pub(super) struct Calls(Option<Instant>);

impl Calls {
    pub(super) fn heard(&mut self, rings: bool, now: Instant) {
        self.0 = rings.then(|| now + RINGING);
    }

    /// Until when it counts as being called.
    pub(super) fn until(&self, now: Instant) -> Option<Instant> {
        self.0.filter(|until| now < *until)
    }
}

impl Actor {
    /// Switches the radio on when it was left off, alone (`+CFUN: 4`) or with the SIM (`+CFUN: 0`): without it nothing else
    /// works. Not again at once: a switch or a pin of the modem may hold it off, or the modem may restart when told.
    pub(super) async fn switch_on(&mut self, wire: &mut Wire) -> Result<(), End> {
        if self.nudges.switched_on.is_some_and(|last| now() < last + NEXT_SWITCH) {
            return Ok(());
        }
        let reply = self.ask(wire, &Command::functionality()).await?;
        let mode = reply.ok().and_then(|reply| reply.fields().first()?.number());
        if let Some(mode @ (0 | 4)) = mode {
            self.nudges.switched_on = Some(now());
            let obeys = self.ask(wire, &Command::radio(true)).await?.is_ok();
            tracing::warn!(modem.name = %self.name, mode, obeys, "the modem's radio is off and is told to go on");
        }
        Ok(())
    }

    /// Has the modem say when its registration changes, in as much detail as it can.
    pub(super) async fn watch_network(&mut self, wire: &mut Wire) -> Result<(), End> {
        if self.nudges.radio_off {
            self.nudges.radio_off = self.ask(wire, &Command::radio(true)).await?.is_err();
        }
        for domain in Domain::ALL {
            for detail in [3, 2, 1] {
                if self.ask(wire, &Command::watch_registration(domain, detail)).await?.is_ok() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Does something about a modem that has been without a network for long: now and then, since each attempt begins
    /// the search anew.
    pub(super) async fn nudge(&mut self, wire: &mut Wire) -> Result<(), End> {
        if self.visit.trouble.is_some() {
            return Ok(());
        }
        match self.nudges.due(self.visit.statuses.registration().is_registered(), now()) {
            None => {}
            Some(Nudge::Search) => {
                tracing::warn!(modem.name = %self.name, "the modem finds no network and is told to search");
                let _ = self.ask(wire, &Command::choose_network()).await?;
                self.visit.look.want();
            }
            Some(Nudge::Radio) => {
                tracing::warn!(modem.name = %self.name, "the modem finds no network and its radio is switched off and on");
                self.nudges.radio_off = true;
                let _ = self.ask(wire, &Command::radio(false)).await?;
                self.nudges.radio_off = self.ask(wire, &Command::radio(true)).await?.is_err();
            }
        }
        Ok(())
    }

    /// Registration, the network's name, its strength. Broken off when a message waits.
    pub(super) async fn ask_network(&mut self, wire: &mut Wire) -> Result<(), End> {
        let mut cause = None;
        for domain in Domain::ALL {
            if self.is_wanted() {
                return Ok(());
            }
            if let Ok(reply) = self.ask(wire, &Command::registration(domain)).await?
                && let Some(status) = reply.registration()
            {
                self.visit.statuses.set(domain, status);
                if status == DENIED {
                    cause = cause.or_else(|| reply.refusal_cause());
                }
            }
        }
        self.ask_why(wire, cause).await?;
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

impl Actor {
    /// Keeps why the network refuses the modem: its cause, else what the modem says of it.
    async fn ask_why(&mut self, wire: &mut Wire, cause: Option<u32>) -> Result<(), End> {
        self.visit.denial = if self.visit.statuses.registration() != Registration::Denied {
            None
        } else if let Some(meaning) = cause.and_then(verdict::of_refusal_cause) {
            Some(meaning)
        } else {
            let said = self.ask(wire, &Command::last_refusal()).await?.ok();
            said.and_then(|reply| reply.text().map(printable)).map(|text| format!("the modem says: {text}"))
        };
        Ok(())
    }
}

/// `<stat>`: the network refused (3GPP TS 27.007 §7.2).
const DENIED: u32 = 3;

/// `+CSQ: <rssi>,<ber>`: 0 is -113 dBm, each step 2 dB, 99 unknown (3GPP TS 27.007 §8.5).
fn signal(reply: &Reply) -> Option<Signal> {
    let steps = reply.fields().first()?.number().filter(|steps| *steps <= 31)?;
    Some(Signal { dbm: i16::try_from(steps).ok()? * 2 - 113 })
}
