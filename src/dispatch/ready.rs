//! Which modem sends with which SIM now.
//!
//! No two modems send with one SIM at a time: a modem that has not noticed yet that its SIM was taken out keeps it until
//! it fails with it. And it is known which SIMs could take any message: a recipient's own SIM is waited for a little.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

use crate::ids::{ModemName, SimId};
use crate::store::Neighbour;

/// The SIMs that modems send with. Cheap to clone; all clones share the list.
///
/// Those who wait for a change are woken in the order in which they came, which a watch channel does not promise: so the
/// modems keep their places in the line.
#[derive(Clone, Debug, Default)]
pub(super) struct ReadySims {
    sims: Arc<Mutex<BTreeMap<ModemName, Held>>>,
    changed: Arc<Notify>,
}

/// A SIM that a modem sends with.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Held {
    sim: SimId,
    /// It could be given a message of every priority soon: there is budget left, and it is not held up.
    takes_all: bool,
}

impl ReadySims {
    /// This modem sends with this SIM from now on, also while it is at a message, until it leaves.
    ///
    /// # Errors
    /// The modem that sends with this SIM already; this one has left then.
    pub(super) fn join(&self, modem: &ModemName, sim: &SimId, takes_all: bool) -> Result<(), ModemName> {
        let mut sims = self.sims();
        let holder = sims.iter().find(|(other, held)| *other != modem && held.sim == *sim);
        if let Some(holder) = holder.map(|(other, _)| other.clone()) {
            drop(sims);
            self.leave(modem);
            return Err(holder);
        }
        let held = Held { sim: sim.clone(), takes_all };
        if sims.get(modem) != Some(&held) {
            sims.insert(modem.clone(), held);
            self.changed.notify_waiters();
        }
        Ok(())
    }

    /// This modem is at one message for longer than usual: until it joins again, nothing is left to its SIM.
    pub(super) fn hold_up(&self, modem: &ModemName) {
        let mut sims = self.sims();
        if let Some(held) = sims.get_mut(modem)
            && std::mem::take(&mut held.takes_all)
        {
            self.changed.notify_waiters();
        }
    }

    /// This modem sends with no SIM.
    pub(super) fn leave(&self, modem: &ModemName) {
        if self.sims().remove(modem).is_some() {
            self.changed.notify_waiters();
        }
    }

    /// The other modems whose SIM could take any message.
    pub(super) fn others(&self, modem: &ModemName) -> Vec<Neighbour> {
        let sims = self.sims();
        let others = sims.iter().filter(|(other, held)| *other != modem && held.takes_all);
        others.map(|(modem, held)| Neighbour { modem: modem.clone(), sim: held.sim.clone() }).collect()
    }

    /// Is done at the next change of the list. Take it before looking at the list, so that no change is missed.
    pub(super) fn changed(&self) -> OwnedNotified {
        Arc::clone(&self.changed).notified_owned()
    }

    fn sims(&self) -> MutexGuard<'_, BTreeMap<ModemName, Held>> {
        // No step in between leaves the list half changed.
        self.sims.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    fn sims() -> (ReadySims, ModemName, ModemName, SimId) {
        let (a, b) = ("a".parse().unwrap(), "b".parse().unwrap());
        (ReadySims::default(), a, b, SimId::from_stored("1".to_owned()))
    }

    /// Tells, whenever it is asked, whether this is done.
    fn asking(future: impl Future<Output = ()>) -> impl FnMut() -> bool {
        let mut future = Box::pin(future);
        move || future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
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
    fn a_sim_that_is_held_up_is_not_waited_for_until_its_modem_is_through() {
        let (ready, a, b, sim) = sims();
        assert_eq!(ready.join(&a, &sim, true), Ok(()));
        let mut changed = asking(ready.changed());
        ready.hold_up(&a);
        assert_eq!((changed(), ready.others(&b)), (true, vec![]));
        assert_eq!(ready.join(&b, &sim, true), Err(a.clone()), "it is still its own");
        assert_eq!(ready.join(&a, &sim, true), Ok(()));
        assert_eq!(ready.others(&b), [Neighbour { modem: a, sim }]);
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
        let mut changed = asking(ready.changed());
        assert_eq!(ready.join(&a, &sim, true), Ok(()));
        assert!(!changed());
        ready.leave(&a);
        assert!(changed());
    }
}
