//! The site's key: 32 random octets in a file of its own, never in the database.
//!
//! It comes from the systemd credential `smsotpd.key` when there is one, else from the file `key` in the state folder,
//! which is made on the first start and readable by its owner only. Without its key a database is of no use, so a
//! lost key is an error and never silently replaced.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rand::TryRng;
use rand::rngs::SysRng;
use zeroize::Zeroizing;

use super::error::StoreError;
use super::folder::{give_to_owner_of, keep_to_owner};
use crate::secret::SiteKey;

/// The file in the state folder.
const FILE: &str = "key";
/// The name of the systemd credential (`LoadCredential=` or `LoadCredentialEncrypted=`).
const CREDENTIAL: &str = "smsotpd.key";

/// Why the site's key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or made.
    #[error("the key file {} cannot be used: {reason}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The file does not hold a key.
    #[error("the key file {} must hold exactly 32 octets", .0.display())]
    Length(PathBuf),
    /// There is a database, but its key is gone.
    #[error("the key file {} is missing, and the database cannot be read without it; restore it from a backup", .0.display())]
    Missing(PathBuf),
    /// The key is not the one this database was made with.
    #[error("the key does not belong to this database; restore both from the same backup")]
    Wrong,
}

/// Reads the key: the credential if systemd hands one in, else the file. With `fresh`, when there is no database yet,
/// the file is made if there is none.
pub(super) fn load(
    state_dir: &Path,
    folder: &File,
    credentials: Option<&Path>,
    fresh: bool,
) -> Result<SiteKey, StoreError> {
    let credential = credentials.map(|folder| folder.join(CREDENTIAL));
    if let Some(path) = credential.filter(|path| path.exists()) {
        return Ok(read(&path)?);
    }
    let path = state_dir.join(FILE);
    match std::fs::metadata(&path) {
        Ok(_) => {
            keep_to_owner(&path)?;
            Ok(read(&path)?)
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(trouble(&path, &error).into()),
        Err(_) if fresh => Ok(make(&path, folder).map_err(|error| trouble(&path, &error))?),
        Err(_) => Err(KeyError::Missing(path).into()),
    }
}

/// Whether the state folder holds a key.
pub(super) fn is_there(state_dir: &Path) -> bool {
    state_dir.join(FILE).exists()
}

fn read(path: &Path) -> Result<SiteKey, KeyError> {
    let mut root = Zeroizing::new([0; SiteKey::LENGTH]);
    let mut file = File::open(path).map_err(|error| trouble(path, &error))?;
    match file.read_exact(root.as_mut()) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(KeyError::Length(path.to_owned())),
        other => other.map_err(|error| trouble(path, &error))?,
    }
    match file.read(&mut [0]) {
        Ok(0) => Ok(SiteKey::derive(&root)),
        Ok(_) => Err(KeyError::Length(path.to_owned())),
        Err(error) => Err(trouble(path, &error)),
    }
}

/// Writes a new key so that it is there whole or not at all, whenever the power goes.
fn make(path: &Path, folder: &File) -> io::Result<SiteKey> {
    let mut root = Zeroizing::new([0; SiteKey::LENGTH]);
    SysRng.try_fill_bytes(root.as_mut()).map_err(io::Error::other)?;
    let unfinished = path.with_extension("new");
    let _ = std::fs::remove_file(&unfinished);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    give_to_owner_of(folder, &file)?;
    file.write_all(root.as_ref())?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    folder.sync_all()?;
    Ok(SiteKey::derive(&root))
}

fn trouble(path: &Path, error: &io::Error) -> KeyError {
    KeyError::File { path: path.to_owned(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;
    use crate::ids::OtpId;
    use crate::secret::Code;

    fn load(folder: &Path, fresh: bool) -> Result<SiteKey, StoreError> {
        super::load(folder, &File::open(folder).unwrap(), None, fresh)
    }

    #[test]
    fn a_credential_of_systemd_goes_before_the_file() {
        let (folder, credentials) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let load = || {
            let state_dir = folder.path();
            super::load(state_dir, &File::open(state_dir).unwrap(), Some(credentials.path()), true).unwrap()
        };
        let (otp, code) = (OtpId::generate(), Code::new("123456".to_owned()));
        let of_file = load().code_digest(otp, &code);
        std::fs::write(credentials.path().join(CREDENTIAL), [7; 32]).unwrap();
        let of_credential = load().code_digest(otp, &code);
        assert!(of_credential.matches(&SiteKey::derive(&[7; 32]).code_digest(otp, &code)));
        assert!(!of_credential.matches(&of_file));
    }

    #[test]
    fn a_key_is_made_once_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (otp, code) = (OtpId::generate(), Code::new("123456".to_owned()));
        let first = load(folder.path(), true).unwrap().code_digest(otp, &code);
        assert!(first.matches(&load(folder.path(), true).unwrap().code_digest(otp, &code)));
        let file = folder.path().join(FILE);
        assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        assert_eq!(std::fs::metadata(&file).unwrap().len(), 32);
    }

    #[test]
    fn a_lost_short_long_or_readable_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        assert_eq!(load(folder.path(), false).unwrap_err(), KeyError::Missing(file.clone()).into());
        for length in [0, 31, 33] {
            std::fs::write(&file, vec![1; length]).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
            assert_eq!(
                load(folder.path(), false).unwrap_err(),
                KeyError::Length(file.clone()).into(),
                "{length} octets"
            );
        }
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        let (may, mode) = ("open", "600");
        assert_eq!(load(folder.path(), false).unwrap_err(), StoreError::Exposed { path: file, may, mode });
    }
}
