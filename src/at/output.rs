//! What comes out of a session.

use std::fmt;

use super::refusal::Refusal;
use super::reply::Reply;
use super::unsolicited::Unsolicited;

/// What the caller has to do or to know.
#[derive(Clone, PartialEq, Eq)]
pub enum Output {
    /// Write these octets, in one piece.
    Write(Vec<u8>),
    /// The running command has ended.
    Finished(Result<Reply, CommandError>),
    /// The message has been sent, or not, or nobody knows.
    Settled(Delivery),
    /// The message settled last, as [`Delivery::InDoubt`], was sent under this reference: its answer came late.
    SentAfterAll(u8),
    /// The modem said this by itself.
    Unsolicited(Unsolicited),
    /// The modem answers, and both sides are in step.
    Awake,
    /// The modem does not answer. Only [`Session::handle_wake`](super::Session::handle_wake) goes on from here.
    Deaf,
}

/// Octets print as their number alone: the PDU is among them.
impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(octets) => write!(f, "Write({} octets)", octets.len()),
            Self::Finished(result) => f.debug_tuple("Finished").field(result).finish(),
            Self::Settled(delivery) => f.debug_tuple("Settled").field(delivery).finish(),
            Self::SentAfterAll(reference) => f.debug_tuple("SentAfterAll").field(reference).finish(),
            Self::Unsolicited(said) => f.debug_tuple("Unsolicited").field(said).finish(),
            Self::Awake => f.write_str("Awake"),
            Self::Deaf => f.write_str("Deaf"),
        }
    }
}

/// Why a command has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The modem refused it.
    #[error("{0}: {meaning}", meaning = .0.meaning())]
    Refused(#[from] Refusal),
    /// No final result came in time. The session is already waking the modem.
    #[error("no answer came in time")]
    TimedOut,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// The network took it under this reference (TP-MR).
    Sent(u8),
    /// It was refused, and surely not sent.
    Refused(Refusal),
    /// It was not handed over: the prompt did not come, the port was lost before, or the caller gave it up.
    NotSent,
    /// The modem asked for no message, and said this in its place. It knows nothing of this one but its length.
    NotTaken(Refusal),
    /// It was handed over. Then came a refusal that does not say what happened, or nothing.
    InDoubt(Option<Refusal>),
}

/// A command is running already, or the modem is not awake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the modem is busy with another command")]
pub struct Busy;
