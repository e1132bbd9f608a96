//! Where messages are kept: on the SIM (`SM`), in the modem (`ME`), and status reports by themselves (`SR`).

use serde::{Deserialize, Serialize};

use crate::pdu::{Address, Deliver, Frame, StatusReport, Submit};

/// One of the storages (3GPP TS 27.005 §3.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StorageName {
    /// On the SIM: `SM`.
    #[serde(rename = "SM")]
    Sim,
    /// In the modem: `ME`.
    #[serde(rename = "ME")]
    Equipment,
    /// Status reports: `SR`.
    #[serde(rename = "SR")]
    Reports,
}

impl StorageName {
    pub(super) fn read(text: &str) -> Option<Self> {
        match text {
            "SM" => Some(Self::Sim),
            "ME" => Some(Self::Equipment),
            "SR" => Some(Self::Reports),
            _ => None,
        }
    }

    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Sim => "SM",
            Self::Equipment => "ME",
            Self::Reports => "SR",
        }
    }
}

/// `<stat>` of a stored message (3GPP TS 27.005 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Unread = 0,
    Read = 1,
    Unsent = 2,
    Sent = 3,
}

impl Status {
    const ALL: [Self; 4] = [Self::Unread, Self::Read, Self::Unsent, Self::Sent];

    pub(super) fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|status| *status as u32 == number)
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.text().eq_ignore_ascii_case(text))
    }

    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Unread => "REC UNREAD",
            Self::Read => "REC READ",
            Self::Unsent => "STO UNSENT",
            Self::Sent => "STO SENT",
        }
    }
}

/// A message of any kind.
#[derive(Debug, Clone)]
pub(super) enum Message {
    Deliver(Deliver),
    Report(StatusReport),
    Submit(Submit),
}

/// A message in its place.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) status: Status,
    pub(super) message: Message,
    /// What was stored, with the service centre in front.
    pub(super) frame: Frame,
}

impl Message {
    /// As it stands in a storage and in PDU mode.
    pub(super) fn frame(&self, service_centre: Option<Address>) -> Option<Frame> {
        let tpdu = match self {
            Self::Deliver(deliver) => deliver.encode(),
            Self::Report(report) => report.encode(),
            Self::Submit(submit) => submit.encode(),
        };
        Some(Frame { service_centre, tpdu: tpdu.ok()? })
    }
}

/// A storage with a fixed number of places, counted from 1.
#[derive(Debug)]
pub(super) struct Storage(Vec<Option<Stored>>);

impl Storage {
    pub(super) fn new(places: usize) -> Self {
        Self(std::iter::repeat_with(|| None).take(places).collect())
    }

    pub(super) fn total(&self) -> usize {
        self.0.len()
    }

    pub(super) fn used(&self) -> usize {
        self.0.iter().flatten().count()
    }

    /// Puts the message into the first free place; none when all are taken.
    pub(super) fn put(&mut self, stored: Stored) -> Option<usize> {
        let free = self.0.iter().position(Option::is_none)?;
        self.0[free] = Some(stored);
        Some(free + 1)
    }

    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut Stored> {
        self.0.get_mut(index.checked_sub(1)?)?.as_mut()
    }

    /// Whether there is such a place, used or not.
    pub(super) fn has_place(&self, index: usize) -> bool {
        (1..=self.0.len()).contains(&index)
    }

    pub(super) fn delete(&mut self, index: usize) {
        if let Some(place) = index.checked_sub(1).and_then(|place| self.0.get_mut(place)) {
            *place = None;
        }
    }

    /// Deletes every message whose status is one of these.
    pub(super) fn delete_all(&mut self, statuses: &[Status]) {
        for place in &mut self.0 {
            if place.as_ref().is_some_and(|stored| statuses.contains(&stored.status)) {
                *place = None;
            }
        }
    }

    /// Every message, with its place.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (usize, &mut Stored)> {
        self.0.iter_mut().enumerate().filter_map(|(place, stored)| Some((place + 1, stored.as_mut()?)))
    }
}
