//! What can be observed of a simulated modem, as it happens and with its time.

use tokio::time::Instant;

use crate::ids::MessageReference;
use crate::phone::PhoneNumber;

/// Something that happened at the modem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Instant,
    /// What.
    pub kind: EventKind,
}

/// What happened at the modem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// A port was attached; the modem has just powered up.
    Attached,
    /// The port is gone.
    Detached,
    /// A command starts. Its parameters are not told.
    Command {
        /// Its name, for instance `+CMGS`; empty for a bare `AT`.
        name: String,
        /// When the first byte of its command line came in.
        first_byte: Instant,
    },
    /// The modem waits for a message, its `> ` written.
    Prompted,
    /// ESC ended the prompt.
    Aborted,
    /// The message after the prompt is complete (Ctrl-Z).
    Body {
        /// When its first byte came in.
        first_byte: Instant,
    },
    /// A message leaves the modem for the carrier.
    Submitted {
        /// Its TP-MR.
        reference: MessageReference,
        /// Its recipient, when it is a number that a handset can have.
        to: Option<PhoneNumber>,
    },
    /// The carrier answered, and the answer is about to be written.
    Answered {
        /// The TP-MR of the message.
        reference: MessageReference,
        /// The network's cause (3GPP TS 24.011 §8.2.5.4) when it refused.
        refused: Option<u16>,
    },
    /// A message or a report from the network was stored.
    Stored {
        /// `SM`, `ME` or `SR`.
        storage: &'static str,
        /// Its place there.
        index: usize,
    },
    /// An unsolicited result code is about to be written: `+CMTI`, `+CDS`, `+CREG`…
    Unsolicited {
        /// Its name.
        name: String,
    },
}
