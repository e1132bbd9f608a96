//! A site in a temporary folder: simulated modems on pseudo-terminals, an app with a key, and the configuration.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use smsotpd::sim::{Carrier, CarrierSettings, Device, DeviceSettings, Registration, Terminal};
use tokio::process::Command;
use tokio::task::JoinHandle;

use super::client::Client;
use super::daemon::{Daemon, PROGRAM};

/// A folder on the disk; that of the system may be in memory.
pub(crate) const ON_DISK: &str = env!("CARGO_TARGET_TMPDIR");

/// The first of the numbers that messages go to, one for each message.
pub(crate) const FIRST_NUMBER: u64 = 15_550_000_000;

/// A carrier that answers after this time and delivers after that.
pub(crate) fn carrier(submit_time: Duration, delivery_time: Duration) -> CarrierSettings {
    CarrierSettings { submit_time, delivery_time, ..CarrierSettings::default() }
}

/// Longer than anything here runs: no report comes.
pub(crate) const NEVER: Duration = Duration::from_secs(24 * 3600);

/// A site.
pub(crate) struct Site {
    folder: tempfile::TempDir,
    pub(crate) carrier: Carrier,
    pub(crate) devices: Vec<Device>,
    radios: Vec<JoinHandle<std::io::Result<()>>>,
    address: SocketAddr,
    pub(crate) key: String,
}

impl Site {
    /// A site with so many modems, all plugged in, without any limits.
    pub(crate) async fn new(settings: CarrierSettings, modems: u16) -> anyhow::Result<Self> {
        Self::within(tempfile::tempdir_in(ON_DISK)?, settings, modems).await
    }

    /// The same with its files in memory, where a durable write costs nothing.
    pub(crate) async fn in_memory(settings: CarrierSettings, modems: u16) -> anyhow::Result<Self> {
        Self::within(tempfile::tempdir_in("/dev/shm")?, settings, modems).await
    }

    async fn within(folder: tempfile::TempDir, settings: CarrierSettings, modems: u16) -> anyhow::Result<Self> {
        let carrier = Carrier::new(settings);
        let devices = (0..modems).map(|index| Device::new(DeviceSettings::numbered(index), carrier.clone())).collect();
        // A port that is free now is hardly ever taken by somebody else a moment later.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut site = Self { folder, carrier, devices, radios: Vec::new(), address, key: String::new() };
        site.configure()?;
        site.key = site.create_app().await?;
        for index in 0..site.devices.len() {
            let terminal = Terminal::open(Some(&site.port(index)))?;
            let device = site.devices[index].clone();
            site.radios.push(tokio::spawn(async move { device.serve(terminal).await }));
        }
        Ok(site)
    }

    /// The folder of everything.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The folder of the daemon's state.
    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Starts the daemon.
    pub(crate) async fn serve(&self) -> anyhow::Result<Daemon> {
        Daemon::start(self.folder.path(), &self.config()).await
    }

    /// Starts the daemon and waits until it has set all modems up. `registered` tells whether they are in the network
    /// then; those that are not cannot send yet.
    pub(crate) async fn serve_modems(&self, registered: bool) -> anyhow::Result<Daemon> {
        self.register(registered);
        let daemon = self.serve().await?;
        let wished = format!("\"state\":\"{}\"", if registered { "ready" } else { "not_ready" });
        let mut client = self.client().await?;
        while client.get("/v1/modems").await?.matches(&wished).count() < self.devices.len() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // What little is left of the set-up.
        tokio::time::sleep(Duration::from_millis(500)).await;
        Ok(daemon)
    }

    /// Takes all modems into the network, or out of it.
    pub(crate) fn register(&self, registered: bool) {
        let registration = if registered { Registration::Home } else { Registration::Searching };
        self.devices.iter().for_each(|device| device.register(registration));
    }

    /// A connection to the daemon.
    pub(crate) async fn client(&self) -> anyhow::Result<Client> {
        Client::connect(self.address, &self.key).await
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("smsotpd.toml")
    }

    fn port(&self, index: usize) -> PathBuf {
        self.folder.path().join(format!("modem{index}"))
    }

    fn configure(&self) -> anyhow::Result<()> {
        let mut text = format!(
            "state-dir = {:?}\n[http]\nlisten = \"{}\"\nsocket = \"\"\n\
             [sim-budget]\nper-minute = 0\nper-hour = 0\nper-day = 0\n\
             [policy.default.limits]\nper-number-hour = 0\nper-number-day = 0\nper-prefix-hour = 0\n",
            self.state(),
            self.address,
        );
        for index in 0..self.devices.len() {
            text += &format!("[[modem]]\nname = \"m{index}\"\nport = {:?}\n", self.port(index));
        }
        Ok(std::fs::write(self.config(), text)?)
    }

    async fn create_app(&self) -> anyhow::Result<String> {
        let output =
            Command::new(PROGRAM).args(["app", "create", "bench", "--json", "--config"]).arg(self.config()).output();
        let output = output.await?;
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout)
            .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
        Ok(answer["key"].as_str().context("a key")?.to_owned())
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.radios.iter().for_each(JoinHandle::abort);
    }
}
