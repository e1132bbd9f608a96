//! What has been found, for everybody to look at, and the way to the port of one modem wherever it is.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{mpsc, oneshot, watch};

use super::super::port::{self, Appearing, Connecting, Connector, Io, Resetting, Unopened};
use super::reset::reset;
use super::sysfs::UsbPlace;
use crate::ids::Imei;

/// What a modem is known by, whatever its port is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// The radio's own number.
    Imei(Imei),
    /// For a modem that does not tell its number: its serial number on USB, else the place it is plugged into.
    Mark(String),
}

impl Identity {
    /// Whether both are the same modem.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Imei(one), Self::Imei(other)) => one.of_the_radio() == other.of_the_radio(),
            (Self::Mark(one), Self::Mark(other)) => one == other,
            _ => false,
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Imei(imei) => write!(f, "IMEI {imei}"),
            Self::Mark(mark) => write!(f, "mark {mark}"),
        }
    }
}

/// A place where a modem is or may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What it is and where, for instance `Quectel EC25 (2c7c:0125) in USB socket 1-1.2`.
    pub what: String,
    /// How it is used.
    pub sight: Sight,
    pub(super) usb: Option<UsbPlace>,
}

/// What has come of looking at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// It is being asked.
    Asking,
    /// A modem has answered.
    Modem {
        /// Which one.
        identity: Identity,
        /// Its model, as it says.
        model: Option<String>,
        /// The port that takes its commands.
        port: PathBuf,
    },
    /// A modem that was found here is left to the configuration, which names a port of it.
    Left {
        /// Which one.
        identity: Identity,
    },
    /// It should be a modem, and cannot be used as it is.
    Trouble {
        /// Why, in one sentence.
        reason: String,
        /// What to do about it, in one sentence; empty when the reason says it.
        advice: String,
    },
}

/// The ports that have been found. Cheap to clone; all clones see the same.
#[derive(Debug, Clone)]
pub struct Ports {
    pub(super) seen: watch::Receiver<Vec<Seen>>,
    /// Asks for a look at what is plugged in now, and hears when it is done.
    pub(super) looks: mpsc::Sender<oneshot::Sender<()>>,
    pub(super) sysfs: PathBuf,
}

impl Ports {
    /// What is there, now and from now on.
    #[must_use]
    pub fn seen(&self) -> watch::Receiver<Vec<Seen>> {
        self.seen.clone()
    }

    /// Opens the port of this modem wherever it is, as often as it is asked.
    #[must_use]
    pub fn connector(&self, identity: Identity) -> Box<dyn Connector> {
        Box::new(WhereverItIs {
            ports: self.clone(),
            seen: self.seen(),
            identity,
            baud: BAUD,
            told: None,
            port: None,
            usb: None,
        })
    }

    async fn look(&self) {
        let (done, heard) = oneshot::channel();
        if self.looks.send(done).await.is_ok() {
            // It ends only with the daemon.
            let _ = heard.await;
        }
    }
}

/// Modems are found over USB, where the speed has no effect.
const BAUD: u32 = 115_200;

/// Opens the port of one modem.
///
/// While it is not there, the reason is told once as an error, and again when it changes; otherwise it is waited for.
struct WhereverItIs {
    ports: Ports,
    /// As it was when the port was opened last, or was not.
    seen: watch::Receiver<Vec<Seen>>,
    identity: Identity,
    baud: u32,
    told: Option<String>,
    port: Option<PathBuf>,
    usb: Option<UsbPlace>,
}

impl WhereverItIs {
    async fn open(&mut self) -> io::Result<Box<dyn Io>> {
        // Since the port was lost the modem may have moved, and its old name may be another's.
        self.ports.look().await;
        loop {
            let missing = {
                let seen = self.seen.borrow_and_update();
                let found = find(&seen, &self.identity);
                if let Some((port, usb)) = &found {
                    (self.port, self.usb, self.told) = (Some(port.clone()), usb.clone(), None);
                }
                let still_asking = seen.iter().any(|seen| matches!(seen.sight, Sight::Asking));
                (found.is_none()).then(|| (!still_asking).then(|| missing(&self.identity, &seen)))
            };
            match (missing, &self.port) {
                (None, Some(port)) => {
                    let (io, _closed) = port::open(&self.ports.sysfs, port, self.baud).await?;
                    let left = left(self.ports.seen(), self.identity.clone());
                    return Ok(Box::new(Borrowed { io, left: Box::pin(left), is_left: false }));
                }
                (Some(Some(reason)), _) if self.told.as_ref() != Some(&reason) => {
                    self.told = Some(reason.clone());
                    return Err(Unopened::as_error(io::ErrorKind::NotFound, reason));
                }
                _ => {}
            }
            if self.seen.changed().await.is_err() {
                return Err(Unopened::as_error(io::ErrorKind::NotFound, "the daemon is stopping".to_owned()));
            }
        }
    }
}

fn find(seen: &[Seen], wanted: &Identity) -> Option<(PathBuf, Option<UsbPlace>)> {
    seen.iter().find_map(|seen| match &seen.sight {
        Sight::Modem { identity, port, .. } if identity.is(wanted) => Some((port.clone(), seen.usb.clone())),
        _ => None,
    })
}

/// Is done when this modem is left to the configuration.
async fn left(mut seen: watch::Receiver<Vec<Seen>>, whose: Identity) {
    let is_left = |seen: &Seen| matches!(&seen.sight, Sight::Left { identity } if identity.is(&whose));
    if seen.wait_for(|seen| seen.iter().any(is_left)).await.is_err() {
        // The daemon is stopping.
        std::future::pending().await
    }
}

/// A port that is lost when the modem is left to the configuration: two tasks must not drive one modem.
struct Borrowed {
    io: Box<dyn Io>,
    left: Pin<Box<dyn Future<Output = ()> + Send>>,
    is_left: bool,
}

impl AsyncRead for Borrowed {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.is_left = self.is_left || self.left.as_mut().poll(cx).is_ready();
        if self.is_left {
            return Poll::Ready(Err(io::Error::other("the configuration has another name for this modem")));
        }
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Borrowed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// Why the modem cannot be found, with whatever is in the way of finding it.
fn missing(wanted: &Identity, seen: &[Seen]) -> String {
    let is_left = |seen: &&Seen| matches!(&seen.sight, Sight::Left { identity } if identity.is(wanted));
    if let Some(seen) = seen.iter().find(is_left) {
        return format!("{} is a modem that the configuration names by its port: it has that name now", seen.what);
    }
    let mut reason = format!("no modem with {wanted} is plugged in");
    for seen in seen {
        if let Sight::Trouble { reason: trouble, .. } = &seen.sight {
            reason.push_str("; ");
            reason.push_str(trouble);
        }
    }
    reason
}

impl Connector for WhereverItIs {
    fn connect(&mut self) -> Connecting<'_> {
        Box::pin(self.open())
    }

    fn appears(&mut self) -> Appearing<'_> {
        Box::pin(async {
            while self.seen.changed().await.is_ok() {
                if find(&self.seen.borrow_and_update(), &self.identity).is_some() {
                    return;
                }
            }
            // The daemon is stopping.
            std::future::pending().await
        })
    }

    fn port(&self) -> Option<String> {
        self.port.as_deref().map(Path::display).map(|port| port.to_string())
    }

    fn reset_usb(&mut self) -> Resetting<'_> {
        Box::pin(async {
            match self.usb.clone() {
                Some(usb) => reset(usb).await,
                None => Err(io::ErrorKind::Unsupported.into()),
            }
        })
    }
}
