//! The commands about the SIM: `+CPIN`, `+CLCK`, the counters of each family, `+CSIM`, and what fails without a SIM.

use std::time::Duration;

use tokio::time::Instant;

use super::agenda::Task;
use super::answer::Failure;
use super::card::{CardState, Tried};
use super::command::{Operation, Parameters};
use super::session::{Answer, Flow, Session};

/// Commands that fail with a `+CMS ERROR` until the SIM can be used.
const MESSAGE_COMMANDS: [&str; 9] = ["+CMGF", "+CPMS", "+CMGL", "+CMGR", "+CMGD", "+CMGS", "+CMGW", "+CMSS", "+CSCA"];
/// Commands that fail with a `+CME ERROR` until then.
const CARD_COMMANDS: [&str; 4] = ["+CIMI", "+CNUM", "+CPBS", "+CPBR"];
const WRONG_CODE: Failure = Failure::Equipment(16);
const PUK_WANTED: Failure = Failure::Equipment(12);

impl Session {
    pub(super) fn card_commands(&mut self, name: &str, operation: &Operation) -> Option<Answer> {
        let (counter, template) = self.profile().counter;
        Some(match name {
            // Huawei's ^CPIN is its counter; the standard's own has another sign before it.
            "+CPIN" => self.pin(operation),
            "+CLCK" => self.lock(operation),
            "+CSIM" => self.apdu(operation),
            _ if name == counter => self.count(template, operation),
            _ => return None,
        })
    }

    /// Why this command fails for want of a usable SIM.
    pub(super) fn card_failure(&self, name: &str, operation: &Operation) -> Option<Failure> {
        if matches!(operation, Operation::Test) {
            return None;
        }
        let state = self.device.memory().card.state();
        if MESSAGE_COMMANDS.contains(&name) {
            return state.message_failure(self.profile().codes.busy);
        }
        if CARD_COMMANDS.contains(&name) {
            return state.failure();
        }
        // The serial number can be read without a PIN.
        let needs_answer = self.profile().iccid.contains(&name);
        state.failure().filter(|_| needs_answer && state.text().is_err())
    }

    pub(super) fn card_is_ready(&self) -> bool {
        self.device.memory().card.state() == CardState::Ready
    }

    fn pin(&mut self, operation: &Operation) -> Answer {
        match operation {
            Operation::Read => {
                let text = self.device.memory().card.state().text()?;
                self.inform(format!("+CPIN: {text}"));
            }
            Operation::Test => {}
            Operation::Set(codes) => self.try_code(codes)?,
            Operation::Execute => return Err(Failure::Syntax),
        }
        Ok(Flow::Done)
    }

    fn try_code(&mut self, codes: &Parameters) -> Result<(), Failure> {
        let typed = codes.text(0).ok_or(Failure::PARAMETERS)?;
        let tried = {
            let mut memory = self.device.memory();
            let card = &mut memory.card;
            match (card.state(), codes.text(1)) {
                (CardState::Pin, None) => card.try_pin(typed),
                (CardState::Puk, Some(new_pin)) => card.try_puk(typed, new_pin),
                (CardState::Puk, None) => return Err(PUK_WANTED),
                (CardState::Ready | CardState::NetworkLock | CardState::Pin, _) => return Err(Failure::NOT_ALLOWED),
                (state, _) => return Err(state.failure().unwrap_or(Failure::NOT_ALLOWED)),
            }
        };
        match tried {
            Tried::Right => {
                self.card_unlocked();
                Ok(())
            }
            Tried::Wrong if self.device.memory().card.state() == CardState::Puk && codes.text(1).is_none() => {
                Err(PUK_WANTED)
            }
            Tried::Wrong => Err(WRONG_CODE),
        }
    }

    /// The card was given its code: it is busy for a while, then says so.
    fn card_unlocked(&mut self) {
        let busy = Duration::from_millis(self.profile().busy_after_pin);
        if !busy.is_zero() {
            self.device.memory().card.busy_until = Some(Instant::now() + busy);
        }
        self.agenda.add(Instant::now() + busy, Task::CardReady);
    }

    /// Whether a PIN is asked for at each start, and switching that on and off.
    fn lock(&mut self, operation: &Operation) -> Answer {
        let parameters = match operation {
            Operation::Test => {
                self.inform("+CLCK: (\"SC\",\"PN\")");
                return Ok(Flow::Done);
            }
            Operation::Set(parameters) => parameters,
            _ => return Err(Failure::NOT_ALLOWED),
        };
        let (facility, mode) = (parameters.text(0), parameters.number(1)?);
        let answer = {
            let mut memory = self.device.memory();
            let card = &mut memory.card;
            match (facility, mode) {
                (Some("SC"), Some(2)) => Some(format!("+CLCK: {}", u8::from(card.pin.is_some()))),
                (Some("PN"), Some(2)) => Some(format!("+CLCK: {}", u8::from(card.network_lock))),
                (Some("SC"), Some(0)) if card.pin.is_some() => {
                    if card.try_pin(parameters.text(2).unwrap_or_default()) == Tried::Wrong {
                        return Err(WRONG_CODE);
                    }
                    card.pin = None;
                    None
                }
                _ => return Err(Failure::NOT_ALLOWED),
            }
        };
        if let Some(answer) = answer {
            self.inform(answer);
        }
        Ok(Flow::Done)
    }

    /// The family's own counter of tries.
    fn count(&mut self, template: &str, operation: &Operation) -> Answer {
        let (pin, puk, state) = {
            let memory = self.device.memory();
            (memory.card.pin_tries, memory.card.puk_tries, memory.card.state())
        };
        if let Some(failure) = state.failure().filter(|_| state.text().is_err()) {
            return Err(failure);
        }
        // `^SPIC="SC",1` asks for the PUK's.
        let of_puk = matches!(operation, Operation::Set(parameters) if parameters.text(1) == Some("1"));
        let left = if of_puk || state == CardState::Puk { puk } else { pin };
        let answer = template
            .replace("{pin}", &pin.to_string())
            .replace("{puk}", &puk.to_string())
            .replace("{pin2}", "3")
            .replace("{puk2}", "10")
            .replace("{left}", &left.to_string())
            .replace("{state}", state.text().unwrap_or_default());
        for line in answer.split("\r\n") {
            self.inform(line);
        }
        Ok(Flow::Done)
    }

    fn apdu(&mut self, operation: &Operation) -> Answer {
        let Operation::Set(parameters) = operation else { return Err(Failure::NOT_ALLOWED) };
        let state = self.device.memory().card.state();
        if let Some(failure) = state.failure().filter(|_| state.text().is_err()) {
            return Err(failure);
        }
        // Telit wants the card locked for itself first: AT+CSIM=1.
        if parameters.text(1).is_none() {
            return Ok(Flow::Done);
        }
        let apdu = parameters.text(1).unwrap_or_default().to_ascii_uppercase();
        let words = self.device.memory().card.status_words(&apdu).unwrap_or_else(|| "6D00".to_owned());
        self.inform(format!("+CSIM: {},\"{words}\"", words.len()));
        Ok(Flow::Done)
    }
}
