//! The modems' tasks: started, taken into the pool, watched over.
//!
//! A modem may be added at any time. Its task runs until the daemon stops; one that ends before has died, and the
//! process with it.

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::dispatch::Pool;
use crate::http::UnusableView;
use crate::ids::Imei;
use crate::modem::discovery::{Finder, Found, Identity, Known, Ports, Seen, Sight};
use crate::modem::{self, Connector, SerialConnector, Surroundings, TcpAddress, TcpConnector};
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
                Some(ended) = self.tasks.join_next() => {
                    ended.and_then(|died| died)?;
                    if !self.surroundings.stop.is_cancelled() {
                        // Nobody asked it to: this ends the process.
                        return Ok(());
                    }
                }
                () = self.surroundings.stop.cancelled(), if self.tasks.is_empty() => return Ok(()),
            }
        }
    }
}

/// Finds modems, as the configuration says.
pub(super) struct Discovery {
    finder: Finder,
    ports: Ports,
    finds: mpsc::UnboundedReceiver<Found>,
    unusable: watch::Sender<Vec<UnusableView>>,
}

impl Discovery {
    pub(super) fn new(config: &Config) -> Self {
        let known = Known { modems: config.modem.clone(), adopt: config.adopts_modems() };
        let (finder, ports, finds) = Finder::new(config.discovery.clone(), known);
        Self { finder, ports, finds, unusable: watch::Sender::default() }
    }

    /// What is plugged in and cannot be used, now and from now on.
    pub(super) fn unusable(&self) -> watch::Receiver<Vec<UnusableView>> {
        self.unusable.subscribe()
    }

    /// Opens the port of a modem wherever it is.
    fn connector(&self, imei: &Imei) -> Box<dyn Connector> {
        self.ports.connector(Identity::Imei(imei.clone()))
    }

    /// Finds modems, and hands out those that are not configured, until stopped.
    pub(super) async fn run(self, found: mpsc::Sender<NewModem>, stop: CancellationToken) {
        let Self { finder, ports, mut finds, unusable } = self;
        let hand_out = async {
            while let Some(Found { settings, model, connector }) = finds.recv().await {
                tracing::info!(modem.name = %settings.name, model, "a modem that is not configured is used");
                if found.send((settings, connector)).await.is_err() {
                    break;
                }
            }
            std::future::pending().await
        };
        tokio::select! {
            () = finder.run(stop) => {}
            () = hand_out => {}
            () = show_unusable(ports, unusable) => {}
        }
    }
}

async fn show_unusable(ports: Ports, shown: watch::Sender<Vec<UnusableView>>) {
    let mut seen = ports.seen();
    let view = |seen: &Seen| match &seen.sight {
        Sight::Trouble { reason, advice } => {
            Some(UnusableView { reason: reason.clone(), advice: (!advice.is_empty()).then(|| advice.clone()) })
        }
        _ => None,
    };
    loop {
        let views = seen.borrow_and_update().iter().filter_map(view).collect();
        shown.send_replace(views);
        if seen.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

/// The configured modems, and how their ports are opened.
pub(super) fn configured(config: &Config, discovery: Option<&Discovery>) -> Vec<NewModem> {
    let connector = |settings: &modem::Settings| -> Option<Box<dyn Connector>> {
        let Some(port) = &settings.port else {
            return Some(discovery?.connector(settings.imei.as_ref()?));
        };
        if let Ok(address) = port.parse::<TcpAddress>() {
            return Some(Box::new(TcpConnector::new(address)));
        }
        Some(Box::new(SerialConnector::new(port, settings.baud).with_sysfs(&config.discovery.sysfs)))
    };
    // A modem that has neither a port nor an IMEI is refused with the configuration.
    config.modem.iter().filter_map(|settings| Some((settings.clone(), connector(settings)?))).collect()
}
