//! The row about the site: where its timeline stands, and which key its secrets are under.

use rusqlite::{Connection, OptionalExtension};

use super::error::StoreError;
use super::key::KeyError;
use crate::clock::{Clock, Moment, Reading, Timestamp};
use crate::secret::{ApiKey, SiteKey};

/// Keeps where the clock stands. A part of every transaction, so that a restart never turns the timeline back past
/// anything that was committed.
pub(super) fn keep_reading(conn: &Connection, reading: &Reading) -> Result<(), StoreError> {
    conn.prepare_cached("UPDATE site SET boot_id = ?1, boot_millis = ?2, moment = ?3, wall = ?4")?.execute((
        &reading.boot_id,
        reading.boot_millis,
        reading.moment.as_millis(),
        reading.wall.as_millisecond(),
    ))?;
    Ok(())
}

/// The reading kept last.
pub(super) fn last_reading(conn: &Connection) -> Result<Option<Reading>, StoreError> {
    let row = conn
        .query_row("SELECT boot_id, boot_millis, moment, wall FROM site", (), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    row.map(|(boot_id, boot_millis, moment, wall)| {
        let wall = Timestamp::from_millisecond(wall).map_err(|_| StoreError::unreadable("site.wall"))?;
        Ok(Reading { boot_id, boot_millis, moment: Moment::from_millis(moment), wall })
    })
    .transpose()
}

/// Writes the site's row into a new database.
pub(super) fn found(conn: &Connection, clock: &Clock, key: &SiteKey) -> Result<(), StoreError> {
    let reading = clock.reading();
    conn.execute(
        "INSERT INTO site (one, boot_id, boot_millis, moment, wall, key_check) VALUES (1, ?1, ?2, ?3, ?4, ?5)",
        (
            &reading.boot_id,
            reading.boot_millis,
            reading.moment.as_millis(),
            reading.wall.as_millisecond(),
            key_check(key).as_slice(),
        ),
    )?;
    Ok(())
}

/// Checks that the key is the one this database was made with.
pub(super) fn check_key(conn: &Connection, key: &SiteKey) -> Result<(), StoreError> {
    let kept: Vec<u8> = conn.query_row("SELECT key_check FROM site", (), |row| row.get(0))?;
    if kept == key_check(key) { Ok(()) } else { Err(KeyError::Wrong.into()) }
}

/// A digest under the site's key of something everybody knows. It tells nothing about the key.
fn key_check(key: &SiteKey) -> [u8; 32] {
    *key.key_digest(&ApiKey::new("smsotpd key check".to_owned())).as_bytes()
}
