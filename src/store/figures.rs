//! What the guard shows: how many of the codes of the last day were verified, by country and by prefix, and which
//! prefixes are stopped.

use std::collections::BTreeMap;

use rusqlite::Connection;
use serde_json::json;

use super::error::StoreError;
use super::events::{self, Kind, NewEvent};
use super::handle::Store;
use super::remembered::Memory;
use super::writer::Work;
use super::{apps, guarding, recent, row};
use crate::clock::{Moment, Timestamp};
use crate::country;
use crate::guard::{Conversion, Mode, Recent, Rule};
use crate::ids::AppName;

/// How many of the newest otps are counted, and how many prefixes shown: a look at the figures takes a bounded time.
const COUNTED: usize = 2000;
const PREFIXES: usize = 100;

/// The figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// How many otps of the last day were looked at: the newest 2,000 at most.
    pub counted: usize,
    /// The countries, the busiest first.
    pub countries: Vec<OfCountry>,
    /// The prefixes, those that are stopped first, then the busiest; 100 at most.
    pub prefixes: Vec<OfPrefix>,
}

/// How many codes were issued to one country's numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfCountry {
    /// Its ISO 3166 code; `None` for numbers of no country.
    pub country: Option<&'static str>,
    /// Codes that were issued.
    pub issued: usize,
    /// Numbers that verified, and that did not.
    pub conversion: Conversion,
}

/// How many codes were issued to numbers that differ only in their last four digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfPrefix {
    /// What the numbers begin with, with the plus sign.
    pub prefix: String,
    /// Codes that were issued.
    pub issued: usize,
    /// Numbers that verified, and that did not.
    pub conversion: Conversion,
    /// Since when it is stopped, and until when.
    pub stopped: Option<(Timestamp, Timestamp)>,
}

impl Store {
    /// The figures of the last day.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn figures(&self) -> Result<Figures, StoreError> {
        let (now, wall) = (self.clock().now(), self.clock().wall());
        self.query(move |conn| {
            let newest = newest(conn)?;
            let mut prefixes = by(&newest, |otp| otp.number / 10_000);
            let stopped = stopped(conn, now, wall)?;
            for prefix in stopped.keys() {
                prefixes.entry(*prefix).or_default();
            }
            let mut prefixes: Vec<OfPrefix> = prefixes
                .into_iter()
                .map(|(prefix, otps)| OfPrefix {
                    prefix: format!("+{prefix}"),
                    issued: otps.len(),
                    conversion: Conversion::of(otps.into_iter(), now),
                    stopped: stopped.get(&prefix).copied(),
                })
                .collect();
            prefixes.sort_by_key(|of| (of.stopped.is_none(), std::cmp::Reverse(of.issued)));
            prefixes.truncate(PREFIXES);
            Ok(Figures { counted: newest.len(), countries: countries(&newest, now), prefixes })
        })
        .await
    }

    /// Lets a prefix, given without its plus sign, off: what was sent there before is held against it no longer. `false`
    /// when it was not stopped, nor on probation.
    ///
    /// # Errors
    /// When the store cannot do it; nothing is changed then.
    pub async fn forgive(&self, prefix: i64, by: &AppName) -> Result<bool, StoreError> {
        let (memory, by) = (self.guard_memory().clone(), by.clone());
        self.change_now(move |work| {
            let sql = "SELECT EXISTS (SELECT 1 FROM stopped_prefix WHERE prefix = ?1 AND forgiven = 0)";
            let is_stopped = work.conn.prepare_cached(sql)?.query_row([prefix], |row| row.get(0))?;
            if is_stopped {
                guarding::forgive(work, prefix, &memory)?;
                let detail = Some(json!({ "prefix": events::masked_prefix(prefix)? }));
                apps::note(work, Kind::GuardPrefixLifted, &by, detail)?;
            }
            Ok(is_stopped)
        })
        .await
    }

    /// How often each rule of the guard refused ([`Mode::Enforce`]), or would have ([`Mode::Report`]), since the start.
    #[must_use]
    pub fn guard_counts(&self) -> BTreeMap<(Rule, Mode), u64> {
        self.guard_memory().counts()
    }
}

/// Tells of the countries in which hardly anybody verifies. None is stopped: most people in a country are honest.
pub(super) fn warn_of_countries(work: &Work<'_>, memory: &Memory) -> Result<(), StoreError> {
    for OfCountry { country, conversion, .. } in countries(&newest(work.conn)?, work.now) {
        if conversion.is_worrying() && memory.tell_of(country, work.now) {
            let name = country.unwrap_or("none");
            tracing::warn!(country = name, "hardly anybody in this country verifies a code; is that traffic wanted?");
            let detail = json!({ "country": country, "conversion_percent": conversion.percent() });
            events::note(work, &NewEvent::of_site(Kind::GuardCountryWorrying, detail))?;
        }
    }
    Ok(())
}

/// The countries, the busiest first.
fn countries(newest: &[Recent], now: Moment) -> Vec<OfCountry> {
    let of = |(country, otps): (_, Vec<&Recent>)| OfCountry {
        country,
        issued: otps.len(),
        conversion: Conversion::of(otps.into_iter(), now),
    };
    let mut countries: Vec<OfCountry> = by(newest, |otp| country_of(otp.number)).into_iter().map(of).collect();
    countries.sort_by_key(|of| std::cmp::Reverse(of.issued));
    countries
}

/// The newest otps of the last day.
fn newest(conn: &Connection) -> Result<Vec<Recent>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT number, created, status, 1 + resends - resends_left, expires FROM otp
         WHERE seq >= (SELECT recent_from FROM site) ORDER BY seq DESC LIMIT ?1",
    )?;
    let mut rows = statement.query([i64::try_from(COUNTED).unwrap_or(i64::MAX)])?;
    let mut newest = Vec::new();
    while let Some(row) = rows.next()? {
        newest.push(recent::recent_from(row)?);
    }
    Ok(newest)
}

/// The prefixes that are stopped now, since when and until when.
fn stopped(
    conn: &Connection,
    now: Moment,
    wall: Timestamp,
) -> Result<BTreeMap<i64, (Timestamp, Timestamp)>, StoreError> {
    let sql = "SELECT prefix, since_at, until FROM stopped_prefix WHERE until > ?1";
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query([now.as_millis()])?;
    let mut stopped = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let until = row::wall_of(Moment::from_millis(row.get(2)?), now, wall);
        stopped.insert(row.get(0)?, (row::wall(row.get(1)?)?, until));
    }
    Ok(stopped)
}

fn by<K: Ord>(otps: &[Recent], key: impl Fn(&Recent) -> K) -> BTreeMap<K, Vec<&Recent>> {
    let mut groups: BTreeMap<K, Vec<&Recent>> = BTreeMap::new();
    for otp in otps {
        groups.entry(key(otp)).or_default().push(otp);
    }
    groups
}

fn country_of(number: i64) -> Option<&'static str> {
    let number = row::number_from(number).ok()?;
    country::of_number(&number).map(|country| country.iso())
}
