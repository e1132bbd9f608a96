//! The faults that happen now.

use tokio::time::Instant;

use super::agenda::Task;
use super::card::Card;
use super::fault::{CardFault, Fault, Pace, Silence};
use super::sending::Draft;
use super::session::{Doing, Session};
use super::storage::{Message, Status, StorageName, Stored};
use crate::ids::MessageReference;
use crate::pdu::{self, Address, DataCoding, Deliver, DeliveryStatus, ProtocolId, StatusReport};

/// Who wrote what fills the storages.
const STRANGER: &str = "15550199999";

impl Session {
    /// Lets everything happen that is to happen now.
    pub(super) fn suffer(&mut self) {
        while let Some(fault) = self.device.faults().take_now() {
            self.befall(fault);
        }
    }

    fn befall(&mut self, fault: Fault) {
        match fault {
            Fault::Silent(until) => {
                self.device.faults().change(|condition| condition.silence = Some(Silence::new(until)));
                self.fall_silent();
            }
            Fault::Line(line) => self.say(&line),
            Fault::Storm { line, times, every } => {
                for place in 0..times {
                    let line = line.replace("{n}", &place.to_string());
                    self.agenda.add(Instant::now() + every * u32::from(place), Task::Say(line));
                }
            }
            Fault::LeftInPrompt if matches!(self.doing, Doing::Nothing) => {
                self.reader.expect_body();
                self.doing = Doing::Taking(Draft::left_behind());
            }
            Fault::Garbage(bytes) => {
                let noise = self.noise(bytes.into());
                self.output.extend(noise);
            }
            Fault::EchoOn => self.attributes.echo = true,
            Fault::BrownOut(brown_out) => self.leave(Some(brown_out.gone_for)),
            Fault::NextReference(reference) => self.device.memory().next_reference = reference,
            Fault::Full(storage) => self.fill(storage),
            Fault::Card(fault) => self.befall_card(fault),
            Fault::Standing(standing) => {
                self.device.stand(standing);
                self.tell_registration();
            }
            Fault::Call(time) => self.start_ringing(time),
            lasting => self.last(lasting),
        }
    }

    /// What changes only how things are from now on.
    fn last(&mut self, fault: Fault) {
        self.device.faults().change(|condition| match fault {
            Fault::Mute { commands, until } => condition.muted = Some((commands, Silence::new(until))),
            Fault::Pieces { bytes, every } => condition.pace = Some(Pace { bytes: bytes.into(), every }),
            Fault::Garbled(time) => condition.garbled_until = Some(Instant::now() + time),
            Fault::WrongBaud(baud) => condition.baud = Some(baud),
            Fault::LongestLine(bytes) => condition.longest_line = Some(bytes),
            Fault::RestartGoneFor(time) => condition.restart_gone_for = Some(time),
            Fault::ReferenceRestarts(on) => condition.reference_restarts = on,
            Fault::Signal(level) => condition.signal = Some(level),
            Fault::Barred(code) => condition.barred = code,
            Fault::UssdSilent(on) => condition.ussd_silent = on,
            _ => {}
        });
    }

    fn befall_card(&mut self, fault: CardFault) {
        let profile = self.profile();
        let mut line = None;
        {
            let mut memory = self.device.memory();
            let card = &mut memory.card;
            match fault {
                CardFault::Removed => {
                    card.inside = false;
                    card.unlocked = false;
                    line = Some(profile.card_out);
                }
                CardFault::Inserted { iccid, imsi } => {
                    card.inside = true;
                    card.iccid = iccid.unwrap_or_else(|| card.iccid.clone());
                    card.imsi = imsi.unwrap_or_else(|| card.imsi.clone());
                    line = Some(profile.card_in);
                }
                CardFault::Busy(time) => {
                    let until = Instant::now() + time;
                    card.busy_until = Some(until);
                    self.agenda.add(until, Task::CardReady);
                }
                CardFault::Failure => card.trouble = Some(13),
                CardFault::Wrong => card.trouble = Some(15),
                CardFault::AsksPin { pin } => {
                    card.pin = Some(pin);
                    card.unlocked = false;
                    line = Some("+CPIN: SIM PIN");
                }
                CardFault::PinTries(tries) => {
                    card.pin_tries = tries.min(super::card::PIN_TRIES);
                    card.unlocked &= tries > 0;
                }
                CardFault::PukTries(tries) => card.puk_tries = tries.min(super::card::PUK_TRIES),
                CardFault::NetworkLock(on) => card.network_lock = on,
                CardFault::Sound => *card = Card::new(card.iccid.clone(), card.imsi.clone()),
            }
        }
        if let Some(line) = line {
            self.say(line);
        }
        self.tell_registration();
    }

    /// Fills the storage with what somebody wrote, or with reports on what nobody sent.
    fn fill(&mut self, storage: StorageName) {
        let message = if storage == StorageName::Reports { self.old_report() } else { self.old_message() };
        let frame = message.as_ref().and_then(|message| message.frame(self.service_centre()));
        if let (Some(message), Some(frame)) = (message, frame) {
            let mut memory = self.device.memory();
            let place = memory.storage(storage);
            let stored = Stored { status: Status::Read, message, frame };
            while place.put(stored.clone()).is_some() {}
        }
        self.tell_full(storage);
    }

    fn old_message(&self) -> Option<Message> {
        let user_data = pdu::segment("The storage is full of this.", 0).ok()?.pop()?;
        Some(Message::Deliver(Deliver {
            more_to_come: false,
            status_report: false,
            reply_path: false,
            originator: Address::international(STRANGER).ok()?,
            protocol: ProtocolId::ORDINARY,
            coding: DataCoding::from_octet(0),
            timestamp: self.device.carrier().time(),
            user_data,
        }))
    }

    fn old_report(&self) -> Option<Message> {
        let time = self.device.carrier().time();
        Some(Message::Report(StatusReport {
            more_to_come: false,
            of_command: false,
            reference: MessageReference(0),
            recipient: Address::international(STRANGER).ok()?,
            submitted: time,
            discharged: time,
            status: DeliveryStatus::RECEIVED,
            protocol: None,
            coding: None,
            user_data: None,
        }))
    }
}
