//! How the last messages fared, as far as it tells whether the modem still sends at all.
//!
//! Pure. Some modems answer everything and hand no message to the network any more. One try without an answer says nothing;
//! several in a row do.

use std::time::{Duration, Instant};

use super::submission::Outcome;
use crate::ids::MessageId;
use crate::message::FailureClass;

/// So many tries in a row without an answer, or with one that blames the modem.
const TOO_MANY: u8 = 3;
/// How long a modem is left alone on which everything has been tried; it doubles each time. At worst a try costs a message in
/// doubt. A site with one modem sends again this long after the cause is gone, at the latest.
const FIRST_REST: Duration = Duration::from_secs(60);
const LONGEST_REST: Duration = Duration::from_secs(600);

/// What is held against the modem since it last sent something.
#[derive(Debug, Default)]
pub(super) struct Sends {
    /// How many tries in a row came to nothing, in silence or with an answer that blames the modem.
    fruitless: u8,
    /// The message that the last of these tries was at, and whether all were at this one and answered.
    message: Option<MessageId>,
    all_of_one: bool,
    rests: u32,
    until: Option<Instant>,
}

impl Sends {
    pub(super) fn note(&mut self, message: MessageId, outcome: &Outcome) {
        match outcome {
            Outcome::Sent { .. } => *self = Self::default(),
            Outcome::InDoubt { .. } | Outcome::NotReady { .. } => self.count(message, false),
            Outcome::Failed { class: FailureClass::Modem, .. } => self.count(message, true),
            // The network or the card refused it: the modem does its work.
            Outcome::Failed { .. } => (self.fruitless, self.message) = (0, None),
            Outcome::Expired => {}
        }
    }

    /// One more came to nothing. Silence is the modem's; what it answers it may answer to this message alone.
    fn count(&mut self, message: MessageId, answers: bool) {
        self.fruitless = self.fruitless.saturating_add(1);
        let before = self.message.replace(message);
        self.all_of_one = answers && before.is_none_or(|before| before == message && self.all_of_one);
    }

    /// Whether so many messages came to nothing that something must be done. Says so once for these.
    pub(super) fn are_mute(&mut self) -> bool {
        let mute = self.fruitless >= TOO_MANY;
        if mute {
            self.fruitless = 0;
        }
        mute
    }

    /// Nothing is left to be tried: the modem is left alone for a while, and longer the next time. Not when it answered and it
    /// was always one message: it may be this that the modem cannot do, and another must not wait for it.
    pub(super) fn leave_alone(&mut self, now: Instant) {
        if self.all_of_one {
            return;
        }
        let rest = FIRST_REST.saturating_mul(1 << self.rests.min(4)).min(LONGEST_REST);
        self.rests += 1;
        self.until = Some(now + rest);
        // One more message then shows whether it sends again.
        self.fruitless = TOO_MANY - 1;
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
    fn for_one_message_no_modem_is_left_alone_however_often_it_fails() {
        let (mut sends, message, now) = (Sends::default(), MessageId::generate(), Instant::now());
        for _ in 0..4 {
            for _ in 0..3 {
                assert!(!sends.are_mute());
                sends.note(message, &failed(FailureClass::Modem));
            }
            assert!(sends.are_mute(), "something is done about it all the same");
            sends.leave_alone(now);
            assert_eq!(sends.resting_until(now), None);
        }
        for message in [message, MessageId::generate(), message] {
            sends.note(message, &failed(FailureClass::Modem));
        }
        sends.leave_alone(now);
        assert_eq!(sends.resting_until(now), Some(now + FIRST_REST));
    }

    #[test]
    fn each_rest_is_longer_and_ends_by_itself() {
        let (mut sends, mut now) = (Sends::default(), Instant::now());
        sends.note(MessageId::generate(), &doubt());
        sends.note(MessageId::generate(), &doubt());
        for minutes in [1, 2, 4, 8, 10, 10] {
            sends.leave_alone(now);
            now += Duration::from_secs(minutes * 60) - Duration::from_secs(1);
            assert!(sends.resting_until(now).is_some(), "{minutes}");
            now += Duration::from_secs(1);
            assert_eq!(sends.resting_until(now), None);
            sends.note(MessageId::generate(), &doubt());
            assert!(sends.are_mute());
        }
        sends.note(MessageId::generate(), &Outcome::Sent { reference: MessageReference(1) });
        sends.note(MessageId::generate(), &doubt());
        sends.note(MessageId::generate(), &doubt());
        sends.leave_alone(now);
        assert_eq!(sends.resting_until(now), Some(now + FIRST_REST));
    }
}
