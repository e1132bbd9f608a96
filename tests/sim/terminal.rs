//! The pseudo-terminal, in real time: waiting for the kernel would let a paused clock jump.

use std::path::Path;
use std::time::Duration;

use smsotpd::sim::{Carrier, CarrierSettings, EventKind, Fault, HangUp, Registration, Terminal};

use crate::typist::device;

/// A program that opens the port, types this, reads until the end of that, and closes the port.
async fn program(path: &Path, typed: &'static str, end: &'static str) -> String {
    use std::io::{Read as _, Write as _};

    let path = path.to_owned();
    let reading = tokio::task::spawn_blocking(move || {
        let mut port = std::fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
        port.write_all(typed.as_bytes()).unwrap();
        let mut read = Vec::new();
        while !read.ends_with(end.as_bytes()) {
            let mut byte = [0];
            port.read_exact(&mut byte).unwrap();
            read.push(byte[0]);
        }
        String::from_utf8(read).unwrap()
    });
    tokio::time::timeout(Duration::from_secs(20), reading).await.unwrap().unwrap()
}

#[tokio::test]
async fn programs_come_and_go_and_find_nothing_of_one_another() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("modem");
    let terminal = Terminal::open(Some(&link)).unwrap();
    assert_eq!(terminal.path(), link);
    let device = device(&Carrier::new(CarrierSettings::default()));
    let serving = tokio::spawn({
        let device = device.clone();
        async move { device.serve(terminal).await }
    });
    assert_eq!(program(&link, "AT\r", "OK\r\n").await, "AT\r\r\nOK\r\n");
    program(&link, "ATE0+CREG=1\r", "OK\r\n").await;
    let mut events = device.events();
    device.register(Registration::Searching);
    let event = events.recv().await.unwrap();
    assert_eq!(event.kind, EventKind::Unsolicited { name: "+CREG".to_owned() });
    assert_eq!(program(&link, "AT+CSQ\r", "OK\r\n").await, "\r\n+CSQ: 21,99\r\n\r\nOK\r\n");
    serving.abort();
    assert!(serving.await.unwrap_err().is_cancelled());
    assert!(!link.is_symlink());
}

#[tokio::test]
async fn a_link_is_taken_over_but_a_file_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("modem");
    let first = Terminal::open(Some(&link)).unwrap();
    let second = Terminal::open(Some(&link)).unwrap();
    drop(first);
    assert!(link.exists());
    drop(second);
    assert!(!link.is_symlink());
    std::fs::write(&link, "mine").unwrap();
    let error = Terminal::open(Some(&link)).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read_to_string(&link).unwrap(), "mine");
}

#[tokio::test]
async fn a_serial_port_can_be_opened_again_after_it_was_left_and_ends_when_the_modem_goes() {
    use tokio::io::AsyncWriteExt as _;

    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("modem");
    let device = device(&Carrier::new(CarrierSettings::default()));
    let terminal = Terminal::open(Some(&link)).unwrap();
    let serving = tokio::spawn({
        let device = device.clone();
        async move { device.serve(terminal).await }
    });
    let open = || tokio_serial::SerialStream::open(&tokio_serial::new(link.display().to_string(), 115_200)).unwrap();
    for _ in 0..3 {
        let mut port = open();
        port.write_all(b"ATE0\r").await.unwrap();
        read_until(&mut port, "OK\r\n").await;
    }
    let mut port = open();
    device.faults().queue(Fault::HangUp(HangUp::BeforePrompt));
    port.write_all(b"AT+CMGS=20\r").await.unwrap();
    assert_eq!(read_until(&mut port, "never").await, "");
    assert!(serving.await.unwrap().is_ok());
    assert!(!link.is_symlink());
}

/// What comes until this text, or until the port is gone.
async fn read_until(port: &mut tokio_serial::SerialStream, end: &str) -> String {
    use tokio::io::AsyncReadExt as _;

    let mut read = String::new();
    let mut buffer = [0; 256];
    while !read.ends_with(end) {
        match port.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(count) => read.push_str(&String::from_utf8_lossy(&buffer[..count])),
        }
    }
    read
}
