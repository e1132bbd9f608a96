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
use std::fmt;
use std::time::{Duration, Instant};

use super::answer::Answer;
use super::command::Command;
use super::frame::{Frame, Framer};
use super::line::Line;
use super::payload::Payload;
use super::refusal::Refusal;
use super::reply::Reply;
use super::unsolicited::{Announced, Meaning, Unsolicited};
use super::wake::{Next, Waking};

/// How often `AT` is tried on a port that has just been opened: a modem that has just been plugged in needs time, one
/// that guesses the line's speed needs several.
pub const OPENING_TRIES: u8 = 6;
/// How often `AT` is tried on a modem that has answered before.
const RECOVERY_TRIES: u8 = 3;

/// How long the prompt may take.
const PROMPT: Duration = Duration::from_secs(10);
/// Leaves the prompt and drops what was typed there (3GPP TS 27.005 §3.5.1).
const ESCAPE: &[u8] = b"\x1b";
/// Ends the PDU and gives it to the network.
const CTRL_Z: char = '\x1a';

/// What the caller has to do or to know.
#[derive(Clone, PartialEq, Eq)]
pub enum Output {
    /// Write these octets, in one piece.
    Write(Vec<u8>),
    /// The running command has ended.
    Finished(Result<Reply, CommandError>),
    /// The message has been sent, or not, or nobody knows.
    Settled(Delivery),
    /// The message settled last, as [`Delivery::InDoubt`], was sent under this reference: its answer came late.
    SentAfterAll(u8),
    /// The modem said this by itself.
    Unsolicited(Unsolicited),
    /// The modem answers, and both sides are in step.
    Awake,
    /// The modem does not answer. Only [`Session::handle_wake`] goes on from here.
    Deaf,
}

/// Octets print as their number alone: the PDU is among them.
impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(octets) => write!(f, "Write({} octets)", octets.len()),
            Self::Finished(result) => f.debug_tuple("Finished").field(result).finish(),
            Self::Settled(delivery) => f.debug_tuple("Settled").field(delivery).finish(),
            Self::SentAfterAll(reference) => f.debug_tuple("SentAfterAll").field(reference).finish(),
            Self::Unsolicited(said) => f.debug_tuple("Unsolicited").field(said).finish(),
            Self::Awake => f.write_str("Awake"),
            Self::Deaf => f.write_str("Deaf"),
        }
    }
}

/// Why a command has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The modem refused it.
    #[error("{0}: {meaning}", meaning = .0.meaning())]
    Refused(#[from] Refusal),
    /// No final result came in time. The session is already waking the modem.
    #[error("no answer came in time")]
    TimedOut,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// The network took it under this reference (TP-MR).
    Sent(u8),
    /// It was refused, and surely not sent.
    Refused(Refusal),
    /// It was not handed over: the prompt did not come, the port was lost before, or the caller gave it up.
    NotSent,
    /// It was handed over. Then came a refusal that does not say what happened, or nothing.
    InDoubt(Option<Refusal>),
}

/// A command is running already, or the modem is not awake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the modem is busy with another command")]
pub struct Busy;

/// The conversation.
#[derive(Default)]
pub struct Session {
    framer: Framer,
    state: State,
    outputs: VecDeque<Output>,
    /// The first line of something the modem says in two.
    announced: Option<Announced>,
    /// The modem is being woken after a message whose answer has not come: no other message can have one.
    doubtful: bool,
    /// The line written last, by which its echo is known.
    line: String,
}

#[derive(Default)]
enum State {
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
    /// PDU and Ctrl-Z have been handed out to be written: the point of no return.
    Answering {
        since: Instant,
        limit: Duration,
        reference: Option<u8>,
    },
}

impl Session {
    /// A conversation that has not begun.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
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
        self.write_line(command.line());
        self.state =
            State::Running { answer: command.answer(), reply: Reply::default(), until: now + command.timeout() };
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
        self.write_line(&format!("AT+CMGS={length}"));
        self.state = State::Prompting { payload, limit, until: now + PROMPT };
        Ok(())
    }

    /// Changes how long the network's answer to the present message may take, counted from its Ctrl-Z.
    pub fn handle_limit(&mut self, new: Duration) {
        if let State::Prompting { limit, .. } | State::Answering { limit, .. } = &mut self.state {
            *limit = new;
        }
    }

    /// Gives the present message up while that is possible, and leaves the prompt. Of all commands here only this one
    /// may be broken off (ITU-T V.250 §5.6.1 wants a command's own word for it), and only before its Ctrl-Z; otherwise
    /// nothing happens.
    pub fn handle_abandon(&mut self, now: Instant) {
        if matches!(self.state, State::Prompting { .. }) {
            self.outputs.push_back(Output::Settled(Delivery::NotSent));
            self.handle_wake(RECOVERY_TRIES, now);
        }
    }

    /// The port is gone. `unwritten` tells whether the last octet handed out never reached it. Ends what is running;
    /// the session is of no use afterwards.
    pub fn handle_lost(&mut self, unwritten: bool) {
        let ended = match std::mem::take(&mut self.state) {
            State::Running { .. } => Output::Finished(Err(CommandError::TimedOut)),
            State::Prompting { .. } => Output::Settled(Delivery::NotSent),
            State::Answering { .. } if unwritten => Output::Settled(Delivery::NotSent),
            State::Answering { reference, .. } => Output::Settled(unanswered(reference)),
            State::Asleep | State::Waking(_) | State::Idle => return,
        };
        self.outputs.push_back(ended);
    }

    /// Takes what the modem sent.
    pub fn handle_bytes(&mut self, bytes: &[u8], now: Instant) {
        let mut framer = std::mem::take(&mut self.framer);
        let mut input = bytes;
        while let Some(frame) = framer.next(&mut input) {
            match frame {
                Frame::Line(line) => self.line(&String::from_utf8_lossy(line), now),
                Frame::Prompt => self.prompt(now),
                Frame::Overlong => self.announced = None,
            }
        }
        self.framer = framer;
    }

    /// Ends what has waited too long. Too early a call does nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_none_or(|due| now < due) {
            return;
        }
        let ended = match &mut self.state {
            State::Waking(waking) => {
                let next = waking.timed_out(now);
                return self.wake_on(next);
            }
            State::Running { .. } => Output::Finished(Err(CommandError::TimedOut)),
            State::Prompting { .. } => Output::Settled(Delivery::NotSent),
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
        match &self.state {
            State::Asleep | State::Idle => None,
            State::Waking(waking) => Some(waking.until),
            State::Running { until, .. } | State::Prompting { until, .. } => Some(*until),
            State::Answering { since, limit, .. } => Some(*since + *limit),
        }
    }
}

/// What is known of a message that was handed over when nothing more will come: with its reference it was sent, even if
/// the `OK` is missing.
fn unanswered(reference: Option<u8>) -> Delivery {
    reference.map_or(Delivery::InDoubt(None), Delivery::Sent)
}

/// What arrives.
impl Session {
    /// Finds the one owner of a line.
    fn line(&mut self, text: &str, now: Instant) {
        if self.is_echo(text) || self.completes_announced(text) {
            return;
        }
        match Line::parse(text) {
            Line::Final(result) => self.final_result(result, now),
            Line::Named { name, rest } => {
                if !self.information(name, rest, now) {
                    self.unsolicited(name, rest);
                }
            }
            Line::Text(text) => self.text(text, now),
        }
    }

    /// The echo of the present line, perhaps with remains of an earlier one before it.
    fn is_echo(&self, text: &str) -> bool {
        !self.line.is_empty() && text.ends_with(self.line.as_str())
    }

    fn completes_announced(&mut self, text: &str) -> bool {
        let Some(announced) = self.announced else { return false };
        let Some(payload) = Payload::new(text.to_owned()) else { return false };
        // A line of digits may be the answer to a question as well; then its length decides.
        if self.wants_hex() && !announced.fits(&payload) {
            return false;
        }
        self.announced = None;
        self.outputs.extend(announced.complete(payload).map(Output::Unsolicited));
        true
    }

    /// Whether a line of nothing but hexadecimal digits could belong to the answer of the running command.
    fn wants_hex(&self) -> bool {
        match &self.state {
            State::Waking(waking) => waking.wants_digits(),
            State::Running { answer, .. } => answer.wants_hex(),
            _ => false,
        }
    }

    fn final_result(&mut self, result: Result<(), Refusal>, now: Instant) {
        match &mut self.state {
            State::Waking(waking) => {
                let next = waking.answered(result.is_ok(), now);
                self.wake_on(next);
            }
            State::Running { reply, .. } => {
                let reply = std::mem::take(reply);
                self.end(Output::Finished(result.map(|()| reply).map_err(CommandError::Refused)));
            }
            // An `OK` in place of the prompt ends nothing that has begun.
            State::Prompting { .. } => {
                if let Err(refusal) = result {
                    self.end(Output::Settled(Delivery::Refused(refusal)));
                }
            }
            State::Answering { reference, .. } => {
                let delivery = match (*reference, result) {
                    (Some(reference), _) => Delivery::Sent(reference),
                    (None, Ok(())) => Delivery::InDoubt(None),
                    (None, Err(refusal)) if refusal.leaves_doubt() => Delivery::InDoubt(Some(refusal)),
                    (None, Err(refusal)) => Delivery::Refused(refusal),
                };
                let clear =
                    matches!(delivery, Delivery::Sent(_)) || matches!(result, Err(Refusal::Cms(_) | Refusal::Cme(_)));
                if clear {
                    self.end(Output::Settled(delivery));
                } else {
                    // Perhaps it ended something else, and the message's own result is still to come.
                    self.settle_and_wake(delivery, now);
                }
            }
            // A late answer to what was given up.
            State::Asleep | State::Idle => {}
        }
    }

    fn settle_and_wake(&mut self, delivery: Delivery, now: Instant) {
        self.outputs.push_back(Output::Settled(delivery));
        self.handle_wake(RECOVERY_TRIES, now);
        self.doubtful = matches!(delivery, Delivery::InDoubt(_));
    }

    fn end(&mut self, output: Output) {
        self.state = State::Idle;
        self.outputs.push_back(output);
    }

    /// Whether a named line belongs to the running command; then it is taken.
    fn information(&mut self, name: &str, rest: &str, now: Instant) -> bool {
        match &mut self.state {
            State::Waking(_) if name == "+CMGS" => {
                if let Some(reference) = reference_in(rest).filter(|_| std::mem::take(&mut self.doubtful)) {
                    self.outputs.push_back(Output::SentAfterAll(reference));
                }
                true
            }
            State::Waking(waking) => waking.hear(name, rest, now).is_some(),
            State::Running { answer, reply, .. } => {
                let takes = answer.takes_named(name, rest);
                if takes {
                    reply.add(rest);
                }
                takes
            }
            State::Answering { reference, .. } if name == "+CMGS" => {
                *reference = reference_in(rest).or(*reference);
                true
            }
            _ => false,
        }
    }

    fn unsolicited(&mut self, name: &str, rest: &str) {
        match Meaning::of(name, rest) {
            Meaning::Whole(said) => self.outputs.push_back(Output::Unsolicited(said)),
            Meaning::FirstOfTwo(announced) => self.announced = Some(announced),
            Meaning::Nothing => {}
        }
    }

    /// A line without a name: part of an answer that has none, a PDU, or a word like `RING`, which nobody wants.
    fn text(&mut self, text: &str, now: Instant) {
        match &mut self.state {
            State::Waking(waking) => {
                let next = waking.hear("", text, now);
                self.wake_on(next.unwrap_or(Next::Wait));
            }
            State::Running { answer, reply, .. } if answer.takes_text(text) => reply.add(text),
            State::Running { answer, reply, .. } if reply.lacks_payload() => {
                answer.payload(text).into_iter().for_each(|payload| reply.add_payload(payload));
            }
            _ => {}
        }
    }

    fn prompt(&mut self, now: Instant) {
        match std::mem::take(&mut self.state) {
            State::Prompting { payload, limit, .. } => {
                self.line.clear();
                self.write(format!("{}{CTRL_Z}", payload.expose()).into_bytes());
                self.state = State::Answering { since: now, limit, reference: None };
            }
            // Past Ctrl-Z an escape would come too late; in every other state nothing may stay at a prompt.
            state => {
                let late = matches!(state, State::Answering { .. });
                self.state = state;
                if !late && self.outputs.back() != Some(&Output::Write(ESCAPE.to_vec())) {
                    self.write(ESCAPE.to_vec());
                }
            }
        }
    }
}

/// What is written, and waking.
impl Session {
    fn write(&mut self, octets: Vec<u8>) {
        self.outputs.push_back(Output::Write(octets));
    }

    fn write_line(&mut self, line: &str) {
        line.clone_into(&mut self.line);
        // CR alone: an LF could fall into what follows.
        self.write(format!("{line}\r").into_bytes());
    }

    fn wake_on(&mut self, next: Next) {
        match next {
            Next::Wait => {}
            Next::Write => {
                let command = if let State::Waking(waking) = &self.state { waking.command() } else { None };
                match command {
                    Some(command) => self.write_line(command.line()),
                    None => self.escape(),
                }
            }
            Next::Awake => self.end(Output::Awake),
            Next::Deaf => {
                self.state = State::Asleep;
                self.outputs.push_back(Output::Deaf);
            }
        }
    }

    /// CR alone after it, so that whatever stood on the line before is over.
    fn escape(&mut self) {
        self.line.clear();
        self.write([ESCAPE, b"\r"].concat());
    }
}

/// `+CMGS: <mr>[,…]`.
fn reference_in(rest: &str) -> Option<u8> {
    rest.split(',').next()?.trim().parse().ok()
}
