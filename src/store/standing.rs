//! Standing claims: modems with nothing to do wait here, and are given the next part in the very transaction that
//! makes it waiting. So the way from an accepted request to a modem is one commit, and one message wakes one modem.
//!
//! The writer keeps the claims in the order they came and serves the one that has waited longest first.

use std::collections::VecDeque;

use tokio::sync::{oneshot, watch};

use super::error::StoreError;
use super::handle::Store;
use super::queue::{Assignment, Claim, Claimed};
use super::writer::{Command, Work};
use super::{claiming, second};
use crate::clock::Moment;

/// A claim that waits to be served. Must be ended by [`Standing::part`] or [`Standing::withdraw`]: a part that was
/// assigned to a claim which is just dropped stays `sending` until the next start.
#[derive(Debug)]
pub struct Standing(oneshot::Receiver<Assignment>);

impl Standing {
    /// Waits for a part. That it is being sent is on disk then.
    ///
    /// May be cancelled, if [`Standing::withdraw`] follows.
    ///
    /// # Errors
    /// [`StoreError::Gone`] when the store has ended.
    pub async fn part(&mut self) -> Result<Assignment, StoreError> {
        (&mut self.0).await.map_err(|_| StoreError::Gone)
    }

    /// Waits no longer. A part that was assigned in the meantime is given out here, and must be settled.
    #[must_use]
    pub fn withdraw(mut self) -> Option<Assignment> {
        self.0.close();
        self.0.try_recv().ok()
    }
}

impl Store {
    /// Waits in line for a part for this modem. It may be there at once.
    ///
    /// # Errors
    /// [`StoreError::Gone`] when the store has ended.
    pub async fn stand(&self, claim: Claim) -> Result<Standing, StoreError> {
        let (answer, standing) = oneshot::channel();
        self.command(Command::Stand(Waiting { claim, answer })).await?;
        Ok(Standing(standing))
    }

    /// When something that waits may be given to one of the standing claims at the earliest; `None` when nothing does.
    /// [`Store::look`] is to be called then.
    #[must_use]
    pub fn look_at(&self) -> watch::Receiver<Option<Moment>> {
        self.watch_look_at()
    }

    /// Has the standing claims looked at again: time has passed. When this returns, that is done, or could not be
    /// written and the time is as it was.
    ///
    /// # Errors
    /// [`StoreError::Gone`] when the store has ended.
    pub async fn look(&self) -> Result<(), StoreError> {
        let (done, looked) = oneshot::channel();
        self.command(Command::Look(done)).await?;
        looked.await.map_err(|_| StoreError::Gone)
    }
}

/// A claim, and where its part goes.
#[derive(Debug)]
pub(super) struct Waiting {
    claim: Claim,
    answer: oneshot::Sender<Assignment>,
}

/// The standing claims, as the writer keeps them.
#[derive(Debug, Default)]
pub(super) struct Line {
    waiting: VecDeque<Waiting>,
    /// Served in the transaction that is open.
    served: Vec<(Waiting, Assignment)>,
    /// When the rest are to be looked at again.
    pub(super) look_at: Option<Moment>,
}

impl Line {
    pub(super) fn join(&mut self, waiting: Waiting) {
        self.waiting.push_back(waiting);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Assigns what waits, in the open transaction. `run` runs one claim in a savepoint of its own.
    ///
    /// # Errors
    /// The first that `run` gives; everybody who was not served then waits on.
    pub(super) fn serve(
        &mut self,
        run: impl Fn(&mut dyn FnMut(&Work<'_>) -> Result<(), StoreError>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.look_at = None;
        let mut line = std::mem::take(&mut self.waiting);
        let mut something_waits = true;
        while something_waits && let Some(waiting) = line.pop_front() {
            if waiting.answer.is_closed() {
                continue;
            }
            let mut claimed = None;
            let outcome = run(&mut |work| {
                claimed = Some(claiming::claim_next(work, &waiting.claim)?);
                let modems = line.iter().map(|waiting| &waiting.claim.modem);
                something_waits = !line.is_empty()
                    && (claiming::something_waits(work.conn, work.routes, modems)? || second::are_there(work)?);
                Ok(())
            });
            match claimed.filter(|_| outcome.is_ok()) {
                Some(Claimed::Part(part)) => self.served.push((waiting, part)),
                Some(Claimed::Nothing { next }) => {
                    self.look_at = [self.look_at, next].into_iter().flatten().min();
                    self.waiting.push_back(waiting);
                }
                None => self.waiting.push_back(waiting),
            }
            if outcome.is_err() {
                self.waiting.append(&mut line);
                return outcome;
            }
        }
        self.waiting.append(&mut line);
        Ok(())
    }

    /// The transaction is committed: hands the parts out. Returns those whose modem has left meanwhile.
    pub(super) fn hand_out(&mut self) -> Vec<Assignment> {
        self.served.drain(..).filter_map(|(waiting, part)| waiting.answer.send(part).err()).collect()
    }

    /// The transaction was undone: everybody waits as before.
    pub(super) fn take_back(&mut self) {
        for (waiting, _) in self.served.drain(..).rev() {
            self.waiting.push_front(waiting);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::MessageId;
    use crate::message::Priority;
    use crate::pdu::Encoding;
    use crate::phone::PhoneNumber;
    use crate::secret::Text;
    use crate::store::AttemptId;

    fn assignment() -> Assignment {
        Assignment {
            attempt: AttemptId(1),
            message: MessageId::generate(),
            to: PhoneNumber::parse("+15551234567").unwrap(),
            text: Text::new("Hello".to_owned()),
            encoding: Encoding::Gsm7,
            part: 0,
            parts: 1,
            concat_reference: 0,
            deadline: Moment::from_millis(1),
            class0: false,
            replace: None,
            failures: 0,
        }
    }

    fn waiting() -> (Waiting, oneshot::Receiver<Assignment>) {
        let (answer, standing) = oneshot::channel();
        let claim = Claim {
            modem: "m1".parse().unwrap(),
            sim: crate::ids::SimId::from_stored("a".to_owned()),
            lowest: Priority::Bulk,
            others: Vec::new(),
            denied: Vec::new(),
            is_served: true,
            only: None,
        };
        (Waiting { claim, answer }, standing)
    }

    #[test]
    fn a_part_whose_modem_left_during_the_commit_comes_back() {
        let mut line = Line::default();
        let (gone, receiver) = waiting();
        drop(receiver);
        line.served.push((gone, assignment()));
        let (there, mut receiver) = waiting();
        line.served.push((there, assignment()));
        assert_eq!(line.hand_out().len(), 1);
        assert!(receiver.try_recv().is_ok());
    }

    #[test]
    fn after_a_commit_that_failed_everybody_waits_as_before() {
        let mut line = Line::default();
        let ((first, mut a), (second, _b), (third, _c)) = (waiting(), waiting(), waiting());
        line.served.push((first, assignment()));
        line.served.push((second, assignment()));
        line.join(third);
        line.take_back();
        assert_eq!(line.waiting.len(), 3);
        assert!(!line.waiting[0].answer.is_closed());
        a.close();
        assert!(line.waiting[0].answer.is_closed(), "the first is first again");
    }
}
