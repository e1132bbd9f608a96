//! Modems that a person has taken out of use. They stay so, also after a restart, until a person puts them back.

use std::collections::BTreeSet;

use rusqlite::Connection;
use tokio::sync::watch;

use super::error::StoreError;
use super::handle::Store;
use super::writer::Work;
use crate::ids::ModemName;

impl Store {
    /// Takes a modem out of use: from now on it is given nothing new. `false` when it was out of use.
    ///
    /// # Errors
    /// When the store cannot do it; nothing is changed then.
    pub async fn drain(&self, modem: &ModemName) -> Result<bool, StoreError> {
        let sql = "INSERT INTO drained_modem (name, since_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        let modem = modem.clone();
        self.change_now(move |work| {
            let changed = work.conn.prepare_cached(sql)?.execute((modem.as_str(), work.wall.as_millisecond()))? > 0;
            tell(work, changed)
        })
        .await
    }

    /// Puts a modem back into use. `false` when it was in use.
    ///
    /// # Errors
    /// When the store cannot do it; nothing is changed then.
    pub async fn resume(&self, modem: &ModemName) -> Result<bool, StoreError> {
        let modem = modem.clone();
        self.change_now(move |work| {
            let sql = "DELETE FROM drained_modem WHERE name = ?1";
            let changed = work.conn.prepare_cached(sql)?.execute([modem.as_str()])? > 0;
            tell(work, changed)
        })
        .await
    }

    /// The modems that are out of use, now and from now on.
    #[must_use]
    pub fn drained(&self) -> watch::Receiver<BTreeSet<ModemName>> {
        self.watch_drained()
    }
}

fn tell(work: &Work<'_>, changed: bool) -> Result<bool, StoreError> {
    if changed {
        work.tell_drained(load(work.conn)?);
    }
    Ok(changed)
}

/// The modems that are out of use.
pub(super) fn load(conn: &Connection) -> Result<BTreeSet<ModemName>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT name FROM drained_modem")?;
    let mut rows = statement.query(())?;
    let mut drained = BTreeSet::new();
    while let Some(row) = rows.next()? {
        let name = row.get::<_, String>(0)?.parse().map_err(|_| StoreError::unreadable("drained_modem.name"))?;
        drained.insert(name);
    }
    Ok(drained)
}
