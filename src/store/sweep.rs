//! What falls due with time: messages and otps that expire, doubt that is over, history that no longer counts.

use std::time::Duration;

use rusqlite::Params;

use super::error::StoreError;
use super::handle::Store;
use super::life::Message;
use super::writer::Work;
use super::{deliveries, inbox, otps, retention, routing};
use crate::clock::Moment;
use crate::otp::Status;

/// How many of each kind one step does, so that no request waits long behind it.
const STEP: usize = 64;
/// How long an otp is recent, and an idempotency key known.
const DAY: Duration = Duration::from_secs(24 * 3600);
/// What is a day old may wait so much longer, so that it is done many at a time.
const SLACK: Duration = Duration::from_secs(600);

impl Store {
    /// Does what is due: moves what waits by routes that are no more, expires messages and otps, sends what was in doubt
    /// once more where it may be, and forgets what no longer counts. Returns when something is due next. Works in small
    /// steps, so that nobody waits for it.
    ///
    /// # Errors
    /// When the store cannot do it; what is due stays due.
    pub async fn sweep(&self) -> Result<Option<Moment>, StoreError> {
        loop {
            let next = self.change(step).await?;
            if next.is_none_or(|next| next > self.clock().now()) {
                return Ok(next);
            }
        }
    }
}

/// Does a little of everything that is due; tells when something is due next, which may be now.
fn step(work: &Work<'_>) -> Result<Option<Moment>, StoreError> {
    routing::requeue(work)?;
    end_doubts(work)?;
    expire_messages(work, STEP)?;
    expire_otps(work)?;
    inbox::show_waiting(work, STEP)?;
    work.refusals.settle(work)?;
    deliveries::forget(work, STEP)?;
    forget(work)?;
    retention::forget(work)?;
    next_due(work)
}

/// Expires the messages that are due, the most urgent first.
pub(super) fn expire_messages(work: &Work<'_>, most: usize) -> Result<(), StoreError> {
    for queue in routing::queues(work.routes) {
        let due = due(
            work,
            "SELECT seq FROM message WHERE queue = ?3 AND deadline <= ?1
             ORDER BY deadline LIMIT ?2",
            most,
            Some(queue),
        )?;
        for seq in due {
            let mut message = Message::load(work, seq)?;
            message.expire();
            message.save(work)?;
        }
    }
    Ok(())
}

fn end_doubts(work: &Work<'_>) -> Result<(), StoreError> {
    let sql = "SELECT seq FROM message WHERE doubt_until IS NOT NULL AND doubt_until <= ?1
               ORDER BY doubt_until LIMIT ?2";
    for seq in due(work, sql, STEP, None)? {
        let mut message = Message::load(work, seq)?;
        message.end_doubt(work)?;
        message.save(work)?;
    }
    Ok(())
}

fn expire_otps(work: &Work<'_>) -> Result<(), StoreError> {
    let sql = "SELECT seq FROM otp WHERE status = 'pending' AND expires <= ?1 ORDER BY expires LIMIT ?2";
    for seq in due(work, sql, STEP, None)? {
        otps::end(work, seq, Status::Expired)?;
    }
    Ok(())
}

/// Takes otps out of the indexes over the recent ones, and drops idempotency keys, a day after they were made.
fn forget(work: &Work<'_>) -> Result<(), StoreError> {
    let before = (work.now - DAY).as_millis();
    let most = i64::try_from(STEP).unwrap_or(i64::MAX);
    work.conn
        .prepare_cached(
            "DELETE FROM idempotency WHERE seq IN (
                 SELECT seq FROM (SELECT seq, created FROM idempotency ORDER BY seq LIMIT ?2) WHERE created <= ?1)",
        )?
        .execute((before, most))?;
    let mut statement = work.conn.prepare_cached(
        "SELECT max(seq) FROM (
             SELECT seq, created FROM otp WHERE seq >= (SELECT recent_from FROM site) ORDER BY seq LIMIT ?2)
         WHERE created <= ?1",
    )?;
    let Some(last) = statement.query_row((before, most), |row| row.get::<_, Option<i64>>(0))? else { return Ok(()) };
    work.conn
        .prepare_cached("UPDATE otp SET recent = NULL WHERE seq >= (SELECT recent_from FROM site) AND seq <= ?1")?
        .execute([last])?;
    work.conn.prepare_cached("UPDATE site SET recent_from = ?1")?.execute([last + 1])?;
    Ok(())
}

fn due(work: &Work<'_>, sql: &str, most: usize, queue: Option<i64>) -> Result<Vec<i64>, StoreError> {
    let mut statement = work.conn.prepare_cached(sql)?;
    let (now, most) = (work.now.as_millis(), i64::try_from(most).unwrap_or(i64::MAX));
    let seq = |row: &rusqlite::Row<'_>| row.get(0);
    let due = match queue {
        Some(queue) => statement.query_map((now, most, queue), seq)?.collect::<Result<_, _>>()?,
        None => statement.query_map((now, most), seq)?.collect::<Result<_, _>>()?,
    };
    Ok(due)
}

fn next_due(work: &Work<'_>) -> Result<Option<Moment>, StoreError> {
    let mut first_deadline = None;
    for queue in routing::queues(work.routes) {
        let deadline = first(work, "SELECT deadline FROM message WHERE queue = ?1 ORDER BY deadline LIMIT 1", [queue])?;
        first_deadline = [first_deadline, deadline].into_iter().flatten().min();
    }
    let day_old = |at: Moment| at + DAY + SLACK;
    let dues = [
        first_deadline,
        work.walk().map(|_| work.now),
        work.refusals.next_due(),
        retention::next_due(work)?,
        first(work, "SELECT doubt_until FROM message WHERE doubt_until IS NOT NULL ORDER BY doubt_until LIMIT 1", ())?,
        first(work, "SELECT expires FROM otp WHERE status = 'pending' ORDER BY expires LIMIT 1", ())?,
        first(work, "SELECT received FROM inbox WHERE shown = 0 ORDER BY received LIMIT 1", ())?.map(inbox::shown_at),
        first(work, "SELECT created FROM idempotency ORDER BY seq LIMIT 1", ())?.map(day_old),
        first(work, "SELECT created FROM otp WHERE seq >= (SELECT recent_from FROM site) ORDER BY seq LIMIT 1", ())?
            .map(day_old),
        first(work, "SELECT given_up FROM delivery WHERE given_up IS NOT NULL ORDER BY given_up LIMIT 1", ())?
            .map(|given_up| deliveries::forgotten_at(given_up) + SLACK),
    ];
    Ok(dues.into_iter().flatten().min())
}

fn first(work: &Work<'_>, sql: &str, parameters: impl Params) -> Result<Option<Moment>, StoreError> {
    let mut statement = work.conn.prepare_cached(sql)?;
    let mut rows = statement.query(parameters)?;
    Ok(rows.next()?.map(|row| row.get(0)).transpose()?.map(Moment::from_millis))
}
