//! Which lanes could take any message now: what a recipient's own SIM is waited for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::ids::{ModemName, SimId};

/// The SIMs that are ready and have budget left for everything. Cheap to clone; all clones share the list.
///
/// A mutex of the standard library does: it is held for the few steps of a look-up, never across an `await`.
#[derive(Clone, Debug, Default)]
pub(super) struct ReadySims(Arc<Mutex<HashMap<ModemName, SimId>>>);

impl ReadySims {
    /// This modem's SIM could take any message. It stays so while the modem is at one.
    pub(super) fn join(&self, modem: &ModemName, sim: &SimId) {
        let mut sims = self.sims();
        if sims.get(modem) != Some(sim) {
            sims.insert(modem.clone(), sim.clone());
        }
    }

    /// This modem's SIM could not.
    pub(super) fn leave(&self, modem: &ModemName) {
        self.sims().remove(modem);
    }

    /// The SIMs of all modems but this one.
    pub(super) fn others(&self, modem: &ModemName) -> Vec<SimId> {
        self.sims().iter().filter(|(other, _)| *other != modem).map(|(_, sim)| sim.clone()).collect()
    }

    fn sims(&self) -> MutexGuard<'_, HashMap<ModemName, SimId>> {
        // A panic while the lock was held leaves at worst one SIM too many or too few.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
