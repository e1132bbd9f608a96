//! Which modem sends with which SIM now.
//!
//! No two modems send with one SIM at a time: a modem that has not noticed yet that its SIM was taken out keeps it until
//! it fails with it. And it is known which SIMs could take any message: a recipient's own SIM is waited for a little.

use std::collections::BTreeMap;

use tokio::sync::watch;

use crate::ids::{ModemName, SimId};
use crate::store::Neighbour;

/// The SIMs that modems send with. Cheap to clone; all clones share the list.
#[derive(Clone, Debug, Default)]
pub(super) struct ReadySims(watch::Sender<BTreeMap<ModemName, Held>>);

/// A SIM that a modem sends with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    sim: SimId,
    /// There is budget left for messages of every priority.
    takes_all: bool,
}

impl ReadySims {
    /// This modem sends with this SIM from now on, also while it is at a message, until it leaves.
    ///
    /// # Errors
    /// The modem that sends with this SIM already; this one has left then.
    pub(super) fn join(&self, modem: &ModemName, sim: &SimId, takes_all: bool) -> Result<(), ModemName> {
        let mut holder = None;
        self.0.send_if_modified(|sims| {
            holder =
                sims.iter().find(|(other, held)| *other != modem && held.sim == *sim).map(|(other, _)| other.clone());
            if holder.is_some() {
                return sims.remove(modem).is_some();
            }
            let held = Held { sim: sim.clone(), takes_all };
            let new = sims.get(modem) != Some(&held);
            if new {
                sims.insert(modem.clone(), held);
            }
            new
        });
        holder.map_or(Ok(()), Err)
    }

    /// This modem sends with no SIM.
    pub(super) fn leave(&self, modem: &ModemName) {
        self.0.send_if_modified(|sims| sims.remove(modem).is_some());
    }

    /// The other modems whose SIM could take any message.
    pub(super) fn others(&self, modem: &ModemName) -> Vec<Neighbour> {
        let sims = self.0.borrow();
        let others = sims.iter().filter(|(other, held)| *other != modem && held.takes_all);
        others.map(|(modem, held)| Neighbour { modem: modem.clone(), sim: held.sim.clone() }).collect()
    }

    /// Changes whenever the list does. Take it before looking at the list, so that no change is missed.
    pub(super) fn subscribe(&self) -> watch::Receiver<BTreeMap<ModemName, Held>> {
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
        assert_eq!(ready.join(&a, &sim, true), Ok(()));
        assert_eq!((ready.others(&a), ready.others(&b)), (vec![], vec![Neighbour { modem: a.clone(), sim }]));
    }

    #[test]
    fn a_sim_that_is_kept_for_codes_is_not_waited_for() {
        let (ready, a, b, sim) = sims();
        assert_eq!(ready.join(&a, &sim, false), Ok(()));
        assert_eq!(ready.others(&b), vec![]);
    }

    #[test]
    fn a_sim_is_sent_with_by_one_modem_until_that_leaves() {
        let (ready, a, b, sim) = sims();
        assert_eq!(ready.join(&a, &sim, true), Ok(()));
        assert_eq!(ready.join(&b, &sim, true), Err(a.clone()));
        assert_eq!(ready.join(&a, &sim, true), Ok(()), "its own");
        ready.leave(&a);
        assert_eq!(ready.join(&b, &sim, true), Ok(()));
        assert_eq!(ready.join(&a, &sim, true), Err(b));
    }

    #[test]
    fn a_modem_that_finds_its_new_sim_taken_lets_go_of_the_old_one() {
        let (ready, a, b, sim) = sims();
        let other = SimId::from_stored("2".to_owned());
        assert_eq!((ready.join(&a, &sim, true), ready.join(&b, &other, true)), (Ok(()), Ok(())));
        assert_eq!(ready.join(&a, &other, true), Err(b.clone()));
        assert_eq!(ready.join(&b, &sim, true), Ok(()));
    }

    #[test]
    fn only_what_is_new_counts_as_a_change() {
        let (ready, a, _, sim) = sims();
        assert_eq!(ready.join(&a, &sim, true), Ok(()));
        let seen = ready.subscribe();
        assert_eq!(ready.join(&a, &sim, true), Ok(()));
        assert!(!seen.has_changed().unwrap());
        ready.leave(&a);
        assert!(seen.has_changed().unwrap());
    }
}
