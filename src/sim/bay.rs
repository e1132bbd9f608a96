//! A place where a modem can be plugged in and pulled out, as a USB port is.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::JoinHandle;

use super::device::Device;
use super::terminal::Terminal;

/// One modem and the port at which it is, under a link of your choice. Cheap to clone; every clone is the same place.
///
/// Plugging it in under another name is what a host does that numbers its ports anew. A modem that takes its port away
/// by itself (a restart, a brown-out) comes back after its time; one that a fault unplugs stays away until it is plugged.
#[derive(Debug, Clone)]
pub struct Bay {
    device: Device,
    place: Arc<Mutex<Place>>,
}

#[derive(Debug, Default)]
struct Place {
    link: Option<PathBuf>,
    stay: Option<JoinHandle<()>>,
}

impl Bay {
    /// An empty place for this modem.
    #[must_use]
    pub fn new(device: Device) -> Self {
        Self { device, place: Arc::default() }
    }

    /// The modem.
    #[must_use]
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Plugs the modem in: it powers up at a pseudo-terminal to which `link` points, or which has only its own name.
    /// If it was plugged in elsewhere, it is pulled out there first. Gives the path for programs.
    ///
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the system has no pseudo-terminal left, or the link cannot be made. The modem is then unplugged.
    pub async fn plug(&self, link: Option<&Path>) -> io::Result<PathBuf> {
        self.unplug().await;
        let terminal = Terminal::open(link)?.telling(self.device.faults());
        let path = terminal.path().to_owned();
        let mut place = self.place();
        place.link = link.map(Path::to_owned);
        place.stay = Some(tokio::spawn(self.clone().stay(terminal)));
        Ok(path)
    }

    /// Pulls the modem out, and waits until its link is gone.
    pub async fn unplug(&self) {
        let stay = self.place().stay.take();
        if let Some(stay) = stay {
            stay.abort();
            // It ends because it was told to, or had ended before.
            let _ = stay.await;
        }
    }

    /// Lets the modem come back under another link when it goes away by itself.
    pub fn comes_back_as(&self, link: &Path) {
        self.place().link = Some(link.to_owned());
    }

    /// Serves the port, and opens another whenever the modem went away for a while.
    async fn stay(self, mut terminal: Terminal) {
        loop {
            if self.device.serve(terminal).await.is_err() {
                return;
            }
            let Some(absence) = self.device.take_absence() else { return };
            tokio::time::sleep(absence).await;
            let link = self.place().link.clone();
            match Terminal::open(link.as_deref()) {
                Ok(opened) => terminal = opened.telling(self.device.faults()),
                Err(_) => return,
            }
        }
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
