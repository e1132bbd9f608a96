//! Second copies: a code that was sent, and of which no report says that it arrived, goes out once more through another SIM.
//!
//! No timer moves such a message on: from its time on it is there for whichever other SIM claims something next, and stays
//! what it is, `sent`, when none does.
//!
//! Its one rule: the first copy is never given up for the second. Whichever is reported as delivered, the message is; and a
//! second copy of which nothing good is known leaves it as it was.

use std::collections::BTreeMap;

use super::error::StoreError;
use super::life::Message;
use super::queue::{Claim, Denied, SubmitResult};
use super::writer::Work;
use super::{claiming, reports, routing, row};
use crate::clock::Moment;
use crate::message::{Event, Next, Status};
use crate::pdu::DeliveryStatus;

/// The first message of which the SIM may send the second copy, and from when on. To those who were denied nothing goes
/// before their hold is over.
pub(super) fn first_for(
    work: &Work<'_>,
    claim: &Claim,
    denied: &BTreeMap<i64, &Denied>,
) -> Result<Option<(i64, Moment)>, StoreError> {
    let mut statement = work.conn.prepare_cached(
        "SELECT message.seq, message.second_from, message.number, message.attempt, message.deadline
         FROM message CROSS JOIN part ON part.message = message.seq
         WHERE message.second_from IS NOT NULL AND message.deadline > ?1 AND part.sim <> ?2
         ORDER BY message.second_from, message.seq",
    )?;
    let mut rows = statement.query((work.now.as_millis(), claim.sim.as_str()))?;
    let mut first: Option<(i64, Moment)> = None;
    while let Some(row) = rows.next()? {
        let (seq, second_from) = (row.get(0)?, row::moment(row, "second_from")?);
        if first.is_some_and(|(_, from)| from <= second_from) {
            break;
        }
        if work.routes.lets(routing::route_of_message(work, seq, row.get(2)?)?, &claim.modem) {
            let again_from = claiming::refused_until(work, row.get(3)?, claim)?;
            let deadline = row::moment(row, "deadline")?;
            let held_until = denied.get(&row.get(2)?).map(|denied| denied.held_until(deadline));
            let from = [again_from, held_until].into_iter().flatten().fold(second_from, Moment::max);
            if first.is_none_or(|(_, earlier)| from < earlier) {
                first = Some((seq, from));
            }
        }
    }
    Ok(first)
}

/// Whether there are messages of which another SIM may send the second copy, now or later.
pub(super) fn are_there(work: &Work<'_>) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM message WHERE second_from IS NOT NULL)";
    Ok(work.conn.prepare_cached(sql)?.query_row((), |row| row.get(0))?)
}

/// If the attempt was at a second copy, and the network did not say that it took that: has the message go on with its first
/// copy. Another SIM may try again when the failure lets it, and the second copy is surely not out. Otherwise nothing
/// happens, and it is `false`.
pub(super) fn go_back_unless_taken(
    work: &Work<'_>,
    message: &mut Message,
    result: &SubmitResult,
) -> Result<bool, StoreError> {
    let (Some(first), [part]) = (message.first_copy, message.parts.as_mut_slice()) else { return Ok(false) };
    let again = match result {
        SubmitResult::Sent { .. } => return Ok(false),
        SubmitResult::InDoubt { .. } | SubmitResult::Expired => None,
        SubmitResult::NotReady { .. } => Some(work.now),
        SubmitResult::Failed { next, .. } => {
            part.failures += 1;
            match next {
                Next::RetryAt(at) => Some(*at),
                Next::OtherModem { .. } => Some(work.now),
                Next::Fail => None,
            }
        }
    };
    message.resent = matches!(result, SubmitResult::InDoubt { .. });
    if let (true, Some(attempt), Some(sim)) = (message.resent, part.attempt, part.sim.as_deref()) {
        reports::remember_second(work, message.seq, attempt, sim)?;
    }
    message.go_back_to(work, first)?;
    // It may have been withdrawn while the modem was at it.
    message.let_another_sim(work, again.filter(|_| message.second_after.is_some()));
    Ok(true)
}

/// If a report says that the second copy will never arrive, and the first still may: has the message go on with that.
/// Otherwise nothing happens, and it is `false`.
pub(super) fn go_back_if_first_may_arrive(work: &Work<'_>, message: &mut Message) -> Result<bool, StoreError> {
    let Some(first) = message.first_copy else { return Ok(false) };
    let sql = "SELECT report FROM attempt WHERE id = ?1";
    let report: Option<u8> = work.conn.prepare_cached(sql)?.query_row([first], |row| row.get(0))?;
    if report.is_some_and(|octet| DeliveryStatus::from_octet(octet).is_final()) {
        return Ok(false);
    }
    reports::remember_parts(work, message.seq)?;
    message.go_back_to(work, first)?;
    Ok(true)
}

/// If this attempt was the first copy, which a report says has arrived: the message is that one's from now on.
pub(super) fn go_back_to_arrived(work: &Work<'_>, message: &mut Message, attempt: i64) -> Result<(), StoreError> {
    let has_arrived = message.parts.iter().all(|part| part.status == Status::Delivered);
    if message.first_copy == Some(attempt) && !has_arrived {
        reports::remember_parts(work, message.seq)?;
        message.go_back_to(work, attempt)?;
    }
    Ok(())
}

impl Message {
    /// If another SIM may send the second copy, it is about to: the message waits for it.
    pub(super) fn begin_second_copy(&mut self, work: &Work<'_>) -> Result<(), StoreError> {
        let [part] = self.parts.as_mut_slice() else { return Ok(()) };
        if self.second_from.take().is_some() && part.status == Status::Sent {
            reports::remember_parts(work, self.seq)?;
            self.first_copy = part.attempt;
            self.resent = part.happen(Event::Resend);
        }
        Ok(())
    }

    /// This attempt, the first copy, is the part's last again.
    fn go_back_to(&mut self, work: &Work<'_>, first: i64) -> Result<(), StoreError> {
        reports::forget_part(work, self.number, first)?;
        let sql = "SELECT sim, reference FROM attempt WHERE id = ?1";
        let (sim, reference): (Option<String>, Option<u8>) =
            work.conn.prepare_cached(sql)?.query_row([first], |row| Ok((row.get(0)?, row.get(1)?)))?;
        for part in &mut self.parts {
            part.happen(Event::Accepted);
            (part.attempt, part.sim, part.reference) = (Some(first), sim.clone(), reference);
        }
        self.first_copy = None;
        Ok(())
    }
}
