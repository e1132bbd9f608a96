//! The modem's storages: which of them is being read, how full they are, and what has gathered there unannounced.
//!
//! A storage that is full stops everything that would come in, status reports too. So all that came in is taken out as
//! soon as it is on disk, and of the rest, drafts for instance, as much is deleted as keeps a fifth of the places free.

use std::time::{Duration, Instant};

use super::actor::{Actor, End};
use super::event::Arrival;
use super::health::Concern;
use super::verdict;
use super::wire::{Wire, now};
use crate::at::{Command, Field, Place, Reply};

/// How often the storages are looked through for what was not announced, or could not be read when it was: at every
/// slow look. A tight loop of listings makes some modems fail.
const SWEEP_AFTER: Duration = Duration::from_secs(240);
/// The same while one is full, and nothing can come in.
const SWEEP_AFTER_FULL: Duration = Duration::from_secs(25);

/// More than this is not listed but read place by place: a listing cannot be broken off, and some modems print one
/// message a second.
const MOST_LISTED: u32 = 20;
/// How many places a storage has at most, whatever the modem says.
const MOST_PLACES: u32 = 1000;

/// The storages that may hold what came in.
#[derive(Default)]
pub(super) struct Storages {
    all: Vec<Storage>,
    /// The one that is read and deleted in, when it is known.
    selected: Option<String>,
    /// When they were last looked through.
    swept: Option<Instant>,
}

struct Storage {
    name: String,
    /// How many messages should be in it by what is known: what was listed last, and what came and went since. A modem
    /// that says that it deleted something, and did not, is found out by this.
    expected: Option<u32>,
    /// How many of its messages must go so that a fifth of its places is free.
    excess: u32,
    full: bool,
}

/// What a modem tells of a storage (`+CPMS: <used1>,<total1>,<used2>,<total2>,<used3>,<total3>`).
struct Count {
    used: u32,
    total: u32,
    /// Nothing more can come in: it is full, and so is what receives.
    full: bool,
}

impl Storages {
    pub(super) fn new(names: impl Iterator<Item = String>) -> Self {
        let all = names.map(|name| Storage { name, expected: None, excess: 0, full: false }).collect();
        Self { all, selected: None, swept: None }
    }

    pub(super) fn sweep_due(&self) -> bool {
        let pause = if self.full().is_some() { SWEEP_AFTER_FULL } else { SWEEP_AFTER };
        self.swept.is_none_or(|swept| now() >= swept + pause)
    }

    /// Something was left behind in this storage, which the next sweep shall find.
    pub(super) fn list_again(&mut self, name: &str) {
        self.change(name, |storage| storage.expected = None);
    }

    /// Things were left behind, and nobody knows where.
    pub(super) fn sweep_soon(&mut self) {
        self.swept = None;
        self.all.iter_mut().for_each(|storage| storage.expected = None);
    }

    /// One more is in this storage.
    pub(super) fn came(&mut self, name: &str) {
        self.change(name, |storage| storage.expected = storage.expected.map(|count| count + 1));
    }

    /// One was deleted from this storage, so there is room in it.
    pub(super) fn went(&mut self, name: &str) {
        self.change(name, |storage| {
            storage.expected = storage.expected.map(|count| count.saturating_sub(1));
            storage.full = false;
        });
    }

    /// One of the messages in this storage goes, or may go; tells whether one has to, so that enough places are free.
    pub(super) fn let_one_go(&mut self, name: &str) -> bool {
        let mut has_to = false;
        self.change(name, |storage| {
            has_to = storage.excess > 0;
            storage.excess = storage.excess.saturating_sub(1);
        });
        has_to
    }

    /// Why nothing more can come in.
    pub(super) fn concern(&self) -> Option<Concern> {
        self.full().map(verdict::full_storage)
    }

    fn full(&self) -> Option<&str> {
        self.all.iter().find(|storage| storage.full).map(|storage| storage.name.as_str())
    }

    fn change(&mut self, name: &str, change: impl FnOnce(&mut Storage)) {
        if let Some(storage) = self.all.iter_mut().find(|storage| storage.name == name) {
            change(storage);
        }
    }
}

impl Actor {
    /// Makes this the storage that is read and deleted in; tells whether it is.
    pub(super) async fn select(&mut self, wire: &mut Wire, storage: &str) -> Result<bool, End> {
        if self.visit.storages.selected.as_deref() == Some(storage) {
            return Ok(true);
        }
        Ok(self.reselect(wire, storage).await?.is_some())
    }

    async fn reselect(&mut self, wire: &mut Wire, storage: &str) -> Result<Option<Reply>, End> {
        let Some(command) = Command::read_storage(storage) else { return Ok(None) };
        self.visit.storages.selected = None;
        let reply = self.ask(wire, &command).await?.ok();
        self.visit.storages.selected = reply.is_some().then(|| storage.to_owned());
        Ok(reply)
    }

    /// Takes in what came while nobody listened, or was left behind. Broken off when a message waits.
    pub(super) async fn sweep(&mut self, wire: &mut Wire) -> Result<(), End> {
        if self.visit.storages.all.is_empty() {
            // Still busy with its card, a modem may not have told when it was set up.
            self.visit.storages = self.report_storages(wire).await?;
        }
        self.visit.storages.swept = Some(now());
        for at in 0..self.visit.storages.all.len() {
            if self.is_wanted() {
                self.visit.storages.swept = None;
                break;
            }
            let name = self.visit.storages.all[at].name.clone();
            // Selecting it again makes the modem count what is in it.
            let Some(reply) = self.reselect(wire, &name).await? else { continue };
            let count = Count::read(&name, &reply);
            self.note_count(at, count.as_ref());
            if count.as_ref().is_some_and(|count| self.visit.storages.all[at].expected == Some(count.used)) {
                continue;
            }
            match &count {
                Some(Count { used: 0, .. }) => {}
                Some(count) if count.used > MOST_LISTED => self.walk(&name, count.total),
                _ => {
                    if !self.list(wire, &name).await? {
                        continue;
                    }
                }
            }
            self.visit.storages.all[at].expected = count.map(|count| count.used);
        }
        Ok(())
    }

    /// Has every place of a storage read when there is time.
    fn walk(&mut self, storage: &str, total: u32) {
        // Some count from 0, some from 1.
        for index in 0..=total.min(MOST_PLACES) {
            self.arrivals.look_into(Place { storage: storage.to_owned(), index });
        }
    }

    /// Deals with all that is in the storage that is selected; tells whether the modem lists it.
    async fn list(&mut self, wire: &mut Wire, storage: &str) -> Result<bool, End> {
        let Ok(listing) = self.ask(wire, &Command::list_messages()).await? else { return Ok(false) };
        // What goes by itself goes first, before anything has to.
        let (came_in, rest): (Vec<_>, Vec<_>) =
            listing.messages().partition(|stored| Arrival::decode(&stored.payload).is_some());
        for stored in came_in.into_iter().chain(rest) {
            let place = Place { storage: storage.to_owned(), index: stored.index };
            if !self.take_stored(&place, &stored.payload) {
                self.arrivals.announce(place);
            }
        }
        Ok(true)
    }

    /// Remembers how full a storage is. Says once when nothing more can come in.
    fn note_count(&mut self, at: usize, count: Option<&Count>) {
        let storage = &mut self.visit.storages.all[at];
        let full = count.is_some_and(|count| count.full);
        if full && !storage.full {
            tracing::warn!(
                modem.name = %self.name, storage = storage.name,
                "a storage of the modem is full, so neither reports nor messages come in; it is being emptied"
            );
        }
        storage.full = full;
        storage.excess = count.map_or(0, Count::excess);
    }
}

impl Count {
    fn read(storage: &str, reply: &Reply) -> Option<Self> {
        let fields = reply.fields();
        let number = |at: usize| fields.get(at).and_then(Field::number);
        let (used, total) = (number(0)?, number(1).unwrap_or(0));
        let is_full = |used: u32, total: u32| total > 0 && used >= total;
        // Reports have their storage to themselves. What else comes in goes where the modem says it does: when that is
        // full and this one is not, it is another one.
        let receives = match (number(4), number(5)) {
            (Some(used), Some(total)) if storage != "SR" => is_full(used, total),
            _ => true,
        };
        Some(Self { used, total, full: is_full(used, total) && receives })
    }

    /// How many must go so that a fifth is free.
    fn excess(&self) -> u32 {
        if self.total == 0 { 0 } else { self.used.saturating_sub(self.total - self.total.div_ceil(5)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excess(used: u32, total: u32) -> u32 {
        Count { used, total, full: false }.excess()
    }

    #[test]
    fn a_fifth_of_the_places_is_kept_free() {
        assert_eq!((excess(8, 10), excess(9, 10), excess(10, 10)), (0, 1, 2));
        assert_eq!((excess(0, 0), excess(3, 0)), (0, 0));
        assert_eq!((excess(24, 30), excess(30, 30)), (0, 6));
        assert_eq!(excess(u32::MAX, u32::MAX), u32::MAX / 5);
    }
}
