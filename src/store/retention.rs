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

/// Removes a few of those that were kept long enough.
pub(super) fn forget(work: &Work<'_>) -> Result<(), StoreError> {
    if oldest_goes(work)?.is_none_or(|at| at > work.now) {
        return Ok(());
    }
    let sql = "SELECT max(seq) FROM (SELECT seq, moment FROM event ORDER BY seq LIMIT ?2)
               WHERE moment < ?1 AND seq < min(?3, (SELECT max(seq) FROM event))";
    let before = (work.now - kept_for(work)).as_millis();
    let needed = oldest_needed(work)?.unwrap_or(i64::MAX);
    let last: Option<i64> = work.conn.prepare_cached(sql)?.query_row((before, STEP, needed), |row| row.get(0))?;
    let Some(last) = last else { return Ok(()) };
    work.conn.prepare_cached("UPDATE site SET kept_from = ?1")?.execute([last + 1])?;
    work.conn.prepare_cached("DELETE FROM event WHERE seq <= ?1")?.execute([last])?;
    Ok(())
}

/// When there is something to remove.
pub(super) fn next_due(work: &Work<'_>) -> Result<Option<Moment>, StoreError> {
    Ok(oldest_goes(work)?.map(|at| at.max(work.now + PAUSE)))
}

/// When the oldest goes, if it does. While a callback needs it, that is looked at now and then.
fn oldest_goes(work: &Work<'_>) -> Result<Option<Moment>, StoreError> {
    if work.keep_days == 0 {
        return Ok(None);
    }
    let sql = "SELECT seq, moment FROM event WHERE seq < (SELECT max(seq) FROM event) ORDER BY seq LIMIT 1";
    let mut statement = work.conn.prepare_cached(sql)?;
    let oldest = statement.query_row((), |row| Ok((row.get::<_, i64>(0)?, row::moment(row, "moment")?))).optional()?;
    let Some((seq, moment)) = oldest else { return Ok(None) };
    let goes = moment + kept_for(work) + SLACK;
    let is_needed = oldest_needed(work)?.is_some_and(|needed| needed <= seq);
    Ok(Some(if is_needed { goes.max(work.now + SLACK) } else { goes }))
}

/// The oldest event that a callback has to tell: events come into the outbox in their order.
fn oldest_needed(work: &Work<'_>) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT event FROM delivery ORDER BY seq LIMIT 1";
    Ok(work.conn.prepare_cached(sql)?.query_row((), |row| row.get(0)).optional()?)
}

fn kept_for(work: &Work<'_>) -> Duration {
    Duration::from_secs(u64::from(work.keep_days) * 24 * 3600)
}
