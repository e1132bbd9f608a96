//! Refusals as the log tells of them: the first at once, those after it once a minute with their count, so that a flood
//! of requests writes no flood of rows.
//!
//! The counts are kept in memory, by the writer; what was counted and not yet written when the daemon ends is lost, as
//! is what was counted for a transaction that failed.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::error::StoreError;
use super::events::{self, Kind, NewEvent};
use super::writer::Work;
use crate::clock::Moment;
use crate::phone::PhoneNumber;

/// How often one app's refusals by one rule are written down.
const PAUSE: Duration = Duration::from_secs(60);

/// What was refused a moment ago, by kind, app and rule.
#[derive(Debug, Default)]
pub(super) struct Refusals(RefCell<BTreeMap<(Kind, String, &'static str), Burst>>);

#[derive(Debug)]
struct Burst {
    /// When the next may be written down.
    until: Moment,
    /// How many there were since the last was.
    more: u32,
    /// To whom the last of them was, masked.
    to: String,
}

impl Refusals {
    /// A rule refused an app something for this number.
    pub(super) fn note(
        &self,
        work: &Work<'_>,
        kind: Kind,
        app: &str,
        rule: &'static str,
        to: &PhoneNumber,
    ) -> Result<(), StoreError> {
        let mut bursts = self.0.borrow_mut();
        let to = to.to_string();
        match bursts.get_mut(&(kind, app.to_owned(), rule)) {
            Some(burst) => {
                burst.more = burst.more.saturating_add(1);
                burst.to = to;
                Ok(())
            }
            None => {
                write(work, kind, app, rule, &to, 1)?;
                // That its minute ends is something that falls due.
                work.touch_queue();
                bursts.insert((kind, app.to_owned(), rule), Burst { until: work.now + PAUSE, more: 0, to });
                Ok(())
            }
        }
    }

    /// Writes down those whose minute is over, and forgets who has stopped.
    pub(super) fn settle(&self, work: &Work<'_>) -> Result<(), StoreError> {
        let mut bursts = self.0.borrow_mut();
        for ((kind, app, rule), burst) in bursts.iter_mut().filter(|(_, burst)| burst.until <= work.now) {
            if burst.more > 0 {
                write(work, *kind, app, rule, &burst.to, burst.more)?;
                (burst.until, burst.more) = (work.now + PAUSE, 0);
            }
        }
        bursts.retain(|_, burst| burst.until > work.now);
        Ok(())
    }

    /// When the first of the minutes is over.
    pub(super) fn next_due(&self) -> Option<Moment> {
        self.0.borrow().values().map(|burst| burst.until).min()
    }
}

fn write(work: &Work<'_>, kind: Kind, app: &str, rule: &str, to: &str, count: u32) -> Result<(), StoreError> {
    let detail = json!({ "rule": rule, "count": count, "to": to });
    events::note(work, &NewEvent { app: Some(app), ..NewEvent::of_site(kind, detail) })
}
