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
/// One that blames the SIM counts for so many of them, once for each recipient.
const SIM_REFUSAL: u32 = 2;

/// So many recipients are remembered whose messages a SIM was refused.
const MOST_REMEMBERED: usize = 64;

/// What is held against a modem since it last sent something.
#[derive(Debug, Default)]
pub(super) struct Conduct {
    troubles: u32,
    rests: u32,
    refusals: u32,
    /// To how many recipients that it was not known of the SIM was not allowed to send.
    denials: u32,
    /// To whom the SIM was not allowed to send. Kept when something is sent: it tells nothing new of these.
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
    /// The longest rest. What a person must mend is tried rarely, what may pass by itself once a minute. What may be the
    /// fault of recipients is tried more often than somebody who asks for codes to ever new ones of their kind can be in
    /// the way.
    const fn longest_rest(self) -> Duration {
        match self {
            Self::Modem => Duration::from_secs(3600),
            Self::Card | Self::Unexplained | Self::Unclear => Duration::from_secs(60),
            Self::Sim => Duration::from_secs(5),
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
    /// What the network said, when it has refused this message and many before it. To be asked once for each outcome, before
    /// [`Conduct::after`].
    pub(super) fn refused<'a>(&mut self, outcome: &'a Outcome, to: &PhoneNumber) -> Option<&'a str> {
        let Outcome::Failed { class, reason, .. } = outcome else { return None };
        self.refusals = self.refusals.saturating_add(match class {
            FailureClass::Network | FailureClass::Recipient => 1,
            FailureClass::Sim if self.denied.contains(to) => 0,
            FailureClass::Sim => SIM_REFUSAL,
            _ => return None,
        });
        (self.refusals >= MANY_REFUSALS).then_some(reason)
    }

    /// Takes note of what came of a message to this recipient. `Some` when the modem must be left alone.
    ///
    /// Networks say of a SIM that it may not send what they mean of one recipient only: a barred kind of number, for
    /// instance. So only what is said of several recipients in a row is held against the SIM.
    pub(super) fn after(&mut self, outcome: &Outcome, to: &PhoneNumber) -> Option<Rest> {
        let (cause, reason) = match outcome {
            Outcome::Sent { .. } => {
                *self = Self { denied: std::mem::take(&mut self.denied), ..Self::default() };
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
        let reason = match cause {
            Cause::Sim | Cause::Card => format!("messages through this SIM are refused: {reason}"),
            Cause::Modem => format!("the modem refuses messages: {reason}"),
            Cause::Unexplained => format!("messages are refused: {reason}"),
            Cause::Unclear => format!("the modem did not get the last message through: {reason}"),
        };
        Some(Rest { time, cause, reason })
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
        assert_eq!(rests(faults), [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600]);
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
        let mut told_of = |outcome: Outcome, to: usize| {
            let told = conduct.refused(&outcome, &number(to)).is_some();
            conduct.after(&outcome, &number(to));
            told
        };
        let mut told = |outcome| told_of(outcome, 1);
        let network = || failed(FailureClass::Network);
        let four = [network(), failed(FailureClass::Recipient), Outcome::Expired, network(), network()];
        assert_eq!(four.map(&mut told), [false; 5]);
        assert_eq!([network(), network()].map(&mut told), [true, true]);
        assert!(!told(Outcome::Sent { reference: MessageReference(1) }));
        assert_eq!(
            [network(), network(), network(), network(), network()].map(&mut told),
            [false, false, false, false, true]
        );
        assert!(!told(Outcome::Sent { reference: MessageReference(2) }));
        let denied = || failed(FailureClass::Sim);
        assert_eq!([1, 1, 1, 2, 1, 3].map(|to| told_of(denied(), to)), [false, false, false, false, false, true]);
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
