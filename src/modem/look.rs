//! When a modem is asked again how it stands.
//!
//! Pure: hints in, times out.
//!
//! Its one rule: what a modem says while it is asked has it asked once more at once, and after that with a pause. Some say
//! such things because they are asked.

use std::time::{Duration, Instant};

/// How often a modem that cannot send, or has no room for reports, is asked how it stands: some do not tell by themselves.
const OTHERWISE: Duration = Duration::from_secs(30);
/// How often one with which all is well is asked for its signal and its network's name, which none tells by itself.
const WHILE_WELL: Duration = Duration::from_secs(300);

/// When the modem was asked last, and what speaks for asking it again.
#[derive(Debug)]
pub(super) struct Look {
    last: Instant,
    /// Something has changed that the modem should be asked about.
    wanted: bool,
    /// What speaks for it was said during the last look, and during the one before it as well: there is a pause before it is
    /// acted on.
    put_off: bool,
    /// Something spoke for the next look while the last one went on.
    was_wanted_meanwhile: bool,
}

impl Look {
    pub(super) fn new(now: Instant) -> Self {
        Self { last: now, wanted: false, put_off: false, was_wanted_meanwhile: false }
    }

    /// Something has changed that the modem should be asked about now.
    pub(super) fn want(&mut self) {
        self.wanted = true;
        self.put_off = false;
    }

    /// It is being asked from now on.
    pub(super) fn begin(&mut self, now: Instant) {
        (self.wanted, self.put_off) = (false, false);
        self.was_asked(now);
    }

    /// It has just been asked everything.
    pub(super) fn was_asked(&mut self, now: Instant) {
        self.last = now;
    }

    /// It has been asked; what it said meanwhile is acted on.
    pub(super) fn end(&mut self) {
        self.put_off = self.wanted && self.was_wanted_meanwhile;
        self.was_wanted_meanwhile = self.wanted;
    }

    /// When it is to be asked again.
    pub(super) fn due(&self, is_well: bool) -> Instant {
        match (self.wanted, self.put_off) {
            (true, false) => self.last,
            (false, _) if is_well => self.last + WHILE_WELL,
            _ => self.last + OTHERWISE,
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
        look.want();
        assert_eq!((look.due(true), look.due(false)), (now, now));
        look.begin(now + seconds(1));
        look.end();
        assert_eq!((look.due(true), look.due(false)), (now + seconds(301), now + seconds(31)));
    }

    #[test]
    fn what_is_said_during_each_look_has_the_modem_asked_once_at_once_and_then_with_pauses() {
        let mut now = Instant::now();
        let mut look = Look::new(now);
        for pause in [0, 30, 30, 30] {
            look.begin(now);
            look.want();
            look.end();
            assert_eq!((look.due(true), look.due(false)), (now + seconds(pause), now + seconds(pause)));
            now += seconds(pause);
        }
        // What it says while it is not asked is no answer.
        look.want();
        assert_eq!(look.due(true), now - seconds(30));
        look.begin(now);
        look.end();
        assert_eq!(look.due(true), now + seconds(300));
        look.begin(now);
        look.want();
        look.end();
        assert_eq!(look.due(true), now, "a look in which nothing was said ends the row");
    }
}
