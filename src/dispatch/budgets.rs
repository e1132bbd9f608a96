//! What the SIMs may still send.
//!
//! A budget is a SIM's own: whichever modem it is put into, what it has sent counts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::Moment;
use crate::ids::SimId;
use crate::limits::{Budget, BudgetLeft, BudgetSettings};
use crate::message::Priority;

/// The sending budgets, one for each SIM that was seen. Cheap to clone; all clones share the budgets.
///
/// A mutex of the standard library does: it is held for the few steps of a look-up, never across an `await`.
#[derive(Clone, Debug)]
pub struct Budgets {
    settings: BudgetSettings,
    by_sim: Arc<Mutex<HashMap<SimId, Budget>>>,
}

impl Budgets {
    pub(super) fn new(settings: &BudgetSettings) -> Self {
        Self { settings: settings.clone(), by_sim: Arc::default() }
    }

    /// What this SIM may still send.
    #[must_use]
    pub fn left(&self, sim: &SimId, now: Moment) -> BudgetLeft {
        self.with(sim, |budget| budget.left(now))
    }

    /// Counts one part handed to the network through this SIM.
    pub(super) fn record(&self, sim: &SimId, moment: Moment) {
        self.with(sim, |budget| budget.record(moment));
    }

    /// What this SIM may send now.
    pub(super) fn allowance(&self, sim: &SimId, now: Moment) -> Allowance {
        self.with(sim, |budget| match (budget.next_free(Priority::Bulk, now), budget.next_free(Priority::Otp, now)) {
            (None, _) => Allowance::Anything,
            (Some(again), None) => Allowance::CodesOnly { until: again },
            (Some(_), Some(again)) => Allowance::Nothing { until: again },
        })
    }

    fn with<T>(&self, sim: &SimId, look: impl FnOnce(&mut Budget) -> T) -> T {
        // A panic while the lock was held leaves at worst one submission uncounted.
        let mut by_sim = self.by_sim.lock().unwrap_or_else(PoisonError::into_inner);
        look(by_sim.entry(sim.clone()).or_insert_with(|| Budget::new(&self.settings)))
    }
}

/// What a SIM's budget allows at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowance {
    /// Messages of every priority.
    Anything,
    /// One-time codes; the rest of the budget is kept for them until this moment.
    CodesOnly { until: Moment },
    /// Nothing before this moment.
    Nothing { until: Moment },
}
