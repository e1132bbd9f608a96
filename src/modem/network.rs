//! How the modem stands with the network: registration, the network's name, its strength.

use super::actor::{Actor, End};
use super::health::Signal;
use super::setup::quoted;
use super::wire::Wire;
use crate::at::{Command, Domain, Reply};

impl Actor {
    /// Registration, the network's name, its strength. Broken off when a message waits.
    pub(super) async fn ask_network(&mut self, wire: &mut Wire) -> Result<(), End> {
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

/// `+CSQ: <rssi>,<ber>`: 0 is -113 dBm, each step 2 dB, 99 unknown (3GPP TS 27.007 §8.5).
fn signal(reply: &Reply) -> Option<Signal> {
    let steps = reply.fields().first()?.number().filter(|steps| *steps <= 31)?;
    Some(Signal { dbm: i16::try_from(steps).ok()? * 2 - 113 })
}
