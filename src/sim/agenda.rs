//! What the modem has to do later.

use tokio::time::Instant;

use super::ussd::UssdAnswer;

/// Something to do.
#[derive(Debug)]
pub(super) enum Task {
    /// Write an unsolicited line.
    Say(String),
    /// Write the family's periodic lines, and again after its time.
    SayPeriodic,
    /// Write the prompt that waits.
    Prompt,
    /// Hand out the network's answer to a code.
    Ussd(UssdAnswer),
    /// Ring again, or stop.
    Ring,
    /// The SIM may have become usable.
    CardReady,
    /// Nothing but look again.
    Look,
}

/// What is to be done, and when.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    entries: Vec<(Instant, Task)>,
}

impl Agenda {
    pub(super) fn add(&mut self, at: Instant, task: Task) {
        // Behind what is due at the same time.
        let place = self.entries.partition_point(|(due, _)| *due <= at);
        self.entries.insert(place, (at, task));
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    /// Forgets what is like this.
    pub(super) fn forget(&mut self, is_like: impl Fn(&Task) -> bool) {
        self.entries.retain(|(_, task)| !is_like(task));
    }

    /// When the next is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.entries.first().map(|(due, _)| *due)
    }

    /// Takes the next that is due.
    pub(super) fn take(&mut self) -> Option<Task> {
        self.next().filter(|due| *due <= Instant::now())?;
        Some(self.entries.remove(0).1)
    }
}

/// Waits until then; for ever when there is no such time. May be cancelled at any time.
pub(super) async fn reached(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
