//! What came of a message at its modem, in the words of the store and of the log.

use std::time::Duration;

use crate::clock::Moment;
use crate::ids::ModemName;
use crate::message::{self, FailureClass, Next};
use crate::modem::Outcome;
use crate::store::{Assignment, SubmitResult};

/// What is written down of it. `denials` is how often in a row the network did not let the SIM send to the recipient.
pub(super) fn settled(outcome: Outcome, assignment: &Assignment, denials: u32, now: Moment) -> SubmitResult {
    match outcome {
        Outcome::Sent { reference } => SubmitResult::Sent { reference },
        Outcome::Failed { class, code, reason, .. } => {
            let before = if class == FailureClass::Sim { denials.saturating_sub(1) } else { assignment.failures };
            let next: Next = message::after_failure(class, before, assignment.deadline, now);
            SubmitResult::Failed { class, code, reason, next }
        }
        Outcome::InDoubt { reason } => SubmitResult::InDoubt { reason },
        Outcome::NotReady { reason } => SubmitResult::NotReady { reason },
        Outcome::Expired => SubmitResult::Expired,
    }
}

/// Writes to the log what came of an attempt that took so long.
pub(super) fn log(result: &SubmitResult, assignment: &Assignment, modem: &ModemName, time: Duration) {
    let (what, why) = words(result);
    tracing::info!(
        message.id = %assignment.message,
        modem.name = %modem,
        to = %assignment.to,
        part = assignment.part + 1,
        parts = assignment.parts,
        why,
        duration_ms = time.as_millis(),
        "{what}"
    );
}

fn words(result: &SubmitResult) -> (&'static str, Option<&str>) {
    match result {
        SubmitResult::Sent { .. } => ("sent", None),
        SubmitResult::Failed { reason, next: Next::Fail, .. } => ("failed", Some(reason)),
        SubmitResult::Failed { reason, next: Next::RetryAt(_), .. } => ("failed for now", Some(reason)),
        SubmitResult::Failed { reason, next: Next::OtherModem { .. }, .. } => ("failed on this modem", Some(reason)),
        SubmitResult::InDoubt { reason } => ("in doubt", Some(reason)),
        SubmitResult::NotReady { reason } => ("given back by the modem", Some(reason)),
        SubmitResult::Expired => ("expired", None),
    }
}
