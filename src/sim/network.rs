//! Registration, operator, signal, radio and clock (3GPP TS 27.007 §7.2, 7.3, 8.2, 8.5, 8.15; 10.1.20 and 10.1.22).

use super::answer::Failure;
use super::command::{Operation, Parameters};
use super::device::is_registered;
use super::session::{Answer, Flow, Session};
use super::text_mode;

/// The commands of registration, at the places of their settings.
const REGISTRATIONS: [&str; 3] = ["+CREG", "+CGREG", "+CEREG"];
/// E-UTRAN.
const ACCESS_TECHNOLOGY: u8 = 7;
const AREA: &str = "\"00C3\",\"0001A2B3\"";
/// The network of the test range 001-01.
const NETWORK_NUMBER: &str = "00101";

impl Session {
    pub(super) fn network(&mut self, name: &str, operation: &Operation) -> Option<Answer> {
        if let Some(place) = REGISTRATIONS.iter().position(|command| *command == name) {
            return Some(self.registration_command(place, operation));
        }
        Some(match name {
            "+COPS" => self.operator(operation),
            "+CFUN" => self.functionality(operation),
            "+CSQ" => self.show(operation, "+CSQ: (0-31,99),(0-7,99)", Self::signal),
            "+CGATT" => self.show(operation, "+CGATT: (0,1)", Self::attachment),
            "+CPAS" => self.show(operation, "+CPAS: (0,2,3,4)", Self::activity),
            "+CMER" => self.event_reporting(operation),
            "+CIND" => self.indicators(operation),
            "+CUSD" => self.ussd(operation),
            "+CBC" => self.show(operation, "+CBC: (0-3),(0-100)", |_| "+CBC: 0,100".to_owned()),
            "+CCLK" => self.show(operation, "", Self::clock),
            _ => return None,
        })
    }

    /// Whether messages can go.
    pub(super) fn is_registered(&self) -> bool {
        self.stats().into_iter().any(is_registered)
    }

    /// `<stat>` of each command. Without radio, or without a SIM that can be used, there is no network.
    pub(super) fn stats(&self) -> [u8; 3] {
        let is_on = self.attributes.functionality == 1 && self.card_is_ready();
        if is_on { self.device.network().borrow().stats } else { [0; 3] }
    }

    /// Tells what of the registration has changed since it was told.
    pub(super) fn tell_registration(&mut self) {
        let new = self.stats();
        let old = std::mem::replace(&mut self.told_stats, new);
        for place in (0..REGISTRATIONS.len()).filter(|place| old[*place] != new[*place]) {
            let name = REGISTRATIONS[place];
            let shown = match self.attributes.registration_reports[place] {
                0 => continue,
                1 => new[place].to_string(),
                report => self.with_area(new[place], report),
            };
            self.indicate(name, format!("{name}: {shown}").as_bytes());
        }
    }

    /// With the area when registered; from 3 on with the cause of a denial (3GPP TS 24.008 §10.5.3.6).
    fn with_area(&self, stat: u8, report: u8) -> String {
        let cause = self.device.network().borrow().cause;
        match cause.filter(|_| report == 3 && stat == 3) {
            _ if is_registered(stat) => format!("{stat},{AREA},{ACCESS_TECHNOLOGY}"),
            Some(cause) => format!("{stat},,,,0,{cause}"),
            None => stat.to_string(),
        }
    }

    fn registration_command(&mut self, place: usize, operation: &Operation) -> Answer {
        let name = REGISTRATIONS[place];
        let stat = self.stats()[place];
        match operation {
            Operation::Test => self.inform(format!("{name}: (0-3)")),
            Operation::Read => match self.attributes.registration_reports[place] {
                report @ 0..=1 => self.inform(format!("{name}: {report},{stat}")),
                report => self.inform(format!("{name}: {report},{}", self.with_area(stat, report))),
            },
            Operation::Set(parameters) => {
                self.attributes.registration_reports[place] = parameters.choice(0, &[0, 1, 2, 3], 0)?;
            }
            Operation::Execute => return Err(Failure::Syntax),
        }
        Ok(Flow::Done)
    }

    fn operator(&mut self, operation: &Operation) -> Answer {
        let name = self.device.settings().operator.clone();
        match operation {
            Operation::Test => self.inform(format!(
                "+COPS: (2,\"{name}\",\"{name}\",\"{NETWORK_NUMBER}\",{ACCESS_TECHNOLOGY}),,(0-4),(0-2)"
            )),
            Operation::Read if !self.is_registered() => self.inform("+COPS: 0"),
            Operation::Read => {
                let format = self.attributes.operator_format;
                let shown = if format == 2 { NETWORK_NUMBER.to_owned() } else { name };
                self.inform(format!("+COPS: 0,{format},\"{shown}\",{ACCESS_TECHNOLOGY}"));
            }
            Operation::Set(parameters) => self.choose_operator(parameters)?,
            Operation::Execute => return Err(Failure::Syntax),
        }
        Ok(Flow::Done)
    }

    /// Automatic choice is always on; only the format of the name can be set.
    fn choose_operator(&mut self, parameters: &Parameters) -> Result<(), Failure> {
        match parameters.choice(0, &[0, 1, 2, 3, 4], 0)? {
            0 => Ok(()),
            3 => {
                self.attributes.operator_format = parameters.choice(1, &[0, 1, 2], 0)?;
                Ok(())
            }
            _ => Err(Failure::NOT_ALLOWED),
        }
    }

    fn functionality(&mut self, operation: &Operation) -> Answer {
        match operation {
            Operation::Test => self.inform("+CFUN: (0,1,4),(0,1)"),
            Operation::Read => self.inform(format!("+CFUN: {}", self.attributes.functionality)),
            Operation::Set(parameters) => {
                let level = parameters.choice(0, &[0, 1, 4], 1)?;
                if parameters.choice(1, &[0, 1], 0)? == 1 {
                    self.restarts = true;
                } else {
                    self.attributes.functionality = level;
                    self.tell_registration();
                }
            }
            Operation::Execute => return Err(Failure::Syntax),
        }
        Ok(Flow::Done)
    }

    fn show(&mut self, operation: &Operation, range: &str, value: impl Fn(&Self) -> String) -> Answer {
        match operation {
            Operation::Test if range.is_empty() => {}
            Operation::Test => self.inform(range),
            Operation::Execute | Operation::Read => {
                let value = value(self);
                self.inform(value);
            }
            Operation::Set(_) => return Err(Failure::NOT_ALLOWED),
        }
        Ok(Flow::Done)
    }

    fn signal(&self) -> String {
        let level = self.signal_level();
        format!("+CSQ: {level},99")
    }

    /// `+CMER=<mode>,<keyp>,<disp>,<ind>`: `+CIEV` comes with a mode and an `<ind>` above 0 (3GPP TS 27.007 §8.10).
    fn event_reporting(&mut self, operation: &Operation) -> Answer {
        match operation {
            Operation::Test => self.inform("+CMER: (0-3),(0),(0),(0-2)"),
            Operation::Read => self.inform(format!("+CMER: {},0,0,{0}", u8::from(self.attributes.events))),
            Operation::Set(parameters) => {
                let mode = parameters.choice(0, &[0, 1, 2, 3], 0)?;
                self.attributes.events = mode > 0 && parameters.choice(3, &[0, 1, 2], 0)? > 0;
            }
            Operation::Execute => self.attributes.events = false,
        }
        Ok(Flow::Done)
    }

    /// What `+CIEV` counts: the eighth is a full storage.
    fn indicators(&mut self, operation: &Operation) -> Answer {
        match operation {
            Operation::Test => {
                let rest = ["signal", "service", "sounder", "message", "call", "roam", "smsfull"];
                let rest = rest.map(|name| format!(",(\"{name}\",(0-1))")).concat();
                self.inform(format!("+CIND: (\"battchg\",(0-5)){rest}"));
            }
            Operation::Read => {
                let service = u8::from(self.is_registered());
                self.inform(format!("+CIND: 5,1,{service},0,0,0,0,0"));
            }
            _ => return Err(Failure::NOT_ALLOWED),
        }
        Ok(Flow::Done)
    }

    pub(super) fn signal_level(&self) -> u8 {
        match self.device.faults().condition().signal {
            _ if self.attributes.functionality != 1 => 99,
            Some(level) => level,
            None => self.device.settings().signal,
        }
    }

    /// 0 ready, 3 ringing.
    fn activity(&self) -> String {
        format!("+CPAS: {}", if self.is_ringing() { 3 } else { 0 })
    }

    /// Whether packet service is there: it comes and goes with registration.
    fn attachment(&self) -> String {
        format!("+CGATT: {}", u8::from(self.is_registered()))
    }

    fn clock(&self) -> String {
        format!("+CCLK: \"{}\"", text_mode::time(self.device.carrier().time()))
    }
}
