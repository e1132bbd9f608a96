//! The bell that wakes idle lanes, one at a time: sixty-four modems must not all jump for one message.

use std::sync::Arc;

use tokio::sync::{Notify, watch};

/// Rings for idle lanes. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Bell(Arc<Notify>);

impl Bell {
    /// Wakes one idle lane, or, when none is idle, the next one that becomes so.
    pub(super) fn ring(&self) {
        self.0.notify_one();
    }

    /// Waits for a ring. When this is cancelled after the bell rang, the ring goes to another lane.
    pub(super) async fn rung(&self) {
        self.0.notified().await;
    }

    /// Rings on every commit that may have added work, until the store is gone.
    ///
    /// `queue` was made before anybody looked at the queue, so no commit goes unheard.
    pub(super) async fn follow(self, mut queue: watch::Receiver<u64>) {
        while queue.changed().await.is_ok() {
            self.ring();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Waker};

    fn is_rung(future: std::pin::Pin<&mut impl Future<Output = ()>>) -> bool {
        future.poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn one_ring_wakes_one_lane() {
        let bell = Bell::default();
        let (mut a, mut b) = (pin!(bell.rung()), pin!(bell.rung()));
        assert!(!is_rung(a.as_mut()) && !is_rung(b.as_mut()));
        bell.ring();
        assert!(is_rung(a.as_mut()) != is_rung(b.as_mut()));
    }

    #[test]
    fn a_ring_that_nobody_heard_waits_for_the_next_lane() {
        let bell = Bell::default();
        bell.ring();
        assert!(is_rung(pin!(bell.rung())));
    }

    #[test]
    fn a_lane_that_leaves_hands_its_ring_on() {
        let bell = Bell::default();
        let mut stays = Box::pin(bell.rung());
        {
            let mut leaves = Box::pin(bell.rung());
            assert!(!is_rung(leaves.as_mut()));
            assert!(!is_rung(stays.as_mut()));
            bell.ring();
        }
        assert!(is_rung(stays.as_mut()));
    }
}
