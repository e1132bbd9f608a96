//! Folders for tests that write a lot, of which nothing is to last.

use std::path::Path;

use tempfile::TempDir;

/// A new folder, in memory where there is such a place.
pub(crate) fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.unwrap()
}
