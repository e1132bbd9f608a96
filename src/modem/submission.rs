//! One part of a message on its way through a modem, and what became of it.

use tokio::sync::watch;

use crate::clock::Moment;
use crate::ids::{MessageId, MessageReference, SimId};
use crate::message::FailureClass;
use crate::pdu::Encoding;
use crate::phone::PhoneNumber;
use crate::secret::Text;

/// One part of one message, to be given to the network now.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The message, for the log.
    pub message: MessageId,
    /// The card that it is counted for, and by which its status report is known. Another one does not send it.
    pub sim: SimId,
    /// The recipient.
    pub to: PhoneNumber,
    /// The whole text, of which one part is sent.
    pub text: Text,
    /// What the text is sent in, which says where it is split.
    pub encoding: Encoding,
    /// Which part, counted from 0.
    pub part: usize,
    /// What the parts of one message have in common, so that the handset can join them.
    pub concat_reference: u16,
    /// After this moment not a byte is written; what is left of it becomes the validity period (TP-VP), so that the
    /// carrier drops a stale message itself.
    pub deadline: Moment,
    /// Shown at once and not kept by the handset (message class 0).
    pub class0: bool,
    /// Replaces the last message of the same type, 1 to 7, from the same sender (TP-PID 0x41 to 0x47).
    pub replace: Option<u8>,
    /// Whether something else waits for this modem. While it is `true` the modem waits 60 s for the network's answer
    /// instead of 180 s. It may change while the message is under way.
    pub waited_for: watch::Receiver<bool>,
}

/// What became of a [`Submission`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The network took it.
    Sent {
        /// The number under which its status report will come.
        reference: MessageReference,
    },
    /// It was refused, and surely not sent.
    Failed {
        /// What the refusal is about.
        class: FailureClass,
        /// What the modem said, for instance `+CMS ERROR: 38`.
        code: Option<String>,
        /// The same in plain words.
        reason: String,
        /// The modem said it of itself or of its card, whoever the message is to.
        of_modem: bool,
    },
    /// The modem had the whole PDU and no clear answer came: it may have been sent.
    InDoubt {
        /// What happened instead of an answer.
        reason: String,
    },
    /// Nothing of it was given to the network: it can go to another modem, or wait.
    NotReady {
        /// Why this modem cannot send now.
        reason: String,
    },
    /// Its deadline passed before the modem had it.
    Expired,
}
