//! The daemon's long-lived tasks: what each is called, how it ended, and whether it is still run.

use std::future::Future;

use anyhow::anyhow;
use tokio::task::{JoinError, JoinSet};

use crate::notify::{self, Pulse};

type Ended = (&'static str, anyhow::Result<()>);

/// The tasks that run until they are told to stop.
#[derive(Default)]
pub(super) struct Tasks {
    running: JoinSet<Ended>,
    pulses: Vec<Pulse>,
}

impl Tasks {
    /// Starts a task by this name.
    pub(super) fn spawn<E: Into<anyhow::Error>>(
        &mut self,
        name: &'static str,
        task: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        let (pulse, beat) = notify::pulse();
        self.pulses.push(pulse);
        self.running.spawn(beat.of(async move { (name, task.await.map_err(Into::into)) }));
    }

    /// The same for one that cannot fail.
    pub(super) fn spawn_endless(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn(name, async move {
            task.await;
            anyhow::Ok(())
        });
    }

    /// The pulse of each task, by which the watchdog asks whether it still runs.
    pub(super) fn pulses(&self) -> Vec<Pulse> {
        self.pulses.clone()
    }

    /// Waits for one to end although nobody asked it to, and says how it did.
    pub(super) async fn ended_by_itself(&mut self) -> anyhow::Error {
        match self.running.join_next().await {
            Some(Ok((name, Ok(())))) => anyhow!("the task {name} ended by itself"),
            Some(Ok((name, Err(error)))) => error.context(format!("the task {name} failed")),
            Some(Err(error)) => anyhow::Error::new(error).context("a task died"),
            None => std::future::pending().await,
        }
    }

    /// Waits for the task by this name to end, or for all.
    pub(super) async fn until_ended(&mut self, name: &str) {
        let is_it = |ended: &Result<Ended, JoinError>| matches!(ended, Ok((ended, _)) if *ended == name);
        while self.running.join_next().await.is_some_and(|ended| !is_it(&ended)) {}
    }

    /// Waits for all to end.
    pub(super) async fn until_all_ended(&mut self) {
        while self.running.join_next().await.is_some() {}
    }

    /// Cuts off what still runs.
    pub(super) fn abort_all(&mut self) {
        self.running.abort_all();
    }
}
