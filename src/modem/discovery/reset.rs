//! Taking a USB device off its bus and putting it back, as far as software can.

use std::io;
use std::time::Duration;

use super::sysfs::UsbPlace;

/// How long the device stays off.
const OFF: Duration = Duration::from_secs(1);
/// A device that is off must not stay so because of one failed write.
const TRIES: u8 = 3;

/// Takes the device off (`authorized` 0) and puts it back (1). Its ports vanish and come again.
///
/// # Errors
/// [`io::ErrorKind::NotFound`] when another device, or none, is plugged in there now; the operating system's, above
/// all [`io::ErrorKind::PermissionDenied`] without the udev rules.
pub(in crate::modem) async fn reset(place: UsbPlace) -> io::Result<()> {
    let is_there = place.clone();
    if !blocking(move || Ok(is_there.is_there())).await? {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the USB device is not plugged in any more"));
    }
    authorize(&place, "0").await?;
    tokio::time::sleep(OFF).await;
    let mut tries = 0;
    loop {
        tries += 1;
        match authorize(&place, "1").await {
            Err(error) if tries < TRIES => tracing::warn!(%error, "the USB device does not come back; once more"),
            ended => return ended,
        }
        tokio::time::sleep(OFF).await;
    }
}

async fn authorize(place: &UsbPlace, value: &'static str) -> io::Result<()> {
    let switch = place.dir.join("authorized");
    // Opened as it is: a file that is not there must not be made.
    blocking(move || {
        use std::io::Write as _;
        std::fs::File::options().write(true).open(&switch)?.write_all(value.as_bytes())
    })
    .await
}

/// The kernel answers such a write when the drivers have let go of the device.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
