//! The modems' tasks: started, taken into the pool, watched over.
//!
//! A modem may be added at any time. Its task runs until the daemon stops; one that ends before has died, and the
//! process with it.

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};

use crate::dispatch::Pool;
use crate::modem::{self, Connector, Surroundings};
use crate::ussd::Ussd;

/// A modem that was found, and how its port is opened.
pub(super) type NewModem = (modem::Settings, Box<dyn Connector>);

/// What every modem's task is given, and the tasks.
pub(super) struct Modems {
    pool: Pool,
    ussd: Ussd,
    /// Kept for modems that come later; so whoever takes in what comes from the air ends after this.
    surroundings: Surroundings,
    tasks: JoinSet<Result<(), JoinError>>,
}

impl Modems {
    pub(super) fn new(pool: Pool, ussd: Ussd, surroundings: Surroundings) -> Self {
        Self { pool, ussd, surroundings, tasks: JoinSet::new() }
    }

    /// Starts a modem's task and gives it to the dispatcher. A name must not come twice: the second is left alone.
    pub(super) fn add(&mut self, (settings, connector): NewModem) {
        if self.pool.members().borrow().iter().any(|member| *member.name() == settings.name) {
            tracing::error!(modem.name = %settings.name, "another modem has this name; this one is left alone");
            return;
        }
        let (modem, task) = modem::spawn(&settings, connector, self.surroundings.clone());
        self.tasks.spawn(task);
        self.ussd.add(modem.clone());
        self.pool.add(modem);
    }

    /// Adds what is found, and watches over the tasks until the daemon stops and all have ended.
    ///
    /// # Errors
    /// When a task died.
    pub(super) async fn run(mut self, mut found: mpsc::Receiver<NewModem>) -> Result<(), JoinError> {
        loop {
            tokio::select! {
                Some(modem) = found.recv(), if !self.surroundings.stop.is_cancelled() => self.add(modem),
                Some(ended) = self.tasks.join_next() => ended.and_then(|died| died)?,
                () = self.surroundings.stop.cancelled(), if self.tasks.is_empty() => return Ok(()),
            }
        }
    }
}
