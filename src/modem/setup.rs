//! Setting a modem up: who it is and what its family is told first, then its card (card.rs), where its reports go
//! (routing.rs), and how it stands with the network (network.rs).
//!
//! A modem that lacks something is set up as far as it goes: only its card and its taking of PDUs are needed for
//! sending.

use super::actor::{Actor, End};
use super::health::State;
use super::profile::Profile;
use super::wire::{Wire, now};
use crate::at::{Command, Field, Reply};

impl Actor {
    /// Everything, in the order on which drivers agree.
    pub(super) async fn set_up(&mut self, wire: &mut Wire) -> Result<(), End> {
        self.identify(wire).await?;
        self.switch_on(wire).await?;
        self.set_up_card(wire).await?;
        self.watch_network(wire).await?;
        self.ask_network(wire).await?;
        self.visit.look.was_asked(now());
        Ok(())
    }

    /// Asks again what may have changed.
    pub(super) async fn look_again(&mut self, wire: &mut Wire) -> Result<(), End> {
        if !self.is_ready() {
            self.switch_on(wire).await?;
        }
        self.look_at_card(wire).await?;
        self.judge_card()?;
        if self.visit.trouble.is_none() && !self.is_wanted() && self.takes_texts(wire).await? {
            tracing::warn!(modem.name = %self.name, "the modem has come up anew in text mode, and is set up again");
            self.show(State::Starting);
            self.set_up(wire).await?;
            return self.find_card_again(wire).await;
        }
        self.ask_network(wire).await?;
        self.nudge(wire).await?;
        // What is stored on it is read only once it is set up, and it may go once more while that is done.
        self.find_card_again(wire).await?;
        if self.visit.trouble.is_none() && self.visit.storages.sweep_due() && !self.is_wanted() {
            self.sweep(wire).await?;
        }
        self.find_card_again(wire).await
    }

    async fn identify(&mut self, wire: &mut Wire) -> Result<(), End> {
        let manufacturer = self.ask_text(wire, &Command::manufacturer()).await?;
        let model = self.ask_text(wire, &Command::model()).await?;
        self.profile = Profile::of(manufacturer.as_deref(), model.as_deref());
        wire.session.adopt(&self.profile.manners);
        self.tell(wire, self.profile.first).await?;
        let _ = self.ask(wire, &Command::numeric_errors()).await?;
        let firmware = self.ask_text(wire, &Command::revision()).await?;
        let imei = self.ask_text(wire, &Command::serial_number()).await?;
        self.health.send_modify(|health| {
            health.manufacturer = manufacturer;
            health.model = model;
            health.family = Some(self.profile.name);
            health.firmware = firmware;
            health.imei = imei.and_then(|text| text.parse().ok());
            // Another card may be in it than last time.
            health.sim = None;
        });
        Ok(())
    }

    /// Whether the modem takes texts in place of PDUs: it has started anew, into settings that somebody has saved in it, and
    /// no echo tells of it; or other software has told it to.
    pub(super) async fn takes_texts(&mut self, wire: &mut Wire) -> Result<bool, End> {
        if !self.visit.tells_format {
            return Ok(false);
        }
        let reply = self.ask(wire, &Command::message_format()).await?;
        Ok(reply.is_ok_and(|reply| reply.text() == Some("1")))
    }

    async fn ask_text(&mut self, wire: &mut Wire, command: &Command) -> Result<Option<String>, End> {
        let reply = self.ask(wire, command).await?;
        Ok(reply.ok().and_then(|reply| reply.text().map(printable)))
    }
}

pub(super) fn quoted(reply: &Reply, at: usize) -> Option<String> {
    let text = reply.fields().get(at).and_then(Field::text).map(printable)?;
    (!text.is_empty()).then_some(text)
}

/// What a modem, a USB device or a program says of itself is shown to people: nothing in it may move a cursor, and it ends
/// somewhere.
pub(super) fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}
