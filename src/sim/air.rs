//! What the network holds for one modem until the modem can take it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::pdu::{Deliver, StatusReport};

/// Something that comes to the modem over the air.
#[derive(Debug, Clone)]
pub(super) enum Inbound {
    /// A message.
    Deliver(Deliver),
    /// What became of a message that the modem sent.
    Report(StatusReport),
}

/// The network's queue for one modem. What is held waits through unplugging, as in a real network.
#[derive(Debug, Default)]
pub(super) struct Air {
    queue: Mutex<Queue>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Inbound>,
    reports_held: Option<Vec<Inbound>>,
    /// The next report waits for the one behind it.
    delays: bool,
    delayed: Option<Inbound>,
}

impl Air {
    /// Something arrived for the modem.
    pub(super) fn push(&self, inbound: Inbound) {
        let mut queue = self.lock();
        if matches!(inbound, Inbound::Report(_)) && std::mem::take(&mut queue.delays) {
            queue.delayed = Some(inbound);
            return;
        }
        let delayed = queue.delayed.take_if(|_| matches!(inbound, Inbound::Report(_)));
        for inbound in [Some(inbound), delayed].into_iter().flatten() {
            match (&mut queue.reports_held, inbound) {
                (Some(held), report @ Inbound::Report(_)) => held.push(report),
                (_, inbound) => queue.waiting.push_back(inbound),
            }
        }
        drop(queue);
        self.changed.notify_one();
    }

    /// Lets the report that comes next wait until another has come.
    pub(super) fn delay_next_report(&self) {
        self.lock().delays = true;
    }

    /// The modem did not take it: it stays the next.
    pub(super) fn put_back(&self, inbound: Inbound) {
        self.lock().waiting.push_front(inbound);
    }

    /// Takes the next.
    pub(super) fn take(&self) -> Option<Inbound> {
        self.lock().waiting.pop_front()
    }

    /// Holds reports back, or lets those held go on their way in the order they came.
    pub(super) fn hold_reports(&self, on: bool) {
        let mut queue = self.lock();
        if on {
            queue.reports_held.get_or_insert_default();
        } else {
            let held = queue.reports_held.take().unwrap_or_default();
            queue.waiting.extend(held);
        }
        drop(queue);
        self.changed.notify_one();
    }

    /// Waits until something may have changed.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
