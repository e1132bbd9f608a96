//! Time as the daemon needs it: one timeline for decisions, the wall clock for people.
//!
//! A Raspberry Pi has no battery clock: its wall time is wrong after a power cut and jumps when the network answers.
//! So nothing is ever decided by wall time. A [`Moment`] lies on the site's own timeline, which follows the kernel's
//! boot-time clock (it counts through suspend and never jumps) and is carried on across restarts by a [`Reading`]
//! that the store keeps. Within one boot the timeline is exact. Across a reboot it goes on from the last reading plus
//! what the wall clock says has passed since, if that can be; it never runs backwards, so nothing that ended comes to life
//! again. What the wall clock says is only kept if it can be, too: one boot in 1970 spoils nothing.
//!
//! Its one rule: compare [`Moment`]s; show [`Timestamp`]s.

use std::ops::{Add, Sub};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use jiff::Timestamp;
use rustix::time::ClockId;

/// No machine is off for longer and then goes on: one of two dates that lie further apart is wrong, and what has passed
/// is not known.
const LONGEST_OFF: i64 = 5 * 366 * DAY;
/// So much of what a machine was off for counts. By then everything is over that must not come to life again: a message
/// waits for 7 days at most, and its report for one more. More would only cost what is kept for its age, such as the
/// audit, should the date be wrong by some years.
const MOST_COUNTS: i64 = 10 * DAY;
/// A day, in milliseconds.
const DAY: i64 = 24 * 3600 * 1000;
/// 2026-01-01, in milliseconds since 1970. Any earlier date is wrong: this program was not there.
const FIRST_DATE: i64 = 1_767_225_600_000;
/// The wall clock only moves so far against the boot-time clock when somebody sets it. In milliseconds.
const STEP: u64 = 10_000;

/// A point on the site's own timeline, in milliseconds since the daemon first ran here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(i64);

impl Moment {
    /// The moment this many milliseconds after the daemon first ran here, as the store keeps it.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the daemon first ran here.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The time from `earlier` to this moment; zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Moment) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl Add<Duration> for Moment {
    type Output = Moment;

    fn add(self, time: Duration) -> Moment {
        Moment(self.0.saturating_add(millis(time)))
    }
}

impl Sub<Duration> for Moment {
    type Output = Moment;

    fn sub(self, time: Duration) -> Moment {
        Moment(self.0.saturating_sub(millis(time)))
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// What has to be known of the clock to go on with the timeline after a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The kernel's name for this boot (`/proc/sys/kernel/random/boot_id`).
    pub boot_id: String,
    /// The boot-time clock, in milliseconds.
    pub boot_millis: i64,
    /// The same instant on the site's timeline.
    pub moment: Moment,
    /// The same instant by the wall clock, or by what it said before when it cannot be right.
    pub wall: Timestamp,
}

/// The daemon's clock. Cheap to clone; every clone tells the same time.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Source>);

#[derive(Debug)]
enum Source {
    System { boot_id: String, ahead_of_boot: i64, dates: Mutex<Dates> },
    Simulated { start: tokio::time::Instant, wall_millis: AtomicI64 },
}

impl Clock {
    /// The system's clock, carrying on the timeline that `last` was read from; without it, a new timeline.
    #[must_use]
    pub fn resume(last: Option<&Reading>) -> Self {
        let boot_id = boot_id();
        let (boot, says) = (boot_millis(), Timestamp::now());
        let (moment, dates) = resume(last, &boot_id, boot, says.as_millisecond());
        Self(Arc::new(Source::System { boot_id, ahead_of_boot: moment.0 - boot, dates: Mutex::new(dates) }))
    }

    /// A clock that follows tokio's, which a test pauses and advances. Its wall time starts at 2026-01-01.
    #[must_use]
    pub fn simulated() -> Self {
        Self(Arc::new(Source::Simulated {
            start: tokio::time::Instant::now(),
            wall_millis: AtomicI64::new(FIRST_DATE),
        }))
    }

    /// Now, for decisions.
    #[must_use]
    pub fn now(&self) -> Moment {
        match &*self.0 {
            Source::System { ahead_of_boot, .. } => Moment(boot_millis() + ahead_of_boot),
            Source::Simulated { start, .. } => Moment(millis(start.elapsed())),
        }
    }

    /// Now, for people.
    #[must_use]
    pub fn wall(&self) -> Timestamp {
        match &*self.0 {
            Source::System { .. } => Timestamp::now(),
            Source::Simulated { start, wall_millis } => {
                timestamp(wall_millis.load(Ordering::Relaxed).saturating_add(millis(start.elapsed())))
            }
        }
    }

    /// What the store keeps so that [`Clock::resume`] can carry on.
    #[must_use]
    pub fn reading(&self) -> Reading {
        match &*self.0 {
            Source::System { boot_id, ahead_of_boot, dates } => {
                let (boot, says) = (boot_millis(), Timestamp::now());
                let moment = Moment(boot + ahead_of_boot);
                let wall =
                    dates.lock().unwrap_or_else(PoisonError::into_inner).keep(says.as_millisecond(), boot, moment);
                Reading { boot_id: boot_id.clone(), boot_millis: boot, moment, wall }
            }
            Source::Simulated { .. } => Reading {
                boot_id: "simulated".to_owned(),
                boot_millis: self.now().0,
                moment: self.now(),
                wall: self.wall(),
            },
        }
    }

    /// Sets the wall clock of a simulated clock forward or back, as a network time server would. The system's clock
    /// is left alone.
    pub fn jump_wall(&self, by: jiff::SignedDuration) {
        if let Source::Simulated { wall_millis, .. } = &*self.0 {
            let by = i64::try_from(by.as_millis()).unwrap_or(0);
            wall_millis.fetch_add(by, Ordering::Relaxed);
        }
    }

    /// Waits until `moment`; returns at once when it has passed.
    ///
    /// May be cancelled at any time.
    pub async fn sleep_until(&self, moment: Moment) {
        // The timer may stand still while the machine is suspended, so it is asked again when it fires.
        loop {
            let left = moment.since(self.now());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }

    /// As [`Self::sleep_until`]; waits for ever when there is no such moment.
    pub async fn reached(&self, moment: Option<Moment>) {
        match moment {
            Some(moment) => self.sleep_until(moment).await,
            None => std::future::pending().await,
        }
    }
}

/// Where the timeline stands now, given where it stood at `last`.
fn carry_on(last: &Reading, boot_id: &str, boot_millis: i64, wall: Timestamp) -> Moment {
    if last.boot_id == boot_id {
        let passed = boot_millis.saturating_sub(last.boot_millis).max(0);
        return Moment(last.moment.0.saturating_add(passed));
    }
    let passed = wall.as_millisecond().saturating_sub(last.wall.as_millisecond());
    let counts = if passed > LONGEST_OFF { 0 } else { passed.clamp(0, MOST_COUNTS) };
    Moment(last.moment.0.saturating_add(counts))
}

/// What is known of the date.
#[derive(Debug)]
struct Dates {
    /// How far the wall time that was kept last is ahead of the timeline.
    ahead_of_timeline: i64,
    /// How far the wall clock was ahead of the boot-time clock when the daemon started, or it was last found to have been
    /// set: so small steps add up.
    ahead_of_boot: i64,
}

/// Where the timeline goes on, and what is known of the date then.
fn resume(last: Option<&Reading>, boot_id: &str, boot: i64, says: i64) -> (Moment, Dates) {
    let (moment, ahead_of_timeline) = match last {
        None => (Moment(0), says),
        Some(last) => {
            (carry_on(last, boot_id, boot, timestamp(says)), last.wall.as_millisecond().saturating_sub(last.moment.0))
        }
    };
    let mut dates = Dates { ahead_of_timeline, ahead_of_boot: says - boot };
    dates.keep(says, boot, moment);
    (moment, dates)
}

impl Dates {
    /// The wall time to be kept: what the clock says, or, when that cannot be right, what the wall time kept before has
    /// come to by now. A machine without a clock of its own is late until the network has set it, by some minutes or back
    /// to 1970; were that kept, the next boot with the right date would count too much. What was set while the daemon ran
    /// is right, also when that set it back. What is late by many years was kept by a clock that was ahead; were that kept
    /// on, no boot for years would count anything.
    fn keep(&mut self, says: i64, boot: i64, moment: Moment) -> Timestamp {
        let was_set = (says - boot).abs_diff(self.ahead_of_boot) > STEP;
        let come_to = moment.0.saturating_add(self.ahead_of_timeline);
        let is_believed = was_set || come_to.saturating_sub(says) > LONGEST_OFF;
        let kept = if says >= FIRST_DATE && is_believed { says } else { says.max(come_to) };
        self.ahead_of_timeline = kept.saturating_sub(moment.0);
        if was_set {
            self.ahead_of_boot = says - boot;
        }
        timestamp(kept)
    }
}

fn timestamp(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)
}

fn boot_millis() -> i64 {
    // The boot-time clock starts at 0 and never shows less.
    Duration::try_from(rustix::time::clock_gettime(ClockId::Boottime)).map_or(0, millis)
}

/// Without `/proc` every start counts as a reboot, which is safe: the wall clock then tells what has passed.
fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map_or_else(|_| format!("unknown-{}", Timestamp::now()), |id| id.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading() -> Reading {
        Reading {
            boot_id: "a".to_owned(),
            boot_millis: 5_000,
            moment: Moment(100_000),
            wall: timestamp(1_000_000_000_000),
        }
    }

    #[test]
    fn within_one_boot_the_wall_clock_is_not_asked() {
        for wall in [0, 1_000_000_000_000, 3_000_000_000_000] {
            assert_eq!(carry_on(&reading(), "a", 6_500, timestamp(wall)), Moment(101_500));
        }
    }

    #[test]
    fn after_a_reboot_the_wall_clock_tells_what_has_passed() {
        assert_eq!(carry_on(&reading(), "b", 10, timestamp(1_000_000_060_000)), Moment(160_000));
    }

    #[test]
    fn a_wall_clock_that_went_back_over_a_reboot_does_not_turn_the_timeline_back() {
        assert_eq!(carry_on(&reading(), "b", 10, timestamp(0)), Moment(100_000));
    }

    const MINUTE: i64 = 60_000;

    /// What is kept of a boot that goes on from `last`, a minute after its start.
    fn boot(last: &Reading, name: &str, says: i64) -> Reading {
        run(last, name, (says, says + MINUTE), MINUTE)
    }

    /// What is kept of a run that goes on from `last` and lasts `ran` milliseconds; with what its wall clock says at the
    /// beginning and at the end.
    fn run(last: &Reading, name: &str, (says, says_then): (i64, i64), ran: i64) -> Reading {
        run_through(Some(last), name, &[(0, says), (ran, says_then)])
    }

    /// The same with what its wall clock says at several times; the first is that of its beginning.
    fn run_through(last: Option<&Reading>, name: &str, said: &[(i64, i64)]) -> Reading {
        let begun = last.filter(|last| last.boot_id == name).map_or(10, |last| last.boot_millis);
        let (start, mut dates) = resume(last, name, begun, said[0].1);
        let readings = said[1..].iter().map(|(after, says)| {
            let (boot_millis, moment) = (begun + after, Moment(start.0 + after));
            let wall = dates.keep(*says, boot_millis, moment);
            Reading { boot_id: name.to_owned(), boot_millis, moment, wall }
        });
        readings.last().unwrap()
    }

    /// What a power cut at the end of this run counts for, by a date that is so much later.
    fn counted(last: &Reading, says: i64) -> i64 {
        carry_on(last, "cut", 10, timestamp(says)).0 - last.moment.0
    }

    #[test]
    fn one_boot_with_a_wrong_date_moves_the_timeline_by_no_more_than_it_ran() {
        let right = FIRST_DATE + 300 * DAY;
        let first = Reading { wall: timestamp(right), ..reading() };
        let years = |years: i64| right + years * 365 * DAY;
        for wrong in [0, years(-50), years(50), FIRST_DATE + DAY, right - 60_000] {
            let spoilt = boot(&first, "b", wrong);
            assert_eq!(spoilt.moment.since(first.moment), Duration::from_secs(60), "{wrong}");
            let mended = boot(&spoilt, "c", right + 600_000);
            let passed = mended.moment.since(spoilt.moment);
            assert!(passed <= Duration::from_secs(600), "{wrong}: {passed:?}");
            // And from then on a power cut counts as long as it was.
            let cut = carry_on(&mended, "d", 10, timestamp(right + 1_260_000));
            assert_eq!(cut.since(mended.moment), Duration::from_secs(600), "{wrong}");
        }
    }

    #[test]
    fn a_date_that_was_ahead_and_is_put_right_in_the_same_run_is_forgotten() {
        let right = FIRST_DATE + 300 * DAY;
        let first = Reading { wall: timestamp(right), ..reading() };
        let ahead = right + 2 * DAY;
        let put_right = run(&first, "b", (ahead, right + MINUTE), MINUTE);
        assert_eq!(counted(&put_right, right + 11 * MINUTE), 10 * MINUTE);
        // Or in a later run of the same boot.
        let restarted = run(&boot(&first, "b", ahead), "b", (ahead + MINUTE, right + 2 * MINUTE), MINUTE);
        assert_eq!(counted(&restarted, right + 12 * MINUTE), 10 * MINUTE);
        // Or in the run that began the site's timeline.
        let founded = run_through(None, "a", &[(0, ahead), (MINUTE, right + MINUTE)]);
        assert_eq!(counted(&founded, right + 11 * MINUTE), 10 * MINUTE);
    }

    #[test]
    fn a_time_off_counts_once_though_the_date_falls_back_to_1970_later() {
        let right = FIRST_DATE + 300 * DAY;
        let first = Reading { wall: timestamp(right), ..reading() };
        let fallen = run(&first, "b", (right + 5 * DAY, 0), 30 * DAY);
        assert_eq!(fallen.moment.0 - first.moment.0, 35 * DAY);
        assert_eq!(counted(&fallen, right + 35 * DAY + 10 * MINUTE), 10 * MINUTE);
        // One of which only a part counts; and one of which the date told nothing before it was set.
        let says = [(0, right + 60 * DAY), (DAY, 0)];
        assert_eq!(counted(&run_through(Some(&first), "b", &says), right + 61 * DAY + MINUTE), MINUTE);
        let says = [(0, right), (MINUTE, right + 2 * DAY), (DAY, 0)];
        assert_eq!(counted(&run_through(Some(&first), "b", &says), right + 3 * DAY), MINUTE);
    }

    #[test]
    fn a_date_that_was_ahead_is_forgotten_once_it_is_set_in_a_later_run() {
        let right = FIRST_DATE + 300 * DAY;
        let first = Reading { wall: timestamp(right), ..reading() };
        let ahead = boot(&first, "b", right + 365 * DAY);
        // As long as nobody sets it, it is believed.
        let late = boot(&ahead, "c", right + DAY);
        assert_eq!(counted(&late, right + 2 * DAY), 0);
        // Away, and back to what it was.
        let says = [(0, right + DAY), (MINUTE, right + 3 * DAY), (2 * MINUTE, right + DAY + 2 * MINUTE)];
        let set = run_through(Some(&ahead), "c", &says);
        assert_eq!(counted(&set, right + 2 * DAY), DAY - 2 * MINUTE);
    }

    #[test]
    fn a_date_that_is_set_back_in_many_small_steps_is_right() {
        let right = FIRST_DATE + 300 * DAY;
        let first = Reading { wall: timestamp(right), ..reading() };
        // Its crystal gains 5 seconds in each hour, which are taken from the wall clock and not from the other.
        let hours = (0..=240).map(|hour| (hour * (60 * MINUTE + 5_000), right + hour * 60 * MINUTE));
        let ran = run_through(Some(&first), "b", &hours.collect::<Vec<_>>());
        let off = counted(&ran, right + 10 * DAY + 10 * MINUTE);
        assert!((10 * MINUTE - off).unsigned_abs() <= STEP, "{off}");
    }

    #[test]
    fn a_site_that_was_founded_in_1970_takes_the_right_date_on() {
        let founded = Reading { wall: timestamp(15_000), ..reading() };
        let first = boot(&founded, "b", FIRST_DATE + DAY);
        assert_eq!(first.moment.since(founded.moment), Duration::from_secs(60));
        let cut = carry_on(&first, "c", 10, timestamp(FIRST_DATE + DAY + 360_000));
        assert_eq!(cut.since(first.moment), Duration::from_secs(300));
    }

    #[test]
    fn of_a_long_time_off_so_much_counts_that_everything_is_over() {
        let first = Reading { wall: timestamp(FIRST_DATE), ..reading() };
        for days in [11, 400, 1_800] {
            let moment = carry_on(&first, "b", 10, timestamp(FIRST_DATE + days * DAY));
            assert_eq!(moment.0 - first.moment.0, MOST_COUNTS);
            // The date is kept all the same: the next power cut counts for itself.
            let wall = boot(&first, "b", FIRST_DATE + days * DAY).wall;
            assert_eq!(wall, timestamp(FIRST_DATE + days * DAY + 60_000));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_jump_of_the_wall_clock_moves_no_moment() {
        let clock = Clock::simulated();
        let before = clock.now();
        let fifty_years = jiff::SignedDuration::from_hours(50 * 365 * 24);
        clock.jump_wall(fifty_years);
        assert_eq!(clock.now(), before);
        clock.jump_wall(-fifty_years - fifty_years);
        assert_eq!(clock.now(), before);
        clock.sleep_until(before + Duration::from_secs(300)).await;
        assert_eq!(clock.now().since(before), Duration::from_secs(300));
    }

    #[test]
    fn a_resumed_clock_goes_on_where_the_last_one_stood() {
        let first = Clock::resume(None);
        let second = Clock::resume(Some(&first.reading()));
        assert!(second.now() >= first.now() - Duration::from_millis(1));
        assert!(second.now().since(first.now()) < Duration::from_secs(1));
    }
}
