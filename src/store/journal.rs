//! What happened, as it is told: to callbacks, streams of events and the audit in the same words.
//!
//! Told forward from a place in the log, so that nobody misses anything; and backward by page, for people.

use std::sync::Once;

use rusqlite::{Connection, OptionalExtension, Row};
use serde_json::{Map, Value};
use tokio::sync::watch;

use super::error::StoreError;
use super::events::{By, Kind};
use super::handle::Store;
use super::pages::{Cursor, Page, PageSize};
use super::row;
use crate::clock::{Moment, Timestamp};
use crate::ids::{AppName, EventId, MessageId, OtpId};
use crate::message;
use crate::otp;
use crate::phone::PhoneNumber;

/// How many rows are looked at for one page of the log, so that a filter that nothing passes holds nobody up.
const LOOKED_AT: i64 = 20_000;
/// How many for one piece of a stream, which looks again and again.
const LOOKED_AHEAD: i64 = 2_000;

/// Something that happened. This is what callbacks carry, streams send and the audit lists.
#[derive(Debug, Clone, PartialEq, serde::Serialize, utoipa::ToSchema)]
pub struct Event {
    /// Its name. An event that is told twice has the same.
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String, pattern = "^evt_[0-9a-f]{32}$")]
    pub id: EventId,
    /// What happened.
    #[serde(rename = "type", serialize_with = "as_name")]
    #[schema(value_type = String, pattern = r"^[a-z_]+\.[a-z_]+$", example = "otp.delivered")]
    pub kind: Kind,
    /// When, by the wall clock of then.
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: Timestamp,
    /// What it is about.
    #[schema(inline)]
    pub data: EventData,
}

/// What an event is about. Other members follow from its type.
#[derive(Debug, Clone, PartialEq, serde::Serialize, utoipa::ToSchema)]
pub struct EventData {
    /// The app whose otp or message it is, or that did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub app: Option<AppName>,
    #[allow(missing_docs, reason = "the type's own words are shown; more would make another schema beside it")]
    #[schema(inline)]
    pub by: By,
    /// The otp, as it was then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline)]
    pub otp: Option<EventOtp>,
    /// The message, as it was then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline)]
    pub message: Option<EventMessage>,
    /// What else there is to tell.
    #[serde(flatten)]
    #[schema(ignore)]
    pub detail: Map<String, Value>,
}

/// An otp that something happened to.
#[derive(Debug, Clone, PartialEq, serde::Serialize, utoipa::ToSchema)]
pub struct EventOtp {
    /// Its name in all calls.
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String, pattern = "^otp_[0-9a-f]{32}$")]
    pub id: OtpId,
    #[allow(missing_docs, reason = "the type's own words are shown; more would make another schema beside it")]
    #[schema(inline)]
    pub status: otp::Status,
    /// The recipient, masked.
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String)]
    pub to: PhoneNumber,
    /// What it is for.
    pub purpose: String,
    /// After a wrong code: how many may still be tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts_left: Option<u64>,
}

/// A message that something happened to.
#[derive(Debug, Clone, PartialEq, serde::Serialize, utoipa::ToSchema)]
pub struct EventMessage {
    /// Its name in `/v1/messages`.
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String, pattern = "^msg_[0-9a-f]{32}$")]
    pub id: MessageId,
    #[allow(missing_docs, reason = "the type's own words are shown; more would make another schema beside it")]
    #[schema(inline)]
    pub status: message::Status,
    /// The recipient, masked.
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String)]
    pub to: PhoneNumber,
    /// When the handset had it, as the network reports, if it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub delivered_at: Option<Timestamp>,
    /// Why it will not arrive, if that is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

fn as_text<S: serde::Serializer>(value: &impl std::fmt::Display, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

fn as_name<S: serde::Serializer>(kind: &Kind, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(kind.as_str())
}

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reader {
    /// An app: of its own otps and messages, of what comes in, and of the modems; of all that is public only.
    App(AppName),
    /// Whoever may know everything.
    Admin,
}

/// A piece of the log, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// What the reader is told.
    pub events: Vec<Event>,
    /// The last place in the log that was looked at. The next piece begins behind it.
    pub seen: i64,
}

/// Which events to list.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// Only those of this app.
    pub app: Option<AppName>,
    /// Only those of these kinds; all when there is none.
    pub kinds: Vec<Kind>,
    /// Only those from this time on, by the wall clock of then.
    pub since: Option<Timestamp>,
    /// Only those before this time, by the wall clock of then.
    pub until: Option<Timestamp>,
    /// At most so many.
    pub limit: PageSize,
    /// Only those after this place in the list.
    pub cursor: Option<Cursor>,
}

impl Store {
    /// The place in the log of the newest event, now and from now on. What another process writes, such as `app create`,
    /// shows with the next event of this one.
    #[must_use]
    pub fn newest_event(&self) -> watch::Receiver<i64> {
        self.watch_noted()
    }

    /// What a reader is told of what happened behind this place, of these kinds (all when there is none): at most `most`
    /// events. Sees the last commit.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn events_after(
        &self,
        place: i64,
        reader: Reader,
        kinds: Vec<Kind>,
        most: usize,
    ) -> Result<Told, StoreError> {
        self.query(move |conn| forward(conn, place, &reader, &kinds, most)).await
    }

    /// What happened, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn events(&self, filter: EventFilter) -> Result<Page<Event>, StoreError> {
        let since = filter.since.map(|since| {
            let ago = self.clock().wall().duration_since(since).unsigned_abs();
            self.clock().now() - ago
        });
        self.query(move |conn| backward(conn, &filter, since)).await
    }
}

/// The place of the newest event; 0 before the first.
pub(super) fn newest(conn: &Connection) -> Result<i64, StoreError> {
    Ok(conn.prepare_cached("SELECT coalesce(max(seq), 0) FROM event")?.query_row((), |row| row.get(0))?)
}

fn forward(conn: &Connection, place: i64, reader: &Reader, kinds: &[Kind], most: usize) -> Result<Told, StoreError> {
    let last = newest(conn)?.min(place.saturating_add(LOOKED_AHEAD));
    let own = match reader {
        Reader::Admin => None,
        Reader::App(app) => Some(Own::of(conn, app)?),
    };
    let mut statement = conn.prepare_cached("SELECT * FROM event WHERE seq > ?1 AND seq <= ?2 ORDER BY seq")?;
    let mut rows = statement.query((place, last))?;
    let (mut events, mut seen) = (Vec::new(), place);
    while let Some(row) = rows.next()? {
        seen = row.get("seq")?;
        let Some(entry) = if_readable(seen, Entry::read(row))? else { continue };
        let is_meant = kinds.is_empty() || kinds.contains(&entry.kind);
        if is_meant && own.as_ref().is_none_or(|own| own.may_know(&entry)) {
            events.extend(if_readable(seen, entry.told(conn))?);
            if events.len() == most {
                return Ok(Told { events, seen });
            }
        }
    }
    Ok(Told { events, seen: seen.max(last) })
}

fn backward(conn: &Connection, filter: &EventFilter, since: Option<Moment>) -> Result<Page<Event>, StoreError> {
    let before = filter.cursor.map_or(i64::MAX, |cursor| cursor.0);
    let sql = "SELECT * FROM event WHERE seq < ?1 ORDER BY seq DESC";
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query([before])?;
    let (mut items, mut last) = (Vec::new(), None);
    for looked_at in 0.. {
        let Some(row) = rows.next()? else { return Ok(Page { items, next: None }) };
        if items.len() == usize::from(filter.limit.get()) || looked_at == LOOKED_AT {
            break;
        }
        let seq = row.get("seq")?;
        let Some(entry) = if_readable(seq, Entry::read(row))? else {
            last = Some(Cursor(seq));
            continue;
        };
        let is_too_old = filter.since.is_some_and(|since| entry.at < since);
        // The wall clock may have been wrong then; what is too old by both clocks ends the search.
        if is_too_old && since.is_some_and(|since| entry.moment < since) {
            return Ok(Page { items, next: None });
        }
        last = Some(Cursor(seq));
        let is_meant = !is_too_old
            && filter.until.is_none_or(|until| entry.at < until)
            && (filter.kinds.is_empty() || filter.kinds.contains(&entry.kind))
            && filter.app.as_ref().is_none_or(|app| entry.app.as_ref() == Some(app));
        if is_meant {
            items.extend(if_readable(seq, entry.told(conn))?);
        }
    }
    Ok(Page { items, next: last })
}

/// What was read of the event at this place; `None` when its row cannot be read, as when a newer version that ran here
/// wrote it. It is left out, and all others are told. One warning says so, or each look would.
pub(super) fn if_readable<T>(place: i64, read: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    static TOLD: Once = Once::new();
    match read {
        Ok(read) => Ok(Some(read)),
        Err(StoreError::Unreadable(what)) => {
            TOLD.call_once(|| {
                tracing::warn!(place, what, "an event cannot be read and is left out; others like it are not told of");
            });
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// One event, for who knows its place.
pub(super) fn event(conn: &Connection, seq: i64) -> Result<Option<Event>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT * FROM event WHERE seq = ?1")?;
    let entry = statement.query_row([seq], |row| Ok(Entry::read(row))).optional()?.transpose()?;
    entry.map(|entry| entry.told(conn)).transpose()
}

/// What is an app's own. Of an app that was removed nothing belongs to one that got its name later.
struct Own<'a> {
    app: &'a AppName,
    last_otp: i64,
    last_message: i64,
}

impl<'a> Own<'a> {
    fn of(conn: &Connection, app: &'a AppName) -> Result<Self, StoreError> {
        let sql = "SELECT last_otp, last_message FROM removed_app WHERE name = ?1";
        let removed = conn.prepare_cached(sql)?.query_row([app.as_str()], |row| Ok((row.get(0)?, row.get(1)?)));
        let (last_otp, last_message) = removed.optional()?.unwrap_or((0, 0));
        Ok(Self { app, last_otp, last_message })
    }

    fn may_know(&self, entry: &Entry) -> bool {
        let is_its_own = || {
            entry.app.as_ref() == Some(self.app)
                && entry.otp.is_none_or(|otp| otp > self.last_otp)
                && entry.message.is_none_or(|message| message > self.last_message)
        };
        entry.kind.is_public() && (entry.kind.is_of_site() || is_its_own())
    }
}

/// A row of the log.
struct Entry {
    seq: i64,
    at: Timestamp,
    moment: Moment,
    kind: Kind,
    app: Option<AppName>,
    otp: Option<i64>,
    message: Option<i64>,
    detail: Option<String>,
}

impl Entry {
    fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        let kind = row.get_ref("kind")?.as_str().ok().and_then(Kind::from_name);
        let app: Option<String> = row.get("app")?;
        let app = app.map(|app| app.parse()).transpose().map_err(|_| StoreError::unreadable("event.app"))?;
        Ok(Self {
            seq: row.get("seq")?,
            at: row::wall(row.get("at")?)?,
            moment: row::moment(row, "moment")?,
            kind: kind.ok_or_else(|| StoreError::unreadable("event.kind"))?,
            app,
            otp: row.get("otp")?,
            message: row.get("message")?,
            detail: row.get("detail")?,
        })
    }

    /// The event with what its otp and message tell of themselves.
    fn told(self, conn: &Connection) -> Result<Event, StoreError> {
        let mut detail = match self.detail.as_deref().map(serde_json::from_str).transpose() {
            Ok(detail) => detail.unwrap_or_else(Map::new),
            Err(_) => return Err(StoreError::unreadable("event.detail")),
        };
        let mut take = |name: &str| detail.remove(name);
        let otp_status = take("otp_status").and_then(|status| otp::Status::from_name(status.as_str()?));
        let message_status = take("message_status").and_then(|status| message::Status::from_name(status.as_str()?));
        let attempts_left = take("attempts_left").and_then(|left| left.as_u64());
        let by = take("by").and_then(|by| By::from_name(by.as_str()?)).unwrap_or(self.kind.by());
        let otp = match self.otp {
            Some(seq) => Some(EventOtp { attempts_left, ..self.otp(conn, seq, otp_status)? }),
            None => None,
        };
        let message = match self.message {
            Some(seq) => {
                let reason = detail.remove("reason").and_then(|reason| Some(reason.as_str()?.to_owned()));
                Some(EventMessage { reason, ..self.message(conn, seq, message_status)? })
            }
            None => None,
        };
        Ok(Event {
            id: EventId::of_place(self.at.as_millisecond(), self.seq),
            kind: self.kind,
            timestamp: self.at,
            data: EventData { app: self.app, by, otp, message, detail },
        })
    }

    fn otp(&self, conn: &Connection, seq: i64, status: Option<otp::Status>) -> Result<EventOtp, StoreError> {
        let sql = "SELECT id, number, purpose FROM otp WHERE seq = ?1";
        conn.prepare_cached(sql)?.query_row([seq], |row| {
            let (id, number, purpose) = (OtpId::from_bytes(row.get(0)?), row.get(1)?, row.get(2)?);
            let status = status.unwrap_or_else(|| self.kind.otp_status());
            Ok(row::number_from(number).map(|to| EventOtp { id, status, to, purpose, attempts_left: None }))
        })?
    }

    fn message(
        &self,
        conn: &Connection,
        seq: i64,
        status: Option<message::Status>,
    ) -> Result<EventMessage, StoreError> {
        let sql = "SELECT id, number FROM message WHERE seq = ?1";
        conn.prepare_cached(sql)?.query_row([seq], |row| {
            let (id, number) = (MessageId::from_bytes(row.get(0)?), row.get(1)?);
            let status = status.unwrap_or_else(|| self.kind.message_status());
            let delivered_at = (status == message::Status::Delivered).then_some(self.at);
            Ok(row::number_from(number).map(|to| EventMessage { id, status, to, delivered_at, reason: None }))
        })?
    }
}
