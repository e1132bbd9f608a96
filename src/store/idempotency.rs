//! Requests that may be repeated: the same key and body give the same answer, the same key with another body none.

use rusqlite::{Connection, OptionalExtension};

use super::error::StoreError;
use super::writer::Work;
use crate::ids::AppName;

/// What a client sent so that a repeated request is known again. Kept for 24 hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The `Idempotency-Key`, as the client chose it.
    pub key: String,
    /// SHA-256 over method, path and body.
    pub digest: [u8; 32],
}

/// What is known of an idempotency key.
pub(super) enum Known {
    /// Nothing: the request is new.
    No,
    /// Another request used it.
    Reused,
    /// This request used it, and came to this.
    Answered { otp: Option<i64>, message: i64 },
}

/// Looks a key up.
pub(super) fn look_up(
    conn: &Connection,
    app: &AppName,
    idempotency: Option<&Idempotency>,
) -> Result<Known, StoreError> {
    let Some(idempotency) = idempotency else { return Ok(Known::No) };
    let row = conn
        .prepare_cached("SELECT digest, otp, message FROM idempotency WHERE app = ?1 AND key = ?2")?
        .query_row((app.as_str(), &idempotency.key), |row| Ok((row.get::<_, [u8; 32]>(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    Ok(match row {
        None => Known::No,
        Some((digest, ..)) if digest != idempotency.digest => Known::Reused,
        Some((_, otp, message)) => Known::Answered { otp, message },
    })
}

/// Keeps what a request came to.
pub(super) fn keep(
    work: &Work<'_>,
    app: &AppName,
    idempotency: Option<&Idempotency>,
    otp: Option<i64>,
    message: i64,
) -> Result<(), StoreError> {
    let Some(idempotency) = idempotency else { return Ok(()) };
    work.conn
        .prepare_cached(
            "INSERT INTO idempotency (app, key, digest, created, otp, message) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute((app.as_str(), &idempotency.key, idempotency.digest.as_slice(), work.now.as_millis(), otp, message))?;
    Ok(())
}
