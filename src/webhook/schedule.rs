//! What follows from a try: done, once more at some moment, or given up.

use std::time::Duration;

use crate::clock::Moment;

/// The pauses after the first, second, … failed try. After the last one there is always that pause.
const PAUSES: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(2 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(3600),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(4 * 3600),
    Duration::from_secs(8 * 3600),
];

/// How long an event is tried before it is given up.
pub(super) const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// The longest pause that a receiver can ask for by `Retry-After`.
const LONGEST_ASKED: Duration = Duration::from_secs(3600);

/// What a receiver answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    /// The HTTP status.
    pub(super) status: u16,
    /// `Retry-After`, when it was given in seconds.
    pub(super) retry_after: Option<Duration>,
}

/// What is to be done with an event after a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The receiver has it.
    Done,
    /// It is tried again at this moment.
    Again(Moment),
    /// It is not tried again by itself.
    GiveUp,
}

/// A failed try and its history.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tried {
    /// Since when the event waits.
    pub(super) since: Moment,
    /// How often it was tried, this time too: 1 and more.
    pub(super) tries: u32,
    /// When this try was over.
    pub(super) now: Moment,
    /// A random octet, by which the pauses of many events are spread.
    pub(super) dice: u8,
}

/// Judges a try: a success is a status from 200 to 299, and nothing else. `None` is a try without an answer.
pub(super) fn judge(answer: Option<Answer>, tried: Tried) -> Next {
    match answer.map(|answer| answer.status) {
        Some(200..=299) => return Next::Done,
        // "Gone": the receiver says that it wants no more, ever.
        Some(410) => return Next::GiveUp,
        _ => {}
    }
    let end = tried.since + PATIENCE;
    if tried.now >= end {
        return Next::GiveUp;
    }
    let asked = answer.and_then(|answer| answer.retry_after).map(|asked| asked.min(LONGEST_ASKED));
    let pause = spread(pause(tried.tries), tried.dice).max(asked.unwrap_or_default());
    Next::Again((tried.now + pause).min(end))
}

fn pause(tries: u32) -> Duration {
    let last = PAUSES.len() - 1;
    PAUSES[usize::try_from(tries.saturating_sub(1)).unwrap_or(last).min(last)]
}

/// The pause, shortened or prolonged by up to a tenth.
fn spread(pause: Duration, dice: u8) -> Duration {
    let percent = 90 + u32::from(dice) * 20 / 255;
    pause * percent / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIDDLE: u8 = 128;

    fn at(seconds: i64) -> Moment {
        Moment::from_millis(seconds * 1000)
    }

    fn answer(status: u16) -> Option<Answer> {
        Some(Answer { status, retry_after: None })
    }

    fn after(answer: Option<Answer>, tries: u32, now: i64) -> Next {
        judge(answer, Tried { since: at(0), tries, now: at(now), dice: MIDDLE })
    }

    #[test]
    fn only_a_2xx_is_a_success_and_only_gone_is_given_up_at_once() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(after(answer(status), 1, 0), Next::Done, "{status}");
        }
        for status in [100, 199, 300, 301, 302, 304, 307, 308, 400, 401, 403, 404, 408, 409, 429, 500, 502, 503] {
            assert_eq!(after(answer(status), 1, 0), Next::Again(at(5)), "{status}");
        }
        assert_eq!(after(answer(410), 1, 0), Next::GiveUp);
        assert_eq!(after(None, 1, 0), Next::Again(at(5)));
    }

    #[test]
    fn the_pauses_grow_the_last_try_is_after_a_day_and_then_it_is_given_up() {
        let (mut now, mut tries, mut moments) = (0, 1, Vec::new());
        while let Next::Again(next) = after(None, tries, now) {
            moments.push(next.as_millis() / 1000 - now);
            now = next.as_millis() / 1000;
            tries += 1;
        }
        assert_eq!(moments[..9], [5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800]);
        assert_eq!((now, tries), (24 * 3600, 12), "the last pause is cut short");
    }

    #[test]
    fn a_receiver_can_ask_for_a_longer_pause_but_not_for_a_shorter_or_a_very_long_one() {
        let asking = |seconds| Some(Answer { status: 503, retry_after: Some(Duration::from_secs(seconds)) });
        assert_eq!(after(asking(60), 1, 0), Next::Again(at(60)));
        assert_eq!(after(asking(1), 1, 0), Next::Again(at(5)));
        assert_eq!(after(asking(1_000_000), 1, 0), Next::Again(at(3600)));
        assert_eq!(after(asking(3600), 9, 24 * 3600 - 10), Next::Again(at(24 * 3600)), "never past the day");
    }

    #[test]
    fn pauses_are_spread_by_a_tenth_to_either_side() {
        for (dice, millis) in [(0, 27_000), (255, 33_000), (MIDDLE, 30_000)] {
            assert_eq!(spread(Duration::from_secs(30), dice), Duration::from_millis(millis));
        }
    }

    #[test]
    fn an_event_that_is_found_after_days_without_power_is_tried_once_more() {
        let days = 3 * 24 * 3600;
        assert_eq!(after(answer(200), 1, days), Next::Done);
        assert_eq!(after(None, 1, days), Next::GiveUp);
    }
}
