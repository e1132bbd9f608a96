//! Requests that may be repeated: the same key and body give the same answer, the same key with another body none.

use rusqlite::{Connection, OptionalExtension, Row};

use super::error::StoreError;
use super::writer::Work;
use crate::clock::Moment;
use crate::ids::AppName;

/// What a client sent so that a repeated request is known again. Kept for 24 hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The `Idempotency-Key`, as the client chose it.
    pub key: String,
    /// The keyed digest over method, path and body.
    pub digest: [u8; 32],
}

/// What is known of an idempotency key.
pub(super) enum Known {
    /// Nothing: the request is new.
    No,
    /// Another request used it.
    Reused,
    /// This request used it, and came to this.
    Answered(CameTo),
}

/// What a request came to.
pub(super) struct CameTo {
    /// When.
    pub(super) at: Moment,
    /// The otp that it issued, or whose code it had sent again.
    pub(super) otp: Option<i64>,
    /// The message that it queued.
    pub(super) message: i64,
    /// For a code that was sent again. Not known of a request that an earlier version answered.
    pub(super) left: Option<Left>,
}

/// How often an otp's code could still be sent, and be tried.
pub(super) struct Left {
    pub(super) resends: u8,
    pub(super) attempts: u8,
}

/// Looks a key up.
pub(super) fn look_up(
    conn: &Connection,
    app: &AppName,
    idempotency: Option<&Idempotency>,
) -> Result<Known, StoreError> {
    let Some(idempotency) = idempotency else { return Ok(Known::No) };
    let row = conn
        .prepare_cached(
            "SELECT digest, created, otp, message, resends_left, attempts_left FROM idempotency
             WHERE app = ?1 AND key = ?2",
        )?
        .query_row((app.as_str(), &idempotency.key), |row| Ok((row.get::<_, [u8; 32]>(0)?, came_to(row)?)))
        .optional()?;
    Ok(match row {
        None => Known::No,
        Some((digest, _)) if digest != idempotency.digest => Known::Reused,
        Some((_, came_to)) => Known::Answered(came_to),
    })
}

fn came_to(row: &Row<'_>) -> rusqlite::Result<CameTo> {
    let left = row.get::<_, Option<u8>>("resends_left")?.zip(row.get("attempts_left")?);
    let left = left.map(|(resends, attempts)| Left { resends, attempts });
    let at = Moment::from_millis(row.get("created")?);
    Ok(CameTo { at, otp: row.get("otp")?, message: row.get("message")?, left })
}

/// Keeps what a request came to.
pub(super) fn keep(
    work: &Work<'_>,
    app: &AppName,
    idempotency: Option<&Idempotency>,
    came_to: CameTo,
) -> Result<(), StoreError> {
    let Some(idempotency) = idempotency else { return Ok(()) };
    let (resends_left, attempts_left) = came_to.left.map(|left| (left.resends, left.attempts)).unzip();
    work.conn
        .prepare_cached(
            "INSERT INTO idempotency (app, key, digest, created, otp, message, resends_left, attempts_left)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute((
            app.as_str(),
            &idempotency.key,
            idempotency.digest.as_slice(),
            came_to.at.as_millis(),
            came_to.otp,
            came_to.message,
            resends_left,
            attempts_left,
        ))?;
    Ok(())
}
