//! How a modem has behaved lately, and for how long its lane therefore leaves the queue to the others.
//!
//! Pure: outcomes in, judgements out. Its one rule: a modem that sends is trusted again at once.

use std::time::Duration;

use super::denials::{Denials, Noted};
use crate::clock::Moment;
use crate::message::FailureClass;
use crate::modem::Outcome;
use crate::phone::PhoneNumber;

/// The first rest; it doubles with each one in a row.
const FIRST_REST: Duration = Duration::from_secs(1);

/// So many troubles in a row, none of which the modem must be to blame for, are the modem's fault all the same.
const TOO_MANY: u32 = 3;

/// So many messages in a row that the network refused are worth a word, though the modem goes on.
const MANY_REFUSALS: u32 = 5;

/// The longest rest: after it a message shows whether the modem was mended.
const LONGEST_REST: Duration = Duration::from_secs(60);
/// The longest when the recipients may be the reason, of a SIM beside others and of one alone: somebody who asks for codes to
/// one barred number after the other must not keep the others waiting.
const LONGEST_SIM_REST: Duration = Duration::from_secs(15);
const LONGEST_SIM_REST_ALONE: Duration = Duration::from_secs(3);

/// What is held against a modem since it last sent something, and whom its SIM may not send to.
#[derive(Debug, Default)]
pub(super) struct Conduct {
    troubles: u32,
    rests: u32,
    refusals: u32,
    pub(super) denials: Denials,
}

/// A message that was tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tried<'a> {
    pub(super) to: &'a PhoneNumber,
    /// No other SIM is free to stand in for this one. Whether routes would let another is not asked.
    pub(super) is_alone: bool,
}

/// What follows from what came of a message.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Judgement {
    /// The modem must be left alone for a while.
    pub(super) rest: Option<Rest>,
    /// What the network said, when it has refused this message and many before it.
    pub(super) refused: Option<String>,
    /// It looks as if the network lets the SIM send to nobody.
    pub(super) is_barred: bool,
    /// How often in a row the network did not let the SIM send to this recipient.
    pub(super) denials: u32,
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
    /// Takes note of what came of a message.
    pub(super) fn note(&mut self, outcome: &Outcome, tried: Tried<'_>, now: Moment) -> Judgement {
        match outcome {
            Outcome::Sent { .. } => {
                *self = Self { denials: std::mem::take(&mut self.denials), ..Self::default() };
                self.denials.sent_to(tried.to);
                Judgement::default()
            }
            Outcome::Failed { class: FailureClass::Sim, reason, .. } => self.denied(reason, tried, now),
            Outcome::Failed { class: FailureClass::Recipient, reason, .. } => {
                self.denials.served();
                self.refused(reason)
            }
            Outcome::Failed { class: FailureClass::Network, reason, of_modem: false, .. } => self.refused(reason),
            Outcome::Failed { class: FailureClass::Card, reason, .. } => self.trouble(Cause::Card, reason, true),
            Outcome::Failed { class: FailureClass::Modem, reason, .. } => self.trouble(Cause::Modem, reason, true),
            Outcome::Failed { class: FailureClass::Unknown, reason, .. } => {
                self.trouble(Cause::Unexplained, reason, false)
            }
            Outcome::NotReady { reason } => self.trouble(Cause::Unclear, reason, true),
            Outcome::InDoubt { reason } => self.trouble(Cause::Unclear, reason, false),
            // The message is the reason, or that there is no network: this says nothing about the modem.
            Outcome::Failed { class: FailureClass::Message | FailureClass::Network, .. } | Outcome::Expired => {
                Judgement::default()
            }
        }
    }

    /// The network did not let the SIM send it.
    fn denied(&mut self, reason: &str, tried: Tried<'_>, now: Moment) -> Judgement {
        let Noted { times, rests_before } = self.denials.note(tried.to, now);
        let longest = if tried.is_alone { LONGEST_SIM_REST_ALONE } else { LONGEST_SIM_REST };
        let rest = rests_before.map(|before| Rest::after(before, longest, Cause::Sim, reason));
        Judgement { rest, is_barred: self.denials.bar_sim(), denials: times, ..self.refused(reason) }
    }

    /// The network did not take it.
    fn refused(&mut self, reason: &str) -> Judgement {
        self.refusals = self.refusals.saturating_add(1);
        let refused = (self.refusals >= MANY_REFUSALS).then(|| reason.to_owned());
        Judgement { refused, ..Judgement::default() }
    }

    /// It came to nothing here, and perhaps, or surely, the modem is to blame.
    fn trouble(&mut self, cause: Cause, reason: &str, surely: bool) -> Judgement {
        self.troubles = self.troubles.saturating_add(1);
        let must_rest = surely || self.troubles >= TOO_MANY;
        let rest = must_rest.then(|| Rest::after(self.rests, LONGEST_REST, cause, reason));
        self.rests = self.rests.saturating_add(must_rest.into());
        Judgement { rest, ..Judgement::default() }
    }
}

impl Rest {
    /// One that follows so many others.
    fn after(others: u32, longest: Duration, cause: Cause, said: &str) -> Self {
        let time = FIRST_REST.saturating_mul(1 << others.min(12)).min(longest);
        Self { time, cause, reason: cause.reason(said) }
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

    fn now() -> Moment {
        Moment::from_millis(0)
    }

    /// What came of a message to this recipient, through a SIM that is alone.
    fn note(conduct: &mut Conduct, outcome: &Outcome, to: usize, now: Moment) -> Judgement {
        let tried = Tried { to: &number(to), is_alone: true };
        conduct.note(outcome, tried, now)
    }

    /// The rests after these, each to a recipient of its own.
    fn rests(outcomes: impl IntoIterator<Item = Outcome>) -> Vec<u64> {
        rests_of(outcomes, false)
    }

    fn rests_of(outcomes: impl IntoIterator<Item = Outcome>, is_alone: bool) -> Vec<u64> {
        let mut conduct = Conduct::default();
        let each = outcomes.into_iter().enumerate();
        each.map(|(to, outcome)| {
            let tried = Tried { to: &number(to), is_alone };
            conduct.note(&outcome, tried, now()).rest.map_or(0, |rest| rest.time.as_secs())
        })
        .collect()
    }

    #[test]
    fn a_fault_that_is_surely_the_modems_rests_it_at_once_and_longer_each_time() {
        let faults = (0..14).map(|_| failed(FailureClass::Modem));
        assert_eq!(rests(faults), [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60, 60, 60]);
        assert_eq!(rests([Outcome::NotReady { reason: String::new() }, failed(FailureClass::Modem)]), [1, 2]);
    }

    #[test]
    fn a_sim_rests_once_it_was_refused_for_three_recipients_in_a_row() {
        let faults = || (0..10).map(|_| failed(FailureClass::Sim));
        assert_eq!(rests(faults()), [0, 0, 1, 2, 4, 8, 15, 15, 15, 15]);
        assert_eq!(rests_of(faults(), true), [0, 0, 1, 2, 3, 3, 3, 3, 3, 3]);
    }

    #[test]
    fn a_card_that_the_modem_finds_wrong_rests_it_at_once() {
        assert_eq!(rests([failed(FailureClass::Card), failed(FailureClass::Card)]), [1, 2]);
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
        let rest = (0..3).filter_map(|to| note(&mut conduct, &barred, to, now()).rest).next().unwrap();
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
        let mut told = |outcome: Outcome| note(&mut conduct, &outcome, 1, now()).refused.is_some();
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
    fn what_the_modem_says_of_its_card_is_no_refusal_of_the_network() {
        let mut conduct = Conduct::default();
        for to in 0..9 {
            let Judgement { refused, is_barred, .. } = note(&mut conduct, &failed(FailureClass::Card), to, now());
            assert_eq!((refused, is_barred), (None, false));
        }
        assert_eq!(conduct.denials.held(now()), []);
    }

    #[test]
    fn what_else_was_refused_does_not_make_one_denial_a_barred_sim() {
        let mut conduct = Conduct::default();
        for class in [FailureClass::Network, FailureClass::Recipient, FailureClass::Network, FailureClass::Recipient] {
            note(&mut conduct, &failed(class), 1, now());
        }
        assert!(!note(&mut conduct, &failed(FailureClass::Sim), 2, now()).is_barred);
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
    fn a_network_that_looks_at_a_recipient_serves_the_sim() {
        let (sim, recipient) = (|| failed(FailureClass::Sim), failed(FailureClass::Recipient));
        assert_eq!(rests([sim(), sim(), recipient, sim(), sim(), sim()]), [0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn what_was_denied_makes_no_rest_of_the_modem_longer() {
        let denied = (0..9).map(|_| failed(FailureClass::Sim));
        assert_eq!(rests(denied.chain([failed(FailureClass::Card)])).last(), Some(&1));
    }

    #[test]
    fn what_lies_with_the_message_or_the_network_is_not_held_against_the_modem() {
        for class in [FailureClass::Recipient, FailureClass::Message, FailureClass::Network] {
            assert_eq!(rests((0..5).map(|_| failed(class))), [0; 5]);
        }
        assert_eq!(rests((0..5).map(|_| Outcome::Expired)), [0; 5]);
    }
}
