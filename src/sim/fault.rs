//! The door through which a test makes the modem misbehave.
//!
//! A fault is a value. Those that belong to a moment of the conversation wait in a queue until that moment comes;
//! the others are switches. A new fault is a new variant here and one line where its moment is.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::answer::Failure;

/// What goes wrong, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The next send goes well: keeps the place for a fault behind it.
    None,
    /// The next `AT+CMGS` is swallowed: no prompt, no error.
    SilentBeforePrompt,
    /// The next send is not answered.
    SilentAfterCtrlZ {
        /// Whether the carrier gets the message all the same.
        submitted: bool,
    },
    /// The next send is refused with this `+CMS ERROR` after Ctrl-Z; the carrier never sees it.
    CmsError(u16),
    /// The port disappears in the middle of the next send.
    HangUp(HangUp),
    /// The next such command is refused and does nothing.
    Refuse {
        /// The command, for instance `+CMMS`.
        command: String,
        /// The number of the `+CME ERROR`; none for a plain `ERROR`.
        cme_error: Option<u16>,
    },
    /// An unsolicited line falls between the information and the final result of the next answer to this command.
    LineWithin {
        /// The command, for instance `+CMGS`.
        command: String,
        /// The line, without line ends.
        line: String,
    },
}

/// When in a send the port disappears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HangUp {
    /// `AT+CMGS` has come in, nothing was answered.
    BeforePrompt,
    /// The prompt was written.
    AfterPrompt,
    /// The message is complete, nothing was answered.
    AfterCtrlZ {
        /// Whether the carrier gets the message all the same.
        submitted: bool,
    },
}

/// The faults of one modem. They stay through unplugging and plugging.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Set>>);

#[derive(Debug, Default)]
struct Set {
    queue: VecDeque<Fault>,
    bytewise: bool,
}

impl Faults {
    /// Lets this happen once, at the first moment it fits, after the faults queued before it for the same moment.
    pub fn queue(&self, fault: Fault) {
        self.set().queue.push_back(fault);
    }

    /// Whether the modem writes every byte on its own from now on.
    pub fn write_bytewise(&self, on: bool) {
        self.set().bytewise = on;
    }

    /// Forgets the faults that wait and writes in one piece again.
    pub fn clear(&self) {
        *self.set() = Set::default();
    }

    pub(super) fn is_bytewise(&self) -> bool {
        self.set().bytewise
    }

    /// Takes the fault that is to befall a send that starts now.
    pub(super) fn take_for_send(&self) -> Option<Fault> {
        self.take(|fault| !matches!(fault, Fault::LineWithin { .. } | Fault::Refuse { .. }))
    }

    /// Takes the failure that is to befall this command.
    pub(super) fn take_refusal(&self, name: &str) -> Option<Failure> {
        match self.take(|fault| matches!(fault, Fault::Refuse { command, .. } if command == name))? {
            Fault::Refuse { cme_error, .. } => Some(cme_error.map_or(Failure::Syntax, Failure::Equipment)),
            _ => None,
        }
    }

    /// Takes the line that is to fall into the answer to this command.
    pub(super) fn take_line_within(&self, name: &str) -> Option<String> {
        match self.take(|fault| matches!(fault, Fault::LineWithin { command, .. } if command == name))? {
            Fault::LineWithin { line, .. } => Some(line),
            _ => None,
        }
    }

    fn take(&self, fits: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let mut set = self.set();
        let place = set.queue.iter().position(fits)?;
        set.queue.remove(place)
    }

    fn set(&self) -> MutexGuard<'_, Set> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
