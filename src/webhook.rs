//! From the outbox to the receivers: each event is sent as a signed POST until its receiver has it, or a day has passed.
//!
//! ```text
//! store: event and outbox, one commit ──wakes──> Webhook ──a few at a time──> receivers
//!                  ^                                │
//!                  └── done, again at …, given up ──┘
//! ```
//!
//! Nothing here is kept: what is under way when the daemon ends is tried again at the next start, with the same id. What
//! is due is looked for only when the outbox has changed, a try has ended, or its time has come. Each receiver has a few
//! places, one that does not answer has one, and all that do not answer have half of the places together: so whoever
//! answers never waits for who does not.
//!
//! Its one rule: a success is a status from 200 to 299; anything else is tried again, and nothing of what is sent or
//! answered is logged.

mod client;
mod connector;
mod places;
mod schedule;
mod signature;

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use rand::RngExt as _;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::callback;
use crate::clock::Moment;
use crate::store::{CallbackId, Delivery, Patience, Store, StoreError, Tried};
use client::{Client, Failure};
use places::Places;
use schedule::{Answer, Next};

/// How long what is under way has when the daemon stops.
const STOPPING: Duration = Duration::from_millis(500);

/// How many tries there were since the start.
#[derive(Debug, Clone, Default)]
pub struct Counters {
    /// Those that the receiver took.
    pub delivered: Counter,
    /// The others.
    pub failed: Counter,
}

/// The task that delivers.
#[derive(Debug)]
pub struct Webhook {
    store: Store,
    client: Arc<Client>,
    counters: Counters,
    places: Places,
    /// The receiver that was served last.
    last: String,
    /// With a store that cannot be read, and with one that does not take what cannot be sent.
    unread: Patience,
    unsettled: Patience,
    /// What cannot be sent is left alone until then.
    again_from: Moment,
}

/// A try that is over.
struct Ended {
    id: CallbackId,
    receiver: String,
    /// Whether there was an answer.
    answered: bool,
}

impl Webhook {
    /// Delivers what is in the outbox of this store, as far as the settings let it.
    #[must_use]
    pub fn new(store: Store, settings: callback::Settings) -> Self {
        let client = Arc::new(Client::new(settings));
        let (counters, places) = (Counters::default(), Places::default());
        let (unread, unsettled, again_from) = (Patience::default(), Patience::default(), store.clock().now());
        Self { store, client, counters, places, last: String::new(), unread, unsettled, again_from }
    }

    /// What is counted while it runs.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters.clone()
    }

    /// Delivers until stopped.
    ///
    /// # Errors
    /// [`StoreError::Gone`] when the store has ended.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), StoreError> {
        let (mut outbox, mut tries) = (self.store.outbox(), JoinSet::new());
        loop {
            // Before looking, so that no change is missed.
            outbox.mark_unchanged();
            let next = self.start(&mut tries).await?;
            tokio::select! {
                () = stop.cancelled() => break,
                changed = outbox.changed() => changed.map_err(|_| StoreError::Gone)?,
                Some(ended) = tries.join_next() => self.leave(ended),
                () = self.store.clock().reached(next) => {}
            }
        }
        let all = async { while tries.join_next().await.is_some() {} };
        // What is cut off here is sent again at the next start.
        let _ = tokio::time::timeout(STOPPING, all).await;
        Ok(())
    }

    /// Starts a try of everything that is due and has a place. Returns when something is due next.
    async fn start(&mut self, tries: &mut JoinSet<Ended>) -> Result<Option<Moment>, StoreError> {
        let (places, most) = (self.places.clone(), self.places.free_in_all());
        let free = move |receiver: &str| places.free(receiver);
        let due = self.store.deliveries_due(self.places.under_way(), most, self.last.clone(), free).await;
        let due = match due {
            Ok(due) => due,
            Err(StoreError::Gone) => return Err(StoreError::Gone),
            Err(error) => {
                let tell = || tracing::warn!(%error, "the outbox cannot be read; it is tried again and again");
                return Ok(Some(self.store.clock().now() + self.unread.refused(tell)));
            }
        };
        self.unread.goes_on();
        let lost = self.leave_lost(due.lost).await?;
        let mut next = [due.next, lost].into_iter().flatten().min();
        for delivery in due.deliveries {
            if !self.places.enter(delivery.id, &delivery.receiver) {
                // One of the same app took its place. Others may be behind it.
                next = Some(self.store.clock().now());
                continue;
            }
            self.last.clone_from(&delivery.receiver);
            let was_silent = delivery.unreached || self.places.is_silent(&delivery.receiver);
            let (store, client, counters) = (self.store.clone(), Arc::clone(&self.client), self.counters.clone());
            tries.spawn(async move { attempt(&store, &client, &counters, delivery, was_silent).await });
        }
        Ok(next)
    }

    /// Has the store write down what cannot be sent, and says when to look again for that. One that it refuses keeps its
    /// place, and holds up none at other receivers.
    async fn leave_lost(&mut self, lost: Vec<(CallbackId, Tried)>) -> Result<Option<Moment>, StoreError> {
        let now = self.store.clock().now();
        if lost.is_empty() || now < self.again_from {
            return Ok((!lost.is_empty()).then_some(self.again_from));
        }
        let (mut settled, mut refused) = (false, None);
        for (id, tried) in lost {
            match (self.store.settle_delivery(id, tried.clone()).await, tried) {
                (Err(StoreError::Gone), _) => return Err(StoreError::Gone),
                (Err(error), _) => refused = Some(error),
                (Ok(()), tried) => {
                    settled = true;
                    if let Tried::GivenUp { reason } = tried {
                        tracing::warn!(callback = %id, reason, "a callback is given up");
                    }
                }
            }
        }
        match refused {
            None => self.unsettled.goes_on(),
            Some(error) => {
                let tell = || tracing::warn!(%error, "a callback that cannot be sent any more stays");
                self.again_from = now + self.unsettled.refused(tell);
            }
        }
        // What is settled had taken a place: behind it more may be due.
        Ok(Some(if settled { now } else { self.again_from }))
    }

    fn leave(&mut self, ended: Result<Ended, tokio::task::JoinError>) {
        match ended {
            Ok(ended) => self.places.leave(ended.id, &ended.receiver, ended.answered),
            Err(died) if died.is_panic() => std::panic::resume_unwind(died.into_panic()),
            Err(_) => {}
        }
    }
}

/// Tries once, and has the store write down what came of it.
async fn attempt(store: &Store, client: &Client, counters: &Counters, delivery: Delivery, was_silent: bool) -> Ended {
    let outcome = client.send(&delivery, store.clock().wall()).await;
    let answered = outcome.is_ok();
    let tried = schedule::Tried {
        since: delivery.since,
        tries: delivery.tries.saturating_add(1),
        now: store.clock().now(),
        dice: rand::rng().random(),
    };
    let next = schedule::judge(outcome.as_ref().ok().copied(), tried);
    let counter = if next == Next::Done { &counters.delivered } else { &counters.failed };
    counter.inc();
    tell(&delivery, &outcome, next, was_silent);
    let unreached = outcome.as_ref().is_err_and(|failure| failure.unreached);
    let tried = match next {
        Next::Done => Tried::Delivered,
        Next::Again(due) => Tried::Again { due, reason: reason(outcome), unreached },
        Next::GiveUp => Tried::GivenUp { reason: reason(outcome) },
    };
    settle(store, delivery.id, tried).await;
    Ended { id: delivery.id, receiver: delivery.receiver, answered }
}

/// Has the store write down what came of a try, however long that takes: the place is kept meanwhile, or it would be sent
/// again and again for as long as the disk takes nothing.
async fn settle(store: &Store, id: CallbackId, tried: Tried) {
    let mut patience = Patience::default();
    loop {
        let error = match store.settle_delivery(id, tried.clone()).await {
            // Who dies with the store is told by the store.
            Ok(()) | Err(StoreError::Gone) => return,
            Err(error) => error,
        };
        let tell =
            || tracing::warn!(%error, "what came of a callback could not be written down; it is tried again and again");
        patience.wait(store, tell).await;
    }
}

/// Logs what a person would want to know, once and not for every try.
fn tell(delivery: &Delivery, outcome: &Result<Answer, Failure>, next: Next, was_silent: bool) {
    let (app, receiver) = (&delivery.app, &delivery.url);
    match (outcome, next) {
        (_, Next::GiveUp) => {
            let reason = reason(outcome.clone());
            tracing::warn!(%app, %receiver, event = %delivery.event.id, reason, "a callback is given up");
        }
        (Err(failure), _) if !was_silent => {
            tracing::warn!(%app, %receiver, reason = failure.reason, "callbacks do not arrive; they are tried for a day");
        }
        (Ok(Answer { status, .. }), Next::Again(_)) if delivery.tries == 0 => {
            tracing::warn!(%app, %receiver, status, "a callback was not taken; it is tried again for a day");
        }
        (Ok(_), Next::Done) if was_silent => tracing::info!(%app, %receiver, "callbacks arrive again"),
        _ => {}
    }
}

/// Why a try failed, in a few words that quote nothing.
fn reason(outcome: Result<Answer, Failure>) -> String {
    match outcome {
        Ok(Answer { status: 410, .. }) => "the receiver answered 410: it wants no more".to_owned(),
        Ok(Answer { status: status @ 300..=399, .. }) => {
            format!("the receiver answered {status}, which leads elsewhere; redirects are not followed")
        }
        Ok(Answer { status, .. }) => format!("the receiver answered {status}"),
        Err(failure) => failure.reason,
    }
}
