//! The release daemon as a process, and what the kernel knows of it.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tokio::net::UnixDatagram;
use tokio::process::{Child, Command};

/// The program that is measured.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_smsotpd");

/// A running daemon. Dropped, it is killed.
pub(crate) struct Daemon {
    child: Child,
    /// From its start to its word that it serves.
    pub(crate) ready_after: Duration,
}

impl Daemon {
    /// Starts it, and waits until it tells that it serves, as systemd does.
    pub(crate) async fn start(folder: &Path, config: &Path) -> anyhow::Result<Self> {
        let socket = folder.join("notify");
        let _ = std::fs::remove_file(&socket);
        let notify = UnixDatagram::bind(&socket)?;
        let log = std::fs::File::create(folder.join("log"))?;
        let started = Instant::now();
        let mut child = Command::new(PROGRAM)
            .args(["serve", "--config"])
            .arg(config)
            .env("NOTIFY_SOCKET", &socket)
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        let mut word = [0; 256];
        loop {
            tokio::select! {
                received = notify.recv(&mut word) => {
                    if word[..received?].starts_with(b"READY=1") {
                        return Ok(Self { child, ready_after: started.elapsed() });
                    }
                }
                ended = child.wait() => {
                    let log = std::fs::read_to_string(folder.join("log"))?;
                    anyhow::bail!("the daemon does not start ({}): {log}", ended?);
                }
            }
        }
    }

    /// Ends it and waits until it is gone.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let id = i32::try_from(self.id()?)?;
        let pid = rustix::process::Pid::from_raw(id).context("a process has an id")?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        let ended = self.child.wait().await?;
        ensure!(ended.success(), "the daemon ended badly: {ended}");
        Ok(())
    }

    /// The processor time it has used, of all its threads, in user and system mode.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        const TICKS_PER_SECOND: f64 = 100.0;
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id()?))?;
        let after_name = stat.rsplit_once(')').context("a name in brackets")?.1;
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        let ticks = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
        Ok(Duration::from_secs_f64(ticks / TICKS_PER_SECOND))
    }

    /// A size in `/proc/PID/status`, in megabytes of 1,000,000 octets.
    pub(crate) fn megabytes(&self, name: &str) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()?))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let kibibytes = line.context("no such size")?.trim().trim_end_matches(" kB").parse::<f64>()?;
        Ok(kibibytes * 1024.0 / 1e6)
    }

    fn id(&self) -> anyhow::Result<u32> {
        self.child.id().context("the daemon has ended")
    }
}
