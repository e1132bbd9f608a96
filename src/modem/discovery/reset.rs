//! Taking a USB device off its bus and putting it back, as far as software can.
//!
//! Its one rule: what was taken off is put back, whoever has lost interest meanwhile.

use std::fs::File;
use std::io::{self, Write as _};
use std::time::Duration;

use super::sysfs::UsbPlace;

/// How long the device stays off.
const OFF: Duration = Duration::from_secs(1);
/// A device that is off must not stay so because of one failed write.
const TRIES: u8 = 3;

/// Takes the device off (`authorized` 0) and puts it back (1). Its ports vanish and come again.
///
/// May be cancelled at any time: what was begun is carried through.
///
/// # Errors
/// [`io::ErrorKind::NotFound`] when another device, or none, is plugged in there now; the operating system's, above
/// all [`io::ErrorKind::PermissionDenied`] without the udev rules.
pub(in crate::modem) async fn reset(place: UsbPlace) -> io::Result<()> {
    // The kernel answers such a write when the drivers have let go of the device. A blocking task that has begun is
    // ended neither by a caller that goes nor by a daemon that stops.
    tokio::task::spawn_blocking(move || off_and_on(&place)).await.map_err(io::Error::other)?
}

fn off_and_on(place: &UsbPlace) -> io::Result<()> {
    if !place.is_there() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the USB device is not plugged in any more"));
    }
    authorize(place, b"0")?;
    let mut tries = 0;
    loop {
        std::thread::sleep(OFF);
        tries += 1;
        match authorize(place, b"1") {
            Err(error) if tries < TRIES => tracing::warn!(%error, "the USB device does not come back; once more"),
            ended => return ended,
        }
    }
}

fn authorize(place: &UsbPlace, value: &[u8]) -> io::Result<()> {
    // Opened as it is: a file that is not there must not be made.
    File::options().write(true).open(place.dir.join("authorized"))?.write_all(value)
}
