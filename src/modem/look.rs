//! When a modem is asked again how it stands.
//!
//! Pure: hints in, times out.
//!
//! Its one rule: what a modem says while it is asked, or right after, has it asked once more at once, and after that with a
//! pause. Some say such things because they are asked.

use std::time::{Duration, Instant};

/// How often a modem that cannot send, or has no room for reports, is asked how it stands: some do not tell by themselves.
const OTHERWISE: Duration = Duration::from_secs(30);
/// How often one with which all is well is asked for its signal and its network's name, which none tells by itself.
const WHILE_WELL: Duration = Duration::from_secs(300);

/// What is said so shortly after the last answer may have been said because of it.
const ECHO: Duration = Duration::from_secs(1);

/// When the modem was asked last, and what speaks for asking it again.
#[derive(Debug)]
pub(super) struct Look {
    last: Instant,
    /// Until when it was asked last; `None` while it is being asked.
    asked_until: Option<Instant>,
    /// Something has changed that the modem should be asked about.
    wanted: bool,
    /// What speaks for it was said while it was asked, or right after.
    is_echo: bool,
    /// So it was with the look before.
    was_echo: bool,
}

impl Look {
    pub(super) fn new(now: Instant) -> Self {
        // It was not asked yet, so nothing is an answer.
        let long_ago = now.checked_sub(ECHO).unwrap_or(now);
        Self { last: now, asked_until: Some(long_ago), wanted: false, is_echo: false, was_echo: false }
    }

    /// Something has changed that the modem should be asked about now.
    pub(super) fn want(&mut self) {
        (self.wanted, self.is_echo) = (true, false);
    }

    /// The modem says something that it should be asked about.
    pub(super) fn hint(&mut self, now: Instant) {
        let may_be_echo = self.asked_until.is_none_or(|until| now < until + ECHO);
        self.is_echo = may_be_echo && (self.is_echo || !self.wanted);
        self.wanted = true;
    }

    /// It is being asked from now on.
    pub(super) fn begin(&mut self, now: Instant) {
        self.was_echo = self.is_echo;
        (self.wanted, self.is_echo, self.asked_until) = (false, false, None);
        self.was_asked(now);
    }

    /// It has just been asked everything.
    pub(super) fn was_asked(&mut self, now: Instant) {
        self.last = now;
    }

    /// It has been asked; what it said meanwhile is acted on.
    pub(super) fn end(&mut self, now: Instant) {
        self.asked_until = Some(now);
    }

    /// When it is to be asked again.
    pub(super) fn due(&self, is_well: bool) -> Instant {
        match self.wanted {
            true if self.is_echo && self.was_echo => self.last + OTHERWISE,
            true => self.last,
            false if is_well => self.last + WHILE_WELL,
            false => self.last + OTHERWISE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn a_modem_is_asked_now_and_then_and_at_once_when_something_has_changed() {
        let now = Instant::now();
        let mut look = Look::new(now);
        assert_eq!((look.due(true), look.due(false)), (now + seconds(300), now + seconds(30)));
        look.hint(now + seconds(1));
        assert_eq!((look.due(true), look.due(false)), (now, now));
        look.begin(now + seconds(1));
        look.end(now + seconds(1));
        assert_eq!((look.due(true), look.due(false)), (now + seconds(301), now + seconds(31)));
    }

    #[test]
    fn what_is_said_before_the_first_look_is_no_answer() {
        let now = Instant::now();
        let mut look = Look::new(now);
        look.hint(now);
        look.begin(now);
        look.hint(now);
        look.end(now);
        assert_eq!(look.due(true), now);
    }

    #[test]
    fn what_is_said_right_after_the_last_answer_counts_as_said_during_the_look() {
        let now = Instant::now();
        let mut look = Look::new(now);
        for (until, due) in [(0, 0), (0, 30), (1, 0)] {
            look.begin(now);
            look.end(now);
            look.hint(now + seconds(until));
            assert_eq!(look.due(true), now + seconds(due));
        }
    }

    #[test]
    fn what_is_said_during_each_look_has_the_modem_asked_once_at_once_and_then_with_pauses() {
        let mut now = Instant::now();
        let mut look = Look::new(now);
        for pause in [0, 30, 30, 30] {
            look.begin(now);
            look.hint(now);
            look.end(now);
            assert_eq!((look.due(true), look.due(false)), (now + seconds(pause), now + seconds(pause)));
            now += seconds(pause);
        }
        // What it says while it is not asked is no answer, nor is what was found out about it otherwise.
        look.hint(now);
        assert_eq!(look.due(true), now - seconds(30));
        look.begin(now);
        look.hint(now);
        look.end(now);
        look.want();
        assert_eq!(look.due(true), now);
        look.begin(now);
        look.end(now);
        assert_eq!(look.due(true), now + seconds(300));
        look.begin(now);
        look.hint(now);
        look.end(now);
        assert_eq!(look.due(true), now, "a look in which nothing was said ends the row");
    }
}
