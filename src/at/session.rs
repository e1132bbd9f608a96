//! One conversation with one modem, as a state machine.
//!
//! What arrives goes in by `handle_*`; afterwards [`Session::poll_output`] is called until it has nothing more, and
//! [`Session::poll_timeout`] says when [`Session::handle_timeout`] is due. An extra call of either does no harm.
//!
//! ```text
//!            handle_wake                    handle_command              handle_send
//!                |                               |                          |
//!   ESC, AT, ATE0V1, a question only     one line, its answer      AT+CMGS, the prompt, PDU and Ctrl-Z
//!   this modem's answer can fit          its final result          in one write, +CMGS: <mr>, OK
//!                |                               |                          |
//!         Awake or Deaf                      Finished                    Settled
//! ```
//!
//! A command whose answer does not come in time leaves the two sides out of step: the answer may still come and would
//! be taken for the next one's. So the session wakes the modem again by itself before it takes another command.
//!
//! Its one rule: a message counts as not sent only while its Ctrl-Z has not been written.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::answer::Answer;
use super::command::Command;
use super::frame::Framer;
use super::manners::Manners;
use super::output::{Busy, CommandError, Delivery, Output};
use super::payload::Payload;
use super::reply::Reply;
use super::unsolicited::Announced;
use super::ussd::Unfinished;
use super::wake::{Next, Waking};

/// How often `AT` is tried on a port that has just been opened: a modem that has just been plugged in needs time, one
/// that guesses the line's speed needs several.
pub const OPENING_TRIES: u8 = 6;
/// How often `AT` is tried on a modem that has answered before.
const RECOVERY_TRIES: u8 = 3;

/// How long the prompt may take.
const PROMPT: Duration = Duration::from_secs(10);
/// Leaves the prompt and drops what was typed there (3GPP TS 27.005 §3.5.1).
pub(super) const ESCAPE: &[u8] = b"\x1b";
/// Ends the PDU and gives it to the network.
const CTRL_Z: u8 = 0x1a;

/// The conversation.
#[derive(Default)]
pub struct Session {
    pub(super) framer: Framer,
    pub(super) state: State,
    pub(super) outputs: VecDeque<Output>,
    pub(super) manners: &'static Manners,
    /// The first line of something the modem says in two.
    pub(super) announced: Option<Announced>,
    /// A text of several lines whose end has not come.
    pub(super) ussd: Option<Unfinished>,
    /// The modem is being woken after a message whose answer has not come: no other message can have one.
    pub(super) doubtful: bool,
    /// The line written last, by which its echo is known.
    pub(super) line: String,
    pub(super) echo: Echo,
    /// A line that waits for the modem's pace, and since when it may go.
    pub(super) held: Option<(Instant, Vec<u8>)>,
    /// When the last command ended.
    pub(super) ended: Option<Instant>,
}

/// What is known of the modem's echo.
#[derive(Default)]
pub(super) struct Echo {
    /// The line written last has come back.
    pub(super) heard: bool,
    /// So much of it, from its beginning, has come back as a line of its own.
    pub(super) half: usize,
    /// The modem has been told to be without, and is.
    pub(super) off: bool,
}

#[derive(Default)]
pub(super) enum State {
    /// Nobody has woken the modem, or it did not answer.
    #[default]
    Asleep,
    Waking(Waking),
    Idle,
    Running {
        answer: Answer,
        reply: Reply,
        until: Instant,
    },
    /// `AT+CMGS` is written, the prompt has not come.
    Prompting {
        payload: Payload,
        limit: Duration,
        until: Instant,
    },
    /// At the prompt, with a modem that must not be given all of it at once; Ctrl-Z is not written.
    Typing {
        payload: Payload,
        limit: Duration,
        until: Instant,
        /// The PDU is written.
        typed: bool,
    },
    /// PDU and Ctrl-Z have been handed out to be written: the point of no return.
    Answering {
        since: Instant,
        limit: Duration,
        reference: Option<u8>,
        /// An `OK` has come that may have been this message's.
        ended: bool,
    },
}

impl Session {
    /// A conversation that has not begun.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on the modem is treated as its family wants it.
    pub fn adopt(&mut self, manners: &'static Manners) {
        self.manners = manners;
    }

    /// Whether a command or a message can be given now.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    /// Whether the PDU and its Ctrl-Z have been handed out and no answer has come.
    #[must_use]
    pub fn is_past_return(&self) -> bool {
        matches!(self.state, State::Answering { .. })
    }

    /// Wakes the modem: out of a prompt that was left open, into words without echo, and into step. Ends with
    /// [`Output::Awake`] or [`Output::Deaf`]. Whatever was running is given up without a word.
    pub fn handle_wake(&mut self, tries: u8, now: Instant) {
        self.state = State::Waking(Waking::new(tries, now));
        self.doubtful = false;
        self.escape();
    }

    /// Runs a command. Ends with [`Output::Finished`].
    ///
    /// # Errors
    /// [`Busy`] unless [`Session::is_idle`].
    pub fn handle_command(&mut self, command: &Command, now: Instant) -> Result<(), Busy> {
        if !self.is_idle() {
            return Err(Busy);
        }
        let written = self.write_line(command.line(), now);
        self.state =
            State::Running { answer: command.answer(), reply: Reply::default(), until: written + command.timeout() };
        Ok(())
    }

    /// Sends a message: `length` is the number of the TPDU's octets (3GPP TS 27.005 §3.5.1), `limit` how long the
    /// network's answer may take. Ends with [`Output::Settled`].
    ///
    /// # Errors
    /// [`Busy`] unless [`Session::is_idle`].
    pub fn handle_send(&mut self, length: usize, payload: Payload, limit: Duration, now: Instant) -> Result<(), Busy> {
        if !self.is_idle() {
            return Err(Busy);
        }
        let written = self.write_line(&format!("AT+CMGS={length}"), now);
        self.state = State::Prompting { payload, limit, until: written + PROMPT };
        Ok(())
    }

    /// Changes how long the network's answer to the present message may take, counted from its Ctrl-Z.
    pub fn handle_limit(&mut self, new: Duration) {
        if let State::Prompting { limit, .. }
        | State::Typing { limit, .. }
        | State::Answering { limit, reference: None, ended: false, .. } = &mut self.state
        {
            *limit = new;
        }
    }

    /// Gives the present message up while that is possible, and leaves the prompt. Of all commands here only this one
    /// may be broken off (ITU-T V.250 §5.6.1 wants a command's own word for it), and only before its Ctrl-Z; otherwise
    /// nothing happens.
    pub fn handle_abandon(&mut self, now: Instant) {
        if matches!(self.state, State::Prompting { .. } | State::Typing { .. }) {
            self.outputs.push_back(Output::Settled(Delivery::NotSent));
            self.handle_wake(RECOVERY_TRIES, now);
        }
    }

    /// The port is gone. `unwritten` tells whether the last octet handed out never reached it. Ends what is running;
    /// the session is of no use afterwards.
    pub fn handle_lost(&mut self, unwritten: bool) {
        let ended = match std::mem::take(&mut self.state) {
            State::Running { .. } => Output::Finished(Err(CommandError::TimedOut)),
            State::Prompting { .. } | State::Typing { .. } => Output::Settled(Delivery::NotSent),
            State::Answering { .. } if unwritten => Output::Settled(Delivery::NotSent),
            State::Answering { reference, .. } => Output::Settled(unanswered(reference)),
            State::Asleep | State::Waking(_) | State::Idle => return,
        };
        self.outputs.push_back(ended);
    }

    /// Ends what has waited too long. Too early a call does nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let Some((_, octets)) = self.held.take_if(|(due, _)| now >= *due) {
            self.write(octets);
        }
        if self.state_timeout().is_none_or(|due| now < due) {
            return;
        }
        let ended = match &mut self.state {
            State::Waking(waking) => {
                let next = waking.timed_out(now);
                return self.wake_on(next, now);
            }
            State::Typing { .. } => return self.type_on(now),
            State::Running { .. } => Output::Finished(Err(CommandError::TimedOut)),
            State::Prompting { .. } => Output::Settled(Delivery::NotSent),
            // All has been said, in another order.
            State::Answering { reference: Some(reference), ended: true, .. } => {
                let sent = Output::Settled(Delivery::Sent(*reference));
                return self.end(sent);
            }
            State::Answering { reference, .. } => {
                let delivery = unanswered(*reference);
                return self.settle_and_wake(delivery, now);
            }
            State::Asleep | State::Idle => return,
        };
        self.outputs.push_back(ended);
        self.handle_wake(RECOVERY_TRIES, now);
    }

    /// The next thing to do; `None` until something else is handled.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Session::handle_timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let held = self.held.as_ref().map(|(due, _)| *due);
        self.state_timeout().into_iter().chain(held).min()
    }

    fn state_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Asleep | State::Idle => None,
            State::Waking(waking) => Some(waking.until),
            State::Running { until, .. } | State::Prompting { until, .. } | State::Typing { until, .. } => Some(*until),
            State::Answering { since, limit, .. } => Some(*since + *limit),
        }
    }
}

/// What is known of a message that was handed over when nothing more will come: with its reference it was sent, even if
/// the `OK` is missing.
fn unanswered(reference: Option<u8>) -> Delivery {
    reference.map_or(Delivery::InDoubt(None), Delivery::Sent)
}

/// What is written, and waking.
impl Session {
    pub(super) fn write(&mut self, octets: Vec<u8>) {
        self.outputs.push_back(Output::Write(octets));
    }

    /// Writes a line as soon as the modem's pace allows it; tells when that is.
    fn write_line(&mut self, line: &str, now: Instant) -> Instant {
        line.clone_into(&mut self.line);
        self.echo = Echo { off: self.echo.off, ..Echo::default() };
        // CR alone: an LF could fall into what follows.
        let octets = format!("{line}\r").into_bytes();
        let due = self.ended.map_or(now, |ended| ended + self.manners.pace).max(now);
        if due > now {
            self.held = Some((due, octets));
        } else {
            self.write(octets);
        }
        due
    }

    /// Writes the next of what is typed at the prompt.
    pub(super) fn type_on(&mut self, now: Instant) {
        let State::Typing { payload, limit, until, typed } = &mut self.state else { return };
        let limit = *limit;
        let octets = match (*typed, self.manners.gap) {
            (false, Duration::ZERO) => [payload.expose().as_bytes(), &[CTRL_Z]].concat(),
            (false, gap) => {
                (*typed, *until) = (true, now + gap);
                let octets = payload.expose().as_bytes().to_vec();
                return self.write(octets);
            }
            (true, _) => vec![CTRL_Z],
        };
        self.write(octets);
        self.state = State::Answering { since: now, limit, reference: None, ended: false };
    }

    pub(super) fn settle_and_wake(&mut self, delivery: Delivery, now: Instant) {
        self.outputs.push_back(Output::Settled(delivery));
        self.handle_wake(RECOVERY_TRIES, now);
        self.doubtful = matches!(delivery, Delivery::InDoubt(_));
    }

    pub(super) fn end(&mut self, output: Output) {
        self.state = State::Idle;
        self.outputs.push_back(output);
    }

    pub(super) fn wake_on(&mut self, next: Next, now: Instant) {
        match next {
            Next::Wait => {}
            Next::Write => {
                let command = if let State::Waking(waking) = &self.state { waking.command() } else { None };
                match command {
                    Some(command) => drop(self.write_line(command.line(), now)),
                    None => self.escape(),
                }
            }
            Next::Awake => {
                self.echo.off = !self.echo.heard;
                self.end(Output::Awake);
            }
            Next::Deaf => {
                self.state = State::Asleep;
                self.outputs.push_back(Output::Deaf);
            }
        }
    }

    /// CR alone after it, so that whatever stood on the line before is over. What waited to be written is given up.
    fn escape(&mut self) {
        self.held = None;
        self.line.clear();
        self.write([ESCAPE, b"\r"].concat());
    }
}
