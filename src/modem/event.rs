//! What a modem hands out by itself.

use std::fmt;

use tokio::sync::mpsc;

use crate::ids::{ModemName, SimId};
use crate::pdu::{Deliver, StatusReport};

/// Something that came from the air.
#[derive(Debug)]
pub enum Event {
    /// The network tells what became of a message.
    StatusReport {
        /// The modem that received it.
        modem: ModemName,
        /// The card it was addressed to: the one that sent the message.
        sim: SimId,
        /// The report.
        report: StatusReport,
        /// To be called once the report is on disk.
        done: Acknowledge,
    },
    /// A message to the modem's own number, or one part of it. The same one may be handed out again.
    Message {
        /// The modem that received it.
        modem: ModemName,
        /// The card it was addressed to.
        sim: SimId,
        /// The message.
        deliver: Deliver,
        /// To be called once the message is on disk.
        done: Acknowledge,
    },
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
