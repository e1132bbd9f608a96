//! Word to systemd: started, alive, reloading, stopping (`sd_notify(3)`). Without systemd every call does nothing.
//!
//! It never decides whether the daemon is alive; whoever calls [`alive`] does.

mod pulse;

use std::time::Duration;

use sd_notify::NotifyState;

pub use pulse::{Beat, Pulse, pulse};

/// The daemon serves.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The daemon has begun to read its configuration again; [`ready`] ends it.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "systemd could not be told"),
    }
}

/// The daemon has begun to stop.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Every task answered: the watchdog may start anew.
pub fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// One line for `systemctl status`.
pub fn status(line: &str) {
    tell(&[NotifyState::Status(line)]);
}

/// How long systemd waits for [`alive`] before it kills the daemon (`WatchdogSec=`); `None` when it does not watch.
#[must_use]
pub fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "systemd could not be told");
    }
}
