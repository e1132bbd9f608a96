//! For how long what happened stays on record.
//!
//! The oldest go, a few at a time and with pauses, whatever the backlog: nobody who sends waits for it. The newest stays,
//! so that no place in the log is ever given twice. What a callback still has to tell stays until that is over, a month
//! after it was given up at the latest.

use std::sync::atomic::Ordering;
use std::time::Duration;

use rusqlite::OptionalExtension;
use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::handle::Store;
use super::row;
use super::writer::Work;
use crate::clock::Moment;

/// How many go at once.
const STEP: i64 = 128;
/// The least time between two steps.
const PAUSE: Duration = Duration::from_secs(1);
/// What is old enough may stay so much longer, so that it goes many at a time.
const SLACK: Duration = Duration::from_secs(600);

/// For how long what happened stays on record: the `[audit]` part of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Retention {
    /// In days, up to 36500; 0 = for ever. Default 365.
    pub keep_days: Days,
}

/// 0 to 36500 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Days(u32);

impl Default for Days {
    fn default() -> Self {
        Self(365)
    }
}

impl TryFrom<u32> for Days {
    type Error = &'static str;

    fn try_from(days: u32) -> Result<Self, Self::Error> {
        if days <= 36_500 { Ok(Self(days)) } else { Err("expected a whole number from 0 to 36500") }
    }
}

impl From<Days> for u32 {
    fn from(days: Days) -> Self {
        days.0
    }
}

impl Store {
    /// Keeps what happened for so long from now on. Before the first call it is kept for ever.
    pub fn set_retention(&self, retention: Retention) {
        self.keep_days().store(retention.keep_days.0, Ordering::Relaxed);
    }
}

/// Removes a few of those that were kept long enough, except what a callback still has to tell.
pub(super) fn forget(work: &Work<'_>) -> Result<(), StoreError> {
    if oldest_goes(work)?.is_none_or(|at| at > work.now) {
        return Ok(());
    }
    let sql = "SELECT min(seq), max(seq) FROM (
                   SELECT seq, moment FROM event WHERE seq >= (SELECT kept_from FROM site) ORDER BY seq LIMIT ?2)
               WHERE moment < ?1 AND seq < (SELECT max(seq) FROM event)";
    let before = (work.now - kept_for(work)).as_millis();
    let range = work.conn.prepare_cached(sql)?.query_row((before, STEP), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (Some(first), Some(last)): (Option<i64>, Option<i64>) = range else { return Ok(()) };
    work.conn.prepare_cached("UPDATE site SET kept_from = ?1")?.execute([last + 1])?;
    let sql = "DELETE FROM event WHERE seq BETWEEN ?1 AND ?2
                 AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.event = event.seq)";
    work.conn.prepare_cached(sql)?.execute((first, last))?;
    Ok(())
}

/// A callback has told this event, or never will: it goes, if only that kept it.
pub(super) fn let_go(work: &Work<'_>, event: i64) -> Result<(), StoreError> {
    let sql = "DELETE FROM event WHERE seq = ?1 AND seq < (SELECT kept_from FROM site)
                 AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.event = ?1)";
    work.conn.prepare_cached(sql)?.execute([event])?;
    Ok(())
}

/// When there is something to remove.
pub(super) fn next_due(work: &Work<'_>) -> Result<Option<Moment>, StoreError> {
    Ok(oldest_goes(work)?.map(|at| at.max(work.now + PAUSE)))
}

/// When the oldest of those goes that are kept for their age, if one does.
fn oldest_goes(work: &Work<'_>) -> Result<Option<Moment>, StoreError> {
    if work.keep_days == 0 {
        return Ok(None);
    }
    let sql = "SELECT moment FROM event
               WHERE seq >= (SELECT kept_from FROM site) AND seq < (SELECT max(seq) FROM event) ORDER BY seq LIMIT 1";
    let oldest = work.conn.prepare_cached(sql)?.query_row((), |row| row::moment(row, "moment")).optional()?;
    Ok(oldest.map(|moment| moment + kept_for(work) + SLACK))
}

fn kept_for(work: &Work<'_>) -> Duration {
    Duration::from_secs(u64::from(work.keep_days) * 24 * 3600)
}
