//! What AT commands can set, at its value after power-up, and the commands of V.250 that set it.

use super::answer::Failure;
use super::charset::Charset;
use super::command::{Operation, Parameters};
use super::line::Characters;
use super::session::{Answer, Flow, Session};
use super::storage::StorageName;

/// `+CNMI` (3GPP TS 27.005 §3.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Indications {
    pub(super) mode: u8,
    pub(super) messages: u8,
    pub(super) broadcasts: u8,
    pub(super) reports: u8,
    pub(super) flush: u8,
}

/// `+CSMP` (3GPP TS 27.005 §3.1.2): what text mode puts into a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TextParameters {
    pub(super) first_octet: u8,
    pub(super) validity: u8,
    pub(super) protocol: u8,
    pub(super) coding: u8,
}

/// All settings of one session.
#[derive(Debug, Clone)]
pub(super) struct Attributes {
    pub(super) echo: bool,
    pub(super) verbose: bool,
    pub(super) quiet: bool,
    pub(super) characters: Characters,
    /// `+CMEE`: 0 plain, 1 numbers, 2 words.
    pub(super) cmee: u8,
    pub(super) charset: Charset,
    /// `+CFUN`: 1 full, 0 and 4 without radio.
    pub(super) functionality: u8,
    /// `<n>` of `+CREG`, `+CGREG` and `+CEREG`.
    pub(super) registration_reports: [u8; 3],
    /// `+COPS=3,<format>`: 0 long, 1 short, 2 numbers.
    pub(super) operator_format: u8,
    /// `+CMGF=1`.
    pub(super) text_mode: bool,
    /// `+CSDH=1`: text mode shows all header fields.
    pub(super) show_headers: bool,
    pub(super) text: TextParameters,
    /// `+CSMS=1`: what is routed here must be acknowledged.
    pub(super) phase_2_plus: bool,
    pub(super) indications: Indications,
    /// `+CMER`: whether `+CIEV` tells what `+CIND` shows.
    pub(super) events: bool,
    /// `+CMMS`.
    pub(super) more_messages: u8,
    /// `+CPMS`: read and delete, write and send, receive.
    pub(super) storages: [StorageName; 3],
}

impl Default for Attributes {
    fn default() -> Self {
        Self {
            echo: true,
            verbose: true,
            quiet: false,
            characters: Characters::default(),
            cmee: 0,
            charset: Charset::Gsm,
            functionality: 1,
            registration_reports: [0; 3],
            operator_format: 0,
            text_mode: false,
            show_headers: false,
            text: TextParameters { first_octet: 17, validity: 167, protocol: 0, coding: 0 },
            phase_2_plus: false,
            indications: Indications::default(),
            events: false,
            more_messages: 0,
            storages: [StorageName::Sim; 3],
        }
    }
}

impl Attributes {
    /// S3 and S4.
    pub(super) fn line_end(&self) -> [u8; 2] {
        [self.characters.end, self.characters.format]
    }
}

impl Session {
    /// V.250's own commands, and `+CMEE`, which is about all others.
    pub(super) fn basics(&mut self, name: &str, operation: &Operation) -> Option<Answer> {
        let on = |operation: &Operation| match operation {
            Operation::Execute => Ok(false),
            Operation::Set(parameters) => parameters.choice(0, &[0, 1], 0).map(|value| value == 1),
            _ => Err(Failure::Syntax),
        };
        let done = match name {
            "E" => on(operation).map(|on| self.attributes.echo = on),
            "V" => on(operation).map(|on| self.attributes.verbose = on),
            "Q" => on(operation).map(|on| self.attributes.quiet = on),
            "Z" | "&F" => {
                self.attributes = Attributes::default();
                Ok(())
            }
            // Dialling, hanging up and the like: accepted where a modem without a data call can accept them.
            "H" | "L" | "M" | "X" | "&C" | "&D" | "&K" | "&S" | "&W" | "+IFC" | "+IPR" | "+ICF" => Ok(()),
            "I" => {
                self.identify();
                Ok(())
            }
            "D" => Err(Failure::NOT_ALLOWED),
            "+CMEE" => return Some(self.error_level(operation)),
            name if name.starts_with('S') => self.register(&name[1..], operation),
            _ => return None,
        };
        Some(done.map(|()| Flow::Done))
    }

    fn error_level(&mut self, operation: &Operation) -> Answer {
        match operation {
            Operation::Test => self.inform("+CMEE: (0-2)"),
            Operation::Read => self.inform(format!("+CMEE: {}", self.attributes.cmee)),
            Operation::Set(parameters) => self.attributes.cmee = parameters.choice(0, &[0, 1, 2], 0)?,
            Operation::Execute => return Err(Failure::Syntax),
        }
        Ok(Flow::Done)
    }

    /// S3, S4 and S5 work; the others are there and do nothing.
    fn register(&mut self, number: &str, operation: &Operation) -> Result<(), Failure> {
        let characters = &mut self.attributes.characters;
        let place = match number {
            "3" => Some(&mut characters.end),
            "4" => Some(&mut characters.format),
            "5" => Some(&mut characters.back),
            _ => None,
        };
        match (operation, place) {
            (Operation::Set(value), Some(place)) => *place = ascii(value)?,
            (Operation::Set(value), None) => {
                value.octet(0, 0)?;
            }
            (_, place) => {
                let value = place.map_or(0, |place| *place);
                self.inform(format!("{value:03}"));
            }
        }
        Ok(())
    }
}

fn ascii(value: &Parameters) -> Result<u8, Failure> {
    Some(value.octet(0, 0)?).filter(u8::is_ascii).ok_or(Failure::Syntax)
}
