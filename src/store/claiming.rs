//! What a modem is given next: the search through the queues.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row};

use super::error::StoreError;
use super::handle::Store;
use super::queue::{self, Assignment, Claim, Claimed, Denied, Neighbour};
use super::writer::Work;
use super::{routing, row, second};
use crate::clock::Moment;
use crate::ids::{MessageId, ModemName};
use crate::message::{Priority, Status};
use crate::route::Routes;

/// How long a message waits for the SIM that its recipient had the last one from, while that SIM is busy. Afterwards
/// any SIM may take it.
const STICKY: Duration = Duration::from_secs(5);
/// How long a recipient remembers who wrote.
const ACQUAINTANCE: Duration = Duration::from_secs(24 * 3600);
/// After leaving so many messages to other SIMs a claim takes the next, whosever it is: those others are behind.
const LEFT_TO_OTHERS: usize = 32;
/// A message with so little time left goes behind nobody for good, whoever was denied: there may be no later.
const NEARLY_OVER: Duration = Duration::from_secs(60);
/// After passing over so many messages that wait by routes that are no more, a claim looks no further in a queue: they
/// are being moved, and then everybody looks again.
const PASSED_OVER: usize = 32;

pub(super) fn claim_next(work: &Work<'_>, claim: &Claim) -> Result<Claimed, StoreError> {
    if let Some(message) = claim.only {
        let assigned =
            begun(work, message, claim.sim.as_str())?.map(|seq| queue::assign(work, seq, claim)).transpose()?.flatten();
        return Ok(assigned.map_or(Claimed::Nothing { next: None }, Claimed::Part));
    }
    let denied = claim.denied.iter().map(|denied| (row::number(&denied.to), denied)).collect();
    let mut search = Search { claim, denied, next: None, left: 0, strays: 0 };
    for priority in 0..=row::priority(claim.lowest) {
        while let Some(seq) = search.pick(work, priority)? {
            if let Some(assignment) = queue::assign(work, seq, claim)? {
                return Ok(Claimed::Part(assignment));
            }
        }
        // Codes that nobody has had yet go first, then those that perhaps nobody has got.
        if priority == row::priority(Priority::Otp)
            && let Some(assignment) = search.second_copy(work)?
        {
            return Ok(Claimed::Part(assignment));
        }
    }
    Ok(Claimed::Nothing { next: search.next })
}

impl Store {
    /// Whether anything waits, now or later, that this modem may be given.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn something_waits_for(&self, modem: &ModemName) -> Result<bool, StoreError> {
        let (routes, modem) = (self.routes(), modem.clone());
        self.query(move |conn| something_waits(conn, &routes, std::iter::once(&modem))).await
    }
}

/// Whether anything waits, now or later, that one of these modems may be given.
pub(super) fn something_waits<'a>(
    conn: &Connection,
    routes: &Routes,
    modems: impl Iterator<Item = &'a ModemName> + Clone,
) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM message WHERE queue BETWEEN ?1 AND ?2)";
    let mut statement = conn.prepare_cached(sql)?;
    for route in routes.all() {
        let (first, last) = routing::queues_of(route);
        if modems.clone().any(|modem| routes.lets(route, modem))
            && statement.query_row((first, last), |row| row.get(0))?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A message that the SIM may be given now. The least goes first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Picked {
    /// The network did not let this SIM send to its recipient lately: the others go first.
    is_behind: bool,
    deadline: Moment,
    seq: i64,
}

/// What waits in a queue, by deadline: what a [`Candidate`] is read from.
const CANDIDATES: &str = "SELECT seq, number, deadline, waiting_from,
            iif(sim <> ?3, iif(taken_over, deadline, coalesce(sim_until, 0)), 0), sim, attempt,
            (SELECT again_from IS NOT NULL FROM attempt WHERE attempt.id = message.attempt)
     FROM message
     WHERE queue = ?1 AND deadline > ?2 ORDER BY deadline, seq";

/// A message that waits in a queue.
struct Candidate {
    seq: i64,
    number: i64,
    deadline: Moment,
    waiting_from: Moment,
    /// From when on this SIM may have it. Before that it is for another one, which has begun it.
    from: Moment,
    /// The SIM that has begun it, unless that failed at the rest: then it is not left to it.
    follows: Option<String>,
    /// The last attempt at it.
    attempt: Option<i64>,
}

impl Candidate {
    /// By position, in the order of [`CANDIDATES`]: a claim may pass over thousands.
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let waiting_from = Moment::from_millis(row.get(3)?);
        let kept_until = Moment::from_millis(row.get(4)?);
        let was_refused = row.get::<_, Option<bool>>(7)?.unwrap_or_default();
        Ok(Self {
            seq: row.get(0)?,
            number: row.get(1)?,
            deadline: Moment::from_millis(row.get(2)?),
            waiting_from,
            from: kept_until.max(waiting_from),
            follows: row.get::<_, Option<String>>(5)?.filter(|_| !was_refused),
            attempt: row.get(6)?,
        })
    }
}

/// When a SIM may be given a message.
enum When {
    /// Now; behind the others when the network did not let the SIM send to its recipient lately.
    Now { behind: bool },
    /// Not before this moment.
    From(Moment),
}

/// A look through the queues for what one SIM may be given.
struct Search<'a> {
    claim: &'a Claim,
    /// Whom the network did not let the SIM send to lately.
    denied: BTreeMap<i64, &'a Denied>,
    /// When the first of those that must wait may go.
    next: Option<Moment>,
    /// How many were left to other SIMs.
    left: usize,
    /// How many wait by routes that are no more.
    strays: usize,
}

impl Search<'_> {
    /// The first message of this priority of which the SIM may be given something now: the first of those that are
    /// first on their routes.
    fn pick(&mut self, work: &Work<'_>, priority: i64) -> Result<Option<i64>, StoreError> {
        let mut first = None;
        for route in work.routes.all().filter(|route| work.routes.lets(*route, &self.claim.modem)) {
            let picked = self.pick_on(work, route, priority)?;
            first = [first, picked].into_iter().flatten().min();
        }
        Ok(first.map(|picked| picked.seq))
    }

    /// The second copy of a message that another SIM has sent, if one is due.
    fn second_copy(&mut self, work: &Work<'_>) -> Result<Option<Assignment>, StoreError> {
        while let Some((seq, from)) = second::first_for(work, self.claim, &self.denied)? {
            if from > work.now {
                self.wait_until(from);
                break;
            }
            if let Some(assignment) = queue::assign(work, seq, self.claim)? {
                return Ok(Some(assignment));
            }
        }
        Ok(None)
    }

    fn wait_until(&mut self, from: Moment) {
        self.next = Some(self.next.map_or(from, |earlier| earlier.min(from)));
    }

    /// The first on one route: what goes to those who were denied lately behind the rest, and then by deadline.
    fn pick_on(&mut self, work: &Work<'_>, route: usize, priority: i64) -> Result<Option<Picked>, StoreError> {
        let mut behind = None;
        let mut statement = work.conn.prepare_cached(CANDIDATES)?;
        let queue = routing::queue(route, priority);
        let mut rows = statement.query((queue, work.now.as_millis(), self.claim.sim.as_str()))?;
        while let Some(row) = rows.next()? {
            let candidate = Candidate::read(row)?;
            if routing::is_astray(work, queue, candidate.seq, candidate.number, priority)? {
                self.strays += 1;
                if self.strays < PASSED_OVER {
                    continue;
                }
                break;
            }
            match self.may_go(work.now, &candidate) {
                When::From(from) => self.wait_until(from),
                // The one before it goes first anyway.
                When::Now { behind: true } if behind.is_some() => {}
                When::Now { behind: is_behind } => match self.put_off(work, route, &candidate)? {
                    Some(until) => self.wait_until(until),
                    None => {
                        let picked = Picked { is_behind, deadline: candidate.deadline, seq: candidate.seq };
                        if !is_behind {
                            return Ok(Some(picked));
                        }
                        behind = Some(picked);
                    }
                },
            }
        }
        Ok(behind)
    }

    /// When a message may go by the SIM that has begun it, and by who was denied.
    fn may_go(&self, now: Moment, candidate: &Candidate) -> When {
        let denied = self.denied.get(&candidate.number);
        let from = denied.map_or(candidate.from, |denied| denied.held_until(candidate.deadline).max(candidate.from));
        if from > now {
            return When::From(from);
        }
        // Between two that nobody may get, one goes out that somebody may.
        let has_its_turn = self.claim.is_served && candidate.deadline <= now + NEARLY_OVER;
        When::Now { behind: denied.is_some_and(|denied| now < denied.behind_until) && !has_its_turn }
    }

    /// Until when a message that may go now is not given to this SIM all the same: it failed here a moment ago, or it is
    /// left to another SIM.
    fn put_off(&mut self, work: &Work<'_>, route: usize, candidate: &Candidate) -> Result<Option<Moment>, StoreError> {
        let again_from = refused_until(work, candidate.attempt, self.claim)?;
        if let Some(again_from) = again_from.filter(|again_from| *again_from > work.now) {
            return Ok(Some(again_from));
        }
        let until = self.left_to_others(work, route, candidate)?;
        self.left += usize::from(until.is_some());
        Ok(until)
    }

    /// Until when a message is left to another SIM, if it is. Only the first try is: what failed goes to whoever is
    /// free. A message of which parts were sent stays with their SIM for as long as that is well.
    fn left_to_others(
        &self,
        work: &Work<'_>,
        route: usize,
        candidate: &Candidate,
    ) -> Result<Option<Moment>, StoreError> {
        if self.claim.others.is_empty() {
            return Ok(None);
        }
        let may_send = |other: &&Neighbour| work.routes.lets(route, &other.modem);
        let is_other = |sim: &str| self.claim.others.iter().filter(may_send).any(|other| other.sim.as_str() == sim);
        if let Some(sim) = candidate.follows.as_deref() {
            return Ok((is_other(sim) && sim != self.claim.sim.as_str()).then_some(work.now + STICKY));
        }
        let until = candidate.waiting_from + STICKY;
        if until <= work.now || self.left >= LEFT_TO_OTHERS {
            return Ok(None);
        }
        let wrote_last = last_sim(work, candidate.seq)?;
        Ok(wrote_last.filter(|sim| is_other(sim) && sim != self.claim.sim.as_str()).map(|_| until))
    }
}

/// This message, if a part of it can be handed out now and the SIM that has begun it is this one still.
fn begun(work: &Work<'_>, message: MessageId, sim: &str) -> Result<Option<i64>, StoreError> {
    let sql =
        "SELECT seq FROM message WHERE id = ?1 AND queue >= 0 AND waiting_from <= ?2 AND deadline > ?2 AND sim = ?3";
    let here = (message.as_bytes(), work.now.as_millis(), sim);
    let found = work.conn.prepare_cached(sql)?.query_row(here, |row| row.get(0));
    Ok(found.optional()?)
}

/// From when on this modem with this SIM may be given a message again that was last tried in this attempt, if it failed
/// there.
pub(super) fn refused_until(
    work: &Work<'_>,
    attempt: Option<i64>,
    claim: &Claim,
) -> Result<Option<Moment>, StoreError> {
    let Some(last) = attempt else { return Ok(None) };
    let mut statement = work.conn.prepare_cached(
        "WITH RECURSIVE earlier (id) AS (
             VALUES (?1) UNION ALL SELECT attempt.before FROM attempt JOIN earlier USING (id))
         SELECT again_from FROM earlier JOIN attempt USING (id) WHERE attempt.modem = ?2 AND attempt.sim = ?3 LIMIT 1",
    )?;
    let here = (last, claim.modem.as_str(), claim.sim.as_str());
    let again_from: Option<Option<i64>> = statement.query_row(here, |row| row.get(0)).optional()?;
    Ok(again_from.flatten().map(Moment::from_millis))
}

/// The SIM that sent the recipient one of the few messages before this one, if this one was never tried.
fn last_sim(work: &Work<'_>, seq: i64) -> Result<Option<String>, StoreError> {
    let mut statement = work.conn.prepare_cached(
        "SELECT earlier.created, part.status, part.sim
         FROM message CROSS JOIN message AS earlier CROSS JOIN part
         WHERE message.seq = ?1 AND earlier.number = message.number AND earlier.seq < ?1
           AND part.message = earlier.seq AND part.part = 0
           AND message.attempt IS NULL
         ORDER BY earlier.seq DESC LIMIT 4",
    )?;
    let mut rows = statement.query([seq])?;
    while let Some(row) = rows.next()? {
        if row::moment(row, "created")? < work.now - ACQUAINTANCE {
            break;
        }
        // A SIM that may have let the recipient down is not the one to wait for.
        let arrived_through_it =
            matches!(row::status_from(&row.get::<_, String>(1)?)?, Status::Sent | Status::Delivered);
        if arrived_through_it {
            return Ok(row.get(2)?);
        }
    }
    Ok(None)
}
