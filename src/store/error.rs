//! What can go wrong between the daemon and its database.

use std::path::PathBuf;

use rusqlite::ErrorCode;

use super::key::KeyError;

/// Why the store could not do what it was asked. Never holds anything of a row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// As many commands wait as the store can hold. Nothing was done; try again in a moment.
    #[error("the store is busy; try again in a moment")]
    Full,
    /// The database cannot be written just now: the disk is full, or somebody else holds it. Nothing was done; the
    /// store goes on and the next command may succeed.
    #[error("the database cannot be used just now: {0}")]
    Unavailable(String),
    /// The store has ended. Nothing is known of the command; the process should end and start again.
    #[error("the store has ended")]
    Gone,
    /// The database is damaged, or the disk under it fails. The store ends with this.
    #[error("the database is damaged or its disk fails: {0}")]
    Damaged(String),
    /// A row holds what this program never writes there, such as a kind of event that only a newer version knows. A
    /// change ends the store with this; a list leaves the row out.
    #[error("the database is damaged: {0}")]
    Unreadable(String),
    /// The change goes against a rule of the schema. Nothing was done; the caller has a fault.
    #[error("the database refuses the change: {0}")]
    Refused(String),
    /// An app of this name is there already.
    #[error("an app of this name exists already")]
    Exists,
    /// The database was written by a newer version of this program, and must not be touched by this one.
    #[error(
        "the database is of version {found}, this program knows versions up to {known}; \
         install the newer program again, or restore a backup made before it ran"
    )]
    Newer {
        /// The version of the database.
        found: usize,
        /// The newest version this program knows.
        known: usize,
    },
    /// The daemon that runs has another version than this command, so its database must be left as it is.
    #[error("the daemon that runs is of another version; restart it, then try again")]
    OtherVersion,
    /// Another daemon runs on this state folder.
    #[error("another smsotpd runs on {}", .0.display())]
    InUse(PathBuf),
    /// The state folder cannot be used.
    #[error("the state folder {} cannot be used: {reason}", .path.display())]
    Folder {
        /// The folder, or the file in it.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// Others than its owner may use the folder, or a file in it.
    #[error("others may {} {path}; run: chmod {} {path}", .may, .mode, path = .path.display())]
    Exposed {
        /// The folder, or the file in it.
        path: PathBuf,
        /// What others may do with it.
        may: &'static str,
        /// What `chmod` makes it right with.
        mode: &'static str,
    },
    /// The site's key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl StoreError {
    /// Whether the store must end: going on could make the damage worse.
    pub(super) fn is_fatal(&self) -> bool {
        matches!(self, Self::Damaged(_) | Self::Unreadable(_) | Self::Gone)
    }

    /// A row holds what this program never writes there.
    pub(super) fn unreadable(column: &str) -> Self {
        Self::Unreadable(format!("{column} holds something that cannot be read"))
    }
}

/// Only SQLite's own words for its code are kept: a full message might quote a value.
impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let rusqlite::Error::SqliteFailure(failure, _) = &error else {
            return match error {
                rusqlite::Error::FromSqlConversionFailure(column, ..)
                | rusqlite::Error::InvalidColumnType(column, ..)
                | rusqlite::Error::IntegralValueOutOfRange(column, _) => {
                    Self::Unreadable(format!("column {column} cannot be read"))
                }
                rusqlite::Error::QueryReturnedNoRows => {
                    Self::Unreadable("a row that must be there is missing".to_owned())
                }
                _ => Self::Damaged("a statement does not fit the schema".to_owned()),
            };
        };
        let words = format!("{} ({})", rusqlite::ffi::code_to_str(failure.extended_code), failure.extended_code);
        match failure.code {
            ErrorCode::DiskFull | ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::OutOfMemory => {
                Self::Unavailable(words)
            }
            // The file beside the database, through which its connections see each other, did not find room.
            _ if failure.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE => {
                Self::Unavailable(format!("the disk is full ({})", failure.extended_code))
            }
            ErrorCode::ConstraintViolation => Self::Refused(words),
            _ => Self::Damaged(words),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_as_one_wherever_it_shows() {
        for code in [rusqlite::ffi::SQLITE_FULL, rusqlite::ffi::SQLITE_IOERR_SHMSIZE] {
            let error = StoreError::from(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None));
            assert!(matches!(&error, StoreError::Unavailable(words) if words.contains("full")), "{error}");
        }
    }
}
