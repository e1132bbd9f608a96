//! Numbers that want no messages from us: nothing is accepted for them, and what waits for them is withdrawn.

use serde_json::json;

use super::error::StoreError;
use super::events::{self, By, Kind, NewEvent};
use super::handle::Store;
use super::life::Message;
use super::pages::{Cursor, Page, PageSize};
use super::row;
use super::writer::Work;
use crate::clock::Timestamp;
use crate::ids::AppName;
use crate::phone::PhoneNumber;

/// By what name the log knows that nothing is accepted for a number on the list.
pub(super) const RULE: &str = "opt-out";

/// A number that wants no messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptOut {
    /// The number. Prints masked.
    pub number: PhoneNumber,
    /// Since when.
    pub since: Timestamp,
    /// Whether it asked for that itself, by a message; otherwise it was put on the list.
    pub by_word: bool,
}

impl Store {
    /// Puts a number on the list for an app, and withdraws what waits for it. A number that is there stays as it is.
    ///
    /// # Errors
    /// When the store cannot do it; nothing is changed then.
    pub async fn opt_out(&self, number: &PhoneNumber, by: &AppName) -> Result<OptOut, StoreError> {
        let (number, by) = (number.clone(), by.clone());
        self.change_now(move |work| {
            put(work, row::number(&number), Some(&by))?;
            let sql = "SELECT number, since_at, by_word FROM opt_out WHERE number = ?1";
            let mut statement = work.conn.prepare_cached(sql)?;
            let mut rows = statement.query([row::number(&number)])?;
            rows.next()?.map(view).transpose()?.ok_or_else(|| StoreError::Damaged("an opt-out is missing".to_owned()))
        })
        .await
    }

    /// Takes a number off the list for an app. `None` when it is not on it.
    ///
    /// # Errors
    /// When the store cannot do it; nothing is changed then.
    pub async fn opt_in(&self, number: &PhoneNumber, by: &AppName) -> Result<Option<OptOut>, StoreError> {
        let (number, by) = (row::number(number), by.clone());
        self.change_now(move |work| remove(work, number, Some(&by))).await
    }

    /// Up to `limit` numbers of the list, the newest first, from behind `cursor` on.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn opt_outs(&self, limit: PageSize, cursor: Option<Cursor>) -> Result<Page<OptOut>, StoreError> {
        self.query(move |conn| {
            let before = cursor.map_or(i64::MAX, |cursor| cursor.0);
            let mut statement = conn.prepare_cached(
                "SELECT number, since_at, by_word, seq FROM opt_out WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2",
            )?;
            let rows = statement.query((before, i64::from(limit.get()) + 1))?;
            Page::read(rows, limit, view)
        })
        .await
    }
}

/// Whether nothing may be sent to this number.
pub(super) fn contains(work: &Work<'_>, number: i64) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM opt_out WHERE number = ?1)";
    Ok(work.conn.prepare_cached(sql)?.query_row([number], |row| row.get(0))?)
}

/// Puts a number on the list, and withdraws what waits for it: for an app, or by a word from that number.
pub(super) fn put(work: &Work<'_>, number: i64, by: Option<&AppName>) -> Result<(), StoreError> {
    let sql = "INSERT INTO opt_out (number, by_word, since_at) VALUES (?1, ?2, ?3) ON CONFLICT (number) DO NOTHING";
    if work.conn.prepare_cached(sql)?.execute((number, by.is_none(), work.wall.as_millisecond()))? > 0 {
        note(work, Kind::OptOutAdded, number, by)?;
    }
    let mut statement = work.conn.prepare_cached("SELECT seq FROM message WHERE number = ?1 AND text IS NOT NULL")?;
    let alive: Vec<i64> = statement.query_map([number], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for seq in alive {
        // What is for a number of the list is abandoned, which withdraws it.
        Message::load(work, seq)?.save(work)?;
    }
    Ok(())
}

/// Takes a number off the list: for an app, or by a word from that number.
pub(super) fn remove(work: &Work<'_>, number: i64, by: Option<&AppName>) -> Result<Option<OptOut>, StoreError> {
    let sql = "DELETE FROM opt_out WHERE number = ?1 RETURNING number, since_at, by_word";
    let mut statement = work.conn.prepare_cached(sql)?;
    let mut rows = statement.query([number])?;
    let removed = rows.next()?.map(view).transpose()?;
    drop(rows);
    if removed.is_some() {
        note(work, Kind::OptOutRemoved, number, by)?;
    }
    Ok(removed)
}

fn note(work: &Work<'_>, kind: Kind, number: i64, by: Option<&AppName>) -> Result<(), StoreError> {
    let detail = json!({ "to": events::masked(number)? });
    match by {
        Some(app) => events::note(work, &NewEvent::of_app(kind, app, detail)),
        None => {
            work.act_for(By::Network);
            events::note(work, &NewEvent::of_site(kind, detail))
        }
    }
}

fn view(row: &rusqlite::Row<'_>) -> Result<OptOut, StoreError> {
    Ok(OptOut { number: row::number_from(row.get(0)?)?, since: row::wall(row.get(1)?)?, by_word: row.get(2)? })
}
