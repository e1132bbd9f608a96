//! Routes as the queue knows them: every message waits in the queue of its route and priority.

use std::sync::Arc;

use rusqlite::OptionalExtension;

use super::error::StoreError;
use super::handle::Store;
use super::writer::{self, Command, Work};
use crate::ids::AppName;
use crate::route::Routes;

/// The queue of messages that a modem is at a part of. Those that wait are in others, from 0.
pub(super) const UNDER_WAY: i64 = -1;

/// How many of those that wait are looked at in one step after the routes have changed: some milliseconds' worth, so that
/// no request waits long behind it.
const STEP: i64 = 500;

/// How many priorities there are.
const PRIORITIES: i64 = 3;

/// The queue of what waits with this route and priority.
pub(super) fn queue(route: usize, priority: i64) -> i64 {
    i64::try_from(route).unwrap_or(0) * PRIORITIES + priority
}

/// The queue in which a message of this app to this number, as it is kept, waits.
pub(super) fn queue_of(work: &Work<'_>, app: &AppName, number: i64, priority: i64) -> Result<i64, StoreError> {
    let sql = "SELECT policy FROM app WHERE name = ?1";
    Ok(queue(route_by(work, sql, app.as_str(), number)?, priority))
}

/// The queue in which this message waits.
pub(super) fn queue_of_message(work: &Work<'_>, seq: i64, number: i64, priority: i64) -> Result<i64, StoreError> {
    Ok(queue(route_of_message(work, seq, number)?, priority))
}

/// The route of this message.
pub(super) fn route_of_message(work: &Work<'_>, seq: i64, number: i64) -> Result<usize, StoreError> {
    let sql = "SELECT policy FROM app WHERE name = (SELECT message.app FROM message WHERE seq = ?1)";
    route_by(work, sql, seq, number)
}

/// A policy that is looked up only where one matters.
fn route_by(work: &Work<'_>, policy: &str, of: impl rusqlite::ToSql, number: i64) -> Result<usize, StoreError> {
    let mut named: Option<String> = None;
    if work.routes.ask_for_policy() {
        named = work.conn.prepare_cached(policy)?.query_row([of], |row| row.get(0)).optional()?;
    }
    Ok(work.routes.of(&number.to_string(), named.as_deref()))
}

/// The first and the last of the queues in which messages of this route wait.
pub(super) fn queues_of(route: usize) -> (i64, i64) {
    (queue(route, 0), queue(route, PRIORITIES - 1))
}

/// All queues in which messages wait.
pub(super) fn queues(routes: &Routes) -> impl Iterator<Item = i64> + use<> {
    routes.all().flat_map(|route| (0..PRIORITIES).map(move |priority| queue(route, priority)))
}

impl Store {
    /// Has every message go by these routes, those that wait too. Before the first call there are none.
    ///
    /// Of many that wait only the first are in their new queues when this returns; [`Store::sweep`] moves the others, in
    /// steps. Until then none of those goes out.
    ///
    /// # Errors
    /// When the store cannot do it; the routes are as they were then.
    pub async fn set_routes(&self, routes: Routes) -> Result<(), StoreError> {
        let routes = Arc::new(routes);
        let (requeue, requeued) = writer::boxed_change(requeue);
        self.command(Command::Route(Arc::clone(&routes), requeue)).await?;
        requeued.await.map_err(|_| StoreError::Gone)??;
        self.show_routes(routes);
        Ok(())
    }
}

/// A walk along all that waits, after the routes have changed: it has come to this queue, this deadline there, and this
/// message. What is behind it waits where it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Walk {
    queue: i64,
    deadline: i64,
    seq: i64,
}

impl Walk {
    /// Before the first message that these routes can find in the wrong place.
    pub(super) fn begin(routes: &Routes) -> Self {
        // Without routes only what had one is.
        let first = usize::from(routes.all().count() == 1);
        Self { queue: queue(first, 0), deadline: i64::MIN, seq: 0 }
    }
}

/// Whether the message that waits in this queue does so by routes that are no more.
pub(super) fn is_astray(work: &Work<'_>, queue: i64, seq: i64, number: i64, priority: i64) -> Result<bool, StoreError> {
    Ok(work.walk().is_some() && queue_of_message(work, seq, number, priority)? != queue)
}

/// Moves the next of those that wait into the queues that they belong to by now, while there is a walk.
pub(super) fn requeue(work: &Work<'_>) -> Result<(), StoreError> {
    let Some(mut walk) = work.walk() else { return Ok(()) };
    let mut statement = work.conn.prepare_cached(
        "SELECT queue, deadline, seq, number, priority FROM message
         WHERE queue IS NOT NULL AND (queue, deadline, seq) > (?1, ?2, ?3) ORDER BY queue, deadline, seq LIMIT ?4",
    )?;
    let mut rows = statement.query((walk.queue, walk.deadline, walk.seq, STEP))?;
    let (mut looked_at, mut strays) = (0, Vec::new());
    while let Some(row) = rows.next()? {
        walk = Walk { queue: row.get(0)?, deadline: row.get(1)?, seq: row.get(2)? };
        looked_at += 1;
        let right = queue_of_message(work, walk.seq, row.get(3)?, row.get(4)?)?;
        if walk.queue != right {
            strays.push((walk.seq, right));
        }
    }
    drop(rows);
    let mut update = work.conn.prepare_cached("UPDATE message SET queue = ?2 WHERE seq = ?1")?;
    for stray in strays {
        update.execute(stray)?;
    }
    work.walk_on((looked_at == STEP).then_some(walk));
    work.touch_queue();
    Ok(())
}
