//! The queue: handing parts to modems and writing down what came of it.

use std::time::Duration;

use super::error::StoreError;
use super::handle::Store;
use super::life::Message;
use super::messages::AttemptOutcome;
use super::writer::Work;
use super::{claiming, row, settling};
use crate::clock::Moment;
use crate::ids::{MessageId, MessageReference, ModemName, SimId};
use crate::message::{Event, FailureClass, Next, Priority, Status};
use crate::pdu::Encoding;
use crate::phone::PhoneNumber;
use crate::secret::Text;

/// For how long a SIM sends nothing to a recipient that it was not let send to, however little time is left.
const SHORTEST_HOLD: Duration = Duration::from_secs(10);

/// One try to send one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId(pub(super) i64);

/// A modem that can be given a part.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Its name, kept as history.
    pub modem: ModemName,
    /// The SIM in it.
    pub sim: SimId,
    /// The least urgent priority it may be given: what its budget is kept for.
    pub lowest: Priority,
    /// The other SIMs that could be given a message of any priority now. What belongs to one of them is left to it for
    /// a while: the recipient had the last message from it, or it has sent the first parts.
    pub others: Vec<Neighbour>,
    /// Recipients that the network did not let the SIM send to lately.
    pub denied: Vec<Denied>,
    /// The network has served the SIM since it last denied it one of these.
    pub is_served: bool,
    /// Give it nothing but the next part of this message.
    pub only: Option<MessageId>,
}

/// A recipient that the network did not let a SIM send to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// Who it is.
    pub to: PhoneNumber,
    /// When that was so last.
    pub since: Moment,
    /// For so long the SIM then sends nothing to it, as far as a message's life allows ([`Denied::held_until`]).
    pub hold: Duration,
    /// Before this moment messages to others go first, if they have the same priority and can go now.
    pub behind_until: Moment,
}

impl Denied {
    /// Before which moment the SIM does not send a message to it that must be sent before `deadline`: no message is held for
    /// more than a third of the life that it had when the recipient was denied, and every one for 10 s, since the network is
    /// not to be asked more often.
    #[must_use]
    pub fn held_until(&self, deadline: Moment) -> Moment {
        self.since + (deadline.since(self.since) / 3).max(SHORTEST_HOLD).min(self.hold)
    }
}

/// Another modem and the SIM that it sends with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// The modem's name.
    pub modem: ModemName,
    /// The SIM in it.
    pub sim: SimId,
}

/// What a claim came to.
#[derive(Debug)]
pub enum Claimed {
    /// A part, to be handed to the modem now. That it is being sent is on disk.
    Part(Assignment),
    /// Nothing that this modem may be given now.
    Nothing {
        /// When something that waits may be given to it at the earliest; `None` when nothing waits.
        next: Option<Moment>,
    },
}

/// A part that is to be sent.
#[derive(Debug)]
pub struct Assignment {
    /// This try; to be settled.
    pub attempt: AttemptId,
    /// The message.
    pub message: MessageId,
    /// To whom.
    pub to: PhoneNumber,
    /// The whole text of the message, opened.
    pub text: Text,
    /// What it was measured in, and is to be sent in.
    pub encoding: Encoding,
    /// Which part, from 0.
    pub part: usize,
    /// Of how many.
    pub parts: usize,
    /// The reference number that its parts share: 0 to 255.
    pub concat_reference: u16,
    /// It must not be given to the network at or after this moment.
    pub deadline: Moment,
    /// Message class 0.
    pub class0: bool,
    /// The replace type, 1 to 7.
    pub replace: Option<u8>,
    /// How often this part has failed before.
    pub failures: u32,
}

/// What came of an attempt.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// The attempt, as it was claimed.
    pub attempt: AttemptId,
    /// What the modem said.
    pub result: SubmitResult,
}

/// What a modem said about a part it was given.
#[derive(Debug, Clone)]
pub enum SubmitResult {
    /// The network took it.
    Sent {
        /// Under this TP-MR.
        reference: MessageReference,
    },
    /// It surely was not sent.
    Failed {
        /// What the failure is about.
        class: FailureClass,
        /// The modem's or network's code.
        code: Option<String>,
        /// Why, in words. Must hold nothing of the message.
        reason: String,
        /// What to do now.
        next: Next,
    },
    /// The modem had it whole and no answer came.
    InDoubt {
        /// Why, in words.
        reason: String,
    },
    /// The modem was given nothing of it. It waits again at once.
    NotReady {
        /// Why, in words.
        reason: String,
    },
    /// The deadline passed before the modem was given a byte.
    Expired,
}

impl SubmitResult {
    /// Whether the network may have taken something on, which is what a SIM's budget counts. Of a failure it may when the
    /// modem or the network gave a code for it: the part left the daemon. What the modem would not do, or the network does
    /// not let the SIM do, is none: otherwise a SIM that is barred for a while, and tried meanwhile, would have nothing left
    /// when it works again. It is kept with the attempt, and [`Store::recent_submissions`] tells of these.
    #[must_use]
    pub const fn spends_budget(&self) -> bool {
        match self {
            Self::Sent { .. } | Self::InDoubt { .. } => true,
            Self::Failed { class, code, .. } => {
                code.is_some() && !matches!(class, FailureClass::Modem | FailureClass::Card | FailureClass::Sim)
            }
            Self::NotReady { .. } | Self::Expired => false,
        }
    }

    /// What is kept of it in the history.
    pub(super) const fn outcome(&self) -> AttemptOutcome {
        match self {
            Self::Sent { .. } => AttemptOutcome::Sent,
            Self::Failed { .. } => AttemptOutcome::Failed,
            Self::InDoubt { .. } => AttemptOutcome::InDoubt,
            Self::NotReady { .. } => AttemptOutcome::NotReady,
            Self::Expired => AttemptOutcome::Expired,
        }
    }
}

impl Store {
    /// At start: every part that a modem was at when the daemon ended is in doubt from now on. Returns how many.
    ///
    /// # Errors
    /// When the store cannot do it; nothing is changed then.
    pub async fn recover(&self) -> Result<u64, StoreError> {
        self.change(|work| {
            let under_way = attempts_under_way(work)?;
            for attempt in &under_way {
                let reason = "the daemon ended while a modem was at it".to_owned();
                settling::settle(work, *attempt, SubmitResult::InDoubt { reason })?;
            }
            Ok(u64::try_from(under_way.len()).unwrap_or(u64::MAX))
        })
        .await
    }

    /// Takes the next part for a modem: by priority, then earliest deadline, then age. What is past its deadline is
    /// passed over. When this returns, the attempt is on disk.
    ///
    /// # Errors
    /// When the store cannot do it; nothing is changed then.
    pub async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        self.change(move |work| claiming::claim_next(work, &claim)).await
    }

    /// Writes down what came of an attempt. An attempt that is settled already stays as it is.
    ///
    /// # Errors
    /// When the store cannot do it; nothing is changed then.
    pub async fn settle(&self, settlement: Settlement) -> Result<(), StoreError> {
        self.change(move |work| settling::settle(work, settlement.attempt, settlement.result)).await
    }

    /// [`Store::settle`] and [`Store::claim`] in one transaction: between two messages on one modem there is one fsync.
    ///
    /// # Errors
    /// When the store cannot do it; nothing is changed then.
    pub async fn settle_and_claim(&self, settlement: Settlement, claim: Claim) -> Result<Claimed, StoreError> {
        self.change(move |work| {
            settling::settle(work, settlement.attempt, settlement.result)?;
            claiming::claim_next(work, &claim)
        })
        .await
    }

    /// Which SIM was given a part when, since `since`: those of which the network may have been asked, or may be yet
    /// ([`SubmitResult::spends_budget`]). Oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn recent_submissions(&self, since: Moment) -> Result<Vec<(SimId, Moment)>, StoreError> {
        self.query(move |conn| {
            // Attempts are numbered in time, so the walk from the newest ends at the first that is too old.
            let mut statement = conn.prepare_cached("SELECT sim, started, spends FROM attempt ORDER BY id DESC")?;
            let mut rows = statement.query(())?;
            let mut submissions = Vec::new();
            while let Some(row) = rows.next()? {
                let started = row::moment(row, "started")?;
                if started < since {
                    break;
                }
                if row.get("spends")? {
                    submissions.push((SimId::from_stored(row.get("sim")?), started));
                }
            }
            submissions.reverse();
            Ok(submissions)
        })
        .await
    }
}

/// Writes the attempt down. `None` when the message is not to be sent any more, or could not be read and has failed.
pub(super) fn assign(work: &Work<'_>, seq: i64, claim: &Claim) -> Result<Option<Assignment>, StoreError> {
    let mut message = Message::load(work, seq)?;
    if message.abandoned.is_some() {
        message.save(work)?;
        return Ok(None);
    }
    message.begin_second_copy(work)?;
    message.take_over(work, claim.sim.as_str())?;
    let Some(number) = message.parts.iter().position(|part| part.status == Status::Queued) else {
        tracing::error!(
            message.seq = seq,
            "a message waits of which no part waits; from now on it is what its parts are"
        );
        message.save(work)?;
        return Ok(None);
    };
    work.conn
        .prepare_cached(
            "INSERT INTO attempt (message, part, modem, sim, started, started_at, outcome, before)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'sending', ?7)",
        )?
        .execute((
            seq,
            i64::try_from(number).unwrap_or(i64::MAX),
            claim.modem.as_str(),
            claim.sim.as_str(),
            work.now.as_millis(),
            work.wall.as_millisecond(),
            message.attempt,
        ))?;
    let attempt = AttemptId(work.conn.last_insert_rowid());
    message.attempt = Some(attempt.0);
    let assignment = open(work, attempt, number, &message)?;
    let part = &mut message.parts[number];
    part.happen(Event::Claimed);
    part.sim = Some(claim.sim.as_str().to_owned());
    part.attempt = Some(attempt.0);
    part.reference = None;
    message.save(work)?;
    if assignment.is_none() {
        let reason = "its text does not open under the site's key".to_owned();
        let next = Next::Fail;
        let result = SubmitResult::Failed { class: FailureClass::Message, code: None, reason, next };
        settling::settle(work, attempt, result)?;
    }
    Ok(assignment)
}

/// Puts together what the modem needs to know. `None` when the text does not open.
fn open(
    work: &Work<'_>,
    attempt: AttemptId,
    number: usize,
    message: &Message,
) -> Result<Option<Assignment>, StoreError> {
    let content = &message.content;
    let text = content.text.as_ref().and_then(|sealed| work.key.open(&content.id, sealed).ok());
    let Some(text) = text else { return Ok(None) };
    Ok(Some(Assignment {
        attempt,
        message: MessageId::from_bytes(content.id),
        to: row::number_from(message.number)?,
        text,
        encoding: content.encoding,
        part: number,
        parts: message.parts.len(),
        // 8 bits are understood by more handsets than 16, and enough for one number at a time.
        concat_reference: u16::try_from(message.seq & 0xff).unwrap_or(0),
        deadline: message.deadline,
        class0: content.class0,
        replace: content.replace,
        failures: message.parts[number].failures,
    }))
}

fn attempts_under_way(work: &Work<'_>) -> Result<Vec<AttemptId>, StoreError> {
    let sql = "SELECT part.attempt FROM message CROSS JOIN part ON part.message = message.seq
               WHERE message.queue = -1 AND part.status = 'sending'";
    let mut statement = work.conn.prepare_cached(sql)?;
    Ok(statement.query_map((), |row| row.get(0).map(AttemptId))?.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_held_for_a_third_of_its_own_life_but_not_for_less_than_ten_seconds() {
        let (to, since) = (PhoneNumber::parse("+15551234567").unwrap(), Moment::from_millis(0));
        let [first, next] = [10, 60].map(|hold| {
            let hold = Duration::from_secs(hold);
            Denied { to: to.clone(), since, hold, behind_until: since + hold }
        });
        let held = |denied: &Denied, life| denied.held_until(since + Duration::from_secs(life)).since(since).as_secs();
        assert_eq!([1, 30, 3600].map(|life| held(&first, life)), [10, 10, 10]);
        assert_eq!([1, 30, 60, 120, 180, 3600].map(|life| held(&next, life)), [10, 10, 20, 40, 60, 60]);
    }
}
