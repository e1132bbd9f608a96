//! How much may be sent: to one number, to one block of numbers, and through one SIM.
//!
//! Every limit is a sliding window: never more than so many in any hour, wherever the hour begins. So each refusal can
//! say exactly when the next one fits. Pure: what was sent before and the time are arguments; the store keeps both.
//!
//! Its one rule: whoever waits as long as a refusal says is not refused for that reason again, unless others went first.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::Moment;
use crate::message::Priority;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// How many otps may be issued, `[policy.….limits]` in the configuration. 0 means no limit.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// Otps to one number in any hour. Default 5; 0 means no limit.
    pub per_number_hour: u32,
    /// Otps to one number in any 24 hours. Default 10; 0 means no limit.
    pub per_number_day: u32,
    /// Otps in any hour to all the numbers that differ only in their last four digits. Default 10; 0 means no limit.
    pub per_prefix_hour: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { per_number_hour: 5, per_number_day: 10, per_prefix_hour: 10 }
    }
}

impl Settings {
    /// How many of one number's newest otps [`check`] looks at.
    #[must_use]
    pub fn newest_of_number(&self) -> usize {
        self.per_number_hour.max(self.per_number_day) as usize
    }

    /// How many of one prefix's newest otps [`check`] looks at.
    #[must_use]
    pub fn newest_of_prefix(&self) -> usize {
        self.per_prefix_hour as usize
    }
}

/// Which limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// Otps to one number in an hour.
    PerNumberHour,
    /// Otps to one number in 24 hours.
    PerNumberDay,
    /// Otps to one block of 10,000 numbers in an hour.
    PerPrefixHour,
}

impl Limit {
    /// The limit's name, as in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PerNumberHour => "per-number-hour",
            Self::PerNumberDay => "per-number-day",
            Self::PerPrefixHour => "per-prefix-hour",
        }
    }
}

/// A limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the limit {} is reached; it allows the next one in {} s", .limit.as_str(), .retry_after.as_millis().div_ceil(1000))]
pub struct Refusal {
    /// The limit; when several are reached, the one that lasts longest.
    pub limit: Limit,
    /// After this time none of the limits refuses any more. Never zero.
    pub retry_after: Duration,
}

/// Whether one more otp may be issued now.
///
/// `of_number` and `of_prefix` are the moments at which the number's and the prefix's newest otps were issued, newest
/// first, at least [`Settings::newest_of_number`] and [`Settings::newest_of_prefix`] of them where there are so many.
///
/// # Errors
/// [`Refusal`] when a limit is reached.
pub fn check(settings: &Settings, of_number: &[Moment], of_prefix: &[Moment], now: Moment) -> Result<(), Refusal> {
    let windows = [
        (Limit::PerNumberHour, settings.per_number_hour, HOUR, of_number),
        (Limit::PerNumberDay, settings.per_number_day, DAY, of_number),
        (Limit::PerPrefixHour, settings.per_prefix_hour, HOUR, of_prefix),
    ];
    let reached = windows.into_iter().filter_map(|(limit, most, window, newest_first)| {
        let oldest_that_counts = newest_first.get((most as usize).checked_sub(1)?)?;
        let retry_after = (*oldest_that_counts + window).since(now);
        (!retry_after.is_zero()).then_some(Refusal { limit, retry_after })
    });
    reached.max_by_key(|refusal| refusal.retry_after).map_or(Ok(()), Err)
}

/// What one SIM may send, `[sim-budget]` in the configuration. 0 means no limit.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct BudgetSettings {
    /// Parts of messages in any minute. Default 15; 0 means no limit.
    pub per_minute: u32,
    /// Parts of messages in any hour. Default 200; 0 means no limit.
    pub per_hour: u32,
    /// Parts of messages in any 24 hours. Default 1000; 0 means no limit.
    pub per_day: u32,
    /// The share of each of these, in percent, that only one-time codes may use. 0 to 90, default 20.
    pub codes_share_percent: Share,
}

impl Default for BudgetSettings {
    fn default() -> Self {
        Self { per_minute: 15, per_hour: 200, per_day: 1000, codes_share_percent: Share(20) }
    }
}

impl BudgetSettings {
    fn windows(&self) -> [(u32, Duration); 3] {
        [(self.per_minute, MINUTE), (self.per_hour, HOUR), (self.per_day, DAY)]
    }

    /// Whether a SIM that has so much left may send a part of this priority now.
    #[must_use]
    pub fn lets(&self, left: &BudgetLeft, priority: Priority) -> bool {
        let windows = [(left.minute, self.per_minute), (left.hour, self.per_hour), (left.day, self.per_day)];
        windows.into_iter().all(|(left, limit)| left.is_none_or(|left| left > self.kept_from(priority, limit)))
    }

    /// How much of a limit is kept from messages of this priority, for others.
    #[must_use]
    pub fn kept_from(&self, priority: Priority, limit: u32) -> u32 {
        match priority {
            Priority::Otp => 0,
            Priority::Transactional | Priority::Bulk => self.codes_share_percent.of(limit),
        }
    }
}

/// A share in percent: 0 to 90, so that something is always left for the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Share(u8);

/// A share out of its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a share is 0 to 90 percent, not {0}")]
pub struct ShareError(pub u64);

impl Share {
    /// So much of `whole`, rounded down: always less than it, unless it is 0.
    const fn of(self, whole: u32) -> u32 {
        // At most 90 percent of a u32 fits into one.
        (whole as u64 * self.0 as u64 / 100) as u32
    }
}

impl TryFrom<u64> for Share {
    type Error = ShareError;

    fn try_from(percent: u64) -> Result<Self, ShareError> {
        u8::try_from(percent).ok().filter(|percent| *percent <= 90).map(Self).ok_or(ShareError(percent))
    }
}

impl From<Share> for u64 {
    fn from(share: Share) -> Self {
        Self::from(share.0)
    }
}

/// What one SIM has sent lately, against what it may send.
#[derive(Debug, Clone)]
pub struct Budget {
    settings: BudgetSettings,
    /// Oldest first, and no more than the widest limit has to look back.
    sent: VecDeque<Moment>,
}

/// How many more parts a SIM may send now; `None` where there is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema, Default)]
pub struct BudgetLeft {
    /// In the minute that ends now.
    pub minute: Option<u32>,
    /// In the hour that ends now.
    pub hour: Option<u32>,
    /// In the 24 hours that end now.
    pub day: Option<u32>,
}

impl Budget {
    /// How far back a budget looks: what was sent before is of no account.
    pub const LOOKS_BACK: Duration = DAY;

    /// The budget of a SIM that has sent nothing yet.
    #[must_use]
    pub fn new(settings: &BudgetSettings) -> Self {
        Self { settings: settings.clone(), sent: VecDeque::new() }
    }

    /// Takes note that a part was given to the SIM at `at`. The order of the calls does not matter.
    pub fn record(&mut self, at: Moment) {
        self.sent.insert(self.sent.partition_point(|earlier| *earlier <= at), at);
        let most = self.settings.windows().into_iter().map(|(limit, _)| limit).max().unwrap_or(0);
        while self.sent.len() > most as usize {
            self.sent.pop_front();
        }
    }

    /// When the SIM may send the next part of this priority: `None` for now, or the exact moment.
    #[must_use]
    pub fn next_free(&self, priority: Priority, now: Moment) -> Option<Moment> {
        let full_until = |(limit, window): (u32, Duration)| {
            let may = limit - self.settings.kept_from(priority, limit);
            let before = self.sent.len().checked_sub(may as usize).filter(|_| may > 0)?;
            Some(*self.sent.get(before)? + window).filter(|free| *free > now)
        };
        self.settings.windows().into_iter().filter_map(full_until).max()
    }

    /// How much is left now, counting the share that is kept for codes.
    #[must_use]
    pub fn left(&self, now: Moment) -> BudgetLeft {
        let [minute, hour, day] = self.settings.windows().map(|(limit, window)| {
            let used = self.sent.len() - self.sent.partition_point(|at| *at + window <= now);
            (limit > 0).then(|| limit.saturating_sub(u32::try_from(used).unwrap_or(u32::MAX)))
        });
        BudgetLeft { minute, hour, day }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Moment {
        Moment::from_millis(seconds * 1000)
    }

    fn refusal(limit: Limit, seconds: u64) -> Result<(), Refusal> {
        Err(Refusal { limit, retry_after: Duration::from_secs(seconds) })
    }

    #[test]
    fn the_sixth_otp_in_an_hour_waits_until_the_first_is_an_hour_old() {
        let settings = Settings::default();
        let of_number = [at(400), at(300), at(200), at(100), at(0)];
        assert_eq!(check(&settings, &of_number[1..], &[], at(500)), Ok(()));
        assert_eq!(check(&settings, &of_number, &[], at(500)), refusal(Limit::PerNumberHour, 3100));
        assert_eq!(check(&settings, &of_number, &[], at(3599)), refusal(Limit::PerNumberHour, 1));
        assert_eq!(check(&settings, &of_number, &[], at(3600)), Ok(()));
    }

    #[test]
    fn of_several_limits_the_one_that_lasts_longest_is_named() {
        let settings = Settings { per_number_hour: 1, per_number_day: 1, per_prefix_hour: 1 };
        assert_eq!(check(&settings, &[at(0)], &[at(5)], at(10)), refusal(Limit::PerNumberDay, 86_390));
        let settings = Settings { per_number_day: 0, ..settings };
        assert_eq!(check(&settings, &[at(0)], &[at(5)], at(10)), refusal(Limit::PerPrefixHour, 3595));
    }

    #[test]
    fn a_limit_of_0_is_none() {
        let settings = Settings { per_number_hour: 0, per_number_day: 0, per_prefix_hour: 0 };
        let many = vec![at(0); 10_000];
        assert_eq!(check(&settings, &many, &many, at(0)), Ok(()));
        assert_eq!((settings.newest_of_number(), settings.newest_of_prefix()), (0, 0));
    }

    #[test]
    fn a_refusal_says_which_limit_and_when() {
        let refusal = Refusal { limit: Limit::PerNumberHour, retry_after: Duration::from_millis(1_500) };
        assert_eq!(refusal.to_string(), "the limit per-number-hour is reached; it allows the next one in 2 s");
    }

    #[test]
    fn limits_are_read_from_a_table_and_nothing_unknown_is() {
        let settings: Settings = toml::from_str("per-number-hour = 7").unwrap();
        assert_eq!(settings, Settings { per_number_hour: 7, ..Settings::default() });
        for bad in ["per-number-week = 1", "per-number-hour = -1", "per-number-hour = \"5\""] {
            assert!(toml::from_str::<Settings>(bad).is_err(), "{bad}");
        }
        assert!(toml::from_str::<BudgetSettings>("codes-share-percent = 90").is_ok());
        let error = toml::from_str::<BudgetSettings>("codes-share-percent = 91").unwrap_err();
        assert!(error.message().contains("0 to 90 percent, not 91"), "{error}");
    }

    fn budget(per_minute: u32, share: u64) -> Budget {
        let codes_share_percent = Share::try_from(share).unwrap();
        Budget::new(&BudgetSettings { per_minute, per_hour: 0, per_day: 0, codes_share_percent })
    }

    #[test]
    fn the_last_share_of_a_budget_is_kept_for_codes() {
        let mut budget = budget(5, 40);
        for second in 0..3 {
            assert_eq!(budget.next_free(Priority::Bulk, at(2)), None);
            assert!(budget.settings.lets(&budget.left(at(2)), Priority::Bulk));
            budget.record(at(second));
        }
        let left = budget.left(at(2));
        assert_eq!([Priority::Bulk, Priority::Otp].map(|p| budget.settings.lets(&left, p)), [false, true]);
        assert_eq!(budget.next_free(Priority::Bulk, at(2)), Some(at(60)));
        assert_eq!(budget.next_free(Priority::Transactional, at(2)), Some(at(60)));
        assert_eq!(budget.next_free(Priority::Otp, at(2)), None);
        budget.record(at(3));
        budget.record(at(4));
        assert_eq!(budget.next_free(Priority::Otp, at(5)), Some(at(60)));
        assert_eq!(budget.next_free(Priority::Bulk, at(5)), Some(at(62)));
        assert_eq!(budget.left(at(5)).minute, Some(0));
        assert_eq!(budget.left(at(60)).minute, Some(1));
    }

    #[test]
    fn even_a_budget_of_one_is_not_kept_for_codes_alone() {
        assert_eq!(budget(1, 90).next_free(Priority::Bulk, at(0)), None);
    }

    #[test]
    fn without_limits_a_budget_is_always_free_and_remembers_nothing() {
        let mut budget = budget(0, 20);
        for _ in 0..100 {
            budget.record(at(0));
        }
        assert_eq!(budget.next_free(Priority::Bulk, at(0)), None);
        assert_eq!(budget.left(at(0)), BudgetLeft { minute: None, hour: None, day: None });
        assert!(budget.sent.is_empty());
    }

    #[test]
    fn what_was_sent_before_a_restart_counts_in_whatever_order_it_is_read() {
        let mut budget = budget(2, 0);
        budget.record(at(30));
        budget.record(at(10));
        budget.record(at(20));
        assert_eq!(budget.next_free(Priority::Otp, at(30)), Some(at(80)));
    }

    /// The most events that lie in any window of this length.
    fn most_in_any(window: Duration, moments: &[Moment]) -> usize {
        moments
            .iter()
            .map(|end| moments.iter().filter(|m| **m <= *end && **m + window > *end).count())
            .max()
            .unwrap_or(0)
    }

    proptest! {
        #[test]
        fn no_window_ever_has_more_otps_than_its_limit(
            per_number_hour in 1_u32..6, per_number_day in 1_u32..12, gaps in prop::collection::vec(0_i64..3_000, 1..80),
        ) {
            let settings = Settings { per_number_hour, per_number_day, per_prefix_hour: 0 };
            let (mut now, mut issued) = (0, Vec::new());
            for gap in gaps {
                now += gap;
                let newest_first: Vec<_> = issued.iter().rev().copied().take(settings.newest_of_number()).collect();
                match check(&settings, &newest_first, &[], at(now)) {
                    Ok(()) => issued.push(at(now)),
                    Err(refusal) => {
                        let then = at(now) + refusal.retry_after;
                        prop_assert_eq!(check(&settings, &newest_first, &[], then), Ok(()));
                        prop_assert!(check(&settings, &newest_first, &[], then - Duration::from_millis(1)).is_err());
                    }
                }
            }
            prop_assert!(most_in_any(HOUR, &issued) <= per_number_hour as usize);
            prop_assert!(most_in_any(DAY, &issued) <= per_number_day as usize);
        }

        #[test]
        fn no_window_ever_has_more_than_the_budget_and_others_leave_the_share_to_codes(
            per_minute in 1_u32..8, per_hour in 1_u32..20, share in 0_u64..=90,
            steps in prop::collection::vec((0_i64..40, any::<bool>()), 1..120),
        ) {
            let codes_share_percent = Share::try_from(share).unwrap();
            let settings = BudgetSettings { per_minute, per_hour, per_day: 0, codes_share_percent };
            let mut budget = Budget::new(&settings);
            let (mut now, mut sent) = (at(0), Vec::new());
            for (gap, otp) in steps {
                let priority = if otp { Priority::Otp } else { Priority::Bulk };
                now = now + Duration::from_secs(gap as u64);
                if let Some(free) = budget.next_free(priority, now) {
                    prop_assert!(free > now);
                    prop_assert!(budget.next_free(priority, free - Duration::from_millis(1)).is_some());
                    now = free;
                }
                prop_assert_eq!(budget.next_free(priority, now), None);
                prop_assert!(budget.left(now).minute > Some(0) && budget.left(now).hour > Some(0));
                budget.record(now);
                sent.push(now);
                if !otp {
                    let kept = |limit: u32| (limit - limit * share as u32 / 100) as usize;
                    let in_window = |window| sent.iter().filter(|m| **m + window > now).count();
                    prop_assert!(in_window(MINUTE) <= kept(per_minute));
                    prop_assert!(in_window(HOUR) <= kept(per_hour));
                }
            }
            prop_assert!(most_in_any(MINUTE, &sent) <= per_minute as usize);
            prop_assert!(most_in_any(HOUR, &sent) <= per_hour as usize);
        }
    }
}
