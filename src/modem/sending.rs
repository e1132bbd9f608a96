//! Giving one part to the network.

use std::time::Duration;

use super::actor::{Actor, End};
use super::handle::Job;
use super::submission::{Outcome, Submission};
use super::turn::Turn;
use super::wire::{Wire, now};
use crate::at::{Delivery, Payload, Refusal};
use crate::clock::Moment;
use crate::ids::{MessageReference, SimId};
use crate::message::FailureClass;
use crate::pdu::{
    Address, EncodeError, Frame, MessageClass, ProtocolId, RelativeValidity, Submit, UserData, Validity, segment_in,
};

/// How long the network may take when nothing else waits. One try of its own takes up to 45 s, and modems repeat it.
const ALONE: Duration = Duration::from_secs(180);
/// How long it may take when something else waits for this modem.
const WAITED_FOR: Duration = Duration::from_secs(60);
/// How long a modem may take to leave its prompt when it is told to.
const LEAVING: Duration = Duration::from_secs(2);
/// How long an answer is waited for when the daemon stops.
const LAST_ANSWER: Duration = Duration::from_millis(300);
/// How long the port then has to take what leaves the prompt. The daemon waits for both together, and not much longer.
const LAST_WORD: Duration = Duration::from_millis(150);

/// Why a part cannot be made into a PDU.
#[derive(Debug, thiserror::Error)]
enum Unsendable {
    #[error(transparent)]
    Encode(#[from] EncodeError),
    #[error("the text has no part {0}")]
    Part(usize),
    #[error("the PDU is not hexadecimal")]
    Payload,
}

/// What came of giving a message to the modem once.
enum HandedOver {
    /// It was not given to it.
    Not(Outcome),
    /// This is what the modem said, or how it left off.
    Answered(Delivery),
}

/// Whether the message says until when it is valid (TP-VP).
#[derive(Clone, Copy, PartialEq, Eq)]
enum ValidityPeriod {
    Stated,
    LeftOut,
}

impl Actor {
    /// Carries one part through, whatever becomes of its caller, and answers.
    pub(super) async fn send(&mut self, wire: &mut Wire, job: Job) -> Result<(), End> {
        let Job { submission, answer } = job;
        if answer.is_closed() {
            return Ok(());
        }
        let (mut outcome, mut end) = match self.has(&submission.sim) {
            true => self.submit(wire, &submission).await,
            false => (Outcome::NotReady { reason: "its SIM is not in the modem now".to_owned() }, Ok(())),
        };
        let given_up = outcome == Outcome::Expired;
        if !given_up && !wire.session.is_idle() && end.is_ok() {
            // Shown before the answer, so that the next message goes elsewhere at once.
            self.say_silent();
        }
        if end.is_ok() && matches!(outcome, Outcome::InDoubt { .. }) {
            match self.proof(wire).await {
                Ok(Some(reference)) => outcome = self.outcome(Delivery::Sent(reference)),
                Ok(None) => {}
                Err(other) => end = Err(other),
            }
        }
        if end.is_ok() {
            end = self.explain(wire, &mut outcome).await;
        }
        tracing::debug!(
            modem.name = %self.name, message.id = %submission.message, part = submission.part, outcome = word(&outcome),
            "done with a part"
        );
        self.note(submission.message, &outcome);
        // A caller that has gone needs no answer.
        let _ = answer.send(outcome);
        end?;
        if given_up {
            self.leave_prompt(wire).await?;
        }
        self.recover(wire).await
    }

    fn has(&self, sim: &SimId) -> bool {
        self.health.borrow().sim.as_ref().is_some_and(|present| present.id == *sim)
    }

    async fn submit(&mut self, wire: &mut Wire, submission: &Submission) -> (Outcome, Result<(), End>) {
        let (mut handed, mut end) = self.hand_over(wire, submission, ValidityPeriod::Stated).await;
        if let (HandedOver::Answered(Delivery::Refused(refusal) | Delivery::NotTaken(refusal)), Ok(())) =
            (&handed, &end)
        {
            match self.once_more(wire, *refusal).await {
                Ok(Some(validity)) => (handed, end) = self.hand_over(wire, submission, validity).await,
                Ok(None) => {}
                Err(other) => end = Err(other),
            }
        }
        let mut outcome = match handed {
            HandedOver::Not(outcome) => outcome,
            HandedOver::Answered(delivery) => self.outcome(delivery),
        };
        if end.is_ok() && may_be_of_text_mode(&outcome) {
            end = self.look_for_text_mode(wire, &mut outcome).await;
        }
        (outcome, end)
    }

    /// How a message that was refused like this is given to the modem once more at once, if it is.
    async fn once_more(&mut self, wire: &mut Wire, refusal: Refusal) -> Result<Option<ValidityPeriod>, End> {
        Ok(match refusal {
            // The service centre takes no validity period.
            Refusal::Cms(Some(198 | 199)) => Some(ValidityPeriod::LeftOut),
            // Some cards lose their service centre's number while they are in use.
            Refusal::Cms(Some(330)) => self.restore_service_centre(wire).await?.then_some(ValidityPeriod::Stated),
            // A modem that finds the PDU wrong may have lost a byte of it or of its length, or taken the command for the
            // message at a prompt left open.
            Refusal::Cms(Some(304)) => Some(ValidityPeriod::Stated),
            _ => None,
        })
    }

    /// Makes a refusal the modem's when it has come up anew and takes texts: what it refused was no PDU to it.
    async fn look_for_text_mode(&mut self, wire: &mut Wire, outcome: &mut Outcome) -> Result<(), End> {
        if self.takes_texts(wire).await? {
            self.visit.look.want();
            if let Outcome::Failed { class, reason, of_modem, .. } = outcome {
                *reason = "it has come up anew, and takes texts in place of PDUs".to_owned();
                (*class, *of_modem) = (FailureClass::Modem, true);
            }
        }
        Ok(())
    }

    /// Gives the message to the modem once. The second is why the port had to be left, if it had.
    async fn hand_over(
        &mut self,
        wire: &mut Wire,
        submission: &Submission,
        validity: ValidityPeriod,
    ) -> (HandedOver, Result<(), End>) {
        let now_here = self.clock.now();
        if now_here >= submission.deadline {
            return (HandedOver::Not(Outcome::Expired), Ok(()));
        }
        let (length, payload) = match encode(submission, (validity == ValidityPeriod::Stated).then_some(now_here)) {
            Ok(encoded) => encoded,
            Err(error) => {
                let reason = error.to_string();
                let (class, of_modem) = (FailureClass::Message, false);
                return (HandedOver::Not(Outcome::Failed { class, code: None, reason, of_modem }), Ok(()));
            }
        };
        let limit = limit(*submission.waited_for.borrow());
        if wire.session.handle_send(length, payload, limit, now()).is_err() {
            return (HandedOver::Not(Outcome::NotReady { reason: "the modem is busy".to_owned() }), Ok(()));
        }
        match self.follow(wire, submission).await {
            Ok(handed) => (handed, Ok(())),
            Err(end) => (HandedOver::Answered(give_up(wire).await), Err(end)),
        }
    }

    /// What a settled message comes to, by the numbers of the modem's maker.
    fn outcome(&mut self, delivery: Delivery) -> Outcome {
        match delivery {
            Delivery::Sent(reference) => {
                self.reference = reference;
                Outcome::Sent { reference: MessageReference(reference) }
            }
            // The service centre has it already, from a try that the modem made of its own; the reference is the next one.
            Delivery::Refused(Refusal::Cms(Some(197))) => self.outcome(Delivery::Sent(self.reference.wrapping_add(1))),
            Delivery::Refused(refusal) => self.refused(refusal),
            // Whatever it says of the message: it has not seen it.
            Delivery::NotTaken(refusal) => {
                self.visit.look.want();
                let (_, meaning) = refusal.read(self.profile.manners.codes);
                Outcome::Failed {
                    class: FailureClass::Modem,
                    code: Some(refusal.to_string()),
                    reason: format!("the modem asked for no message: {meaning}"),
                    of_modem: true,
                }
            }
            Delivery::NotSent => Outcome::NotReady {
                reason: "the modem did not ask for the message, or went away before it had it".to_owned(),
            },
            Delivery::InDoubt(Some(refusal)) => {
                let (_, meaning) = refusal.read(self.profile.manners.codes);
                Outcome::InDoubt {
                    reason: format!("the modem had the whole message and answered {refusal}: {meaning}"),
                }
            }
            Delivery::InDoubt(None) => {
                Outcome::InDoubt { reason: "the modem had the whole message and no answer came".to_owned() }
            }
        }
    }

    fn refused(&mut self, refusal: Refusal) -> Outcome {
        let (class, meaning) = refusal.read(self.profile.manners.codes);
        let of_modem = refusal.is_of_modem() || class == FailureClass::Card;
        // What the modem says of itself or of its card shows as well when it is asked how it stands.
        if of_modem && class != FailureClass::Message {
            self.visit.look.want();
        }
        let code = Some(refusal.to_string());
        Outcome::Failed { class, code, reason: meaning.to_owned(), of_modem }
    }

    /// Waits a little for a modem whose prompt was left because the deadline passed: that is not the modem's silence,
    /// unless it goes on.
    async fn leave_prompt(&mut self, wire: &mut Wire) -> Result<(), End> {
        let over = tokio::time::sleep(LEAVING);
        tokio::pin!(over);
        while !wire.session.is_idle() {
            tokio::select! {
                biased;
                () = &mut over => return Ok(()),
                turn = self.turn(wire, false) => drop(turn?),
            }
        }
        Ok(())
    }

    /// Listens, while the modem is woken, for the late answer that proves that a message in doubt was sent.
    async fn proof(&mut self, wire: &mut Wire) -> Result<Option<u8>, End> {
        while !wire.session.is_idle() {
            if let Turn::SentAfterAll(reference) = self.turn(wire, false).await? {
                return Ok(Some(reference));
            }
        }
        Ok(None)
    }

    /// Waits for what becomes of it; until the modem has it whole, no longer than to its deadline.
    async fn follow(&mut self, wire: &mut Wire, submission: &Submission) -> Result<HandedOver, End> {
        let clock = self.clock.clone();
        let deadline = clock.sleep_until(submission.deadline);
        tokio::pin!(deadline);
        let mut waited_for = submission.waited_for.clone();
        let (mut watched, mut expired) = (true, false);
        loop {
            let begun = wire.session.is_past_return();
            tokio::select! {
                biased;
                turn = self.turn(wire, false) => if let Turn::Settled(delivery) = turn? {
                    let in_vain = expired && delivery == Delivery::NotSent;
                    return Ok(if in_vain { HandedOver::Not(Outcome::Expired) } else { HandedOver::Answered(delivery) });
                },
                changed = waited_for.changed(), if watched => {
                    watched = changed.is_ok();
                    wire.session.handle_limit(limit(*waited_for.borrow_and_update()));
                }
                () = &mut deadline, if !begun && !expired => {
                    expired = true;
                    wire.session.handle_abandon(now());
                }
            }
        }
    }
}

/// The daemon stops, or the port is gone: leaves the prompt, or waits a moment for the answer.
async fn give_up(wire: &mut Wire) -> Delivery {
    wire.session.handle_abandon(now());
    let settled = tokio::time::timeout(LAST_ANSWER, wire.settled()).await;
    let delivery = match settled {
        Ok(delivery) => delivery,
        Err(_) => wire.close().await,
    };
    if tokio::time::timeout(LAST_WORD, wire.write_rest()).await.is_err() {
        tracing::debug!("the port took no more before the end");
    }
    delivery
}

/// Whether a message is about to fail for good that perhaps was none: in text mode its length was taken for a number, and its
/// PDU for a text to it.
fn may_be_of_text_mode(outcome: &Outcome) -> bool {
    use FailureClass::{Message, Recipient, Unknown};
    matches!(outcome, Outcome::Failed { class: Recipient | Message | Unknown, code: Some(_), .. })
}

fn limit(waited_for: bool) -> Duration {
    if waited_for { WAITED_FOR } else { ALONE }
}

/// Without a time of its own the message gets no validity period.
fn encode(submission: &Submission, now: Option<Moment>) -> Result<(usize, Payload), Unsendable> {
    let frame = Frame { service_centre: None, tpdu: submit(submission, now)?.encode()? };
    let payload = Payload::new(frame.to_hex()?).ok_or(Unsendable::Payload)?;
    Ok((frame.length(), payload))
}

fn submit(submission: &Submission, now: Option<Moment>) -> Result<Submit, Unsendable> {
    let parts = segment_in(submission.text.expose(), submission.encoding, submission.concat_reference)?;
    let user_data: UserData = parts.into_iter().nth(submission.part).ok_or(Unsendable::Part(submission.part))?;
    Ok(Submit {
        reject_duplicates: false,
        status_report: true,
        reply_path: false,
        reference: MessageReference::default(),
        destination: Address::from(&submission.to),
        protocol: submission.replace.and_then(ProtocolId::replace).unwrap_or_default(),
        class: submission.class0.then_some(MessageClass::Class0),
        validity: now.map(|now| Validity::Relative(RelativeValidity::at_least(submission.deadline.since(now)))),
        user_data,
    })
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Sent { .. } => "sent",
        Outcome::Failed { .. } => "failed",
        Outcome::InDoubt { .. } => "in_doubt",
        Outcome::NotReady { .. } => "not_ready",
        Outcome::Expired => "expired",
    }
}
