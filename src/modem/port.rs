//! Opening the port a modem is reached over.
//!
//! Its one rule: never flush. On a serial port that is a blocking `tcdrain`, which may never return.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_serial::{ClearBuffer, SerialPort, SerialPortBuilderExt, SerialStream};

/// An open port.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// What [`Connector::connect`] gives: the open port, or why it does not open.
pub type Connecting<'a> = Pin<Box<dyn Future<Output = io::Result<Box<dyn Io>>> + Send + 'a>>;

/// What [`Connector::reset_usb`] gives: whether the device was reset.
pub type Resetting<'a> = Pin<Box<dyn Future<Output = io::Result<()>> + Send + 'a>>;

/// Opens one modem's port, as often as it is asked.
pub trait Connector: Send + 'static {
    /// Opens the port.
    ///
    /// # Errors
    /// The operating system's, when the port is not there, is in use, or must not be opened.
    fn connect(&mut self) -> Connecting<'_>;

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
    path: String,
    baud: u32,
}

impl SerialConnector {
    /// The port at this path, at this speed in baud.
    #[must_use]
    pub fn new(path: impl Into<String>, baud: u32) -> Self {
        Self { path: path.into(), baud }
    }
}

impl Connector for SerialConnector {
    fn connect(&mut self) -> Connecting<'_> {
        Box::pin(async move {
            // 8N1 without flow control is what a new builder has; the lock is taken while it opens.
            let stream = tokio_serial::new(&self.path, self.baud).open_native_async()?;
            Ok(Box::new(Serial { stream: Some(stream) }) as Box<dyn Io>)
        })
    }
}

/// An open serial port that does not hold up the daemon while it closes.
struct Serial {
    /// Always there until the port is dropped.
    stream: Option<SerialStream>,
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
            runtime.spawn_blocking(move || drop(stream));
        }
    }
}
