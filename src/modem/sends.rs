//! How the last messages fared, as far as it tells whether the modem still sends at all.
//!
//! Pure. Some modems answer everything and hand no message to the network any more. One try without an answer says nothing,
//! nor does one message that the modem fails at however often; several in a row do.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::submission::Outcome;
use crate::ids::MessageId;
use crate::message::FailureClass;

/// So many tries in a row without an answer, or with one that blames the modem.
const TOO_MANY: u8 = 3;
/// So many failures of one message are counted: it may be the message that the modem cannot do.
const OF_ONE: usize = 2;
/// So many failures are remembered with their messages.
const MOST_REMEMBERED: usize = 32;
/// How long a modem is left alone on which everything has been tried; it doubles each time. At worst a try costs a message in
/// doubt. A site with one modem sends again this long after the cause is gone, at the latest.
const FIRST_REST: Duration = Duration::from_secs(60);
const LONGEST_REST: Duration = Duration::from_secs(600);

/// What is held against the modem since it last sent something.
#[derive(Debug, Default)]
pub(super) struct Sends {
    unanswered: u8,
    /// Whose failures were counted, the last one first.
    failed: VecDeque<MessageId>,
    rests: u32,
    until: Option<Instant>,
}

impl Sends {
    pub(super) fn note(&mut self, message: MessageId, outcome: &Outcome) {
        match outcome {
            Outcome::Sent { .. } => *self = Self::default(),
            Outcome::InDoubt { .. } | Outcome::NotReady { .. } => self.unanswered = self.unanswered.saturating_add(1),
            Outcome::Failed { class: FailureClass::Modem, .. } => self.count_failure(message),
            // The network or the card refused it: the modem does its work.
            Outcome::Failed { .. } => (self.unanswered, self.failed) = (0, VecDeque::new()),
            Outcome::Expired => {}
        }
    }

    fn count_failure(&mut self, message: MessageId) {
        if self.failed.iter().filter(|failed| **failed == message).count() < OF_ONE {
            self.unanswered = self.unanswered.saturating_add(1);
            self.failed.push_front(message);
            self.failed.truncate(MOST_REMEMBERED);
        }
    }

    /// Whether so many messages came to nothing that something must be done. Says so once for these.
    pub(super) fn are_mute(&mut self) -> bool {
        let mute = self.unanswered >= TOO_MANY;
        if mute {
            self.unanswered = 0;
        }
        mute
    }

    /// Nothing is left to be tried: the modem is left alone for a while, and longer the next time.
    pub(super) fn rest(&mut self, now: Instant) {
        let rest = FIRST_REST.saturating_mul(1 << self.rests.min(4)).min(LONGEST_REST);
        self.rests += 1;
        self.until = Some(now + rest);
        // One more message then shows whether it sends again.
        self.unanswered = TOO_MANY - 1;
    }

    /// Its port is opened anew, so somebody may have had the modem out: one more message may be tried at once.
    pub(super) fn stop_resting(&mut self) {
        self.until = None;
    }

    /// Until when the modem is left alone.
    pub(super) fn resting_until(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|until| now < *until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::MessageReference;

    fn failed(class: FailureClass) -> Outcome {
        Outcome::Failed { class, code: None, reason: String::new(), of_modem: false }
    }

    fn doubt() -> Outcome {
        Outcome::InDoubt { reason: String::new() }
    }

    #[test]
    fn only_a_row_without_a_word_from_the_network_is_held_against_the_modem() {
        for (between, mute) in [
            (doubt(), true),
            (Outcome::NotReady { reason: String::new() }, true),
            (failed(FailureClass::Modem), true),
            (failed(FailureClass::Network), false),
            (failed(FailureClass::Sim), false),
            (Outcome::Sent { reference: MessageReference(1) }, false),
            (Outcome::Expired, false),
        ] {
            let mut sends = Sends::default();
            for outcome in [doubt(), between.clone(), doubt()] {
                assert!(!sends.are_mute());
                sends.note(MessageId::generate(), &outcome);
            }
            assert_eq!(sends.are_mute(), mute, "{between:?}");
            assert!(!sends.are_mute());
        }
    }

    #[test]
    fn one_message_makes_no_modem_mute_however_often_it_fails() {
        let (mut sends, message) = (Sends::default(), MessageId::generate());
        for _ in 0..9 {
            sends.note(message, &failed(FailureClass::Modem));
            assert!(!sends.are_mute());
        }
        sends.note(MessageId::generate(), &failed(FailureClass::Modem));
        assert!(sends.are_mute());
        // Everything has been tried: only another message than these tells something new.
        sends.rest(Instant::now());
        sends.note(message, &failed(FailureClass::Modem));
        assert!(!sends.are_mute());
        sends.note(MessageId::generate(), &doubt());
        assert!(sends.are_mute());
    }

    #[test]
    fn each_rest_is_longer_and_ends_by_itself() {
        let (mut sends, mut now) = (Sends::default(), Instant::now());
        for minutes in [1, 2, 4, 8, 10, 10] {
            sends.rest(now);
            now += Duration::from_secs(minutes * 60) - Duration::from_secs(1);
            assert!(sends.resting_until(now).is_some(), "{minutes}");
            now += Duration::from_secs(1);
            assert_eq!(sends.resting_until(now), None);
            sends.note(MessageId::generate(), &doubt());
            assert!(sends.are_mute());
        }
        sends.note(MessageId::generate(), &Outcome::Sent { reference: MessageReference(1) });
        sends.rest(now);
        assert_eq!(sends.resting_until(now), Some(now + FIRST_REST));
    }
}
