//! Plugging and unplugging at pseudo-terminals, in real time: waiting for the kernel would let a paused clock jump.

use std::path::Path;
use std::time::Duration;

use smsotpd::sim::{Bay, BrownOut, Carrier, CarrierSettings, Fault, Until};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::typist::device;

const PATIENCE: Duration = Duration::from_secs(20);

fn bay() -> Bay {
    Bay::new(device(&Carrier::new(CarrierSettings::default())))
}

fn open(path: &Path, baud: u32) -> tokio_serial::SerialStream {
    tokio_serial::SerialStream::open(&tokio_serial::new(path.display().to_string(), baud)).unwrap()
}

/// Whether `AT` is answered within this time.
async fn answers(port: &mut tokio_serial::SerialStream, time: Duration) -> bool {
    port.write_all(b"AT\r").await.unwrap();
    let mut read = Vec::new();
    let ok = async {
        while !read.ends_with(b"OK\r\n") {
            read.push(port.read_u8().await.unwrap_or_default());
        }
    };
    tokio::time::timeout(time, ok).await.is_ok()
}

async fn until(is_so: impl Fn() -> bool) {
    let so = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, so).await.unwrap();
}

#[tokio::test]
async fn a_modem_is_plugged_in_under_one_name_and_then_another() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("ttyUSB0"), folder.path().join("ttyUSB3"));
    let bay = bay();
    assert_eq!(bay.plug(Some(&first)).await.unwrap(), first);
    assert!(answers(&mut open(&first, 115_200), PATIENCE).await);
    bay.plug(Some(&second)).await.unwrap();
    assert!(!first.is_symlink());
    assert!(answers(&mut open(&second, 115_200), PATIENCE).await);
    bay.unplug().await;
    assert!(!second.is_symlink());
}

#[tokio::test]
async fn a_modem_that_browns_out_comes_back_under_the_name_that_was_said() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("ttyUSB0"), folder.path().join("ttyUSB1"));
    let bay = bay();
    bay.plug(Some(&first)).await.unwrap();
    bay.comes_back_as(&second);
    bay.device().faults().queue(Fault::BrownOut(BrownOut { at: None, gone_for: Duration::from_millis(50) }));
    until(|| second.exists()).await;
    assert!(!first.is_symlink());
    assert!(answers(&mut open(&second, 115_200), PATIENCE).await);
}

#[tokio::test]
async fn a_half_open_port_works_again_once_it_was_closed_and_opened() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("modem");
    let bay = bay();
    bay.plug(Some(&link)).await.unwrap();
    let mut port = open(&link, 115_200);
    assert!(answers(&mut port, PATIENCE).await);
    bay.device().faults().queue(Fault::Silent(Until::Reopened));
    assert!(!answers(&mut port, Duration::from_millis(300)).await);
    drop(port);
    assert!(answers(&mut open(&link, 115_200), PATIENCE).await);
}

#[tokio::test]
async fn at_the_wrong_speed_everything_is_noise() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("modem");
    let bay = bay();
    bay.plug(Some(&link)).await.unwrap();
    bay.device().faults().queue(Fault::WrongBaud(9_600));
    assert!(!answers(&mut open(&link, 115_200), Duration::from_millis(300)).await);
    assert!(answers(&mut open(&link, 9_600), PATIENCE).await);
}
