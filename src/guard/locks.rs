//! Growing delays: a number on which codes are guessed until they lock gets the next code later and later.

use std::time::Duration;

use crate::clock::Moment;
use crate::otp::Status;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// The first delay, after the second lock.
const FIRST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(3600);

/// An otp of the number, as far as it was guessed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guessed {
    /// When it ended; while it has not, when it was issued.
    pub at: Moment,
    /// What came of it.
    pub status: Status,
    /// How many wrong guesses there were.
    pub wrong: u32,
    /// How many lock it.
    pub most: u32,
}

/// The moments at which a code was locked, or would have been, had nobody asked for a new one before the last wrong guess:
/// a new secret does not reset the count of those that failed (NIST SP 800-63B-4). A verification does, for the guesses
/// before it. `newest_first` are the number's newest otps.
#[must_use]
pub fn locks(newest_first: &[Guessed]) -> Vec<Moment> {
    let (mut locks, mut wrong) = (Vec::new(), 0_u32);
    for otp in newest_first.iter().rev() {
        wrong = if otp.status == Status::Verified { 0 } else { wrong.saturating_add(otp.wrong) };
        if otp.most > 0 && wrong >= otp.most {
            locks.push(otp.at);
            wrong %= otp.most;
        }
    }
    locks
}

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
    fn wrong_guesses_add_up_over_codes_until_one_is_verified() {
        let locked = |otps: &[(Status, u32)]| {
            let otp = |(at, (status, wrong)): (usize, &(Status, u32))| Guessed {
                at: self::at(i64::try_from(at).unwrap()),
                status: *status,
                wrong: *wrong,
                most: 5,
            };
            let mut guessed: Vec<_> = otps.iter().enumerate().map(otp).collect();
            guessed.reverse();
            locks(&guessed).iter().map(|lock| lock.as_millis() / 1000).collect::<Vec<_>>()
        };
        use Status::{Expired, Locked, Pending, Superseded, Verified};
        assert_eq!(locked(&[(Superseded, 4), (Expired, 4), (Superseded, 4), (Pending, 4)]), [1, 2, 3]);
        assert_eq!(locked(&[(Superseded, 4), (Verified, 0), (Superseded, 4)]), Vec::<i64>::new());
        assert_eq!(locked(&[(Superseded, 4), (Verified, 4), (Pending, 5)]), [2]);
        assert_eq!(locked(&[(Locked, 5), (Locked, 5), (Superseded, 0)]), [0, 1]);
        assert_eq!(locked(&[(Superseded, 4), (Locked, 5), (Superseded, 1)]), [1, 2]);
    }

    #[test]
    fn a_lock_of_yesterday_does_not_count() {
        assert_eq!(after(&[0, 86_400], 86_400), 0);
        assert_eq!(after(&[1, 86_400], 86_400), 60);
    }
}
