//! Showing messages: one with its history, a list of them, and how many there are of each kind.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row};

use super::error::StoreError;
use super::handle::Store;
use super::messages::{AttemptView, MessageDetail, MessageFilter, MessageView, SiteCounts};
use super::pages::{Cursor, Page};
use super::row;
use crate::ids::{AppName, MessageId, MessageReference, OtpId, SimId};
use crate::message::Status;
use crate::pdu::DeliveryStatus;
use crate::phone::PhoneNumber;

/// The columns that [`view`] reads.
pub(super) const COLUMNS: &str = "message.id, message.app, message.status, message.number, message.parts, \
     message.encoding, message.priority, message.created, message.created_at, message.deadline, message.sent_at, \
     message.delivered_at, message.latency, message.resent, message.seq";

/// How many messages are looked at for one page, so that a filter that nothing passes holds nobody up.
const LOOKED_AT: usize = 20_000;

impl Store {
    /// One message of this app, with its history. Sees the last commit.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn message(&self, app: &AppName, id: MessageId) -> Result<Option<MessageDetail>, StoreError> {
        let app = app.clone();
        self.query(move |conn| {
            let found = find(conn, &app, id)?;
            found.map(|seq| detail(conn, seq, message_of(conn, seq)?)).transpose()
        })
        .await
    }

    /// The messages of this app with their history, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn messages(&self, app: &AppName, filter: MessageFilter) -> Result<Page<MessageDetail>, StoreError> {
        let app = app.clone();
        self.query(move |conn| page(conn, &app, &filter)).await
    }

    /// Whether there was ever a message to this number.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn has_written_to(&self, to: &PhoneNumber) -> Result<bool, StoreError> {
        let number = row::number(to);
        self.query(move |conn| {
            let sql = "SELECT EXISTS (SELECT 1 FROM message WHERE number = ?1)";
            Ok(conn.prepare_cached(sql)?.query_row([number], |row| row.get(0))?)
        })
        .await
    }

    /// How much waits, is under way, and is in doubt. Cheap: it looks only at what is not finished.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn counts(&self) -> Result<SiteCounts, StoreError> {
        self.query(|conn| {
            let sql = "SELECT (SELECT count(*) FROM message WHERE queue >= 0),
                              (SELECT count(*) FROM message WHERE queue = -1),
                              (SELECT count(*) FROM message WHERE status = 'in_doubt'),
                              (SELECT count(*) FROM otp WHERE status = 'pending')";
            Ok(conn.prepare_cached(sql)?.query_row((), |row| {
                let count = |column| row.get::<_, u32>(column).map(u64::from);
                Ok(SiteCounts { queued: count(0)?, sending: count(1)?, in_doubt: count(2)?, pending_otps: count(3)? })
            })?)
        })
        .await
    }
}

/// This app's message of this id.
pub(super) fn find(conn: &Connection, app: &AppName, id: MessageId) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT seq FROM message WHERE id = ?1 AND app = ?2
                 AND seq > coalesce((SELECT last_message FROM removed_app WHERE name = ?2), 0)";
    Ok(conn.prepare_cached(sql)?.query_row((id.as_bytes(), app.as_str()), |row| row.get(0)).optional()?)
}

fn page(conn: &Connection, app: &AppName, filter: &MessageFilter) -> Result<Page<MessageDetail>, StoreError> {
    let limit = usize::from(filter.limit.get());
    let before = filter.cursor.map_or(i64::MAX, |cursor| cursor.0);
    // A site has few apps: another's messages are passed over here, which spares every commit an index over them.
    let of_number = if filter.to.is_some() { "number = ?3 AND" } else { "?3 IS NULL AND" };
    let sql = format!(
        "SELECT {COLUMNS} FROM message WHERE {of_number} seq < ?1
           AND seq > coalesce((SELECT last_message FROM removed_app WHERE name = ?2), 0) ORDER BY seq DESC"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query((before, app.as_str(), filter.to.as_ref().map(row::number)))?;
    let (mut items, mut last) = (Vec::new(), None);
    for looked_at in 0.. {
        let Some(row) = rows.next()? else { return Ok(Page { items, next: None }) };
        if items.len() == limit || looked_at == LOOKED_AT {
            break;
        }
        let seq = row.get("seq")?;
        last = Some(Cursor(seq));
        if row.get_ref("app")?.as_str().ok() != Some(app.as_str()) {
            continue;
        }
        let message = view(conn, row)?;
        if filter.status.is_none_or(|status| status == message.status) {
            items.push(detail(conn, seq, message)?);
        }
    }
    Ok(Page { items, next: last })
}

fn detail(conn: &Connection, seq: i64, message: MessageView) -> Result<MessageDetail, StoreError> {
    let sql = "SELECT (SELECT otp.id FROM otp WHERE otp.seq = message.otp) FROM message WHERE seq = ?1";
    let otp: Option<[u8; 16]> = conn.prepare_cached(sql)?.query_row([seq], |row| row.get(0))?;
    Ok(MessageDetail { message, otp: otp.map(OtpId::from_bytes), attempts: attempts_of(conn, seq)? })
}

fn attempts_of(conn: &Connection, seq: i64) -> Result<Vec<AttemptView>, StoreError> {
    let last = "SELECT attempt FROM message WHERE seq = ?1";
    let mut next: Option<i64> = conn.prepare_cached(last)?.query_row([seq], |row| row.get(0))?;
    let mut statement = conn.prepare_cached("SELECT * FROM attempt WHERE id = ?1")?;
    let mut attempts = Vec::new();
    while let Some(id) = next {
        attempts.push(statement.query_row([id], |row| {
            next = row.get("before")?;
            Ok(attempt(row))
        })??);
    }
    attempts.reverse();
    Ok(attempts)
}

fn attempt(row: &Row<'_>) -> Result<AttemptView, StoreError> {
    let (modem, outcome): (String, String) = (row.get("modem")?, row.get("outcome")?);
    Ok(AttemptView {
        modem: modem.parse().map_err(|_| StoreError::unreadable("attempt.modem"))?,
        sim: SimId::from_stored(row.get("sim")?),
        part: row.get("part")?,
        started_at: row::wall(row.get("started_at")?)?,
        ended_at: row.get::<_, Option<i64>>("ended_at")?.map(row::wall).transpose()?,
        outcome: row::outcome_from(&outcome)?,
        reference: row.get::<_, Option<u8>>("reference")?.map(MessageReference),
        report: row.get("report")?,
        code: row.get("code")?,
        reason: row.get("reason")?,
    })
}

/// A message that is known to be there.
pub(super) fn message_of(conn: &Connection, seq: i64) -> Result<MessageView, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM message WHERE seq = ?1");
    conn.prepare_cached(&sql)?.query_row([seq], |row| Ok(view(conn, row)))?
}

/// Reads a message from a row that has [`COLUMNS`].
pub(super) fn view(conn: &Connection, row: &Row<'_>) -> Result<MessageView, StoreError> {
    let (app, status, encoding): (String, String, String) = (row.get(1)?, row.get(2)?, row.get(5)?);
    let created = row::moment(row, "created")?;
    let created_at = row::wall(row.get("created_at")?)?;
    let deadline = row::moment(row, "deadline")?;
    let status = row::status_from(&status)?;
    Ok(MessageView {
        id: MessageId::from_bytes(row.get(0)?),
        app: app.parse().map_err(|_| StoreError::unreadable("message.app"))?,
        status,
        to: row::number_from(row.get("number")?)?,
        parts: row.get("parts")?,
        encoding: row::encoding_from(&encoding)?,
        priority: row::priority_from(row.get("priority")?)?,
        created_at,
        deadline,
        deadline_at: row::wall_of(deadline, created, created_at),
        sent_at: row.get::<_, Option<i64>>("sent_at")?.map(row::wall).transpose()?,
        delivered_at: row.get::<_, Option<i64>>("delivered_at")?.map(row::wall).transpose()?,
        latency: row.get::<_, Option<i64>>("latency")?.map(|millis| Duration::from_millis(millis.unsigned_abs())),
        reason: reason_of(conn, row.get("seq")?, status)?,
        resent: row.get("resent")?,
    })
}

/// Why a message that will not arrive does not: what the network said of the first part that it gave up or refused.
fn reason_of(conn: &Connection, seq: i64, status: Status) -> Result<Option<String>, StoreError> {
    if !matches!(status, Status::Undelivered | Status::Failed) {
        return Ok(None);
    }
    let sql = "SELECT attempt.report, attempt.reason FROM part JOIN attempt ON attempt.id = part.attempt
               WHERE part.message = ?1 AND part.status = ?2 ORDER BY part.part LIMIT 1";
    let told = conn.prepare_cached(sql)?.query_row((seq, status.as_str()), |row| Ok((row.get(0)?, row.get(1)?)));
    let (report, reason): (Option<u8>, Option<String>) = told.optional()?.unwrap_or_default();
    Ok(match status {
        Status::Undelivered => report.map(|octet| DeliveryStatus::from_octet(octet).to_string()),
        _ => reason,
    })
}
