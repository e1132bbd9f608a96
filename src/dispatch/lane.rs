//! A lane: one modem's way through the queue.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::bell::Bell;
use super::conduct::Conduct;
use super::dispatcher::{Allowance, Budgets};
use super::ready::ReadySims;
use crate::clock::Moment;
use crate::ids::SimId;
use crate::message::{self, Next, Priority};
use crate::modem::{Health, Modem, Outcome, State, Submission};
use crate::store::{Assignment, Claim, Claimed, Settlement, Store, StoreError, SubmitResult};

/// How long a lane waits before it tries the store again, after the store could not write.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// A modem waits this long for the network in any case (design: 60 s when something else waits, 180 s when not), so
/// nobody looks for something that waits before.
const PATIENCE_MATTERS_AFTER: Duration = Duration::from_secs(45);

/// One modem's way through the queue.
pub(super) struct Lane {
    store: Store,
    modem: Modem,
    budgets: Budgets,
    ready_sims: ReadySims,
    bell: Bell,
    sending: watch::Sender<bool>,
    stop: CancellationToken,
    health: watch::Receiver<Health>,
    queue: watch::Receiver<u64>,
    /// It was woken by the bell, and another lane was not.
    rung: bool,
    /// The last commit for which it left something to another lane and rang on.
    passed_on: Option<u64>,
    /// What came of the last message, until the store has it.
    unsettled: Option<Settlement>,
    conduct: Conduct,
    /// How long the modem must be left alone after its last message.
    rest: Option<Duration>,
}

impl Lane {
    pub(super) fn new(
        store: Store,
        modem: Modem,
        (budgets, ready_sims, bell): (Budgets, ReadySims, Bell),
        sending: watch::Sender<bool>,
        stop: CancellationToken,
    ) -> Self {
        let (health, queue) = (modem.health(), store.queue());
        Self {
            store,
            modem,
            budgets,
            ready_sims,
            bell,
            sending,
            stop,
            health,
            queue,
            rung: false,
            passed_on: None,
            unsettled: None,
            conduct: Conduct::default(),
            rest: None,
        }
    }

    /// Takes message after message until stopped; settles the last one before it returns.
    ///
    /// # Errors
    /// [`StoreError::Gone`] when the store has ended.
    pub(super) async fn run(mut self) -> Result<(), StoreError> {
        while !self.stop.is_cancelled() {
            self.turn().await?;
        }
        self.ready_sims.leave(self.modem.name());
        self.settle().await
    }

    /// Takes one message and sends it, or waits until there may be something to do.
    async fn turn(&mut self) -> Result<(), StoreError> {
        let Some(sim) = self.ready() else { return self.stand_aside(None).await };
        let lowest = match self.budgets.allowance(&sim, self.store.clock().now()) {
            Allowance::Anything => {
                self.ready_sims.join(self.modem.name(), &sim);
                Priority::Bulk
            }
            Allowance::CodesOnly { .. } => {
                self.ready_sims.leave(self.modem.name());
                Priority::Otp
            }
            Allowance::Nothing { until } => return self.stand_aside(Some(until)).await,
        };
        // Before the look at the queue, so that no commit goes unheard.
        let commit = *self.queue.borrow_and_update();
        match self.next(&sim, lowest).await? {
            Some(Claimed::Part(assignment)) => {
                // There may be more for another lane.
                self.ring();
                self.send(&sim, assignment).await;
                self.rest().await
            }
            Some(Claimed::Nothing { next, for_others }) => {
                if for_others && self.passed_on != Some(commit) {
                    self.passed_on = Some(commit);
                    self.ring_on();
                }
                self.until_work(&sim, lowest, next).await;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Waits until the modem or its budget may allow something again.
    async fn stand_aside(&mut self, until: Option<Moment>) -> Result<(), StoreError> {
        self.ready_sims.leave(self.modem.name());
        self.ring_on();
        self.settle().await?;
        self.until_changed(until).await;
        Ok(())
    }

    /// Wakes another lane.
    fn ring(&mut self) {
        self.rung = false;
        self.bell.ring();
    }

    /// Whoever was rung and cannot take what may wait rings for the next. It listens no more until it can, or does so
    /// once for each commit only, so no ring goes round for ever.
    fn ring_on(&mut self) {
        if self.rung {
            self.ring();
        }
    }

    /// The SIM of a modem that can be given a message now.
    fn ready(&mut self) -> Option<SimId> {
        let health = self.health.borrow_and_update();
        match (&health.state, &health.sim) {
            (State::Ready, Some(sim)) => Some(sim.id.clone()),
            _ => None,
        }
    }

    /// Settles the last message and claims the next one, in one transaction. `None`: the store could not; ask again.
    async fn next(&mut self, sim: &SimId, lowest: Priority) -> Result<Option<Claimed>, StoreError> {
        let claim = Claim {
            modem: self.modem.name().clone(),
            sim: sim.clone(),
            lowest,
            others: self.ready_sims.others(self.modem.name()),
        };
        let claimed = match &self.unsettled {
            Some(settlement) => self.store.settle_and_claim(settlement.clone(), claim).await,
            None => self.store.claim(claim).await,
        };
        match claimed {
            Ok(claimed) => {
                self.unsettled = None;
                Ok(Some(claimed))
            }
            Err(StoreError::Gone) => Err(StoreError::Gone),
            Err(error) => {
                self.pause(&error).await;
                Ok(None)
            }
        }
    }

    /// Brings what came of the last message into the store, however long that takes.
    async fn settle(&mut self) -> Result<(), StoreError> {
        while let Some(settlement) = &self.unsettled {
            match self.store.settle(settlement.clone()).await {
                Ok(()) => self.unsettled = None,
                Err(StoreError::Gone) => return Err(StoreError::Gone),
                Err(error) => {
                    self.pause(&error).await;
                    if self.stop.is_cancelled() {
                        // On the next start the row is found as `sending` and becomes in doubt, which it is.
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    async fn pause(&self, error: &StoreError) {
        tracing::warn!(modem.name = %self.modem.name(), %error, "the queue cannot be reached; trying again");
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(STORE_PAUSE) => {}
        }
    }

    /// Hands one part to the modem and notes what came of it.
    async fn send(&mut self, sim: &SimId, assignment: Assignment) {
        let message = assignment.message;
        let started = self.store.clock().now();
        let (patience, waiting) = watch::channel(false);
        let submit = self.modem.submit(Submission {
            message,
            to: assignment.to.clone(),
            text: assignment.text.clone(),
            part: assignment.part,
            concat_reference: assignment.concat_reference,
            deadline: assignment.deadline,
            class0: assignment.class0,
            replace: assignment.replace,
            patience: waiting,
        });
        self.sending.send_replace(true);
        let outcome = tokio::select! {
            outcome = submit => outcome,
            never = tell_when_something_waits(&self.store, &patience) => match never {},
        };
        let now = self.store.clock().now();
        self.rest = self.conduct.after(&outcome);
        let result = result(outcome, &assignment, now);
        if result.spends_budget() {
            self.budgets.record(sim, now);
        }
        self.sending.send_replace(false);
        let duration_ms = now.since(started).as_millis();
        let (what, why) = words(&result);
        tracing::info!(
            message.id = %message,
            modem.name = %self.modem.name(),
            to = %assignment.to,
            part = assignment.part + 1,
            parts = assignment.parts,
            why,
            duration_ms,
            "{what}"
        );
        self.unsettled = Some(Settlement { attempt: assignment.attempt, message, part: assignment.part, result });
    }

    /// After a fault of the modem, gives the message back at once and leaves the queue to the other lanes for a while.
    async fn rest(&mut self) -> Result<(), StoreError> {
        let Some(rest) = self.rest.take() else { return Ok(()) };
        self.ready_sims.leave(self.modem.name());
        self.settle().await?;
        self.ring();
        let until = self.store.clock().now() + rest;
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = self.store.clock().sleep_until(until) => {}
        }
        Ok(())
    }

    /// Waits for work: a ring, the moment the next retry is due, more budget, or a change of the modem.
    ///
    /// A lane that may take codes only must not be the one that a text wakes: it watches the queue by itself.
    async fn until_work(&mut self, sim: &SimId, lowest: Priority, next: Option<Moment>) {
        if lowest == Priority::Otp {
            self.ring_on();
            let more_budget = match self.budgets.allowance(sim, self.store.clock().now()) {
                Allowance::CodesOnly { until } | Allowance::Nothing { until } => Some(until),
                Allowance::Anything => return,
            };
            let mut queue = self.queue.clone();
            tokio::select! {
                _ = queue.changed() => {}
                () = self.until_changed([next, more_budget].into_iter().flatten().min()) => {}
            }
        } else {
            let bell = self.bell.clone();
            self.rung = tokio::select! {
                () = bell.rung() => true,
                () = self.until_changed(next) => false,
            };
        }
    }

    /// Waits until the modem's state changes, `moment` comes, or the lane is stopped.
    async fn until_changed(&mut self, moment: Option<Moment>) {
        let clock = self.store.clock();
        let due = async {
            match moment {
                Some(moment) => clock.sleep_until(moment).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = due => {}
            changed = self.health.changed() => {
                if changed.is_err() {
                    // The modem's task has ended; the daemon is about to.
                    self.stop.cancelled().await;
                }
            }
        }
    }
}

/// Tells the modem once something else waits, which shortens how long it hopes for an answer.
async fn tell_when_something_waits(store: &Store, patience: &watch::Sender<bool>) -> std::convert::Infallible {
    tokio::time::sleep(PATIENCE_MATTERS_AFTER).await;
    let mut queue = store.queue();
    loop {
        queue.mark_unchanged();
        let something_waits = store.counts().await.is_ok_and(|counts| counts.queued > 0);
        patience.send_if_modified(|told| std::mem::replace(told, something_waits) != something_waits);
        if queue.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(STORE_PAUSE).await;
    }
}

fn result(outcome: Outcome, assignment: &Assignment, now: Moment) -> SubmitResult {
    match outcome {
        Outcome::Sent { reference } => SubmitResult::Sent { reference },
        Outcome::Failed { class, code, reason } => {
            let next: Next = message::after_failure(class, assignment.failures, assignment.deadline, now);
            SubmitResult::Failed { class, code, reason, next }
        }
        Outcome::InDoubt { reason } => SubmitResult::InDoubt { reason },
        Outcome::NotReady { reason } => SubmitResult::NotReady { reason },
        Outcome::Expired => SubmitResult::Expired,
    }
}

/// What came of an attempt, for the log.
fn words(result: &SubmitResult) -> (&'static str, Option<&str>) {
    match result {
        SubmitResult::Sent { .. } => ("sent", None),
        SubmitResult::Failed { reason, next: Next::Fail, .. } => ("failed", Some(reason)),
        SubmitResult::Failed { reason, next: Next::RetryAt(_), .. } => ("failed for now", Some(reason)),
        SubmitResult::Failed { reason, next: Next::OtherModem, .. } => ("failed on this modem", Some(reason)),
        SubmitResult::InDoubt { reason } => ("in doubt", Some(reason)),
        SubmitResult::NotReady { reason } => ("given back by the modem", Some(reason)),
        SubmitResult::Expired => ("expired", None),
    }
}
