//! `smsotpd serve`: the daemon.

use std::path::PathBuf;
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use super::{failure, log};
use crate::config::Config;
use crate::daemon::{Daemon, FINISHING, Parts, Reloader};

const AFTER_HELP: &str = "\
Without a configuration file it listens on 127.0.0.1:8687 and on /run/smsotpd/api.sock and keeps its state in \
/var/lib/smsotpd. Logs go to stderr; RUST_LOG=smsotpd=debug shows more, never a code, a text or a whole number. \
Ctrl-C or SIGTERM stops it; SIGHUP has it read the configuration again.

Example:
  smsotpd serve --config /etc/smsotpd/smsotpd.toml";

/// `smsotpd serve`
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// The configuration file [default: /etc/smsotpd/smsotpd.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Write the log as JSON, one object a line
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let log = log::begin(args.json, "smsotpd=info,warn")?;
    log::tell_panics();
    match serve(args.config).await {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            log.tell_failure(&error);
            Ok(failure::exit_code(&error))
        }
    }
}

async fn serve(file: Option<PathBuf>) -> anyhow::Result<()> {
    // From here on it ends nothing, also when the terminal is closed from which the daemon was started.
    let mut hangup = signal(SignalKind::hangup())?;
    let asked = asked_to_stop()?;
    // A file that was there must be there again when it is read again.
    let path = file.or_else(Config::default_path);
    let config = Config::load(path.as_deref())?;
    if config.modem.is_empty() && !config.looks_for_modems() {
        tracing::warn!("no [[modem]] is configured and discovery is off: messages are accepted and wait");
    }
    let daemon = Daemon::start(&config, Parts::default()).await?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        address = %daemon.address,
        socket = ?daemon.socket,
        modems = daemon.pool.members().borrow().len(),
        "serving"
    );
    let mut reloader = Reloader::new(path, config, &daemon);
    let reloading = async {
        while hangup.recv().await.is_some() {
            reloader.reload().await;
        }
        std::future::pending().await
    };
    tokio::select! {
        ended = daemon.run(FINISHING, asked) => ended?,
        () = reloading => {}
    }
    tracing::info!("stopped");
    Ok(())
}

/// As [`asked_to_stop`], and when the terminal is closed: for what is of use only while somebody watches.
///
/// # Errors
/// When the signals cannot be listened to.
pub(super) fn asked_to_stop_or_left() -> anyhow::Result<impl Future<Output = ()>> {
    let mut hangup = signal(SignalKind::hangup())?;
    let asked = asked_to_stop()?;
    Ok(async move {
        tokio::select! {
            _ = hangup.recv() => {}
            () = asked => {}
        }
    })
}

/// Done when somebody asks the process to end: Ctrl-C, or systemd's SIGTERM.
///
/// # Errors
/// When the signals cannot be listened to.
pub(super) fn asked_to_stop() -> anyhow::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
