//! Opening the port a modem is reached over.
//!
//! Its one rule: never flush. On a serial port that is a blocking `tcdrain`, which may never return.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tokio_serial::{ClearBuffer, SerialPort, SerialPortBuilderExt, SerialStream};

use super::discovery::{UsbPlace, reset};
use super::holder::{self, Verdict};

/// Where the system's devices are told of.
pub(super) const SYSFS: &str = "/sys";

/// An open port.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// What [`Connector::connect`] gives: the open port, or why it does not open.
pub type Connecting<'a> = Pin<Box<dyn Future<Output = io::Result<Box<dyn Io>>> + Send + 'a>>;

/// What [`Connector::reset_usb`] gives: whether the device was reset.
pub type Resetting<'a> = Pin<Box<dyn Future<Output = io::Result<()>> + Send + 'a>>;

/// What [`Connector::appears`] gives: the modem is there.
pub type Appearing<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Why a port does not open, in a whole sentence, for people.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unopened(String);

impl Unopened {
    /// This reason as an error of the operating system's kind.
    pub(super) fn as_error(kind: io::ErrorKind, reason: String) -> io::Error {
        io::Error::new(kind, Self(reason))
    }
}

/// Opens one modem's port, as often as it is asked.
pub trait Connector: Send + 'static {
    /// Opens the port.
    ///
    /// # Errors
    /// The operating system's, when the port is not there, is in use, or must not be opened.
    fn connect(&mut self) -> Connecting<'_>;

    /// Done as soon as the modem is there, after its port was not. Where nobody tells, it never is: the port is tried.
    fn appears(&mut self) -> Appearing<'_> {
        Box::pin(std::future::pending())
    }

    /// Where the port was opened last, when that is not always the same place.
    fn port(&self) -> Option<String> {
        None
    }

    /// Takes the modem's USB device off the bus and puts it back, while no port of it is open.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] for a port that is not on USB; else the operating system's.
    fn reset_usb(&mut self) -> Resetting<'_> {
        Box::pin(std::future::ready(Err(io::ErrorKind::Unsupported.into())))
    }
}

/// A serial port by its path: 8 data bits, no parity, 1 stop bit, no flow control, for this process alone.
#[derive(Debug, Clone)]
pub struct SerialConnector {
    path: PathBuf,
    baud: u32,
    sysfs: PathBuf,
    /// The USB device the port was found on last: it is there still when its ports are gone.
    usb: Option<UsbPlace>,
}

impl SerialConnector {
    /// The port at this path, at this speed in baud.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, baud: u32) -> Self {
        Self { path: path.into(), baud, sysfs: SYSFS.into(), usb: None }
    }

    /// The same port, on a machine whose devices are told of below this directory instead of `/sys`.
    #[must_use]
    pub fn with_sysfs(self, sysfs: impl Into<PathBuf>) -> Self {
        Self { sysfs: sysfs.into(), ..self }
    }

    async fn open(&mut self) -> io::Result<Box<dyn Io>> {
        if let Some(usb) = usb_place(&self.sysfs, &self.path).await {
            self.usb = Some(usb);
        }
        let (port, _closed) = open(&self.sysfs, &self.path, self.baud).await?;
        Ok(port)
    }
}

impl Connector for SerialConnector {
    fn connect(&mut self) -> Connecting<'_> {
        Box::pin(self.open())
    }

    fn reset_usb(&mut self) -> Resetting<'_> {
        Box::pin(async {
            match self.usb.clone().or(usb_place(&self.sysfs, &self.path).await) {
                Some(usb) => reset(usb).await,
                None => Err(io::ErrorKind::Unsupported.into()),
            }
        })
    }
}

/// The USB device behind a port, as far as there is one.
pub(super) async fn usb_place(sysfs: &Path, port: &Path) -> Option<UsbPlace> {
    let (sysfs, port) = (sysfs.to_owned(), port.to_owned());
    tokio::task::spawn_blocking(move || UsbPlace::of_port(&sysfs, &port)).await.ok().flatten()
}

/// How long a port that nobody else is seen to have open may take to be free, in steps.
const WAIT: Duration = Duration::from_millis(50);
const MOST_WAITS: u8 = 20;

/// Done when a port that was dropped is closed; until then nobody can open it.
pub(super) type Closed = oneshot::Receiver<()>;

/// Opens a serial port. One that is held by another program is left alone, and the program named; one that this process
/// is about to close, or that nobody is seen to have open, is waited for a little; and one of a modem in a download mode
/// is never opened, whatever names it.
pub(super) async fn open(sysfs: &Path, path: &Path, baud: u32) -> io::Result<(Box<dyn Io>, Closed)> {
    if usb_place(sysfs, path).await.is_some_and(|usb| usb.is_in_download_mode()) {
        let reason = format!(
            "{} is of a modem that did not start and waits for new firmware; take its power away for ten seconds",
            path.display()
        );
        // As good as not there: nothing but its power helps.
        return Err(Unopened::as_error(io::ErrorKind::NotFound, reason));
    }
    let mut waits = MOST_WAITS;
    loop {
        // 8N1 without flow control is what a new builder has; the lock is taken while it opens.
        let error = match tokio_serial::new(path.to_string_lossy(), baud).open_native_async() {
            Ok(stream) => {
                let (closing, closed) = oneshot::channel();
                return Ok((Box::new(Serial { stream: Some(stream), closing: Some(closing) }), closed));
            }
            Err(error) => io::Error::from(error),
        };
        let (sysfs, path) = (sysfs.to_owned(), path.to_owned());
        let judge = tokio::task::spawn_blocking(move || holder::judge(error, &sysfs, &path));
        match judge.await.map_err(io::Error::other)? {
            Verdict::Passing(_) if waits > 0 => waits -= 1,
            Verdict::Passing(error) | Verdict::Lasting(error) => return Err(error),
        }
        tokio::time::sleep(WAIT).await;
    }
}

/// An open serial port that does not hold up the daemon while it closes.
struct Serial {
    /// Always there until the port is dropped.
    stream: Option<SerialStream>,
    /// Dropped when the port is closed.
    closing: Option<oneshot::Sender<()>>,
}

impl Serial {
    fn stream(&mut self) -> io::Result<Pin<&mut SerialStream>> {
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl AsyncRead for Serial {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_read(cx, buf)
    }
}

impl AsyncWrite for Serial {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for Serial {
    /// Bytes that a dead modem did not take can keep the kernel busy with closing: they are thrown away, and the
    /// closing is done where it may block.
    fn drop(&mut self) {
        let Some(stream) = self.stream.take() else { return };
        if let Err(error) = stream.clear(ClearBuffer::Output) {
            tracing::trace!(%error, "what was not written could not be thrown away");
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let closing = self.closing.take();
            runtime.spawn_blocking(move || {
                drop(stream);
                drop(closing);
            });
        }
    }
}
