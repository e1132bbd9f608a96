//! The row about the site: where its timeline stands, which key its secrets are under, and what policies it goes by.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension};
use serde_json::json;

use super::error::StoreError;
use super::events::{self, Kind, NewEvent};
use super::handle::Store;
use super::key::KeyError;
use super::writer::Work;
use crate::clock::{Clock, Moment, Reading, Timestamp};
use crate::secret::{ApiKey, SiteKey};

/// What the policies and routes are by name, and a digest of each.
pub type PolicyDigests = BTreeMap<String, String>;

impl Store {
    /// Goes by these policies and routes from now on, and writes down that they have changed and how. When that is not
    /// given, they are compared with those before, if there were any; nothing is written when they are the same.
    ///
    /// # Errors
    /// When the store cannot do it; nothing is written then.
    pub async fn go_by(&self, policies: PolicyDigests, changes: Vec<String>) -> Result<(), StoreError> {
        self.change(move |work| go_by(work, &policies, changes)).await
    }
}

fn go_by(work: &Work<'_>, policies: &PolicyDigests, mut changes: Vec<String>) -> Result<(), StoreError> {
    let sql = "SELECT policies FROM site";
    let before: Option<String> = work.conn.prepare_cached(sql)?.query_row((), |row| row.get(0))?;
    if let Some(before) = before.as_deref().filter(|_| changes.is_empty()) {
        let before = serde_json::from_str(before).map_err(|_| StoreError::unreadable("site.policies"))?;
        changes = changed(&before, policies);
    }
    let policies = json!(policies).to_string();
    if before.as_ref() != Some(&policies) {
        work.conn.prepare_cached("UPDATE site SET policies = ?1")?.execute([policies])?;
    }
    if changes.is_empty() {
        return Ok(());
    }
    events::note(work, &NewEvent::of_site(Kind::PolicyChanged, json!({ "changes": changes })))
}

/// What is told of a change that nobody saw.
fn changed(before: &PolicyDigests, after: &PolicyDigests) -> Vec<String> {
    let gone = before.keys().filter(|name| !after.contains_key(*name)).map(|name| (name, "gone"));
    let others = after.iter().filter_map(|(name, digest)| match before.get(name) {
        None => Some((name, "new")),
        Some(before) => (before != digest).then_some((name, "changed")),
    });
    let told = |(name, what): (&String, &str)| format!("{name}: {what} while the daemon was not running");
    gone.chain(others).map(told).collect()
}

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
