//! Messages that came in: kept once however often a modem hands them out, joined from their parts, bounded, shown.

use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};
use serde_json::json;

use super::error::StoreError;
use super::events::{self, Kind, NewEvent};
use super::handle::Store;
use super::pages::{Cursor, Page, PageSize};
use super::writer::Work;
use super::{optouts, row};
use crate::clock::{Moment, Timestamp};
use crate::ids::{InboxId, ModemName, SimId};
use crate::pdu::{self, Alphabet, Concatenation, Deliver};
use crate::phone::{PhoneNumber, Sender};
use crate::secret::{SealedText, SiteKey, Text};

/// How many SMS are kept. The oldest go first.
const MOST_KEPT: i64 = 10_000;
/// How many of one sender: nobody can push out what others wrote.
const MOST_OF_ONE: i64 = 1_000;
/// By how many later SMS one is outlived by its digest.
const KNOWN_FOR: i64 = 20_000;
/// How long a message waits for its other parts before it is shown without them.
const WAITS: Duration = Duration::from_secs(24 * 3600);

/// One SMS that came in: a message, or a part of one.
#[derive(Debug, Clone)]
pub struct Inbound {
    /// The message's id, if this is the first of it.
    pub id: InboxId,
    /// The modem it came through.
    pub modem: ModemName,
    /// The SIM it came to.
    pub sim: SimId,
    /// Who sent it.
    pub sender: Sender,
    /// By what the same SMS is known when it comes again.
    pub digest: [u8; 32],
    /// Which part of which message it is.
    pub part: Option<Concatenation>,
    /// Its TPDU in hexadecimal, sealed for [`Inbound::owner`].
    pub pdu: SealedText,
    /// When the service centre took it.
    pub sent_at: Option<Timestamp>,
    /// What its sender chose by it.
    pub choice: Option<(PhoneNumber, Choice)>,
}

/// What somebody can choose by a message of one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// No more messages.
    Stop,
    /// Messages again.
    Start,
}

impl Inbound {
    /// For what the PDU of an SMS with this digest is sealed.
    #[must_use]
    pub fn owner(digest: &[u8; 32]) -> [u8; 16] {
        digest.first_chunk().copied().unwrap_or_default()
    }
}

/// A message that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxMessage {
    /// Its id.
    pub id: InboxId,
    /// The modem it came through.
    pub modem: ModemName,
    /// Who sent it. Prints masked.
    pub sender: Sender,
    /// What it says, as far as its parts have come; `None` when it is no text.
    pub text: Option<Text>,
    /// How many parts it has.
    pub parts: u8,
    /// How many of them have not come.
    pub missing: u8,
    /// When the service centre took it; `None` when that is not told.
    pub sent_at: Option<Timestamp>,
    /// When the first part of it was stored.
    pub received_at: Timestamp,
}

/// Which messages to list.
#[derive(Debug, Clone, Default)]
pub struct InboxFilter {
    /// Only those of this sender.
    pub sender: Option<Sender>,
    /// At most so many.
    pub limit: PageSize,
    /// Only those after this place in the list.
    pub cursor: Option<Cursor>,
}

impl Store {
    /// Keeps an SMS that came in, and does what its sender chose by it. One that was kept before changes nothing.
    /// Returns whether it is new.
    ///
    /// # Errors
    /// When the store cannot do it; then the SMS must not be acknowledged.
    pub async fn inbox_add(&self, inbound: Inbound) -> Result<bool, StoreError> {
        self.change(move |work| add(work, &inbound)).await
    }

    /// The messages that came in and are whole, or have waited a day for their other parts; the one that became so
    /// last comes first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn inbox(&self, filter: InboxFilter) -> Result<Page<InboxMessage>, StoreError> {
        let key = self.site_key().clone();
        self.query(move |conn| page(conn, &key, &filter)).await
    }

    /// Removes a message from the inbox; it is not taken in again. `false` when there is no such one.
    ///
    /// # Errors
    /// When the store cannot do it; nothing is changed then.
    pub async fn inbox_remove(&self, id: InboxId) -> Result<bool, StoreError> {
        self.change_now(move |work| {
            let sql = "SELECT seq FROM inbox WHERE id = ?1 AND shown = 1";
            let found = work.conn.prepare_cached(sql)?.query_row([id.as_bytes()], |row| row.get(0)).optional()?;
            found.map(|seq| remove(work, seq)).transpose().map(|removed| removed.is_some())
        })
        .await
    }
}

fn add(work: &Work<'_>, inbound: &Inbound) -> Result<bool, StoreError> {
    let known = "SELECT EXISTS (SELECT 1 FROM inbox_part WHERE digest = ?1)";
    if work.conn.prepare_cached(known)?.query_row([inbound.digest], |row| row.get(0))? {
        return Ok(false);
    }
    match &inbound.choice {
        Some((number, Choice::Stop)) => optouts::put(work, row::number(number), None)?,
        Some((number, Choice::Start)) => drop(optouts::remove(work, row::number(number), None)?),
        None => {}
    }
    let part = inbound.part.filter(|part| part.total > 1);
    let waiting = part.map(|part| waiting_for(work, inbound, part)).transpose()?.flatten();
    let seq = match waiting {
        Some(seq) => seq,
        None => begin(work, inbound, part)?,
    };
    let number = part.map_or(1, |part| part.sequence);
    work.conn
        .prepare_cached("INSERT INTO inbox_part (digest, message, part, pdu) VALUES (?1, ?2, ?3, ?4)")?
        .execute((inbound.digest, seq, number, inbound.pdu.as_bytes()))?;
    let missing: u32 = work
        .conn
        .prepare_cached("UPDATE inbox SET missing = missing - 1 WHERE seq = ?1 RETURNING missing")?
        .query_row([seq], |row| row.get(0))?;
    if missing == 0 {
        show(work, seq)?;
    }
    keep_within_bounds(work, &inbound.sender)?;
    Ok(true)
}

/// The message that waits for this part.
fn waiting_for(work: &Work<'_>, inbound: &Inbound, part: Concatenation) -> Result<Option<i64>, StoreError> {
    Ok(work
        .conn
        .prepare_cached(
            "SELECT seq FROM inbox
             WHERE sender = ?1 AND sim = ?2 AND reference = ?3 AND parts = ?4 AND shown = 0
               AND NOT EXISTS (SELECT 1 FROM inbox_part WHERE message = inbox.seq AND part = ?5)
             ORDER BY seq DESC LIMIT 1",
        )?
        .query_row((inbound.sender.in_full(), inbound.sim.as_str(), part.reference, part.total, part.sequence), |row| {
            row.get(0)
        })
        .optional()?)
}

fn begin(work: &Work<'_>, inbound: &Inbound, part: Option<Concatenation>) -> Result<i64, StoreError> {
    work.conn
        .prepare_cached(
            "INSERT INTO inbox (id, modem, sim, sender, reference, parts, missing, shown, sent_at, received, received_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, 0, ?7, ?8, ?9)",
        )?
        .execute((
            inbound.id.as_bytes(),
            inbound.modem.as_str(),
            inbound.sim.as_str(),
            inbound.sender.in_full(),
            part.map(|part| part.reference),
            part.map_or(1, |part| part.total),
            inbound.sent_at.map(Timestamp::as_millisecond),
            work.now.as_millis(),
            work.wall.as_millisecond(),
        ))?;
    let seq = work.conn.last_insert_rowid();
    if part.is_some() {
        // That its other parts may never come is something that falls due.
        work.touch_queue();
    }
    Ok(seq)
}

/// Puts a message at the top of the list.
fn show(work: &Work<'_>, seq: i64) -> Result<(), StoreError> {
    let sql = "UPDATE inbox SET shown = 1, seq = (SELECT max(seq) FROM inbox) + 1 WHERE seq = ?1
               RETURNING id, modem, sender";
    let (id, modem, sender): ([u8; 16], String, String) =
        work.conn.prepare_cached(sql)?.query_row([seq], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let (id, from) = (InboxId::from_bytes(id).to_string(), Sender::new(sender).to_string());
    let detail = json!({ "inbox": id, "from": from, "modem": modem });
    events::note(work, &NewEvent::of_site(Kind::InboxReceived, detail))
}

/// When a message that came in at this moment is shown, whole or not.
pub(super) fn shown_at(received: Moment) -> Moment {
    received + WAITS
}

/// Shows the messages that have waited long enough for their other parts.
pub(super) fn show_waiting(work: &Work<'_>, most: usize) -> Result<(), StoreError> {
    let sql = "SELECT seq FROM inbox WHERE shown = 0 AND received <= ?1 ORDER BY received LIMIT ?2";
    let mut statement = work.conn.prepare_cached(sql)?;
    let since = ((work.now - WAITS).as_millis(), i64::try_from(most).unwrap_or(i64::MAX));
    let due: Vec<i64> = statement.query_map(since, |row| row.get(0))?.collect::<Result<_, _>>()?;
    due.into_iter().try_for_each(|seq| show(work, seq))
}

fn keep_within_bounds(work: &Work<'_>, sender: &Sender) -> Result<(), StoreError> {
    let of_one = "SELECT count(*) FROM inbox JOIN inbox_part ON inbox_part.message = inbox.seq WHERE sender = ?1";
    while work.conn.prepare_cached(of_one)?.query_row([sender.in_full()], |row| row.get::<_, i64>(0))? > MOST_OF_ONE {
        let oldest = "SELECT min(seq) FROM inbox WHERE sender = ?1";
        remove(work, work.conn.prepare_cached(oldest)?.query_row([sender.in_full()], |row| row.get(0))?)?;
    }
    let of_all = "SELECT count(*) FROM inbox_part WHERE message IS NOT NULL";
    while work.conn.prepare_cached(of_all)?.query_row((), |row| row.get::<_, i64>(0))? > MOST_KEPT {
        let oldest = "SELECT min(seq) FROM inbox";
        remove(work, work.conn.prepare_cached(oldest)?.query_row((), |row| row.get(0))?)?;
    }
    Ok(())
}

/// Removes a message; its digests stay for a while.
fn remove(work: &Work<'_>, seq: i64) -> Result<(), StoreError> {
    let parts = "UPDATE inbox_part SET message = NULL, pdu = NULL WHERE message = ?1";
    work.conn.prepare_cached(parts)?.execute([seq])?;
    work.conn.prepare_cached("DELETE FROM inbox WHERE seq = ?1")?.execute([seq])?;
    work.conn
        .prepare_cached(
            "DELETE FROM inbox_part WHERE message IS NULL AND seq < (SELECT max(seq) FROM inbox_part) - ?1",
        )?
        .execute([KNOWN_FOR])?;
    work.note_erasure();
    Ok(())
}

fn page(conn: &Connection, key: &SiteKey, filter: &InboxFilter) -> Result<Page<InboxMessage>, StoreError> {
    let before = filter.cursor.map_or(i64::MAX, |cursor| cursor.0);
    let mut values = vec![Value::from(before), Value::from(i64::from(filter.limit.get()) + 1)];
    let of_one = filter.sender.as_ref().map_or("", |sender| {
        values.push(Value::from(sender.in_full().to_owned()));
        "AND sender = ?3"
    });
    let sql = format!("SELECT * FROM inbox WHERE shown = 1 AND seq < ?1 {of_one} ORDER BY seq DESC LIMIT ?2");
    let mut statement = conn.prepare_cached(&sql)?;
    let rows = statement.query(params_from_iter(values))?;
    Page::read(rows, filter.limit, |row| message(row, text_of(conn, key, row.get("seq")?)?))
}

fn message(row: &Row<'_>, text: Option<Text>) -> Result<InboxMessage, StoreError> {
    let modem: String = row.get("modem")?;
    Ok(InboxMessage {
        id: InboxId::from_bytes(row.get("id")?),
        modem: modem.parse().map_err(|_| StoreError::unreadable("inbox.modem"))?,
        sender: Sender::new(row.get("sender")?),
        text,
        parts: row.get("parts")?,
        missing: row.get("missing")?,
        sent_at: row.get::<_, Option<i64>>("sent_at")?.map(row::wall).transpose()?,
        received_at: row::wall(row.get("received_at")?)?,
    })
}

/// What the parts that are there say together. What was sealed under another key cannot be read any more.
fn text_of(conn: &Connection, key: &SiteKey, message: i64) -> Result<Option<Text>, StoreError> {
    let sql = "SELECT digest, pdu FROM inbox_part WHERE message = ?1 ORDER BY part";
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query([message])?;
    let mut parts = Vec::new();
    while let Some(row) = rows.next()? {
        let owner = Inbound::owner(&row.get(0)?);
        let Ok(hex) = key.open(&owner, &SealedText::from_bytes(row.get(1)?)) else { return Ok(None) };
        let Some(deliver) = pdu::from_hex(hex.expose()).ok().and_then(|tpdu| Deliver::decode(&tpdu).ok()) else {
            return Err(StoreError::unreadable("inbox_part.pdu"));
        };
        parts.push(deliver.user_data);
    }
    let is_text = parts.iter().any(|part| part.alphabet() != Alphabet::Data);
    Ok(is_text.then(|| Text::new(pdu::reassemble(&parts))))
}
