//! A few read-only connections, opened when first needed, used on the blocking pool or, without threads, on the spot.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;
use tokio::task::JoinError;

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
            Threads::Own => match tokio::task::spawn_blocking(read).await.map_err(JoinError::try_into_panic) {
                Ok(answer) => answer,
                // A fault in a query is one of whoever asks, and is no secret to him.
                Err(Ok(panic)) => std::panic::resume_unwind(panic),
                Err(Err(_)) => Err(StoreError::Gone),
            },
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

#[cfg(test)]
mod tests {
    use super::super::Store;

    #[tokio::test]
    async fn a_query_that_panics_takes_whoever_asks_with_it_and_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), None).await.unwrap();
        for _ in 0..super::READERS {
            let asking = store.clone();
            let asked = tokio::spawn(async move { asking.query::<()>(|_| panic!("a fault in a query")).await });
            assert!(asked.await.unwrap_err().is_panic());
        }
        assert_eq!(store.apps().await.unwrap().len(), 0);
    }
}
