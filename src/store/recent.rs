//! The otps of the last day as the guard and the limits look at them: those of a number, and those of a prefix.
//!
//! Codes for numbers on the safe list are not held against their neighbours, so none of them is among a prefix's. They are
//! passed over one by one: a day's codes at most.

use rusqlite::Row;

use super::error::StoreError;
use super::writer::Work;
use crate::clock::Moment;
use crate::guard::{Guessed, NEWEST, Recent};
use crate::otp::Status;

/// A number's newest otps, newest first: when each was issued, and how it was guessed at.
pub(super) fn of_number(work: &Work<'_>, number: i64, most: usize) -> Result<Vec<(Moment, Guessed)>, StoreError> {
    if most == 0 {
        return Ok(Vec::new());
    }
    let mut statement = work.conn.prepare_cached(
        "SELECT created, status, coalesce(ended, created), attempts - attempts_left, attempts FROM otp
         WHERE number = ?1 AND recent IS NOT NULL ORDER BY created DESC LIMIT ?2",
    )?;
    let mut rows = statement.query((number, i64::try_from(most).unwrap_or(i64::MAX)))?;
    let mut otps = Vec::new();
    while let Some(row) = rows.next()? {
        let at = Moment::from_millis(row.get(2)?);
        let guessed = Guessed { at, status: status(row, 1)?, wrong: row.get(3)?, most: row.get(4)? };
        otps.push((Moment::from_millis(row.get(0)?), guessed));
    }
    Ok(otps)
}

/// When the newest otps of a prefix were issued, newest first.
pub(super) fn moments(work: &Work<'_>, prefix: i64, most: usize) -> Result<Vec<Moment>, StoreError> {
    if most == 0 {
        return Ok(Vec::new());
    }
    let mut statement = work.conn.prepare_cached(
        "SELECT created FROM otp
         WHERE number / 10000 = ?1 AND recent IS NOT NULL AND number NOT IN (SELECT number FROM safe_number)
         ORDER BY created DESC LIMIT ?2",
    )?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let moments = statement.query_map((prefix, most), |row| row.get(0).map(Moment::from_millis))?;
    Ok(moments.collect::<Result<_, _>>()?)
}

/// A prefix's newest otps, newest first.
pub(super) fn newest(work: &Work<'_>, prefix: i64) -> Result<Vec<Recent>, StoreError> {
    recent(
        work,
        prefix,
        "SELECT number, created, status, 1 + resends - resends_left, expires FROM otp
         WHERE number / 10000 = ?1 AND recent IS NOT NULL AND number NOT IN (SELECT number FROM safe_number)
         ORDER BY created DESC LIMIT ?2",
    )
}

/// Those of a prefix's newest otps of which a message was sent, in any order.
pub(super) fn sent_of(work: &Work<'_>, prefix: i64) -> Result<Vec<Recent>, StoreError> {
    recent(
        work,
        prefix,
        "SELECT number, created, status, 1 + resends - resends_left, expires FROM otp
         WHERE EXISTS (SELECT 1 FROM message
                       WHERE message.number = otp.number AND message.otp = otp.seq AND sent_at IS NOT NULL)
           AND seq IN (
             SELECT seq FROM otp
             WHERE number / 10000 = ?1 AND recent IS NOT NULL AND number NOT IN (SELECT number FROM safe_number)
             ORDER BY created DESC LIMIT ?2)",
    )
}

fn recent(work: &Work<'_>, prefix: i64, sql: &str) -> Result<Vec<Recent>, StoreError> {
    let mut statement = work.conn.prepare_cached(sql)?;
    let mut rows = statement.query((prefix, i64::try_from(NEWEST).unwrap_or(i64::MAX)))?;
    let mut newest = Vec::new();
    while let Some(row) = rows.next()? {
        newest.push(recent_from(row)?);
    }
    Ok(newest)
}

/// An otp as the guard sees it, from its number, moment, status, count of messages and end of life.
pub(super) fn recent_from(row: &Row<'_>) -> Result<Recent, StoreError> {
    Ok(Recent {
        number: row.get(0)?,
        created: Moment::from_millis(row.get(1)?),
        status: status(row, 2)?,
        messages: row.get(3)?,
        expires: Moment::from_millis(row.get(4)?),
    })
}

fn status(row: &Row<'_>, column: usize) -> Result<Status, StoreError> {
    let status = row.get_ref(column)?.as_str().ok().and_then(Status::from_name);
    status.ok_or_else(|| StoreError::unreadable("otp.status"))
}
