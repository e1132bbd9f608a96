//! Messages in LTE, where a network may carry them over its old part (SGs), over IMS, or not at all; a modem that is
//! registered and has a signal then sends nothing, and says only that something failed.

use super::actor::{Actor, End};
use super::submission::Outcome;
use super::wire::Wire;
use crate::at::{Command, Field, Reply};
use crate::message::FailureClass;

impl Actor {
    /// Says so when a message may have failed for want of a way through LTE. Asks the modem for its settings then, and
    /// only then.
    pub(super) async fn explain(&mut self, wire: &mut Wire, outcome: &mut Outcome) -> Result<(), End> {
        let suspicious = match outcome {
            Outcome::Failed { class, .. } => matches!(class, FailureClass::Unknown | FailureClass::Sim),
            Outcome::InDoubt { .. } => true,
            Outcome::Sent { .. } | Outcome::NotReady { .. } | Outcome::Expired => false,
        };
        if !suspicious || !self.visit.statuses.is_lte_alone() {
            return Ok(());
        }
        let service = self.ask(wire, &Command::message_service()).await?.ok();
        let ims = match self.profile.ims {
            Some(line) => self.ask(wire, &Command::question(line)).await?.ok(),
            None => None,
        };
        if let Outcome::Failed { reason, .. } | Outcome::InDoubt { reason } = outcome {
            reason.push_str(&hint(service.as_ref(), ims.as_ref()));
        }
        Ok(())
    }
}

fn hint(service: Option<&Reply>, ims: Option<&Reply>) -> String {
    let number =
        |reply: Option<&Reply>, at: usize| reply.and_then(|reply| reply.fields().get(at).and_then(Field::number));
    let service = match number(service, 0) {
        Some(0) => ", the modem sends over packet data alone",
        Some(1) => ", the modem sends over the circuit-switched service alone",
        Some(2) => ", the modem prefers packet data for messages",
        Some(3) => ", the modem prefers the circuit-switched service for messages",
        _ => "",
    };
    // `"ims",<mode>,<registered>`
    let ims = match number(ims, 2) {
        Some(0) => ", and it is not registered with IMS",
        Some(_) => ", and it is registered with IMS, where some networks accept messages that they do not carry",
        None => "",
    };
    format!(
        "; the modem is registered for LTE data only{service}{ims}: ask the operator whether it carries messages over LTE, \
         or let the modem use 2G or 3G"
    )
}
