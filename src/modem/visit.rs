//! What is known of a modem while its port stays open. The next time another one may be there, so all of it is found out
//! anew then.

use std::time::Instant;

use super::health::State;
use super::look::Look;
use super::storages::Storages;
use super::verdict::Statuses;
use crate::at::CardNumber;

/// One visit to an open port.
pub(super) struct Visit {
    pub(super) phase: Phase,
    /// When the modem is asked again how it stands.
    pub(super) look: Look,
    /// Why the modem cannot send whatever the network says: its card, or it takes no messages.
    pub(super) trouble: Option<State>,
    /// What was the trouble is none any more, as the modem says: the card is ready.
    pub(super) card_is_back: bool,
    /// Since when the modem does not read its card, though one is in it.
    pub(super) card_fails: Option<Instant>,
    /// The way in which this modem tells the card's number, once one is known.
    pub(super) card_number_way: Option<CardNumber>,
    /// Whether the modem tells the truth about taking PDUs (`+CMGF: 0`).
    pub(super) tells_format: bool,
    pub(super) statuses: Statuses,
    /// Why the network refuses the modem, as far as it told.
    pub(super) denial: Option<String>,
    pub(super) storages: Storages,
}

/// How far a visit has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The modem has not answered yet.
    Waking,
    /// It answers, and is set up for the first time.
    SettingUp,
    /// It does its work.
    Working,
}

impl Visit {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            phase: Phase::Waking,
            look: Look::new(now),
            trouble: None,
            card_is_back: false,
            card_fails: None,
            card_number_way: None,
            tells_format: false,
            statuses: Statuses::default(),
            denial: None,
            storages: Storages::default(),
        }
    }
}
