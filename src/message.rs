//! The life of one SMS: its states, what moves it from one to the next, and what its parts make of the whole.
//!
//! Pure: time is an argument, nothing is stored or sent here.
//!
//! Its one rule: a state changes only by [`transition`]; whoever writes a state has asked it first.

use std::time::Duration;

use crate::clock::Moment;

/// Where a message is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// On disk, waiting for a modem.
    Queued,
    /// Given to a modem. On disk before the modem saw a byte.
    Sending,
    /// The network took every part.
    Sent,
    /// The network reported every part as received by the handset.
    Delivered,
    /// The network reported that at least one part will never arrive.
    Undelivered,
    /// Its deadline passed before it could be sent.
    Expired,
    /// The network or the modem refused it for good.
    Failed,
    /// Withdrawn before it was sent.
    Cancelled,
    /// The modem had a whole PDU and no answer came: it may or may not have been sent.
    InDoubt,
}

impl Status {
    /// Every state.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Sending,
        Self::Sent,
        Self::Delivered,
        Self::Undelivered,
        Self::Expired,
        Self::Failed,
        Self::Cancelled,
        Self::InDoubt,
    ];

    /// The state's name in the API and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Expired => "expired",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::InDoubt => "in_doubt",
        }
    }

    /// The state with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// Who goes first when several messages wait.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// A one-time code: somebody is waiting for it.
    Otp,
    /// A message about one event of one person.
    Transactional,
    /// Anything that can wait.
    Bulk,
}

impl Priority {
    /// The priority's name in the API and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Otp => "otp",
            Self::Transactional => "transactional",
            Self::Bulk => "bulk",
        }
    }
}

/// What a failure is about, and so what to do next (facts: 3GPP TS 24.011 and 27.005 causes, vendors' lists).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureClass {
    /// Permanent for this recipient.
    Recipient,
    /// Permanent for this message: its PDU, length or alphabet.
    Message,
    /// A passing trouble of the network: try again with backoff until the deadline.
    Network,
    /// The modem's state or a fault of it: the message goes to another modem.
    Modem,
    /// The card in the modem, as the modem sees it, whoever the message is to: it is missing, locked or broken. The message
    /// goes to another modem.
    Card,
    /// The network does not let the SIM send this: its account, its contract, or this recipient. The message goes to another
    /// modem.
    Sim,
    /// Cannot be told: one more try after a pause.
    Unknown,
}

/// What happens to one part of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// A modem was chosen for it and is about to be given it.
    Claimed,
    /// The network took it: the modem answered with a TP-MR, or a report says that delivery is still being tried. Or it had
    /// taken a first copy, and that counts alone again.
    Accepted,
    /// It was surely not sent and will be tried again.
    Returned,
    /// It was surely not sent and will not be tried again.
    Refused,
    /// The modem had the whole PDU and no answer came.
    AnswerLost,
    /// It goes out once more: its time in doubt is over ([`after_doubt`]), or no report came of it.
    Resend,
    /// A report says that the handset has it.
    Delivered,
    /// A report says that it will never arrive.
    Undelivered,
    /// Its deadline passed.
    DeadlinePassed,
    /// The app, or the end of its otp, withdrew it.
    Withdrawn,
    /// Its second copy will not be sent: the first, which was in doubt, still is.
    Doubted,
}

/// Something happened that cannot happen in this state. The state stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message that is {} cannot become otherwise by {event:?}", .from.as_str())]
pub struct Impossible {
    /// The state it is in.
    pub from: Status,
    /// What was said to have happened.
    pub event: Event,
}

/// The state that follows `from` when `event` happens.
///
/// A report counts in every open state except `sending`: a part that waits to be sent again was perhaps sent before,
/// and the report proves it. One that comes while the modem is still at it is kept by the store until the modem has
/// answered. What reports say twice, or late, changes nothing; only `delivered` overrules `undelivered` and `failed`,
/// because of two copies one arrived.
///
/// # Errors
/// [`Impossible`] when the event has no place in this state.
pub const fn transition(from: Status, event: Event) -> Result<Status, Impossible> {
    use Status::{Cancelled, Delivered, Expired, Failed, InDoubt, Queued, Sending, Sent, Undelivered};
    Ok(match (from, event) {
        (Queued, Event::Claimed) => Sending,
        (Queued | Sending, Event::DeadlinePassed) => Expired,
        (Queued, Event::Withdrawn) => Cancelled,

        (Sending, Event::Returned) | (Sent | InDoubt, Event::Resend) => Queued,
        (Sending, Event::Refused) => Failed,
        (Sending, Event::AnswerLost) | (Queued | Sending, Event::Doubted) => InDoubt,

        (Queued | Sending | Sent | InDoubt, Event::Accepted) => Sent,
        (Queued | Sent | InDoubt | Delivered | Undelivered | Failed, Event::Delivered) => Delivered,
        (Queued | Sent | InDoubt | Undelivered, Event::Undelivered) => Undelivered,
        (Delivered | Undelivered, Event::Accepted) | (Delivered, Event::Undelivered) => from,

        _ => return Err(Impossible { from, event }),
    })
}

/// The state of a message whose parts are in these states; a part goes through the same ones as a message.
///
/// A part that ended badly makes the message unreadable, so it decides. Then what is in doubt, then what is under
/// way; a message is `sent` or `delivered` only when all of it is.
#[must_use]
pub fn whole(parts: impl IntoIterator<Item = Status>) -> Status {
    parts.into_iter().reduce(both).unwrap_or(Status::Queued)
}

fn both(a: Status, b: Status) -> Status {
    const FIRST: [Status; 6] =
        [Status::Failed, Status::Undelivered, Status::Expired, Status::Cancelled, Status::InDoubt, Status::Sending];
    if let Some(decides) = FIRST.into_iter().find(|first| *first == a || *first == b) {
        return decides;
    }
    match (a, b) {
        (Status::Queued, Status::Queued) => Status::Queued,
        (Status::Queued, _) | (_, Status::Queued) => Status::Sending,
        (Status::Delivered, Status::Delivered) => Status::Delivered,
        _ => Status::Sent,
    }
}

/// What to do with a part that surely was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Give it up: it fails.
    Fail,
    /// Try again, by any modem, not before this moment.
    RetryAt(Moment),
    /// Give it to another modem at once, or to this one again, but not before this moment: another message shows meanwhile
    /// whether this one is the reason.
    OtherModem {
        /// From when on the same modem may try again.
        again: Moment,
    },
}

/// The pause before the first try after trouble in the network; it doubles with each failure.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The pause before the same modem tries again what it failed at, and another may try at once; it doubles with each failure.
/// Each is longer than a modem that has failed as often is left alone, so that after its rest another message goes first.
const FIRST_MODEM_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_MODEM_PAUSE: Duration = Duration::from_secs(120);
/// The pause before the same SIM tries again what the network did not let it send; each is six times the one before, since the
/// recipient may be the reason.
const FIRST_SIM_PAUSE: Duration = Duration::from_secs(10);
/// The longest of these.
pub const LONGEST_SIM_PAUSE: Duration = Duration::from_secs(900);
/// The pause before the only try after a failure that cannot be told.
const UNKNOWN_PAUSE: Duration = Duration::from_secs(5);

/// What to do after a failure of this class, when there were `failures_so_far` before: of the part, or for the class
/// [`FailureClass::Sim`] of this SIM with this recipient.
///
/// Trouble in the network is waited out with pauses of 1 s, 2 s, 4 s and so on up to 60 s. What is the modem's, its
/// card's or the SIM's trouble goes to another at once. It goes back to the same modem after 2 s, 4 s and so on up to 2 min; to the same
/// SIM after 10 s, 1 min, 6 min and so on up to 15 min, but none but one of 10 s is longer than a third of what is left to the deadline.
/// What cannot be told gets one more try, if it is the first failure. A try that could only start at or after `deadline` is
/// not made.
#[must_use]
pub fn after_failure(class: FailureClass, failures_so_far: u32, deadline: Moment, now: Moment) -> Next {
    let growing = |first: Duration, by: u32, longest: Duration| {
        first.saturating_mul(by.saturating_pow(failures_so_far)).min(longest)
    };
    let pause = match class {
        FailureClass::Recipient | FailureClass::Message => return Next::Fail,
        FailureClass::Modem | FailureClass::Card if now < deadline => {
            return Next::OtherModem { again: now + growing(FIRST_MODEM_PAUSE, 2, LONGEST_MODEM_PAUSE) };
        }
        FailureClass::Sim if now < deadline => {
            let longest = (deadline.since(now) / 3).clamp(FIRST_SIM_PAUSE, LONGEST_SIM_PAUSE);
            return Next::OtherModem { again: now + growing(FIRST_SIM_PAUSE, 6, longest) };
        }
        FailureClass::Modem | FailureClass::Card | FailureClass::Sim => return Next::Fail,
        FailureClass::Unknown if failures_so_far == 0 => UNKNOWN_PAUSE,
        FailureClass::Unknown => return Next::Fail,
        FailureClass::Network => growing(FIRST_PAUSE, 2, LONGEST_PAUSE),
    };
    let at = now + pause;
    if at < deadline { Next::RetryAt(at) } else { Next::Fail }
}

/// What to do with a message in doubt for which no report comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InDoubtPolicy {
    /// Leave it in doubt: never twice, perhaps never.
    #[default]
    Hold,
    /// Send it once more: perhaps twice.
    Resend,
}

/// How long a message in doubt waits for a report before it goes out once more.
pub const DOUBT: Duration = Duration::from_secs(20);

/// When a part that is in doubt since `since` goes out once more, if it does.
///
/// It does not when the policy holds it, when it went out once more before, or when its deadline comes first.
#[must_use]
pub fn after_doubt(policy: InDoubtPolicy, resent_before: bool, since: Moment, deadline: Moment) -> Option<Moment> {
    let at = since + DOUBT;
    (policy == InDoubtPolicy::Resend && !resent_before && at < deadline).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: [Event; 11] = [
        Event::Claimed,
        Event::Accepted,
        Event::Returned,
        Event::Refused,
        Event::AnswerLost,
        Event::Resend,
        Event::Delivered,
        Event::Undelivered,
        Event::DeadlinePassed,
        Event::Withdrawn,
        Event::Doubted,
    ];

    /// One row per state, one column per event in the order of `EVENTS`; `-` is impossible.
    const TABLE: &str = "
        queued      sending sent        -      -      -        -      delivered undelivered expired cancelled in_doubt
        sending     -       sent        queued failed in_doubt -      -         -           expired -         in_doubt
        sent        -       sent        -      -      -        queued delivered undelivered -       -         -
        delivered   -       delivered   -      -      -        -      delivered delivered   -       -         -
        undelivered -       undelivered -      -      -        -      delivered undelivered -       -         -
        expired     -       -           -      -      -        -      -         -           -       -         -
        failed      -       -           -      -      -        -      delivered -           -       -         -
        cancelled   -       -           -      -      -        -      -         -           -       -         -
        in_doubt    -       sent        -      -      -        queued delivered undelivered -       -         -";

    #[test]
    fn every_event_in_every_state_does_what_the_table_says() {
        let rows: Vec<Vec<&str>> =
            TABLE.lines().map(|row| row.split_whitespace().collect()).filter(|row: &Vec<_>| !row.is_empty()).collect();
        assert_eq!(rows.len(), Status::ALL.len());
        for (from, row) in Status::ALL.into_iter().zip(rows) {
            assert_eq!((row[0], row.len()), (from.as_str(), 1 + EVENTS.len()));
            for (event, to) in EVENTS.into_iter().zip(&row[1..]) {
                let expected = Status::from_name(to).ok_or(Impossible { from, event });
                assert_eq!(transition(from, event), expected, "{from:?} {event:?}");
            }
        }
    }

    #[test]
    fn a_message_is_sent_or_delivered_only_when_all_of_it_is() {
        use Status::{Delivered, Queued, Sending, Sent};
        for (parts, status) in [
            (vec![], Queued),
            (vec![Queued, Queued], Queued),
            (vec![Queued, Queued, Sent], Sending),
            (vec![Sent, Queued, Queued], Sending),
            (vec![Queued, Delivered], Sending),
            (vec![Delivered, Sending], Sending),
            (vec![Sent, Sent], Sent),
            (vec![Delivered, Sent, Delivered], Sent),
            (vec![Delivered, Delivered], Delivered),
        ] {
            assert_eq!(whole(parts.clone()), status, "{parts:?}");
        }
    }

    #[test]
    fn one_bad_part_decides_over_all_good_ones() {
        for bad in [Status::Failed, Status::Undelivered, Status::Expired, Status::Cancelled, Status::InDoubt] {
            for good in [Status::Queued, Status::Sending, Status::Sent, Status::Delivered] {
                assert_eq!(whole([good, bad, good]), bad);
            }
        }
    }

    #[test]
    fn the_order_of_parts_does_not_matter() {
        for a in Status::ALL {
            for b in Status::ALL {
                for c in Status::ALL {
                    assert_eq!(whole([a, b, c]), whole([c, a, b]), "{a:?} {b:?} {c:?}");
                    assert_eq!(whole([a, b, c]), whole([b, a, c]), "{a:?} {b:?} {c:?}");
                }
            }
        }
    }

    const NOW: Moment = Moment::from_millis(1_000_000);

    fn pause(class: FailureClass, failures: u32) -> Option<Duration> {
        match after_failure(class, failures, NOW + Duration::from_secs(3600), NOW) {
            Next::RetryAt(at) => Some(at.since(NOW)),
            _ => None,
        }
    }

    #[test]
    fn trouble_in_the_network_is_waited_out_with_growing_pauses() {
        let pauses: Vec<_> = (0..9).filter_map(|n| pause(FailureClass::Network, n)).map(|p| p.as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(pause(FailureClass::Network, u32::MAX), Some(LONGEST_PAUSE));
    }

    #[test]
    fn what_cannot_be_told_gets_one_more_try() {
        assert_eq!(pause(FailureClass::Unknown, 0), Some(UNKNOWN_PAUSE));
        assert_eq!(after_failure(FailureClass::Unknown, 1, NOW + LONGEST_PAUSE, NOW), Next::Fail);
    }

    #[test]
    fn what_is_wrong_for_good_fails_at_once_and_what_the_modem_cannot_another_may() {
        let other = |first| Next::OtherModem { again: NOW + first };
        for (class, next) in [
            (FailureClass::Recipient, Next::Fail),
            (FailureClass::Message, Next::Fail),
            (FailureClass::Modem, other(FIRST_MODEM_PAUSE)),
            (FailureClass::Card, other(FIRST_MODEM_PAUSE)),
            (FailureClass::Sim, other(FIRST_SIM_PAUSE)),
        ] {
            assert_eq!(after_failure(class, 0, NOW + LONGEST_PAUSE, NOW), next);
            assert_eq!(after_failure(class, 0, NOW, NOW), Next::Fail);
        }
    }

    #[test]
    fn the_same_modem_tries_again_after_a_pause() {
        let pauses = |class| {
            [0, 1, 2, 5, 6, u32::MAX].map(|failures| {
                match after_failure(class, failures, NOW + Duration::from_secs(3600), NOW) {
                    Next::OtherModem { again } => again.since(NOW).as_secs(),
                    other => panic!("{other:?}"),
                }
            })
        };
        assert_eq!(pauses(FailureClass::Modem), [2, 4, 8, 64, 120, 120]);
        assert_eq!(pauses(FailureClass::Sim), [10, 60, 360, 900, 900, 900]);
        let of_a_code = after_failure(FailureClass::Sim, 5, NOW + Duration::from_secs(300), NOW);
        assert_eq!(of_a_code, Next::OtherModem { again: NOW + Duration::from_secs(100) });
    }

    #[test]
    fn no_try_is_planned_for_the_deadline_or_later() {
        let one = Duration::from_secs(1);
        assert_eq!(after_failure(FailureClass::Network, 0, NOW + one, NOW), Next::Fail);
        let later = NOW + one + Duration::from_millis(1);
        assert_eq!(after_failure(FailureClass::Network, 0, later, NOW), Next::RetryAt(NOW + one));
    }

    #[test]
    fn a_message_in_doubt_goes_out_once_more_and_only_in_time() {
        let deadline = NOW + DOUBT + Duration::from_millis(1);
        assert_eq!(after_doubt(InDoubtPolicy::Resend, false, NOW, deadline), Some(NOW + DOUBT));
        assert_eq!(after_doubt(InDoubtPolicy::Resend, false, NOW, NOW + DOUBT), None);
        assert_eq!(after_doubt(InDoubtPolicy::Resend, true, NOW, deadline), None);
        assert_eq!(after_doubt(InDoubtPolicy::Hold, false, NOW, deadline), None);
    }
}
