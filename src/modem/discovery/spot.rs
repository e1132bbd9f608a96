//! What is remembered of one place: how far the asking has come, and when to ask again.
//!
//! Pure: the time is an argument.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::task::AbortHandle;

use super::ports::{Identity, Seen, Sight};
use super::sites::{Site, Todo};

/// The pause before a place that told nothing is asked again; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// Firmware starts late, and programs let go of ports: this is how late that is noticed at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How often something is asked that nobody says is a modem.
const UNEXPECTED_ROUNDS: u32 = 5;
/// What may pass by itself is told of after this time.
const MAY_PASS: Duration = Duration::from_secs(30);

/// A place, and what has come of it.
pub(super) struct Spot {
    pub(super) site: Site,
    pub(super) standing: Standing,
    /// How often it has been asked in vain.
    rounds: u32,
}

/// Reason and advice, when something is the matter.
type Told = Option<(String, String)>;

/// How far the asking has come.
pub(super) enum Standing {
    /// To be asked at this time. What came of the last time is told meanwhile.
    Due(Instant, Told),
    /// It is being asked. What came of the last time is still told.
    Asking(AbortHandle, Told),
    /// A modem has answered.
    Modem { identity: Identity, model: Option<String>, port: PathBuf },
    /// A modem has answered, and then the configuration turned out to name a port of it.
    Left(Identity),
    /// Nothing is asked; why is told from this time on.
    Telling(Instant),
    /// It is no modem.
    GivenUp,
}

impl Spot {
    pub(super) fn new(site: Site, now: Instant) -> Self {
        let standing = Self::at_first(&site, now);
        Self { site, standing, rounds: 0 }
    }

    fn at_first(site: &Site, now: Instant) -> Standing {
        match &site.todo {
            Todo::Ask(_) => Standing::Due(now, None),
            Todo::Tell(trouble) => Standing::Telling(if trouble.may_pass { now + MAY_PASS } else { now }),
        }
    }

    /// Takes what another look has shown. What is the same thing as before keeps its standing.
    pub(super) fn look(&mut self, site: Site, now: Instant) {
        let same = self.site.fingerprint == site.fingerprint;
        let asks = matches!(site.todo, Todo::Ask(_));
        let was_told = matches!(self.standing, Standing::Telling(_) | Standing::GivenUp);
        let was_left = matches!(self.standing, Standing::Left(_));
        let anew = !same || was_left || asks && was_told && self.site.todo != site.todo;
        self.site = site;
        if anew {
            self.leave();
            *self = Self::new(self.site.clone(), now);
        }
    }

    /// The configuration names a port of it. Whether that must be known: a modem that was found must be let go.
    pub(super) fn leave_to_others(&mut self) -> bool {
        self.leave();
        match &self.standing {
            Standing::Modem { identity, .. } => self.standing = Standing::Left(identity.clone()),
            Standing::Left(_) => {}
            _ => return false,
        }
        true
    }

    /// Stops asking.
    pub(super) fn leave(&self) {
        if let Standing::Asking(task, _) = &self.standing {
            task.abort();
        }
    }

    /// The ports to ask now, if it is time.
    pub(super) fn due(&self, now: Instant) -> Option<&[PathBuf]> {
        match (&self.standing, &self.site.todo) {
            (Standing::Due(at, _), Todo::Ask(ports)) if *at <= now => Some(ports),
            _ => None,
        }
    }

    /// It is being asked from now on.
    pub(super) fn ask(&mut self, task: AbortHandle) {
        let told = match &mut self.standing {
            Standing::Due(_, told) => told.take(),
            _ => None,
        };
        self.standing = Standing::Asking(task, told);
    }

    /// When something is to be done or told next.
    pub(super) fn next(&self, now: Instant) -> Option<Instant> {
        match self.standing {
            Standing::Due(at, _) => Some(at),
            Standing::Telling(from) if from > now => Some(from),
            _ => None,
        }
    }

    /// Nobody answered.
    pub(super) fn silent(&mut self, now: Instant) {
        if !self.site.expected && self.rounds + 1 >= UNEXPECTED_ROUNDS {
            self.standing = Standing::GivenUp;
            return;
        }
        let told = self.site.expected.then(|| {
            let advice = "It may still be starting. Otherwise unplug it for ten seconds; see that its power supply is \
                          strong enough.";
            (format!("{} does not answer", self.site.what), advice.to_owned())
        });
        self.again(told, now);
    }

    /// No port opened.
    pub(super) fn closed(&mut self, reason: String, advice: String, now: Instant) {
        self.again(Some((reason, advice)), now);
    }

    fn again(&mut self, told: Told, now: Instant) {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.rounds.min(8)).min(LONGEST_PAUSE);
        self.rounds += 1;
        self.standing = Standing::Due(now + pause, told);
    }

    /// What everybody may see of it; `None` for what is none of their business.
    pub(super) fn seen(&self, now: Instant) -> Option<Seen> {
        let sight = match (&self.standing, &self.site.todo) {
            (Standing::Due(_, Some((reason, advice))) | Standing::Asking(_, Some((reason, advice))), _) => {
                Sight::Trouble { reason: reason.clone(), advice: advice.clone() }
            }
            (Standing::Due(_, None) | Standing::Asking(_, None), _) => Sight::Asking,
            (Standing::Modem { identity, model, port }, _) => {
                Sight::Modem { identity: identity.clone(), model: model.clone(), port: port.clone() }
            }
            (Standing::Left(identity), _) => Sight::Left { identity: identity.clone() },
            (Standing::Telling(from), Todo::Tell(trouble)) if *from <= now => {
                Sight::Trouble { reason: trouble.reason.clone(), advice: trouble.advice.clone() }
            }
            (Standing::Telling(_) | Standing::GivenUp, _) => return None,
        };
        Some(Seen { what: self.site.what.clone(), sight, usb: self.site.usb.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::super::choice::Trouble;
    use super::*;

    fn site(fingerprint: &str, expected: bool, todo: Todo) -> Site {
        Site {
            key: "1-1.2".to_owned(),
            fingerprint: fingerprint.to_owned(),
            what: "a modem".to_owned(),
            mark: "1-1.2".to_owned(),
            expected,
            todo,
            usb: None,
        }
    }

    fn asks(fingerprint: &str, expected: bool) -> Site {
        site(fingerprint, expected, Todo::Ask(vec!["/dev/ttyUSB2".into()]))
    }

    fn tells(may_pass: bool) -> Site {
        let trouble = Trouble { reason: "no".to_owned(), advice: "do".to_owned(), may_pass };
        site("a", true, Todo::Tell(trouble))
    }

    #[test]
    fn a_modem_that_starts_late_is_asked_again_for_ever_with_pauses_that_grow_to_a_minute() {
        let mut now = Instant::now();
        let mut spot = Spot::new(asks("a", true), now);
        let mut pauses = Vec::new();
        for _ in 0..9 {
            assert!(spot.due(now).is_some());
            spot.silent(now);
            let next = spot.next(now).unwrap();
            pauses.push((next - now).as_secs());
            assert!(spot.due(now).is_none(), "not before its time");
            assert!(matches!(spot.seen(now).unwrap().sight, Sight::Trouble { .. }));
            now = next;
        }
        assert_eq!(pauses, [2, 4, 8, 16, 32, 60, 60, 60, 60]);
    }

    #[test]
    fn what_nobody_says_is_a_modem_is_given_up_and_never_told_of() {
        let now = Instant::now();
        let mut spot = Spot::new(asks("a", false), now);
        for _ in 0..UNEXPECTED_ROUNDS {
            assert!(!spot.seen(now).is_some_and(|seen| matches!(seen.sight, Sight::Trouble { .. })));
            spot.silent(now);
        }
        assert!(spot.next(now).is_none() && spot.seen(now).is_none());
        // Until it is plugged in anew.
        spot.look(asks("b", false), now);
        assert!(spot.due(now).is_some());
    }

    #[test]
    fn what_may_pass_by_itself_is_told_of_after_half_a_minute() {
        let now = Instant::now();
        let spot = Spot::new(tells(true), now);
        assert!(spot.seen(now).is_none());
        let later = spot.next(now).unwrap();
        assert_eq!(later, now + MAY_PASS);
        assert!(spot.seen(later).is_some() && spot.next(later).is_none());
        assert!(Spot::new(tells(false), now).seen(now).is_some());
    }

    #[test]
    fn another_look_at_the_same_thing_changes_nothing_and_at_another_everything() {
        let now = Instant::now();
        let mut spot = Spot::new(asks("a", true), now);
        spot.silent(now);
        spot.look(asks("a", true), now);
        assert!(spot.due(now).is_none(), "its pause goes on");
        spot.look(asks("b", true), now);
        assert!(spot.due(now).is_some());
        let mut told = Spot::new(tells(false), now);
        told.look(asks("a", true), now);
        assert!(told.due(now).is_some(), "its ports have come");
    }
}
