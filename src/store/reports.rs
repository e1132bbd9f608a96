//! Status reports: finding the part they are about.

use rusqlite::OptionalExtension;

use super::error::StoreError;
use super::handle::Store;
use super::life::Message;
use super::parts::Part;
use super::writer::Work;
use super::{row, second};
use crate::clock::Moment;
use crate::ids::{MessageReference, SimId};
use crate::message::{Event, Status};
use crate::pdu::DeliveryStatus;
use crate::phone::PhoneNumber;

/// A status report from the network.
#[derive(Debug, Clone)]
pub struct Report {
    /// The SIM it came to.
    pub sim: SimId,
    /// The recipient it is about.
    pub to: PhoneNumber,
    /// The TP-MR it is about.
    pub reference: MessageReference,
    /// What it says.
    pub outcome: ReportOutcome,
    /// The TP-ST it said so with (3GPP TS 23.040 §9.2.3.15), kept for people to read.
    pub status_octet: u8,
}

/// What a status report says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReportOutcome {
    /// The handset has it, or the network is done with it without knowing more.
    Delivered,
    /// The network has it and is still trying.
    StillTrying,
    /// It will never arrive.
    Undelivered,
}

impl ReportOutcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::StillTrying => "still_trying",
            Self::Undelivered => "undelivered",
        }
    }

    fn from_name(name: &str) -> Result<Self, StoreError> {
        [Self::Delivered, Self::StillTrying, Self::Undelivered]
            .into_iter()
            .find(|outcome| outcome.as_str() == name)
            .ok_or_else(|| StoreError::unreadable("early_report.outcome"))
    }
}

impl Store {
    /// Takes a status report on.
    ///
    /// It is about the newest part with its SIM, recipient and TP-MR. If there is none, it is about the part for that SIM and
    /// recipient that is in doubt (or was, and waits to go out once more), but only if there is exactly one. A report that
    /// comes before its part is settled is kept until then. The same report twice changes nothing.
    ///
    /// When it is not sure whose number it names, each of these is one reading of it, the likeliest first; one under whose
    /// TP-MR a part went out goes before all others. Returns the number it was about, if it was about anything.
    ///
    /// # Errors
    /// When the store cannot do it; then the report must not be acknowledged.
    pub async fn settle_report(&self, readings: Vec<Report>) -> Result<Option<PhoneNumber>, StoreError> {
        self.change(move |work| {
            let (several, mut in_turn) = (readings.len() > 1, Vec::new());
            for reading in readings {
                let is_guess = several && by_reference(work, &reading)?.is_none() && former(work, &reading)?.is_none();
                in_turn.push((is_guess, reading));
            }
            in_turn.sort_by_key(|(is_guess, _)| *is_guess);
            for (_, reading) in in_turn {
                if take(work, &reading)? != Found::Nothing {
                    return Ok(Some(reading.to));
                }
            }
            Ok(None)
        })
        .await
    }
}

/// What a report was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// A part; it is settled, or was before.
    Part,
    /// Perhaps a part that a modem is at: the report is kept until that is settled.
    Kept,
    /// Nothing that is known here.
    Nothing,
}

/// Until when a report on a message may still come: until a day after its deadline if it lives for more than a day, else
/// until an hour after it.
const REPORTS_UNTIL: &str = "message.deadline + iif(message.deadline - message.created > 86400000, 86400000, 3600000)";

/// So many attempts later a SIM has used every TP-MR once, and a report with an old one is about a newer part.
const WRAP: i64 = 200;

/// So many attempts that nothing can come of any more are looked for when others are kept in mind.
const OLD_AT_ONCE: i64 = 8;

fn take(work: &Work<'_>, report: &Report) -> Result<Found, StoreError> {
    let (last, left_behind) = (by_reference(work, report)?, former(work, report)?);
    if let Some((place, attempt)) = last
        && left_behind.is_none_or(|(_, newer)| newer < attempt)
    {
        apply(work, Message::load(work, place.0)?, place, report)?;
        return Ok(Found::Part);
    }
    if let Some((place, attempt)) = left_behind {
        return take_as_history(work, Message::load(work, place.0)?, place, attempt, report);
    }
    let unsettled = unsettled(work, report)?;
    if unsettled.iter().any(|part| part.status == Status::Sending) {
        keep(work, report)?;
        return Ok(Found::Kept);
    }
    match unsettled.as_slice() {
        [only] if only.deadline > work.now => settle_doubt(work, only, report),
        _ => Ok(Found::Nothing),
    }
}

/// Where a part is: the seq of its message, and its number.
type Place = (i64, u8);

/// The newest part with this TP-MR that waits for a report; or one that had its report, which then comes twice.
fn by_reference(work: &Work<'_>, report: &Report) -> Result<Option<(Place, i64)>, StoreError> {
    let sql = format!(
        "SELECT part.message, part.part, part.status, part.attempt
         FROM part CROSS JOIN message ON message.seq = part.message
         WHERE part.number = ?1 AND part.sim = ?2 AND part.reference = ?3
           AND {REPORTS_UNTIL} > ?4
         ORDER BY part.attempt DESC",
    );
    let mut statement = work.conn.prepare_cached(&sql)?;
    let (to, sim) = (row::number(&report.to), report.sim.as_str());
    let mut rows = statement.query((to, sim, report.reference.0, work.now.as_millis()))?;
    let mut had_its_report = None;
    while let Some(row) = rows.next()? {
        let found = ((row.get(0)?, row.get(1)?), row.get(3)?);
        match row::status_from(&row.get::<_, String>(2)?)? {
            Status::Sent => return Ok(Some(found)),
            Status::Delivered | Status::Undelivered if had_its_report.is_none() => {
                had_its_report = Some(found);
            }
            _ => {}
        }
    }
    match had_its_report {
        Some((place, attempt)) if !has_wrapped(work, sim, attempt)? => Ok(Some((place, attempt))),
        _ => Ok(None),
    }
}

/// Whether the SIM has made so many attempts since this one that its TP-MR may have come round.
fn has_wrapped(work: &Work<'_>, sim: &str, attempt: i64) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM attempt WHERE id > ?1 AND sim = ?2 LIMIT 1 OFFSET ?3)";
    Ok(work.conn.prepare_cached(sql)?.query_row((attempt, sim, WRAP - 1), |row| row.get(0))?)
}

/// Keeps by what a report is known that comes for a part of this message that was sent and now starts again.
pub(super) fn remember_parts(work: &Work<'_>, message: i64) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO former_part (number, sim, reference, attempt, known_until)
         SELECT part.number, part.sim, part.reference, part.attempt, {REPORTS_UNTIL}
         FROM part JOIN message ON message.seq = part.message
         WHERE part.message = ?1 AND part.reference IS NOT NULL"
    );
    work.conn.prepare_cached(&sql)?.execute([message])?;
    forget_old(work, message)
}

/// Whenever attempts at this message are kept in mind, those of its number and the next ones go of which no report can
/// come any more. So there are hardly ever many more than still count, and none is looked for. Those of the highest number
/// that was ever written to stay.
fn forget_old(work: &Work<'_>, message: i64) -> Result<(), StoreError> {
    let sql = "DELETE FROM former_part WHERE known_until <= ?2 AND (number, sim, reference, attempt) IN (
                   SELECT number, sim, reference, attempt FROM former_part
                   WHERE number >= (SELECT number FROM message WHERE seq = ?1)
                   ORDER BY number, sim, reference, attempt LIMIT ?3)";
    work.conn.prepare_cached(sql)?.execute((message, work.now.as_millis(), OLD_AT_ONCE))?;
    Ok(())
}

/// An attempt at a message to this number is its part's last again.
pub(super) fn forget_part(work: &Work<'_>, number: i64, attempt: i64) -> Result<(), StoreError> {
    let sql = "DELETE FROM former_part WHERE number = ?1 AND attempt = ?2";
    work.conn.prepare_cached(sql)?.execute((number, attempt))?;
    Ok(())
}

/// The attempt with this TP-MR that its part has left behind, and the part.
fn former(work: &Work<'_>, report: &Report) -> Result<Option<(Place, i64)>, StoreError> {
    let sql = "SELECT attempt.message, attempt.part, attempt.id
               FROM former_part JOIN attempt ON attempt.id = former_part.attempt
               WHERE former_part.number = ?1 AND former_part.sim = ?2 AND former_part.reference = ?3
                 AND former_part.known_until > ?4
               ORDER BY former_part.attempt DESC LIMIT 1";
    let (to, sim, now) = (row::number(&report.to), report.sim.as_str(), work.now.as_millis());
    let found: Option<(Place, i64)> = work
        .conn
        .prepare_cached(sql)?
        .query_row((to, sim, report.reference.0, now), |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))
        .optional()?;
    match found {
        Some((place, attempt)) if !has_wrapped(work, sim, attempt)? => Ok(Some((place, attempt))),
        _ => Ok(None),
    }
}

/// Takes a report on that is about an attempt which its part has left behind. Bad news of it changes nothing: the copy
/// that went out last has a report of its own to come. Good news does, unless another SIM has begun the message again,
/// or will: then it is queued. While a modem is at a copy, the news of an earlier one is kept until that is settled.
fn take_as_history(
    work: &Work<'_>,
    mut message: Message,
    place: Place,
    attempt: i64,
    report: &Report,
) -> Result<Found, StoreError> {
    let goes_on_here = message.goes_on_with(report.sim.as_str());
    let status = part_at(&mut message, place)?.status;
    if goes_on_here && status == Status::Sending {
        keep(work, report)?;
        return Ok(Found::Kept);
    }
    note(work, attempt, report)?;
    let counts = report.outcome == ReportOutcome::Delivered && goes_on_here && status != Status::Queued;
    if counts {
        second::go_back_to_arrived(work, &mut message, attempt)?;
        if message.hear(usize::from(place.1), Event::Delivered) {
            message.save(work)?;
        }
    }
    Ok(Found::Part)
}

/// A part that this report may be about although its TP-MR tells nothing.
struct Unsettled {
    status: Status,
    place: Place,
    /// The attempt that the report would be about: the part's last, or an earlier one that was in doubt.
    attempt: i64,
    deadline: Moment,
}

/// The parts to this recipient of which an attempt through this SIM has a TP-MR that is not known, and reports may still
/// come: a modem is at them, or they are in doubt, or were in doubt before they were to go out once more, whatever became
/// of that. Each part once.
fn unsettled(work: &Work<'_>, report: &Report) -> Result<Vec<Unsettled>, StoreError> {
    let sql = format!(
        "SELECT part.status, part.message, part.part, part.attempt, message.deadline
         FROM message CROSS JOIN part ON part.message = message.seq
         WHERE message.queue = -1 AND message.number = ?1 AND part.sim = ?2 AND part.status = 'sending'
         UNION ALL
         SELECT part.status, part.message, part.part, part.attempt, message.deadline
         FROM part JOIN message ON message.seq = part.message JOIN attempt ON attempt.id = part.attempt
         WHERE part.number = ?1 AND part.sim = ?2
           AND part.status IN ('in_doubt', 'queued') AND part.attempt IS NOT NULL
           AND (part.status <> 'queued' OR attempt.outcome = 'in_doubt') AND attempt.report IS NULL
           AND {REPORTS_UNTIL} > ?3
         UNION ALL
         SELECT part.status, part.message, part.part, attempt.id, message.deadline
         FROM former_part JOIN attempt ON attempt.id = former_part.attempt JOIN message ON message.seq = attempt.message
              JOIN part ON part.message = attempt.message AND part.part = attempt.part
         WHERE former_part.number = ?1 AND former_part.sim = ?2 AND former_part.reference = ?4
           AND former_part.known_until > ?3",
    );
    let mut statement = work.conn.prepare_cached(&sql)?;
    let (to, sim, now) = (row::number(&report.to), report.sim.as_str(), work.now.as_millis());
    let mut rows = statement.query((to, sim, now, UNKNOWN_REFERENCE))?;
    let mut found: Vec<Unsettled> = Vec::new();
    while let Some(row) = rows.next()? {
        let place = (row.get(1)?, row.get(2)?);
        if found.iter().all(|known| known.place != place) {
            let status = row::status_from(&row.get::<_, String>(0)?)?;
            found.push(Unsettled { status, place, attempt: row.get(3)?, deadline: row::moment(row, "deadline")? });
        }
    }
    Ok(found)
}

/// Takes a report on that can only be about this attempt, which was in doubt. A part that still is, or waits to go out once
/// more, is settled by it.
fn settle_doubt(work: &Work<'_>, doubt: &Unsettled, report: &Report) -> Result<Found, StoreError> {
    let mut message = Message::load(work, doubt.place.0)?;
    let goes_on_here = message.goes_on_with(report.sim.as_str());
    let part = part_at(&mut message, doubt.place)?;
    if !goes_on_here || !matches!(part.status, Status::Queued | Status::InDoubt) {
        know_reference(work, doubt.attempt, report)?;
        return take_as_history(work, message, doubt.place, doubt.attempt, report);
    }
    if part.status == Status::InDoubt && part.attempt != Some(doubt.attempt) {
        remember_doubt(work, doubt.place.0)?;
    }
    part.attempt = Some(doubt.attempt);
    part.sim = Some(report.sim.as_str().to_owned());
    forget_doubt(work, doubt.attempt, report)?;
    apply(work, message, doubt.place, report)?;
    Ok(Found::Part)
}

/// The TP-MR, in `former_part`, of an attempt that was in doubt.
const UNKNOWN_REFERENCE: i64 = -1;

/// Keeps in mind that parts of this message are in doubt, which now go out once more: a report may still come that is
/// about the first time.
pub(super) fn remember_doubt(work: &Work<'_>, message: i64) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT OR IGNORE INTO former_part (number, sim, reference, attempt, known_until)
         SELECT part.number, part.sim, ?2, part.attempt, {REPORTS_UNTIL}
         FROM part JOIN message ON message.seq = part.message
         WHERE part.message = ?1 AND part.status = 'in_doubt' AND part.sim IS NOT NULL"
    );
    work.conn.prepare_cached(&sql)?.execute((message, UNKNOWN_REFERENCE))?;
    forget_old(work, message)
}

/// Keeps in mind that the second copy of this message, at this attempt through this SIM, is in doubt, while the message goes
/// on with its first.
pub(super) fn remember_second(work: &Work<'_>, message: i64, attempt: i64, sim: &str) -> Result<(), StoreError> {
    let sql = format!(
        "INSERT INTO former_part (number, sim, reference, attempt, known_until)
         SELECT number, ?3, ?4, ?2, {REPORTS_UNTIL} FROM message WHERE seq = ?1"
    );
    work.conn.prepare_cached(&sql)?.execute((message, attempt, sim, UNKNOWN_REFERENCE))?;
    forget_old(work, message)
}

/// The attempts at a message, from this one back, that are in doubt: the part, the attempt, and its SIM; the last first.
pub(super) fn doubts(work: &Work<'_>, last: Option<i64>) -> Result<Vec<(usize, i64, String)>, StoreError> {
    let mut statement = work.conn.prepare_cached(
        "WITH RECURSIVE earlier (id) AS (
             VALUES (?1) UNION ALL SELECT attempt.before FROM attempt JOIN earlier USING (id))
         SELECT attempt.part, attempt.id, attempt.sim FROM earlier JOIN attempt USING (id)
         WHERE attempt.outcome = 'in_doubt' AND attempt.report IS NULL",
    )?;
    let doubts =
        statement.query_map([last], |row| Ok((usize::from(row.get::<_, u8>(0)?), row.get(1)?, row.get(2)?)))?;
    Ok(doubts.collect::<Result<_, _>>()?)
}

/// An attempt that was in doubt is its part's last again.
fn forget_doubt(work: &Work<'_>, attempt: i64, report: &Report) -> Result<(), StoreError> {
    let sql = "DELETE FROM former_part WHERE number = ?1 AND sim = ?2 AND reference = ?3 AND attempt = ?4";
    let (to, sim) = (row::number(&report.to), report.sim.as_str());
    work.conn.prepare_cached(sql)?.execute((to, sim, UNKNOWN_REFERENCE, attempt))?;
    Ok(())
}

/// A report has told the TP-MR of an attempt that was in doubt, and that its part has left behind.
fn know_reference(work: &Work<'_>, attempt: i64, report: &Report) -> Result<(), StoreError> {
    let sql =
        "UPDATE former_part SET reference = ?5 WHERE number = ?1 AND sim = ?2 AND reference = ?3 AND attempt = ?4";
    let (to, sim) = (row::number(&report.to), report.sim.as_str());
    work.conn.prepare_cached(sql)?.execute((to, sim, UNKNOWN_REFERENCE, attempt, report.reference.0))?;
    Ok(())
}

fn part_at(message: &mut Message, (_, number): Place) -> Result<&mut Part, StoreError> {
    message.parts.get_mut(usize::from(number)).ok_or_else(|| StoreError::Damaged("a part is missing".to_owned()))
}

/// Moves the part on by what the report says about its attempt.
fn apply(work: &Work<'_>, mut message: Message, place: Place, report: &Report) -> Result<(), StoreError> {
    let (status, attempt) = part_at(&mut message, place).map(|part| (part.status, part.attempt))?;
    if let (ReportOutcome::Undelivered, Status::Sent, Some(attempt)) = (report.outcome, status, attempt)
        && second::go_back_if_first_may_arrive(work, &mut message)?
    {
        note(work, attempt, report)?;
        return message.save(work);
    }
    let event = match report.outcome {
        ReportOutcome::Delivered => Event::Delivered,
        ReportOutcome::StillTrying => Event::Accepted,
        ReportOutcome::Undelivered => Event::Undelivered,
    };
    if message.hear(usize::from(place.1), event) {
        let part = part_at(&mut message, place)?;
        part.reference = Some(report.reference.0);
        let (attempt, sim) = (part.attempt, part.sim.clone());
        message.came_through(sim, work.now);
        if event == Event::Accepted && status == Status::InDoubt {
            message.await_report(work);
        }
        if report.outcome == ReportOutcome::Undelivered {
            message.cause = Some(DeliveryStatus::from_octet(report.status_octet).to_string());
        }
        message.save(work)?;
        if let Some(attempt) = attempt {
            note(work, attempt, report)?;
        }
    }
    Ok(())
}

/// Writes down what a report said about an attempt. That the network still tries is old news after any other.
fn note(work: &Work<'_>, attempt: i64, report: &Report) -> Result<(), StoreError> {
    let sql = "UPDATE attempt SET report = ?2, reference = ?3 WHERE id = ?1 AND (?4 OR report IS NULL)";
    let is_last = report.outcome != ReportOutcome::StillTrying;
    work.conn.prepare_cached(sql)?.execute((attempt, report.status_octet, report.reference.0, is_last))?;
    Ok(())
}

fn keep(work: &Work<'_>, report: &Report) -> Result<(), StoreError> {
    work.conn
        .prepare_cached(
            "INSERT INTO early_report (number, sim, reference, outcome, octet, received) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute((
            row::number(&report.to),
            report.sim.as_str(),
            report.reference.0,
            report.outcome.as_str(),
            report.status_octet,
            work.now.as_millis(),
        ))?;
    Ok(())
}

/// A part for this number was settled: the reports that came before are taken on again.
pub(super) fn take_early(work: &Work<'_>, to: i64) -> Result<(), StoreError> {
    let mut statement = work
        .conn
        .prepare_cached("DELETE FROM early_report WHERE number = ?1 RETURNING seq, sim, reference, outcome, octet")?;
    let mut early = Vec::new();
    let mut rows = statement.query([to])?;
    while let Some(row) = rows.next()? {
        let outcome: String = row.get(3)?;
        let report = Report {
            sim: SimId::from_stored(row.get(1)?),
            to: row::number_from(to)?,
            reference: MessageReference(row.get(2)?),
            outcome: ReportOutcome::from_name(&outcome)?,
            status_octet: row.get(4)?,
        };
        early.push((row.get::<_, i64>(0)?, report));
    }
    early.sort_by_key(|(seq, _)| *seq);
    for (_, report) in &early {
        take(work, report)?;
    }
    Ok(())
}
