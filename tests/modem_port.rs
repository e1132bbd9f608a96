//! The serial connector on a real pseudo-terminal, in real time.
#![allow(clippy::unwrap_used, reason = "in a test, what is not there is a failure")]

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::thread::JoinHandle;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use smsotpd::modem::{Connector, SerialConnector};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A pseudo-terminal whose other end answers `OK` to every line, and goes away at the line `BYE`.
fn terminal() -> (String, JoinHandle<Vec<u8>>) {
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&controller).unwrap();
    unlockpt(&controller).unwrap();
    let path = ptsname(&controller, Vec::new()).unwrap().into_string().unwrap();
    // Without any user the controller would read an error before the connector comes.
    let user = File::options().read(true).write(true).open(&path).unwrap();
    let answering = std::thread::spawn(move || {
        let _user = user;
        let mut controller = File::from(controller);
        let (mut heard, mut octet) = (Vec::new(), [0]);
        while controller.read_exact(&mut octet).is_ok() {
            heard.extend(octet);
            if heard.ends_with(b"BYE\r") {
                break;
            }
            if octet == *b"\r" {
                controller.write_all(b"\r\nOK\r\n").unwrap();
            }
        }
        heard
    });
    (path, answering)
}

#[tokio::test]
async fn a_port_is_opened_raw_and_for_this_process_alone_and_an_end_is_seen() {
    let (path, answering) = terminal();
    let mut connector = SerialConnector::new(&path, 115_200);
    let mut port = connector.connect().await.unwrap();
    port.write_all(b"AT\r").await.unwrap();
    let mut answer = [0; 6];
    port.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"\r\nOK\r\n");
    assert!(SerialConnector::new(&path, 115_200).connect().await.is_err(), "two opened one port");

    port.write_all(b"\x1a\x1b\0BYE\r").await.unwrap();
    let end = port.read(&mut answer).await;
    assert!(matches!(&end, Ok(0) | Err(_)), "{end:?}");
    // Raw: nothing was echoed, turned into another character, or taken for a signal.
    let heard = tokio::task::spawn_blocking(|| answering.join()).await.unwrap().unwrap();
    assert_eq!(heard, b"AT\r\x1a\x1b\0BYE\r");
}

#[tokio::test]
async fn a_port_can_be_opened_again_once_it_was_left() {
    let (path, _answering) = terminal();
    let mut connector = SerialConnector::new(&path, 115_200);
    drop(connector.connect().await.unwrap());
    let mut tries = 0;
    // It closes where closing may block, so not at once.
    while connector.connect().await.is_err() {
        tries += 1;
        assert!(tries < 1_000_000, "the port stays closed");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_port_that_is_not_there_says_so() {
    let error = SerialConnector::new("/dev/no-such-modem", 115_200).connect().await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
