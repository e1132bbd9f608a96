//! The only hand that writes: one loop on the blocking pool that owns the writing connection.
//!
//! It drains all commands that wait into one transaction, each in its own savepoint, so that one that fails spoils no
//! other; commits; wakes who watches; and answers them all. It ends when all senders are gone, when it is told to, or
//! on a fault after which writing on would be wrong. A panic ends it too: the connection is dropped, which undoes the
//! open transaction, and every command that waits is answered by the loss of its sender.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot, watch};

use super::disk::Disk;
use super::drains::DrainedModems;
use super::error::StoreError;
use super::events::By;
use super::queue::{Assignment, SubmitResult};
use super::refusals::Refusals;
use super::routing::Walk;
use super::standing::{Line, Waiting};
use super::{schema, settling, site};
use crate::clock::{Clock, Moment, Timestamp};
use crate::route::Routes;
use crate::secret::SiteKey;

/// How many commands may wait.
pub(super) const WAITING: usize = 1024;
/// How many go into one transaction at most, so that none waits long for those behind it.
const BATCH: usize = 256;

/// After a transaction that failed, those who wait are looked at again after this time.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What a command sees of the world while it runs.
pub(super) struct Work<'a> {
    pub(super) conn: &'a Connection,
    pub(super) key: &'a SiteKey,
    pub(super) routes: &'a Routes,
    pub(super) refusals: &'a Refusals,
    /// For how many days what happened is kept; 0 = for ever.
    pub(super) keep_days: u32,
    pub(super) now: Moment,
    pub(super) wall: Timestamp,
    /// Who does all that follows, if not whom the kinds of its events say.
    author: Cell<Option<By>>,
    effects: &'a Effects,
}

/// What is to be done after the commit.
#[derive(Default)]
struct Effects {
    changed: Cell<bool>,
    queue: Cell<bool>,
    outbox: Cell<bool>,
    erased: Cell<bool>,
    drained: Cell<Option<DrainedModems>>,
    noted: Cell<Option<i64>>,
    walk: Cell<Option<Walk>>,
    /// Why a part could not be assigned.
    unassigned: Cell<Option<StoreError>>,
}

impl Work<'_> {
    /// Where the walk along all that waits has come to; `None` when every message waits where it should.
    pub(super) fn walk(&self) -> Option<Walk> {
        self.effects.walk.get()
    }

    /// The walk has come so far, or to its end.
    pub(super) fn walk_on(&self, walk: Option<Walk>) {
        self.effects.walk.set(walk);
    }

    /// What happens in this change from now on is done by this one.
    pub(super) fn act_for(&self, author: By) {
        self.author.set(Some(author));
    }

    /// Who does what happens in this change, if that was said.
    pub(super) fn author(&self) -> Option<By> {
        self.author.get()
    }

    /// Those who watch the queue are to be woken: something can be handed out, or no longer can.
    pub(super) fn touch_queue(&self) {
        self.effects.queue.set(true);
    }

    /// Who delivers is to be woken: something in the outbox is due.
    pub(super) fn touch_outbox(&self) {
        self.effects.outbox.set(true);
    }

    /// These modems are out of use from now on.
    pub(super) fn tell_drained(&self, modems: DrainedModems) {
        self.effects.drained.set(Some(modems));
    }

    /// This is the newest in the log from now on.
    pub(super) fn tell_noted(&self, event: i64) {
        self.effects.noted.set(Some(event));
    }

    /// Something secret was erased: the journal, which may still hold it, is to be emptied before long.
    pub(super) fn note_erasure(&self) {
        self.effects.erased.set(true);
    }
}

/// One command, waiting to be run and answered.
pub(super) enum Command {
    /// A change.
    Change(Box<dyn Change>),
    /// A modem waits for a part.
    Stand(Waiting),
    /// Look at the modems that wait: time has passed.
    Look(oneshot::Sender<()>),
    /// Messages go by these routes from now on; the change moves the first of those that wait.
    Route(Arc<Routes>, Box<dyn Change>),
    /// Empty the journal into the database, so that what was erased is in neither.
    Scrub,
    /// Take no more commands, do those that wait, and end.
    Close,
}

/// A change with its answer. Type-erased, so that the loop can hold any.
pub(super) trait Change: Send {
    fn run(&mut self, work: &Work<'_>) -> Result<(), StoreError>;
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

/// A change that was run, and how it went.
type Done = (Box<dyn Change>, Result<(), StoreError>);

struct Pending<T, F> {
    work: Option<F>,
    result: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

/// Wraps a change with a place for its answer.
pub(super) fn change<T, F>(work: F) -> (Command, oneshot::Receiver<Result<T, StoreError>>)
where
    T: Send + 'static,
    F: FnOnce(&Work<'_>) -> Result<T, StoreError> + Send + 'static,
{
    let (change, answer) = boxed_change(work);
    (Command::Change(change), answer)
}

impl<T, F> Change for Pending<T, F>
where
    T: Send,
    F: FnOnce(&Work<'_>) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, work: &Work<'_>) -> Result<(), StoreError> {
        let run = self.work.take().ok_or(StoreError::Gone)?;
        self.result = Some(run(work)?);
        Ok(())
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let Pending { result, reply, .. } = *self;
        // Nobody may be waiting any more; the change stands all the same.
        let _ = reply.send(committed.and_then(|()| result.ok_or(StoreError::Gone)));
    }
}

/// As [`change`], for a command that carries its change in a variant of its own.
pub(super) fn boxed_change<T, F>(work: F) -> (Box<dyn Change>, oneshot::Receiver<Result<T, StoreError>>)
where
    T: Send + 'static,
    F: FnOnce(&Work<'_>) -> Result<T, StoreError> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    (Box::new(Pending { work: Some(work), result: None, reply }), answer)
}

/// What commits are told through. The writer sends; the handle lets others watch.
#[derive(Clone)]
pub(super) struct Watches {
    /// Counts the commits after which something can be handed out, or no longer can.
    pub(super) queue: watch::Sender<u64>,
    /// Counts the commits that changed anything.
    pub(super) changes: watch::Sender<u64>,
    /// The newest event.
    pub(super) noted: watch::Sender<i64>,
    /// Counts the commits that made something due in the outbox.
    pub(super) outbox: watch::Sender<u64>,
    /// When the modems that wait are to be looked at again.
    pub(super) look_at: watch::Sender<Option<Moment>>,
    /// The modems that are out of use.
    pub(super) drained: watch::Sender<DrainedModems>,
    /// Counts the commits that erased something.
    pub(super) erasures: watch::Sender<u64>,
}

impl Watches {
    pub(super) fn new(newest_event: i64, drained: DrainedModems) -> Self {
        let [queue, changes, outbox, erasures] = std::array::from_fn(|_| watch::Sender::new(0));
        let (noted, look_at, drained) =
            (watch::Sender::new(newest_event), watch::Sender::new(None), watch::Sender::new(drained));
        Self { queue, changes, noted, outbox, look_at, drained, erasures }
    }

    /// Tells of a commit with these effects.
    fn wake(&self, effects: &Effects) {
        if let Some(event) = effects.noted.get() {
            self.noted.send_replace(event);
        }
        if let Some(drained) = effects.drained.take() {
            self.drained.send_replace(drained);
        }
        let happened = [
            (&self.queue, effects.queue.get()),
            (&self.outbox, effects.outbox.get()),
            (&self.changes, effects.changed.get()),
            (&self.erasures, effects.erased.get()),
        ];
        for (watch, _) in happened.iter().filter(|(_, happened)| *happened) {
            watch.send_modify(|commits| *commits += 1);
        }
    }
}

/// The loop's own things.
pub(super) struct Writer {
    pub(super) conn: Connection,
    pub(super) clock: Clock,
    pub(super) key: SiteKey,
    pub(super) routes: Arc<Routes>,
    /// Some may still wait where they should by the routes before: the walk that looks for them.
    pub(super) walk: Option<Walk>,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) watches: Watches,
    pub(super) refusals: Refusals,
    pub(super) keep_days: Arc<AtomicU32>,
    /// The modems that wait for a part, and when they are to be looked at again.
    pub(super) line: Line,
    /// Parts whose modem left while they were assigned, until it is on disk that they wait again.
    pub(super) given_back: Vec<Assignment>,
    pub(super) disk: Arc<Disk>,
}

impl Writer {
    /// Runs until the end. Blocks its thread.
    pub(super) fn run(mut self) {
        while let Some(first) = self.commands.blocking_recv() {
            if self.do_all_that_waits(first).is_err() {
                return;
            }
        }
        self.finish();
    }

    /// The same as a task, which blocks its thread for each transaction.
    pub(super) async fn run_as_task(mut self) {
        while let Some(first) = self.commands.recv().await {
            if self.do_all_that_waits(first).is_err() {
                return;
            }
        }
        self.finish();
    }

    /// Fails only when the store must end.
    fn do_all_that_waits(&mut self, first: Command) -> Result<(), StoreError> {
        let mut waiting = Some(first);
        let mut batch = Vec::new();
        let (mut look, mut scrub) = (false, false);
        let (mut lookers, mut rerouting) = (Vec::new(), None);
        while let Some(command) = waiting {
            match command {
                Command::Change(change) => batch.push(change),
                Command::Stand(waiting) => {
                    self.line.join(waiting);
                    look = true;
                }
                Command::Look(done) => {
                    lookers.push(done);
                    look = true;
                }
                Command::Route(routes, change) => rerouting = Some((routes, change)),
                Command::Scrub => scrub = true,
                Command::Close => self.commands.close(),
            }
            waiting = if batch.len() < BATCH && rerouting.is_none() { self.commands.try_recv().ok() } else { None };
        }
        let mut outcome = self.commit(batch, look).map(drop);
        if let Some((routes, change)) = rerouting {
            outcome = outcome.and_then(|()| self.reroute(routes, change));
        }
        outcome.inspect_err(|error| tracing::error!(%error, "the store ends"))?;
        if scrub {
            self.scrub();
        }
        for done in lookers {
            // Whoever asked may have gone.
            let _ = done.send(());
        }
        Ok(())
    }

    /// Goes by these routes from now on. When the change is not kept, everything is as it was.
    fn reroute(&mut self, routes: Arc<Routes>, change: Box<dyn Change>) -> Result<(), StoreError> {
        let walk = Walk::begin(&routes);
        let before = (std::mem::replace(&mut self.routes, routes), self.walk.replace(walk));
        // The change itself has the modems looked at, so none is given anything by routes that are not kept.
        if !self.commit(vec![change], false)? {
            (self.routes, self.walk) = before;
        }
        Ok(())
    }

    /// Runs and commits these changes; tells whether all of them are kept. Fails only when the store must end.
    fn commit(&mut self, batch: Vec<Box<dyn Change>>, look: bool) -> Result<bool, StoreError> {
        if batch.is_empty() && !look {
            return Ok(true);
        }
        let effects = Effects { walk: Cell::new(self.walk), ..Effects::default() };
        let mut done = Vec::with_capacity(batch.len());
        let outcome = self.transact(batch, look, &mut done, &effects);
        if outcome.is_ok() {
            self.given_back = self.line.hand_out();
            self.walk = effects.walk.get();
        } else {
            self.line.take_back();
        }
        if !self.given_back.is_empty() || (outcome.is_err() && !self.line.is_empty()) {
            // Whatever else happens or not, this is looked at again.
            self.line.look_at = Some(self.clock.now() + LOOK_AGAIN);
        }
        self.wake(&effects, &outcome);
        self.note_kept(&outcome, &done, &effects);
        let kept = outcome.is_ok() && done.iter().all(|(_, result)| result.is_ok());
        for (change, result) in done {
            change.answer(result.and(outcome.clone()));
        }
        match outcome {
            Err(error) if error.is_fatal() => Err(error),
            Err(StoreError::Unavailable(_)) => Ok(false),
            Err(error) => {
                tracing::warn!(%error, "a transaction failed; its commands were refused");
                Ok(false)
            }
            Ok(()) if self.given_back.is_empty() => Ok(kept),
            Ok(()) => self.commit(Vec::new(), true).map(|_| kept),
        }
    }

    /// Notes whether the disk took the last write; a batch that wrote nothing tells nothing of that.
    fn note_kept(&self, outcome: &Result<(), StoreError>, done: &[Done], effects: &Effects) {
        let unassigned = effects.unassigned.take();
        let errors = done.iter().filter_map(|(_, result)| result.as_ref().err());
        let mut errors = errors.chain(outcome.as_ref().err()).chain(unassigned.as_ref());
        if let Some(error) = errors.find(|error| matches!(error, StoreError::Unavailable(_))) {
            self.disk.note_refused(error);
        } else if outcome.is_ok() && effects.changed.get() {
            self.disk.note_taken(self.clock.now());
        }
    }

    /// Wakes who watches, before the answers go out: whoever has an answer finds the watches changed already.
    fn wake(&self, effects: &Effects, outcome: &Result<(), StoreError>) {
        let when = self.line.look_at;
        self.watches.look_at.send_if_modified(|look_at| std::mem::replace(look_at, when) != when);
        if outcome.is_ok() {
            self.watches.wake(effects);
        }
    }

    /// One transaction. Whatever happens, every change of the batch ends up in `done`.
    fn transact(
        &mut self,
        batch: Vec<Box<dyn Change>>,
        look: bool,
        done: &mut Vec<Done>,
        effects: &Effects,
    ) -> Result<(), StoreError> {
        let before = self.conn.total_changes();
        let mut outcome = execute(&self.conn, "BEGIN IMMEDIATE").and_then(|()| self.give_back(effects));
        for mut change in batch {
            // After a fault of the disk SQLite may have undone everything: then nothing of this batch counts.
            let result = match &outcome {
                Ok(()) => self.savepoint(effects, &mut |work| change.run(work)),
                Err(error) => Err(error.clone()),
            };
            if let Err(error) = &result
                && (error.is_fatal() || self.conn.is_autocommit())
            {
                outcome = outcome.and(Err(error.clone()));
            }
            done.push((change, result));
        }
        if outcome.is_ok() && (look || effects.queue.get()) {
            let mut line = std::mem::take(&mut self.line);
            let served = line.serve(|claim| self.savepoint(effects, claim));
            if let Err(error) = served {
                // What was assigned before it counts only if the rest of the transaction does.
                line.look_at = Some(self.clock.now() + LOOK_AGAIN);
                let undone = error.is_fatal() || self.conn.is_autocommit();
                if !matches!(error, StoreError::Unavailable(_)) {
                    tracing::warn!(%error, "a part could not be assigned");
                }
                effects.unassigned.set(Some(error.clone()));
                outcome = if undone { Err(error) } else { Ok(()) };
            }
            self.line = line;
        }
        // A transaction that changed nothing must not cost the disk a write.
        effects.changed.set(self.conn.total_changes() != before);
        if effects.changed.get() {
            outcome = outcome.and_then(|()| site::keep_reading(&self.conn, &self.clock.reading()));
        }
        let outcome = outcome.and_then(|()| execute(&self.conn, "COMMIT"));
        if outcome.is_err() && !self.conn.is_autocommit() {
            // What cannot even be undone is undone when the connection is dropped, or by the next BEGIN's failure.
            let _ = execute(&self.conn, "ROLLBACK");
        }
        outcome
    }

    /// Has the parts wait again whose modem left while they were assigned.
    fn give_back(&self, effects: &Effects) -> Result<(), StoreError> {
        for part in &self.given_back {
            self.savepoint(effects, &mut |work| {
                let reason = "the modem left before it was given the part".to_owned();
                settling::settle(work, part.attempt, SubmitResult::NotReady { reason })
            })?;
        }
        Ok(())
    }

    fn savepoint(
        &self,
        effects: &Effects,
        run: &mut dyn FnMut(&Work<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        execute(&self.conn, "SAVEPOINT command")?;
        let work = Work {
            conn: &self.conn,
            key: &self.key,
            routes: &self.routes,
            refusals: &self.refusals,
            keep_days: self.keep_days.load(Ordering::Relaxed),
            now: self.clock.now(),
            wall: self.clock.wall(),
            author: Cell::new(None),
            effects,
        };
        let walk = effects.walk.get();
        let result = run(&work);
        if result.is_err() && !self.conn.is_autocommit() {
            effects.walk.set(walk);
            execute(&self.conn, "ROLLBACK TO command")?;
        }
        if !self.conn.is_autocommit() {
            execute(&self.conn, "RELEASE command")?;
        }
        result
    }

    fn scrub(&self) {
        // A reader in the way is not waited for: commands wait.
        let emptied = schema::wait_for_nobody(&self.conn, schema::empty_journal);
        if let Err(error) = &emptied {
            tracing::warn!(%error, "the journal could not be emptied");
        }
        if emptied != Ok(true) {
            // The disk is full, or a query still needs the journal: tried again after the next pause.
            self.watches.erasures.send_modify(|commits| *commits += 1);
        }
    }

    fn finish(&self) {
        let kept = execute(&self.conn, "BEGIN IMMEDIATE")
            .and_then(|()| site::keep_reading(&self.conn, &self.clock.reading()))
            .and_then(|()| execute(&self.conn, "COMMIT"))
            .and_then(|()| schema::empty_journal(&self.conn).map(drop));
        if let Err(error) = kept {
            tracing::warn!(%error, "the database was not closed tidily; nothing is lost");
        }
    }
}

fn execute(conn: &Connection, sql: &str) -> Result<(), StoreError> {
    conn.prepare_cached(sql)?.execute(())?;
    Ok(())
}
