//! How a modem has behaved lately, and how long its lane therefore leaves the queue to the others.
//!
//! Pure: outcomes in, rests out. Its one rule: a modem that sends is trusted again at once.

use std::time::Duration;

use crate::message::FailureClass;
use crate::modem::Outcome;

/// The first rest; it doubles with each one in a row, up to [`LONGEST_REST`].
const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(60);

/// So many troubles in a row, none of which the modem must be to blame for, are the modem's fault all the same.
const TOO_MANY: u32 = 3;

/// What is held against a modem since it last sent something.
#[derive(Debug, Default)]
pub(super) struct Conduct {
    troubles: u32,
    rests: u32,
}

impl Conduct {
    /// Takes note of an outcome. `Some` is how long the modem must be left alone.
    pub(super) fn after(&mut self, outcome: &Outcome) -> Option<Duration> {
        let must_be_the_modem = match outcome {
            Outcome::Sent { .. } => {
                *self = Self::default();
                return None;
            }
            Outcome::NotReady { .. } => true,
            Outcome::Failed { class: FailureClass::Modem | FailureClass::Sim, .. } => true,
            Outcome::Failed { class: FailureClass::Unknown, .. } | Outcome::InDoubt { .. } => false,
            // The message or the network is the reason: this says nothing about the modem.
            Outcome::Failed { .. } | Outcome::Expired => return None,
        };
        self.troubles = self.troubles.saturating_add(1);
        if !must_be_the_modem && self.troubles < TOO_MANY {
            return None;
        }
        let rest = FIRST_REST.saturating_mul(1 << self.rests.min(6)).min(LONGEST_REST);
        self.rests = self.rests.saturating_add(1);
        Some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::MessageReference;

    fn failed(class: FailureClass) -> Outcome {
        Outcome::Failed { class, code: None, reason: String::new() }
    }

    fn rests(outcomes: impl IntoIterator<Item = Outcome>) -> Vec<u64> {
        let mut conduct = Conduct::default();
        outcomes.into_iter().map(|outcome| conduct.after(&outcome).map_or(0, |rest| rest.as_secs())).collect()
    }

    #[test]
    fn a_fault_that_is_surely_the_modems_rests_it_at_once_and_longer_each_time() {
        let faults = (0..8).map(|_| failed(FailureClass::Sim));
        assert_eq!(rests(faults), [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(rests([Outcome::NotReady { reason: String::new() }, failed(FailureClass::Modem)]), [1, 2]);
    }

    #[test]
    fn three_troubles_of_unknown_cause_in_a_row_rest_it_too() {
        let doubt = || Outcome::InDoubt { reason: String::new() };
        let unknown = || failed(FailureClass::Unknown);
        assert_eq!(rests([unknown(), doubt(), unknown(), unknown(), doubt()]), [0, 0, 1, 2, 4]);
    }

    #[test]
    fn whatever_was_sent_clears_the_modem() {
        let sent = || Outcome::Sent { reference: MessageReference(1) };
        let unknown = || failed(FailureClass::Unknown);
        assert_eq!(rests([unknown(), unknown(), sent(), unknown(), unknown(), unknown()]), [0, 0, 0, 0, 0, 1]);
        assert_eq!(rests([failed(FailureClass::Sim), sent(), failed(FailureClass::Sim)]), [1, 0, 1]);
    }

    #[test]
    fn what_lies_with_the_message_or_the_network_is_not_held_against_the_modem() {
        for class in [FailureClass::Recipient, FailureClass::Message, FailureClass::Network] {
            assert_eq!(rests((0..5).map(|_| failed(class))), [0; 5]);
        }
        assert_eq!(rests((0..5).map(|_| Outcome::Expired)), [0; 5]);
    }
}
