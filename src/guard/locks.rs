//! Growing delays: a number on which codes are guessed until they lock gets the next code later and later.

use std::time::Duration;

use crate::clock::Moment;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// The first delay, after the second lock.
const FIRST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(3600);

/// How long the number must wait for its next code; `None` for not at all. `locks` are the moments at which otps for it
/// were locked, in any order.
///
/// One lock is a person with a wrong key pad. From the second in 24 hours on it is a minute, then two, four, up to an hour,
/// counted from the last one.
#[must_use]
pub fn delay(locks: impl Iterator<Item = Moment>, now: Moment) -> Option<Duration> {
    let (count, last) = locks
        .filter(|lock| now.since(*lock) < DAY)
        .fold((0_u32, None), |(count, last): (u32, Option<Moment>), lock| (count + 1, last.max(Some(lock))));
    let doublings = count.checked_sub(2)?;
    let wait = FIRST.saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX)).min(LONGEST);
    Some((last? + wait).since(now)).filter(|wait| !wait.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Moment {
        Moment::from_millis(seconds * 1000)
    }

    fn after(locks: &[i64], now: i64) -> u64 {
        delay(locks.iter().map(|lock| at(*lock)), at(now)).map_or(0, |wait| wait.as_secs())
    }

    #[test]
    fn the_delay_doubles_with_each_lock_and_ends_at_an_hour() {
        assert_eq!(after(&[], 0), 0);
        assert_eq!(after(&[100], 100), 0);
        assert_eq!(after(&[100, 0], 110), 50);
        assert_eq!(after(&[0, 100], 160), 0);
        let delays: Vec<u64> = (1..=10).map(|count| after(&vec![0; count], 0)).collect();
        assert_eq!(delays, [0, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]);
        assert_eq!(after(&[0; 100], 0), 3600);
    }

    #[test]
    fn a_lock_of_yesterday_does_not_count() {
        assert_eq!(after(&[0, 86_400], 86_400), 0);
        assert_eq!(after(&[1, 86_400], 86_400), 60);
    }
}
