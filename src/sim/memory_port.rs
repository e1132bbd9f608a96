//! A port in memory, which can be closed and opened again without the modem's noticing more than a real one does.
//!
//! For tests on a paused clock: a pseudo-terminal lives in real time.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use super::device::Device;
use super::fault::Faults;

/// So much is on its way in each direction.
const ROOM: usize = 4_096;

/// A modem and the port in memory at which it is. Cheap to clone; every clone is the same port.
///
/// A modem that takes its port away by itself comes back after its time; one that a fault unplugs stays away until it is
/// plugged in again.
#[derive(Debug, Clone)]
pub struct MemoryPort {
    device: Device,
    inside: Arc<Mutex<Inside>>,
}

#[derive(Debug, Default)]
struct Inside {
    programs: Option<UnboundedSender<DuplexStream>>,
    stay: Option<JoinHandle<()>>,
}

impl MemoryPort {
    /// A port at which the modem is not yet.
    #[must_use]
    pub fn new(device: Device) -> Self {
        Self { device, inside: Arc::default() }
    }

    /// Plugs the modem in, unless it is or is on its way back.
    ///
    /// Must be called within a tokio runtime.
    pub fn plug(&self) {
        let mut inside = self.inside();
        if inside.stay.as_ref().is_none_or(JoinHandle::is_finished) {
            let modem_side = open(&mut inside, &self.device);
            inside.stay = Some(tokio::spawn(self.clone().stay(modem_side)));
        }
    }

    /// Pulls the modem out.
    pub async fn unplug(&self) {
        let stay = self.inside().stay.take();
        if let Some(stay) = stay {
            stay.abort();
            // It ends because it was told to, or had ended before.
            let _ = stay.await;
        }
    }

    /// Opens the port, as a program does; whoever had it open before loses it.
    ///
    /// # Errors
    /// When no modem is there.
    pub fn open(&self) -> io::Result<DuplexStream> {
        let (program, modem) = tokio::io::duplex(ROOM);
        let inside = self.inside();
        let is_there = inside.programs.as_ref().is_some_and(|programs| programs.send(modem).is_ok());
        if is_there { Ok(program) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    async fn stay(self, mut modem_side: ModemSide) {
        loop {
            if self.device.serve(modem_side).await.is_err() {
                return;
            }
            let Some(absence) = self.device.take_absence() else { return };
            tokio::time::sleep(absence).await;
            modem_side = open(&mut self.inside(), &self.device);
        }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open(inside: &mut Inside, device: &Device) -> ModemSide {
    let (sender, programs) = unbounded_channel();
    inside.programs = Some(sender);
    ModemSide { programs, program: None, faults: device.faults().clone() }
}

/// The modem's side: what it says while nobody has the port open is lost.
struct ModemSide {
    programs: UnboundedReceiver<DuplexStream>,
    program: Option<DuplexStream>,
    faults: Faults,
}

impl ModemSide {
    fn poll_programs(&mut self, context: &mut Context<'_>) {
        while let Poll::Ready(Some(program)) = self.programs.poll_recv(context) {
            self.left();
            self.program = Some(program);
        }
    }

    fn left(&mut self) {
        if self.program.take().is_some() {
            self.faults.port_left();
        }
    }
}

impl AsyncRead for ModemSide {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.poll_programs(context);
        let Some(program) = &mut this.program else { return Poll::Pending };
        let before = buffer.filled().len();
        let read = ready!(Pin::new(program).poll_read(context, buffer));
        if read.is_ok() && buffer.filled().len() > before {
            return Poll::Ready(Ok(()));
        }
        this.left();
        Poll::Pending
    }
}

impl AsyncWrite for ModemSide {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.poll_programs(context);
        let Some(program) = &mut this.program else { return Poll::Ready(Ok(bytes.len())) };
        if let Ok(written) = ready!(Pin::new(program).poll_write(context, bytes)) {
            return Poll::Ready(Ok(written));
        }
        this.left();
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
