//! The recipients that the network did not let a SIM send to: whom the SIM leaves alone for how long, and when they show that it
//! is barred.
//!
//! Networks say of a SIM that it may not send what they mean of one recipient only: a barred kind of number, for instance. So
//! the one rule: no single recipient can take a SIM from the others. Pure.

use std::time::Duration;

use crate::clock::Moment;
use crate::phone::PhoneNumber;
use crate::store::Denied;

/// So many recipients in a row show that a SIM is barred; or so many tries, at two.
const BARRED_RECIPIENTS: usize = 3;
const BARRED_TRIES: u32 = 5;

/// For how long a SIM sends nothing to a recipient that it was not let send to just now, and when that was so before as well.
/// Another SIM may send to it at once.
const FIRST_HOLD: Duration = Duration::from_secs(10);
const NEXT_HOLD: Duration = Duration::from_secs(60);
/// So long after the hold the others go first.
const BEHIND: Duration = Duration::from_secs(120);
/// So long after the hold it is remembered, and of so many recipients.
const REMEMBERED: Duration = Duration::from_secs(900);
const MOST_REMEMBERED: usize = 1024;

/// Whom the network did not let one SIM send to.
#[derive(Debug, Default)]
pub(super) struct Denials {
    /// How often since something was sent.
    tries: u32,
    /// For how many of them the SIM had to rest.
    rests: u32,
    /// The last one first. Something sent to another changes nothing for them.
    recipients: Vec<Denial>,
}

#[derive(Debug)]
struct Denial {
    recipient: Denied,
    times: u32,
    /// Nothing was sent to anybody since.
    is_latest: bool,
}

/// What one denial comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Noted {
    /// How often in a row the SIM was not let send to this recipient.
    pub(super) times: u32,
    /// The SIM must rest, and did so often before; `None` when it need not. It need not for a recipient that was denied
    /// before: that one is held, and nobody else.
    pub(super) rests_before: Option<u32>,
}

impl Denials {
    /// The network does not let the SIM send to this recipient.
    pub(super) fn note(&mut self, to: &PhoneNumber, now: Moment) -> Noted {
        self.tries = self.tries.saturating_add(1);
        self.recipients.retain(|Denial { recipient, .. }| now < recipient.since + recipient.hold + REMEMBERED);
        let known = self.recipients.iter().position(|denial| denial.recipient.to == *to);
        let times = known.map_or(0, |known| self.recipients.remove(known).times).saturating_add(1);
        let hold = if times > 1 { NEXT_HOLD } else { FIRST_HOLD };
        let recipient = Denied { to: to.clone(), since: now, hold, behind_until: now + hold + BEHIND };
        self.recipients.truncate(MOST_REMEMBERED - 1);
        self.recipients.insert(0, Denial { recipient, times, is_latest: true });
        let must_rest = known.is_none() && self.latest() >= BARRED_RECIPIENTS;
        self.rests = self.rests.saturating_add(must_rest.into());
        Noted { times, rests_before: must_rest.then(|| self.rests - 1) }
    }

    /// Something was sent to this recipient.
    pub(super) fn sent_to(&mut self, to: &PhoneNumber) {
        self.recipients.retain(|denial| denial.recipient.to != *to);
        self.served();
    }

    /// The network serves the SIM: it has sent something, or looked at a recipient.
    pub(super) fn served(&mut self) {
        (self.tries, self.rests) = (0, 0);
        self.recipients.iter_mut().for_each(|denial| denial.is_latest = false);
    }

    /// Whether the network served the SIM since it last denied it somebody.
    pub(super) const fn is_served(&self) -> bool {
        self.tries == 0
    }

    /// Whether it looks as if the network lets the SIM send to nobody.
    pub(super) fn bar_sim(&self) -> bool {
        let recipients = self.latest();
        recipients >= BARRED_RECIPIENTS || (recipients == 2 && self.tries >= BARRED_TRIES)
    }

    /// Whom the SIM is to send nothing to for now, or only behind others.
    pub(super) fn held(&self, now: Moment) -> Vec<Denied> {
        let recipients = self.recipients.iter().map(|denial| &denial.recipient);
        recipients.filter(|recipient| now < recipient.behind_until).cloned().collect()
    }

    /// How many recipients were denied since the network last served the SIM.
    fn latest(&self) -> usize {
        self.recipients.iter().filter(|denial| denial.is_latest).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(index: usize) -> PhoneNumber {
        PhoneNumber::parse(&format!("+1555123{index:04}")).unwrap()
    }

    const NOW: Moment = Moment::from_millis(0);

    #[test]
    fn a_sim_is_barred_after_three_recipients_or_five_tries_at_two_until_it_is_served() {
        let mut denials = Denials::default();
        let mut after = |recipients: &[usize], sent_to: usize| {
            let mut barred_at = None;
            for (tries, to) in (1..).zip(recipients) {
                denials.note(&number(*to), NOW);
                barred_at = barred_at.or(denials.bar_sim().then_some(tries));
            }
            denials.sent_to(&number(sent_to));
            barred_at
        };
        assert_eq!(after(&[1, 2, 1, 2], 9), None);
        assert_eq!(after(&[1, 1, 1, 1, 1, 1], 9), None, "one recipient may be the reason");
        assert_eq!(after(&[1, 2, 1, 2, 1], 9), Some(5));
        assert_eq!(after(&[1, 2, 3], 9), Some(3));
        assert_eq!(after(&[6, 7, 8], 8), Some(3));
    }

    #[test]
    fn one_recipient_refused_however_often_rests_no_sim() {
        let mut denials = Denials::default();
        let mut rests = |to| denials.note(&number(to), NOW).rests_before.is_some();
        assert_eq!([1, 1, 1, 1, 2, 1, 2, 2].map(&mut rests), [false; 8]);
        assert!(rests(3) && !rests(1) && rests(4));
    }

    #[test]
    fn a_recipient_is_held_until_something_is_sent_to_it_or_it_is_long_ago() {
        let (mut denials, mut now) = (Denials::default(), NOW);
        // For how long, and how often it was denied in a row.
        let held = |denials: &mut Denials, now: Moment| {
            let times = denials.note(&number(1), now).times;
            let [Denied { to, since, hold, behind_until }] = &denials.held(now)[..] else { panic!("{denials:?}") };
            assert_eq!((to, *since, denials.held(*behind_until)), (&number(1), now, Vec::new()));
            assert_eq!(*behind_until, now + *hold + BEHIND);
            (hold.as_secs(), times)
        };
        for expected in [(10, 1), (60, 2), (60, 3)] {
            assert_eq!(held(&mut denials, now), expected);
            now = now + NEXT_HOLD;
            denials.sent_to(&number(2));
        }
        denials.sent_to(&number(1));
        assert_eq!(held(&mut denials, now), (10, 1));
        assert_eq!(held(&mut denials, now + REMEMBERED), (60, 2));
        assert_eq!(held(&mut denials, now + REMEMBERED + NEXT_HOLD + REMEMBERED), (10, 1));
    }
}
