//! How a modem has behaved lately, for how long its lane therefore leaves the queue to the others, and to whom its SIM sends
//! nothing for now.
//!
//! Pure: outcomes in, judgements out. Its one rule: a modem that sends is trusted again at once, and no single recipient can
//! take a SIM from the others.

use std::time::Duration;

use crate::clock::Moment;
use crate::message::FailureClass;
use crate::modem::Outcome;
use crate::phone::PhoneNumber;
use crate::store::Denied;

/// The first rest; it doubles with each one in a row.
const FIRST_REST: Duration = Duration::from_secs(1);

/// So many troubles in a row, none of which the modem must be to blame for, are the modem's fault all the same.
const TOO_MANY: u32 = 3;

/// So many messages in a row that the network refused are worth a word, though the modem goes on.
const MANY_REFUSALS: u32 = 5;

/// So many recipients in a row whom the network did not let a SIM send to show that it is barred; or so many tries, at two.
const BARRED_RECIPIENTS: usize = 3;
const BARRED_TRIES: u32 = 5;

/// For how long a SIM sends nothing to a recipient that the network did not let it send to just now, and when that was so
/// before as well. Another SIM may send to it at once.
const FIRST_HOLD: Duration = Duration::from_secs(10);
const NEXT_HOLD: Duration = Duration::from_secs(60);
/// So long after that the others go first.
const BEHIND: Duration = Duration::from_secs(120);
/// So long after the hold it is remembered, and of so many recipients.
const REMEMBERED: Duration = Duration::from_secs(900);
const MOST_REMEMBERED: usize = 1024;

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
    /// How often the network did not let the SIM send.
    denials: u32,
    /// The recipients it did not let the SIM send to, the last one first. Something sent to another changes nothing for them.
    denied: Vec<Denial>,
}

/// A recipient that the network did not let a SIM send to.
#[derive(Debug)]
struct Denial {
    recipient: Denied,
    times: u32,
    /// Nothing was sent to anybody since.
    is_latest: bool,
}

/// A message that was tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tried<'a> {
    pub(super) to: &'a PhoneNumber,
    pub(super) deadline: Moment,
    /// No other SIM is free to stand in for this one. Whether routes would let another is not asked.
    pub(super) is_alone: bool,
}

/// What follows from what came of a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Judgement {
    /// The modem must be left alone for a while.
    pub(super) rest: Option<Rest>,
    /// What the network said, when it has refused this message and many before it.
    pub(super) refused: Option<String>,
    /// It looks as if the network lets the SIM send to nobody: nothing was sent since it did not let it send to three
    /// recipients, or five times to two.
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
        use FailureClass::{Network, Recipient, Sim};
        let rest = self.rest_after(outcome, tried, now);
        let (refused, is_denied) = match outcome {
            Outcome::Failed { class: class @ (Network | Recipient | Sim), of_modem: false, reason, .. } => {
                self.refusals = self.refusals.saturating_add(1);
                ((self.refusals >= MANY_REFUSALS).then(|| reason.clone()), *class == Sim)
            }
            _ => (None, false),
        };
        let recipients = self.latest();
        let is_barred =
            is_denied && (recipients >= BARRED_RECIPIENTS || (recipients == 2 && self.denials >= BARRED_TRIES));
        let denials = self.denied.first().filter(|_| is_denied).map_or(0, |denial| denial.times);
        Judgement { rest, refused, is_barred, denials }
    }

    /// Whom the SIM is to send nothing to for now, or only behind others.
    pub(super) fn denied(&self, now: Moment) -> Vec<Denied> {
        let recipients = self.denied.iter().map(|denial| &denial.recipient);
        recipients.filter(|recipient| now < recipient.behind_until).cloned().collect()
    }

    /// How many recipients were denied since something was sent.
    fn latest(&self) -> usize {
        self.denied.iter().filter(|denial| denial.is_latest).count()
    }

    /// The rest that this outcome is worth, if it is.
    ///
    /// Networks say of a SIM that it may not send what they mean of one recipient only: a barred kind of number, for
    /// instance. So only what is said of several recipients in a row is held against the SIM.
    fn rest_after(&mut self, outcome: &Outcome, tried: Tried<'_>, now: Moment) -> Option<Rest> {
        let (cause, reason) = match outcome {
            Outcome::Sent { .. } => {
                self.denied.retain(|denial| denial.recipient.to != *tried.to);
                *self = Self { denied: self.take_denied(), ..Self::default() };
                return None;
            }
            Outcome::Failed { class: FailureClass::Recipient, .. } => {
                // The network has looked at the recipient, so it serves the SIM.
                (self.denied, self.denials) = (self.take_denied(), 0);
                return None;
            }
            Outcome::Failed { class: FailureClass::Card, reason, .. } => (Cause::Card, reason),
            Outcome::Failed { class: FailureClass::Sim, reason, .. } => (Cause::Sim, reason),
            Outcome::Failed { class: FailureClass::Modem, reason, .. } => (Cause::Modem, reason),
            Outcome::Failed { class: FailureClass::Unknown, reason, .. } => (Cause::Unexplained, reason),
            Outcome::InDoubt { reason } | Outcome::NotReady { reason } => (Cause::Unclear, reason),
            // The message or the network is the reason: this says nothing about the modem.
            Outcome::Failed { .. } | Outcome::Expired => return None,
        };
        let rests = if cause == Cause::Sim {
            self.rests_after_denial(tried, now)
        } else {
            self.rests_after_trouble(cause, outcome)
        };
        let longest = match (cause, tried.is_alone) {
            (Cause::Sim, true) => LONGEST_SIM_REST_ALONE,
            (Cause::Sim, false) => LONGEST_SIM_REST,
            _ => LONGEST_REST,
        };
        let time = FIRST_REST.saturating_mul(1 << rests?.min(12)).min(longest);
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

    /// The same of the SIM's not being allowed to send to this recipient. It is worth none when that is known: the recipient
    /// is held then, and nobody else.
    fn rests_after_denial(&mut self, Tried { to, deadline, .. }: Tried<'_>, now: Moment) -> Option<u32> {
        self.denials = self.denials.saturating_add(1);
        self.denied.retain(|denial| now < denial.recipient.held_until + REMEMBERED);
        let known = self.denied.iter().position(|denial| denial.recipient.to == *to);
        let times = known.map_or(0, |known| self.denied.remove(known).times);
        // As with the message's own pause, about a third of what is left of it at most.
        let longest = (deadline.since(now) / 3).clamp(FIRST_HOLD, NEXT_HOLD);
        let held_until = now + if known.is_some() { longest } else { FIRST_HOLD };
        self.denied.truncate(MOST_REMEMBERED - 1);
        let recipient = Denied { to: to.clone(), held_until, behind_until: held_until + BEHIND };
        self.denied.insert(0, Denial { recipient, times: times.saturating_add(1), is_latest: true });
        if known.is_some() {
            return None;
        }
        if self.latest() < BARRED_RECIPIENTS {
            return None;
        }
        self.rests = self.rests.saturating_add(1);
        Some(self.rests - 1)
    }

    /// Those who were denied, of whom none was since something was sent.
    fn take_denied(&mut self) -> Vec<Denial> {
        let mut denied = std::mem::take(&mut self.denied);
        denied.iter_mut().for_each(|denial| denial.is_latest = false);
        denied
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
        let tried = Tried { to: &number(to), deadline: now + Duration::from_secs(3600), is_alone: true };
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
            let tried = Tried { to: &number(to), deadline: now() + Duration::from_secs(3600), is_alone };
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
    fn one_recipient_refused_however_often_rests_no_sim() {
        let mut conduct = Conduct::default();
        let mut refused = |to| note(&mut conduct, &failed(FailureClass::Sim), to, now()).rest.is_some();
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
        assert_eq!(conduct.denied(now()), []);
    }

    #[test]
    fn a_sim_is_barred_after_three_recipients_or_five_tries_at_two_until_it_sends_again() {
        let mut conduct = Conduct::default();
        let mut after = |recipients: &[usize], sent_to: usize| {
            let mut barred_at = None;
            for (tries, to) in (1..).zip(recipients) {
                let is_barred = note(&mut conduct, &failed(FailureClass::Sim), *to, now()).is_barred;
                barred_at = barred_at.or(is_barred.then_some(tries));
            }
            note(&mut conduct, &Outcome::Sent { reference: MessageReference(1) }, sent_to, now());
            barred_at
        };
        assert_eq!(after(&[1, 2, 1, 2], 9), None);
        assert_eq!(after(&[1, 1, 1, 1, 1, 1], 9), None, "one recipient may be the reason");
        assert_eq!(after(&[1, 2, 1, 2, 1], 9), Some(5));
        assert_eq!(after(&[1, 2, 3], 9), Some(3));
        assert_eq!(after(&[6, 7, 8], 8), Some(3));
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
    fn a_recipient_that_is_denied_is_held_until_something_is_sent_to_it_or_it_is_long_ago() {
        let (mut conduct, mut now) = (Conduct::default(), now());
        let sent = || Outcome::Sent { reference: MessageReference(1) };
        // For how long, and how often it was denied in a row.
        let held = |conduct: &mut Conduct, now: Moment, left: u64| {
            let tried = Tried { to: &number(1), deadline: now + Duration::from_secs(left), is_alone: true };
            let denials = conduct.note(&failed(FailureClass::Sim), tried, now).denials;
            let [Denied { to, held_until, behind_until }] = &conduct.denied(now)[..] else { panic!("{conduct:?}") };
            assert_eq!((to, conduct.denied(*behind_until)), (&number(1), Vec::new()));
            assert_eq!(behind_until.since(*held_until), BEHIND);
            (held_until.since(now).as_secs(), denials)
        };
        for (left, expected) in [(300, (10, 1)), (290, (60, 2)), (120, (40, 3)), (20, (10, 4))] {
            assert_eq!(held(&mut conduct, now, left), expected);
            now = now + NEXT_HOLD;
            note(&mut conduct, &sent(), 2, now);
        }
        note(&mut conduct, &sent(), 1, now);
        assert_eq!(held(&mut conduct, now, 3600), (10, 1));
        assert_eq!(held(&mut conduct, now + REMEMBERED, 3600), (60, 2));
        assert_eq!(held(&mut conduct, now + REMEMBERED + NEXT_HOLD + REMEMBERED, 3600), (10, 1));
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
