//! The handle by which everybody else reaches a modem's task.

use tokio::sync::{mpsc, oneshot, watch};

use super::health::Health;
use super::submission::{Outcome, Submission};
use super::ussd::Question;
use crate::ids::ModemName;
use crate::notify::Pulse;

/// One part to send, and where its outcome goes.
pub(super) struct Job {
    pub(super) submission: Submission,
    pub(super) answer: oneshot::Sender<Outcome>,
}

/// A modem. Cheap to clone; every clone reaches the same one.
#[derive(Debug, Clone)]
pub struct Modem {
    pub(super) name: ModemName,
    pub(super) jobs: mpsc::Sender<Job>,
    pub(super) questions: mpsc::Sender<Question>,
    pub(super) pulse: Pulse,
    pub(super) health: watch::Receiver<Health>,
}

impl Modem {
    /// The modem's name.
    #[must_use]
    pub fn name(&self) -> &ModemName {
        &self.name
    }

    /// What the modem says about itself, now and from now on.
    #[must_use]
    pub fn health(&self) -> watch::Receiver<Health> {
        self.health.clone()
    }

    /// Waits until the modem's task answers, which it does at once whatever it waits for. For the watchdog; a modem
    /// that is absent or deaf has a task that answers all the same.
    pub async fn answers(&self) {
        self.pulse.answers().await;
    }

    /// Gives one part to the network. A modem that is not ready says so at once; one that is busy takes it next.
    ///
    /// May be cancelled at any time: a part that was not begun is left alone, one that was begun is carried through,
    /// and the modem never stays at its prompt. What became of it is then not told to anybody.
    pub async fn submit(&self, submission: Submission) -> Outcome {
        let (answer, outcome) = oneshot::channel();
        if self.jobs.send(Job { submission, answer }).await.is_err() {
            return Outcome::NotReady { reason: "the modem's task has ended".to_owned() };
        }
        // The task answers every job, those it leaves in its inbox too. Only one that dies does not, and who can tell
        // how far it had come.
        outcome.await.unwrap_or_else(|_| Outcome::InDoubt { reason: "the modem's task died".to_owned() })
    }
}
