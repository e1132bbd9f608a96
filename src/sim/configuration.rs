//! How messages are written, sent and read: format, character set, service centre (3GPP TS 27.005 §3.1, 3.2, 3.3;
//! 27.007 §5.5).

use super::answer::Failure;
use super::attributes::TextParameters;
use super::charset::Charset;
use super::command::{Operation, Parameters};
use super::session::{Answer, Flow, Session};

impl Session {
    pub(super) fn message_settings(&mut self, name: &str, operation: &Operation) -> Option<Answer> {
        Some(match name {
            "+CMGF" => self.setting(
                operation,
                "+CMGF: (0,1)",
                |this| format!("+CMGF: {}", u8::from(this.attributes.text_mode)),
                |this, value| {
                    this.attributes.text_mode = value.choice(0, &[0, 1], 0)? == 1;
                    Ok(())
                },
            ),
            "+CSDH" => self.setting(
                operation,
                "+CSDH: (0,1)",
                |this| format!("+CSDH: {}", u8::from(this.attributes.show_headers)),
                |this, value| {
                    this.attributes.show_headers = value.choice(0, &[0, 1], 0)? == 1;
                    Ok(())
                },
            ),
            "+CMMS" => self.setting(
                operation,
                "+CMMS: (0-2)",
                |this| format!("+CMMS: {}", this.attributes.more_messages),
                |this, value| {
                    this.attributes.more_messages = value.choice(0, &[0, 1, 2], 0)?;
                    Ok(())
                },
            ),
            "+CSCS" => self.setting(
                operation,
                "+CSCS: (\"GSM\",\"IRA\",\"UCS2\")",
                |this| format!("+CSCS: \"{}\"", this.attributes.charset.name()),
                |this, value| {
                    this.attributes.charset = value.text(0).and_then(Charset::read).ok_or(Failure::PARAMETERS)?;
                    Ok(())
                },
            ),
            "+CSMP" => self.setting(operation, "", Self::show_text_parameters, Self::set_text_parameters),
            "+CSCA" => self.setting(operation, "", Self::show_service_centre, Self::set_service_centre),
            "+CSMS" => self.service(operation),
            _ => return None,
        })
    }

    fn setting(
        &mut self,
        operation: &Operation,
        range: &str,
        show: impl Fn(&Self) -> String,
        set: impl Fn(&mut Self, &Parameters) -> Result<(), Failure>,
    ) -> Answer {
        match operation {
            Operation::Test if range.is_empty() => {}
            Operation::Test => self.inform(range),
            Operation::Read => {
                let line = show(self);
                self.inform(line);
            }
            Operation::Set(value) => set(self, value)?,
            Operation::Execute => return Err(Failure::Syntax),
        }
        Ok(Flow::Done)
    }

    fn show_text_parameters(&self) -> String {
        let TextParameters { first_octet, validity, protocol, coding } = self.attributes.text;
        format!("+CSMP: {first_octet},{validity},{protocol},{coding}")
    }

    fn set_text_parameters(&mut self, value: &Parameters) -> Result<(), Failure> {
        let old = self.attributes.text;
        self.attributes.text = TextParameters {
            first_octet: value.octet(0, old.first_octet)?,
            validity: value.octet(1, old.validity)?,
            protocol: value.octet(2, old.protocol)?,
            coding: value.octet(3, old.coding)?,
        };
        Ok(())
    }

    fn show_service_centre(&self) -> String {
        let number = self.device.memory().service_centre.clone();
        let kind = if number.starts_with('+') { 145 } else { 129 };
        format!("+CSCA: \"{}\",{kind}", self.attributes.charset.name_text(&number))
    }

    fn set_service_centre(&mut self, value: &Parameters) -> Result<(), Failure> {
        let number = value.text(0).ok_or(Failure::TEXT)?;
        let number = self.attributes.charset.read_name(number).ok_or(Failure::TEXT)?;
        let digits = number.strip_prefix('+').unwrap_or(&number);
        if digits.is_empty() || digits.len() > 20 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(Failure::TEXT);
        }
        let international = number.starts_with('+') || value.number(1)? == Some(145);
        self.device.memory().service_centre = if international { format!("+{digits}") } else { digits.to_owned() };
        Ok(())
    }

    /// `+CSMS`: receiving, sending; no broadcasts.
    fn service(&mut self, operation: &Operation) -> Answer {
        match operation {
            Operation::Test => {
                let offered: Vec<String> = self.profile().csms.iter().map(u8::to_string).collect();
                self.inform(format!("+CSMS: ({})", offered.join(",")));
            }
            Operation::Read => {
                self.inform(format!("+CSMS: {},1,1,0", u8::from(self.attributes.phase_2_plus)));
            }
            Operation::Set(value) => {
                self.attributes.phase_2_plus = value.choice(0, self.profile().csms, 0)? == 1;
                self.inform("+CSMS: 1,1,0");
            }
            Operation::Execute => return Err(Failure::Syntax),
        }
        Ok(Flow::Done)
    }
}
