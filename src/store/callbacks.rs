//! Callbacks as apps and people see them: an app's own URL and secret, what waits and what was given up, and giving the
//! latter another day.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row};
use serde_json::json;

use super::deliveries::{self, Place};
use super::error::StoreError;
use super::events::Kind;
use super::handle::Store;
use super::pages::{Cursor, Page, PageSize};
use super::writer::Work;
use super::{apps, journal, row};
use crate::callback::CallbackUrl;
use crate::clock::{Moment, Timestamp};
use crate::ids::{AppName, EventId};
use crate::secret::{CallbackSecret, SiteKey};

/// For how long callbacks are signed with both secrets after one was changed.
const BOTH: Duration = Duration::from_secs(24 * 3600);
/// How many are given another day in one transaction.
const STEP: usize = 256;
/// How many transactions there are for one call.
const STEPS: usize = 20;
/// How many rows are looked at for one page, so that a filter that nothing passes holds nobody up.
const LOOKED_AT: i64 = 5_000;
/// For how long it is told that callbacks were given up.
const LATELY: Duration = Duration::from_secs(24 * 3600);
/// How long a callback may fail before it is told of.
const FAILING: Duration = Duration::from_secs(600);

/// What an app that was removed has left is nobody's, even if another has its name.
const IS_NOT_OF_REMOVED: &str = "NOT EXISTS (
    SELECT 1 FROM removed_app WHERE removed_app.name = delivery.app AND delivery.event <= last_event)";

/// One callback: `cb_` and 32 hexadecimal digits, made of the event's place in the log and its own in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallbackId {
    /// Unlike a place in the outbox, one in the log is never given again.
    pub(super) event: i64,
    pub(super) place: i64,
}

/// An app's own callbacks.
#[derive(Debug)]
pub struct AppCallback {
    /// Where all its events go, if anywhere.
    pub url: Option<CallbackUrl>,
    /// What they are signed with.
    pub secret: CallbackSecret,
}

/// Whether a callback is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallbackStatus {
    /// It will be tried, or tried again.
    Waiting,
    /// It was tried for a day, or its receiver is gone for good.
    Dead,
}

/// A callback that waits or was given up.
#[derive(Debug)]
pub struct CallbackView {
    /// Its id.
    pub id: CallbackId,
    /// The event's id.
    pub event: EventId,
    /// What happened.
    pub kind: Kind,
    /// When it happened.
    pub happened_at: Timestamp,
    /// Whose event it is.
    pub app: AppName,
    /// Where it goes.
    pub url: CallbackUrl,
    /// Whether it is on its way.
    pub status: CallbackStatus,
    /// How often it was tried.
    pub tries: u32,
    /// When it is tried next; `None` when it is not, or when another goes before it.
    pub next_try: Option<Moment>,
    /// Why the last try failed.
    pub reason: Option<String>,
}

/// Which callbacks to list.
#[derive(Debug, Clone)]
pub struct CallbackFilter {
    /// Only those of this app.
    pub app: Option<AppName>,
    /// Only those in this state.
    pub status: CallbackStatus,
    /// At most so many.
    pub limit: PageSize,
    /// Only those after this place in the list.
    pub cursor: Option<Cursor>,
}

/// How callbacks fare.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CallbackCounts {
    /// How many wait.
    pub waiting: u64,
    /// How many were given up and are kept.
    pub dead: u64,
    /// How many of these in the last day.
    pub dead_lately: u64,
    /// A receiver that has taken nothing for ten minutes: scheme, host and port, and why the last try failed.
    pub failing: Option<(String, String)>,
}

impl fmt::Display for CallbackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cb_{:016x}{:016x}", self.event, self.place)
    }
}

/// A text that is no callback's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a callback's id is `cb_` and 32 hexadecimal digits")]
pub struct CallbackIdError;

impl FromStr for CallbackId {
    type Err = CallbackIdError;

    fn from_str(text: &str) -> Result<Self, CallbackIdError> {
        let hex = text.strip_prefix("cb_").filter(|hex| hex.len() == 32 && hex.is_ascii()).ok_or(CallbackIdError)?;
        let number = |hex: &str| {
            let is_hex = hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            i64::from_str_radix(hex, 16).ok().filter(|_| is_hex).ok_or(CallbackIdError)
        };
        Ok(Self { event: number(&hex[..16])?, place: number(&hex[16..])? })
    }
}

impl Store {
    /// An app's own URL and its secret. `None` when there is no such app.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn app_callback(&self, name: &AppName) -> Result<Option<AppCallback>, StoreError> {
        let (name, key) = (name.clone(), self.site_key().clone());
        self.query(move |conn| app_callback(conn, &key, &name)).await
    }

    /// Sends all events of an app to this URL from now on, or to none. What waits goes to where it was to go. `false`
    /// when there is no such app.
    ///
    /// # Errors
    /// When the store cannot do it; nothing is changed then.
    pub async fn set_app_callback(&self, name: &AppName, url: Option<CallbackUrl>) -> Result<bool, StoreError> {
        let name = name.clone();
        self.change_now(move |work| {
            let sql = "UPDATE app SET callback = ?2 WHERE name = ?1";
            let text = url.as_ref().map(CallbackUrl::as_str);
            let is_set = work.conn.prepare_cached(sql)?.execute((name.as_str(), text))? == 1;
            if is_set {
                // Without path and query, where a token may stand.
                let detail = json!({ "to": url.as_ref().map(CallbackUrl::origin) });
                apps::note(work, Kind::AppCallbackChanged, &name, Some(detail))?;
            }
            Ok(is_set)
        })
        .await
    }

    /// Gives an app another secret. For a day callbacks are signed with the one before, too. `false` when there is no
    /// such app.
    ///
    /// # Errors
    /// When the store cannot do it; nothing is changed then.
    pub async fn rotate_callback_secret(&self, name: &AppName) -> Result<bool, StoreError> {
        let name = name.clone();
        self.change_now(move |work| {
            let sql = "UPDATE app SET callback_generation = callback_generation + 1, callback_both_until = ?2
                       WHERE name = ?1";
            let until = (work.now + BOTH).as_millis();
            let rotated = work.conn.prepare_cached(sql)?.execute((name.as_str(), until))? == 1;
            if rotated {
                apps::note(work, Kind::AppCallbackSecretRotated, &name, None)?;
            }
            Ok(rotated)
        })
        .await
    }

    /// The callbacks that wait, or those that were given up, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn callbacks(&self, filter: CallbackFilter) -> Result<Page<CallbackView>, StoreError> {
        self.query(move |conn| page(conn, &filter)).await
    }

    /// Gives a callback that was given up another day, beginning now; of this app only, if one is given. `false` when
    /// there is no such callback, or it was not given up.
    ///
    /// # Errors
    /// When the store cannot do it; nothing is changed then.
    pub async fn replay_callback(&self, app: Option<&AppName>, id: CallbackId) -> Result<bool, StoreError> {
        let app = app.cloned();
        self.change_now(move |work| {
            let sql = format!(
                "SELECT seq FROM delivery WHERE seq = ?1 AND event = ?2 AND given_up IS NOT NULL
                   AND (?3 IS NULL OR app = ?3) AND {IS_NOT_OF_REMOVED}"
            );
            let app = app.as_ref().map(AppName::as_str);
            let mut statement = work.conn.prepare_cached(&sql)?;
            let found = statement.query_row((id.place, id.event, app), |row| row.get(0)).optional()?;
            found.map(|seq| replay(work, seq)).transpose().map(|replayed| replayed.is_some())
        })
        .await
    }

    /// The same for all that were given up, of this app and for this URL if they are given, the oldest first, behind this
    /// place in their list if one is given. Returns how many, and where to go on if some may be left: one call does some
    /// thousands, in small steps, so that nobody waits for it.
    ///
    /// # Errors
    /// When the store cannot do it; some may have been given another day then.
    pub async fn replay_callbacks(
        &self,
        app: Option<&AppName>,
        url: Option<String>,
        behind: Option<Cursor>,
    ) -> Result<(usize, Option<Cursor>), StoreError> {
        let (mut after, mut replayed) = (behind.map_or(0, |cursor| cursor.0), 0);
        for _ in 0..STEPS {
            let (app, url) = (app.cloned(), url.clone());
            // What others have there is passed over beside the writer.
            let dead = self.query(move |conn| dead_behind(conn, after, app.as_ref(), url.as_deref())).await?;
            let Some(last) = dead.last().copied() else { return Ok((replayed, None)) };
            (after, replayed) = (last, replayed + dead.len());
            self.change(move |work| dead.iter().try_for_each(|seq| replay(work, *seq))).await?;
        }
        Ok((replayed, Some(Cursor(after))))
    }

    /// How callbacks fare. Cheap: it looks only at what is not delivered.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn callback_counts(&self) -> Result<CallbackCounts, StoreError> {
        let now = self.clock().now();
        self.query(move |conn| counts(conn, now)).await
    }
}

/// The secrets that an app's callbacks are signed with now, from a row with the app's columns.
pub(super) fn secrets(
    row: &Row<'_>,
    key: &SiteKey,
    app: &AppName,
    now: Moment,
) -> Result<Vec<CallbackSecret>, StoreError> {
    let (made, newest): (i64, u32) = (row.get("created_at")?, row.get("callback_generation")?);
    let both_until = row.get::<_, Option<i64>>("callback_both_until")?.map(Moment::from_millis);
    let before = newest.checked_sub(1).filter(|_| both_until.is_some_and(|until| now < until));
    Ok([Some(newest), before].into_iter().flatten().map(|each| key.callback_secret(app, made, each)).collect())
}

fn app_callback(conn: &Connection, key: &SiteKey, name: &AppName) -> Result<Option<AppCallback>, StoreError> {
    let mut statement =
        conn.prepare_cached("SELECT callback, created_at, callback_generation FROM app WHERE name = ?1")?;
    let mut rows = statement.query([name.as_str()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let url = row.get::<_, Option<String>>("callback")?.as_deref().map(CallbackUrl::from_stored).transpose();
    Ok(Some(AppCallback {
        url: url.map_err(|_| StoreError::unreadable("app.callback"))?,
        secret: key.callback_secret(name, row.get("created_at")?, row.get("callback_generation")?),
    }))
}

fn page(conn: &Connection, filter: &CallbackFilter) -> Result<Page<CallbackView>, StoreError> {
    let given_up = match filter.status {
        CallbackStatus::Waiting => "IS NULL",
        CallbackStatus::Dead => "IS NOT NULL",
    };
    let sql = format!(
        "SELECT delivery.*, event.at, event.kind
         FROM delivery LEFT JOIN event ON event.seq = delivery.event
         WHERE given_up {given_up} AND {IS_NOT_OF_REMOVED} AND delivery.seq < ?1 ORDER BY delivery.seq DESC LIMIT ?2"
    );
    let limit = usize::from(filter.limit.get());
    let before = filter.cursor.map_or(i64::MAX, |cursor| cursor.0);
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query((before, LOOKED_AT))?;
    let (mut items, mut last, mut looked_at) = (Vec::new(), None, 0);
    while let Some(row) = rows.next()? {
        if items.len() == limit {
            return Ok(Page { items, next: last });
        }
        looked_at += 1;
        last = Some(Cursor(row.get("seq")?));
        let app = deliveries::app_name(row)?;
        if filter.app.as_ref().is_none_or(|wanted| *wanted == app) {
            let shown = journal::if_readable(row.get("event")?, view(row, app, filter.status))?;
            items.extend(shown.flatten());
        }
    }
    Ok(Page { items, next: last.filter(|_| looked_at == LOOKED_AT) })
}

/// What a row shows. `None` when the log has forgotten the event.
fn view(row: &Row<'_>, app: AppName, status: CallbackStatus) -> Result<Option<CallbackView>, StoreError> {
    let (Some(at), Some(kind)) = (row.get("at")?, row.get::<_, Option<String>>("kind")?) else { return Ok(None) };
    let (place, event) = (row.get("seq")?, row.get("event")?);
    Ok(Some(CallbackView {
        id: CallbackId { event, place },
        event: EventId::of_place(at, event),
        kind: Kind::from_name(&kind).ok_or_else(|| StoreError::unreadable("event.kind"))?,
        happened_at: row::wall(at)?,
        app,
        url: deliveries::url(row)?,
        status,
        tries: row.get("tries")?,
        next_try: row.get::<_, Option<i64>>("due")?.map(Moment::from_millis),
        reason: row.get("reason")?,
    }))
}

/// Begins anew with one, if it was given up.
fn replay(work: &Work<'_>, seq: i64) -> Result<(), StoreError> {
    let mut statement = work.conn.prepare_cached(
        "UPDATE delivery SET given_up = NULL, due = NULL, tries = 0, unreached = 0, since = ?2
         WHERE seq = ?1 AND given_up IS NOT NULL RETURNING subject, url, app",
    )?;
    let place = statement.query_row((seq, work.now.as_millis()), Place::read).optional()?;
    place.map_or(Ok(()), |place| place.let_next_go(work))
}

/// The first of those behind this seq that were given up.
fn dead_behind(
    conn: &Connection,
    after: i64,
    app: Option<&AppName>,
    url: Option<&str>,
) -> Result<Vec<i64>, StoreError> {
    let sql = format!(
        "SELECT seq FROM delivery WHERE given_up IS NOT NULL AND seq > ?1 AND (?2 IS NULL OR app = ?2)
           AND (?3 IS NULL OR url = ?3 OR substr(url, 1, length(?3) + 1) IN (?3 || '/', ?3 || '?')) AND {IS_NOT_OF_REMOVED} ORDER BY seq LIMIT ?4"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let parameters = (after, app.map(AppName::as_str), url, i64::try_from(STEP).ok());
    let dead = statement.query_map(parameters, |row| row.get(0))?;
    Ok(dead.collect::<Result<_, _>>()?)
}

fn counts(conn: &Connection, now: Moment) -> Result<CallbackCounts, StoreError> {
    let sql = "SELECT (SELECT count(*) FROM delivery WHERE given_up IS NULL),
                      (SELECT count(*) FROM delivery WHERE given_up IS NOT NULL),
                      (SELECT count(*) FROM (
                           SELECT given_up FROM delivery WHERE given_up IS NOT NULL ORDER BY seq DESC LIMIT 10000)
                       WHERE given_up > ?1)";
    let mut counts = conn.prepare_cached(sql)?.query_row([(now - LATELY).as_millis()], |row| {
        let count = |column| row.get::<_, u32>(column).map(u64::from);
        Ok(CallbackCounts { waiting: count(0)?, dead: count(1)?, dead_lately: count(2)?, failing: None })
    })?;
    if counts.waiting > 0 {
        let sql = "SELECT url, reason FROM (
                       SELECT url, reason, tries, since FROM delivery WHERE due IS NOT NULL
                       ORDER BY receiver, due LIMIT 10000)
                   WHERE tries > 1 AND since <= ?1 AND reason IS NOT NULL LIMIT 1";
        let mut statement = conn.prepare_cached(sql)?;
        let failing = statement.query_row([(now - FAILING).as_millis()], |row| Ok((row.get(0)?, row.get(1)?)));
        counts.failing = failing.optional()?.map(|(url, reason): (String, String)| {
            (CallbackUrl::from_stored(&url).map_or_else(|_| String::new(), |url| url.to_string()), reason)
        });
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_it_was_printed_and_nothing_else_is_one() {
        let id = CallbackId { event: 17, place: i64::MAX };
        assert_eq!(id.to_string(), "cb_00000000000000117fffffffffffffff");
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in ["", "cb_", "cb_1", "evt_00000000000000117fffffffffffffff", "cb_000000000000001g7fffffffffffffff"]
        {
            assert_eq!(wrong.parse::<CallbackId>(), Err(CallbackIdError), "{wrong}");
        }
        assert_eq!("cb_+00000000000001100000000000000ff".parse::<CallbackId>(), Err(CallbackIdError));
        assert_eq!("cb_ffffffffffffffffffffffffffffffff".parse::<CallbackId>(), Err(CallbackIdError));
        assert_eq!("cb_000000000000000é0000000000000ff".parse::<CallbackId>(), Err(CallbackIdError));
    }
}
