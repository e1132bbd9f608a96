//! A few read-only connections, opened when first needed, used on the blocking pool or, without threads, on the spot.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::error::StoreError;
use super::schema;

/// How many queries run at once. The machines this is for have few cores and slow disks.
const READERS: usize = 3;

/// Where the store's work is done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Threads {
    /// On the runtime's blocking pool.
    Own,
    /// On the thread of whoever asks.
    None,
}

/// The readers.
pub(super) struct Readers {
    path: PathBuf,
    threads: Threads,
    free: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Readers {
    pub(super) fn new(path: PathBuf, threads: Threads) -> Self {
        Self { path, threads, free: Arc::new(Semaphore::new(READERS)), idle: Arc::default() }
    }

    /// Runs a query. When the caller goes away, it runs to its end all the same.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = Arc::clone(&self.free).acquire_owned().await.map_err(|_| StoreError::Gone)?;
        let (path, idle) = (self.path.clone(), Arc::clone(&self.idle));
        let read = move || {
            let taken = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let conn = taken.map_or_else(|| schema::open_reader(&path), Ok)?;
            let answer = query(&conn);
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
            drop(permit);
            answer
        };
        match self.threads {
            Threads::Own => tokio::task::spawn_blocking(read).await.map_err(|_| StoreError::Gone)?,
            Threads::None => read(),
        }
    }

    /// Closes the readers once their queries are done; later queries fail.
    pub(super) async fn close(&self) {
        let all = u32::try_from(READERS).unwrap_or(u32::MAX);
        if self.free.acquire_many(all).await.is_ok() {
            self.free.close();
        }
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
