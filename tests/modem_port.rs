//! The serial connector on a real pseudo-terminal, in real time.
#![allow(clippy::unwrap_used, reason = "in a test, what is not there is a failure")]

use std::fs::File;
use std::io::{ErrorKind, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use smsotpd::modem::{Connector, SerialConnector};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A pseudo-terminal: its controlling end, and the path of the other one.
fn pseudo_terminal() -> (OwnedFd, String) {
    let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&controller).unwrap();
    unlockpt(&controller).unwrap();
    let path = ptsname(&controller, Vec::new()).unwrap().into_string().unwrap();
    (controller, path)
}

/// A pseudo-terminal whose other end answers `OK` to every line, and goes away at the line `BYE`.
fn terminal() -> (String, JoinHandle<Vec<u8>>) {
    let (controller, path) = pseudo_terminal();
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

/// The port, open and locked.
fn locked(path: &str) -> File {
    let port = File::options().read(true).write(true).open(path).unwrap();
    port.try_lock().unwrap();
    port
}

/// Opens the port while this is left by whoever has it, a little later.
async fn opens_after(path: &str, left: impl FnOnce()) {
    let mut connector = SerialConnector::new(path, 115_200);
    let leaving = async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        left();
    };
    let (opened, ()) = tokio::join!(connector.connect(), leaving);
    assert!(opened.is_ok(), "{}", opened.err().unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_port_that_a_program_started_here_has_inherited_is_waited_for() {
    let (_controller, path) = pseudo_terminal();
    let mut program = Command::new("sleep").arg("1000").stdin(locked(&path)).spawn().unwrap();
    opens_after(&path, || {
        program.kill().unwrap();
        program.wait().unwrap();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_port_that_nobody_is_seen_to_have_open_is_waited_for() {
    let (_controller, path) = pseudo_terminal();
    let (sender, receiver) = UnixStream::pair().unwrap();
    let (locked, mut space) = (locked(&path), [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))]);
    let (port, mut ancillary) = ([locked.as_fd()], SendAncillaryBuffer::new(&mut space));
    assert!(ancillary.push(SendAncillaryMessage::ScmRights(&port)));
    sendmsg(&sender, &[IoSlice::new(b"!")], &mut ancillary, SendFlags::empty()).unwrap();
    drop(locked);
    opens_after(&path, || drop(receiver)).await;
}

#[tokio::test]
async fn a_port_that_is_not_there_says_so() {
    let error = SerialConnector::new("/dev/no-such-modem", 115_200).connect().await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
