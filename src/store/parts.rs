//! The parts of a message while it is worked on: loaded, moved by events, saved.
//!
//! Their one rule: the state of a part changes only by [`transition`].

use super::error::StoreError;
use super::row;
use super::writer::Work;
use crate::message::{Event, Status, transition};

/// A part while it is worked on.
pub(super) struct Part {
    pub(super) status: Status,
    pub(super) failures: u32,
    pub(super) sim: Option<String>,
    pub(super) attempt: Option<i64>,
    pub(super) reference: Option<u8>,
    /// The attempt before its second copy, and the SIM of that, while it is in doubt. The message may have left that SIM.
    pub(super) doubt: Option<(i64, String)>,
    changed: bool,
}

impl Part {
    /// Moves the part on. An event that has no place in its state changes nothing; `false` then.
    pub(super) fn happen(&mut self, event: Event) -> bool {
        match transition(self.status, event) {
            Ok(status) => {
                self.status = status;
                self.changed = true;
                true
            }
            Err(impossible) => {
                tracing::debug!(%impossible, "nothing changes");
                false
            }
        }
    }

    /// It will not arrive, as far as anybody knows.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self.status, Status::Failed | Status::Undelivered | Status::Expired | Status::Cancelled)
    }

    /// No copy of it is sent any more. What was in doubt before still is.
    pub(super) fn give_up(&mut self, event: Event) {
        match self.doubt.take() {
            Some((attempt, sim)) => {
                self.happen(Event::Doubted);
                (self.attempt, self.sim) = (Some(attempt), Some(sim));
            }
            None => drop(self.happen(event)),
        }
    }

    /// Begins the part's life anew: another SIM sends the message from its first part on.
    pub(super) fn restart(&mut self) {
        *self = Self {
            status: Status::Queued,
            failures: 0,
            sim: None,
            attempt: None,
            reference: None,
            doubt: None,
            changed: true,
        };
    }
}

/// The parts of the message of this seq, in their order.
pub(super) fn load(work: &Work<'_>, seq: i64) -> Result<Vec<Part>, StoreError> {
    let mut statement = work.conn.prepare_cached(
        "SELECT status, failures, sim, attempt, reference FROM part WHERE message = ?1 ORDER BY part",
    )?;
    let mut rows = statement.query([seq])?;
    let mut parts = Vec::new();
    while let Some(row) = rows.next()? {
        parts.push(Part {
            status: row::status_from(&row.get::<_, String>(0)?)?,
            failures: row.get(1)?,
            sim: row.get(2)?,
            attempt: row.get(3)?,
            reference: row.get(4)?,
            doubt: None,
            changed: false,
        });
    }
    Ok(parts)
}

/// Writes down those that have changed, of the message of this seq.
pub(super) fn save(work: &Work<'_>, seq: i64, parts: &[Part]) -> Result<(), StoreError> {
    for (number, part) in (0_i64..).zip(parts).filter(|(_, part)| part.changed) {
        work.conn
            .prepare_cached(
                "UPDATE part SET status = ?3, failures = ?4, sim = ?5, attempt = ?6, reference = ?7
                 WHERE message = ?1 AND part = ?2",
            )?
            .execute((seq, number, part.status.as_str(), part.failures, &part.sim, part.attempt, part.reference))?;
    }
    Ok(())
}
