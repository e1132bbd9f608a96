//! How a modem wants to be treated, and what it says in words of its own. The families themselves are not known here:
//! whoever knows them hands their manners in.

use std::time::Duration;

use super::fields::{Field, fields};
use super::refusal::Codes;
use super::unsolicited::Unsolicited;

/// What is peculiar to the modems of one family, as far as the conversation goes.
#[derive(Debug, Clone, Copy)]
pub struct Manners {
    /// The pause between the end of an answer and the next line. ITU-T V.250 §5.6 wants 100 ms, which only modems on a
    /// real serial line need.
    pub pace: Duration,
    /// The pause at the prompt before the PDU, and between the PDU and Ctrl-Z. With none, both go out in one write.
    pub gap: Duration,
    /// How what it says by itself begins, from a sign or a capital on, and what it means. Spaces and quotes do not count,
    /// nor does the case of letters.
    pub remarks: &'static [(&'static str, Remark)],
    /// Its maker's own error numbers.
    pub codes: &'static Codes,
}

impl Manners {
    /// Those of a modem nobody has heard of, over USB.
    pub const PLAIN: &'static Self =
        &Self { pace: Duration::ZERO, gap: Duration::ZERO, remarks: &[], codes: Codes::NONE };

    /// What a line means that answers nothing, by its family's words and then by everybody's; `None` for small talk.
    pub(super) fn meaning(&self, line: &str) -> Option<Unsolicited> {
        remark(self.remarks, line).or_else(|| common(line))?.meaning(line)
    }
}

impl Default for &'static Manners {
    fn default() -> Self {
        Manners::PLAIN
    }
}

/// What something means that a modem says by itself in words of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remark {
    /// It has started anew.
    Boot,
    /// The card, or what the modem makes of it, can be used now.
    Ready,
    /// The card is no longer in it.
    CardGone,
    /// A storage is full; the last short word of the line is its name.
    StorageFull,
    /// Somebody calls.
    Call,
    /// The call is over.
    CallOver,
    /// Its supply is too weak.
    WeakPower,
    /// Nothing.
    SmallTalk,
}

impl Remark {
    fn meaning(self, line: &str) -> Option<Unsolicited> {
        Some(match self {
            Self::Boot => Unsolicited::Boot,
            Self::Ready => Unsolicited::Ready,
            Self::CardGone => Unsolicited::SimState("NOT INSERTED".to_owned()),
            Self::StorageFull => Unsolicited::StorageFull(storage(line)),
            Self::Call => Unsolicited::Call(true),
            Self::CallOver => Unsolicited::Call(false),
            Self::WeakPower => Unsolicited::WeakPower,
            Self::SmallTalk => return None,
        })
    }
}

/// What many families say by themselves under a name: calls (3GPP TS 27.007 §6.11, §7.11), and a full storage (§8.9).
const NAMED: [(&str, Remark); 4] = [
    ("+CRING", Remark::Call),
    ("+CLIP", Remark::Call),
    ("+CIEV: smsfull,0", Remark::SmallTalk),
    ("+CIEV: smsfull", Remark::StorageFull),
];

/// The words that many families share: those of ITU-T V.250 §6.3 for calls, and what modules print while they start.
const WORDS: [(&str, Remark); 18] = [
    ("RING", Remark::Call),
    ("NO CARRIER", Remark::CallOver),
    ("BUSY", Remark::CallOver),
    ("NO ANSWER", Remark::CallOver),
    ("NO DIALTONE", Remark::CallOver),
    ("MISSED_CALL", Remark::CallOver),
    ("STOPRING", Remark::CallOver),
    ("VOICE CALL: BEGIN", Remark::Call),
    ("VOICE CALL: END", Remark::CallOver),
    ("RDY", Remark::Boot),
    ("SMS READY", Remark::Ready),
    ("SMS DONE", Remark::Ready),
    ("PB DONE", Remark::Ready),
    ("CALL READY", Remark::Ready),
    // As the modules spell it.
    ("UNDER-VOLTAGE", Remark::WeakPower),
    ("UNDER_VOLTAGE", Remark::WeakPower),
    ("NORMAL POWER DOWN", Remark::SmallTalk),
    ("POWERED DOWN", Remark::SmallTalk),
];

/// What a line means in words that many families share.
pub(super) fn common(line: &str) -> Option<Remark> {
    let named = !line.starts_with(|c: char| c.is_ascii_alphabetic());
    remark(if named { &NAMED } else { &WORDS }, line)
}

fn remark(known: &[(&str, Remark)], line: &str) -> Option<Remark> {
    // Nearly every line ends here: a modem may talk a great deal.
    let first = line.as_bytes().first()?.to_ascii_uppercase();
    let likely = |words: &str| words.as_bytes().first() == Some(&first);
    known.iter().find(|(words, _)| likely(words) && begins_with(line, words)).map(|(_, remark)| *remark)
}

/// Whether the line begins with these words and does not go on in the middle of the last.
fn begins_with(line: &str, words: &str) -> bool {
    let counts = |octet: &u8| !matches!(octet, b' ' | b'"');
    let mut rest = line.as_bytes();
    let mut last = 0;
    for wanted in words.bytes().filter(counts) {
        let Some(at) = rest.iter().position(counts) else { return false };
        last = rest[at];
        if !last.eq_ignore_ascii_case(&wanted) {
            return false;
        }
        rest = &rest[at + 1..];
    }
    !(last.is_ascii_alphanumeric() && rest.first().is_some_and(u8::is_ascii_alphanumeric))
}

/// The last word of a line that looks like a storage: `SM`, `ME`, `SR`.
fn storage(line: &str) -> Option<String> {
    let (_, rest) = line.split_once(':')?;
    let fields = fields(rest);
    let name = fields.iter().rev().filter_map(Field::text).find(|text| text.len() == 2)?;
    name.bytes().all(|octet| octet.is_ascii_alphabetic()).then(|| name.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Manners = Manners {
        remarks: &[
            ("^SMMEMFULL", Remark::StorageFull),
            ("+QIND: smsfull", Remark::StorageFull),
            ("#QSS: 0", Remark::CardGone),
            ("#QSS: 3", Remark::Ready),
            ("*ATREADY: 1", Remark::Boot),
        ],
        ..*Manners::PLAIN
    };

    #[test]
    fn what_a_modem_says_in_its_own_words_is_known_whatever_its_spaces_quotes_and_case() {
        let full = |name: &str| Some(Unsolicited::StorageFull(Some(name.to_owned())));
        for (line, meaning) in [
            ("^SMMEMFULL: \"SM\"", full("SM")),
            ("^SMMEMFULL:\"me\"", full("ME")),
            ("+QIND: \"smsfull\",\"ME\"", full("ME")),
            ("+QIND:\"SMSFULL\",SM", full("SM")),
            ("+CIEV: \"SMSFULL\",2", Some(Unsolicited::StorageFull(None))),
            ("+CIEV: smsfull,0", None),
            ("#QSS: 0", Some(Unsolicited::SimState("NOT INSERTED".to_owned()))),
            ("#QSS:3", Some(Unsolicited::Ready)),
            ("*ATREADY: 1", Some(Unsolicited::Boot)),
            ("RDY", Some(Unsolicited::Boot)),
            ("Sms Ready", Some(Unsolicited::Ready)),
            ("+CRING: VOICE", Some(Unsolicited::Call(true))),
            ("NO CARRIER", Some(Unsolicited::Call(false))),
            ("UNDER-VOLTAGE WARNNING", Some(Unsolicited::WeakPower)),
        ] {
            assert_eq!(OWN.meaning(line), meaning, "{line}");
        }
    }

    #[test]
    fn what_only_begins_alike_means_nothing() {
        for line in ["RDYX", "RINGING", "+QIND: \"csq\",20", "#QSS: 1", "^SMMEMFULLX", "SMS Readyness", "", "R"] {
            assert_eq!(OWN.meaning(line), None, "{line}");
        }
        assert_eq!(Manners::PLAIN.meaning("*ATREADY: 1"), None);
    }
}
