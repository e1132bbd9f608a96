//! Modems that a person has taken out of use. They stay so, also after a restart, until a person puts them back.

use std::collections::BTreeMap;

use rusqlite::Connection;
use serde_json::json;
use tokio::sync::watch;

use super::error::StoreError;
use super::events::{self, Kind, NewEvent};
use super::handle::Store;
use super::row;
use super::writer::Work;
use crate::clock::Timestamp;
use crate::ids::{AppName, ModemName};

/// The modems that are out of use, and since when.
pub type DrainedModems = BTreeMap<ModemName, Timestamp>;

impl Store {
    /// Takes a modem out of use for an app: from now on it is given nothing new. `false` when it was out of use.
    ///
    /// # Errors
    /// When the store cannot do it; nothing is changed then.
    pub async fn drain(&self, modem: &ModemName, by: &AppName) -> Result<bool, StoreError> {
        let sql = "INSERT INTO drained_modem (name, since_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        let (modem, by) = (modem.clone(), by.clone());
        self.change_now(move |work| {
            let changed = work.conn.prepare_cached(sql)?.execute((modem.as_str(), work.wall.as_millisecond()))? > 0;
            tell(work, changed, (Kind::ModemDrained, &modem, &by))
        })
        .await
    }

    /// Puts a modem back into use for an app. `false` when it was in use.
    ///
    /// # Errors
    /// When the store cannot do it; nothing is changed then.
    pub async fn resume(&self, modem: &ModemName, by: &AppName) -> Result<bool, StoreError> {
        let (modem, by) = (modem.clone(), by.clone());
        self.change_now(move |work| {
            let sql = "DELETE FROM drained_modem WHERE name = ?1";
            let changed = work.conn.prepare_cached(sql)?.execute([modem.as_str()])? > 0;
            tell(work, changed, (Kind::ModemResumed, &modem, &by))
        })
        .await
    }

    /// The modems that are out of use, and since when, now and from now on.
    #[must_use]
    pub fn drained(&self) -> watch::Receiver<DrainedModems> {
        self.watch_drained()
    }
}

fn tell(work: &Work<'_>, changed: bool, (kind, modem, by): (Kind, &ModemName, &AppName)) -> Result<bool, StoreError> {
    if changed {
        events::note(work, &NewEvent::of_app(kind, by, json!({ "modem": modem })))?;
        work.tell_drained(load(work.conn)?);
    }
    Ok(changed)
}

/// The modems that are out of use, and since when.
pub(super) fn load(conn: &Connection) -> Result<DrainedModems, StoreError> {
    let mut statement = conn.prepare_cached("SELECT name, since_at FROM drained_modem")?;
    let mut rows = statement.query(())?;
    let mut drained = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let name = row.get::<_, String>(0)?.parse().map_err(|_| StoreError::unreadable("drained_modem.name"))?;
        drained.insert(name, row::wall(row.get(1)?)?);
    }
    Ok(drained)
}
