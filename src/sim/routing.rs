//! What comes over the air: stored and announced, or routed to the terminal, as `+CNMI` says
//! (3GPP TS 27.005 §3.4.1, 3.4.4).

use std::time::Duration;

use tokio::time::Instant;

use super::air::Inbound;
use super::answer::Failure;
use super::attributes::Indications;
use super::command::{Operation, Parameters};
use super::event::EventKind;
use super::session::{Answer, Flow, Session};
use super::storage::{Message, Status, StorageName, Stored};
use super::text_mode;
use crate::pdu::MessageClass;

/// How long the modem waits for `+CNMA` before it tells the network and stops routing.
const ACKNOWLEDGEMENT_TIME: Duration = Duration::from_secs(60);

/// What has been routed to the terminal and not been acknowledged.
#[derive(Debug)]
pub(super) struct Unacknowledged {
    pub(super) inbound: Inbound,
    since: Instant,
}

impl Unacknowledged {
    /// Waits until the time for the acknowledgement is over; for ever when none is due.
    pub(super) async fn overdue(this: Option<&Self>) {
        match this {
            Some(this) => tokio::time::sleep_until(this.since + ACKNOWLEDGEMENT_TIME).await,
            None => std::future::pending().await,
        }
    }
}

impl Session {
    pub(super) fn routing(&mut self, name: &str, operation: &Operation) -> Option<Answer> {
        Some(match name {
            "+CNMI" => self.indications(operation),
            "+CNMA" => self.acknowledge(operation),
            _ => return None,
        })
    }

    fn indications(&mut self, operation: &Operation) -> Answer {
        match operation {
            Operation::Test => {
                let offered = self.profile().cnmi.map(|values| format!("({values})")).join(",");
                self.inform(format!("+CNMI: {offered}"));
            }
            Operation::Read => {
                let Indications { mode, messages, broadcasts, reports, flush } = self.attributes.indications;
                self.inform(format!("+CNMI: {mode},{messages},{broadcasts},{reports},{flush}"));
            }
            Operation::Set(parameters) => self.set_indications(parameters)?,
            Operation::Execute => return Err(Failure::Syntax),
        }
        Ok(Flow::Done)
    }

    fn set_indications(&mut self, parameters: &Parameters) -> Result<(), Failure> {
        let old = self.attributes.indications;
        let offered = self.profile().cnmi.map(values);
        let new = Indications {
            mode: parameters.choice(0, &offered[0], old.mode)?,
            messages: parameters.choice(1, &offered[1], old.messages)?,
            broadcasts: parameters.choice(2, &offered[2], old.broadcasts)?,
            reports: parameters.choice(3, &offered[3], old.reports)?,
            flush: parameters.choice(4, &offered[4], old.flush)?,
        };
        self.attributes.indications = new;
        // Whoever sets this anew may never have seen what was routed before: the network offers it again.
        if let Some(routed) = self.unacknowledged.take() {
            self.device.air().put_back(routed.inbound);
        }
        if new.mode > 0 {
            let buffered = std::mem::take(&mut self.buffered);
            for (name, line) in buffered.into_iter().filter(|_| new.flush == 0) {
                self.indicate(&name, &line);
            }
        }
        Ok(())
    }

    /// `+CNMA`: the terminal has what was routed to it. 0 and 1 say so; 2 says that it could not take it.
    fn acknowledge(&mut self, operation: &Operation) -> Answer {
        let taken = match operation {
            Operation::Test => {
                self.inform("+CNMA: (0-2)");
                return Ok(Flow::Done);
            }
            Operation::Execute => true,
            Operation::Set(parameters) => parameters.choice(0, &[0, 1, 2], 0)? != 2,
            Operation::Read => return Err(Failure::Syntax),
        };
        const NOTHING_TO_ACKNOWLEDGE: u16 = 340;
        let routed = self.unacknowledged.take().ok_or(Failure::Message(NOTHING_TO_ACKNOWLEDGE))?;
        if !taken {
            self.device.air().put_back(routed.inbound);
        }
        Ok(Flow::Done)
    }

    /// Nobody acknowledged in time: the network keeps it, and nothing more is routed here.
    pub(super) fn stop_routing(&mut self) {
        if let Some(routed) = self.unacknowledged.take() {
            self.device.air().put_back(routed.inbound);
            self.attributes.indications.messages = 0;
            self.attributes.indications.reports = 0;
        }
    }

    /// Takes from the network what it can.
    pub(super) fn route_inbound(&mut self) {
        while self.is_registered() && self.unacknowledged.is_none() {
            let Some(inbound) = self.device.air().take() else { return };
            let taken = match inbound.clone() {
                Inbound::Deliver(deliver) => self.route_message(Message::Deliver(deliver), &inbound),
                Inbound::Report(report) => self.route_report(Message::Report(report), &inbound),
            };
            if !taken {
                self.device.air().put_back(inbound);
                return;
            }
        }
    }

    fn route_message(&mut self, message: Message, inbound: &Inbound) -> bool {
        let Some(frame) = message.frame(self.service_centre()) else { return true };
        let Message::Deliver(deliver) = &message else { return true };
        let class = deliver.coding.class();
        let direct = match self.attributes.indications.messages {
            2 => class != Some(MessageClass::Class2),
            3 => class == Some(MessageClass::Class3),
            _ => false,
        };
        if direct && self.attributes.indications.mode > 0 {
            let (fields, data) = if self.attributes.text_mode {
                text_mode::incoming(deliver, &frame, &self.attributes)
            } else {
                (format!(",{}", frame.length()), frame.to_hex().ok().map(String::into_bytes))
            };
            self.route("+CMT", "+CMT: ", &fields, data, inbound);
            return true;
        }
        let announce = (self.attributes.indications.messages > 0).then_some("+CMTI");
        self.keep(self.attributes.storages[2], Stored { status: Status::Unread, message, frame }, announce)
    }

    fn route_report(&mut self, message: Message, inbound: &Inbound) -> bool {
        let Some(frame) = message.frame(self.service_centre()) else { return true };
        let Message::Report(report) = &message else { return true };
        if self.attributes.indications.reports == 1 && self.attributes.indications.mode > 0 {
            let (fields, data) = if self.attributes.text_mode {
                (text_mode::report(report, &frame, self.attributes.charset), None)
            } else {
                (frame.length().to_string(), frame.to_hex().ok().map(String::into_bytes))
            };
            let start = if self.attributes.text_mode { "+CDS: " } else { self.profile().report };
            self.route("+CDS", start, &fields, data, inbound);
            return true;
        }
        let stored = Stored { status: Status::Unread, message, frame };
        let announce = (self.attributes.indications.reports == 2).then_some("+CDSI");
        let has_own = self.profile().storages[0].contains(&StorageName::Reports.text());
        let storage = if has_own { StorageName::Reports } else { self.attributes.storages[2] };
        self.keep(storage, stored, announce)
    }

    /// Stores it if there is room, and says so.
    fn keep(&mut self, storage: StorageName, stored: Stored, announce: Option<&str>) -> bool {
        let (index, is_full) = {
            let mut memory = self.device.memory();
            let places = memory.storage(storage);
            let Some(index) = places.put(stored) else { return false };
            (index, places.used() == places.total())
        };
        self.device.tell(EventKind::Stored { storage: storage.text(), index });
        if let Some(name) = announce {
            let line = self.profile().stored.replace("{name}", name).replace("{storage}", storage.text());
            let line = line.replace("{index}", &index.to_string()).into_bytes();
            if self.attributes.indications.mode == 0 {
                self.buffered.push((name.to_owned(), line));
            } else {
                self.indicate(name, &line);
                if self.device.faults().take_announces_twice() {
                    self.indicate(name, &line);
                }
            }
        }
        if is_full {
            self.tell_full(storage);
        }
        true
    }

    /// Writes it to the terminal, and from phase 2+ on waits for the acknowledgement.
    fn route(&mut self, name: &str, start: &str, fields: &str, data: Option<Vec<u8>>, inbound: &Inbound) {
        let mut line = format!("{start}{fields}").into_bytes();
        if let Some(data) = data {
            line.extend(self.attributes.line_end());
            line.extend(data);
        }
        self.indicate(name, &line);
        if self.attributes.phase_2_plus {
            self.unacknowledged = Some(Unacknowledged { inbound: inbound.clone(), since: Instant::now() });
        }
    }
}

/// What an offer such as `0-2` or `0,2` allows.
fn values(offered: &str) -> Vec<u8> {
    let number = |text: &str| text.parse().unwrap_or_default();
    match offered.split_once('-') {
        Some((first, last)) => (number(first)..=number(last)).collect(),
        None => offered.split(',').map(number).collect(),
    }
}
