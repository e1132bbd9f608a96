//! What the lines of an answer look like, and so which lines are the running command's own.

use super::manners;
use super::payload::Payload;

/// The lines of an answer, the final result aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// None.
    Nothing,
    /// Lines of this name.
    Named(&'static str),
    /// `+CREG: <n>,<stat>…`, to be told from the unsolicited `+CREG: <stat>…` by its fields.
    Registration(&'static str),
    /// Free text, with or without this name before it.
    Text(&'static str),
    /// A number, with or without this name before it.
    Digits(&'static str),
    /// Lines of this name, each followed by a PDU.
    Pdu(&'static str),
}

impl Answer {
    /// Whether a named line belongs to the answer.
    pub(super) fn takes_named(self, name: &str, rest: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Registration(own) => own == name && is_registration_reply(rest),
            Self::Named(own) | Self::Text(own) | Self::Digits(own) | Self::Pdu(own) => own == name,
        }
    }

    /// Whether a line without a name belongs to the answer. PDUs are asked for by [`Answer::payload`].
    pub(super) fn takes_text(self, text: &str) -> bool {
        match self {
            Self::Text(_) => !is_remark(text),
            Self::Digits(_) => is_identity(text),
            Self::Nothing | Self::Named(_) | Self::Registration(_) | Self::Pdu(_) => false,
        }
    }

    /// The PDU in a line, where the answer has PDUs.
    pub(super) fn payload(self, text: &str) -> Option<Payload> {
        matches!(self, Self::Pdu(_)).then(|| Payload::new(text.to_owned())).flatten()
    }

    /// Whether a line of nothing but hexadecimal digits could belong to the answer.
    pub(super) fn wants_hex(self) -> bool {
        matches!(self, Self::Text(_) | Self::Digits(_) | Self::Pdu(_))
    }
}

/// With `<n>` before it `<stat>` is the second field, a bare number; in what the modem says by itself the second is the
/// area, in quotes or four digits long (3GPP TS 27.007 §10.1.20).
fn is_registration_reply(rest: &str) -> bool {
    let Some((_, after)) = rest.split_once(',') else { return false };
    let second = after.split(',').next().unwrap_or_default().trim();
    second.len() <= 2 && second.parse::<u8>().is_ok()
}

/// What modems say of themselves without a name, and the echo of something older.
fn is_remark(text: &str) -> bool {
    manners::common(text).is_some() || text.starts_with("AT+")
}

/// IMEI, IMSI or ICCID: digits, at the end of an ICCID padded with `F`, perhaps in quotes.
fn is_identity(text: &str) -> bool {
    let digits = text.trim_matches('"').trim_end_matches(['F', 'f']);
    digits.len() >= 5 && digits.bytes().all(|octet| octet.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registration_is_told_from_the_answer_about_it_by_its_fields() {
        let answer = Answer::Registration("+CREG");
        for reply in ["0,1", "2,5,\"00C3\",\"1A2B\",7", "2, 1", "2,11"] {
            assert!(answer.takes_named("+CREG", reply), "{reply}");
        }
        for said in ["1", "1,\"00C3\",\"1A2B\"", "1,00C3,1A2B,7", "5,\"03\",\"1A2B\""] {
            assert!(!answer.takes_named("+CREG", said), "{said}");
        }
        assert!(!answer.takes_named("+CGREG", "0,1"));
    }

    #[test]
    fn remarks_are_no_answer() {
        assert!(Answer::Text("+CGMM").takes_text("EC25"));
        assert!(!Answer::Text("+CGMM").takes_text("SMS Ready"));
        assert!(!Answer::Text("+CGMM").takes_text("NO CARRIER"));
        assert!(Answer::Digits("+CCID").takes_text("8988211000000000001F"));
        assert!(!Answer::Digits("+CIMI").takes_text("PB DONE"));
    }
}
