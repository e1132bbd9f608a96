//! How a modem has behaved lately, and how long its lane therefore leaves the queue to the others.
//!
//! Pure: outcomes in, rests out. Its one rule: a modem that sends is trusted again at once, and no single recipient can
//! take a SIM from the others.

use std::time::Duration;

use crate::message::FailureClass;
use crate::modem::Outcome;
use crate::phone::PhoneNumber;

/// The first rest; it doubles with each one in a row.
const FIRST_REST: Duration = Duration::from_secs(1);

/// So many troubles in a row, none of which the modem must be to blame for, are the modem's fault all the same.
const TOO_MANY: u32 = 3;

/// So many messages in a row that the network refused are worth a word, though the modem goes on.
const MANY_REFUSALS: u32 = 5;

/// So many recipients are remembered whose messages a SIM was refused.
const MOST_REMEMBERED: usize = 64;

/// What is held against a modem since it last sent something.
#[derive(Debug, Default)]
pub(super) struct Conduct {
    troubles: u32,
    rests: u32,
    refusals: u32,
    /// How many recipients the SIM was not allowed to send to.
    denials: u32,
    /// Which they were, and before something was sent to others: it tells nothing new of these.
    denied: Vec<PhoneNumber>,
}

/// For how long a modem must be left alone, and what to say of it. After it, one message shows whether all is well.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rest {
    pub(super) time: Duration,
    pub(super) cause: Cause,
    /// What is the matter, in one sentence.
    pub(super) reason: String,
}

/// What a modem is left alone for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The network refuses messages through its SIM: its contract, its credit.
    Sim,
    /// The modem says that there is something wrong with its card.
    Card,
    /// The modem refuses them.
    Modem,
    /// They are refused without a reason.
    Unexplained,
    /// They come to nothing, and it cannot be told why.
    Unclear,
}

impl Cause {
    /// The longest rest: nothing that was mended waits longer to show it. What may be the fault of recipients is tried more
    /// often than somebody who asks for codes to ever new ones of their kind can be in the way.
    const fn longest_rest(self) -> Duration {
        match self {
            Self::Modem | Self::Card | Self::Unexplained | Self::Unclear => Duration::from_secs(60),
            Self::Sim => Duration::from_secs(5),
        }
    }

    /// What is the matter, in one sentence, when the modem or the network said this.
    pub(super) fn reason(self, said: &str) -> String {
        match self {
            Self::Sim | Self::Card => format!("messages through this SIM are refused: {said}"),
            Self::Modem => format!("the modem refuses messages: {said}"),
            Self::Unexplained => format!("messages are refused: {said}"),
            Self::Unclear => format!("the modem did not get the last message through: {said}"),
        }
    }

    /// What the person who cares for the modem can do, in one sentence.
    pub(super) const fn advice(self) -> &'static str {
        match self {
            Self::Sim | Self::Card => {
                "Look at the SIM's credit and contract, or try it in a phone; a message now and then shows when it works again."
            }
            Self::Modem => "Unplug the modem and plug it in again; a message now and then shows when it works again.",
            Self::Unexplained => {
                "Look at the SIM's credit, or try it in a phone; if messages go out there, unplug the modem and plug it in again."
            }
            Self::Unclear => "Wait a minute; if it goes on, unplug the modem and plug it in again.",
        }
    }
}

impl Conduct {
    /// What the network said, when it has refused this message and many before it. To be asked once for each outcome.
    pub(super) fn refused<'a>(&mut self, outcome: &'a Outcome) -> Option<&'a str> {
        use FailureClass::{Network, Recipient, Sim};
        let Outcome::Failed { class: Network | Recipient | Sim, reason, .. } = outcome else { return None };
        self.refusals = self.refusals.saturating_add(1);
        (self.refusals >= MANY_REFUSALS).then_some(reason)
    }

    /// Whether it looks as if the network lets the SIM send to nobody: nothing was sent since it refused it for several
    /// recipients, or many times.
    pub(super) fn is_barred(&self) -> bool {
        self.denials >= TOO_MANY || (self.denials > 0 && self.refusals >= MANY_REFUSALS)
    }

    /// Takes note of what came of a message to this recipient. `Some` when the modem must be left alone.
    ///
    /// Networks say of a SIM that it may not send what they mean of one recipient only: a barred kind of number, for
    /// instance. So only what is said of several recipients in a row is held against the SIM.
    pub(super) fn after(&mut self, outcome: &Outcome, to: &PhoneNumber) -> Option<Rest> {
        let (cause, reason) = match outcome {
            Outcome::Sent { .. } => {
                let mut denied = std::mem::take(&mut self.denied);
                denied.retain(|denied| denied != to);
                *self = Self { denied, ..Self::default() };
                return None;
            }
            Outcome::Failed { class: FailureClass::Sim, of_modem: true, reason, .. } => (Cause::Card, reason),
            Outcome::Failed { class: FailureClass::Sim, reason, .. } => (Cause::Sim, reason),
            Outcome::Failed { class: FailureClass::Modem, reason, .. } => (Cause::Modem, reason),
            Outcome::Failed { class: FailureClass::Unknown, reason, .. } => (Cause::Unexplained, reason),
            Outcome::InDoubt { reason } | Outcome::NotReady { reason } => (Cause::Unclear, reason),
            // The message or the network is the reason: this says nothing about the modem.
            Outcome::Failed { .. } | Outcome::Expired => return None,
        };
        let rests =
            if cause == Cause::Sim { self.rests_after_denial(to) } else { self.rests_after_trouble(cause, outcome) };
        let time = FIRST_REST.saturating_mul(1 << rests?.min(12)).min(cause.longest_rest());
        Some(Rest { time, cause, reason: cause.reason(reason) })
    }

    /// How many rests there were before the one that this trouble is worth, if it is.
    fn rests_after_trouble(&mut self, cause: Cause, outcome: &Outcome) -> Option<u32> {
        self.troubles = self.troubles.saturating_add(1);
        let surely_the_modem =
            matches!(cause, Cause::Card | Cause::Modem) || matches!(outcome, Outcome::NotReady { .. });
        if !surely_the_modem && self.troubles < TOO_MANY {
            return None;
        }
        self.rests = self.rests.saturating_add(1);
        Some(self.rests - 1)
    }

    /// The same of the SIM's not being allowed to send to this recipient, which is worth none when it is known.
    fn rests_after_denial(&mut self, to: &PhoneNumber) -> Option<u32> {
        if self.denied.contains(to) {
            self.denials = self.denials.max(1);
            return None;
        }
        self.denied.truncate(MOST_REMEMBERED - 1);
        self.denied.insert(0, to.clone());
        self.denials = self.denials.saturating_add(1);
        self.denials.checked_sub(TOO_MANY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::MessageReference;

    fn failed(class: FailureClass) -> Outcome {
        Outcome::Failed { class, code: None, reason: String::new(), of_modem: false }
    }

    fn number(index: usize) -> PhoneNumber {
        PhoneNumber::parse(&format!("+1555123{index:04}")).unwrap()
    }

    /// The rests after these, each to a recipient of its own.
    fn rests(outcomes: impl IntoIterator<Item = Outcome>) -> Vec<u64> {
        let mut conduct = Conduct::default();
        let each = outcomes.into_iter().enumerate();
        each.map(|(to, outcome)| conduct.after(&outcome, &number(to)).map_or(0, |rest| rest.time.as_secs())).collect()
    }

    #[test]
    fn a_fault_that_is_surely_the_modems_rests_it_at_once_and_longer_each_time() {
        let faults = (0..14).map(|_| failed(FailureClass::Modem));
        assert_eq!(rests(faults), [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60, 60, 60]);
        assert_eq!(rests([Outcome::NotReady { reason: String::new() }, failed(FailureClass::Modem)]), [1, 2]);
    }

    #[test]
    fn a_sim_rests_once_it_was_refused_for_three_recipients_in_a_row() {
        let faults = (0..10).map(|_| failed(FailureClass::Sim));
        assert_eq!(rests(faults), [0, 0, 1, 2, 4, 5, 5, 5, 5, 5]);
    }

    #[test]
    fn a_card_that_the_modem_finds_wrong_rests_it_at_once() {
        let (class, of_modem) = (FailureClass::Sim, true);
        let no_card = || Outcome::Failed { class, code: None, reason: String::new(), of_modem };
        assert_eq!(rests([no_card(), no_card()]), [1, 2]);
    }

    #[test]
    fn one_recipient_refused_however_often_rests_no_sim() {
        let mut conduct = Conduct::default();
        let mut refused = |to| conduct.after(&failed(FailureClass::Sim), &number(to)).is_some();
        assert_eq!([1, 1, 1, 1, 2, 1, 2, 2].map(&mut refused), [false; 8]);
        assert!(refused(3) && !refused(1) && refused(4));
    }

    #[test]
    fn three_troubles_of_unknown_cause_in_a_row_rest_it_too() {
        let doubt = || Outcome::InDoubt { reason: String::new() };
        let unknown = || failed(FailureClass::Unknown);
        assert_eq!(rests([unknown(), doubt(), unknown(), unknown(), doubt()]), [0, 0, 1, 2, 4]);
    }

    #[test]
    fn what_may_pass_by_itself_is_tried_once_a_minute() {
        let left = (0..9).map(|_| Outcome::NotReady { reason: String::new() });
        assert_eq!(rests(left), [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn a_rest_says_why_in_words() {
        let (class, reason) = (FailureClass::Sim, "it is barred".to_owned());
        let barred = Outcome::Failed { class, code: None, reason, of_modem: false };
        let mut conduct = Conduct::default();
        let rest = (0..3).filter_map(|to| conduct.after(&barred, &number(to))).next().unwrap();
        assert_eq!(
            (rest.cause, rest.reason.as_str()),
            (Cause::Sim, "messages through this SIM are refused: it is barred")
        );
        for cause in [Cause::Sim, Cause::Card, Cause::Modem, Cause::Unexplained, Cause::Unclear] {
            assert!(cause.advice().ends_with('.'), "{cause:?}");
        }
    }

    #[test]
    fn many_refusals_in_a_row_are_worth_a_word_until_something_is_sent() {
        let mut conduct = Conduct::default();
        let mut told = |outcome: Outcome| {
            conduct.after(&outcome, &number(1));
            conduct.refused(&outcome).is_some()
        };
        let network = || failed(FailureClass::Network);
        let four = [network(), failed(FailureClass::Recipient), Outcome::Expired, network(), network()];
        assert_eq!(four.map(&mut told), [false; 5]);
        assert_eq!([network(), network()].map(&mut told), [true, true]);
        assert!(!told(Outcome::Sent { reference: MessageReference(1) }));
        assert_eq!(
            [network(), network(), network(), network(), network()].map(&mut told),
            [false, false, false, false, true]
        );
    }

    #[test]
    fn a_sim_is_barred_after_three_recipients_or_five_tries_until_it_sends_again() {
        let mut conduct = Conduct::default();
        let mut after = |recipients: &[usize], sent_to: usize| {
            let mut barred_at = None;
            for (tries, to) in (1..).zip(recipients) {
                conduct.after(&failed(FailureClass::Sim), &number(*to));
                conduct.refused(&failed(FailureClass::Sim));
                barred_at = barred_at.or(conduct.is_barred().then_some(tries));
            }
            conduct.after(&Outcome::Sent { reference: MessageReference(1) }, &number(sent_to));
            assert!(!conduct.is_barred());
            barred_at
        };
        assert_eq!(after(&[1, 2, 1, 2], 9), None);
        assert_eq!(after(&[1, 1, 1, 1, 1], 9), Some(5));
        assert_eq!(after(&[1, 2, 3, 4, 5], 9), Some(4), "1 and 2 are known");
        assert_eq!(after(&[6, 7, 8], 8), Some(3));
        assert_eq!(after(&[8, 10, 11], 9), Some(3), "something was sent to the first since");
    }

    #[test]
    fn whatever_was_sent_clears_the_modem() {
        let sent = || Outcome::Sent { reference: MessageReference(1) };
        let unknown = || failed(FailureClass::Unknown);
        assert_eq!(rests([unknown(), unknown(), sent(), unknown(), unknown(), unknown()]), [0, 0, 0, 0, 0, 1]);
        assert_eq!(rests([failed(FailureClass::Modem), sent(), failed(FailureClass::Modem)]), [1, 0, 1]);
        let sim = || failed(FailureClass::Sim);
        assert_eq!(rests([sim(), sim(), sent(), sim(), sim(), sim()]), [0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn what_lies_with_the_message_or_the_network_is_not_held_against_the_modem() {
        for class in [FailureClass::Recipient, FailureClass::Message, FailureClass::Network] {
            assert_eq!(rests((0..5).map(|_| failed(class))), [0; 5]);
        }
        assert_eq!(rests((0..5).map(|_| Outcome::Expired)), [0; 5]);
    }
}
