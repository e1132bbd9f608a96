//! What is tried with a modem that does not do its work, in which order, and how long it is left alone in between.
//!
//! Pure: faults in, steps out, and the time is an argument.
//!
//! ```text
//! not there                       the port is tried again; power after a while, and then once a day
//! held by another, still starting the port is tried again
//! deaf: no answer, no sense       reopen, reopen, restart, USB reset, power
//! mute: answers, sends nothing    reopen, restart, USB reset, power
//! does not read its card          restart, at most once an hour
//! comes and goes                  rests, ever longer
//! ```
//!
//! Its one rule: every rung is tried a fixed number of times, and the whole climb at most once an hour.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::health::Rung;

/// The pause before a port is opened again; it doubles up to [`LONGEST_PAUSE`], and to [`LAST_PAUSE`] once every rung has
/// been tried.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
const LAST_PAUSE: Duration = Duration::from_secs(60);

/// How often a port that gives no answer is opened again before anything stronger is tried.
const REOPENINGS: u8 = 2;
/// How long a modem must have done well for what was tried before to be forgotten.
const DOES_WELL: Duration = Duration::from_secs(600);
/// The time from one climb to the next, and from one power cycle to the next.
const NEXT_CLIMB: Duration = Duration::from_secs(3600);
/// How long a port may be away before its power is cycled.
const AWAY: Duration = Duration::from_secs(300);
/// The time from one power cycle that did not bring it back to the next.
const STAYS_AWAY: Duration = Duration::from_secs(24 * 3600);
/// In this time after a stronger rung a modem comes and goes as it starts, and that is no fault.
const STARTING: Duration = Duration::from_secs(60);

/// More losses than this in [`FLAPPING_TIME`], and not a message sent between them, are a modem that comes and goes.
const MOST_LOSSES: usize = 5;
const FLAPPING_TIME: Duration = Duration::from_secs(600);
/// How long it is left alone then: the first time, the second, and so on.
const RESTS: [u64; 4] = [60, 120, 300, 600];
/// After this time without a loss, the next rest is the first again.
const QUIET: Duration = Duration::from_secs(1800);

/// So many losses during a message in [`POWER_TIME`] look like the power supply.
const BROWN_OUTS: usize = 2;
const POWER_TIME: Duration = Duration::from_secs(3600);

/// What is the matter with a modem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Its port is not there.
    Away,
    /// It cannot be used now, for no fault of its own: another program has its port, or it is still starting.
    NotNow,
    /// Its open port went away, or the modem started anew by itself; during a message, or not.
    Lost { sending: bool },
    /// Nothing that makes sense comes from it.
    Deaf,
    /// It answers, but messages do not go.
    Mute,
    /// It answers, but does not read its card.
    Card,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    /// What to try after the pause; with none, the port is opened again and nothing else.
    pub(super) rung: Option<Rung>,
    /// How long to wait first.
    pub(super) pause: Duration,
    /// The modem is left alone because it was lost so often.
    pub(super) flapped: Option<usize>,
}

/// How far up one modem is, and how it has behaved.
#[derive(Debug)]
pub(super) struct Ladder {
    /// The rungs that this modem has.
    rungs: Vec<Rung>,
    /// The last one tried, since the modem did well.
    height: Option<Rung>,
    reopened: u8,
    /// When the last climb began.
    climbed: Option<Instant>,
    cycled: Option<Instant>,
    /// When it was restarted last for its card's sake.
    restarted: Option<Instant>,
    pause: Duration,
    /// Since when it does its work.
    well: Option<Instant>,
    away: Option<Instant>,
    /// When its power was cycled last since then, unless the command failed.
    cycled_while_away: Option<Instant>,
    /// Until when it is expected to come and go.
    starting: Option<Instant>,
    losses: VecDeque<Instant>,
    rests: usize,
    brown_outs: VecDeque<Instant>,
}

impl Ladder {
    /// The ladder of a modem that has these rungs.
    pub(super) fn new(rungs: impl IntoIterator<Item = Rung>) -> Self {
        Self {
            rungs: rungs.into_iter().collect(),
            height: None,
            reopened: 0,
            climbed: None,
            cycled: None,
            restarted: None,
            pause: FIRST_PAUSE,
            well: None,
            away: None,
            cycled_while_away: None,
            starting: None,
            losses: VecDeque::new(),
            rests: 0,
            brown_outs: VecDeque::new(),
        }
    }

    /// What to do about a fault.
    pub(super) fn after(&mut self, fault: Fault, now: Instant) -> Step {
        self.forget_what_is_long_ago(now);
        self.well = None;
        if fault != Fault::Away {
            self.away = None;
            self.cycled_while_away = None;
        }
        match fault {
            Fault::Away => self.away(now),
            Fault::NotNow => self.reopen(LONGEST_PAUSE),
            Fault::Lost { sending } => self.lost(sending, now),
            Fault::Deaf if self.is_starting(now) => self.reopen(LONGEST_PAUSE),
            Fault::Deaf | Fault::Mute => self.climb(fault, now),
            Fault::Card => {
                self.restarted = Some(now);
                self.start_anew(Rung::Restart, now)
            }
        }
    }

    /// The modem does its work, as far as can be told.
    pub(super) fn ready(&mut self, now: Instant) {
        self.well.get_or_insert(now);
        self.pause = FIRST_PAUSE;
        self.away = None;
        self.cycled_while_away = None;
    }

    /// A message went out: whatever was wrong is over.
    pub(super) fn sent(&mut self) {
        self.forget_climb();
        self.losses.clear();
    }

    /// A rung turned out not to be there.
    pub(super) fn lacks(&mut self, rung: Rung) {
        self.rungs.retain(|has| *has != rung);
        self.starting = None;
    }

    /// The power was not cycled after all: one that is away need not wait a day for the next time.
    pub(super) fn cycle_failed(&mut self) {
        self.cycled_while_away = None;
    }

    /// Whether there is anything left to try with a modem that answers and sends nothing.
    pub(super) fn goes_on(&self, now: Instant) -> bool {
        self.next(Fault::Mute, now).is_some()
    }

    /// Whether a modem that does not read its card may be restarted.
    pub(super) fn may_restart(&self, now: Instant) -> bool {
        self.restarted.is_none_or(|at| now >= at + NEXT_CLIMB)
    }

    /// The modem said that its supply is too weak, or was lost during a message.
    pub(super) fn browned_out(&mut self, now: Instant) {
        self.brown_outs.push_back(now);
        if self.brown_outs.len() > BROWN_OUTS {
            self.brown_outs.pop_front();
        }
    }

    /// Whether it looks as if the modem's power supply is too weak.
    pub(super) fn looks_like_power(&self, now: Instant) -> bool {
        self.brown_outs.iter().filter(|at| now < **at + POWER_TIME).count() >= BROWN_OUTS
    }

    /// Whether the modem is expected to come and go, since it was just made to start anew.
    pub(super) fn is_starting(&self, now: Instant) -> bool {
        self.starting.is_some_and(|until| now < until)
    }

    fn forget_climb(&mut self) {
        self.height = None;
        self.reopened = 0;
        self.climbed = None;
    }

    fn forget_what_is_long_ago(&mut self, now: Instant) {
        if self.well.is_some_and(|since| now >= since + DOES_WELL) {
            self.forget_climb();
        }
        if self.losses.back().is_none_or(|last| now >= *last + QUIET) {
            self.rests = 0;
        }
        self.losses.retain(|at| now < *at + FLAPPING_TIME);
    }

    fn away(&mut self, now: Instant) -> Step {
        let since = *self.away.get_or_insert(now);
        let again = self.cycled_while_away.is_none_or(|at| now >= at + STAYS_AWAY);
        let due = now >= since + AWAY && again && self.may_cycle(now);
        if !due {
            return self.reopen(LONGEST_PAUSE);
        }
        self.cycled_while_away = Some(now);
        self.cycled = Some(now);
        // It has not climbed: whatever else is the matter when it is back finds every other rung unused.
        self.start_anew(Rung::PowerCycle, now)
    }

    fn lost(&mut self, sending: bool, now: Instant) -> Step {
        if self.is_starting(now) {
            return self.reopen(LONGEST_PAUSE);
        }
        if sending {
            self.browned_out(now);
        }
        self.losses.push_back(now);
        let count = self.losses.len();
        if count <= MOST_LOSSES {
            return self.reopen(LONGEST_PAUSE);
        }
        self.losses.pop_front();
        let rest = RESTS[self.rests.min(RESTS.len() - 1)];
        self.rests += 1;
        Step { rung: None, pause: Duration::from_secs(rest), flapped: Some(count) }
    }

    fn climb(&mut self, fault: Fault, now: Instant) -> Step {
        match self.next(fault, now) {
            Some(rung) => self.take(rung, now),
            None => self.reopen(LAST_PAUSE),
        }
    }

    /// The next rung; `None` when all were tried and the hour is not over.
    fn next(&self, fault: Fault, now: Instant) -> Option<Rung> {
        let reopenings = if fault == Fault::Deaf { REOPENINGS } else { 1 };
        if self.height <= Some(Rung::Reopen) && self.reopened < reopenings {
            return Some(Rung::Reopen);
        }
        let above = |height: Rung| {
            let may = |rung: &Rung| *rung > height && (*rung != Rung::PowerCycle || self.may_cycle(now));
            self.rungs.iter().copied().filter(may).min()
        };
        let next = above(self.height.unwrap_or(Rung::Reopen).max(Rung::Reopen));
        let again = self.climbed.is_none_or(|climbed| now >= climbed + NEXT_CLIMB);
        next.or_else(|| again.then(|| above(Rung::Reopen)).flatten())
    }

    fn may_cycle(&self, now: Instant) -> bool {
        self.rungs.contains(&Rung::PowerCycle) && self.cycled.is_none_or(|at| now >= at + NEXT_CLIMB)
    }

    fn take(&mut self, rung: Rung, now: Instant) -> Step {
        let before = self.height.replace(rung);
        if rung == Rung::Reopen {
            self.reopened += 1;
            return Step { rung: Some(rung), ..self.reopen(LONGEST_PAUSE) };
        }
        if before <= Some(Rung::Reopen) || before >= Some(rung) {
            self.climbed = Some(now);
        }
        if rung == Rung::PowerCycle {
            self.cycled = Some(now);
        }
        self.start_anew(rung, now)
    }

    /// From now on the modem is expected to come and go, by this.
    fn start_anew(&mut self, rung: Rung, now: Instant) -> Step {
        self.starting = Some(now + STARTING);
        self.pause = FIRST_PAUSE;
        Step { rung: Some(rung), pause: FIRST_PAUSE, flapped: None }
    }

    fn reopen(&mut self, longest: Duration) -> Step {
        let pause = self.pause.min(longest);
        self.pause = (self.pause * 2).min(longest);
        Step { rung: None, pause, flapped: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Rung::{PowerCycle, Reopen, Restart, UsbReset};

    const ALL: [Rung; 3] = [Restart, UsbReset, PowerCycle];

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    /// The rungs that follow one another while the fault stays, each step taking at least a minute.
    fn climb(ladder: &mut Ladder, fault: Fault, now: &mut Instant, steps: usize) -> Vec<Option<Rung>> {
        let step = |_| {
            let step = ladder.after(fault, *now);
            *now += step.pause + seconds(61);
            step.rung
        };
        (0..steps).map(step).collect()
    }

    #[test]
    fn a_deaf_modem_meets_every_rung_in_order_and_then_waits() {
        let (mut ladder, mut now) = (Ladder::new(ALL), Instant::now());
        let rungs = climb(&mut ladder, Fault::Deaf, &mut now, 7);
        assert_eq!(rungs, [Some(Reopen), Some(Reopen), Some(Restart), Some(UsbReset), Some(PowerCycle), None, None]);
    }

    #[test]
    fn a_modem_that_does_not_read_its_card_is_restarted_once_an_hour() {
        let (mut ladder, now) = (Ladder::new(ALL), Instant::now());
        assert!(ladder.may_restart(now));
        assert_eq!(ladder.after(Fault::Card, now).rung, Some(Restart));
        assert!(!ladder.may_restart(now + seconds(3599)) && ladder.may_restart(now + seconds(3600)));
        // It has not climbed: what a deaf modem meets is not used up.
        assert_eq!(ladder.after(Fault::Deaf, now + seconds(61)).rung, Some(Reopen));
    }

    #[test]
    fn the_power_cycle_of_a_modem_that_is_away_uses_up_no_other_rung() {
        let (mut ladder, now) = (Ladder::new(ALL), Instant::now());
        assert_eq!(ladder.after(Fault::Away, now).rung, None);
        assert_eq!(ladder.after(Fault::Away, now + AWAY).rung, Some(PowerCycle));
        let mut back = now + AWAY + STARTING;
        let rungs = climb(&mut ladder, Fault::Deaf, &mut back, 5);
        assert_eq!(rungs, [Some(Reopen), Some(Reopen), Some(Restart), Some(UsbReset), None]);
    }

    #[test]
    fn a_modem_that_answers_and_sends_nothing_is_reopened_once() {
        let (mut ladder, mut now) = (Ladder::new(ALL), Instant::now());
        let rungs = climb(&mut ladder, Fault::Mute, &mut now, 5);
        assert_eq!(rungs, [Some(Reopen), Some(Restart), Some(UsbReset), Some(PowerCycle), None]);
        assert!(!ladder.goes_on(now));
        assert!(ladder.goes_on(now + NEXT_CLIMB));
    }

    #[test]
    fn rungs_that_are_not_there_are_left_out() {
        let (mut ladder, mut now) = (Ladder::new([Restart, UsbReset]), Instant::now());
        assert_eq!(climb(&mut ladder, Fault::Deaf, &mut now, 4).last(), Some(&Some(UsbReset)));
        ladder.lacks(UsbReset);
        assert_eq!(climb(&mut ladder, Fault::Deaf, &mut now, 2), [None, None]);
        let mut bare = Ladder::new([]);
        assert_eq!(climb(&mut bare, Fault::Deaf, &mut now, 4), [Some(Reopen), Some(Reopen), None, None]);
    }

    #[test]
    fn all_of_it_happens_at_most_once_an_hour_and_goes_on_for_ever() {
        let (mut ladder, mut now) = (Ladder::new(ALL), Instant::now());
        let start = now;
        let mut cycles = Vec::new();
        while now < start + seconds(24 * 3600) {
            let step = ladder.after(Fault::Deaf, now);
            assert!(step.pause <= LAST_PAUSE);
            if step.rung == Some(PowerCycle) {
                cycles.push(now);
            }
            now += step.pause + seconds(18);
        }
        assert!((20..=24).contains(&cycles.len()), "{}", cycles.len());
        assert!(cycles.windows(2).all(|pair| pair[1] >= pair[0] + NEXT_CLIMB));
    }

    #[test]
    fn what_helped_for_a_moment_leads_to_the_next_rung_and_what_helped_for_good_to_the_first() {
        let (mut ladder, mut now) = (Ladder::new(ALL), Instant::now());
        climb(&mut ladder, Fault::Deaf, &mut now, 3);
        ladder.ready(now);
        now += seconds(120);
        assert_eq!(ladder.after(Fault::Deaf, now).rung, Some(UsbReset));
        ladder.ready(now);
        now += DOES_WELL;
        assert_eq!(ladder.after(Fault::Deaf, now).rung, Some(Reopen));
        now += seconds(61);
        climb(&mut ladder, Fault::Deaf, &mut now, 2);
        ladder.sent();
        assert_eq!(climb(&mut ladder, Fault::Deaf, &mut now, 3), [Some(Reopen), Some(Reopen), Some(Restart)]);
    }

    #[test]
    fn a_modem_that_starts_is_given_time() {
        let (mut ladder, mut now) = (Ladder::new(ALL), Instant::now());
        climb(&mut ladder, Fault::Deaf, &mut now, 2);
        assert_eq!(ladder.after(Fault::Deaf, now).rung, Some(Restart));
        for fault in [Fault::Lost { sending: false }, Fault::Away, Fault::Deaf, Fault::Deaf] {
            now += seconds(14);
            assert_eq!(ladder.after(fault, now).rung, None, "{fault:?}");
        }
        now += seconds(14);
        assert_eq!(ladder.after(Fault::Deaf, now).rung, Some(UsbReset));
    }

    #[test]
    fn a_port_that_is_away_is_tried_ever_more_rarely_and_its_power_cycled_once_a_day() {
        let (mut ladder, mut now) = (Ladder::new(ALL), Instant::now());
        let mut pauses = Vec::new();
        let mut rungs = Vec::new();
        let start = now;
        while now < start + AWAY + 2 * STAYS_AWAY {
            let step = ladder.after(Fault::Away, now);
            pauses.push(step.pause);
            rungs.extend(step.rung);
            now += step.pause;
        }
        assert_eq!(pauses[..3], [250, 500, 1000].map(Duration::from_millis));
        assert!(pauses.iter().all(|pause| *pause <= LONGEST_PAUSE));
        assert_eq!(rungs, [PowerCycle; 2]);
        assert!(climb(&mut ladder, Fault::NotNow, &mut now, 100).iter().all(Option::is_none));
    }

    #[test]
    fn a_power_cycle_that_failed_is_tried_again_after_an_hour() {
        let (mut ladder, start) = (Ladder::new(ALL), Instant::now());
        ladder.after(Fault::Away, start);
        let due = start + AWAY;
        assert_eq!(ladder.after(Fault::Away, due).rung, Some(PowerCycle));
        ladder.cycle_failed();
        assert_eq!(ladder.after(Fault::Away, due + NEXT_CLIMB - seconds(1)).rung, None);
        assert_eq!(ladder.after(Fault::Away, due + NEXT_CLIMB).rung, Some(PowerCycle));
        assert_eq!(ladder.after(Fault::Away, due + 3 * NEXT_CLIMB).rung, None);
    }

    #[test]
    fn a_modem_that_comes_and_goes_is_rested_ever_longer_until_it_has_been_quiet() {
        let (mut ladder, mut now) = (Ladder::new(ALL), Instant::now());
        let mut lose = |now: &mut Instant| {
            let step = ladder.after(Fault::Lost { sending: false }, *now);
            ladder.ready(*now);
            *now += step.pause + seconds(1);
            step
        };
        let rests: Vec<u64> = (0..9).map(|_| lose(&mut now).pause.as_secs()).collect();
        assert_eq!(rests, [0, 0, 0, 0, 0, 60, 120, 300, 600]);
        now += QUIET;
        for _ in 0..5 {
            assert_eq!(lose(&mut now).flapped, None);
        }
        assert_eq!(lose(&mut now), Step { rung: None, pause: seconds(60), flapped: Some(6) });
    }

    #[test]
    fn a_modem_that_sends_in_between_may_come_and_go() {
        let (mut ladder, mut now) = (Ladder::new(ALL), Instant::now());
        for _ in 0..100 {
            ladder.ready(now);
            ladder.sent();
            assert_eq!(ladder.after(Fault::Lost { sending: false }, now).flapped, None);
            now += seconds(2);
        }
    }

    #[test]
    fn two_losses_during_messages_within_an_hour_look_like_power() {
        let (mut ladder, now) = (Ladder::new(ALL), Instant::now());
        ladder.after(Fault::Lost { sending: false }, now);
        ladder.after(Fault::Lost { sending: true }, now);
        assert!(!ladder.looks_like_power(now));
        ladder.after(Fault::Lost { sending: true }, now + POWER_TIME + seconds(1));
        assert!(!ladder.looks_like_power(now + POWER_TIME + seconds(1)));
        ladder.sent();
        ladder.browned_out(now + POWER_TIME + seconds(600));
        assert!(ladder.looks_like_power(now + POWER_TIME + seconds(600)));
        assert!(!ladder.looks_like_power(now + 3 * POWER_TIME));
    }
}
