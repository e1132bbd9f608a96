//! The dispatcher: one lane for each modem, and one sweeper.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::budgets::Budgets;
use super::lane::Lane;
use super::pool::{Newcomer, Pool};
use super::ready::ReadySims;
use super::sweeper;
use crate::limits::{Budget, BudgetSettings};
use crate::notify::{self, Beat};
use crate::store::{Store, StoreError};

/// So long after a part was taken from the queue the network is asked at the latest, once the modem has prompted.
const ASKED_WITHIN: Duration = Duration::from_secs(15);

/// Brings messages from the store to the modems of its [`Pool`] until it is stopped.
#[derive(Debug)]
pub struct Dispatcher {
    store: Store,
    budgets: Budgets,
    newcomers: mpsc::UnboundedReceiver<(Newcomer, Beat)>,
    sweeping: Beat,
    stop: CancellationToken,
}

impl Dispatcher {
    /// A dispatcher and the pool of its modems, which is empty. What a SIM has sent within the last day counts against
    /// `settings`.
    ///
    /// # Errors
    /// Whatever the store says when it is asked for what was sent.
    pub async fn new(
        store: Store,
        settings: &BudgetSettings,
        stop: CancellationToken,
    ) -> Result<(Self, Pool), StoreError> {
        let (budgets, now) = (Budgets::new(settings), store.clock().now());
        for (sim, begun) in store.recent_submissions(now - Budget::LOOKS_BACK).await? {
            budgets.record(&sim, now.min(begun + ASKED_WITHIN));
        }
        let (sweeper, sweeping) = notify::pulse();
        let (pool, newcomers) = Pool::new(budgets.clone(), sweeper);
        Ok((Self { store, budgets, newcomers, sweeping, stop }, pool))
    }

    /// Works until stopped, with or without modems. What is in flight then is settled first.
    ///
    /// # Errors
    /// [`StoreError::Gone`] when the store has ended.
    ///
    /// # Panics
    /// When one of its tasks panicked, so that whoever runs the dispatcher learns of it.
    pub async fn run(self) -> Result<(), StoreError> {
        let Self { store, budgets, mut newcomers, sweeping, stop } = self;
        let ready_sims = ReadySims::default();
        let mut tasks = JoinSet::new();
        // Runs until stopped, so that there is always a task to wait for.
        tasks.spawn(sweeping.of(sweeper::sweep(store.clone(), stop.clone())));
        let mut ended = Ok(());
        loop {
            let task = tokio::select! {
                biased;
                Some((newcomer, beat)) = newcomers.recv() => {
                    let shared = (budgets.clone(), ready_sims.clone());
                    tasks.spawn(beat.of(Lane::new(store.clone(), newcomer, shared, stop.clone()).run()));
                    continue;
                }
                task = tasks.join_next() => task,
            };
            match task {
                Some(Ok(result)) => ended = ended.and(result),
                Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Some(Err(_)) => {}
                None => return ended,
            }
        }
    }
}
