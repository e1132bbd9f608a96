//! What is plugged in and pulled out, as events.
//!
//! Three kinds of folders are watched: that of the devices, for serial ports that come, go, or are given to a group;
//! those of the USB buses below it, for devices without a serial port; that of the links, or the nearest folder above
//! it that is there.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use tokio::io::unix::AsyncFd;

use super::settings::Settings;
use super::sysfs::entries;

/// A device brings several ports within a moment, and udev gives each its rights and its link.
const SETTLE: Duration = Duration::from_millis(300);
/// However much goes on, this is the longest it is waited for.
const LONGEST_SETTLE: Duration = Duration::from_secs(3);

/// Names in the folder of devices that are worth a look.
const NAMES: [&str; 6] = ["ttyUSB", "ttyACM", "ttyHS", "sr", "sg", "sd"];

/// Watches for what is plugged in and pulled out.
pub(super) struct Watcher {
    events: AsyncFd<OwnedFd>,
    devices: PathBuf,
    links: PathBuf,
    /// The watch on the folder of devices; in the others everything counts.
    on_devices: i32,
    /// Something has changed, and nobody has been told yet.
    noticed: bool,
}

impl Watcher {
    /// Starts to watch. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the system has no watch left, or there is no folder of devices.
    pub(super) fn new(settings: &Settings) -> io::Result<Self> {
        let events = on_runtime(inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?)?;
        let (devices, links) = (settings.devices.clone(), settings.links.clone());
        let on_devices = watch(&events, &devices)?;
        let watcher = Self { events, devices, links, on_devices, noticed: false };
        watcher.watch_what_there_is();
        Ok(watcher)
    }

    /// Waits until something has changed and has settled. What changes after this returns makes the next call return.
    ///
    /// May be cancelled at any time: a change that was noticed makes the next call return.
    ///
    /// # Errors
    /// When the events cannot be read.
    pub(super) async fn changed(&mut self) -> io::Result<()> {
        while !self.noticed {
            self.noticed = self.take_events().await?;
        }
        let longest = tokio::time::sleep(LONGEST_SETTLE);
        tokio::pin!(longest);
        loop {
            tokio::select! {
                taken = self.take_events() => drop(taken?),
                () = tokio::time::sleep(SETTLE) => break,
                () = &mut longest => break,
            }
        }
        self.noticed = false;
        // Before whoever waited takes a look, so that nothing comes between.
        self.watch_what_there_is();
        Ok(())
    }

    /// Folders come and go; to watch one twice changes nothing.
    fn watch_what_there_is(&self) {
        let bus = self.devices.join("bus/usb");
        let buses = entries(&bus).into_iter().map(|(_, path)| path);
        let links = self.links.ancestors().find(|folder| folder.is_dir()).filter(|folder| **folder != self.devices);
        for folder in buses.chain([bus]).chain(links.map(Path::to_owned)) {
            if folder.is_dir()
                && let Err(error) = watch(&self.events, &folder)
            {
                tracing::warn!(folder = %folder.display(), %error, "a folder cannot be watched for modems");
            }
        }
    }

    /// Waits for events and takes all there are; whether any of them counts.
    async fn take_events(&self) -> io::Result<bool> {
        let mut counts = false;
        let mut guard = self.events.readable().await?;
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = inotify::Reader::new(self.events.get_ref(), &mut buffer);
        loop {
            match reader.next() {
                Ok(event) => {
                    let name = event.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                    let lost = event.events().contains(ReadFlags::QUEUE_OVERFLOW);
                    counts |= lost || self.counts(event.wd(), &name);
                }
                Err(rustix::io::Errno::AGAIN) => {
                    guard.clear_ready();
                    return Ok(counts);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn counts(&self, folder: i32, name: &str) -> bool {
        let towards_links = || {
            let mut on_the_way = self.links.strip_prefix(&self.devices).into_iter().flat_map(Path::components);
            on_the_way.next().is_some_and(|first| first.as_os_str() == name)
        };
        folder != self.on_devices
            || name == "bus"
            || NAMES.iter().any(|start| name.starts_with(start))
            || towards_links()
    }
}

fn watch(events: &AsyncFd<OwnedFd>, folder: &Path) -> io::Result<i32> {
    let what = WatchFlags::CREATE
        | WatchFlags::DELETE
        | WatchFlags::MOVED_FROM
        | WatchFlags::MOVED_TO
        | WatchFlags::ATTRIB
        | WatchFlags::DELETE_SELF
        | WatchFlags::ONLYDIR;
    Ok(inotify::add_watch(events.get_ref(), folder, what)?)
}

/// Joins a descriptor to the runtime.
#[expect(
    deprecated,
    reason = "what may go wrong is a type that changes its descriptor while it is registered; an OwnedFd cannot, and \
              the call that replaces this one needs unsafe code"
)]
fn on_runtime(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(descriptor)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Far longer than anything here takes.
    const PATIENCE: Duration = Duration::from_secs(60);
    /// Shorter than [`SETTLE`].
    const IN_BETWEEN: Duration = Duration::from_millis(50);

    fn machine() -> (tempfile::TempDir, Settings) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("dev")).unwrap();
        let devices = folder.path().join("dev");
        let settings = Settings { links: devices.join("smsotpd"), devices, ..Settings::default() };
        (folder, settings)
    }

    async fn notices(watcher: &mut Watcher) -> bool {
        tokio::time::timeout(PATIENCE, watcher.changed()).await.is_ok_and(|changed| changed.is_ok())
    }

    #[tokio::test]
    async fn a_change_is_not_forgotten_by_whoever_was_busy_with_something_else() {
        let (_folder, settings) = machine();
        let mut watcher = Watcher::new(&settings).unwrap();
        std::fs::write(settings.devices.join("ttyUSB0"), "").unwrap();
        assert!(tokio::time::timeout(IN_BETWEEN, watcher.changed()).await.is_err(), "it has not settled");
        assert!(notices(&mut watcher).await);
    }

    #[tokio::test]
    async fn links_are_seen_in_a_folder_that_was_made_later_and_made_again() {
        let (_folder, settings) = machine();
        let mut watcher = Watcher::new(&settings).unwrap();
        for _ in 0..2 {
            std::fs::create_dir(&settings.links).unwrap();
            assert!(notices(&mut watcher).await);
            std::fs::write(settings.links.join("m1"), "").unwrap();
            assert!(notices(&mut watcher).await);
            std::fs::remove_dir_all(&settings.links).unwrap();
            assert!(notices(&mut watcher).await);
        }
    }

    #[tokio::test]
    async fn devices_of_other_kinds_are_not_worth_a_look() {
        let (_folder, settings) = machine();
        let mut watcher = Watcher::new(&settings).unwrap();
        for name in ["null", "tty1", "ttyS0", "loop0"] {
            std::fs::write(settings.devices.join(name), "").unwrap();
        }
        assert!(tokio::time::timeout(IN_BETWEEN, watcher.changed()).await.is_err());
        assert!(!watcher.noticed);
    }
}
