//! Writing down what came of an attempt.

use rusqlite::OptionalExtension;

use super::error::StoreError;
use super::life::Message;
use super::queue::{AttemptId, SubmitResult};
use super::writer::Work;
use super::{reports, second};
use crate::ids::MessageReference;
use crate::message::{Event, Next, Status};

/// Settles an attempt, once: one that is settled already stays as it is, and so does a part that knows nothing of it.
pub(super) fn settle(work: &Work<'_>, attempt: AttemptId, result: SubmitResult) -> Result<(), StoreError> {
    let found = work
        .conn
        .prepare_cached(
            "SELECT attempt.message, attempt.part, message.number
             FROM attempt JOIN message ON message.seq = attempt.message
             WHERE attempt.id = ?1 AND attempt.outcome = 'sending'",
        )?
        .query_row([attempt.0], |row| Ok((row.get(0)?, usize::from(row.get::<_, u8>(1)?), row.get::<_, i64>(2)?)))
        .optional()?;
    let Some((seq, number, to)) = found else { return Ok(()) };
    let mut message = Message::load(work, seq)?;
    let is_its_own = |part: &&mut super::parts::Part| part.attempt == Some(attempt.0) && part.status == Status::Sending;
    let knows_of_it = message.parts.get_mut(number).filter(is_its_own).is_some();
    record(work, attempt, &result)?;
    if !knows_of_it {
        tracing::error!(
            message.seq = seq,
            "a part knows nothing of the attempt at it; from now on the message is what its parts are"
        );
        return message.save(work);
    }
    if !second::go_back_unless_taken(work, &mut message, &result)? {
        come_to(work, &mut message, number, result);
    }
    message.save(work)?;
    reports::take_early(work, to)
}

/// Moves the part on, and the message with it.
fn come_to(work: &Work<'_>, message: &mut Message, number: usize, result: SubmitResult) {
    let part = &mut message.parts[number];
    message.not_before = work.now;
    match result {
        SubmitResult::Sent { reference: MessageReference(reference) } => {
            part.happen(Event::Accepted);
            part.reference = Some(reference);
            message.stay_with_sim(work.now);
            message.await_report(work);
        }
        SubmitResult::Failed { next, reason, .. } => {
            part.failures += 1;
            match next {
                Next::Fail => {
                    part.happen(Event::Refused);
                    message.cause = Some(reason);
                }
                Next::RetryAt(at) => {
                    part.happen(Event::Returned);
                    message.not_before = at;
                    message.stay_with_sim(at);
                }
                Next::OtherModem { .. } => {
                    part.happen(Event::Returned);
                    message.sim_until = Some(work.now);
                }
            }
        }
        SubmitResult::InDoubt { .. } => {
            part.happen(Event::AnswerLost);
            message.doubt(work.now);
        }
        SubmitResult::NotReady { .. } => {
            part.happen(Event::Returned);
            message.sim_until = Some(work.now);
        }
        SubmitResult::Expired => {
            part.give_up(Event::DeadlinePassed);
            message.expire();
        }
    }
}

/// Writes the attempt's own row.
fn record(work: &Work<'_>, attempt: AttemptId, result: &SubmitResult) -> Result<(), StoreError> {
    let (reference, code, reason) = match result {
        SubmitResult::Sent { reference } => (Some(reference.0), None, None),
        SubmitResult::Failed { code, reason, .. } => (None, code.as_deref(), Some(reason)),
        SubmitResult::InDoubt { reason } | SubmitResult::NotReady { reason } => (None, None, Some(reason)),
        SubmitResult::Expired => (None, None, None),
    };
    let again = match result {
        SubmitResult::Failed { next: Next::OtherModem { again }, .. } => Some(again.as_millis()),
        _ => None,
    };
    work.conn
        .prepare_cached(
            "UPDATE attempt
             SET outcome = ?2, ended_at = ?3, reference = ?4, code = ?5, reason = ?6, again_from = ?7, spends = ?8
             WHERE id = ?1",
        )?
        .execute((
            attempt.0,
            result.outcome().as_str(),
            work.wall.as_millisecond(),
            reference,
            code,
            reason,
            again,
            result.spends_budget(),
        ))?;
    Ok(())
}
