//! Registration, operator, signal, radio and clock (3GPP TS 27.007 §7.2, 7.3, 8.2, 8.5, 8.15; 10.1.20 and 10.1.22).

use super::answer::Failure;
use super::command::{Operation, Parameters};
use super::device::Registration;
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
            "+CPAS" => self.show(operation, "+CPAS: (0,2,3,4)", |_| "+CPAS: 0".to_owned()),
            "+CBC" => self.show(operation, "+CBC: (0-3),(0-100)", |_| "+CBC: 0,100".to_owned()),
            "+CCLK" => self.show(operation, "", Self::clock),
            _ => return None,
        })
    }

    /// Whether messages can go.
    pub(super) fn is_registered(&self) -> bool {
        self.present_registration().is_registered()
    }

    fn present_registration(&self) -> Registration {
        if self.attributes.functionality == 1 { *self.device.registration().borrow() } else { Registration::Off }
    }

    /// The registration has changed.
    pub(super) fn tell_registration(&mut self) {
        let stat = self.present_registration() as u8;
        for (name, report) in REGISTRATIONS.into_iter().zip(self.attributes.registration_reports) {
            match report {
                0 => {}
                1 => self.indicate(name, format!("{name}: {stat}").as_bytes()),
                _ => {
                    let line = format!("{name}: {}", self.with_area(stat));
                    self.indicate(name, line.as_bytes());
                }
            }
        }
    }

    fn with_area(&self, stat: u8) -> String {
        if self.is_registered() { format!("{stat},{AREA},{ACCESS_TECHNOLOGY}") } else { stat.to_string() }
    }

    fn registration_command(&mut self, place: usize, operation: &Operation) -> Answer {
        let name = REGISTRATIONS[place];
        let stat = self.present_registration() as u8;
        match operation {
            Operation::Test => self.inform(format!("{name}: (0-2)")),
            Operation::Read => match self.attributes.registration_reports[place] {
                2 => self.inform(format!("{name}: 2,{}", self.with_area(stat))),
                report => self.inform(format!("{name}: {report},{stat}")),
            },
            Operation::Set(parameters) => {
                self.attributes.registration_reports[place] = parameters.choice(0, &[0, 1, 2], 0)?;
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
                let before = self.present_registration();
                if parameters.choice(1, &[0, 1], 0)? == 1 {
                    self.attributes = super::attributes::Attributes::default();
                }
                self.attributes.functionality = parameters.choice(0, &[0, 1, 4], 1)?;
                if self.present_registration() != before {
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
        let level = if self.attributes.functionality == 1 { self.device.settings().signal } else { 99 };
        format!("+CSQ: {level},99")
    }

    /// Whether packet service is there: it comes and goes with registration.
    fn attachment(&self) -> String {
        format!("+CGATT: {}", u8::from(self.is_registered()))
    }

    fn clock(&self) -> String {
        format!("+CCLK: \"{}\"", text_mode::time(self.device.carrier().time()))
    }
}
