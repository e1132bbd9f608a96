//! Codes that the network answers: `+CUSD` (3GPP TS 27.007 §7.15).

use std::time::Duration;

use tokio::time::Instant;

use super::agenda::Task;
use super::answer::Failure;
use super::charset::Charset;
use super::command::Operation;
use super::session::{Answer, Flow, Session};

/// How long the network takes.
const ANSWER_TIME: Duration = Duration::from_secs(2);
/// `<dcs>` of the GSM alphabet and of UCS-2 (3GPP TS 23.038 §5).
const GSM: u8 = 15;
const UCS2: u8 = 72;

/// What the network answers to a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UssdAnswer {
    /// `<m>`: 0 done, 1 the network asks on, 2 ended by the network, 4 not supported, 5 timed out.
    pub status: u8,
    /// Its text.
    pub text: String,
    /// How the modem writes the text.
    pub form: UssdForm,
}

/// How a modem writes the text of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UssdForm {
    /// As it is.
    Plain,
    /// Packed septets in hexadecimal, as Huawei sticks do.
    Gsm7Hex,
    /// UTF-16 in hexadecimal.
    Ucs2Hex,
}

impl UssdAnswer {
    /// A text as it is, and done.
    #[must_use]
    pub fn plain(text: &str) -> Self {
        Self { status: 0, text: text.to_owned(), form: UssdForm::Plain }
    }

    fn line(&self) -> String {
        let (text, coding) = match self.form {
            UssdForm::Plain => (self.text.clone(), GSM),
            UssdForm::Gsm7Hex => (hex(&packed(&Charset::Gsm.encode(&self.text))), GSM),
            UssdForm::Ucs2Hex => (String::from_utf8_lossy(&Charset::Ucs2.encode(&self.text)).into_owned(), UCS2),
        };
        match self.status {
            0 | 1 => format!("+CUSD: {},\"{text}\",{coding}", self.status),
            status => format!("+CUSD: {status}"),
        }
    }
}

impl Session {
    pub(super) fn ussd(&mut self, operation: &Operation) -> Answer {
        match operation {
            Operation::Test => self.inform("+CUSD: (0-2)"),
            Operation::Read => self.inform("+CUSD: 1"),
            Operation::Set(parameters) => {
                parameters.choice(0, &[0, 1, 2], 0)?;
                if let Some(typed) = parameters.text(1) {
                    if !self.is_registered() {
                        return Err(Failure::Equipment(30));
                    }
                    self.ask_network(typed);
                } else {
                    // 2, or a new setting, ends what is under way.
                    self.agenda.forget(|task| matches!(task, Task::Ussd(_)));
                }
            }
            Operation::Execute => return Err(Failure::Syntax),
        }
        Ok(Flow::Done)
    }

    fn ask_network(&mut self, typed: &str) {
        if self.device.faults().condition().ussd_silent {
            return;
        }
        let carrier = self.device.carrier();
        let answer = readings(typed).into_iter().find_map(|code| carrier.ussd_answer(&code));
        let unknown = UssdAnswer { status: 4, text: String::new(), form: UssdForm::Plain };
        self.agenda.add(Instant::now() + ANSWER_TIME, Task::Ussd(answer.unwrap_or(unknown)));
    }

    pub(super) fn tell_ussd(&mut self, answer: &UssdAnswer) {
        let line = answer.line();
        self.indicate("+CUSD", line.as_bytes());
    }
}

/// The codes that this may mean: as it is, as UTF-16 or as packed septets in hexadecimal.
fn readings(typed: &str) -> Vec<String> {
    let mut readings = vec![typed.to_owned()];
    readings.extend(Charset::Ucs2.decode(typed.as_bytes()));
    if let Ok(octets) = crate::pdu::from_hex(typed) {
        readings.extend(Charset::Gsm.decode(&unpacked(&octets)).map(|text| text.trim_end_matches('@').to_owned()));
    }
    readings
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02X}")).collect()
}

/// Septets, the lowest bits first (3GPP TS 23.038 §6.1.2.3).
fn packed(septets: &[u8]) -> Vec<u8> {
    let bit = |place: usize| septets.get(place / 7).is_some_and(|septet| septet >> (place % 7) & 1 == 1);
    let octets = (septets.len() * 7).div_ceil(8);
    (0..octets).map(|octet| (0..8).fold(0, |value, place| value | u8::from(bit(octet * 8 + place)) << place)).collect()
}

fn unpacked(octets: &[u8]) -> Vec<u8> {
    let bit = |place: usize| octets.get(place / 8).is_some_and(|octet| octet >> (place % 8) & 1 == 1);
    let septets = octets.len() * 8 / 7;
    (0..septets)
        .map(|septet| (0..7).fold(0, |value, place| value | u8::from(bit(septet * 7 + place)) << place))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_understood_in_each_of_its_forms() {
        // "*100#" packed is AA180C3602 (a string of many forum posts about Huawei sticks).
        for typed in ["*100#", "AA180C3602", "002A0031003000300023"] {
            assert!(readings(typed).contains(&"*100#".to_owned()), "{typed}: {:?}", readings(typed));
        }
        assert_eq!(hex(&packed(&Charset::Gsm.encode("*100#"))), "AA180C3602");
    }
}
