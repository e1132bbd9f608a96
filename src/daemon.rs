//! The whole daemon: builds every task, tells systemd, watches over them, stops them in order.
//!
//! ```text
//! HTTP ──> issue, verify, send ──> store ──> dispatch ──> modem ──> carrier
//!                                    ^                      │
//!                                    └────── intake <───────┘
//! ```
//!
//! Start: the store (and with it the clock), the modems' tasks, intake, dispatch, HTTP; then `READY`. A modem that is
//! not there keeps nobody waiting. Stop: HTTP takes nothing new, the modems end what they can within half a second,
//! dispatch settles what came of it, all at the same time; the store last. What cannot be ended in time is in doubt
//! at the next start.
//!
//! Its one rule: nothing is repaired here. A task that panics and a store that dies end the process, and systemd
//! starts it again with everything that was accepted still on disk.

mod modems;
mod reload;
mod tasks;
mod told;
mod views;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::Config;
use crate::dispatch::{Dispatcher, Pool};
use crate::http::{self, Api, ApiParts};
use crate::issue::Policies;
use crate::modem::{self, Connector, PinBook, Surroundings};
use crate::notify::Pulse;
use crate::store::Store;
use crate::ussd::Ussd;
use crate::webhook::Webhook;
use crate::{intake, notify};
use modems::{Discovery, Modems, configured};
use tasks::Tasks;
use views::Views;

pub use reload::Reloader;
pub use views::{Service, view};

/// Reports that wait for the store; beyond this the modems wait with theirs.
const EVENTS: usize = 64;

/// How long the network may take to answer for what a modem has been given, once the daemon is asked to stop: mostly it
/// takes a few seconds. What is not answered for by then is in doubt.
pub const FINISHING: Duration = Duration::from_secs(6);
/// How long the tasks then have to end. Whatever is in flight after that is found in doubt at the next start.
const STOPPING: Duration = Duration::from_millis(700);

/// The task that gives the modems what they send.
const DISPATCH: &str = "dispatch";

/// What the daemon is built with, besides its configuration.
#[derive(Default)]
pub struct Parts {
    /// The clock, when it is not the system's.
    pub clock: Option<Clock>,
    /// The modems and how their ports are opened, when not as the configuration says; then none is looked for.
    pub modems: Option<Vec<(modem::Settings, Box<dyn Connector>)>>,
}

/// A daemon that serves.
pub struct Daemon {
    /// The address that HTTP really listens on.
    pub address: SocketAddr,
    /// The unix socket it listens on, if any.
    pub socket: Option<PathBuf>,
    /// The modems.
    pub pool: Pool,
    /// The store.
    pub store: Store,
    /// The policies that codes are issued by.
    pub policies: Policies,
    tasks: Tasks,
    stop_sending: CancellationToken,
    stop_http: CancellationToken,
    stop_modems: CancellationToken,
}

impl Daemon {
    /// Builds and starts everything; returns once HTTP listens.
    ///
    /// # Errors
    /// When the state folder or an address cannot be used. A modem that is not there is no error.
    pub async fn start(config: &Config, parts: Parts) -> anyhow::Result<Self> {
        let store = open_store(config, parts.clock).await?;
        let listeners = http::bind(&config.http).await?;
        let (address, socket) = (listeners.address(), listeners.socket().map(Path::to_owned));

        let mut tasks = Tasks::default();
        let stop_sending = CancellationToken::new();
        let (stop_http, stop_modems) = (CancellationToken::new(), CancellationToken::new());
        let (dispatcher, pool) = Dispatcher::new(store.clone(), &config.sim_budget, stop_sending.clone()).await?;
        let (events, from_the_air) = mpsc::channel(EVENTS);
        let surroundings = Surroundings {
            clock: store.clock().clone(),
            events,
            stop: stop_modems.clone(),
            pins: PinBook::in_folder(&config.state_dir),
        };
        let (ussd, asker) = Ussd::new(store.clock().clone(), config.balance.clone());
        let mut modems = Modems::new(pool.clone(), ussd.clone(), surroundings);
        let discovery = (parts.modems.is_none() && config.looks_for_modems()).then(|| Discovery::new(config));
        for modem in parts.modems.unwrap_or_else(|| configured(config, discovery.as_ref())) {
            modems.add(modem);
        }
        let (found, finds) = mpsc::channel(1);
        // Where modems are named, others are nobody's business.
        let unusable = discovery.as_ref().filter(|_| config.adopts_modems()).map(Discovery::unusable);
        if let Some(discovery) = discovery {
            tasks.spawn_endless("discovery", discovery.run(found, stop_modems.clone()));
        }

        let views = Views::new(&pool, &store);
        let policies = Policies::new(config.policy.clone());
        reload::tell_lost_apps(&store, &policies).await;
        let webhook = Webhook::new(store.clone(), config.webhook.clone());
        let api = ApiParts {
            store: store.clone(),
            policies: policies.clone(),
            budget: config.sim_budget.clone(),
            modems: views.subscribe(),
            unusable,
            ussd,
            reach: config.webhook.clone(),
            callbacks: webhook.counters(),
        };
        let api = Api::new(api, &config.http)?;
        tasks.spawn("modems", modems.run(finds));
        tasks.spawn("intake", intake::run(store.clone(), config.opt_out.clone(), from_the_air));
        tasks.spawn("ussd", asker.run(stop_modems.clone()));
        tasks.spawn(DISPATCH, dispatcher.run());
        tasks.spawn("webhook", webhook.run(stop_http.clone()));
        tasks.spawn_endless("views", views.follow(stop_modems.clone()));
        tasks.spawn_endless("http", http::serve(listeners, http::router(api), stop_http.clone()));
        Ok(Self { address, socket, pool, store, policies, tasks, stop_sending, stop_http, stop_modems })
    }

    /// Serves until `stop` is done, then stops everything in order. What a modem has been given by then may take
    /// `finishing` to be answered for; nothing new is begun, and HTTP goes on for so long.
    ///
    /// # Errors
    /// When a task ended by itself or the store died: the process should end, and be started again.
    pub async fn run(mut self, finishing: Duration, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        notify::ready();
        let (store, pulses) = (self.store.clone(), self.tasks.pulses());
        let outcome = tokio::select! {
            () = stop => Ok(()),
            () = store.closed() => Err(anyhow!("the database cannot be written any more")),
            error = self.tasks.ended_by_itself() => Err(error),
            () = watchdog(&self.store, &self.pool, &pulses) => Ok(()),
        };
        notify::stopping();
        self.stop(if outcome.is_ok() { finishing } else { Duration::ZERO }).await;
        outcome
    }

    async fn stop(mut self, finishing: Duration) {
        self.stop_sending.cancel();
        if tokio::time::timeout(finishing, self.tasks.until_ended(DISPATCH)).await.is_err() && !finishing.is_zero() {
            tracing::warn!("no answer has come to what is being sent; it may be in doubt");
        }
        let deadline = tokio::time::Instant::now() + STOPPING;
        self.stop_http.cancel();
        self.stop_modems.cancel();
        if tokio::time::timeout_at(deadline, self.tasks.until_all_ended()).await.is_err() {
            tracing::warn!("a task did not stop in time and is cut off");
            self.tasks.abort_all();
        }
        self.store.close().await;
    }
}

/// Opens the store as it is configured. What a modem was at when the daemon last ended is in doubt then.
async fn open_store(config: &Config, clock: Option<Clock>) -> anyhow::Result<Store> {
    let store = Store::open(&config.state_dir, clock).await?;
    store.set_retention(config.audit);
    store.set_routes(config.routes()).await.context("cannot route what waits")?;
    reload::keep(&store, config, Vec::new()).await;
    let in_doubt = store.recover().await.context("cannot read the queue")?;
    if in_doubt > 0 {
        tracing::warn!(in_doubt, "messages were with a modem when the daemon last ended");
    }
    Ok(store)
}

/// Feeds systemd's watchdog while the store and every task answer; waits for ever without one.
async fn watchdog(store: &Store, pool: &Pool, tasks: &[Pulse]) {
    let Some(limit) = notify::watchdog() else { return std::future::pending().await };
    let mut beat = tokio::time::interval(limit / 3);
    loop {
        beat.tick().await;
        let all_answer = async {
            for task in tasks {
                task.answers().await;
            }
            pool.answers().await;
            store.answers().await
        };
        match tokio::time::timeout(limit / 3, all_answer).await {
            Ok(Ok(())) => notify::alive(),
            Ok(Err(error)) => tracing::error!(%error, "the store does not answer; the watchdog is not fed"),
            Err(_) => tracing::error!("a task does not answer; the watchdog is not fed"),
        }
    }
}
