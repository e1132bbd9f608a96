//! The handle: starts the writer, and carries commands and queries to where they run.

use std::path::Path;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::disk::Disk;
use super::drains::DrainedModems;
use super::error::StoreError;
use super::folder::{Access, DATABASE, Lock, Opened, open};
use super::readers::{Readers, Threads};
use super::refusals::Refusals;
use super::remembered::Memory;
use super::standing::Line;
use super::writer::{self, Command, Watches, Work, Writer};
use crate::clock::{Clock, Moment};
use crate::guard::Homes;
use crate::route::Routes;
use crate::secret::SiteKey;

/// How long what was erased may stay in the journal. Shorter would wear SD cards for little.
const SCRUB_PAUSE: Duration = Duration::from_secs(60);

/// How long to leave a disk alone that refused a write.
const TRY_PAUSE: Duration = Duration::from_secs(2);

/// After so long without a write the disk may have changed its mind: a worn SD card lets itself be read only.
const IDLE: Duration = Duration::from_secs(15 * 60);

/// The store. Cheap to clone; every clone is the same store.
///
/// Methods that a request waits for fail at once with [`StoreError::Full`] when too many commands wait. Those that
/// dispatch and intake use wait for their turn instead. A method that is cancelled may still take effect, whole.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    clock: Clock,
    key: SiteKey,
    commands: mpsc::Sender<Command>,
    readers: Readers,
    routes: Mutex<Arc<Routes>>,
    watches: Watches,
    keep_days: Arc<AtomicU32>,
    writer: Mutex<Option<JoinHandle<()>>>,
    disk: Arc<Disk>,
    /// When a write was last tried only to see whether it is kept.
    tried: Mutex<Option<Instant>>,
    guard: Memory,
    homes: Mutex<Arc<Homes>>,
}

impl Store {
    /// Opens the state folder for the daemon, and makes what is missing in it: the folder (mode 0700), the database,
    /// the key (mode 0600, unless systemd hands one in as the credential `smsotpd.key`).
    ///
    /// The timeline goes on where it stood; a `clock` that is given is used as it is instead.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another daemon has the folder open; [`StoreError::Newer`] when its database is from
    /// a newer version; [`StoreError::Key`], [`StoreError::Folder`] and [`StoreError::Damaged`] when it cannot be used.
    pub async fn open(state_dir: &Path, clock: Option<Clock>) -> Result<Store, StoreError> {
        Self::start(state_dir, clock, Access::Daemon).await
    }

    /// As [`Store::open`], without threads: the writer is a future that the caller runs, and a query runs where it is
    /// asked for. On a runtime of one thread nothing then happens beside anything else, so a run by a simulated clock
    /// comes out the same each time; and a writer that is dropped leaves behind what a killed process would.
    ///
    /// Whatever shares the thread waits for every fsync: not the way to serve.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_unthreaded(
        state_dir: &Path,
        clock: Clock,
    ) -> Result<(Store, impl Future<Output = ()> + Send + 'static), StoreError> {
        let (store, writer, scrub, lock) = assemble(open(state_dir, Some(clock), Access::Daemon)?, Threads::None);
        let work = async move {
            tokio::select! {
                biased;
                () = writer.run_as_task() => {}
                never = async { scrub.await; std::future::pending::<std::convert::Infallible>().await } => match never {},
            }
            drop(lock);
        };
        Ok((store, work))
    }

    /// Opens the state folder for a short command, such as making an app, whether the daemon runs or not. What is
    /// missing is made as by [`Store::open`].
    ///
    /// # Errors
    /// As [`Store::open`], but never [`StoreError::InUse`]; [`StoreError::OtherVersion`] when the daemon that runs is
    /// of another version.
    pub async fn open_beside(state_dir: &Path) -> Result<Store, StoreError> {
        Self::start(state_dir, None, Access::Beside).await
    }

    /// Whether there is a database in the state folder, as far as one may look.
    #[must_use]
    pub fn is_there(state_dir: &Path) -> bool {
        state_dir.join(DATABASE).try_exists().unwrap_or(true)
    }

    async fn start(state_dir: &Path, clock: Option<Clock>, access: Access) -> Result<Store, StoreError> {
        let state_dir = state_dir.to_owned();
        let opened = tokio::task::spawn_blocking(move || open(&state_dir, clock, access));
        let opened = opened.await.map_err(|_| StoreError::Gone)??;
        let (store, writer, scrub, lock) = assemble(opened, Threads::Own);
        tokio::spawn(scrub);
        let writer = tokio::task::spawn_blocking(move || {
            writer.run();
            // Not before the connection is closed may another daemon have the folder.
            drop(lock);
        });
        *store.0.writer.lock().unwrap_or_else(PoisonError::into_inner) = Some(writer);
        Ok(store)
    }

    /// The clock that everything in the store is timed by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The site's key.
    #[must_use]
    pub fn site_key(&self) -> &SiteKey {
        &self.0.key
    }

    /// Changes after every commit that may give dispatch something to do: a message is new, waits again, is
    /// in doubt, or is withdrawn. Take it before looking at the queue, so that no change is missed.
    #[must_use]
    pub fn queue(&self) -> watch::Receiver<u64> {
        self.0.watches.queue.subscribe()
    }

    /// Changes after every commit.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.watches.changes.subscribe()
    }

    pub(super) fn watch_outbox(&self) -> watch::Receiver<u64> {
        self.0.watches.outbox.subscribe()
    }

    /// The place in the log of the newest event, now and from now on.
    pub(super) fn watch_noted(&self) -> watch::Receiver<i64> {
        self.0.watches.noted.subscribe()
    }

    pub(super) fn keep_days(&self) -> &AtomicU32 {
        &self.0.keep_days
    }

    /// Resolves when the store has ended: after [`Store::close`], or because it could not go on. In the second case
    /// the process must end, so that it is started again.
    pub async fn closed(&self) {
        self.0.commands.closed().await;
    }

    /// Does what waits, empties the journal into the database, and ends. Commands that come later are refused with
    /// [`StoreError::Gone`].
    pub async fn close(&self) {
        self.0.readers.close().await;
        let _ = self.0.commands.send(Command::Close).await;
        let writer = self.0.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            let _ = writer.await;
        }
    }

    /// Whether the writer does its work: it answers a command that changes nothing, in its turn.
    ///
    /// # Errors
    /// [`StoreError::Gone`] when it has ended.
    pub async fn answers(&self) -> Result<(), StoreError> {
        self.change(|_| Ok(())).await
    }

    /// Whether what is asked now would be kept: whether the last write was. After a quarter of an hour without any, and every
    /// two seconds at most after one that was not, something small is written to see whether it is kept.
    pub async fn writable(&self) -> bool {
        let took_the_last = self.0.disk.takes();
        if took_the_last && self.clock().now().since(self.0.disk.took()) < IDLE {
            return true;
        }
        {
            let mut tried = self.0.tried.lock().unwrap_or_else(PoisonError::into_inner);
            if !took_the_last && tried.is_some_and(|last| last.elapsed() < TRY_PAUSE) {
                return false;
            }
            *tried = Some(Instant::now());
        }
        let written = self.change_now(|work| Ok(work.conn.execute("UPDATE site SET wall = wall", ())?));
        written.await.is_ok()
    }

    /// The routes that messages go by.
    #[must_use]
    pub fn routes(&self) -> Arc<Routes> {
        Arc::clone(&self.0.routes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn show_routes(&self, routes: Arc<Routes>) {
        *self.0.routes.lock().unwrap_or_else(PoisonError::into_inner) = routes;
    }

    pub(super) fn guard_memory(&self) -> &Memory {
        &self.0.guard
    }

    /// Where the site's SIMs are at home.
    #[must_use]
    pub fn homes(&self) -> Arc<Homes> {
        Arc::clone(&self.0.homes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// They are never forgotten: of two that come at once, in any order, the one that knows more is the later.
    pub(super) fn show_homes(&self, homes: Homes) {
        let mut shown = self.0.homes.lock().unwrap_or_else(PoisonError::into_inner);
        if homes.mccs().len() > shown.mccs().len() {
            *shown = Arc::new(homes);
        }
    }

    pub(super) fn watch_drained(&self) -> watch::Receiver<DrainedModems> {
        self.0.watches.drained.subscribe()
    }

    pub(super) fn watch_look_at(&self) -> watch::Receiver<Option<Moment>> {
        self.0.watches.look_at.subscribe()
    }

    /// Hands the writer a command; waits until it can be taken.
    pub(super) async fn command(&self, command: Command) -> Result<(), StoreError> {
        self.0.commands.send(command).await.map_err(|_| StoreError::Gone)
    }

    /// Runs a change for a caller who would rather hear [`StoreError::Full`] than wait.
    pub(super) async fn change_now<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Work<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (command, answer) = writer::change(work);
        self.0.commands.try_send(command).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => StoreError::Full,
            mpsc::error::TrySendError::Closed(_) => StoreError::Gone,
        })?;
        answer.await.map_err(|_| StoreError::Gone)?
    }

    /// Runs a change that must not be refused; waits until it can be taken.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Work<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (command, answer) = writer::change(work);
        self.0.commands.send(command).await.map_err(|_| StoreError::Gone)?;
        answer.await.map_err(|_| StoreError::Gone)?
    }

    /// Runs a query on the last commit.
    pub(super) async fn query<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.0.readers.read(query).await
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

/// Has the journal emptied some time after something was erased, and after the start, since the last run may have
/// erased something just before it ended.
async fn scrub(mut erasures: watch::Receiver<u64>, commands: mpsc::WeakSender<Command>) {
    loop {
        tokio::time::sleep(SCRUB_PAUSE).await;
        let Some(commands) = commands.upgrade() else { return };
        erasures.mark_unchanged();
        if commands.send(Command::Scrub).await.is_err() {
            return;
        }
        drop(commands);
        if erasures.changed().await.is_err() {
            return;
        }
    }
}

/// Puts the store together: the handle, its writer, what has the journal emptied, and the lock to be held as long as
/// the writer lives.
fn assemble(opened: Opened, threads: Threads) -> (Store, Writer, impl Future<Output = ()> + use<>, Option<Lock>) {
    let Opened { conn, key, clock, lock, path, drained, newest_event, homes, guard } = opened;
    let (commands, waiting) = mpsc::channel(writer::WAITING);
    let watches = Watches::new(newest_event, drained);
    let scrub = scrub(watches.erasures.subscribe(), commands.downgrade());
    let (keep_days, disk) = (Arc::default(), Arc::new(Disk::new(clock.now())));
    let writer = Writer {
        conn,
        clock: clock.clone(),
        key: key.clone(),
        routes: Arc::default(),
        walk: None,
        commands: waiting,
        watches: watches.clone(),
        refusals: Refusals::default(),
        keep_days: Arc::clone(&keep_days),
        line: Line::default(),
        given_back: Vec::new(),
        disk: Arc::clone(&disk),
    };
    let inner = Inner {
        clock,
        key,
        commands,
        readers: Readers::new(path, threads),
        routes: Mutex::default(),
        watches,
        keep_days,
        writer: Mutex::default(),
        disk,
        tried: Mutex::default(),
        guard,
        homes: Mutex::new(Arc::new(homes)),
    };
    (Store(Arc::new(inner)), writer, scrub, lock)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(work: &Work<'_>, name: &str) -> Result<(), StoreError> {
        let sql = "INSERT INTO app (name, key, scopes, policy, created_at) VALUES (?1, CAST(?1 AS BLOB), '', '', 0)";
        work.conn.prepare_cached(sql)?.execute([name])?;
        Ok(())
    }

    async fn names(store: &Store) -> Vec<String> {
        store.apps().await.unwrap().into_iter().map(|app| app.name.to_string()).collect()
    }

    #[tokio::test]
    async fn a_command_that_fails_leaves_nothing_behind_and_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), None).await.unwrap();
        let (first, failing, last) = tokio::join!(
            store.change(|work| insert(work, "a")),
            store.change(|work| {
                insert(work, "b")?;
                insert(work, "a")
            }),
            store.change(|work| insert(work, "c")),
        );
        assert_eq!((first, last), (Ok(()), Ok(())));
        assert!(matches!(failing, Err(StoreError::Refused(_))));
        assert_eq!(names(&store).await, ["a", "c"]);
    }

    #[tokio::test]
    async fn a_command_that_panics_ends_the_store_and_undoes_its_transaction() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), None).await.unwrap();
        let (_, panicking, waiting) = tokio::join!(
            store.change(|work| insert(work, "a")),
            store.change(|work| -> Result<(), StoreError> {
                insert(work, "b")?;
                panic!("a fault in a command")
            }),
            store.change(|work| insert(work, "c")),
        );
        assert_eq!((panicking, waiting), (Err(StoreError::Gone), Err(StoreError::Gone)));
        store.closed().await;
        assert_eq!(store.change_now(|work| insert(work, "d")).await, Err(StoreError::Gone));
        store.close().await;
        let reopened = Store::open(folder.path(), None).await.unwrap();
        assert!(!names(&reopened).await.contains(&"b".to_owned()));
    }

    #[tokio::test]
    async fn a_damaged_database_ends_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), None).await.unwrap();
        let damaged = || Err::<(), _>(StoreError::Damaged("a test".to_owned()));
        assert_eq!(store.change(move |_| damaged()).await, damaged());
        store.closed().await;
    }

    #[tokio::test]
    async fn a_full_disk_refuses_commands_and_the_store_goes_on_when_there_is_room_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), None).await.unwrap();
        let pages = |count: u32| move |work: &Work<'_>| Ok(work.conn.pragma_update(None, "max_page_count", count)?);
        let grow = |work: &Work<'_>| {
            for number in 0..1_000 {
                insert(work, &format!("app-{number}-{}", "x".repeat(20)))?;
            }
            Ok(())
        };
        store.change(pages(1)).await.unwrap();
        assert!(store.writable().await);
        assert!(matches!(store.change(grow).await, Err(StoreError::Unavailable(_))));
        assert!(!store.0.disk.takes());
        assert!(store.writable().await, "what needs no more room is kept");
        assert_eq!(names(&store).await.len(), 0);
        store.change(pages(1_000_000)).await.unwrap();
        assert_eq!(store.change(grow).await, Ok(()));
        assert_eq!(names(&store).await.len(), 1_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_has_become_read_only_while_nothing_was_written_is_found_by_who_asks() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Some(Clock::simulated())).await.unwrap();
        let read_only =
            |is_set: bool| move |work: &Work<'_>| Ok(work.conn.pragma_update(None, "query_only", is_set)?);
        store.change(read_only(true)).await.unwrap();
        assert!(store.writable().await, "it has only just been opened");
        tokio::time::advance(IDLE).await;
        assert!(!store.writable().await);
        assert!(!store.writable().await, "it may have ended the store");
    }

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_takes_what_is_tried_is_not_tried_again_before_long() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Some(Clock::simulated())).await.unwrap();
        tokio::time::advance(IDLE).await;
        let mut changes = store.changes();
        for _ in 0..3 {
            assert!(store.writable().await);
        }
        assert_eq!(*changes.borrow_and_update(), 1);
    }
}
