//! Warnings that a modem can cause as often as it likes.

use std::time::{Duration, Instant};

use super::wire::now;
use crate::ids::SimId;

const PAUSE: Duration = Duration::from_secs(60);

/// Lets one kind of warning through once a minute, and counts the others.
#[derive(Default)]
pub(super) struct Rarely {
    said: Option<Instant>,
    kept_back: u64,
}

/// What a modem's task says of what comes in.
#[derive(Default)]
pub(super) struct Remarks {
    /// Of what was printed and cannot be read.
    pub(super) unreadable: Rarely,
    /// Of what is stored and did not come in.
    pub(super) strange: Rarely,
    /// Of what is stored and the modem neither lets read nor deletes.
    pub(super) refused: Rarely,
    /// The card that was last said to hold no service centre's number.
    pub(super) without_centre: Option<SimId>,
}

impl Rarely {
    /// Whether to warn now; if so, how many warnings were kept back since the last one.
    pub(super) fn warn(&mut self) -> Option<u64> {
        let now = now();
        if self.said.is_some_and(|said| now < said + PAUSE) {
            self.kept_back += 1;
            return None;
        }
        self.said = Some(now);
        Some(std::mem::take(&mut self.kept_back))
    }
}
