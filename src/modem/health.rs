//! What a modem says about itself, as everybody else sees it.

use super::port::Unopened;
use crate::clock::Timestamp;
use crate::ids::{Iccid, Imei, Imsi, ModemName, SimId};
use crate::phone::PhoneNumber;

/// One modem as it is now. Handed out as a watch value: whoever is interested waits for the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The modem's name in the configuration.
    pub name: ModemName,
    /// The port it is reached over.
    pub port: String,
    /// Whether it can be given a message, and why not.
    pub state: State,
    /// Since when it has been in this state.
    pub since: Timestamp,
    /// What is the matter with it although it sends.
    pub concern: Option<Concern>,
    /// Who made it (`+CGMI`).
    pub manufacturer: Option<String>,
    /// Its model (`+CGMM`).
    pub model: Option<String>,
    /// Its firmware (`+CGMR`).
    pub firmware: Option<String>,
    /// The radio's own number (`+CGSN`).
    pub imei: Option<Imei>,
    /// The card in it, once one has been read.
    pub sim: Option<Sim>,
    /// How it stands with the network.
    pub registration: Registration,
    /// The network's name, as the modem tells it (`+COPS?`).
    pub operator: Option<String>,
    /// How strong the network is received; `None` when the modem does not know.
    pub signal: Option<Signal>,
    /// The number of the service centre (`+CSCA?`); `None` when the card holds none.
    pub service_centre: Option<String>,
    /// The card's own telephone number (`+CNUM`), which many cards do not hold.
    pub phone_number: Option<PhoneNumber>,
    /// The family whose manners it is driven by, for instance `quectel`; `None` until it has said who made it.
    pub family: Option<&'static str>,
    /// What was last tried to bring it back, and whether that helped.
    pub recovery: Option<Recovery>,
}

/// Something that keeps a modem from receiving, or may come to keep it from sending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concern {
    /// What is the matter, in one sentence.
    pub reason: String,
    /// What the person who cares for it can do, in one sentence.
    pub advice: String,
}

/// What was tried with a modem that did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// The rung of the ladder.
    pub rung: Rung,
    /// When it was tried.
    pub at: Timestamp,
    /// Whether the modem could send after it; `None` while that is not known.
    pub helped: Option<bool>,
}

/// The rungs of the ladder, the gentlest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rung {
    /// ESC and `AT`.
    Wake,
    /// The port closed and opened.
    Reopen,
    /// The modem restarted (`AT+CFUN=1,1` or its family's own command).
    Restart,
    /// Its USB device taken off the bus and back.
    UsbReset,
    /// The site's own command for its power.
    PowerCycle,
}

impl Rung {
    /// The rung as one word, for instance `usb_reset`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wake => "wake",
            Self::Reopen => "reopen",
            Self::Restart => "restart",
            Self::UsbReset => "usb_reset",
            Self::PowerCycle => "power_cycle",
        }
    }
}

impl Health {
    /// Whether something is being tried with it, and it has not shown yet whether that helped.
    pub(super) fn is_being_brought_back(&self) -> bool {
        self.recovery.is_some_and(|last| last.helped.is_none())
    }

    /// A modem nobody has looked at yet.
    pub(crate) fn new(name: ModemName, port: String, now: Timestamp) -> Self {
        Self {
            name,
            port,
            state: State::Starting,
            since: now,
            concern: None,
            manufacturer: None,
            model: None,
            firmware: None,
            imei: None,
            sim: None,
            registration: Registration::Unknown,
            operator: None,
            signal: None,
            service_centre: None,
            phone_number: None,
            family: None,
            recovery: None,
        }
    }
}

/// Whether a modem can be given a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Its port is not there or does not open.
    Absent {
        /// What happened when the port was opened, in one sentence.
        reason: String,
    },
    /// Its port is open; it is being asked who it is and set up.
    Starting,
    /// It can be given a message now.
    Ready,
    /// It answers, but cannot send.
    NotReady {
        /// What is the matter, in one sentence.
        reason: String,
        /// What the person who cares for it can do, in one sentence.
        advice: String,
    },
}

impl State {
    /// What a modem is in whose port does not open.
    pub(super) fn unopened(error: &std::io::Error) -> Self {
        let reason = match error.get_ref() {
            Some(inner) if inner.is::<Unopened>() => error.to_string(),
            None if error.kind() == std::io::ErrorKind::NotFound => "the port is not there".to_owned(),
            _ => format!("the port does not open: {error}"),
        };
        Self::Absent { reason }
    }

    /// Whether a message can be given to the modem now.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(self, Self::Ready)
    }

    /// The state as one word: `absent`, `starting`, `ready`, `not_ready`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Absent { .. } => "absent",
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::NotReady { .. } => "not_ready",
        }
    }

    /// What is the matter, in one sentence, if something is.
    pub(super) fn reason(&self) -> Option<&str> {
        match self {
            Self::Absent { reason } | Self::NotReady { reason, .. } => Some(reason),
            Self::Starting | Self::Ready => None,
        }
    }

    /// What can be done about that, as far as the modem itself shows it.
    pub(super) fn advice(&self) -> Option<&str> {
        match self {
            Self::NotReady { advice, .. } => Some(advice),
            Self::Absent { .. } | Self::Starting | Self::Ready => None,
        }
    }
}

/// The card in a modem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sim {
    /// What its budget and its status reports belong to.
    pub id: SimId,
    /// The card's number, when the modem tells it.
    pub iccid: Option<Iccid>,
    /// The subscription's number, when the modem tells it. Its first three digits name the home country (MCC).
    pub imsi: Option<Imsi>,
}

/// How a modem stands with the network: the best of what `+CREG`, `+CGREG` and `+CEREG` say (3GPP TS 27.007 §7.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Registration {
    /// Not asked yet, or out of coverage.
    Unknown,
    /// Neither registered nor searching.
    Idle,
    /// Searching for a network.
    Searching,
    /// The network refused this card, this modem or this area.
    Denied,
    /// Only emergency calls are allowed.
    EmergencyOnly,
    /// Registered in the home network.
    Home,
    /// Registered in a visited network.
    Roaming,
}

impl Registration {
    /// Whether messages can be sent.
    #[must_use]
    pub fn is_registered(self) -> bool {
        matches!(self, Self::Home | Self::Roaming)
    }

    /// The state as one word, for instance `home`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Idle => "idle",
            Self::Searching => "searching",
            Self::Denied => "denied",
            Self::EmergencyOnly => "emergency_only",
            Self::Home => "home",
            Self::Roaming => "roaming",
        }
    }
}

/// Received signal strength, in dBm: -113 is the weakest that is told, -51 and more the strongest (`+CSQ`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal {
    /// The strength in dBm.
    pub dbm: i16,
}
