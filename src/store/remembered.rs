//! What the guard remembers in memory: token buckets, counts, and what was looked at lately. A restart forgives it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;

use super::error::StoreError;
use crate::clock::Moment;
use crate::guard::{self, Buckets, Checks, Lately, Mode, Refusal, Rule};

/// A prefix that was found well is not looked at again for so long: what speaks against one takes minutes to come about.
const WELL_FOR: Duration = Duration::from_secs(5);

/// The countries are looked at after so many codes, and so much time.
const LOOK_AFTER_CODES: u32 = 32;
const LOOK_AFTER: Duration = Duration::from_secs(60);

/// Of the same country nobody is told again for so long.
const DAY: Duration = Duration::from_secs(24 * 3600);

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
    countries: Countries,
}

/// When the countries were looked at, and which of them somebody was told of.
#[derive(Debug, Default)]
struct Countries {
    issued_since: u32,
    looked_at: Option<Moment>,
    told: BTreeMap<Option<&'static str>, Moment>,
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

    /// Whether there may be anything in these tables.
    pub(super) fn is_listed(&self) -> bool {
        self.lock().listed
    }

    /// A rule refused a code, or would have.
    pub(super) fn note_refusal(&self, rule: Rule, mode: Mode) {
        *self.lock().counts.entry((rule, mode)).or_default() += 1;
    }

    /// A code is issued; whether it is time to look at the countries again.
    pub(super) fn is_time_for_countries(&self, now: Moment) -> bool {
        let countries = &mut self.lock().countries;
        countries.issued_since += 1;
        let is_time = countries.issued_since >= LOOK_AFTER_CODES
            && countries.looked_at.is_none_or(|looked_at| now.since(looked_at) >= LOOK_AFTER);
        if is_time {
            (countries.issued_since, countries.looked_at) = (0, Some(now));
        }
        is_time
    }

    /// Somebody is to be told of this country; whether that is news.
    pub(super) fn tell_of(&self, country: Option<&'static str>, now: Moment) -> bool {
        let told = &mut self.lock().countries.told;
        let is_news = told.get(&country).is_none_or(|told| now.since(*told) >= DAY);
        if is_news {
            told.insert(country, now);
        }
        is_news
    }

    /// How often each rule refused ([`Mode::Enforce`]) or would have ([`Mode::Report`]) since the start.
    pub(super) fn counts(&self) -> BTreeMap<(Rule, Mode), u64> {
        self.lock().counts.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Remembered> {
        // A panic while it was held leaves at worst one code uncounted.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The prefix speaks for itself: it need not be looked at again for a while.
    pub(super) fn note_well(&self, prefix: i64, now: Moment) {
        self.lock().well.note(prefix, now);
    }

    pub(super) fn is_well(&self, prefix: i64, now: Moment) -> bool {
        self.lock().well.get(&prefix).is_some_and(|found| now.since(found) < WELL_FOR)
    }

    pub(super) fn full_bucket(&self, checks: &Checks, now: Moment) -> Option<Refusal> {
        let remembered = self.lock();
        checks.buckets.iter().find_map(|(whose, per_hour)| {
            let rule = match whose {
                guard::Whose::App(_) => Rule::PerAppHour,
                guard::Whose::Address(_) => Rule::PerAddressHour,
            };
            remembered.buckets.wait(whose, *per_hour, now).map(|wait| Refusal::for_now(rule, wait))
        })
    }

    /// A code is issued.
    pub(super) fn take(&self, checks: &Checks, now: Moment) {
        let buckets = &mut self.lock().buckets;
        for (whose, per_hour) in &checks.buckets {
            buckets.take(whose.clone(), *per_hour, now);
        }
    }
}
