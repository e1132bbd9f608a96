//! Waking a modem, and coming into step with it.
//!
//! Results like `OK` do not say what they answer, and after a time-out or a restart of the daemon any number of them
//! may still be on their way. So the last question of the waking is one whose answer nothing else looks like: the
//! modem's own number.

use std::time::{Duration, Instant};

use super::command::Command;

/// The quiet after an escape, in which whatever was typed at a prompt goes away.
const QUIET: Duration = Duration::from_millis(200);
/// The quiet in which the second answer to a question that was asked twice goes by.
const SETTLE: Duration = Duration::from_millis(500);

/// How far the waking has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waking {
    step: Step,
    /// How often the present question may still be asked.
    tries: u8,
    pub(super) until: Instant,
    /// The modem's number has been heard.
    known: bool,
    /// A final result has come since the question, but no number.
    ended: bool,
    /// The question has been asked more than once.
    repeated: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Escape,
    Attention,
    Format,
    Identity,
    Settle,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Wait on.
    Wait,
    /// Write what [`Waking::command`] says, or the escape where it says nothing.
    Write,
    /// The modem is awake and in step.
    Awake,
    /// It does not answer.
    Deaf,
}

impl Waking {
    pub(super) fn new(tries: u8, now: Instant) -> Self {
        Self { step: Step::Escape, tries, until: now + QUIET, known: false, ended: false, repeated: false }
    }

    /// The line to write; `None` for an escape.
    pub(super) fn command(&self) -> Option<Command> {
        match self.step {
            Step::Escape | Step::Settle => None,
            Step::Attention => Some(Command::attention()),
            Step::Format => Some(Command::format()),
            Step::Identity => Some(Command::serial_number()),
        }
    }

    /// Whether the answer waited for is a line of digits.
    pub(super) fn wants_digits(&self) -> bool {
        self.step == Step::Identity
    }

    /// A line that is no final result. In numeric mode (`ATV0`) `0` is one.
    pub(super) fn hear(&mut self, name: &str, rest: &str, now: Instant) -> Option<Next> {
        match self.step {
            Step::Attention if name.is_empty() && rest == "0" => Some(self.answered(true, now)),
            Step::Identity if name == "+CGSN" || (name.is_empty() && has_equipment_number(rest)) => {
                self.known = true;
                Some(Next::Wait)
            }
            _ => None,
        }
    }

    /// A final result has come.
    pub(super) fn answered(&mut self, good: bool, now: Instant) -> Next {
        match self.step {
            Step::Escape | Step::Settle => Next::Wait,
            // Whatever it says, it hears.
            Step::Attention => self.go(Step::Format, now),
            Step::Format => self.go(Step::Identity, now),
            Step::Identity if self.known => self.in_step(now),
            Step::Identity if good => {
                self.ended = true;
                Next::Wait
            }
            // The first refusal may belong to what was given up; the second is a modem that does not tell its number.
            Step::Identity if self.repeated => self.in_step(now),
            Step::Identity => {
                self.repeated = true;
                self.go(Step::Identity, now)
            }
        }
    }

    /// The time is over.
    pub(super) fn timed_out(&mut self, now: Instant) -> Next {
        match self.step {
            Step::Escape => self.go(Step::Attention, now),
            Step::Settle => Next::Awake,
            // It answers, if not with anything that looks like a number.
            Step::Identity if self.ended => self.in_step(now),
            Step::Attention | Step::Format | Step::Identity => {
                self.tries = self.tries.saturating_sub(1);
                if self.tries == 0 {
                    return Next::Deaf;
                }
                self.repeated = self.step == Step::Identity;
                let step = if self.repeated { Step::Identity } else { Step::Attention };
                self.go(step, now)
            }
        }
    }

    fn in_step(&mut self, now: Instant) -> Next {
        if !self.repeated {
            return Next::Awake;
        }
        self.step = Step::Settle;
        self.until = now + SETTLE;
        Next::Wait
    }

    fn go(&mut self, step: Step, now: Instant) -> Next {
        self.step = step;
        self.until = now + self.command().map_or(QUIET, |command| command.timeout());
        Next::Write
    }
}

/// An IMEI has 15 digits, sometimes 14 or 16, and may stand in quotes or behind a word.
fn has_equipment_number(text: &str) -> bool {
    (14..=17).contains(&text.bytes().filter(u8::is_ascii_digit).count()) && text.len() <= 32
}
