//! Which SIMs could take any message now: what a recipient's own SIM is waited for.

use std::collections::BTreeMap;

use tokio::sync::watch;

use crate::ids::{ModemName, SimId};

/// The SIMs that are ready and have budget left for everything. Cheap to clone; all clones share the list.
#[derive(Clone, Debug, Default)]
pub(super) struct ReadySims(watch::Sender<BTreeMap<ModemName, SimId>>);

impl ReadySims {
    /// This modem's SIM could take any message. It stays so while the modem is at one.
    pub(super) fn join(&self, modem: &ModemName, sim: &SimId) {
        self.0.send_if_modified(|sims| {
            let new = sims.get(modem) != Some(sim);
            if new {
                sims.insert(modem.clone(), sim.clone());
            }
            new
        });
    }

    /// This modem's SIM could not.
    pub(super) fn leave(&self, modem: &ModemName) {
        self.0.send_if_modified(|sims| sims.remove(modem).is_some());
    }

    /// The SIMs of all modems but this one.
    pub(super) fn others(&self, modem: &ModemName) -> Vec<SimId> {
        self.0.borrow().iter().filter(|(other, _)| *other != modem).map(|(_, sim)| sim.clone()).collect()
    }

    /// Changes whenever the list does. Take it before looking at the list, so that no change is missed.
    pub(super) fn subscribe(&self) -> watch::Receiver<BTreeMap<ModemName, SimId>> {
        self.0.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sims() -> (ReadySims, ModemName, ModemName, SimId) {
        let (a, b) = ("a".parse().unwrap(), "b".parse().unwrap());
        (ReadySims::default(), a, b, SimId::from_stored("1".to_owned()))
    }

    #[test]
    fn a_modem_does_not_see_itself() {
        let (ready, a, b, sim) = sims();
        ready.join(&a, &sim);
        assert_eq!((ready.others(&a), ready.others(&b)), (vec![], vec![sim]));
    }

    #[test]
    fn only_what_is_new_counts_as_a_change() {
        let (ready, a, _, sim) = sims();
        ready.join(&a, &sim);
        let seen = ready.subscribe();
        ready.join(&a, &sim);
        assert!(!seen.has_changed().unwrap());
        ready.leave(&a);
        assert!(seen.has_changed().unwrap());
    }
}
