//! What a modem hands out by itself.

use std::fmt;

use tokio::sync::mpsc;

use crate::ids::{ModemName, SimId};
use crate::pdu::{Deliver, StatusReport};

/// Something came from the air.
#[derive(Debug)]
pub struct Event {
    /// The modem that received it.
    pub modem: ModemName,
    /// The card it was addressed to; a report comes to the card that sent the message.
    pub sim: SimId,
    /// What came.
    pub arrival: Arrival,
    /// To be called once it is on disk.
    pub done: Acknowledge,
}

/// What came from the air.
#[derive(Debug, Clone)]
pub enum Arrival {
    /// The network tells what became of a message.
    Report(Box<StatusReport>),
    /// A message to the modem's own number, or one part of it. The same one may be handed out again.
    Message(Box<Deliver>),
}

/// The promise that what was handed out is on disk. Only then does the modem forget it.
///
/// Dropped without [`Acknowledge::acknowledge`], it was not taken, and the modem's task offers it again.
pub struct Acknowledge {
    answer: Option<(mpsc::OwnedPermit<Settled>, u64)>,
}

/// What became of something that was handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settled {
    /// Its number among those handed out.
    pub(super) number: u64,
    /// Whether it is on disk.
    pub(super) taken: bool,
}

impl Acknowledge {
    pub(super) fn new(answer: mpsc::OwnedPermit<Settled>, number: u64) -> Self {
        Self { answer: Some((answer, number)) }
    }

    /// The store has it: the modem may forget it.
    pub fn acknowledge(mut self) {
        self.settle(true);
    }

    fn settle(&mut self, taken: bool) {
        if let Some((answer, number)) = self.answer.take() {
            answer.send(Settled { number, taken });
        }
    }
}

impl Drop for Acknowledge {
    fn drop(&mut self) {
        self.settle(false);
    }
}

impl fmt::Debug for Acknowledge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Acknowledge")
    }
}
