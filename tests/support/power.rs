//! The power goes.

use std::path::Path;

use tempfile::TempDir;

/// What is on the disk of a store at this moment, as it would be found after the power went.
pub(crate) fn left_behind(folder: &Path) -> TempDir {
    let left = tempfile::tempdir().unwrap();
    // Between the copies nothing may be written, nor the journal cut; what is copied out of it meanwhile stays in it, too.
    let conn = rusqlite::Connection::open(folder.join("smsotpd.db")).unwrap();
    conn.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    conn.execute_batch("BEGIN IMMEDIATE").unwrap();
    for file in ["smsotpd.db", "smsotpd.db-wal", "key"] {
        std::fs::copy(folder.join(file), left.path().join(file)).unwrap();
    }
    left
}
