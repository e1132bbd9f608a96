//! What arrives: every line finds its one owner.

use std::time::{Duration, Instant};

use super::frame::Frame;
use super::line::Line;
use super::output::{CommandError, Delivery, Output};
use super::payload::Payload;
use super::refusal::Refusal;
use super::session::{ESCAPE, Session, State};
use super::unsolicited::{Meaning, Unsolicited};
use super::ussd::Unfinished;
use super::wake::Next;
use crate::message::FailureClass;

/// How long one attempt of the network takes at most (TR1M, 3GPP TS 24.011 §10).
const ONE_ATTEMPT: Duration = Duration::from_secs(45);
/// How long after a message's reference its `OK` is waited for; and how long, when there was an `OK` before it.
const LAST_LINE: Duration = Duration::from_secs(5);
const ANOTHER_LINE: Duration = Duration::from_millis(300);

/// What arrives.
impl Session {
    /// Takes what the modem sent.
    pub fn handle_bytes(&mut self, bytes: &[u8], now: Instant) {
        let mut framer = std::mem::take(&mut self.framer);
        let mut input = bytes;
        while let Some(frame) = framer.next(&mut input) {
            match frame {
                Frame::Line(line) => match str::from_utf8(line) {
                    Ok(text) => self.line(text, now),
                    Err(_) => self.line(&String::from_utf8_lossy(line), now),
                },
                Frame::Prompt => self.prompt(now),
                Frame::Overlong => self.announced = None,
            }
        }
        self.framer = framer;
    }

    /// Finds the one owner of a line.
    fn line(&mut self, text: &str, now: Instant) {
        if self.is_echo(text, now) || self.completes_announced(text, now) || self.continues_ussd(text, now) {
            return;
        }
        match Line::parse(text) {
            Line::Final(result) => self.final_result(result, now),
            Line::Named { name, rest } => {
                if !self.information(name, rest, now) {
                    self.unsolicited(text, name, rest, now);
                }
            }
            Line::Text(text) => {
                if !self.text(text, now) {
                    self.tell(self.manners.meaning(text), now);
                }
            }
        }
    }

    /// Passes on what the modem said by itself. One that has started anew has no prompt for the message under way: what
    /// looks like one may want the text of another message.
    fn tell(&mut self, said: Option<Unsolicited>, now: Instant) {
        let anew = said == Some(Unsolicited::Boot);
        self.outputs.extend(said.map(Output::Unsolicited));
        if anew {
            self.handle_abandon(now);
        }
    }

    /// The echo of the present line, perhaps with remains of an earlier one before it; or one half of it, where the
    /// modem has said something of its own in the middle.
    fn is_echo(&mut self, text: &str, now: Instant) -> bool {
        if self.line.is_empty() {
            return false;
        }
        if text.ends_with(self.line.as_str()) || (self.echo.half > 0 && text == &self.line[self.echo.half..]) {
            self.echo.heard = true;
            self.echo.half = 0;
            // It was off: the modem has forgotten what it was told.
            if std::mem::take(&mut self.echo.off) {
                self.tell(Some(Unsolicited::Boot), now);
            }
            return true;
        }
        // Nothing that a modem answers begins like a command line.
        let half = text.starts_with("AT") && self.line.starts_with(text);
        if half {
            self.echo.half = text.len();
        }
        half
    }

    fn completes_announced(&mut self, text: &str, now: Instant) -> bool {
        let Some(announced) = self.announced else { return false };
        let Some(payload) = Payload::new(text.to_owned()) else { return false };
        // A line of digits may be the answer to a question as well; then its length decides.
        if self.wants_hex() && !announced.fits(&payload) {
            return false;
        }
        self.announced = None;
        self.tell(announced.complete(payload), now);
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
        self.ended = Some(now);
        if self.held.is_some() {
            // It answers something older: the present line has not been written.
            return;
        }
        match &mut self.state {
            State::Waking(waking) => {
                let next = waking.answered(result.is_ok(), now);
                self.wake_on(next, now);
            }
            State::Running { reply, .. } => {
                let reply = std::mem::take(reply);
                self.end(Output::Finished(result.map(|()| reply).map_err(CommandError::Refused)));
            }
            // An `OK` in place of the prompt ends nothing that has begun.
            State::Prompting { .. } | State::Typing { .. } => {
                if let Err(refusal) = result {
                    let delivery = match refusal.read(self.manners.codes).0 {
                        // All that it knows of the message is its length, and in text mode not even that.
                        FailureClass::Unknown | FailureClass::Message => Delivery::NotTaken(refusal),
                        _ => Delivery::Refused(refusal),
                    };
                    self.end(Output::Settled(delivery));
                }
            }
            State::Answering { .. } => self.network_answered(result, now),
            // A late answer to what was given up.
            State::Asleep | State::Idle => {}
        }
    }

    /// A final result after a message's Ctrl-Z.
    fn network_answered(&mut self, result: Result<(), Refusal>, now: Instant) {
        let codes = self.manners.codes;
        let State::Answering { since, limit, reference, ended } = &mut self.state else { return };
        let delivery = match (*reference, result) {
            (Some(reference), _) => Delivery::Sent(reference),
            // It ended something else, or is ahead of the reference, which must not be taken for that of the next message.
            (None, Ok(())) => {
                *ended = true;
                *limit = (*limit).min(now.saturating_duration_since(*since) + ONE_ATTEMPT);
                return;
            }
            (None, Err(refusal)) if refusal.leaves_doubt(codes) => Delivery::InDoubt(Some(refusal)),
            (None, Err(refusal)) => Delivery::Refused(refusal),
        };
        if matches!(delivery, Delivery::Sent(_)) || matches!(result, Err(Refusal::Cms(_) | Refusal::Cme(_))) {
            self.end(Output::Settled(delivery));
        } else {
            // Perhaps it ended something else, and the message's own result is still to come.
            self.settle_and_wake(delivery, now);
        }
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
            State::Answering { since, limit, reference, ended } if name == "+CMGS" => {
                *reference = reference_in(rest).or(*reference);
                if reference.is_some() {
                    let rest = if *ended { ANOTHER_LINE } else { LAST_LINE };
                    *limit = (*limit).min(now.saturating_duration_since(*since) + rest);
                }
                true
            }
            _ => false,
        }
    }

    /// Whether a line belongs to a text whose end has not come. What can only be something else ends it.
    fn continues_ussd(&mut self, text: &str, now: Instant) -> bool {
        let Some(mut ussd) = self.ussd.take() else { return false };
        let has_name = text.as_bytes().get(1).is_some_and(u8::is_ascii_alphabetic);
        let belongs = match Line::parse(text) {
            Line::Text(_) => true,
            Line::Named { .. } => !has_name,
            Line::Final(_) => false,
        };
        if belongs {
            ussd.add(text);
        }
        if belongs && !ussd.is_whole() {
            self.ussd = Some(ussd);
        } else {
            self.tell(ussd.finish().map(Unsolicited::Ussd), now);
        }
        belongs
    }

    fn unsolicited(&mut self, text: &str, name: &str, rest: &str, now: Instant) {
        if name == "+CUSD" {
            let ussd = Unfinished::begin(rest);
            if ussd.is_whole() {
                self.tell(ussd.finish().map(Unsolicited::Ussd), now);
            } else {
                self.ussd = Some(ussd);
            }
            return;
        }
        match Meaning::of(name, rest) {
            Meaning::Whole(said) => self.tell(Some(said), now),
            Meaning::FirstOfTwo(announced) => self.announced = Some(announced),
            Meaning::Nothing => self.tell(self.manners.meaning(text), now),
        }
    }

    /// A line without a name: part of an answer that has none, or a PDU; then it is taken.
    fn text(&mut self, text: &str, now: Instant) -> bool {
        match &mut self.state {
            State::Waking(waking) => {
                let next = waking.hear("", text, now);
                self.wake_on(next.unwrap_or(Next::Wait), now);
                next.is_some()
            }
            State::Running { answer, reply, .. } if answer.takes_text(text) => {
                reply.add(text);
                true
            }
            State::Running { answer, reply, .. } if reply.lacks_payload() => {
                let payload = answer.payload(text);
                let taken = payload.is_some();
                payload.into_iter().for_each(|payload| reply.add_payload(payload));
                taken
            }
            _ => false,
        }
    }

    fn prompt(&mut self, now: Instant) {
        match std::mem::take(&mut self.state) {
            // One that comes while the command is still held for the modem's pace answers something older.
            State::Prompting { payload, limit, .. } if self.held.is_none() => {
                self.line.clear();
                let gap = self.manners.gap;
                self.state = State::Typing { payload, limit, until: now + gap, typed: false };
                if gap.is_zero() {
                    self.type_on(now);
                }
            }
            // Past Ctrl-Z an escape would come too late; in every other state nothing may stay at a prompt.
            state => {
                let late = matches!(state, State::Typing { .. } | State::Answering { .. });
                self.state = state;
                if !late && self.outputs.back() != Some(&Output::Write(ESCAPE.to_vec())) {
                    self.write(ESCAPE.to_vec());
                }
            }
        }
    }
}

/// `+CMGS: <mr>[,…]`.
fn reference_in(rest: &str) -> Option<u8> {
    rest.split(',').next()?.trim().parse().ok()
}
