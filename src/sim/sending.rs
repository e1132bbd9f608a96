//! Sending and writing messages: `+CMGS`, `+CMGW`, `+CMSS` (3GPP TS 27.005 §3.5 and 4.3 to 4.5).

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::answer::Failure;
use super::command::{Operation, Parameters};
use super::event::EventKind;
use super::fault::{BrownOut, Fault, HangUp, SendResult};
use super::session::{Answer, Doing, Flow, Session};
use super::storage::{Message, Status, Stored};
use super::text_mode;
use crate::ids::MessageReference;
use crate::pdu::{Address, Deliver, Frame, Submit};
use crate::phone::PhoneNumber;

/// The most octets of an SMS-SUBMIT: 12 of addresses, 12 of the rest, 140 of user data.
const MOST_OCTETS: usize = 164;

/// A message that is being typed after a prompt.
#[derive(Debug)]
pub(super) struct Draft {
    form: Form,
    purpose: Purpose,
    fault: Option<Fault>,
}

#[derive(Debug)]
enum Form {
    /// Hexadecimal digits of a TPDU of this length, behind a service centre.
    Pdu { length: usize },
    /// A text to this number.
    Text { to: Address },
}

#[derive(Debug, Clone, Copy)]
enum Purpose {
    Send,
    Store(Status),
}

impl Draft {
    /// What a program left behind that died in the middle of a send: whatever is typed now is no message.
    pub(super) fn left_behind() -> Self {
        Self { form: Form::Pdu { length: 0 }, purpose: Purpose::Send, fault: None }
    }

    /// Whether a fault takes the port away as soon as the prompt is out, and for how long.
    pub(super) fn leaves_at_prompt(&self) -> Option<Option<Duration>> {
        leaves(self.fault.as_ref(), |moment| moment == HangUp::AfterPrompt)
    }

    /// Takes the time by which the prompt is to be late.
    pub(super) fn take_prompt_delay(&mut self) -> Option<Duration> {
        let Some(Fault::PromptAfter(delay)) = self.fault else { return None };
        self.fault = None;
        Some(delay)
    }

    /// The prompt that a fault puts in the place of the right one.
    pub(super) fn prompt(&self) -> Option<&str> {
        match &self.fault {
            Some(Fault::MalformedPrompt(prompt)) => Some(prompt),
            _ => None,
        }
    }

    /// The line that falls between the prompt and the message.
    pub(super) fn line_at_prompt(&self) -> Option<String> {
        match &self.fault {
            Some(Fault::LineAtPrompt(line)) => Some(line.clone()),
            _ => None,
        }
    }

    /// Whether only ESC ends the prompt.
    pub(super) fn is_stuck(&self) -> bool {
        self.fault == Some(Fault::StuckPrompt)
    }
}

/// A message that the network is asked to take.
#[derive(Debug)]
pub(super) struct Submission {
    command: &'static str,
    reference: MessageReference,
    /// Where it was sent from.
    stored_at: Option<usize>,
    answer: oneshot::Receiver<Result<(), u16>>,
    fault: Option<SendResult>,
    /// The answer came, and is late by a fault.
    late: Option<(Instant, Result<(), u16>)>,
}

/// Whether this fault takes the port away at such a moment; and for how long, where it says so.
fn leaves(fault: Option<&Fault>, is_now: impl Fn(HangUp) -> bool) -> Option<Option<Duration>> {
    match fault {
        Some(Fault::HangUp(moment)) if is_now(*moment) => Some(None),
        Some(Fault::BrownOut(BrownOut { at: Some(moment), gone_for })) if is_now(*moment) => Some(Some(*gone_for)),
        _ => None,
    }
}

impl Submission {
    /// Waits for the network's answer; for ever when nothing was asked. May be cancelled at any time.
    pub(super) async fn answered(doing: &mut Doing) -> Result<(), u16> {
        const TEMPORARY_FAILURE: u16 = 41;
        let Doing::Submitting(submission) = doing else { return std::future::pending().await };
        let (due, answer) = match submission.late {
            Some(late) => late,
            None => {
                let answer = (&mut submission.answer).await.unwrap_or(Err(TEMPORARY_FAILURE));
                let Some(SendResult::Late(late)) = submission.fault else { return answer };
                *submission.late.insert((Instant::now() + late, answer))
            }
        };
        tokio::time::sleep_until(due).await;
        answer
    }
}

impl Session {
    pub(super) fn sending(&mut self, name: &str, operation: &Operation) -> Option<Answer> {
        Some(match (name, operation) {
            ("+CMGS" | "+CMGW" | "+CMSS", Operation::Test) => Ok(Flow::Done),
            ("+CMGS", Operation::Set(parameters)) => self.start_sending(parameters),
            ("+CMGW", Operation::Set(parameters)) => self.start_writing(parameters),
            ("+CMSS", Operation::Set(parameters)) => self.send_stored(parameters),
            ("+CMGS" | "+CMGW" | "+CMSS", _) => Err(Failure::Syntax),
            _ => return None,
        })
    }

    fn start_sending(&mut self, parameters: &Parameters) -> Answer {
        let form = self.form(parameters)?;
        let fault = self.device.faults().take_for_send();
        match fault {
            Some(Fault::SilentBeforePrompt) => Ok(Flow::Silent),
            fault if let Some(gone_for) = leaves(fault.as_ref(), |moment| moment == HangUp::BeforePrompt) => {
                self.leave(gone_for);
                Ok(Flow::Silent)
            }
            fault => Ok(Flow::Prompt(Draft { form, purpose: Purpose::Send, fault })),
        }
    }

    fn start_writing(&mut self, parameters: &Parameters) -> Answer {
        let form = self.form(parameters)?;
        let status = if self.attributes.text_mode {
            parameters.text(2).map_or(Some(Status::Unsent), Status::read).ok_or(Failure::TEXT)?
        } else {
            parameters.number(1)?.map_or(Some(Status::Unsent), Status::from_number).ok_or(Failure::PDU)?
        };
        Ok(Flow::Prompt(Draft { form, purpose: Purpose::Store(status), fault: None }))
    }

    /// `<length>` in PDU mode, `<da>[,<toda>]` in text mode.
    fn form(&self, parameters: &Parameters) -> Result<Form, Failure> {
        if self.attributes.text_mode {
            let kind = parameters.number(1).map_err(|_| Failure::TEXT)?;
            let typed = parameters.text(0).ok_or(Failure::TEXT)?;
            return Ok(Form::Text { to: text_mode::read_address(typed, kind, self.attributes.charset)? });
        }
        let length = parameters.number(0).ok().flatten().and_then(|length| usize::try_from(length).ok());
        let length = length.filter(|length| (1..=MOST_OCTETS).contains(length)).ok_or(Failure::PDU)?;
        Ok(Form::Pdu { length })
    }

    /// The message is complete.
    pub(super) fn dispose(&mut self, draft: Draft, body: &[u8]) -> Answer {
        match draft.purpose {
            Purpose::Send => {
                let submit = match draft.form {
                    Form::Pdu { length } => read_submit(&read_frame(body, length)?)?,
                    Form::Text { to } => text_mode::compose(to, body, &self.attributes)?,
                };
                self.submit("+CMGS", submit, None, draft.fault)
            }
            Purpose::Store(status) => {
                let message = match draft.form {
                    Form::Pdu { length } => read_message(&read_frame(body, length)?, status)?,
                    Form::Text { to } => Message::Submit(text_mode::compose(to, body, &self.attributes)?),
                };
                let index = self.store(message, status)?;
                self.inform(format!("+CMGW: {index}"));
                Ok(Flow::Done)
            }
        }
    }

    fn store(&mut self, message: Message, status: Status) -> Result<usize, Failure> {
        let frame = message.frame(self.service_centre()).ok_or(Failure::PDU)?;
        let name = self.attributes.storages[1];
        let stored = Stored { status, message, frame };
        self.device.memory().storage(name).put(stored).ok_or(Failure::FULL)
    }

    /// The service centre on the SIM.
    pub(super) fn service_centre(&self) -> Option<Address> {
        let number = self.device.memory().service_centre.clone();
        match number.strip_prefix('+') {
            Some(digits) => Address::international(digits).ok(),
            None => Address::short_code(&number).ok(),
        }
    }

    fn send_stored(&mut self, parameters: &Parameters) -> Answer {
        let index = parameters.number(0)?.and_then(|index| usize::try_from(index).ok()).ok_or(Failure::INDEX)?;
        let name = self.attributes.storages[1];
        let message = self.device.memory().storage(name).get_mut(index).map(|stored| stored.message.clone());
        let Some(Message::Submit(mut submit)) = message else { return Err(Failure::INDEX) };
        if let Some(typed) = parameters.text(1) {
            let kind = parameters.number(2)?;
            submit.destination = text_mode::read_address(typed, kind, self.attributes.charset)?;
        }
        let fault = self.device.faults().take_for_send();
        self.submit("+CMSS", submit, Some(index), fault)
    }

    /// Gives the message to the network under the modem's own TP-MR.
    fn submit(
        &mut self,
        command: &'static str,
        mut submit: Submit,
        stored_at: Option<usize>,
        fault: Option<Fault>,
    ) -> Answer {
        if !self.is_registered() {
            return Err(Failure::NO_NETWORK);
        }
        if let Some(code) = self.device.faults().condition().barred {
            return Err(Failure::Message(code));
        }
        let mut submitted = None;
        let after_ctrl_z = |moment| matches!(moment, HangUp::AfterCtrlZ { .. });
        if let Some(gone_for) = leaves(fault.as_ref(), after_ctrl_z) {
            self.leave(gone_for);
        }
        let mut wrong = None;
        match fault {
            Some(Fault::CmsError(code) | Fault::NetworkRefuses { code, .. }) => return Err(Failure::Message(code)),
            Some(Fault::CmsText(text)) => {
                return Err(Failure::Words(format!("+CMS ERROR: {text}").trim_end().to_owned()));
            }
            Some(
                Fault::SilentAfterCtrlZ { submitted: whether }
                | Fault::HangUp(HangUp::AfterCtrlZ { submitted: whether })
                | Fault::BrownOut(BrownOut { at: Some(HangUp::AfterCtrlZ { submitted: whether }), .. }),
            ) => submitted = Some(whether),
            Some(Fault::SendResult(result)) => wrong = Some(result),
            _ => {}
        }
        if submitted == Some(false) {
            return Ok(Flow::Silent);
        }
        let reference = self.device.memory().next_reference();
        submit.reference = reference;
        self.device.tell(EventKind::Submitted { reference, to: submit.destination.to_phone() });
        let from: &PhoneNumber = &self.device.settings().number;
        let report = self.device.faults().take_for_report();
        let answer = self.device.carrier().submit(from, submit, report);
        if submitted.is_some() {
            return Ok(Flow::Silent);
        }
        self.doing = Doing::Submitting(Submission { command, reference, stored_at, answer, fault: wrong, late: None });
        Ok(Flow::Waiting)
    }

    /// The network has taken the message, or refused it.
    pub(super) fn submitted(&mut self, submission: Submission, answer: Result<(), u16>) -> Answer {
        let Submission { command, reference, stored_at, fault, .. } = submission;
        self.device.tell(EventKind::Answered { reference, refused: answer.err() });
        answer.map_err(Failure::Message)?;
        let name = self.attributes.storages[1];
        if let Some(stored) = stored_at
            && let Some(stored) = self.device.memory().storage(name).get_mut(stored)
        {
            stored.status = Status::Sent;
        }
        let line = format!("{command}: {reference}");
        match fault {
            Some(SendResult::Missing) => {}
            Some(SendResult::Twice) => {
                self.inform(&line);
                self.inform(&line);
            }
            Some(SendResult::Number(number)) => self.inform(format!("{command}: {number}")),
            Some(SendResult::Late(_)) | None => self.inform(&line),
        }
        Ok(Flow::Done)
    }
}

/// The typed frame, whose TPDU must be as long as was announced.
fn read_frame(body: &[u8], length: usize) -> Result<Frame, Failure> {
    let hex = std::str::from_utf8(body).map_err(|_| Failure::PDU)?;
    let frame = Frame::from_hex(hex.trim()).map_err(|_| Failure::PDU)?;
    if frame.length() == length { Ok(frame) } else { Err(Failure::PDU) }
}

fn read_submit(frame: &Frame) -> Result<Submit, Failure> {
    Submit::decode(&frame.tpdu).map_err(|_| Failure::PDU)
}

/// What is written with a status of received messages is one.
fn read_message(frame: &Frame, status: Status) -> Result<Message, Failure> {
    match status {
        Status::Unsent | Status::Sent => read_submit(frame).map(Message::Submit),
        Status::Unread | Status::Read => Deliver::decode(&frame.tpdu).map(Message::Deliver).map_err(|_| Failure::PDU),
    }
}
