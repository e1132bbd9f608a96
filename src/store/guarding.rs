//! Whether the guard and the limits let a code go out, judged in the transaction that would send it, and what is
//! remembered of that: stopped prefixes on disk, token buckets and counts in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, Row};
use serde_json::json;

use super::error::StoreError;
use super::events::{self, Kind, NewEvent};
use super::handle::Store;
use super::row;
use super::writer::Work;
use crate::clock::Moment;
use crate::guard::{self, Buckets, Checks, Lately, Mode, NEWEST, Recent, Refusal, Rule, Ruling, STOPPED, Stop};
use crate::ids::AppName;
use crate::limits::{self, Limit};
use crate::otp::Status;
use crate::phone::PhoneNumber;

/// What a code must pass to be issued or sent again.
#[derive(Debug, Clone)]
pub struct Rules {
    /// How many codes a number and a prefix may get.
    pub limits: limits::Settings,
    /// What the guard looks at.
    pub guard: Checks,
}

/// What spoke against a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// A limit is reached.
    Limit(limits::Refusal),
    /// The guard does not let it through.
    Guard(Refusal),
}

/// How many of a number's newest otps are looked at for locks.
const LOCKS: usize = 10;

/// A prefix that was found well is not looked at again for so long: what speaks against one takes minutes to come about.
const WELL_FOR: Duration = Duration::from_secs(5);

/// How many of a number's newest messages are looked at for a code that was verified.
const REMEMBERED: u8 = 16;

/// What the guard remembers in memory. Cheap to clone; every clone is the same memory.
#[derive(Debug, Clone)]
pub(super) struct Memory(Arc<Mutex<Remembered>>);

#[derive(Debug, Default)]
struct Remembered {
    buckets: Buckets,
    /// Whether a number may be on the safe list, or a prefix stopped. Most sites never have any, and then nobody looks.
    listed: bool,
    /// When prefixes were last found well.
    well: Lately<i64>,
    /// How often each rule refused, and would have.
    counts: BTreeMap<(Rule, Mode), u64>,
}

impl Memory {
    /// What is remembered at the start: whether there is anything in the tables of the guard.
    pub(super) fn load(conn: &Connection) -> Result<Self, StoreError> {
        let sql =
            "SELECT coalesce((SELECT max(seq) FROM safe_number), (SELECT max(prefix) FROM stopped_prefix)) IS NOT NULL";
        let listed = conn.query_row(sql, (), |row| row.get(0))?;
        Ok(Self(Arc::new(Mutex::new(Remembered { listed, ..Remembered::default() }))))
    }

    /// From now on there is something in these tables.
    pub(super) fn note_listed(&self) {
        self.lock().listed = true;
    }

    /// How often each rule refused ([`Mode::Enforce`]) or would have ([`Mode::Report`]) since the start.
    pub(super) fn counts(&self) -> BTreeMap<(Rule, Mode), u64> {
        self.lock().counts.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Remembered> {
        // A panic while it was held leaves at worst one code uncounted.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_well(&self, prefix: i64, now: Moment) -> bool {
        self.lock().well.get(&prefix).is_some_and(|found| now.since(found) < WELL_FOR)
    }

    fn full_bucket(&self, checks: &Checks, now: Moment) -> Option<Refusal> {
        let remembered = self.lock();
        checks.buckets.iter().find_map(|(whose, per_hour)| {
            let rule = match whose {
                guard::Whose::App(_) => Rule::PerAppHour,
                guard::Whose::Address(_) => Rule::PerAddressHour,
            };
            remembered.buckets.wait(whose, *per_hour, now).map(|wait| Refusal::for_now(rule, wait))
        })
    }

    fn take(&self, checks: &Checks, now: Moment) {
        let buckets = &mut self.lock().buckets;
        for (whose, per_hour) in &checks.buckets {
            buckets.take(whose.clone(), *per_hour, now);
        }
    }
}

impl Store {
    /// What would speak against a code to this number now, whatever the guard's mode. Nothing is sent or counted.
    ///
    /// # Errors
    /// When the store cannot look.
    pub async fn speaks_against(&self, to: &PhoneNumber, rules: Rules) -> Result<Option<Refused>, StoreError> {
        let (to, memory) = (to.clone(), self.guard_memory().clone());
        self.change_now(move |work| {
            let Verdict { objection, limits, .. } = judge(work, &to, &rules, &memory, false)?;
            let (guard, limit) = (objection.map(Refused::Guard), limits.err().map(Refused::Limit));
            // What really refuses says more than what is only reported.
            Ok(if rules.guard.mode == Mode::Enforce { guard.or(limit) } else { limit.or(guard) })
        })
        .await
    }
}

/// Whether a code of this app may be issued to this number.
pub(super) fn check_issue(
    work: &Work<'_>,
    app: &AppName,
    to: &PhoneNumber,
    rules: &Rules,
    memory: &Memory,
) -> Result<Result<(), Refused>, StoreError> {
    let counts = rules.guard.mode == Mode::Enforce;
    let Verdict { is_safe, objection, limits } = judge(work, to, rules, memory, counts)?;
    if let Some(refusal) = objection {
        note_refusal(work, app, to, rules.guard.mode, &refusal, memory)?;
        if rules.guard.mode == Mode::Enforce {
            return Ok(Err(Refused::Guard(refusal)));
        }
    }
    if limits.is_ok() && !is_safe {
        memory.take(&rules.guard, work.now);
    }
    Ok(limits.map_err(Refused::Limit))
}

/// What speaks against a code: by the guard, and by the limits.
struct Verdict {
    /// The number is on the safe list.
    is_safe: bool,
    objection: Option<Refusal>,
    limits: Result<(), limits::Refusal>,
}

/// `counts` is whether what is found is held against the prefix from now on; a trial changes nothing for anybody.
fn judge(
    work: &Work<'_>,
    to: &PhoneNumber,
    rules: &Rules,
    memory: &Memory,
    counts: bool,
) -> Result<Verdict, StoreError> {
    let Some(subject) = Subject::load(work, to, rules, memory)? else {
        return Ok(Verdict { is_safe: true, objection: None, limits: Ok(()) });
    };
    let limits = subject.limits(work, rules)?;
    let objection = match subject.objection(work, rules, memory, counts)? {
        // A limit that is reached says more than what comes of it.
        None if limits.is_ok() => match memory.full_bucket(&rules.guard, work.now) {
            None => subject.unverified(work, rules)?,
            full => full,
        },
        objection => objection,
    };
    Ok(Verdict { is_safe: false, objection, limits })
}

/// Whether a code of this app may be sent to this number once more.
pub(super) fn check_resend(
    work: &Work<'_>,
    app: &AppName,
    to: &PhoneNumber,
    rules: &Rules,
    memory: &Memory,
) -> Result<Result<(), Refusal>, StoreError> {
    if rules.guard.mode == Mode::Off {
        return Ok(Ok(()));
    }
    let Some(subject) = Subject::load(work, to, rules, memory)? else { return Ok(Ok(())) };
    let counts = rules.guard.mode == Mode::Enforce;
    let objection = match subject.objection(work, rules, memory, counts)? {
        None => subject.unverified(work, rules)?,
        objection => objection,
    };
    let Some(refusal) = objection else { return Ok(Ok(())) };
    note_refusal(work, app, to, rules.guard.mode, &refusal, memory)?;
    Ok(if rules.guard.mode == Mode::Enforce { Err(refusal) } else { Ok(()) })
}

/// Takes note that the guard refused a code, or would have.
fn note_refusal(
    work: &Work<'_>,
    app: &AppName,
    to: &PhoneNumber,
    mode: Mode,
    refusal: &Refusal,
    memory: &Memory,
) -> Result<(), StoreError> {
    *memory.lock().counts.entry((refusal.rule, mode)).or_default() += 1;
    let rule = refusal.rule.as_str();
    match mode {
        Mode::Report => tracing::info!(app = %app, rule, "the guard would have refused a code"),
        Mode::Enforce | Mode::Off => tracing::debug!(app = %app, rule, "the guard refused a code"),
    }
    let kind = if mode == Mode::Report { Kind::GuardWouldRefuse } else { Kind::OtpRefused };
    work.refusals.note(work, kind, app.as_str(), rule, to)
}

/// This otp was verified: the number's prefix, if it is stopped, is on probation from now on. A number that had verified
/// before tells nothing new of its neighbours.
pub(super) fn note_verified(
    work: &Work<'_>,
    otp: i64,
    number: &PhoneNumber,
    memory: &Memory,
) -> Result<(), StoreError> {
    if !memory.lock().listed {
        return Ok(());
    }
    let (number, now) = (row::number(number), work.now.as_millis());
    let sql = "SELECT EXISTS (SELECT 1 FROM stopped_prefix WHERE prefix = ?1 AND until > ?2)";
    let is_stopped = work.conn.prepare_cached(sql)?.query_row((number / 10_000, now), |row| row.get(0))?;
    if is_stopped && !has_verified(work, number, otp)? {
        let sql = "UPDATE stopped_prefix SET until = ?2 WHERE prefix = ?1";
        work.conn.prepare_cached(sql)?.execute((number / 10_000, now))?;
    }
    Ok(())
}

/// Forgives a prefix: what was sent there before is not held against it any more.
pub(super) fn forgive(work: &Work<'_>, prefix: i64, memory: &Memory) -> Result<(), StoreError> {
    remember(work, prefix, Stop { until: work.now, forgiven: true }, memory)
}

fn remember(work: &Work<'_>, prefix: i64, stop: Stop, memory: &Memory) -> Result<(), StoreError> {
    memory.note_listed();
    // A few at most, each after many messages: this is the time to drop those that mean nothing any more.
    let day = Duration::from_secs(24 * 3600);
    work.conn
        .prepare_cached("DELETE FROM stopped_prefix WHERE until <= ?1")?
        .execute([(work.now - day).as_millis()])?;
    work.conn
        .prepare_cached(
            "INSERT INTO stopped_prefix (prefix, since_at, until, forgiven) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET since_at = excluded.since_at, until = excluded.until, forgiven = excluded.forgiven",
        )?
        .execute((prefix, work.wall.as_millisecond(), stop.until.as_millis(), stop.forgiven))?;
    Ok(())
}

/// A number that somebody wants to send a code to, with what was sent to it and to its neighbours lately.
struct Subject {
    number: i64,
    of_number: Vec<Moment>,
    locks: Vec<Moment>,
    of_prefix: Vec<Moment>,
    /// The prefix's newest, if the guard looks at them.
    newest: Option<Vec<Recent>>,
    stop: Option<Stop>,
}

impl Subject {
    /// `None` when the number is on the safe list, and nothing is to be looked at.
    fn load(work: &Work<'_>, to: &PhoneNumber, rules: &Rules, memory: &Memory) -> Result<Option<Self>, StoreError> {
        let number = row::number(to);
        let prefix = number / 10_000;
        let guarded = rules.guard.mode != Mode::Off;
        let mut subject =
            Self { number, of_number: Vec::new(), locks: Vec::new(), of_prefix: Vec::new(), newest: None, stop: None };
        if memory.lock().listed {
            let (is_safe, stop) = standing(work, number)?;
            if is_safe {
                return Ok(None);
            }
            subject.stop = stop;
        }
        let locks = if guarded { LOCKS } else { 0 };
        subject.load_number(work, rules.limits.newest_of_number().max(locks))?;
        let wanted = rules.limits.newest_of_prefix();
        let judged = guarded && rules.guard.least_conversion.get() > 0;
        if judged && (wanted > 0 || subject.stop.is_some() || !memory.is_well(prefix, work.now)) {
            subject.newest = Some(newest(work, prefix)?);
        }
        subject.of_prefix = match &subject.newest {
            Some(newest) if wanted <= NEWEST || newest.len() < NEWEST => newest.iter().map(|otp| otp.created).collect(),
            _ => moments(work, prefix, wanted)?,
        };
        Ok(Some(subject))
    }

    fn load_number(&mut self, work: &Work<'_>, most: usize) -> Result<(), StoreError> {
        if most == 0 {
            return Ok(());
        }
        let mut statement = work.conn.prepare_cached(
            "SELECT created, status = 'locked', coalesce(ended, created) FROM otp
             WHERE number = ?1 AND recent IS NOT NULL ORDER BY created DESC LIMIT ?2",
        )?;
        let mut rows = statement.query((self.number, i64::try_from(most).unwrap_or(i64::MAX)))?;
        while let Some(row) = rows.next()? {
            self.of_number.push(Moment::from_millis(row.get(0)?));
            if row.get(1)? {
                self.locks.push(Moment::from_millis(row.get(2)?));
            }
        }
        Ok(())
    }

    /// What speaks against the number, its past or its prefix.
    fn objection(
        &self,
        work: &Work<'_>,
        rules: &Rules,
        memory: &Memory,
        counts: bool,
    ) -> Result<Option<Refusal>, StoreError> {
        if rules.guard.mode == Mode::Off {
            return Ok(None);
        }
        match rules.guard.objection.clone().or_else(|| self.repeated_locks(work.now)) {
            None => self.stopped(work, rules, memory, counts),
            objection => Ok(objection),
        }
    }

    fn repeated_locks(&self, now: Moment) -> Option<Refusal> {
        let wait = guard::delay(self.locks.iter().copied(), now)?;
        Some(Refusal::for_now(Rule::RepeatedLocks, wait))
    }

    /// Whether the prefix is stopped, or is to be. A number that verified a code lately is let through all the same.
    fn stopped(
        &self,
        work: &Work<'_>,
        rules: &Rules,
        memory: &Memory,
        counts: bool,
    ) -> Result<Option<Refusal>, StoreError> {
        let (least, now, prefix) = (rules.guard.least_conversion, work.now, self.number / 10_000);
        let Some(newest) = &self.newest else { return Ok(None) };
        let mut ruling = guard::judge(least, newest, self.stop, now);
        if ruling == Ruling::Stop {
            // What never left the box, for want of a modem, tells nothing of the people there.
            ruling = guard::judge(least, &sent_of(work, prefix)?, self.stop, now);
        }
        let until = match ruling {
            Ruling::Open => {
                memory.lock().well.note(prefix, now);
                return Ok(None);
            }
            Ruling::Forgive => {
                if counts {
                    forgive(work, prefix, memory)?;
                }
                return Ok(None);
            }
            Ruling::Stopped(until) | Ruling::Waits(until) => until,
            Ruling::Stop if !counts => now + STOPPED,
            Ruling::Stop => {
                let until = now + STOPPED;
                remember(work, prefix, Stop { until, forgiven: false }, memory)?;
                tracing::warn!(prefix = %format_args!("+{prefix}"), "hardly any code is verified in this prefix; it is stopped for 12 hours");
                let detail = Some(json!({ "prefix": format!("+{prefix}") }));
                let kind = Kind::GuardPrefixStopped;
                events::note(work, &NewEvent { kind, app: None, otp: None, message: None, detail })?;
                until
            }
        };
        self.unless_known(work, until)
    }

    /// Whether the prefix has had its hour's messages for codes that nobody verifies, resends among them.
    fn unverified(&self, work: &Work<'_>, rules: &Rules) -> Result<Option<Refusal>, StoreError> {
        let newest = self.newest.as_deref().unwrap_or_default();
        match guard::unverified_full_until(rules.limits.per_prefix_hour, newest, work.now) {
            Some(until) => self.unless_known(work, until),
            None => Ok(None),
        }
    }

    fn unless_known(&self, work: &Work<'_>, until: Moment) -> Result<Option<Refusal>, StoreError> {
        let wait = until.since(work.now);
        let refused = !wait.is_zero() && !has_verified(work, self.number, 0)?;
        Ok(refused.then(|| Refusal::for_now(Rule::LeastConversionPercent, wait)))
    }

    /// Whether the limits let one more otp pass. One for a number that verified a code lately need not wait for its
    /// neighbours, when the guard looks after these.
    fn limits(&self, work: &Work<'_>, rules: &Rules) -> Result<Result<(), limits::Refusal>, StoreError> {
        let checked = limits::check(&rules.limits, &self.of_number, &self.of_prefix, work.now);
        let is_prefix = checked.is_err_and(|refusal| refusal.limit == Limit::PerPrefixHour);
        if is_prefix && rules.guard.mode != Mode::Off && has_verified(work, self.number, 0)? {
            return Ok(limits::check(&rules.limits, &self.of_number, &[], work.now));
        }
        Ok(checked)
    }
}

/// Whether one of the last messages to the number carried a code, other than this one, that was verified.
fn has_verified(work: &Work<'_>, number: i64, but: i64) -> Result<bool, StoreError> {
    Ok(work
        .conn
        .prepare_cached(
            "SELECT EXISTS (
                 SELECT 1 FROM otp WHERE status = 'verified' AND seq <> ?3
                   AND seq IN (SELECT otp FROM message WHERE number = ?1 ORDER BY seq DESC LIMIT ?2))",
        )?
        .query_row((number, REMEMBERED, but), |row| row.get(0))?)
}

/// Whether the number is on the safe list, and what is known of its prefix.
fn standing(work: &Work<'_>, number: i64) -> Result<(bool, Option<Stop>), StoreError> {
    let mut statement = work.conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM safe_number WHERE number = ?1),
                (SELECT until FROM stopped_prefix WHERE prefix = ?2),
                (SELECT forgiven FROM stopped_prefix WHERE prefix = ?2)",
    )?;
    Ok(statement.query_row((number, number / 10_000), |row| {
        let until = row.get::<_, Option<i64>>(1)?.map(Moment::from_millis);
        let forgiven = row.get::<_, Option<bool>>(2)?.unwrap_or_default();
        Ok((row.get(0)?, until.map(|until| Stop { until, forgiven })))
    })?)
}

/// When the newest otps of a prefix were issued.
fn moments(work: &Work<'_>, prefix: i64, most: usize) -> Result<Vec<Moment>, StoreError> {
    if most == 0 {
        return Ok(Vec::new());
    }
    let mut statement = work.conn.prepare_cached(
        "SELECT created FROM otp WHERE number / 10000 = ?1 AND recent IS NOT NULL ORDER BY created DESC LIMIT ?2",
    )?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let moments = statement.query_map((prefix, most), |row| row.get(0).map(Moment::from_millis))?;
    Ok(moments.collect::<Result<_, _>>()?)
}

/// A prefix's newest otps.
fn newest(work: &Work<'_>, prefix: i64) -> Result<Vec<Recent>, StoreError> {
    recent(
        work,
        prefix,
        "SELECT number, created, status, 1 + resends - resends_left FROM otp
         WHERE number / 10000 = ?1 AND recent IS NOT NULL ORDER BY created DESC LIMIT ?2",
    )
}

/// Those of a prefix's newest otps whose message was sent, in any order.
fn sent_of(work: &Work<'_>, prefix: i64) -> Result<Vec<Recent>, StoreError> {
    recent(
        work,
        prefix,
        "SELECT otp.number, otp.created, otp.status, 1 + resends - resends_left
         FROM otp JOIN message ON message.seq = otp.message
         WHERE sent_at IS NOT NULL AND otp.seq IN (
             SELECT seq FROM otp WHERE number / 10000 = ?1 AND recent IS NOT NULL ORDER BY created DESC LIMIT ?2)",
    )
}

fn recent(work: &Work<'_>, prefix: i64, sql: &str) -> Result<Vec<Recent>, StoreError> {
    let mut statement = work.conn.prepare_cached(sql)?;
    let mut rows = statement.query((prefix, i64::try_from(NEWEST).unwrap_or(i64::MAX)))?;
    let mut newest = Vec::new();
    while let Some(row) = rows.next()? {
        newest.push(recent_from(row)?);
    }
    Ok(newest)
}

/// An otp as the guard sees it, from its number, moment, status and count of messages.
pub(super) fn recent_from(row: &Row<'_>) -> Result<Recent, StoreError> {
    let status = row.get_ref(2)?.as_str().ok().and_then(Status::from_name);
    Ok(Recent {
        number: row.get(0)?,
        created: Moment::from_millis(row.get(1)?),
        status: status.ok_or_else(|| StoreError::unreadable("otp.status"))?,
        messages: row.get(3)?,
    })
}
