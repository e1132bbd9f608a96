//! The conversion guard: a prefix in which hardly anybody verifies the codes that are sent is stopped. Who pumps traffic
//! has no use for the codes, only for the messages; people type theirs.
//!
//! A number that verified any of its codes lately did verify, however many of them; of one that did not, each message was
//! in vain. Nobody is judged before there was time to type.
//!
//! A stopped prefix gets nothing for 12 hours. Then, or as soon as somebody there verifies a code after all, it is on
//! probation: one code at a time, each once only, and the next when that is verified. When one is not, it is stopped
//! again; after a few that are, or a day, all is forgiven.

use std::collections::BTreeMap;
use std::time::Duration;

use super::settings::Percent;
use crate::clock::Moment;
use crate::otp::Status;

/// How many of a prefix's newest otps are looked at.
pub const NEWEST: usize = 20;

/// How long a prefix is stopped.
pub const STOPPED: Duration = Duration::from_secs(12 * 3600);

/// Whoever has not verified a code by the end of its life is not expected to; nor after this time, however long it lives.
/// People type a code within minutes, and who pumps would else gain an hour by codes that live for one.
const PATIENCE: Duration = Duration::from_secs(900);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// So many messages must have been sent in vain …
const MESSAGES: u32 = 8;
/// … to so many numbers, before a prefix is stopped. Fewer could be one person with a broken telephone.
const NUMBERS: usize = 3;

/// Fewer numbers than this say nothing about a country.
const TELLING: usize = 30;
/// A country in which fewer than so many percent verify is worth a warning.
const WORRYING: u8 = 20;

/// So many codes must be verified on probation, before it is over.
const PROBES: usize = 3;

/// An otp of the last day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recent {
    /// Whose number it was for; only ever compared.
    pub number: i64,
    /// When it was issued.
    pub created: Moment,
    /// What came of it.
    pub status: Status,
    /// How often its code was sent.
    pub messages: u32,
    /// When its life ends.
    pub expires: Moment,
}

impl Recent {
    /// From when on nobody is expected to type the code any more.
    fn given_up_at(&self) -> Moment {
        self.expires.min(self.created + PATIENCE)
    }

    fn is_verified(&self) -> bool {
        self.status == Status::Verified
    }

    /// Whether it is known that nobody typed the code in time.
    fn is_in_vain(&self, now: Moment) -> bool {
        match self.status {
            Status::Verified => false,
            Status::Expired | Status::Locked => true,
            Status::Pending | Status::Cancelled | Status::Superseded => now >= self.given_up_at(),
        }
    }
}

/// What is known of a prefix from before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop {
    /// Until when nothing is sent there. What was issued before is held against it no longer.
    pub until: Moment,
    /// All is forgiven: it is not on probation after that.
    pub forgiven: bool,
}

/// What a prefix has earned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ruling {
    /// A code may be sent.
    Open,
    /// A code may be sent, and all is to be forgiven.
    Forgive,
    /// It is stopped until then.
    Stopped(Moment),
    /// It is on probation, and another code is out whose time to be verified ends then.
    Waits(Moment),
    /// It is to be stopped from now on.
    Stop,
}

/// Judges a prefix. `newest` are its newest otps, at least [`NEWEST`] where there are so many, in any order.
#[must_use]
pub fn judge(least: Percent, newest: &[Recent], stop: Option<Stop>, now: Moment) -> Ruling {
    match stop.filter(|stop| now < stop.until + DAY) {
        _ if least.get() == 0 => Ruling::Open,
        Some(stop) if now < stop.until => Ruling::Stopped(stop.until),
        Some(stop) if stop.forgiven => ordinary(least, &since(newest, stop.until), now),
        Some(stop) => on_probation(&since(newest, stop.until), now),
        None => ordinary(least, newest, now),
    }
}

fn since(newest: &[Recent], from: Moment) -> Vec<Recent> {
    newest.iter().copied().filter(|otp| otp.created >= from).collect()
}

fn ordinary(least: Percent, newest: &[Recent], now: Moment) -> Ruling {
    let conversion = Conversion::of(newest.iter().filter(|otp| now.since(otp.created) < DAY), now);
    let enough = conversion.messages >= MESSAGES && conversion.in_vain >= NUMBERS;
    if enough && conversion.percent().is_some_and(|percent| percent < least.get()) {
        Ruling::Stop
    } else {
        Ruling::Open
    }
}

fn on_probation(probes: &[Recent], now: Moment) -> Ruling {
    if probes.iter().any(|probe| probe.is_in_vain(now)) {
        return Ruling::Stop;
    }
    if let Some(out) = probes.iter().find(|probe| !probe.is_verified()) {
        return Ruling::Waits(out.given_up_at());
    }
    if probes.len() >= PROBES { Ruling::Forgive } else { Ruling::Open }
}

/// How many numbers verified their codes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Conversion {
    /// Numbers that did.
    pub verified: usize,
    /// Numbers that did not, and will not.
    pub in_vain: usize,
    /// Messages that were sent in vain to these.
    pub messages: u32,
}

impl Conversion {
    /// Counts these otps. Numbers that may still verify are left out.
    pub fn of<'a>(otps: impl Iterator<Item = &'a Recent>, now: Moment) -> Self {
        let mut numbers: BTreeMap<i64, (bool, u32)> = BTreeMap::new();
        for otp in otps {
            let (verified, in_vain) = numbers.entry(otp.number).or_default();
            *verified |= otp.is_verified();
            *in_vain += if otp.is_in_vain(now) { otp.messages } else { 0 };
        }
        let mut conversion = Self::default();
        for (verified, in_vain) in numbers.into_values() {
            if verified {
                conversion.verified += 1;
            } else if in_vain > 0 {
                conversion.in_vain += 1;
                conversion.messages = conversion.messages.saturating_add(in_vain);
            }
        }
        conversion
    }

    /// Whether so few verify, of numbers enough to tell something, that somebody should look at where codes go. Meant for a
    /// country: a prefix is judged by [`judge`].
    #[must_use]
    pub fn is_worrying(&self) -> bool {
        self.verified + self.in_vain >= TELLING && self.percent().is_some_and(|percent| percent < WORRYING)
    }

    /// Of the numbers that verified and the messages that were sent in vain the share of the first, in percent, rounded
    /// down; `None` while nobody can be judged. So whoever has a code sent again and again weighs more than who does not.
    #[must_use]
    pub fn percent(&self) -> Option<u8> {
        let all = self.verified + self.messages as usize;
        // At most 100.
        (self.verified * 100).checked_div(all).map(|percent| percent as u8)
    }
}

/// When one more message may go to a prefix that gets at most `most` in an hour for codes that nobody verifies, resends
/// among them; `None` for now. 0 means no limit. `newest` are its newest otps, newest first.
#[must_use]
pub fn unverified_full_until(most: u32, newest: &[Recent], now: Moment) -> Option<Moment> {
    let of_the_hour = newest.iter().filter(|otp| !otp.is_verified() && now.since(otp.created) < HOUR);
    let mut sent = 0_u32;
    // The newest first: the one with which it is full is the one that must grow old.
    let last = of_the_hour.map_while(|otp| {
        let was_full = sent >= most;
        sent = sent.saturating_add(otp.messages);
        (!was_full).then_some(otp)
    });
    let last = last.last()?;
    (most > 0 && sent >= most).then_some(last.created + HOUR)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Moment {
        Moment::from_millis(seconds * 1000)
    }

    fn least(percent: u64) -> Percent {
        Percent::try_from(percent).unwrap()
    }

    fn otp(number: i64, seconds: i64, status: Status) -> Recent {
        Recent { number, created: at(seconds), status, messages: 1, expires: at(seconds + 300) }
    }

    /// So many numbers, a second apart, the newest first.
    fn numbers(count: i64, status: Status) -> Vec<Recent> {
        (0..count).rev().map(|number| otp(number, number, status)).collect()
    }

    #[test]
    fn eight_messages_that_nobody_wanted_stop_a_prefix_once_there_was_time_to_type() {
        let judge = |newest: &[Recent], seconds| judge(least(20), newest, None, at(seconds));
        assert_eq!(judge(&numbers(7, Status::Expired), 3600), Ruling::Open);
        assert_eq!(judge(&numbers(8, Status::Expired), 3600), Ruling::Stop);
        for waiting in [Status::Pending, Status::Superseded, Status::Cancelled] {
            assert_eq!(judge(&numbers(8, waiting), 306), Ruling::Open, "{waiting:?}");
            assert_eq!(judge(&numbers(8, waiting), 307), Ruling::Stop, "{waiting:?}");
        }
        assert_eq!(judge(&numbers(20, Status::Expired), 24 * 3600 + 20), Ruling::Open, "a day later");
    }

    #[test]
    fn a_code_is_given_up_when_its_life_ends_and_after_a_quarter_of_an_hour_at_most() {
        let living = |life: i64| -> Vec<_> {
            let otps = numbers(8, Status::Pending).into_iter();
            otps.map(|otp| Recent { expires: otp.created + Duration::from_secs(life as u64), ..otp }).collect()
        };
        for (life, given_up) in [(60, 67), (600, 607), (900, 907), (3600, 907), (86_400, 907)] {
            let judge = |seconds| judge(least(20), &living(life), None, at(seconds));
            assert_eq!((judge(given_up - 1), judge(given_up)), (Ruling::Open, Ruling::Stop), "{life}");
        }
        let probe = Recent { expires: at(50_600), ..otp(1, 50_000, Status::Pending) };
        let stop = Some(Stop { until: at(50_000), forgiven: false });
        assert_eq!(super::judge(least(20), &[probe], stop, at(50_400)), Ruling::Waits(at(50_600)));
    }

    #[test]
    fn a_country_is_worrying_when_enough_people_were_asked_and_hardly_one_verified() {
        let of = |verified, in_vain| Conversion { verified, in_vain, messages: in_vain as u32 };
        assert!(of(0, 30).is_worrying() && of(5, 25).is_worrying());
        assert!(!of(0, 29).is_worrying() && !of(6, 24).is_worrying() && !Conversion::default().is_worrying());
    }

    #[test]
    fn resends_count_and_one_or_two_people_with_broken_telephones_do_not_stop_their_neighbours() {
        let resent = |number| Recent { messages: 4, ..otp(number, number, Status::Expired) };
        assert_eq!(judge(least(20), &[resent(2), resent(1)], None, at(3600)), Ruling::Open);
        let mut three = vec![resent(3), resent(2), resent(1)];
        assert_eq!(judge(least(20), &three, None, at(3600)), Ruling::Stop);
        three.extend([otp(9, 0, Status::Verified); 5]);
        assert_eq!(judge(least(20), &three, None, at(3600)), Ruling::Stop, "one regular does not make up for them");
        let twice: Vec<_> = (0..20).map(|n| otp(n % 2, 20 - n, Status::Expired)).collect();
        assert_eq!(judge(least(20), &twice, None, at(3600)), Ruling::Open);
    }

    #[test]
    fn a_number_that_verifies_any_of_its_codes_has_verified() {
        let mut newest = numbers(8, Status::Expired);
        newest.extend([otp(0, 0, Status::Verified), otp(1, 0, Status::Verified)]);
        assert_eq!(judge(least(20), &newest, None, at(3600)), Ruling::Open, "2 of 8 did, and 6 messages were in vain");
        let mut newest = numbers(12, Status::Expired);
        newest.extend([otp(100, 0, Status::Verified), otp(101, 0, Status::Verified)]);
        assert_eq!(judge(least(20), &newest, None, at(3600)), Ruling::Stop, "2 of 14");
        assert_eq!(judge(least(14), &newest, None, at(3600)), Ruling::Open, "2 of 14 are 14 percent");
        assert_eq!(judge(least(0), &numbers(20, Status::Expired), None, at(3600)), Ruling::Open);
    }

    #[test]
    fn a_stopped_prefix_is_let_off_with_one_code_at_a_time() {
        let stop = Some(Stop { until: at(50_000), forgiven: false });
        let old = numbers(20, Status::Expired);
        let judge = |probes: &[Recent], seconds| {
            let newest: Vec<_> = probes.iter().chain(&old).copied().collect();
            judge(least(20), &newest, stop, at(seconds))
        };
        assert_eq!(judge(&[], 49_999), Ruling::Stopped(at(50_000)));
        assert_eq!(judge(&[], 50_000), Ruling::Open);
        let first = otp(100, 50_000, Status::Pending);
        assert_eq!(judge(&[first], 50_001), Ruling::Waits(at(50_300)));
        assert_eq!(judge(&[first], 50_300), Ruling::Stop);
        let verified = |seconds| otp(100, seconds, Status::Verified);
        assert_eq!(judge(&[verified(50_000)], 50_001), Ruling::Open);
        assert_eq!(judge(&[otp(7, 50_100, Status::Locked), verified(50_000)], 50_101), Ruling::Stop);
        assert_eq!(judge(&[verified(50_002), verified(50_001), verified(50_000)], 50_003), Ruling::Forgive);
        assert_eq!(judge(&[], 50_000 + 24 * 3600), Ruling::Open, "a day later it is like any other");
    }

    #[test]
    fn what_is_forgiven_is_held_against_nobody_and_what_comes_after_is() {
        let forgiven = Some(Stop { until: at(5_000), forgiven: true });
        let mut newest = numbers(20, Status::Expired);
        assert_eq!(judge(least(20), &newest, forgiven, at(5_000)), Ruling::Open);
        newest.splice(0..0, (0..8).rev().map(|n| otp(n, 5_000 + n, Status::Expired)));
        assert_eq!(judge(least(20), &newest, forgiven, at(6_000)), Ruling::Stop);
    }

    #[test]
    fn an_hours_messages_for_codes_that_nobody_verifies_have_a_limit() {
        let mut newest = numbers(9, Status::Expired);
        assert_eq!(unverified_full_until(10, &newest, at(100)), None);
        newest[0].messages = 2;
        assert_eq!(unverified_full_until(10, &newest, at(100)), Some(at(3600)));
        assert_eq!(unverified_full_until(10, &newest, at(3600)), None);
        assert_eq!(unverified_full_until(0, &newest, at(100)), None);
        newest[0].messages = 10;
        assert_eq!(unverified_full_until(10, &newest, at(100)), Some(at(3608)), "the newest alone fills it");
        newest[0].status = Status::Verified;
        assert_eq!(unverified_full_until(10, &newest, at(100)), None);
    }

    #[test]
    fn nobody_is_no_share() {
        let nobody = Conversion::of(numbers(3, Status::Pending).iter(), at(10));
        assert_eq!((nobody, nobody.percent()), (Conversion::default(), None));
        let one = Conversion::of([otp(1, 0, Status::Verified)].iter(), at(10));
        assert_eq!(one.percent(), Some(100));
    }
}
