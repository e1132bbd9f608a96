//! An open port with a conversation on it: moves bytes and keeps time. It decides one thing, when what comes over the port
//! makes so little sense that it is given up.

use std::io;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

use super::port::Io;
use crate::at::{Delivery, Output, Session};

/// What a modem can say between two looks; a listing is longer and is read in turns.
const BUFFER: usize = 4096;

/// More than this is never waiting to be written, unless the modem has stopped reading.
const MOST_UNWRITTEN: usize = 2048;

/// Leaves a prompt and drops what was typed there (3GPP TS 27.005 §3.5.1).
const ESCAPE: &[u8] = b"\x1b";

/// So many octets that are no text, with nothing in between that makes sense, are no modem's words.
const MOST_NOISE: usize = 4096;
/// So many of them are enough when it does not answer either.
const SOME_NOISE: usize = 16;

/// The pauses around a line that is written whatever the modem is doing.
const AFTER_ESCAPE: Duration = Duration::from_millis(300);
const AFTER_LINE: Duration = Duration::from_secs(1);

/// The port is no longer there, or of no use any more.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{reason}")]
pub(super) struct Gone {
    reason: String,
    stuck: bool,
}

impl Gone {
    /// Whether the port is still there, but nothing goes through it.
    pub(super) fn is_stuck(&self) -> bool {
        self.stuck
    }
}

/// A port and the session that speaks over it.
pub(super) struct Wire {
    pub(super) session: Session,
    reader: ReadHalf<Box<dyn Io>>,
    writer: WriteHalf<Box<dyn Io>>,
    buffer: Box<[u8]>,
    /// What the session wants written and the port has not taken.
    unwritten: Vec<u8>,
    gone: Option<Gone>,
    /// The octets that are no text since it last said something that makes sense.
    noise: usize,
}

/// The time by which sessions go: tokio's, so that a test can pause it.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl Wire {
    pub(super) fn new(io: Box<dyn Io>) -> Self {
        let (reader, writer) = tokio::io::split(io);
        let buffer = vec![0; BUFFER].into_boxed_slice();
        Self { session: Session::new(), reader, writer, buffer, unwritten: Vec::new(), gone: None, noise: 0 }
    }

    /// The next thing the session has to say, other than what it wants written; that is done here.
    ///
    /// May be cancelled at any time.
    pub(super) async fn next(&mut self) -> Result<Output, Gone> {
        loop {
            while let Some(output) = self.session.poll_output() {
                match output {
                    Output::Write(octets) => self.unwritten.extend(octets),
                    other => {
                        if other != Output::Deaf {
                            self.noise = 0;
                        }
                        return Ok(other);
                    }
                }
            }
            if let Some(gone) = &self.gone {
                return Err(gone.clone());
            }
            if self.unwritten.len() > MOST_UNWRITTEN {
                self.lose("the modem reads nothing", true);
                continue;
            }
            if self.noise > MOST_NOISE {
                self.lose("what comes over the port makes no sense", true);
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
        self.lose("the port was given up", false);
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

    /// Writes a line out of turn, to a modem of which no answer is expected. Of no use for anything afterwards.
    pub(super) async fn shout(&mut self, line: &str) {
        for (octets, pause) in
            [([ESCAPE, b"\r"].concat(), AFTER_ESCAPE), (format!("{line}\r").into_bytes(), AFTER_LINE)]
        {
            if !matches!(tokio::time::timeout(AFTER_LINE, self.writer.write_all(&octets)).await, Ok(Ok(()))) {
                tracing::debug!("the port did not take the whole line");
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Whether what came last was no text.
    pub(super) fn is_noisy(&self) -> bool {
        self.noise >= SOME_NOISE
    }

    async fn turn(&mut self) {
        let due = self.session.poll_timeout();
        let timer = tokio::time::sleep_until(due.unwrap_or_else(now).into());
        tokio::select! {
            // In this order, so that a modem that talks without a pause keeps nothing from being timed or written.
            biased;
            () = timer, if due.is_some() => self.session.handle_timeout(now()),
            written = self.writer.write(&self.unwritten), if !self.unwritten.is_empty() => match written {
                Ok(0) => self.lose("the port takes nothing more", false),
                Ok(length) => drop(self.unwritten.drain(..length)),
                Err(error) => self.lose_to(&error),
            },
            read = self.reader.read(&mut self.buffer) => match read {
                // A serial port that was unplugged reads nothing, for ever.
                Ok(0) => self.lose("the port was closed or unplugged", false),
                Ok(length) => {
                    let read = &self.buffer[..length];
                    self.noise += read.iter().filter(|octet| is_noise(**octet)).count();
                    self.session.handle_bytes(read, now());
                }
                Err(error) => self.lose_to(&error),
            },
        }
    }

    fn lose_to(&mut self, error: &io::Error) {
        self.lose(&format!("the port failed: {error}"), false);
    }

    /// Ctrl-Z is the last octet of its write: while anything is unwritten, it has not reached the modem.
    fn lose(&mut self, reason: &str, stuck: bool) {
        self.session.handle_lost(!self.unwritten.is_empty());
        self.gone = Some(Gone { reason: reason.to_owned(), stuck });
    }
}

/// What is neither text nor a line's end. Some modems begin with NUL octets.
fn is_noise(octet: u8) -> bool {
    !matches!(octet, 0 | b'\t' | b'\r' | b'\n' | 0x20..=0x7e)
}
