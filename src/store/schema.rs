//! The shape of the database and how a connection to it is set up.
//!
//! Migrations are numbered, go forward only, and are never changed once released. The number of the last one is kept
//! in `user_version`; a database with a higher number is refused. Only a migration that makes a table anew to which others
//! refer needs a `foreign_key_check`: that reads every table, which takes minutes after years on a Pi.
//!
//! Vacuuming is off: rows are hardly ever deleted, and free pages are used again.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::{Error as MigrationError, M, Migrations};

use super::error::StoreError;

fn migrations() -> Migrations<'static> {
    Migrations::new(vec![
        M::up(include_str!("schema/01_first.sql")),
        M::up(include_str!("schema/02_inbox.sql")),
        M::up(include_str!("schema/03_policies.sql")),
        M::up(include_str!("schema/04_events.sql")),
        M::up(include_str!("schema/05_guard.sql")),
        M::up(include_str!("schema/06_callbacks.sql")),
        M::up(include_str!("schema/07_lines.sql")),
        M::up(include_str!("schema/08_repeated.sql")),
        M::up(include_str!("schema/09_second.sql")),
        M::up(include_str!("schema/10_refused.sql")),
        M::up(include_str!("schema/11_spends.sql")),
        M::up(include_str!("schema/12_forgotten.sql")),
    ])
}

/// The newest version this program knows.
const KNOWN: usize = 12;

/// How long a connection waits for another process that writes (`app create` beside the daemon).
const PATIENCE: Duration = Duration::from_secs(3);

/// More statements than the store has, so that each is compiled once for a connection.
const STATEMENTS: usize = 256;

/// Opens the connection that writes. The file is made when it is not there.
pub(super) fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(PATIENCE)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    plan_once(&conn)?;
    // A commit writes every page it touches, some 13 of them, and the rows are small: with pages of 1 kB it writes a
    // quarter of what it would with the usual 4 kB, which an SD card and the wait for it both thank. Must come before
    // the first table. The journal may keep 8 MB; the page cache 4 MB. What was deleted is overwritten with zeros.
    conn.execute_batch(
        "PRAGMA page_size = 1024;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA secure_delete = ON;
         PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -4000;
         PRAGMA journal_size_limit = 8388608;",
    )?;
    Ok(conn)
}

/// Opens a connection that can only read.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(PATIENCE)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    plan_once(&conn)?;
    conn.execute_batch("PRAGMA temp_store = MEMORY; PRAGMA cache_size = -1000;")?;
    Ok(conn)
}

/// Has SQLite plan each statement when it is compiled and never again. Otherwise it compiles some anew each time that
/// another value is bound, to look whether the value would make a difference to the plan; here none does.
fn plan_once(conn: &Connection) -> Result<(), StoreError> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Fails when a newer version of this program has written the database.
pub(super) fn refuse_newer(conn: &Connection) -> Result<(), StoreError> {
    match version(conn)? {
        found if found > KNOWN => Err(StoreError::Newer { found, known: KNOWN }),
        _ => Ok(()),
    }
}

/// Brings the schema to the newest version.
pub(super) fn migrate(conn: &mut Connection) -> Result<(), StoreError> {
    refuse_newer(conn)?;
    migrations().to_latest(conn).map_err(|error| match error {
        MigrationError::RusqliteError { err, .. } => err.into(),
        _ => StoreError::Damaged("the schema cannot be brought to this program's version".to_owned()),
    })
}

/// Whether the schema is of this program's version.
pub(super) fn is_current(conn: &Connection) -> Result<bool, StoreError> {
    Ok(version(conn)? == KNOWN)
}

/// Whether there is nothing in the database yet.
pub(super) fn is_empty(conn: &Connection) -> Result<bool, StoreError> {
    Ok(version(conn)? == 0)
}

/// Copies the journal into the database and cuts its file to nothing. `false` when a reader still needs it.
pub(super) fn empty_journal(conn: &Connection) -> Result<bool, StoreError> {
    let blocked: i64 = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get(0))?;
    Ok(blocked == 0)
}

/// Does something without waiting for others who have the database open.
pub(super) fn wait_for_nobody<T>(
    conn: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    conn.busy_timeout(Duration::ZERO)?;
    let done = work(conn);
    conn.busy_timeout(PATIENCE)?;
    done
}

fn version(conn: &Connection) -> Result<usize, StoreError> {
    let version: i64 = conn.query_row("PRAGMA user_version", (), |row| row.get(0))?;
    usize::try_from(version).map_err(|_| StoreError::unreadable("user_version"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_migration_is_counted_and_sound() {
        migrations().validate().unwrap();
        let mut conn = Connection::open_in_memory().unwrap();
        assert!(is_empty(&conn).unwrap());
        migrate(&mut conn).unwrap();
        assert!(is_current(&conn).unwrap());
        assert!(all_references_hold(&conn));
    }

    fn all_references_hold(conn: &Connection) -> bool {
        !conn.prepare("PRAGMA foreign_key_check").unwrap().exists(()).unwrap()
    }

    #[test]
    fn what_was_tried_before_counts_against_budgets_as_it_did() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrations().to_version(&mut conn, 10).unwrap();
        conn.execute_batch(
            "INSERT INTO message (seq, id, app, number, status, priority, encoding, parts, class0, in_doubt, created,
                                  created_at, deadline)
             VALUES (1, x'01', 'shop', 15551234567, 'sent', 1, 'gsm7', 1, 0, 'hold', 0, 0, 3600000)",
        )
        .unwrap();
        let code = Some("+CMS ERROR: 41");
        for (outcome, code, again_from, spends) in [
            ("sending", None, None, true),
            ("sent", None, None, true),
            ("in_doubt", None, None, true),
            ("failed", code, None, true),
            ("failed", code, Some(1), false),
            ("failed", None, None, false),
            ("not_ready", None, None, false),
            ("expired", None, None, false),
        ] {
            let sql = "INSERT INTO attempt (message, part, modem, sim, started, started_at, outcome, code, again_from, reason)
                       VALUES (1, 0, 'm', 'a', 0, 0, ?1, ?2, ?3, ?4)";
            conn.execute(sql, (outcome, code, again_from, spends.to_string())).unwrap();
        }
        migrate(&mut conn).unwrap();
        assert!(all_references_hold(&conn));
        let sql = "SELECT count(*), sum(spends = (reason = 'true')) FROM attempt";
        assert_eq!(conn.query_row(sql, (), |row| Ok((row.get(0)?, row.get(1)?))), Ok((8, 8)));
    }
}
