//! A lane: one modem's way through the queue.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::budgets::{Allowance, Budgets};
use super::conduct::{Cause, Conduct, Judgement, Rest, Tried};
use super::home::Home;
use super::outcome;
use super::pool::{LaneState, Newcomer, Resting};
use super::ready::ReadySims;
use crate::clock::Moment;
use crate::ids::{MessageId, ModemName, SimId};
use crate::message::{self, FailureClass, Priority};
use crate::modem::{Health, Modem, Outcome, State, Submission};
use crate::store::{Assignment, Claim, Claimed, DrainedModems, Patience, Settlement, Store, StoreError, SubmitResult};

/// How often at most it is asked whether something waits for a modem that is sending.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// How long a barred SIM is told as such after the last try: until the next one, as long as anything waits for it.
const BARRED_FOR: Duration = message::LONGEST_SIM_PAUSE.saturating_add(Duration::from_secs(60));

/// A network takes a message in some seconds. From then on its modem's SIM is not one to wait for.
const HELD_UP_AFTER: Duration = Duration::from_secs(10);

/// A modem waits this long for the network in any case (design: 60 s when something else waits, 180 s when not), so
/// nobody looks for something that waits before.
const PATIENCE_MATTERS_AFTER: Duration = Duration::from_secs(45);

/// One modem's way through the queue.
pub(super) struct Lane {
    store: Store,
    modem: Modem,
    budgets: Budgets,
    ready_sims: ReadySims,
    state: watch::Sender<LaneState>,
    stop: CancellationToken,
    health: watch::Receiver<Health>,
    /// The modems that somebody has taken out of use.
    drained: watch::Receiver<DrainedModems>,
    /// What came of the last message, until the store has it.
    unsettled: Option<Settlement>,
    /// With a store that refuses.
    patience: Patience,
    /// The message of which the modem has sent the last part, but not all.
    unfinished: Option<MessageId>,
    conduct: Conduct,
    /// The modem must be left alone after its last message.
    rest: Option<Rest>,
    /// The SIM in it when it was last given something.
    sim: Option<SimId>,
    home: Home,
    /// What the network says of that SIM, whoever the recipient is, and until when that is shown.
    barred: Option<(Moment, Resting)>,
}

impl Lane {
    pub(super) fn new(
        store: Store,
        (modem, state): Newcomer,
        (budgets, ready_sims): (Budgets, ReadySims),
        stop: CancellationToken,
    ) -> Self {
        let (health, drained) = (modem.health(), store.drained());
        Self {
            store,
            modem,
            budgets,
            ready_sims,
            state,
            stop,
            health,
            drained,
            unsettled: None,
            patience: Patience::default(),
            unfinished: None,
            conduct: Conduct::default(),
            rest: None,
            sim: None,
            home: Home::default(),
            barred: None,
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
        // Before anything is looked at, so that no change is missed.
        let sims = self.ready_sims.changed();
        let only = self.unfinished.filter(|_| self.is_drained());
        let Some(sim) = self.ready(only.is_some()) else { return self.stand_aside(None, None).await };
        let (lowest, until) = match self.budgets.allowance(&sim, self.store.clock().now()) {
            Allowance::Anything => (Priority::Bulk, None),
            Allowance::CodesOnly { until } => (Priority::Otp, Some(until)),
            Allowance::Nothing { until } => {
                let barred = self.barred().map(|(_, resting)| resting);
                return self.stand_aside(Some(until), barred).await;
            }
        };
        if let Err(holder) = self.ready_sims.join(self.modem.name(), &sim, lowest == Priority::Bulk) {
            return self.wait_for_sim(&holder, sims).await;
        }
        if self.sim.as_ref() != Some(&sim) {
            // Nothing is known of this one.
            (self.conduct, self.barred, self.sim) = (Conduct::default(), None, Some(sim.clone()));
        }
        let barred = self.barred();
        let until = barred.as_ref().map(|(until, _)| *until).into_iter().chain(until).min();
        self.show_rest(barred.map(|(_, resting)| resting));
        let imsi = self.health.borrow().sim.as_ref().and_then(|sim| sim.imsi.clone());
        self.home.note(&self.store, self.modem.name(), imsi).await?;
        match self.next(&sim, lowest, until, only).await? {
            None => {}
            // It was assigned in the moment of the stop.
            Some(assignment) if self.stop.is_cancelled() => {
                let reason = "the daemon stopped before the modem was given the part".to_owned();
                self.came_to(&assignment, SubmitResult::NotReady { reason });
            }
            Some(assignment) => {
                self.send(&sim, assignment).await;
                self.rest().await?;
            }
        }
        Ok(())
    }

    /// Waits until the modem or its budget may allow something again.
    async fn stand_aside(&mut self, until: Option<Moment>, resting: Option<Resting>) -> Result<(), StoreError> {
        self.ready_sims.leave(self.modem.name());
        self.show_rest(resting);
        self.settle().await?;
        self.until_changed(until).await;
        Ok(())
    }

    /// Whether somebody has taken the modem out of use.
    fn is_drained(&mut self) -> bool {
        self.drained.borrow_and_update().contains_key(self.modem.name())
    }

    /// Waits until the SIM may be free that another modem sends with.
    async fn wait_for_sim(&mut self, holder: &ModemName, sims: impl Future<Output = ()>) -> Result<(), StoreError> {
        self.settle().await?;
        let reason = format!("the SIM in it is in use by the modem {holder}");
        let advice = "Wait until that modem has noticed that its SIM is gone; if it goes on, restart that modem.";
        self.show_rest(Some(Resting {
            reason,
            advice: advice.to_owned(),
            since: self.store.clock().wall(),
            until: None,
        }));
        tokio::select! {
            biased;
            () = self.until_changed(None) => {}
            () = sims => {}
        }
        Ok(())
    }

    /// Shows what the modem rests for. What is shown already goes on.
    fn show_rest(&self, resting: Option<Resting>) {
        self.state.send_if_modified(|state| {
            let reason = |resting: &Option<Resting>| resting.as_ref().map(|resting| resting.reason.clone());
            let is_other = reason(&state.resting) != reason(&resting);
            match (&mut state.resting, resting) {
                (Some(shown), Some(resting)) if !is_other => shown.until = resting.until,
                (shown, resting) => *shown = resting,
            }
            is_other
        });
    }

    /// Shows that the modem is at nothing any more, and what the network says when it refuses everything.
    fn show_outcome(&self, sent: bool, refused: Option<String>) {
        if let Some(said) = refused.as_ref().filter(|_| self.state.borrow().refused.is_none()) {
            let modem = self.modem.name();
            tracing::warn!(modem.name = %modem, said, "the network refuses one message after the other");
        }
        self.state.send_modify(|state| {
            state.sending = false;
            if sent || refused.is_some() {
                state.refused = refused;
            }
        });
    }

    /// The SIM of a modem that can be given a message now.
    fn ready(&mut self, although_drained: bool) -> Option<SimId> {
        if self.is_drained() && !although_drained {
            return None;
        }
        let health = self.health.borrow_and_update();
        match (&health.state, &health.sim) {
            (State::Ready, Some(sim)) => Some(sim.id.clone()),
            _ => None,
        }
    }

    /// Settles the last message and takes the next one, in one transaction when one waits already. `None`: something
    /// has changed that must be looked at first.
    async fn next(
        &mut self,
        sim: &SimId,
        lowest: Priority,
        until: Option<Moment>,
        only: Option<MessageId>,
    ) -> Result<Option<Assignment>, StoreError> {
        let ready_sims = self.ready_sims.changed();
        let others = self.ready_sims.others(self.modem.name());
        let (denied, is_served) =
            (self.conduct.denials.held(self.store.clock().now()), self.conduct.denials.is_served());
        let modem = self.modem.name().clone();
        let claim = Claim { modem, sim: sim.clone(), lowest, others, denied, is_served, only };
        let taken = match (self.unsettled.clone(), only) {
            (Some(settlement), _) => self.store.settle_and_claim(settlement, claim.clone()).await,
            (None, Some(_)) => self.store.claim(claim.clone()).await,
            (None, None) => Ok(Claimed::Nothing { next: None }),
        };
        match taken {
            Ok(claimed) => {
                if self.unsettled.take().is_some() || only.is_some() {
                    self.patience.goes_on();
                }
                self.unfinished = None;
                if let Claimed::Part(assignment) = claimed {
                    return Ok(Some(assignment));
                }
            }
            Err(StoreError::Gone) => return Err(StoreError::Gone),
            Err(error) => {
                self.pause(&error).await;
                return Ok(None);
            }
        }
        if only.is_some() {
            return Ok(None);
        }
        let mut standing = self.store.stand(claim).await?;
        let part = tokio::select! {
            biased;
            part = standing.part() => Some(part),
            () = self.until_changed(until) => None,
            // What is left to others depends on who they are.
            () = ready_sims => None,
        };
        match part {
            Some(assignment) => {
                let assignment = assignment?;
                self.patience.goes_on();
                Ok(Some(assignment))
            }
            None => Ok(standing.withdraw()),
        }
    }

    /// Brings what came of the last message into the store, however long that takes.
    async fn settle(&mut self) -> Result<(), StoreError> {
        while let Some(settlement) = &self.unsettled {
            match self.store.settle(settlement.clone()).await {
                Ok(()) => {
                    self.unsettled = None;
                    self.patience.goes_on();
                }
                Err(StoreError::Gone) => return Err(StoreError::Gone),
                Err(error) => {
                    self.pause(&error).await;
                    if self.stop.is_cancelled() {
                        // On the next start the row is found as `sending` and becomes in doubt, as nobody then knows better.
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    async fn pause(&mut self, error: &StoreError) {
        let tell = || {
            tracing::warn!(modem.name = %self.modem.name(), %error, "the queue cannot be reached; trying again and again");
        };
        tokio::select! {
            biased;
            () = self.stop.cancelled() => {}
            () = self.patience.wait(&self.store, tell) => {}
        }
    }

    /// Hands one part to the modem and notes what came of it.
    async fn send(&mut self, sim: &SimId, assignment: Assignment) {
        let started = self.store.clock().now();
        let outcome = self.hand_over(sim, &assignment).await;
        let now = self.store.clock().now();
        let result = self.judge(outcome, &assignment, now);
        if result.spends_budget() {
            self.budgets.record(sim, now);
        }
        let more_to_come = matches!(result, SubmitResult::Sent { .. }) && assignment.part + 1 < assignment.parts;
        self.unfinished = more_to_come.then_some(assignment.message);
        outcome::log(&result, &assignment, self.modem.name(), now.since(started));
        self.came_to(&assignment, result);
    }

    /// Has the modem send one part. It is told meanwhile, and so are the other lanes, when that takes long.
    async fn hand_over(&self, sim: &SimId, assignment: &Assignment) -> Outcome {
        let (tell, waited_for) = watch::channel(false);
        let submit = self.modem.submit(Submission {
            message: assignment.message,
            sim: sim.clone(),
            to: assignment.to.clone(),
            text: assignment.text.clone(),
            encoding: assignment.encoding,
            part: assignment.part,
            concat_reference: assignment.concat_reference,
            deadline: assignment.deadline,
            class0: assignment.class0,
            replace: assignment.replace,
            waited_for,
        });
        self.state.send_modify(|state| state.sending = true);
        let meanwhile = async {
            tokio::time::sleep(HELD_UP_AFTER).await;
            self.ready_sims.hold_up(self.modem.name());
            tokio::time::sleep(PATIENCE_MATTERS_AFTER - HELD_UP_AFTER).await;
            tell_when_something_waits(&self.store, self.modem.name(), &tell).await
        };
        tokio::select! {
            biased;
            outcome = submit => outcome,
            never = meanwhile => match never {},
        }
    }

    /// What is held against the modem and its SIM for this, and what is to be written down of it.
    fn judge(&mut self, outcome: Outcome, assignment: &Assignment, now: Moment) -> SubmitResult {
        let is_alone = self.ready_sims.others(self.modem.name()).is_empty();
        let tried = Tried { to: &assignment.to, is_alone };
        let Judgement { rest, refused, is_barred, denials } = self.conduct.note(&outcome, tried, now);
        self.rest = rest;
        self.note_barred(&outcome, is_barred);
        self.show_outcome(matches!(outcome, Outcome::Sent { .. }), refused);
        outcome::settled(outcome, assignment, denials, now)
    }

    /// Takes note of a SIM that the network lets send to nobody. It is tried all the time, and yet nothing goes out.
    fn note_barred(&mut self, outcome: &Outcome, is_barred: bool) {
        match outcome {
            // Of a wrong number, too, it is the network that says so.
            Outcome::Sent { .. } | Outcome::Failed { class: FailureClass::Recipient, .. } => self.barred = None,
            Outcome::Failed { reason, .. } if is_barred => {
                let since = self.barred().map_or(self.store.clock().wall(), |(_, resting)| resting.since);
                let (reason, advice) = (Cause::Sim.reason(reason), Cause::Sim.advice().to_owned());
                let until = self.store.clock().now() + BARRED_FOR;
                self.barred = Some((until, Resting { reason, advice, since, until: None }));
            }
            _ => {}
        }
    }

    fn barred(&self) -> Option<(Moment, Resting)> {
        self.barred.clone().filter(|(until, _)| self.store.clock().now() < *until)
    }

    /// What came of a part, to be brought into the store next.
    fn came_to(&mut self, assignment: &Assignment, result: SubmitResult) {
        self.unsettled = Some(Settlement { attempt: assignment.attempt, result });
    }

    /// After a fault of the modem, gives the message back at once and leaves the queue to the other lanes for a while.
    async fn rest(&mut self) -> Result<(), StoreError> {
        let Some(rest) = self.rest.take() else { return Ok(()) };
        self.ready_sims.leave(self.modem.name());
        let since = self.store.clock().wall();
        let until = since.checked_add(rest.time).ok();
        let resting = Resting { reason: rest.reason, advice: rest.cause.advice().to_owned(), since, until };
        self.show_rest(Some(resting));
        self.settle().await?;
        let over = self.store.clock().now() + rest.time;
        let clock = self.store.clock().clone();
        let stop = self.stop.clone();
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = clock.sleep_until(over) => {}
            () = self.changed_for_good(rest.cause) => {}
        }
        self.show_rest(self.barred().map(|(_, resting)| resting));
        Ok(())
    }

    /// Waits until what the modem rests for may be over before its time: another SIM is in it, of which nothing is
    /// known yet; or it was refused, and somebody has had it out, or in another network, meanwhile.
    async fn changed_for_good(&mut self, cause: Cause) {
        let sim = |health: &Health| health.sim.as_ref().map(|sim| sim.id.clone());
        let before = sim(&self.health.borrow());
        let mut was_away = false;
        while self.health.changed().await.is_ok() {
            let health = self.health.borrow_and_update();
            let is_ready = health.state.is_ready();
            if is_ready && sim(&health) != before {
                self.conduct = Conduct::default();
                return;
            }
            if is_ready && was_away && cause != Cause::Unclear {
                return;
            }
            was_away |= !is_ready;
        }
        std::future::pending().await
    }

    /// Waits until the modem's state changes, somebody takes one out of use or puts one back, `moment` comes, or the lane
    /// is stopped.
    async fn until_changed(&mut self, moment: Option<Moment>) {
        let due = self.store.clock().reached(moment);
        tokio::select! {
            biased;
            () = self.stop.cancelled() => {}
            () = due => {}
            Ok(()) = self.drained.changed() => {}
            changed = self.health.changed() => {
                if changed.is_err() {
                    // The modem's task has ended; the daemon is about to.
                    self.stop.cancelled().await;
                }
            }
        }
    }
}

/// Tells the modem once something else waits for it, which shortens how long it hopes for an answer.
async fn tell_when_something_waits(
    store: &Store,
    modem: &ModemName,
    tell: &watch::Sender<bool>,
) -> std::convert::Infallible {
    let mut queue = store.queue();
    loop {
        queue.mark_unchanged();
        let something_waits = store.something_waits_for(modem).await.unwrap_or(false);
        tell.send_if_modified(|told| std::mem::replace(told, something_waits) != something_waits);
        if queue.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
}
