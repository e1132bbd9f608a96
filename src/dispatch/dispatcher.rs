//! The dispatcher: one lane for each modem, one sweeper, and the budgets of the SIMs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::lane::Lane;
use super::ready::ReadySims;
use super::sweeper;
use crate::clock::Moment;
use crate::ids::SimId;
use crate::limits::{Budget, BudgetLeft, BudgetSettings};
use crate::message::Priority;
use crate::modem::Modem;
use crate::store::{Store, StoreError};

/// Brings messages from the store to the modems until it is stopped.
#[derive(Debug)]
pub struct Dispatcher {
    store: Store,
    modems: Vec<Modem>,
    budgets: Budgets,
    sending: Vec<watch::Sender<bool>>,
    stop: CancellationToken,
}

impl Dispatcher {
    /// A dispatcher over these modems. What their SIMs have sent within the last day counts against `settings`.
    ///
    /// # Errors
    /// Whatever the store says when it is asked for what was sent.
    pub async fn new(
        store: Store,
        modems: Vec<Modem>,
        settings: &BudgetSettings,
        stop: CancellationToken,
    ) -> Result<Self, StoreError> {
        let budgets = Budgets::new(settings);
        for (sim, moment) in store.recent_submissions(store.clock().now() - Budget::LOOKS_BACK).await? {
            budgets.record(&sim, moment);
        }
        let sending = modems.iter().map(|_| watch::Sender::new(false)).collect();
        Ok(Self { store, modems, budgets, sending, stop })
    }

    /// The budgets, to look at.
    #[must_use]
    pub fn budgets(&self) -> Budgets {
        self.budgets.clone()
    }

    /// What the lanes are doing, to look at.
    #[must_use]
    pub fn lanes(&self) -> Lanes {
        Lanes(self.sending.iter().map(watch::Sender::subscribe).collect())
    }

    /// Works until stopped. What is in flight then is settled first.
    ///
    /// # Errors
    /// [`StoreError::Gone`] when the store has ended.
    ///
    /// # Panics
    /// When one of its tasks panicked, so that whoever runs the dispatcher learns of it.
    pub async fn run(self) -> Result<(), StoreError> {
        let Self { store, modems, budgets, sending, stop } = self;
        let ready_sims = ReadySims::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(sweeper::sweep(store.clone(), stop.clone()));
        for (modem, sending) in modems.into_iter().zip(sending) {
            let shared = (budgets.clone(), ready_sims.clone());
            let lane = Lane::new(store.clone(), modem, shared, sending, stop.clone());
            tasks.spawn(lane.run());
        }
        let mut ended = Ok(());
        while let Some(task) = tasks.join_next().await {
            match task {
                Ok(result) => ended = ended.and(result),
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Err(_) => {}
            }
        }
        ended
    }
}

/// Which lanes are sending, in the order of the modems that the dispatcher was made with.
#[derive(Clone, Debug)]
pub struct Lanes(Vec<watch::Receiver<bool>>);

impl Lanes {
    /// Whether this modem's lane is sending, now and from now on.
    ///
    /// # Panics
    /// When there is no such modem.
    #[must_use]
    pub fn sending(&self, modem: usize) -> watch::Receiver<bool> {
        self.0[modem].clone()
    }
}

/// The sending budgets, one for each SIM that was seen. Cheap to clone; all clones share the budgets.
///
/// A mutex of the standard library does: it is held for the few steps of a look-up, never across an `await`.
#[derive(Clone, Debug)]
pub struct Budgets {
    settings: BudgetSettings,
    by_sim: Arc<Mutex<HashMap<SimId, Budget>>>,
}

impl Budgets {
    fn new(settings: &BudgetSettings) -> Self {
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
