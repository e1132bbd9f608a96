//! The answer to a command that ended with `OK`.

use std::fmt;

use super::command::NewMessages;
use super::fields::{Field, fields};
use super::payload::Payload;

/// The lines of an answer are given up beyond this many octets, so that a modem gone mad costs bounded memory. A full
/// storage of 255 messages needs 110,000.
const REPLY_LIMIT: usize = 256 * 1024;

/// What a modem answered. It prints as the number of its lines alone, since they can hold numbers and PDUs.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Reply {
    lines: Vec<Information>,
    octets: usize,
}

/// One line of an answer.
#[derive(Clone, PartialEq, Eq)]
struct Information {
    /// What stands behind the name and its colon, or the whole line where there is no name.
    text: String,
    /// The PDU on the line after it.
    payload: Option<Payload>,
}

/// A message as a storage holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its place.
    pub index: u32,
    /// The message or report.
    pub payload: Payload,
}

impl Information {
    /// Without quotes around it; `None` when nothing is left.
    fn bare(&self) -> Option<&str> {
        let text = self.text.trim_matches('"').trim();
        (!text.is_empty()).then_some(text)
    }
}

impl Reply {
    pub(super) fn add(&mut self, text: &str) {
        self.octets += text.len() + size_of::<Information>();
        if self.octets <= REPLY_LIMIT {
            self.lines.push(Information { text: text.to_owned(), payload: None });
        }
    }

    /// Whether the last line still lacks its PDU.
    pub(super) fn lacks_payload(&self) -> bool {
        self.octets <= REPLY_LIMIT && self.lines.last().is_some_and(|line| line.payload.is_none())
    }

    pub(super) fn add_payload(&mut self, payload: Payload) {
        self.octets += payload.expose().len();
        if let Some(line) = self.lines.last_mut() {
            line.payload = Some(payload);
        }
    }

    /// The first line, without quotes around it; `None` when there is none or it is empty.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.lines.first().and_then(Information::bare)
    }

    /// The last line, like [`Self::text`]: what is newest where a modem says meanwhile by itself what it is asked.
    #[must_use]
    pub fn last_text(&self) -> Option<&str> {
        self.lines.last().and_then(Information::bare)
    }

    /// Whether its lines do not all say the same: what it tells of has changed meanwhile.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.lines.iter().any(|line| Some(line) != self.lines.first())
    }

    /// What stands in each line.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(|line| line.text.as_str())
    }

    /// The fields of the first line.
    #[must_use]
    pub fn fields(&self) -> Vec<Field<'_>> {
        self.lines.first().map_or_else(Vec::new, |line| fields(&line.text))
    }

    /// `+CREG: <n>,<stat>…`: the status.
    #[must_use]
    pub fn registration(&self) -> Option<u32> {
        self.fields().get(1).and_then(Field::number)
    }

    /// `+CREG: <n>,<stat>,[<lac>],[<ci>],[<AcT>],0,<cause>`: the network's cause for refusing (3GPP TS 24.008 §10.5.3.6,
    /// 24.301 §9.9.3.9).
    #[must_use]
    pub fn refusal_cause(&self) -> Option<u32> {
        let fields = self.fields();
        (fields.get(5)?.number() == Some(0)).then(|| fields.get(6)?.number())?
    }

    /// `+CNMI: (…),(…),(…),(…),(…)`: where new messages can go.
    #[must_use]
    pub fn routes(&self) -> Option<Routes<'_>> {
        let fields = self.fields();
        (fields.len() >= 4).then_some(Routes(fields))
    }

    /// The message read from this place (`+CMGR`).
    #[must_use]
    pub fn message(&self) -> Option<&Payload> {
        self.lines.first()?.payload.as_ref()
    }

    /// The messages of a listing (`+CMGL`).
    pub fn messages(&self) -> impl Iterator<Item = Stored> + '_ {
        self.lines.iter().filter_map(|line| {
            let index = fields(&line.text).first()?.number()?;
            Some(Stored { index, payload: line.payload.clone()? })
        })
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({} lines)", self.lines.len())
    }
}

/// Where a modem can send new messages and reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routes<'a>(Vec<Field<'a>>);

impl Routes<'_> {
    /// Whether each of the five is on offer. A fifth that is not told counts as offered when it is 0.
    #[must_use]
    pub fn offer(&self, to: NewMessages) -> bool {
        let wanted = [to.mode, to.mt, to.bm, to.ds, to.bfr];
        wanted.iter().enumerate().all(|(at, value)| match self.0.get(at) {
            Some(offer) => offer.offers(*value),
            None => *value == 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(line: &str) -> Reply {
        let mut reply = Reply::default();
        reply.add(line);
        reply
    }

    #[test]
    fn a_route_is_offered_when_all_five_of_its_parts_are() {
        let to = NewMessages { mode: 2, mt: 1, bm: 0, ds: 1, bfr: 0 };
        for offer in ["(0-2),(0-3),(0,2),(0-2),(0,1)", "(0,1,2),(0,1),0,(0,1),(0)", "(0-3),(0-3),(0-3),(0-2)"] {
            assert!(reply(offer).routes().unwrap().offer(to), "{offer}");
        }
        for offer in ["(0-1),(0-3),(0,2),(0-2),(0,1)", "(0-2),(0-3),(0,2),(0,2),(0,1)", "(0,1,2),(0,1),(0),(0,1),(1)"] {
            assert!(!reply(offer).routes().unwrap().offer(to), "{offer}");
        }
        assert_eq!(reply("2,1").routes(), None);
    }

    #[test]
    fn an_answer_without_end_is_cut_off() {
        let mut reply = Reply::default();
        for _ in 0..100_000 {
            reply.add("+CMGL: 1,0,,26");
            if reply.lacks_payload() {
                reply.add_payload(Payload::new("00".repeat(180)).unwrap());
            }
        }
        assert!(reply.octets < 16_000_000 && reply.lines.len() < 2_000);
    }
}
