//! Asking the network something that is dialled (USSD), one question at a time.
//!
//! The modem answers the command at once; what the network says comes by itself, seconds later. Meanwhile the task goes
//! on, so no message waits for a question. A menu is not followed: what it says is the answer, and the dialogue is ended.

use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::actor::{Actor, End};
use super::handle::Modem;
use super::wire::{Wire, now};
use crate::at::{self, Command, CommandError, Payload};
use crate::pdu;
use crate::phone::UssdCode;
use crate::secret::Text;

/// How long the network may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// What the network said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UssdAnswer {
    /// Its words.
    pub text: Text,
    /// It wanted a choice among several, which it did not get.
    pub is_menu: bool,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UssdError {
    /// The modem cannot ask now; what is the matter with it, in one sentence.
    #[error("{0}")]
    NotReady(String),
    /// The modem does not do it.
    #[error("the modem refuses to ask the network ({0})")]
    Refused(CommandError),
    /// The network does not know the code, or nothing of the kind.
    #[error("the network does not know this code")]
    NotSupported,
    /// The network ended it without a word.
    #[error("the network ended the dialogue without an answer")]
    Ended,
    /// Nothing came in three minutes.
    #[error("the network did not answer")]
    TimedOut,
    /// The modem's port was lost, or its task has ended.
    #[error("the modem went away before the network answered")]
    Gone,
}

type Answered = Result<UssdAnswer, UssdError>;

/// A question, and where its answer goes.
pub(super) struct Question {
    code: UssdCode,
    answer: oneshot::Sender<Answered>,
}

impl Question {
    pub(super) fn refuse(self, reason: String) {
        // Who has gone needs no answer.
        let _ = self.answer.send(Err(UssdError::NotReady(reason)));
    }
}

/// What the task has asked and what it is to ask.
pub(super) struct Dialogue {
    questions: mpsc::Receiver<Question>,
    asked: Option<(oneshot::Sender<Answered>, Instant)>,
    /// The network waits for a choice that nobody will make.
    open: bool,
    /// This modem wants what is dialled as packed septets.
    packed: bool,
}

impl Dialogue {
    pub(super) fn new(questions: mpsc::Receiver<Question>) -> Self {
        Self { questions, asked: None, open: false, packed: false }
    }

    /// Waits for the next question, of which there is none while one is asked. May be cancelled at any time.
    pub(super) async fn next(&mut self) -> Option<Question> {
        if self.asked.is_some() {
            std::future::pending().await
        }
        self.questions.recv().await
    }

    /// When the question that was asked is given up.
    pub(super) fn due(&self) -> Option<Instant> {
        self.asked.as_ref().map(|(_, until)| *until)
    }

    /// Whether the network is to be told that it is over.
    pub(super) fn is_to_end(&self) -> bool {
        self.open || self.due().is_some_and(|due| due <= now())
    }

    /// The port is gone, and the dialogue with it.
    pub(super) fn detach(&mut self) {
        self.settle(Err(UssdError::Gone));
        self.open = false;
    }

    fn settle(&mut self, answered: Answered) {
        if let Some((answer, _)) = self.asked.take() {
            // Who has gone needs no answer.
            let _ = answer.send(answered);
        }
    }
}

impl Actor {
    /// Asks the network. What it says is heard later.
    pub(super) async fn inquire(&mut self, wire: &mut Wire, question: Question) -> Result<(), End> {
        let Question { code, answer } = question;
        if answer.is_closed() {
            return Ok(());
        }
        self.dialogue.asked = Some((answer, now() + PATIENCE));
        let packed = pdu::pack_ussd(code.as_str()).and_then(Payload::new).map(|code| Command::ussd_packed(&code));
        let plain = Command::ussd(&code);
        let (first, second) = match packed {
            Some(packed) if self.dialogue.packed => (packed, Some(plain)),
            packed => (plain, packed),
        };
        let mut result = self.ask(wire, &first).await?;
        if let (Err(CommandError::Refused(_)), Some(second)) = (&result, second) {
            let other = self.ask(wire, &second).await?;
            if other.is_ok() {
                self.dialogue.packed = !self.dialogue.packed;
                result = other;
            }
        }
        // Some modems answer the command only when the network has answered: then there is still hope.
        if let Err(error @ CommandError::Refused(_)) = result {
            self.dialogue.settle(Err(UssdError::Refused(error)));
        }
        Ok(())
    }

    /// The network has said something.
    pub(super) fn hear_ussd(&mut self, said: &at::Ussd) {
        self.dialogue.open |= said.state == 1;
        if self.dialogue.asked.is_none() {
            tracing::info!(modem.name = %self.name, "the network said something that nobody had asked");
        }
        let text = said.text.as_ref().map(|text| Text::new(pdu::read_ussd(text, said.coding)));
        self.dialogue.settle(match (said.state, text) {
            // Another device's answer.
            (3, _) => return,
            (4, _) => Err(UssdError::NotSupported),
            (5, _) => Err(UssdError::TimedOut),
            (state, Some(text)) => Ok(UssdAnswer { text, is_menu: state == 1 }),
            (_, None) => Err(UssdError::Ended),
        });
    }

    /// Ends what the network or nobody goes on with.
    pub(super) async fn end_dialogue(&mut self, wire: &mut Wire) -> Result<(), End> {
        self.dialogue.settle(Err(UssdError::TimedOut));
        self.dialogue.open = false;
        let _ = self.ask(wire, &Command::end_ussd()).await?;
        Ok(())
    }
}

impl Modem {
    /// Asks the network what is dialled (USSD) and waits for its answer, three minutes at most once it is asked. Messages go
    /// first, and none waits for the answer.
    ///
    /// # Errors
    /// [`UssdError`]. May be cancelled at any time; a question that was not asked by then is not asked.
    pub async fn ussd(&self, code: UssdCode) -> Result<UssdAnswer, UssdError> {
        let (answer, answered) = oneshot::channel();
        self.questions.send(Question { code, answer }).await.map_err(|_| UssdError::Gone)?;
        answered.await.map_err(|_| UssdError::Gone)?
    }
}
