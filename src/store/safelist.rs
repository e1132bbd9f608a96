//! The safe list: numbers that neither the guard nor the limits look at. Opt-outs and the SIMs' budgets still count.

use rusqlite::Row;
use serde_json::json;

use super::error::StoreError;
use super::events::{self, Kind, NewEvent};
use super::handle::Store;
use super::pages::{Cursor, Page, PageSize};
use super::row;
use super::writer::Work;
use crate::clock::Timestamp;
use crate::ids::AppName;
use crate::phone::PhoneNumber;

/// A number on the safe list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SafeNumber {
    /// The number. Prints masked.
    pub number: PhoneNumber,
    /// Since when.
    pub since: Timestamp,
}

impl Store {
    /// Puts a number on the list. One that is there stays as it is.
    ///
    /// # Errors
    /// When the store cannot do it; nothing is changed then.
    pub async fn put_on_safe_list(&self, number: &PhoneNumber, by: &AppName) -> Result<SafeNumber, StoreError> {
        let (number, by, memory) = (row::number(number), by.clone(), self.guard_memory().clone());
        self.change_now(move |work| {
            memory.note_listed();
            let sql = "INSERT INTO safe_number (number, since_at) VALUES (?1, ?2) ON CONFLICT (number) DO NOTHING";
            if work.conn.prepare_cached(sql)?.execute((number, work.wall.as_millisecond()))? > 0 {
                note(work, Kind::SafeListAdded, number, &by)?;
            }
            let mut statement =
                work.conn.prepare_cached("SELECT number, since_at FROM safe_number WHERE number = ?1")?;
            statement.query_row([number], |row| Ok(view(row)))?
        })
        .await
    }

    /// The number's entry. `None` when it is not on the list.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn on_safe_list(&self, number: &PhoneNumber) -> Result<Option<SafeNumber>, StoreError> {
        let number = row::number(number);
        self.query(move |conn| {
            let mut statement = conn.prepare_cached("SELECT number, since_at FROM safe_number WHERE number = ?1")?;
            let mut rows = statement.query([number])?;
            rows.next()?.map(view).transpose()
        })
        .await
    }

    /// Takes a number off the list. `false` when it is not on it.
    ///
    /// # Errors
    /// When the store cannot do it; nothing is changed then.
    pub async fn take_off_safe_list(&self, number: &PhoneNumber, by: &AppName) -> Result<bool, StoreError> {
        let (number, by) = (row::number(number), by.clone());
        self.change_now(move |work| {
            let removed = work.conn.prepare_cached("DELETE FROM safe_number WHERE number = ?1")?.execute([number])? > 0;
            if removed {
                note(work, Kind::SafeListRemoved, number, &by)?;
            }
            Ok(removed)
        })
        .await
    }

    /// Up to `limit` numbers of the list, the newest first, from behind `cursor` on.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn safe_list(&self, limit: PageSize, cursor: Option<Cursor>) -> Result<Page<SafeNumber>, StoreError> {
        self.query(move |conn| {
            let before = cursor.map_or(i64::MAX, |cursor| cursor.0);
            let mut statement = conn.prepare_cached(
                "SELECT number, since_at, seq FROM safe_number WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2",
            )?;
            let rows = statement.query((before, i64::from(limit.get()) + 1))?;
            Page::read(rows, limit, view)
        })
        .await
    }
}

fn note(work: &Work<'_>, kind: Kind, number: i64, by: &AppName) -> Result<(), StoreError> {
    events::note(work, &NewEvent::of_app(kind, by, json!({ "to": events::masked(number)? })))
}

fn view(row: &Row<'_>) -> Result<SafeNumber, StoreError> {
    Ok(SafeNumber { number: row::number_from(row.get(0)?)?, since: row::wall(row.get(1)?)? })
}
