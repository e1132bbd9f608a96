//! How the daemon's own types are kept in columns, and read back.

use rusqlite::Row;

use super::error::StoreError;
use super::messages::AttemptOutcome;
use crate::clock::{Moment, Timestamp};
use crate::message::{InDoubtPolicy, Priority, Status};
use crate::otp;
use crate::pdu::Encoding;
use crate::phone::PhoneNumber;

/// A number as it is kept: its digits as an integer. They never start with 0 and are 15 at most.
pub(super) fn number(number: &PhoneNumber) -> i64 {
    number.digits().parse().unwrap_or(0)
}

pub(super) fn number_from(kept: i64) -> Result<PhoneNumber, StoreError> {
    PhoneNumber::from_digits(&kept.to_string()).map_err(|_| StoreError::unreadable("number"))
}

pub(super) fn wall(kept: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(kept).map_err(|_| StoreError::unreadable("a wall time"))
}

/// A wall time as it reads back: in whole milliseconds.
pub(super) fn to_millis(wall: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(wall.as_millisecond()).unwrap_or(wall)
}

/// The wall time of a moment, told from another moment of which the wall time is kept.
pub(super) fn wall_of(moment: Moment, known: Moment, wall_of_known: Timestamp) -> Timestamp {
    let ahead = moment.as_millis().saturating_sub(known.as_millis());
    let millis = wall_of_known.as_millisecond().saturating_add(ahead);
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)
}

pub(super) const fn priority(priority: Priority) -> i64 {
    match priority {
        Priority::Otp => 0,
        Priority::Transactional => 1,
        Priority::Bulk => 2,
    }
}

pub(super) fn priority_from(kept: i64) -> Result<Priority, StoreError> {
    match kept {
        0 => Ok(Priority::Otp),
        1 => Ok(Priority::Transactional),
        2 => Ok(Priority::Bulk),
        _ => Err(StoreError::unreadable("message.priority")),
    }
}

pub(super) fn encoding_from(kept: &str) -> Result<Encoding, StoreError> {
    Encoding::from_name(kept).ok_or_else(|| StoreError::unreadable("message.encoding"))
}

pub(super) const fn in_doubt(policy: InDoubtPolicy) -> &'static str {
    match policy {
        InDoubtPolicy::Hold => "hold",
        InDoubtPolicy::Resend => "resend",
    }
}

pub(super) fn in_doubt_from(kept: &str) -> Result<InDoubtPolicy, StoreError> {
    match kept {
        "hold" => Ok(InDoubtPolicy::Hold),
        "resend" => Ok(InDoubtPolicy::Resend),
        _ => Err(StoreError::unreadable("message.in_doubt")),
    }
}

pub(super) fn status_from(kept: &str) -> Result<Status, StoreError> {
    Status::from_name(kept).ok_or_else(|| StoreError::unreadable("a message's or part's status"))
}

pub(super) fn otp_status_from(kept: &str) -> Result<otp::Status, StoreError> {
    otp::Status::from_name(kept).ok_or_else(|| StoreError::unreadable("otp.status"))
}

pub(super) fn outcome_from(kept: &str) -> Result<AttemptOutcome, StoreError> {
    AttemptOutcome::from_name(kept).ok_or_else(|| StoreError::unreadable("attempt.outcome"))
}

/// A column of moments.
pub(super) fn moment(row: &Row<'_>, column: &str) -> rusqlite::Result<Moment> {
    row.get(column).map(Moment::from_millis)
}
