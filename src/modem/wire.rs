//! An open port with a conversation on it: moves bytes and keeps time, and decides nothing.

use std::io;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

use super::port::Io;
use crate::at::{Delivery, Output, Session};

/// What a modem can say between two looks; a listing is longer and is read in turns.
const BUFFER: usize = 4096;

/// More than this is never waiting to be written, unless the modem has stopped reading.
const MOST_UNWRITTEN: usize = 2048;

/// Leaves a prompt and drops what was typed there (3GPP TS 27.005 §3.5.1).
const ESCAPE: &[u8] = b"\x1b";

/// The port is no longer there.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Gone(String);

/// A port and the session that speaks over it.
pub(super) struct Wire {
    pub(super) session: Session,
    reader: ReadHalf<Box<dyn Io>>,
    writer: WriteHalf<Box<dyn Io>>,
    buffer: Box<[u8]>,
    /// What the session wants written and the port has not taken.
    unwritten: Vec<u8>,
    gone: Option<String>,
}

/// The time by which sessions go: tokio's, so that a test can pause it.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl Wire {
    pub(super) fn new(io: Box<dyn Io>) -> Self {
        let (reader, writer) = tokio::io::split(io);
        let buffer = vec![0; BUFFER].into_boxed_slice();
        Self { session: Session::new(), reader, writer, buffer, unwritten: Vec::new(), gone: None }
    }

    /// The next thing the session has to say, other than what it wants written; that is done here.
    ///
    /// May be cancelled at any time.
    pub(super) async fn next(&mut self) -> Result<Output, Gone> {
        loop {
            while let Some(output) = self.session.poll_output() {
                match output {
                    Output::Write(octets) => self.unwritten.extend(octets),
                    other => return Ok(other),
                }
            }
            if let Some(reason) = &self.gone {
                return Err(Gone(reason.clone()));
            }
            if self.unwritten.len() > MOST_UNWRITTEN {
                self.lose("the modem reads nothing".to_owned());
                continue;
            }
            self.turn().await;
        }
    }

    /// Waits until the message under way is settled.
    pub(super) async fn settled(&mut self) -> Delivery {
        loop {
            match self.next().await {
                Ok(Output::Settled(delivery)) => return delivery,
                Ok(_) => {}
                // A port that is lost settles what was under way first, so nothing was.
                Err(_) => return Delivery::NotSent,
            }
        }
    }

    /// Gives the port up, and with it the message under way. Of one that counts as not sent nothing more is written:
    /// its prompt is left.
    pub(super) async fn close(&mut self) -> Delivery {
        self.lose("the port was given up".to_owned());
        let delivery = self.settled().await;
        if delivery == Delivery::NotSent {
            self.unwritten = ESCAPE.to_vec();
        }
        delivery
    }

    /// Writes what is left to write, for a port that is about to be closed.
    pub(super) async fn write_rest(&mut self) {
        while let Some(output) = self.session.poll_output() {
            if let Output::Write(octets) = output {
                self.unwritten.extend(octets);
            }
        }
        if let Err(error) = self.writer.write_all(&self.unwritten).await {
            tracing::debug!(%error, "the port closed before everything was written");
        }
        self.unwritten.clear();
    }

    async fn turn(&mut self) {
        let due = self.session.poll_timeout();
        let timer = tokio::time::sleep_until(due.unwrap_or_else(now).into());
        tokio::select! {
            // In this order, so that a modem that talks without a pause keeps nothing from being timed or written.
            biased;
            () = timer, if due.is_some() => self.session.handle_timeout(now()),
            written = self.writer.write(&self.unwritten), if !self.unwritten.is_empty() => match written {
                Ok(0) => self.lose("the port takes nothing more".to_owned()),
                Ok(length) => drop(self.unwritten.drain(..length)),
                Err(error) => self.lose_to(&error),
            },
            read = self.reader.read(&mut self.buffer) => match read {
                // A serial port that was unplugged reads nothing, for ever.
                Ok(0) => self.lose("the port was closed or unplugged".to_owned()),
                Ok(length) => self.session.handle_bytes(&self.buffer[..length], now()),
                Err(error) => self.lose_to(&error),
            },
        }
    }

    fn lose_to(&mut self, error: &io::Error) {
        self.lose(format!("the port failed: {error}"));
    }

    /// Ctrl-Z is the last octet of its write: while anything is unwritten, it has not reached the modem.
    fn lose(&mut self, reason: String) {
        self.session.handle_lost(!self.unwritten.is_empty());
        self.gone = Some(reason);
    }
}
