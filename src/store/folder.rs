//! The state folder: who may open it, and what is made in it.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rustix::fs::FlockOperation;

use super::drains::DrainedModems;
use super::error::StoreError;
use super::remembered::Memory;
use super::{drains, homes, journal, key, schema, site};
use crate::clock::Clock;
use crate::guard::Homes;
use crate::secret::SiteKey;

/// The database in the state folder.
pub(super) const DATABASE: &str = "smsotpd.db";
/// The file that a running daemon holds locked.
const LOCK: &str = "lock";

/// Who opens the folder.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// The daemon: the only one of its kind.
    Daemon,
    /// A short command, with or without a daemon beside it.
    Beside,
}

/// What an opened folder gives.
pub(super) struct Opened {
    pub(super) conn: Connection,
    pub(super) key: SiteKey,
    pub(super) clock: Clock,
    /// Held by the daemon for as long as it writes.
    pub(super) lock: Option<Lock>,
    pub(super) path: PathBuf,
    pub(super) drained: DrainedModems,
    pub(super) newest_event: i64,
    pub(super) homes: Homes,
    pub(super) guard: Memory,
}

/// The daemon's lock, held until this is dropped.
pub(super) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // A program that is just being started has the file open as well: to close it here would not free it.
        if let Err(error) = rustix::fs::flock(&self.0, FlockOperation::Unlock) {
            tracing::debug!(%error, "the lock of the state folder goes only with its file");
        }
    }
}

/// Opens the folder, and makes what is missing in it.
pub(super) fn open(state_dir: &Path, clock: Option<Clock>, access: Access) -> Result<Opened, StoreError> {
    let folder = make_folder(state_dir).map_err(|error| trouble(state_dir, &error))?;
    forbid(0o002, state_dir, "put other files into", "o-w")?;
    // One at a time sets the folder up: a command and the daemon may both be the first.
    rustix::fs::flock(&folder, FlockOperation::LockExclusive).map_err(|error| trouble(state_dir, &error.into()))?;
    let lock = lock(&state_dir.join(LOCK), &folder)?;
    if lock.is_none() && access == Access::Daemon {
        return Err(StoreError::InUse(state_dir.to_owned()));
    }
    let path = state_dir.join(DATABASE);
    make_file(&path, &folder).map_err(|error| trouble(&path, &error))?;
    keep_to_owner(&path)?;
    let mut conn = schema::open_writer(&path)?;
    if lock.is_none() && !schema::is_current(&conn)? {
        return Err(StoreError::OtherVersion);
    }
    schema::refuse_newer(&conn)?;
    let is_empty = schema::is_empty(&conn)?;
    if is_empty && key::is_there(state_dir) {
        tracing::warn!(
            path = %path.display(),
            "there is a key and no database yet; if there was one, stop, and restore both from the same backup"
        );
    }
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let key = key::load(state_dir, &folder, credentials.as_deref(), is_empty)?;
    schema::migrate(&mut conn)?;
    let last = site::last_reading(&conn)?;
    let clock = clock.unwrap_or_else(|| Clock::resume(last.as_ref()));
    match last {
        Some(_) => site::check_key(&conn, &key)?,
        None => site::found(&conn, &clock, &key)?,
    }
    let (drained, homes) = (drains::load(&conn)?, homes::load(&conn)?);
    let (newest_event, guard) = (journal::newest(&conn)?, Memory::load(&conn)?);
    let lock = lock.filter(|_| access == Access::Daemon);
    Ok(Opened { conn, key, clock, lock, path, drained, newest_event, homes, guard })
}

fn make_folder(path: &Path) -> io::Result<File> {
    if !path.is_dir() {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    }
    File::open(path)
}

/// Refuses a file that others than its owner may open.
pub(super) fn keep_to_owner(path: &Path) -> Result<(), StoreError> {
    forbid(0o077, path, "open", "600")
}

/// Refuses what others have these rights to.
fn forbid(rights: u32, path: &Path, may: &'static str, mode: &'static str) -> Result<(), StoreError> {
    let found = std::fs::metadata(path).map_err(|error| trouble(path, &error))?;
    if found.mode() & rights == 0 { Ok(()) } else { Err(StoreError::Exposed { path: path.to_owned(), may, mode }) }
}

/// Takes the daemon's lock; `None` when another process has it.
fn lock(path: &Path, folder: &File) -> Result<Option<Lock>, StoreError> {
    let file = make_file(path, folder).map_err(|error| trouble(path, &error))?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(Lock(file))),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(trouble(path, &error.into())),
    }
}

/// Opens a file of the state folder, and makes it when it is not there.
fn make_file(path: &Path, folder: &File) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    give_to_owner_of(folder, &file)?;
    Ok(file)
}

/// A command that root runs must not leave files that the daemon, under its own user, cannot open.
pub(super) fn give_to_owner_of(folder: &File, file: &File) -> io::Result<()> {
    let (owner, has) = (folder.metadata()?, file.metadata()?);
    if owner.uid() != has.uid() && rustix::process::geteuid().is_root() {
        std::os::unix::fs::fchown(file, Some(owner.uid()), Some(owner.gid()))?;
    }
    Ok(())
}

fn trouble(path: &Path, error: &io::Error) -> StoreError {
    StoreError::Folder { path: path.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_dropped_is_free_though_a_program_has_inherited_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let take = || lock(&folder.path().join(LOCK), &File::open(folder.path()).unwrap()).unwrap();
        let first = take().unwrap();
        let _inherited = first.0.try_clone().unwrap();
        assert!(take().is_none());
        drop(first);
        assert!(take().is_some());
    }
}
