//! The table of USB ids: which device is which modem, and which of its ports takes AT commands.
//!
//! Its one rule: what is known of devices stands in the data (`ids.csv`), not in code.

const TABLE: &str = include_str!("ids.csv");

/// What the table says of a device, of a vendor, or of a driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    id: &'static str,
    /// What it is called when it is talked about.
    pub(super) name: &'static str,
    /// The kernel driver of its serial ports; empty when that is not known.
    pub(super) driver: &'static str,
    at: &'static str,
    second: &'static str,
    not: &'static str,
    /// What kind of thing it is.
    pub(super) mark: Mark,
    /// What its owner can do, where the usual advice does not fit; else empty.
    pub(super) advice: &'static str,
}

/// What kind of thing a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// A modem.
    Modem,
    /// A download mode: what is written to it can destroy the modem.
    Never,
    /// A modem whose firmware has no AT port.
    Network,
    /// A modem that still shows itself as a CD-ROM.
    Storage,
    /// A USB-to-serial bridge: anything may be behind it.
    Bridge,
    /// Something that only looks like a modem.
    Board,
}

/// Which of a device's ports is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The one on the interface of this number.
    Number(u8),
    /// Those on interfaces of this class, subclass and protocol; `None` is any.
    Interface([Option<u8>; 3]),
    /// Those that the `hso` driver says are of this kind.
    Kind(&'static str),
    /// The one on the highest interface number.
    Last,
}

impl Entry {
    /// The AT port, the best first.
    pub(super) fn at(&self) -> impl Iterator<Item = Place> {
        places(self.at)
    }

    /// Other ports that take AT commands.
    pub(super) fn second(&self) -> impl Iterator<Item = Place> {
        places(self.second)
    }

    /// Ports that are never asked.
    pub(super) fn not(&self) -> impl Iterator<Item = Place> {
        places(self.not)
    }
}

/// What is known of exactly this device.
pub(super) fn of_device(vendor: u16, product: u16) -> Option<Entry> {
    let id = format!("{vendor:04x}:{product:04x}");
    entries().find(|entry| entry.id == id)
}

/// What is known of all devices of a vendor.
pub(super) fn of_vendor(vendor: u16) -> Option<Entry> {
    let id = format!("{vendor:04x}:*");
    entries().find(|entry| entry.id == id)
}

/// How to ask a device that nothing is known of, by the driver of its ports; `None` for drivers of other things.
pub(super) fn of_driver(driver: &str) -> Option<Entry> {
    entries().find(|entry| entry.id == "*:*" && entry.driver == driver)
}

fn entries() -> impl Iterator<Item = Entry> {
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(entry)
}

fn entry(line: &'static str) -> Option<Entry> {
    let mut columns = line.splitn(8, ',');
    let mut next = || columns.next();
    let (id, name, driver, at, second, not) = (next()?, next()?, next()?, next()?, next()?, next()?);
    let mark = match next()? {
        "" => Mark::Modem,
        "never" => Mark::Never,
        "network" => Mark::Network,
        "storage" => Mark::Storage,
        "bridge" => Mark::Bridge,
        "board" => Mark::Board,
        _ => return None,
    };
    Some(Entry { id, name, driver, at, second, not, mark, advice: next()? })
}

fn places(text: &'static str) -> impl Iterator<Item = Place> {
    text.split_ascii_whitespace().filter_map(place)
}

fn place(word: &'static str) -> Option<Place> {
    if let Some((class, rest)) = word.split_once('/') {
        let (subclass, protocol) = rest.split_once('/')?;
        return Some(Place::Interface([any_or(class)?, any_or(subclass)?, any_or(protocol)?]));
    }
    match word {
        "last" => Some(Place::Last),
        _ => u8::from_str_radix(word, 16).map_or(Some(Place::Kind(word)), |number| Some(Place::Number(number))),
    }
}

/// `Some(None)` for `*`.
fn any_or(word: &str) -> Option<Option<u8>> {
    if word == "*" { Some(None) } else { u8::from_str_radix(word, 16).ok().map(Some) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_line_is_read_and_every_word_in_it_understood() {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
        let mut ids = BTreeSet::new();
        for line in lines {
            let entry = entry(line).unwrap_or_else(|| panic!("{line}"));
            assert!(ids.insert((entry.id, entry.driver)), "{line}");
            for text in [entry.at, entry.second, entry.not] {
                assert_eq!(places(text).count(), text.split_ascii_whitespace().count(), "{line}");
                let kinds = places(text).filter(|place| matches!(place, Place::Kind(_)));
                assert!(kinds.count() == 0 || entry.driver == "hso", "{line}");
            }
        }
    }

    #[test]
    fn no_device_stands_there_twice() {
        let mut ids = BTreeSet::new();
        for entry in entries().filter(|entry| entry.id != "*:*") {
            assert!(ids.insert(entry.id), "{}", entry.id);
        }
        assert!(ids.len() > 300, "{}", ids.len());
    }

    #[test]
    fn what_can_be_destroyed_by_writing_is_marked() {
        assert_eq!(of_device(0x05c6, 0x9008).map(|entry| entry.mark), Some(Mark::Never));
        assert_eq!(of_device(0x0e8d, 0x2000).map(|entry| entry.mark), Some(Mark::Never));
    }

    #[test]
    fn a_driver_of_other_things_is_not_known() {
        for driver in ["ch341", "cp210x", "ftdi_sio", "pl2303", ""] {
            assert_eq!(of_driver(driver), None, "{driver}");
        }
    }
}
