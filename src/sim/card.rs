//! The SIM: whether it is there, what it asks for, and how many tries are left (3GPP TS 31.101 §11.1.9, TS 27.007 §8.3).

use tokio::time::Instant;

use super::answer::Failure;

/// The tries that a card gives from new.
pub(super) const PIN_TRIES: u8 = 3;
pub(super) const PUK_TRIES: u8 = 10;

/// A SIM card and the holder that it is in.
#[derive(Debug, Clone)]
pub(super) struct Card {
    pub(super) inside: bool,
    pub(super) iccid: String,
    pub(super) imsi: String,
    /// Asked for after each start.
    pub(super) pin: Option<String>,
    pub(super) puk: String,
    pub(super) pin_tries: u8,
    pub(super) puk_tries: u8,
    /// The PIN was given since the last start.
    pub(super) unlocked: bool,
    pub(super) network_lock: bool,
    pub(super) busy_until: Option<Instant>,
    /// 13 or 15: it does not work here.
    pub(super) trouble: Option<u16>,
}

/// What the card is ready for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CardState {
    Absent,
    Busy,
    /// `+CME ERROR: 13` or 15.
    Trouble(u16),
    Pin,
    Puk,
    NetworkLock,
    Ready,
}

/// What became of a code that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tried {
    Right,
    Wrong,
}

impl Card {
    pub(super) fn new(iccid: String, imsi: String) -> Self {
        Self {
            inside: true,
            iccid,
            imsi,
            pin: None,
            puk: "12345678".to_owned(),
            pin_tries: PIN_TRIES,
            puk_tries: PUK_TRIES,
            unlocked: false,
            network_lock: false,
            busy_until: None,
            trouble: None,
        }
    }

    pub(super) fn state(&self) -> CardState {
        const SIM_FAILURE: u16 = 13;
        if !self.inside {
            return CardState::Absent;
        }
        if self.busy_until.is_some_and(|until| Instant::now() < until) {
            return CardState::Busy;
        }
        match self.trouble {
            Some(code) => CardState::Trouble(code),
            None if self.puk_tries == 0 => CardState::Trouble(SIM_FAILURE),
            None if self.pin_tries == 0 => CardState::Puk,
            None if self.pin.is_some() && !self.unlocked => CardState::Pin,
            None if self.network_lock => CardState::NetworkLock,
            None => CardState::Ready,
        }
    }

    /// Tries a PIN. A wrong one costs a try.
    pub(super) fn try_pin(&mut self, typed: &str) -> Tried {
        if self.pin.as_deref().is_some_and(|pin| pin == typed) {
            self.pin_tries = PIN_TRIES;
            self.unlocked = true;
            return Tried::Right;
        }
        self.pin_tries = self.pin_tries.saturating_sub(1);
        if self.pin_tries == 0 {
            self.unlocked = false;
        }
        Tried::Wrong
    }

    /// Tries a PUK, which gives the card a new PIN. A wrong one costs a try.
    pub(super) fn try_puk(&mut self, typed: &str, new_pin: &str) -> Tried {
        if self.puk != typed {
            self.puk_tries = self.puk_tries.saturating_sub(1);
            return Tried::Wrong;
        }
        self.puk_tries = PUK_TRIES;
        self.pin_tries = PIN_TRIES;
        self.pin = Some(new_pin.to_owned());
        self.unlocked = true;
        Tried::Right
    }

    /// The status words of an APDU (`AT+CSIM`): VERIFY with an empty body asks for the tries left and costs none.
    pub(super) fn status_words(&self, apdu: &str) -> Option<String> {
        let left = |tries: u8| match tries {
            0 => "6983".to_owned(),
            tries => format!("63C{tries:X}"),
        };
        match apdu {
            "0020000100" if self.pin.is_none() || self.unlocked => Some("9000".to_owned()),
            "0020000100" => Some(left(self.pin_tries)),
            "002C000100" => Some(left(self.puk_tries)),
            _ => None,
        }
    }
}

impl CardState {
    /// What `AT+CPIN?` says, or how it fails.
    pub(super) fn text(self) -> Result<&'static str, Failure> {
        match self {
            Self::Ready => Ok("READY"),
            Self::Pin => Ok("SIM PIN"),
            Self::Puk => Ok("SIM PUK"),
            Self::NetworkLock => Ok("PH-NET PIN"),
            Self::Absent => Err(Failure::Equipment(10)),
            Self::Busy => Err(Failure::Equipment(14)),
            Self::Trouble(code) => Err(Failure::Equipment(code)),
        }
    }

    /// The failure of a command that needs the card; none when it can be used.
    pub(super) fn failure(self) -> Option<Failure> {
        let code = match self {
            Self::Ready => return None,
            Self::Absent => 10,
            Self::Pin => 11,
            Self::Puk => 12,
            Self::Busy => 14,
            Self::NetworkLock => 40,
            Self::Trouble(code) => code,
        };
        Some(Failure::Equipment(code))
    }

    /// The same of a command about messages (3GPP TS 27.005 §3.2.5).
    pub(super) fn message_failure(self, busy: u16) -> Option<Failure> {
        let code = match self {
            Self::Ready => return None,
            Self::Absent => 310,
            Self::Pin => 311,
            Self::NetworkLock => 312,
            Self::Trouble(13) => 313,
            Self::Busy => busy,
            Self::Trouble(_) => 315,
            Self::Puk => 316,
        };
        Some(Failure::Message(code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked() -> Card {
        Card { pin: Some("1234".to_owned()), ..Card::new("1".to_owned(), "2".to_owned()) }
    }

    #[test]
    fn three_wrong_pins_ask_for_the_puk_and_ten_wrong_puks_end_the_card() {
        let mut card = locked();
        for left in ["63C2", "63C1", "6983"] {
            assert_eq!(card.state(), CardState::Pin);
            assert_eq!(card.try_pin("0000"), Tried::Wrong);
            assert_eq!(card.status_words("0020000100").unwrap(), left);
        }
        for _ in 0..10 {
            assert_eq!(card.state(), CardState::Puk);
            assert_eq!(card.try_puk("00000000", "1111"), Tried::Wrong);
        }
        assert_eq!(card.state(), CardState::Trouble(13));
    }

    #[test]
    fn the_right_code_gives_all_tries_back() {
        let mut card = locked();
        card.try_pin("0000");
        assert_eq!(card.try_pin("1234"), Tried::Right);
        assert_eq!((card.state(), card.pin_tries), (CardState::Ready, 3));
        card.pin_tries = 0;
        assert_eq!(card.try_puk("12345678", "4321"), Tried::Right);
        assert_eq!((card.state(), card.pin.as_deref()), (CardState::Ready, Some("4321")));
    }
}
