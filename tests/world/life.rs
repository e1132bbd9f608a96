//! One life of the daemon: its tasks from start to end, and the ways in which it ends.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use smsotpd::clock::Clock;
use smsotpd::dispatch::Dispatcher;
use smsotpd::intake;
use smsotpd::limits::BudgetSettings;
use smsotpd::modem::{self, Modem, PinBook, Surroundings};
use smsotpd::store::Store;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinError, JoinHandle};
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;

use crate::cable::Socket;
use crate::dice::Dice;

/// As in the daemon.
const EVENTS: usize = 64;
const STOPPING: Duration = Duration::from_millis(700);

/// What the daemon finds when it starts.
pub(crate) struct Ground<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) clock: &'a Clock,
    pub(crate) sockets: &'a [Socket],
    pub(crate) budget: &'a BudgetSettings,
    pub(crate) disk: Dice,
    /// Told of a task that ends although nobody asked it to.
    pub(crate) ended: mpsc::UnboundedSender<String>,
}

pub(crate) struct Life {
    pub(crate) store: Store,
    pub(crate) modems: Vec<Modem>,
    pub(crate) in_doubt: u64,
    writer: JoinHandle<()>,
    tasks: Vec<JoinHandle<()>>,
    actors: Vec<AbortHandle>,
    stop: CancellationToken,
    ending: Arc<AtomicBool>,
}

impl Life {
    /// Builds the daemon as src/daemon.rs does, all but HTTP.
    pub(crate) async fn begin(ground: Ground<'_>) -> Result<Self, String> {
        let opened = Store::open_unthreaded(ground.folder, ground.clock.clone());
        let (store, work) = opened.map_err(|error| format!("the store does not open: {error}"))?;
        let ending = Arc::new(AtomicBool::new(false));
        let watch = Watch { ending: ending.clone(), ended: ground.ended };
        let writer = tokio::spawn(watch.clone().over("store", Disk::new(work, ground.disk)));
        let in_doubt = store.recover().await.map_err(|error| format!("no recovery: {error}"))?;
        let stop = CancellationToken::new();
        let dispatcher = Dispatcher::new(store.clone(), ground.budget, stop.clone()).await;
        let (dispatcher, pool) = dispatcher.map_err(|error| format!("no dispatcher: {error}"))?;
        let (events, from_the_air) = mpsc::channel(EVENTS);
        let surroundings = Surroundings {
            clock: ground.clock.clone(),
            events,
            stop: stop.clone(),
            pins: PinBook::in_folder(ground.folder),
        };
        let (mut modems, mut tasks, mut actors) = (Vec::new(), Vec::new(), Vec::new());
        for (index, socket) in ground.sockets.iter().enumerate() {
            let name = format!("m{index}").parse().map_err(|error| format!("{error}"))?;
            let pin_file = Some(ground.folder.join("pin"));
            let settings = modem::Settings { pin_file, ..modem::Settings::at_port(name, "in memory") };
            let (modem, task) = modem::spawn(&settings, Box::new(socket.clone()), surroundings.clone());
            actors.push(task.abort_handle());
            tasks.push(tokio::spawn(watch.clone().over("modem", async { task.await.map_err(|e| e.to_string()) })));
            pool.add(modem.clone());
            modems.push(modem);
        }
        drop(surroundings);
        tasks.push(tokio::spawn(
            watch.clone().over("intake", intake::run(store.clone(), intake::Settings::default(), from_the_air)),
        ));
        tasks.push(tokio::spawn(watch.over("dispatch", dispatcher.run())));
        Ok(Self { store, modems, in_doubt, writer, tasks, actors, stop, ending })
    }

    /// As after SIGKILL: the first to go is the writer, so that nothing more is written from here on.
    ///
    /// Gives what panicked during this life.
    pub(crate) async fn kill(self) -> Vec<String> {
        self.ending.store(true, Ordering::Relaxed);
        let mut panics = Vec::new();
        self.writer.abort();
        panics.extend(panic(self.writer.await));
        self.actors.iter().for_each(AbortHandle::abort);
        for task in self.tasks {
            task.abort();
            panics.extend(panic(task.await));
        }
        panics
    }

    /// As after SIGTERM.
    pub(crate) async fn stop(self) -> Vec<String> {
        self.ending.store(true, Ordering::Relaxed);
        self.stop.cancel();
        let mut panics = Vec::new();
        let deadline = tokio::time::Instant::now() + STOPPING;
        for mut task in self.tasks {
            match tokio::time::timeout_at(deadline, &mut task).await {
                Ok(ended) => panics.extend(panic(ended)),
                Err(_) => task.abort(),
            }
        }
        self.actors.iter().for_each(AbortHandle::abort);
        self.store.close().await;
        panics.extend(panic(self.writer.await));
        panics
    }
}

fn panic(ended: Result<(), JoinError>) -> Option<String> {
    ended.err().filter(JoinError::is_panic).map(|error| format!("a task of the daemon panicked: {error}"))
}

/// Tells of tasks that end by themselves.
#[derive(Clone)]
struct Watch {
    ending: Arc<AtomicBool>,
    ended: mpsc::UnboundedSender<String>,
}

impl Watch {
    async fn over<T: std::fmt::Debug>(self, name: &'static str, task: impl Future<Output = T>) {
        let outcome = task.await;
        if !self.ending.load(Ordering::Relaxed) {
            let _ = self.ended.send(format!("the task {name} ended by itself: {outcome:?}"));
        }
    }
}

/// A writer whose disk takes its time: between being woken and working some time passes, in which more comes to wait.
struct Disk {
    work: Pin<Box<dyn Future<Output = ()> + Send>>,
    pause: Option<Pin<Box<Sleep>>>,
    dice: Dice,
}

impl Disk {
    fn new(work: impl Future<Output = ()> + Send + 'static, dice: Dice) -> Self {
        Self { work: Box::pin(work), pause: None, dice }
    }

    fn takes(&mut self) -> Option<Duration> {
        match self.dice.below(100) {
            0..60 => None,
            60..97 => Some(self.dice.time(1, 30)),
            _ => Some(self.dice.time(100, 3_000)),
        }
    }
}

impl Future for Disk {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.pause.is_none() {
            self.pause = self.takes().map(|time| Box::pin(tokio::time::sleep(time)));
        }
        if let Some(pause) = &mut self.pause
            && pause.as_mut().poll(context).is_pending()
        {
            return Poll::Pending;
        }
        self.pause = None;
        self.work.as_mut().poll(context)
    }
}
