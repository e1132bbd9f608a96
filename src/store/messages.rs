//! Messages as the store takes them on and shows them.

use std::time::Duration;

use super::pages::{Cursor, PageSize};
use crate::callback::Target;
use crate::clock::{Moment, Timestamp};
use crate::ids::{AppName, MessageId, MessageReference, ModemName, OtpId, SimId};
use crate::message::{InDoubtPolicy, Priority, Status};
use crate::pdu::Encoding;
use crate::phone::PhoneNumber;
use crate::secret::SealedText;

/// A message to be accepted.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// Its id, new.
    pub id: MessageId,
    /// Whose it is.
    pub app: AppName,
    /// To whom.
    pub to: PhoneNumber,
    /// The text, sealed for the message's id. Erased once nothing more can be sent of it.
    pub text: SealedText,
    /// Who goes first.
    pub priority: Priority,
    /// It is never handed to a modem at or after this moment.
    pub deadline: Moment,
    /// The encoding it was measured for.
    pub encoding: Encoding,
    /// How many parts it has, 1 to 255.
    pub parts: u8,
    /// Whether it is shown at once and not kept (message class 0).
    pub class0: bool,
    /// Which earlier message of ours it takes the place of on the handset: 1 to 7 (TP-PID 0x41 to 0x47).
    pub replace: Option<u8>,
    /// What happens when it is in doubt.
    pub in_doubt: InDoubtPolicy,
    /// How long after the network took it another SIM may send it once more, if no report says by then that it arrived;
    /// `None` when none may. Only for the message of an otp.
    pub second_after: Option<Duration>,
    /// Where its events go, beside the app's own URL; for the first message of an otp, where the otp's go.
    pub callback: Option<Target>,
}

/// A message as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageView {
    /// Its id.
    pub id: MessageId,
    /// Whose it is.
    pub app: AppName,
    /// Where it is in its life.
    pub status: Status,
    /// To whom. Prints masked.
    pub to: PhoneNumber,
    /// How many parts it has.
    pub parts: u8,
    /// Its encoding.
    pub encoding: Encoding,
    /// Who goes first.
    pub priority: Priority,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it expires if it has not been sent.
    pub deadline: Moment,
    /// The same by the wall clock that it was accepted by.
    pub deadline_at: Timestamp,
    /// When the network had taken every part.
    pub sent_at: Option<Timestamp>,
    /// When every part was reported as delivered.
    pub delivered_at: Option<Timestamp>,
    /// How long that took from when it was accepted, whatever the wall clock did meanwhile.
    pub latency: Option<Duration>,
    /// Why it will not arrive, in words, when it failed or the network has given it up.
    pub reason: Option<String>,
    /// Whether it was sent once more: after it had been in doubt, or through another SIM as no report had come.
    pub resent: bool,
}

/// A message with its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageDetail {
    /// The message.
    pub message: MessageView,
    /// The otp it carries, if it does.
    pub otp: Option<OtpId>,
    /// Every try to send a part of it, oldest first.
    pub attempts: Vec<AttemptView>,
}

/// One try to send one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptView {
    /// Through which modem.
    pub modem: ModemName,
    /// With which SIM.
    pub sim: SimId,
    /// Which part, from 0.
    pub part: u8,
    /// When it was begun.
    pub started_at: Timestamp,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
    /// What came of it.
    pub outcome: AttemptOutcome,
    /// The TP-MR the network took it under.
    pub reference: Option<MessageReference>,
    /// The TP-ST of the last status report about it (3GPP TS 23.040 §9.2.3.15).
    pub report: Option<u8>,
    /// The modem's or network's code, such as `+CMS ERROR: 38`.
    pub code: Option<String>,
    /// Why, in words.
    pub reason: Option<String>,
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// Under way.
    Sending,
    /// The network took it.
    Sent,
    /// It surely was not sent.
    Failed,
    /// The modem had it whole and no answer came.
    InDoubt,
    /// The modem was not ready; it was given nothing.
    NotReady,
    /// The deadline passed before the modem was given a byte.
    Expired,
}

impl AttemptOutcome {
    /// Every outcome.
    pub const ALL: [Self; 6] = [Self::Sending, Self::Sent, Self::Failed, Self::InDoubt, Self::NotReady, Self::Expired];

    /// The outcome's name in the API and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::InDoubt => "in_doubt",
            Self::NotReady => "not_ready",
            Self::Expired => "expired",
        }
    }

    /// The outcome with this name.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == name)
    }
}

/// What came of a request to accept a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AcceptOutcome {
    /// It is on disk.
    Accepted(MessageView),
    /// The same request was accepted before; this is the message as it was then.
    Replayed(MessageView),
    /// The idempotency key was used for another request. Nothing was done.
    KeyReused,
    /// The recipient wants no messages. Nothing was done.
    OptedOut,
    /// The app was removed. Nothing was done.
    AppGone,
}

/// What came of a request to withdraw a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancelOutcome {
    /// It was withdrawn before any of it was given to a modem.
    Cancelled(MessageView),
    /// It was too late: it is under way, or over. If it was sent or is in doubt, it will not go out once more.
    TooLate(MessageView),
}

/// Which messages to list.
#[derive(Debug, Clone, Default)]
pub struct MessageFilter {
    /// Only those in this state.
    pub status: Option<Status>,
    /// Only those to this number.
    pub to: Option<PhoneNumber>,
    /// At most so many.
    pub limit: PageSize,
    /// Only those after this place in the list.
    pub cursor: Option<Cursor>,
}

/// How much of what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SiteCounts {
    /// Messages of which something waits for a modem.
    pub queued: u64,
    /// Parts that a modem is at.
    pub sending: u64,
    /// Messages in doubt.
    pub in_doubt: u64,
    /// Otps whose code can be verified.
    pub pending_otps: u64,
}
