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

/// How many priorities there are.
const PRIORITIES: i64 = 3;

/// The queue of what waits with this route and priority.
pub(super) fn queue(route: usize, priority: i64) -> i64 {
    i64::try_from(route).unwrap_or(0) * PRIORITIES + priority
}

/// The queue in which a message of this app to this number, as it is kept, waits.
pub(super) fn queue_of(work: &Work<'_>, app: &AppName, number: i64, priority: i64) -> Result<i64, StoreError> {
    let sql = "SELECT policy FROM app WHERE name = ?1";
    queue_by(work, sql, app.as_str(), number, priority)
}

/// The queue in which this message waits.
pub(super) fn queue_of_message(work: &Work<'_>, seq: i64, number: i64, priority: i64) -> Result<i64, StoreError> {
    let sql = "SELECT policy FROM app WHERE name = (SELECT message.app FROM message WHERE seq = ?1)";
    queue_by(work, sql, seq, number, priority)
}

/// A policy that is looked up only where one matters.
fn queue_by(
    work: &Work<'_>,
    policy: &str,
    of: impl rusqlite::ToSql,
    number: i64,
    priority: i64,
) -> Result<i64, StoreError> {
    let mut named: Option<String> = None;
    if work.routes.ask_for_policy() {
        named = work.conn.prepare_cached(policy)?.query_row([of], |row| row.get(0)).optional()?;
    }
    Ok(queue(work.routes.of(&number.to_string(), named.as_deref()), priority))
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
    /// # Errors
    /// When the store cannot do it.
    pub async fn set_routes(&self, routes: Routes) -> Result<(), StoreError> {
        let routes = Arc::new(routes);
        let (requeue, requeued) = writer::boxed_change(requeue);
        self.command(Command::Route(Arc::clone(&routes), requeue)).await?;
        requeued.await.map_err(|_| StoreError::Gone)??;
        self.show_routes(routes);
        Ok(())
    }
}

/// Moves what waits into the queues that it belongs to by now.
fn requeue(work: &Work<'_>) -> Result<(), StoreError> {
    // Without routes only what had one is in the wrong place.
    let first = queue(usize::from(work.routes.all().count() == 1), 0);
    let sql = "SELECT seq, number, priority, queue FROM message WHERE queue >= ?1";
    let mut statement = work.conn.prepare_cached(sql)?;
    let mut rows = statement.query([first])?;
    let mut strays = Vec::new();
    while let Some(row) = rows.next()? {
        let right = queue_of_message(work, row.get(0)?, row.get(1)?, row.get(2)?)?;
        if row.get::<_, i64>(3)? != right {
            strays.push((row.get::<_, i64>(0)?, right));
        }
    }
    drop(rows);
    let mut update = work.conn.prepare_cached("UPDATE message SET queue = ?2 WHERE seq = ?1")?;
    for stray in strays {
        update.execute(stray)?;
    }
    work.touch_queue();
    Ok(())
}
