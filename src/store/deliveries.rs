//! The outbox: events on their way to receivers, written in the transaction of the event.
//!
//! Each row is one event for one URL. It waits until it is due, is tried, and is deleted once the receiver has it. Of
//! what is about one otp or message only the oldest is ever due at one URL, so the order is kept, and nothing else waits
//! for it; of what is about the site only a modem's states have an order. What was tried for a day is given up: kept for
//! a month, shown, and tried again only when somebody says so.
//!
//! Its one rule: a row leaves this table only when the receiver has it, a month after it was given up, or when its app is
//! gone.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row};

use super::callbacks::CallbackId;
use super::error::StoreError;
use super::events::NewEvent;
use super::handle::Store;
use super::journal::Event;
use super::writer::Work;
use super::{callbacks, journal, retention, row};
use crate::callback::{CallbackUrl, Source};
use crate::clock::Moment;
use crate::ids::AppName;
use crate::secret::{CallbackSecret, SiteKey};

/// How many of what could not reach a receiver are due at once when it has taken something. Each of them brings others.
const RECALLED: usize = 16;
/// How many rows are looked at in one transaction, to be withdrawn.
const LOOKED_AT: i64 = 256;
/// How long what was given up is kept.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// An event that is to be sent to a receiver now.
#[derive(Debug)]
pub struct Delivery {
    /// What it is settled by.
    pub id: CallbackId,
    /// Whose event it is.
    pub app: AppName,
    /// Where it goes.
    pub url: CallbackUrl,
    /// Who named the URL.
    pub source: Source,
    /// What shares places with it: the URL, or the app and the host when a request named it.
    pub receiver: String,
    /// Since when it waits.
    pub since: Moment,
    /// How often it was tried before.
    pub tries: u32,
    /// Whether the last try found nobody there.
    pub unreached: bool,
    /// The secrets that it is to be signed with: the app's, and for a day after a change the one before.
    pub secrets: Vec<CallbackSecret>,
    /// The event.
    pub event: Event,
}

/// What is due, and when more is.
#[derive(Debug)]
pub struct Due {
    /// What is to be sent now.
    pub deliveries: Vec<Delivery>,
    /// What cannot be sent, and what is to be written down of it: its app is gone, the log has forgotten the event, or the
    /// event cannot be read.
    pub lost: Vec<(CallbackId, Tried)>,
    /// When something is due next at a receiver that has a place free.
    pub next: Option<Moment>,
}

/// What came of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// The receiver has it. So it is there: what did not reach it before is due now.
    Delivered,
    /// There is nothing to be sent.
    Lost,
    /// It is to be tried again.
    Again {
        /// At this moment.
        due: Moment,
        /// Why, in a few words that quote nothing.
        reason: String,
        /// Nobody was there.
        unreached: bool,
    },
    /// It is not tried again by itself.
    GivenUp {
        /// Why, in a few words that quote nothing.
        reason: String,
    },
}

impl Store {
    /// Changes after every commit that gives the outbox something to send. Take it before looking, so that no change is
    /// missed.
    #[must_use]
    pub fn outbox(&self) -> tokio::sync::watch::Receiver<u64> {
        self.watch_outbox()
    }

    /// What is due now: at each receiver as many as `free` tells, the longest due first, and `most` in all. Receivers
    /// have their turns in the order of their names, beginning behind `after`. Those in `under_way` are passed over.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn deliveries_due(
        &self,
        under_way: Vec<CallbackId>,
        most: usize,
        after: String,
        free: impl Fn(&str) -> usize + Send + 'static,
    ) -> Result<Due, StoreError> {
        let (key, now) = (self.site_key().clone(), self.clock().now());
        self.query(move |conn| Looking { conn, key: &key, now, under_way: &under_way, free: &free }.from(&after, most))
            .await
    }

    /// Writes down what came of a try.
    ///
    /// # Errors
    /// When the store cannot do it; the event is then due as before.
    pub async fn settle_delivery(&self, id: CallbackId, tried: Tried) -> Result<(), StoreError> {
        self.change(move |work| settle(work, id, &tried)).await
    }
}

/// Puts an event that was just written down into the outbox, for everybody who is to be told of it.
pub(super) fn enqueue(work: &Work<'_>, seq: i64, event: &NewEvent<'_>) -> Result<(), StoreError> {
    if !event.kind.is_public() {
        return Ok(());
    }
    let subject = match (event.otp, event.message) {
        (Some(otp), _) => 2 * otp,
        (None, Some(message)) => 2 * message + 1,
        (None, None) => return tell_all(work, seq, of_site(seq, event)),
    };
    let Some(app) = event.app else { return Ok(()) };
    let Some(Urls { own, other, source }) = Urls::of(work, app, event)? else { return Ok(()) };
    let other = other.filter(|url| own.as_ref() != Some(url));
    for (url, source) in [(own, Source::Operator), (other, source)] {
        if let Some(url) = url {
            insert(work, seq, subject, app, &url, source)?;
        }
    }
    Ok(())
}

/// The subject of what is about the site: below 0, odd for a modem, whose states come in their order, and even for what
/// has no order with anything, as what comes in. Two modems with the same one only wait for each other.
fn of_site(seq: i64, event: &NewEvent<'_>) -> i64 {
    let detail = event.detail.as_ref().filter(|_| event.kind.is_of_modem());
    let modem = detail.and_then(|detail| detail["modem"].as_str());
    match modem {
        Some(modem) => -1 - 2 * modem.bytes().fold(0, |hash, octet| (hash * 31 + i64::from(octet)) % (1 << 48)),
        None => -2 * seq,
    }
}

/// Where the events of one otp or message go.
struct Urls {
    /// The app's own.
    own: Option<String>,
    /// That of the otp or message.
    other: Option<String>,
    /// Who named the latter.
    source: Source,
}

impl Urls {
    /// `None` when the app was removed, even if another has its name now.
    fn of(work: &Work<'_>, app: &str, event: &NewEvent<'_>) -> Result<Option<Self>, StoreError> {
        Ok(work
            .conn
            .prepare_cached(
                "SELECT app.callback, coalesce(otp.callback, message.callback),
                        coalesce(otp.callback_by_request, message.callback_by_request, 0)
                 FROM app LEFT JOIN otp ON otp.seq = ?2 LEFT JOIN message ON message.seq = ?3 AND ?2 IS NULL
                 WHERE app.name = ?1 AND NOT EXISTS (
                     SELECT 1 FROM removed_app WHERE removed_app.name = ?1
                       AND CASE WHEN ?2 IS NULL THEN ?3 <= last_message ELSE ?2 <= last_otp END)",
            )?
            .query_row((app, event.otp, event.message), |row| {
                let source = if row.get(2)? { Source::Request } else { Source::Operator };
                Ok(Self { own: row.get(0)?, other: row.get(1)?, source })
            })
            .optional()?)
    }
}

/// What is about the site goes to every app with a URL of its own that may read it.
fn tell_all(work: &Work<'_>, seq: i64, subject: i64) -> Result<(), StoreError> {
    let mut statement = work.conn.prepare_cached(
        "SELECT name, callback FROM app
         WHERE callback IS NOT NULL AND (' ' || scopes || ' ' LIKE '% read %' OR ' ' || scopes || ' ' LIKE '% admin %')",
    )?;
    let apps = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let apps: Vec<(String, String)> = apps.collect::<Result<_, _>>()?;
    for (app, url) in apps {
        insert(work, seq, subject, &app, &url, Source::Operator)?;
    }
    Ok(())
}

fn insert(work: &Work<'_>, event: i64, subject: i64, app: &str, url: &str, source: Source) -> Result<(), StoreError> {
    let parsed = CallbackUrl::from_stored(url).map_err(|_| StoreError::unreadable("a callback's URL"))?;
    // Whoever names URLs in requests could name many ports of one host; no app's own URL has a space in it.
    let receiver = if source == Source::Request { format!("{app} {}", parsed.host()) } else { url.to_owned() };
    work.conn
        .prepare_cached(
            "INSERT INTO delivery (event, app, url, by_request, receiver, subject, since, due)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, CASE WHEN NOT EXISTS (
                 SELECT 1 FROM delivery WHERE subject = ?6 AND url = ?3 AND app = ?2 AND given_up IS NULL) THEN ?7 END)",
        )?
        .execute((event, app, url, source == Source::Request, receiver, subject, work.now.as_millis()))?;
    work.touch_outbox();
    Ok(())
}

/// A look at what is due.
struct Looking<'a, F> {
    conn: &'a Connection,
    key: &'a SiteKey,
    now: Moment,
    under_way: &'a [CallbackId],
    free: &'a F,
}

impl<F: Fn(&str) -> usize> Looking<'_, F> {
    fn from(&self, after: &str, most: usize) -> Result<Due, StoreError> {
        let mut due = Due { deliveries: Vec::new(), lost: Vec::new(), next: None };
        let mut statement = self.conn.prepare_cached(
            "SELECT receiver FROM delivery WHERE due IS NOT NULL AND receiver > ?1 ORDER BY receiver LIMIT 1",
        )?;
        let mut next = |before: &str| statement.query_row([before], |row| row.get::<_, String>(0)).optional();
        // Each receiver's rows stand together in the index: this steps from one receiver to the next.
        let mut receiver = next(after)?;
        while let Some(name) = receiver {
            self.at(&name, most, &mut due)?;
            receiver = next(&name)?;
        }
        receiver = next("")?;
        while let Some(name) = receiver.filter(|name| name.as_str() <= after) {
            self.at(&name, most, &mut due)?;
            receiver = next(&name)?;
        }
        Ok(due)
    }

    /// Takes what is due at one receiver.
    fn at(&self, receiver: &str, most: usize, due: &mut Due) -> Result<(), StoreError> {
        let mut free = (self.free)(receiver).min(most.saturating_sub(due.deliveries.len()));
        if free == 0 {
            return Ok(());
        }
        let mut statement = self.conn.prepare_cached(
            "SELECT event, seq, due FROM delivery WHERE receiver = ?1 AND due IS NOT NULL ORDER BY due",
        )?;
        let mut rows = statement.query([receiver])?;
        while let Some(row) = rows.next()? {
            let id = CallbackId { event: row.get(0)?, place: row.get(1)? };
            let moment = Moment::from_millis(row.get(2)?);
            if self.under_way.contains(&id) {
                continue;
            }
            if moment > self.now {
                due.next = Some(due.next.map_or(moment, |next| next.min(moment)));
                return Ok(());
            }
            match load(self.conn, self.key, self.now, id) {
                Ok(Some(delivery)) => due.deliveries.push(delivery),
                Ok(None) => due.lost.push((id, Tried::Lost)),
                // All others are sent.
                Err(StoreError::Unreadable(what)) => {
                    due.lost.push((id, Tried::GivenUp { reason: what }));
                }
                Err(error) => return Err(error),
            }
            free -= 1;
            if free == 0 {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// One that is due, ready to be sent. `None` when its app or its event is gone.
fn load(conn: &Connection, key: &SiteKey, now: Moment, id: CallbackId) -> Result<Option<Delivery>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT delivery.*, app.created_at, app.callback_generation, app.callback_both_until
         FROM delivery JOIN app ON app.name = delivery.app
         WHERE delivery.seq = ?1 AND delivery.event > coalesce(
             (SELECT last_event FROM removed_app WHERE removed_app.name = delivery.app), 0)",
    )?;
    let mut rows = statement.query([id.place])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let Some(event) = journal::event(conn, row.get("event")?)? else { return Ok(None) };
    let app = app_name(row)?;
    Ok(Some(Delivery {
        id,
        secrets: callbacks::secrets(row, key, &app, now)?,
        app,
        url: url(row)?,
        source: source(row)?,
        receiver: row.get("receiver")?,
        since: row::moment(row, "since")?,
        tries: row.get("tries")?,
        unreached: row.get("unreached")?,
        event,
    }))
}

pub(super) fn app_name(row: &Row<'_>) -> Result<AppName, StoreError> {
    row.get::<_, String>("app")?.parse().map_err(|_| StoreError::unreadable("delivery.app"))
}

pub(super) fn url(row: &Row<'_>) -> Result<CallbackUrl, StoreError> {
    CallbackUrl::from_stored(&row.get::<_, String>("url")?).map_err(|_| StoreError::unreadable("delivery.url"))
}

fn source(row: &Row<'_>) -> Result<Source, StoreError> {
    Ok(if row.get("by_request")? { Source::Request } else { Source::Operator })
}

fn settle(work: &Work<'_>, id: CallbackId, tried: &Tried) -> Result<(), StoreError> {
    match tried {
        Tried::Delivered | Tried::Lost => {
            let sql = "DELETE FROM delivery WHERE seq = ?1 AND event = ?2 RETURNING subject, url, app, receiver";
            let mut statement = work.conn.prepare_cached(sql)?;
            let gone = statement.query_row((id.place, id.event), |row| Ok((Place::read(row)?, row.get(3)?)));
            let Some((place, receiver)) = gone.optional()? else { return Ok(()) };
            if *tried == Tried::Delivered {
                recall(work, receiver, &place.url)?;
            }
            retention::let_go(work, id.event)?;
            place.let_next_go(work)
        }
        Tried::Again { due, reason, unreached } => {
            work.conn
                .prepare_cached(
                    "UPDATE delivery SET tries = tries + 1, due = ?3, reason = ?4, unreached = ?5
                     WHERE seq = ?1 AND event = ?2",
                )?
                .execute((id.place, id.event, due.as_millis(), reason, unreached))?;
            Ok(())
        }
        Tried::GivenUp { reason } => {
            let mut statement = work.conn.prepare_cached(
                "UPDATE delivery SET tries = tries + 1, due = NULL, given_up = ?3, reason = ?4
                 WHERE seq = ?1 AND event = ?2 RETURNING subject, url, app",
            )?;
            let parameters = (id.place, id.event, work.now.as_millis(), reason);
            let given_up = statement.query_row(parameters, Place::read).optional()?;
            given_up.map_or(Ok(()), |place| place.let_next_go(work))
        }
    }
}

/// Somebody is there at this URL: of what found nobody at its scheme, host and port some is due now. A receiver that a
/// request named may be another at each port of its host.
fn recall(work: &Work<'_>, receiver: String, url: &str) -> Result<(), StoreError> {
    let origin = |url: &str| CallbackUrl::from_stored(url).map(|url| url.origin().to_owned()).ok();
    let is_there = origin(url);
    let mut statement = work.conn.prepare_cached(
        "SELECT seq, url FROM delivery WHERE receiver = ?1 AND due > ?2 AND unreached = 1 ORDER BY due LIMIT ?3",
    )?;
    let now = work.now.as_millis();
    let rows = statement.query_map((receiver, now, LOOKED_AT), |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
    let mut recalled: Vec<i64> = Vec::new();
    for row in rows {
        let (seq, url) = row?;
        if origin(&url) == is_there {
            recalled.push(seq);
        }
        if recalled.len() == RECALLED {
            break;
        }
    }
    let mut recall = work.conn.prepare_cached("UPDATE delivery SET due = ?2, unreached = 0 WHERE seq = ?1")?;
    for seq in &recalled {
        recall.execute((seq, now))?;
    }
    if !recalled.is_empty() {
        work.touch_outbox();
    }
    Ok(())
}

/// Drops some of what a removed app has left, the newest first: so what keeps others of its line waiting goes last.
/// Looks only below this seq; returns below which to go on, if there is more.
pub(super) fn withdraw_some(work: &Work<'_>, app: &str, below: i64) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT min(seq) FROM (SELECT seq FROM delivery WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2)";
    let lowest: Option<i64> = work.conn.prepare_cached(sql)?.query_row((below, LOOKED_AT), |row| row.get(0))?;
    let Some(lowest) = lowest else { return Ok(None) };
    let mut statement = work.conn.prepare_cached(
        "DELETE FROM delivery WHERE seq >= ?1 AND seq < ?2 AND app = ?3
           AND event <= (SELECT last_event FROM removed_app WHERE name = ?3)
         RETURNING subject, url, app, due IS NOT NULL, event",
    )?;
    let gone = statement.query_map((lowest, below, app), |row| Ok((Place::read(row)?, row.get(3)?, row.get(4)?)))?;
    let gone: Vec<(Place, bool, i64)> = gone.collect::<Result<_, _>>()?;
    for (place, was_due, event) in gone {
        if was_due {
            place.let_next_go(work)?;
        }
        retention::let_go(work, event)?;
    }
    Ok(Some(lowest))
}

/// Where a row stands in line: behind the others of its subject, for the same app and URL.
pub(super) struct Place {
    subject: i64,
    url: String,
    app: String,
}

impl Place {
    /// Reads a row of `subject, url, app`.
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { subject: row.get(0)?, url: row.get(1)?, app: row.get(2)? })
    }

    /// The one that has waited longest is due, if none of them is.
    pub(super) fn let_next_go(&self, work: &Work<'_>) -> Result<(), StoreError> {
        let parameters = (self.subject, &self.url, &self.app, work.now.as_millis());
        if work.conn.prepare_cached(LET_NEXT_GO)?.execute(parameters)? > 0 {
            work.touch_outbox();
        }
        Ok(())
    }
}

/// Both looks end at the first row of the index, however many wait.
const LET_NEXT_GO: &str = "
    UPDATE delivery SET due = ?4 WHERE seq = (
        SELECT seq FROM delivery WHERE subject = ?1 AND url = ?2 AND app = ?3 AND given_up IS NULL AND due IS NULL
        ORDER BY seq LIMIT 1)
      AND (
        SELECT due FROM delivery WHERE subject = ?1 AND url = ?2 AND app = ?3 AND given_up IS NULL
        ORDER BY due DESC LIMIT 1) IS NULL";

/// Drops what was given up a month ago, a few at a time.
pub(super) fn forget(work: &Work<'_>, most: usize) -> Result<(), StoreError> {
    let (before, most) = ((work.now - KEPT).as_millis(), i64::try_from(most).unwrap_or(i64::MAX));
    let mut statement = work.conn.prepare_cached(
        "DELETE FROM delivery WHERE seq IN (
             SELECT seq FROM delivery WHERE given_up <= ?1 ORDER BY given_up LIMIT ?2)
         RETURNING event",
    )?;
    let events: Vec<i64> = statement.query_map((before, most), |row| row.get(0))?.collect::<Result<_, _>>()?;
    events.into_iter().try_for_each(|event| retention::let_go(work, event))
}

/// When something that was given up at this moment is dropped.
pub(super) fn forgotten_at(given_up: Moment) -> Moment {
    given_up + KEPT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letting_the_next_go_sorts_nothing_and_looks_at_no_row_that_only_waits() {
        let mut conn = Connection::open_in_memory().unwrap();
        super::super::schema::migrate(&mut conn).unwrap();
        let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {LET_NEXT_GO}")).unwrap();
        let steps: Vec<String> =
            statement.query_map((1, "", "", 1), |row| row.get("detail")).unwrap().map(Result::unwrap).collect();
        let in_line = steps.iter().filter(|step| step.contains("INDEX delivery_in_line")).count();
        assert!(in_line == 2 && !steps.iter().any(|step| step.contains("TEMP B-TREE")), "{steps:#?}");
    }
}
