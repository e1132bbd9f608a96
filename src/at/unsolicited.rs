//! What a modem says by itself (3GPP TS 27.005 §3.4, 27.007 §7.2 and §8.3).

use super::command::Domain;
use super::fields::first_two;
use super::payload::Payload;
use super::ussd::Ussd;

/// Something the modem said without being asked, as far as anybody here cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsolicited {
    /// `+CDS`: a status report, here and nowhere else.
    StatusReport(Payload),
    /// `+CDSI`: a status report was stored.
    StatusReportStored(Place),
    /// `+CMT`: a message, here and nowhere else.
    Message(Payload),
    /// `+CMTI`: a message was stored.
    MessageStored(Place),
    /// `+CUSD`: what the network says to a question, or by itself.
    Ussd(Ussd),
    /// `+CREG`, `+CGREG`, `+CEREG`: the registration has changed.
    Registration(Domain, u32),
    /// `+CPIN`: the card's state has changed; the text is as for the query.
    SimState(String),
    /// The modem has started anew by itself, and knows nothing of what it was told before.
    Boot,
    /// The card, or what the modem makes of it, can be used now: worth another look.
    Ready,
    /// A storage is full, and nothing more will come in, reports neither; its name where the modem tells it.
    StorageFull(Option<String>),
    /// Somebody calls, or is no longer calling. Some modems never say the second.
    Call(bool),
    /// The modem's supply is too weak for it.
    WeakPower,
}

/// Where a message is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The storage, for instance `SM`.
    pub storage: String,
    /// The place in it.
    pub index: u32,
}

/// The first of two lines: what the next one belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Announced {
    kind: Kind,
    /// The octets of the PDU without the service centre's address, when the line tells.
    length: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    StatusReport,
    Message,
    Broadcast,
}

/// What a named line that answers nothing turns out to be.
pub(super) enum Meaning {
    Whole(Unsolicited),
    FirstOfTwo(Announced),
    Nothing,
}

impl Meaning {
    pub(super) fn of(name: &str, rest: &str) -> Self {
        let kind = match name {
            "+CDS" => Kind::StatusReport,
            "+CMT" => Kind::Message,
            "+CBM" => Kind::Broadcast,
            _ => return whole(name, rest).map_or(Self::Nothing, Self::Whole),
        };
        let last = rest.rsplit(',').next().unwrap_or_default();
        // `+CDS: <length>`, `+CMT: [<alpha>],<length>`; ZTE puts a comma before the length of a `+CDS` as well.
        Self::FirstOfTwo(Announced { kind, length: last.trim().parse().ok() })
    }
}

fn whole(name: &str, rest: &str) -> Option<Unsolicited> {
    match name {
        "+CDSI" => place(rest).map(Unsolicited::StatusReportStored),
        "+CMTI" => place(rest).map(Unsolicited::MessageStored),
        "+CPIN" => Some(Unsolicited::SimState(rest.to_owned())),
        _ => {
            let domain = Domain::by_name(name)?;
            let status = rest.split(',').next()?.trim().parse().ok()?;
            Some(Unsolicited::Registration(domain, status))
        }
    }
}

fn place(rest: &str) -> Option<Place> {
    let (storage, index) = first_two(rest)?;
    Some(Place { storage: storage.text()?.to_owned(), index: index.number()? })
}

impl Announced {
    /// Whether this line is the PDU that was announced, judged by its own first octet, which tells the length of the
    /// service centre's address (3GPP TS 27.005 §3.1).
    pub(super) fn fits(self, payload: &Payload) -> bool {
        let text = payload.expose();
        let octets = text.len() / 2;
        let before = match self.kind {
            // A page of a broadcast has no address (3GPP TS 27.005 §3.4.1).
            Kind::Broadcast => 0,
            _ => 1 + text.get(..2).and_then(|first| usize::from_str_radix(first, 16).ok()).unwrap_or(0),
        };
        self.length.is_none_or(|length| usize::try_from(length).is_ok_and(|length| octets == before + length))
    }

    /// The whole of it, now that its second line is here; `None` for what nobody here cares about.
    pub(super) fn complete(self, payload: Payload) -> Option<Unsolicited> {
        match self.kind {
            Kind::StatusReport => Some(Unsolicited::StatusReport(payload)),
            Kind::Message => Some(Unsolicited::Message(payload)),
            Kind::Broadcast => None,
        }
    }
}
