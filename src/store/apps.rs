//! Apps: the clients of the API, their scopes, their policy and the digests of their keys.

use std::fmt;
use std::str::FromStr;

use rusqlite::{Connection, OptionalExtension, Row};
use serde_json::{Value, json};

use super::error::StoreError;
use super::events::{self, By, Kind, NewEvent};
use super::handle::Store;
use super::life::Message;
use super::writer::Work;
use super::{deliveries, otps, row};
use crate::clock::Timestamp;
use crate::ids::AppName;
use crate::otp::Status;
use crate::secret::KeyDigest;

/// What an app may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Issue, resend and cancel codes.
    Issue,
    /// Verify codes.
    Verify,
    /// Send and cancel messages of its own wording.
    Send,
    /// Read its own otps and messages, modems and status.
    Read,
    /// Everything, for every app.
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Scope; 5] = [Scope::Issue, Scope::Verify, Scope::Send, Scope::Read, Scope::Admin];

    /// The scope's name on the command line, in the API and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Scope::Issue => "issue",
            Scope::Verify => "verify",
            Scope::Send => "send",
            Scope::Read => "read",
            Scope::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a scope is issue, verify, send, read or admin, not {0:?}")]
pub struct ScopeError(String);

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        Scope::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or_else(|| ScopeError(text.to_owned()))
    }
}

/// An app to be made.
#[derive(Debug, Clone)]
pub struct NewApp {
    /// Its name, not taken yet.
    pub name: AppName,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// The name of its policy in the configuration; `default` for most.
    pub policy: String,
    /// The digest of its key.
    pub key: KeyDigest,
}

/// An app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// Its name.
    pub name: AppName,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// The name of its policy in the configuration.
    pub policy: String,
    /// When it was made.
    pub created: Timestamp,
}

impl Store {
    /// Makes an app.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the name is taken.
    pub async fn create_app(&self, app: NewApp) -> Result<(), StoreError> {
        self.change_now(move |work| {
            let scopes: Vec<&str> = app.scopes.iter().map(|scope| scope.as_str()).collect();
            let made = work
                .conn
                .prepare_cached(
                    "INSERT INTO app (name, key, scopes, policy, created_at) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT (name) DO NOTHING",
                )?
                .execute((
                    app.name.as_str(),
                    app.key.as_bytes(),
                    scopes.join(" "),
                    &app.policy,
                    work.wall.as_millisecond(),
                ))?;
            if made == 0 {
                return Err(StoreError::Exists);
            }
            note(work, Kind::AppCreated, &app.name, Some(json!({ "scopes": scopes, "policy": app.policy })))
        })
        .await
    }

    /// Gives an app another key; the old one stops working. `false` when there is no such app.
    ///
    /// # Errors
    /// When the store cannot do it; nothing is changed then.
    pub async fn rotate_app(&self, name: &AppName, key: KeyDigest) -> Result<bool, StoreError> {
        let name = name.clone();
        self.change_now(move |work| {
            let sql = "UPDATE app SET key = ?2 WHERE name = ?1";
            let rotated = work.conn.prepare_cached(sql)?.execute((name.as_str(), key.as_bytes()))? == 1;
            if rotated {
                note(work, Kind::AppRotated, &name, None)?;
            }
            Ok(rotated)
        })
        .await
    }

    /// Removes an app: its key stops working, its callbacks and its messages that wait are withdrawn, and its pending otps
    /// are cancelled.
    /// Its history stays, out of reach for an app that gets the name later. `false` when there is no such app.
    ///
    /// # Errors
    /// When the store cannot do it. Either nothing is changed then, or the app is gone and what waits is withdrawn
    /// when its turn comes.
    pub async fn remove_app(&self, name: &AppName) -> Result<bool, StoreError> {
        let removed = name.clone();
        if !self.change_now(move |work| remove(work, &removed)).await? {
            return Ok(false);
        }
        // In small steps, so that nobody waits for it.
        let mut below = Some(i64::MAX);
        while let Some(seq) = below {
            let name = name.clone();
            below = self.change(move |work| deliveries::withdraw_some(work, name.as_str(), seq)).await?;
        }
        loop {
            let name = name.clone();
            if !self.change(move |work| withdraw_some(work, &name)).await? {
                return Ok(true);
            }
        }
    }

    /// Every app, by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn apps(&self) -> Result<Vec<App>, StoreError> {
        self.query(|conn| {
            let mut statement = conn.prepare_cached("SELECT * FROM app ORDER BY name")?;
            let rows = statement.query_map((), |row| Ok(app_from(row)))?;
            rows.map(|app| app?).collect()
        })
        .await
    }

    /// The app whose key has this digest. Sees apps that another process has just made.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn app_by_key(&self, key: KeyDigest) -> Result<Option<App>, StoreError> {
        self.query(move |conn| find(conn, "SELECT * FROM app WHERE key = ?1", key.as_bytes())).await
    }

    /// The app of this name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn app_by_name(&self, name: &AppName) -> Result<Option<App>, StoreError> {
        let name = name.clone();
        self.query(move |conn| find(conn, "SELECT * FROM app WHERE name = ?1", name.as_str())).await
    }
}

fn remove(work: &Work<'_>, name: &AppName) -> Result<bool, StoreError> {
    if work.conn.prepare_cached("DELETE FROM app WHERE name = ?1")?.execute([name.as_str()])? == 0 {
        return Ok(false);
    }
    work.conn
        .prepare_cached(
            "INSERT OR REPLACE INTO removed_app (name, last_otp, last_message, last_event)
             VALUES (?1, coalesce((SELECT max(seq) FROM otp), 0), coalesce((SELECT max(seq) FROM message), 0),
                     coalesce((SELECT max(seq) FROM event), 0))",
        )?
        .execute([name.as_str()])?;
    work.conn.prepare_cached("DELETE FROM idempotency WHERE app = ?1")?.execute([name.as_str()])?;
    note(work, Kind::AppRemoved, name, None)?;
    Ok(true)
}

/// Whether this app was removed and no other has its name. Who called with its key a moment before may still be let in.
pub(super) fn is_gone(work: &Work<'_>, name: &AppName) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM removed_app WHERE name = ?1)
                  AND NOT EXISTS (SELECT 1 FROM app WHERE name = ?1)";
    Ok(work.conn.prepare_cached(sql)?.query_row([name.as_str()], |row| row.get(0))?)
}

/// Writes down what was done to an app.
pub(super) fn note(work: &Work<'_>, kind: Kind, app: &AppName, detail: Option<Value>) -> Result<(), StoreError> {
    events::note(work, &NewEvent::of_app(kind, app, detail))
}

/// Ends a few of the otps and messages that a removed app has left. `false` when none is left.
fn withdraw_some(work: &Work<'_>, name: &AppName) -> Result<bool, StoreError> {
    work.act_for(By::Cli);
    let some = |sql| -> Result<Vec<i64>, StoreError> {
        let mut statement = work.conn.prepare_cached(sql)?;
        Ok(statement.query_map([name.as_str()], |row| row.get(0))?.collect::<Result<_, _>>()?)
    };
    let otps = some(
        "SELECT seq FROM otp WHERE status = 'pending' AND app = ?1
           AND seq <= (SELECT last_otp FROM removed_app WHERE name = ?1) LIMIT 64",
    )?;
    for otp in &otps {
        otps::end(work, *otp, Status::Cancelled)?;
    }
    let waiting = some(
        "SELECT seq FROM message WHERE queue >= 0 AND app = ?1
           AND seq <= (SELECT last_message FROM removed_app WHERE name = ?1) LIMIT 64",
    )?;
    let in_doubt = some(
        "SELECT seq FROM message WHERE doubt_until IS NOT NULL AND app = ?1
           AND seq <= (SELECT last_message FROM removed_app WHERE name = ?1) LIMIT 64",
    )?;
    for message in waiting.iter().chain(&in_doubt) {
        // It is abandoned, and being saved draws the consequences.
        Message::load(work, *message)?.save(work)?;
    }
    Ok(!(otps.is_empty() && waiting.is_empty() && in_doubt.is_empty()))
}

fn find(conn: &Connection, sql: &str, by: impl rusqlite::ToSql) -> Result<Option<App>, StoreError> {
    conn.prepare_cached(sql)?.query_row([by], |row| Ok(app_from(row))).optional()?.transpose()
}

fn app_from(row: &Row<'_>) -> Result<App, StoreError> {
    let name: String = row.get("name")?;
    let scopes: String = row.get("scopes")?;
    Ok(App {
        name: name.parse().map_err(|_| StoreError::unreadable("app.name"))?,
        scopes: scopes
            .split_whitespace()
            .map(|scope| scope.parse().map_err(|_| StoreError::unreadable("app.scopes")))
            .collect::<Result<_, _>>()?,
        policy: row.get("policy")?,
        created: row::wall(row.get("created_at")?)?,
    })
}
