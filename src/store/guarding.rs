//! Whether the guard and the limits let a code go out, judged in the transaction that would send it, and what is
//! remembered of that: stopped prefixes on disk, the rest in memory.

use std::time::Duration;

use serde_json::json;

use super::error::StoreError;
use super::events::{self, Kind, NewEvent};
use super::handle::Store;
use super::remembered::Memory;
use super::writer::Work;
use super::{figures, optouts, recent, row};
use crate::clock::Moment;
use crate::guard::{self, Checks, Mode, NEWEST, Recent, Refusal, Rule, Ruling, STOPPED, Stop};
use crate::ids::AppName;
use crate::limits::{self, Limit};
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
    /// The number wants nothing from us.
    OptedOut,
    /// A limit is reached.
    Limit(limits::Refusal),
    /// The guard does not let it through.
    Guard(Refusal),
}

impl Refused {
    /// The name of the limit or rule.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::OptedOut => optouts::RULE,
            Self::Limit(refusal) => refusal.limit.as_str(),
            Self::Guard(refusal) => refusal.rule.as_str(),
        }
    }
}

/// How many of a number's newest otps are looked at for locks.
const LOCKS: usize = 10;

/// How many of a number's newest messages are looked at for a code that was verified.
const REMEMBERED: u8 = 16;

impl Store {
    /// What would speak against a code to this number now, whatever the guard's mode. Nothing is sent or counted.
    ///
    /// # Errors
    /// When the store cannot look.
    pub async fn speaks_against(&self, to: &PhoneNumber, rules: Rules) -> Result<Option<Refused>, StoreError> {
        let (to, memory) = (to.clone(), self.guard_memory().clone());
        self.change_now(move |work| {
            if optouts::contains(work, row::number(&to))? {
                return Ok(Some(Refused::OptedOut));
            }
            let verdict = judge(work, &to, &rules, &memory, Purpose::Trial)?;
            let Verdict::Looked { objection, limits } = verdict else { return Ok(None) };
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
    if optouts::contains(work, row::number(to))? {
        return Ok(Err(Refused::OptedOut));
    }
    let verdict = judge(work, to, rules, memory, Purpose::Code)?;
    let Verdict::Looked { objection, limits } = verdict else { return Ok(Ok(())) };
    if let Some(refusal) = objection {
        note_refusal(work, app, to, rules.guard.mode, &refusal, memory)?;
        if rules.guard.mode == Mode::Enforce {
            return Ok(Err(Refused::Guard(refusal)));
        }
    }
    if limits.is_ok() {
        memory.take(&rules.guard, work.now);
        let looked_at = rules.guard.mode != Mode::Off && rules.guard.least_conversion.get() > 0;
        if looked_at && memory.is_time_for_countries(work.now) {
            figures::warn_of_countries(work, memory)?;
        }
    }
    Ok(limits.map_err(Refused::Limit))
}

/// What speaks against a code.
enum Verdict {
    /// The number is on the safe list: nothing was looked at.
    OnSafeList,
    /// What the guard and the limits say.
    Looked { objection: Option<Refusal>, limits: Result<(), limits::Refusal> },
}

/// What a number is judged for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// Somebody only wants to know: that changes nothing for anybody.
    Trial,
    /// A code is to be sent.
    Code,
}

impl Purpose {
    /// Whether what is found is held against the prefix, or forgiven it, from now on.
    fn counts(self, mode: Mode) -> bool {
        self == Self::Code && mode == Mode::Enforce
    }
}

fn judge(
    work: &Work<'_>,
    to: &PhoneNumber,
    rules: &Rules,
    memory: &Memory,
    purpose: Purpose,
) -> Result<Verdict, StoreError> {
    let Some(subject) = Subject::load(work, to, rules, memory)? else {
        return Ok(Verdict::OnSafeList);
    };
    let limits = subject.limits(work, rules)?;
    let objection = match subject.objection(work, rules, memory, purpose)? {
        // A limit that is reached says more than what comes of it.
        None if limits.is_ok() => match memory.full_bucket(&rules.guard, work.now) {
            None => subject.unverified(work, rules)?,
            full => full,
        },
        objection => objection,
    };
    Ok(Verdict::Looked { objection, limits })
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
    let objection = match subject.objection(work, rules, memory, Purpose::Code)? {
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
    memory.note_refusal(refusal.rule, mode);
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
    if !memory.is_listed() {
        return Ok(());
    }
    let number = row::number(number);
    let (is_safe, stop) = standing(work, number)?;
    let is_stopped = stop.is_some_and(|stop| work.now < stop.until);
    if is_stopped && !is_safe && !has_verified(work, number, otp)? {
        let sql = "UPDATE stopped_prefix SET until = ?2 WHERE prefix = ?1";
        work.conn.prepare_cached(sql)?.execute((number / 10_000, work.now.as_millis()))?;
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
        if memory.is_listed() {
            let (is_safe, stop) = standing(work, number)?;
            if is_safe {
                return Ok(None);
            }
            subject.stop = stop;
        }
        let locks = if guarded { LOCKS } else { 0 };
        let of_number = recent::of_number(work, number, rules.limits.newest_of_number().max(locks))?;
        let guessed;
        (subject.of_number, guessed) = of_number.into_iter().unzip::<_, _, _, Vec<_>>();
        subject.locks = guard::locks(&guessed);
        let wanted = rules.limits.newest_of_prefix();
        let judged = guarded && rules.guard.least_conversion.get() > 0;
        if judged && (wanted > 0 || subject.stop.is_some() || !memory.is_well(prefix, work.now)) {
            subject.newest = Some(recent::newest(work, prefix)?);
        }
        subject.of_prefix = match &subject.newest {
            Some(newest) if wanted <= NEWEST || newest.len() < NEWEST => newest.iter().map(|otp| otp.created).collect(),
            _ => recent::moments(work, prefix, wanted)?,
        };
        let let_off = subject.let_off();
        subject.of_prefix.retain(|created| let_off.is_none_or(|from| *created >= from));
        Ok(Some(subject))
    }

    /// Since when the prefix is let off: what was issued before is not held against it.
    fn let_off(&self) -> Option<Moment> {
        self.stop.filter(|stop| stop.forgiven).map(|stop| stop.until)
    }

    /// What speaks against the number, its past or its prefix.
    fn objection(
        &self,
        work: &Work<'_>,
        rules: &Rules,
        memory: &Memory,
        purpose: Purpose,
    ) -> Result<Option<Refusal>, StoreError> {
        if rules.guard.mode == Mode::Off {
            return Ok(None);
        }
        match rules.guard.objection.clone().or_else(|| self.repeated_locks(work.now)) {
            None => self.stopped(work, rules, memory, purpose),
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
        purpose: Purpose,
    ) -> Result<Option<Refusal>, StoreError> {
        let (least, now, prefix) = (rules.guard.least_conversion, work.now, self.number / 10_000);
        let counts = purpose.counts(rules.guard.mode);
        let Some(newest) = &self.newest else { return Ok(None) };
        let mut ruling = guard::judge(least, newest, self.stop, now);
        if ruling == Ruling::Stop {
            // What never left the box, for want of a modem, tells nothing of the people there.
            ruling = guard::judge(least, &recent::sent_of(work, prefix)?, self.stop, now);
        }
        let until = match ruling {
            Ruling::Open => {
                if purpose == Purpose::Code {
                    memory.note_well(prefix, now);
                }
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
                // Beside a masked number of it, all digits would give away the whole number.
                let shown = events::masked_prefix(prefix)?;
                tracing::warn!(
                    prefix = shown,
                    "hardly any code is verified in this prefix; it is stopped for 12 hours"
                );
                events::note(work, &NewEvent::of_site(Kind::GuardPrefixStopped, json!({ "prefix": shown })))?;
                until
            }
        };
        self.unless_known(work, Rule::LeastConversionPercent, until)
    }

    /// Whether the prefix has had its hour's messages for codes that nobody verifies, resends among them.
    fn unverified(&self, work: &Work<'_>, rules: &Rules) -> Result<Option<Refusal>, StoreError> {
        let newest = self.newest.iter().flatten().copied();
        let counted: Vec<Recent> = newest.filter(|otp| self.let_off().is_none_or(|from| otp.created >= from)).collect();
        match guard::unverified_full_until(rules.limits.per_prefix_hour, &counted, work.now) {
            Some(until) => self.unless_known(work, Rule::PerPrefixHour, until),
            None => Ok(None),
        }
    }

    fn unless_known(&self, work: &Work<'_>, rule: Rule, until: Moment) -> Result<Option<Refusal>, StoreError> {
        let wait = until.since(work.now);
        let refused = !wait.is_zero() && !has_verified(work, self.number, 0)?;
        Ok(refused.then(|| Refusal::for_now(rule, wait)))
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
