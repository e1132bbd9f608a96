//! The PIN of a card: where it is read from, and which PINs must not be tried again.
//!
//! Three wrong PINs lock a card. So before a PIN is given to a card, the book says so, on disk; it forgets only when the
//! card is ready. Whatever comes between, a refusal, a power cut, a daemon that dies, leaves a PIN in the book, and one
//! that is in the book is never given to that card again.
//!
//! Its one rule: without the book, no PIN.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use rand::TryRng;
use rand::rngs::SysRng;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::settings::Settings;
use crate::ids::{Iccid, Imei};

/// The book's file in the state folder.
const FILE: &str = "refused-pins";
/// Its first line, so that a file which lost what was in it is not taken for an empty book.
const HEAD: &str =
    "# PINs that were given to a card which has not become ready since: card, salt, HMAC-SHA256 of the PIN";
/// What a file with a PIN holds at most; a longer one is something else.
const LONGEST_FILE: u64 = 64;

/// A PIN. It prints as dots, and is wiped when dropped.
#[derive(Clone, PartialEq, Eq, ZeroizeOnDrop)]
pub(super) struct Pin(String);

impl Pin {
    /// 4 to 8 digits (3GPP TS 31.101 §9.5.1), with white space around them.
    fn parse(text: &str) -> Option<Self> {
        let digits = text.trim();
        let fits = (4..=8).contains(&digits.len()) && digits.bytes().all(|octet| octet.is_ascii_digit());
        fits.then(|| Self(digits.to_owned()))
    }

    /// The digits.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("•••")
    }
}

/// Why there is no PIN to give to a card.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoPin {
    #[error("no PIN is configured")]
    NotConfigured,
    #[error("the file {} cannot be read: {error}", .path.display())]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("the file {} does not hold a PIN", .0.display())]
    Malformed(PathBuf),
}

/// A PIN, and where it was read from.
#[derive(Debug)]
pub(super) struct Configured {
    pub(super) pin: Pin,
    /// Its file, when everybody on this machine can read it.
    pub(super) exposed: Option<PathBuf>,
}

/// The PIN for this modem's card: of its `pin-file`, else of the credential `<name>.pin` or `pin` of systemd.
pub(super) fn configured(settings: &Settings, credentials: Option<&Path>) -> Result<Configured, NoPin> {
    let credential = || {
        let folder = credentials?;
        [folder.join(format!("{}.pin", settings.name)), folder.join("pin")].into_iter().find(|path| path.exists())
    };
    let path = settings.pin_file.clone().or_else(credential).ok_or(NoPin::NotConfigured)?;
    let (text, for_everybody) = read(&path).map_err(|error| NoPin::Unreadable { path: path.clone(), error })?;
    let pin = Pin::parse(&text).ok_or_else(|| NoPin::Malformed(path.clone()))?;
    Ok(Configured { pin, exposed: for_everybody.then_some(path) })
}

/// What is in the file, and whether others than its owner and group can read it.
fn read(path: &Path) -> io::Result<(Zeroizing<String>, bool)> {
    use std::io::Read as _;
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(LONGEST_FILE).unwrap_or_default()));
    let file = File::open(path)?;
    let for_everybody = file.metadata()?.mode() & 0o004 != 0;
    file.take(LONGEST_FILE).read_to_string(&mut text)?;
    Ok((text, for_everybody))
}

/// What a card is known by before its PIN is given: its own number, else that of the modem it is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CardKey(String);

impl CardKey {
    pub(super) fn of_card(iccid: &Iccid) -> Self {
        Self(format!("iccid-{iccid}"))
    }

    pub(super) fn of_modem(imei: &Imei) -> Self {
        Self(format!("imei-{imei}"))
    }

    fn is_of_modem(&self) -> bool {
        self.0.starts_with("imei-")
    }
}

/// The PINs that were given to a card which has not become ready since. Cheap to clone; every clone is the same book.
#[derive(Debug, Clone)]
pub struct PinBook(Arc<Mutex<Keeping>>);

/// Where the book is kept.
#[derive(Debug)]
enum Keeping {
    Folder(PathBuf),
    Memory(Vec<Entry>),
}

/// Why the book cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum BookError {
    #[error("{} cannot be read or written: {error}", .path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error("{} holds something else than refused PINs", .0.display())]
    Malformed(PathBuf),
}

/// A PIN that one card was given: HMAC-SHA256 of the PIN under a salt.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    card: CardKey,
    salt: [u8; 16],
    digest: [u8; 32],
}

impl PinBook {
    /// The book in the file `refused-pins` of this folder, which is made when it is needed.
    #[must_use]
    pub fn in_folder(folder: &Path) -> Self {
        Self(Arc::new(Mutex::new(Keeping::Folder(folder.to_owned()))))
    }

    /// A book that is forgotten with the process, for where nothing is kept.
    #[must_use]
    pub fn in_memory() -> Self {
        Self(Arc::new(Mutex::new(Keeping::Memory(Vec::new()))))
    }

    /// Whether the card that is known by these was given this PIN and has not become ready since. One that does not tell
    /// its number may be any card in the book.
    pub(super) fn holds(&self, cards: &[CardKey], pin: &Pin) -> Result<bool, BookError> {
        let nameless = cards.iter().all(CardKey::is_of_modem);
        let may_be = |card: &CardKey| cards.contains(card) || (nameless && !card.is_of_modem());
        Ok(self.keeping().entries()?.iter().any(|entry| may_be(&entry.card) && entry.is_of(pin)))
    }

    /// Writes down that the card that is known by these is given this PIN. It is on disk when this returns.
    pub(super) fn add(&self, cards: &[CardKey], pin: &Pin) -> Result<(), BookError> {
        let Some(card) = cards.first() else { return Ok(()) };
        let mut keeping = self.keeping();
        let mut entries = keeping.entries()?;
        let entry = Entry::new(card.clone(), pin).map_err(|error| keeping.trouble(error))?;
        entries.push(entry);
        keeping.keep(entries)
    }

    /// Forgets the PINs of a card that is ready.
    pub(super) fn forget(&self, cards: &[CardKey]) -> Result<(), BookError> {
        let mut keeping = self.keeping();
        let mut entries = keeping.entries()?;
        let before = entries.len();
        entries.retain(|entry| !cards.contains(&entry.card));
        if entries.len() == before { Ok(()) } else { keeping.keep(entries) }
    }

    fn keeping(&self) -> MutexGuard<'_, Keeping> {
        // A book in a folder is read anew each time, so a panic elsewhere has left nothing half done in here.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keeping {
    fn entries(&self) -> Result<Vec<Entry>, BookError> {
        let path = match self {
            Self::Folder(folder) => folder.join(FILE),
            Self::Memory(entries) => return Ok(entries.clone()),
        };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(BookError::Io { path, error }),
        };
        let entries = text.strip_prefix(HEAD).and_then(|lines| lines.strip_prefix('\n'));
        let entries = entries.and_then(|lines| lines.lines().map(Entry::parse).collect());
        entries.ok_or(BookError::Malformed(path))
    }

    fn keep(&mut self, entries: Vec<Entry>) -> Result<(), BookError> {
        match self {
            Self::Memory(kept) => *kept = entries,
            Self::Folder(folder) => replace(folder, &entries).map_err(|error| self.trouble(error))?,
        }
        Ok(())
    }

    fn trouble(&self, error: io::Error) -> BookError {
        let path = match self {
            Self::Folder(folder) => folder.join(FILE),
            Self::Memory(_) => PathBuf::new(),
        };
        BookError::Io { path, error }
    }
}

/// Puts a new book in the old one's place: it is there whole or not at all, whenever the power goes.
fn replace(folder: &Path, entries: &[Entry]) -> io::Result<()> {
    let path = folder.join(FILE);
    let unfinished = path.with_extension("new");
    if let Err(error) = std::fs::remove_file(&unfinished)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    writeln!(file, "{HEAD}")?;
    for entry in entries {
        writeln!(file, "{}", entry.line())?;
    }
    file.sync_all()?;
    std::fs::rename(&unfinished, &path)?;
    File::open(folder)?.sync_all()
}

impl Entry {
    fn new(card: CardKey, pin: &Pin) -> io::Result<Self> {
        let mut salt = [0; 16];
        SysRng.try_fill_bytes(&mut salt).map_err(io::Error::other)?;
        Ok(Self { card, salt, digest: digest(&salt, pin) })
    }

    fn is_of(&self, pin: &Pin) -> bool {
        digest(&self.salt, pin).ct_eq(&self.digest).into()
    }

    fn line(&self) -> String {
        format!("{} {} {}", self.card.0, hex(&self.salt), hex(&self.digest))
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let (card, salt, digest) = (words.next()?, words.next()?, words.next()?);
        let known = card.starts_with("iccid-") || card.starts_with("imei-");
        (known && words.next().is_none()).then_some(())?;
        Some(Self { card: CardKey(card.to_owned()), salt: octets(salt)?, digest: octets(digest)? })
    }
}

fn digest(salt: &[u8; 16], pin: &Pin) -> [u8; 32] {
    // HMAC takes keys of any length.
    let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(salt) else { return [0; 32] };
    mac.update(pin.expose().as_bytes());
    mac.finalize().into_bytes().into()
}

fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        // Writing to a text never fails.
        let _ = write!(text, "{octet:02x}");
        text
    })
}

fn octets<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let mut octets = [0; N];
    (hex.len() == 2 * N && hex.is_ascii()).then_some(())?;
    for (at, octet) in octets.iter_mut().enumerate() {
        *octet = u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(octets)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn pin(digits: &str) -> Pin {
        Pin::parse(digits).unwrap()
    }

    fn card(last: u8) -> CardKey {
        CardKey::of_card(&format!("898821100000000000{last}").parse().unwrap())
    }

    #[test]
    fn a_pin_is_four_to_eight_digits_and_never_printed() {
        for good in ["1234", " 12345678\n", "0000\r\n"] {
            assert!(Pin::parse(good).is_some(), "{good:?}");
        }
        for bad in ["", "123", "123456789", "12a4", "12 34", "1234\n5678", "\"1234\""] {
            assert!(Pin::parse(bad).is_none(), "{bad:?}");
        }
        assert_eq!(format!("{:?}", pin("1234")), "•••");
    }

    #[test]
    fn the_modems_own_file_goes_before_its_credential_and_that_before_everybodys() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::at_port("m1".parse().unwrap(), "/dev/m1");
        let configured =
            |settings: &Settings| configured(settings, Some(folder.path())).map(|found| found.pin.expose().to_owned());
        assert!(matches!(configured(&settings), Err(NoPin::NotConfigured)));
        std::fs::write(folder.path().join("pin"), "1111\n").unwrap();
        assert_eq!(configured(&settings).unwrap(), "1111");
        std::fs::write(folder.path().join("m1.pin"), "2222\n").unwrap();
        assert_eq!(configured(&settings).unwrap(), "2222");
        let file = folder.path().join("of-the-config");
        settings.pin_file = Some(file.clone());
        assert!(matches!(configured(&settings), Err(NoPin::Unreadable { .. })));
        std::fs::write(&file, "33333").unwrap();
        assert_eq!(configured(&settings).unwrap(), "33333");
        std::fs::write(&file, "PIN=33333").unwrap();
        assert!(matches!(configured(&settings), Err(NoPin::Malformed(_))));
    }

    #[test]
    fn a_pin_that_everybody_can_read_is_told_with_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("of-the-config");
        std::fs::write(&file, "1234").unwrap();
        let mut settings = Settings::at_port("m1".parse().unwrap(), "/dev/m1");
        settings.pin_file = Some(file.clone());
        for (mode, everybody) in [(0o600, false), (0o640, false), (0o644, true), (0o604, true), (0o666, true)] {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            let found = configured(&settings, None).unwrap();
            assert_eq!(found.exposed, everybody.then(|| file.clone()), "{mode:o}");
        }
    }

    #[test]
    fn a_pin_that_was_given_is_known_until_its_card_is_ready_and_by_the_next_daemon_too() {
        let folder = tempfile::tempdir().unwrap();
        let book = || PinBook::in_folder(folder.path());
        assert!(!book().holds(&[card(1)], &pin("1234")).unwrap());
        book().add(&[card(1)], &pin("1234")).unwrap();
        book().add(&[card(2)], &pin("1234")).unwrap();
        assert!(book().holds(&[card(1)], &pin("1234")).unwrap());
        assert!(!book().holds(&[card(1)], &pin("1235")).unwrap());
        assert!(!book().holds(&[card(3)], &pin("1234")).unwrap());
        book().forget(&[card(1)]).unwrap();
        assert!(!book().holds(&[card(1)], &pin("1234")).unwrap());
        assert!(book().holds(&[card(2)], &pin("1234")).unwrap());
    }

    #[test]
    fn a_card_that_does_not_tell_its_number_may_be_any_card_and_is_known_by_its_modem() {
        let book = PinBook::in_memory();
        let modem = |last: u8| CardKey::of_modem(&format!("49015420323751{last}").parse().unwrap());
        book.add(&[card(1), modem(1)], &pin("1234")).unwrap();
        assert!(book.holds(&[modem(2)], &pin("1234")).unwrap());
        assert!(!book.holds(&[card(2), modem(1)], &pin("1234")).unwrap());
        book.add(&[modem(3)], &pin("5678")).unwrap();
        assert!(book.holds(&[card(2), modem(3)], &pin("5678")).unwrap());
        assert!(!book.holds(&[card(2), modem(1)], &pin("5678")).unwrap());
    }

    #[test]
    fn the_file_does_not_hold_the_pin_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let book = PinBook::in_folder(folder.path());
        book.add(&[card(1)], &pin("12345678")).unwrap();
        let file = folder.path().join(FILE);
        assert!(!std::fs::read_to_string(&file).unwrap().contains("12345678"));
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_power_cut_while_the_book_is_written_leaves_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let book = PinBook::in_folder(folder.path());
        book.add(&[card(1)], &pin("1234")).unwrap();
        std::fs::write(folder.path().join("refused-pins.new"), "iccid-89").unwrap();
        assert!(book.holds(&[card(1)], &pin("1234")).unwrap());
        book.add(&[card(2)], &pin("1234")).unwrap();
        assert!(book.holds(&[card(1)], &pin("1234")).unwrap() && book.holds(&[card(2)], &pin("1234")).unwrap());
    }

    #[test]
    fn a_book_that_cannot_be_read_or_written_is_no_empty_book() {
        let folder = tempfile::tempdir().unwrap();
        let book = PinBook::in_folder(folder.path());
        for damage in ["", "what is this\n", "iccid-1 00 00\n", "\n", "\0\0\0\0"] {
            std::fs::write(folder.path().join(FILE), damage).unwrap();
            assert!(matches!(book.holds(&[card(1)], &pin("1234")), Err(BookError::Malformed(_))), "{damage:?}");
            assert!(book.add(&[card(1)], &pin("1234")).is_err(), "{damage:?}");
            assert_eq!(std::fs::read_to_string(folder.path().join(FILE)).unwrap(), damage, "it was written over");
        }
        let nowhere = PinBook::in_folder(&folder.path().join("gone"));
        assert!(matches!(nowhere.add(&[card(1)], &pin("1234")), Err(BookError::Io { .. })));
    }
}
