//! The life of the task: opens the port, stays with the modem, and when something is the matter does what the ladder says.
//!
//! ```text
//! run ── live: connect, attend (actor.rs) ── a fault ── ladder.rs ── a pause, perhaps a rung ──┐
//!  ^                                                                                          │
//!  └──────────────────────────────────────────────────────────────────────────────────────────┘
//! ```

use std::io;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::time::error::Elapsed;

use super::actor::{Actor, End, Left};
use super::health::{Recovery, Rung, State};
use super::ladder::{Fault, Step};
use super::port::Connector;
use super::verdict;
use super::visit::Phase;
use super::wire::{Wire, now};

/// How long a port may take to open before it counts as away. A connector may wait longer: it is asked again.
const CONNECTING: Duration = Duration::from_secs(60);
/// How long taking a device off the bus and putting it back may take.
const RESETTING: Duration = Duration::from_secs(15);
/// How long the site's own command for the power may take.
const CYCLING: Duration = Duration::from_secs(60);

impl Actor {
    pub(super) async fn run(mut self, mut connector: Box<dyn Connector>) {
        while let Some((fault, state)) = self.live(&mut *connector).await {
            loop {
                let step = self.ladder.after(fault, now());
                self.announce(fault, step, state.as_ref());
                match self.take(fault, step, &mut *connector).await {
                    None => return self.leave(),
                    Some(Taken::Done) => break,
                    Some(Taken::Lacking(rung)) => self.ladder.lacks(rung),
                }
            }
        }
        self.leave();
    }

    /// Opens the port and stays with the modem until something is the matter: what, and what to show unless that is
    /// shown already. `None` when the daemon stops.
    async fn live(&mut self, connector: &mut dyn Connector) -> Option<(Fault, Option<State>)> {
        match self.meanwhile(tokio::time::timeout(CONNECTING, connector.connect())).await? {
            Ok(Ok(io)) => {
                self.show_port(connector.port());
                let left = self.attend(io).await;
                self.fault(&left).map(|(fault, state)| (fault, Some(state)))
            }
            Ok(Err(error)) => {
                tracing::debug!(modem.name = %self.name, %error, "the port does not open");
                let fault = if error.kind() == io::ErrorKind::NotFound { Fault::Away } else { Fault::NotNow };
                Some((fault, Some(State::unopened(&error))))
            }
            // It is waited for, and why has been told.
            Err(_) => Some((Fault::Away, None)),
        }
    }

    fn show_port(&self, port: Option<String>) {
        self.health.send_if_modified(|health| {
            let port = port.filter(|port| *port != health.port);
            port.map(|port| health.port = port).is_some()
        });
    }

    fn fault(&self, left: &Left) -> Option<(Fault, State)> {
        let end = &left.end;
        let fault = match end {
            End::Stopped => return None,
            End::Gone(gone) if gone.is_stuck() => Fault::Deaf,
            End::Restarted if self.visit.phase != Phase::Working => Fault::NotNow,
            End::Gone(_) | End::Restarted => Fault::Lost { sending: left.while_sending },
            End::Deaf | End::Noise => Fault::Deaf,
            End::Mute => Fault::Mute,
            End::CardFails => Fault::Card,
        };
        tracing::warn!(modem.name = %self.name, %end, "lost the modem");
        let state = match fault {
            Fault::Deaf | Fault::Mute | Fault::Card => verdict::out_of_order(end),
            _ if matches!(end, End::Restarted) => verdict::started_anew(),
            _ => State::Absent { reason: end.to_string() },
        };
        Some((fault, state))
    }

    /// Shows what is the matter and what is done about it.
    fn announce(&mut self, fault: Fault, step: Step, state: Option<&State>) {
        let power = self.ladder.looks_like_power(now());
        if let Some(times) = step.flapped {
            tracing::warn!(modem.name = %self.name, times, power, rest = ?step.pause, "the modem comes and goes and is left alone");
            self.show(verdict::flapping(times, step.pause, power));
        } else if power && matches!(fault, Fault::Lost { .. } | Fault::Away) {
            if fault != Fault::Away {
                tracing::warn!(modem.name = %self.name, "the modem goes away while it sends: its power supply looks too weak");
            }
            self.show(verdict::weak_power());
        } else if let Some(state) = state {
            self.show(state.clone());
        }
        let gave_up =
            matches!(fault, Fault::Deaf | Fault::Mute) && step.rung.is_none() && !self.ladder.is_starting(now());
        let wake_failed = self.health.borrow().recovery.is_some_and(|last| last.rung == Rung::Wake);
        if gave_up || wake_failed {
            self.end_rung(false);
        }
    }

    /// Waits, and does what the step says. `None` when the daemon stops.
    async fn take(&mut self, fault: Fault, step: Step, connector: &mut dyn Connector) -> Option<Taken> {
        let may_appear = fault == Fault::Away && step.rung.is_none();
        let pause = async {
            tokio::select! {
                () = tokio::time::sleep(step.pause) => {}
                () = connector.appears(), if may_appear => {}
            }
        };
        self.meanwhile(pause).await?;
        let Some(rung) = step.rung else { return Some(Taken::Done) };
        if rung == Rung::UsbReset {
            return self.reset_usb(connector).await;
        }
        self.begin_rung(rung);
        match rung {
            Rung::Restart => self.restart(connector).await,
            Rung::PowerCycle => self.cycle_power().await,
            // The next thing done is opening the port, and waking the modem.
            _ => Some(Taken::Done),
        }
    }

    /// Tells the modem to start anew, whatever it is doing, and listens to nothing it says.
    async fn restart(&mut self, connector: &mut dyn Connector) -> Option<Taken> {
        let opened = self.meanwhile(tokio::time::timeout(CONNECTING, connector.connect())).await?;
        if let Ok(Ok(io)) = opened {
            let mut wire = Wire::new(io);
            self.meanwhile(wire.shout(self.profile.restart)).await?;
        }
        Some(Taken::Done)
    }

    async fn reset_usb(&mut self, connector: &mut dyn Connector) -> Option<Taken> {
        let reset = self.meanwhile(tokio::time::timeout(RESETTING, connector.reset_usb())).await?;
        // Only the port knows whether there is such a rung at all.
        if matches!(&reset, Ok(Err(error)) if error.kind() == io::ErrorKind::Unsupported) {
            return Some(Taken::Lacking(Rung::UsbReset));
        }
        self.begin_rung(Rung::UsbReset);
        match reset {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(modem.name = %self.name, %error, "its USB device cannot be reset"),
            Err(_) => tracing::warn!(modem.name = %self.name, "resetting its USB device does not end"),
        }
        Some(Taken::Done)
    }

    async fn cycle_power(&mut self) -> Option<Taken> {
        let Some((program, arguments)) = self.settings.power_cycle.split_first() else {
            return Some(Taken::Lacking(Rung::PowerCycle));
        };
        let mut command = tokio::process::Command::new(program);
        command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        let ended = self.meanwhile(tokio::time::timeout(CYCLING, command.output())).await?;
        if !self.tell_of_cycle(ended) {
            self.ladder.cycle_failed();
        }
        Some(Taken::Done)
    }

    /// Says what has become of the command for the power; tells whether it did its work, as far as can be told.
    fn tell_of_cycle(&self, ended: Result<io::Result<Output>, Elapsed>) -> bool {
        match ended {
            Ok(Ok(Output { status, stdout, stderr })) => {
                let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
                tracing::debug!(modem.name = %self.name, %status, %stdout, %stderr, "the power-cycle command has ended");
                if !status.success() {
                    tracing::warn!(modem.name = %self.name, %status, "the power-cycle command failed");
                }
                return status.success();
            }
            Ok(Err(error)) => tracing::warn!(modem.name = %self.name, %error, "the power-cycle command cannot be run"),
            Err(_) => tracing::warn!(modem.name = %self.name, "the power-cycle command does not end and was stopped"),
        }
        false
    }

    /// Writes down that a rung is tried, and that the one before did not help.
    pub(super) fn begin_rung(&mut self, rung: Rung) {
        self.end_rung(false);
        tracing::warn!(modem.name = %self.name, rung = rung.as_str(), "trying to bring the modem back");
        let at = self.clock.wall();
        self.health.send_modify(|health| health.recovery = Some(Recovery { rung, at, helped: None }));
    }

    /// Writes down whether the rung that was tried last has helped, unless that is known.
    pub(super) fn end_rung(&mut self, helped: bool) {
        let Some(last) = self.health.borrow().recovery.filter(|last| last.helped.is_none()) else { return };
        let rung = last.rung.as_str();
        if helped {
            tracing::info!(modem.name = %self.name, rung, "that brought the modem back");
        } else {
            tracing::warn!(modem.name = %self.name, rung, "that did not bring the modem back");
        }
        self.health.send_modify(|health| health.recovery = Some(Recovery { helped: Some(helped), ..last }));
    }
}

/// What became of a rung.
enum Taken {
    Done,
    /// This modem has no such rung.
    Lacking(Rung),
}
