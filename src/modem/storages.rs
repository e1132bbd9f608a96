//! The modem's storages: which of them is being read, and what has gathered there unannounced.

use std::time::{Duration, Instant};

use super::actor::{Actor, End};
use super::arrivals::{Origin, decode};
use super::wire::{Wire, now};
use crate::at::{Command, Field, Place, Reply};

/// How often the storages are looked through for what was not announced, or could not be read when it was: at every
/// slow look. A tight loop of listings makes some modems fail.
const SWEEP_AFTER: Duration = Duration::from_secs(240);

/// The storages that may hold reports.
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
    /// How many messages were in it when it was listed last.
    listed: Option<u32>,
    full: bool,
}

impl Storages {
    pub(super) fn new(names: impl Iterator<Item = String>) -> Self {
        let all = names.map(|name| Storage { name, listed: None, full: false }).collect();
        Self { all, selected: None, swept: None }
    }

    pub(super) fn sweep_due(&self) -> bool {
        self.swept.is_none_or(|swept| now() >= swept + SWEEP_AFTER)
    }

    /// Something was left behind in this storage, which the next sweep shall find.
    pub(super) fn list_again(&mut self, name: &str) {
        self.all.iter_mut().filter(|storage| storage.name == name).for_each(|storage| storage.listed = None);
    }

    /// Things were left behind, and nobody knows where.
    pub(super) fn sweep_soon(&mut self) {
        self.swept = None;
        self.all.iter_mut().for_each(|storage| storage.listed = None);
    }
}

impl Actor {
    /// Makes this the storage that is read and deleted in; tells whether it is.
    pub(super) async fn select(&mut self, wire: &mut Wire, storage: &str) -> Result<bool, End> {
        if self.storages.selected.as_deref() == Some(storage) {
            return Ok(true);
        }
        Ok(self.reselect(wire, storage).await?.is_some())
    }

    async fn reselect(&mut self, wire: &mut Wire, storage: &str) -> Result<Option<Reply>, End> {
        let Some(command) = Command::read_storage(storage) else { return Ok(None) };
        self.storages.selected = None;
        let reply = self.ask(wire, &command).await?.ok();
        self.storages.selected = reply.is_some().then(|| storage.to_owned());
        Ok(reply)
    }

    /// Takes in the reports that came while nobody listened, or were left behind. Broken off when a message waits.
    pub(super) async fn sweep(&mut self, wire: &mut Wire) -> Result<(), End> {
        self.storages.swept = Some(now());
        for at in 0..self.storages.all.len() {
            if self.is_wanted() {
                break;
            }
            let name = self.storages.all[at].name.clone();
            // Selecting it again makes the modem count what is in it.
            let Some(reply) = self.reselect(wire, &name).await? else { continue };
            let used = self.count(at, &reply);
            if used.is_some() && used == self.storages.all[at].listed {
                continue;
            }
            let Ok(listing) = self.ask(wire, &Command::list_messages()).await? else { continue };
            self.storages.all[at].listed = used;
            for stored in listing.messages() {
                let place = Place { storage: name.clone(), index: stored.index };
                // What is no report is a message to the modem, and not touched.
                let Some(report) = decode(&stored.payload) else { continue };
                if !self.hold(report, Origin::Stored(place.clone())) {
                    self.arrivals.announce(place);
                }
            }
        }
        Ok(())
    }

    /// `+CPMS: <used>,<total>…`: how many messages are in the storage. Says once when it is full.
    fn count(&mut self, at: usize, reply: &Reply) -> Option<u32> {
        let fields = reply.fields();
        let used = fields.first().and_then(Field::number)?;
        let full = fields.get(1).and_then(Field::number).is_some_and(|total| total > 0 && used >= total);
        let storage = &mut self.storages.all[at];
        if full && !storage.full {
            tracing::warn!(
                modem.name = %self.name, storage = storage.name, used,
                "a storage of the modem is full, so status reports may not arrive; delete old messages from it"
            );
        }
        storage.full = full;
        Some(used)
    }
}
