//! By what a task shows that it is still run, whatever it waits for.
//!
//! A task that blocks its thread, or goes round without an end, does not answer. One that waits for something that never
//! comes does: what it waits for has to answer for itself.

use std::future::Future;
use std::pin::pin;

use tokio::sync::{mpsc, oneshot};

/// Asks one task.
#[derive(Debug, Clone)]
pub struct Pulse(mpsc::Sender<oneshot::Sender<()>>);

/// The task's end: has it answer while it does its work.
#[derive(Debug)]
pub struct Beat(mpsc::Receiver<oneshot::Sender<()>>);

/// A pulse for a task that is still to be run.
#[must_use]
pub fn pulse() -> (Pulse, Beat) {
    let (ask, asked) = mpsc::channel(1);
    (Pulse(ask), Beat(asked))
}

impl Pulse {
    /// Waits until the task answers. One that has ended answers no more.
    pub async fn answers(&self) {
        let (answer, answered) = oneshot::channel();
        if self.0.send(answer).await.is_err() || answered.await.is_err() {
            std::future::pending().await
        }
    }
}

impl Beat {
    /// The task's work, with an answer to whoever asks in between.
    pub async fn of<T>(mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                Some(answer) = self.0.recv() => {
                    // Whoever asked may have gone.
                    let _ = answer.send(());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn is_alive(pulse: &Pulse) -> bool {
        tokio::time::timeout(Duration::from_secs(10), pulse.answers()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_waits_answers_and_one_that_is_not_run_or_has_ended_does_not() {
        let (pulse, beat) = pulse();
        let work = beat.of(std::future::pending::<()>());
        assert!(!is_alive(&pulse).await);
        let task = tokio::spawn(work);
        assert!(is_alive(&pulse).await && is_alive(&pulse).await);
        task.abort();
        assert!(task.await.is_err());
        assert!(!is_alive(&pulse).await);
    }
}
