//! A message on its way without a modem's task: asked for, given to the modem `m1`, taken by the network, reported.
#![allow(dead_code, reason = "every test program uses a part of it")]

use smsotpd::ids::{MessageReference, SimId};
use smsotpd::message::{InDoubtPolicy, Priority};
use smsotpd::pdu::Languages;
use smsotpd::phone::PhoneNumber;
use smsotpd::secret::Text;
use smsotpd::send;
use smsotpd::store::{Assignment, Claim, Claimed, Report, ReportOutcome, Settlement, Store, SubmitResult};

/// What the app `shop` asks for to have a message sent that is no code.
pub(crate) fn request(to: &str) -> send::Request {
    send::Request {
        app: "shop".parse().unwrap(),
        to: PhoneNumber::parse(to).unwrap(),
        text: Text::new("The door is open.".to_owned()),
        priority: Priority::Transactional,
        deadline: None,
        class0: false,
        simplify: true,
        in_doubt: InDoubtPolicy::Hold,
        national_tables: Languages::NONE,
        callback: None,
        idempotency: None,
    }
}

/// The SIM in the modem, where a test does not name one.
pub(crate) fn sim() -> SimId {
    SimId::from_stored("a".to_owned())
}

/// What the modem with this SIM asks for: anything that waits.
pub(crate) fn claim(sim: SimId) -> Claim {
    Claim {
        modem: "m1".parse().unwrap(),
        sim,
        lowest: Priority::Bulk,
        others: Vec::new(),
        denied: Vec::new(),
        is_served: true,
        only: None,
    }
}

pub(crate) fn settlement(assignment: &Assignment, result: SubmitResult) -> Settlement {
    Settlement { attempt: assignment.attempt, result }
}

/// The modem with this SIM is given what is next, and this comes of it. Nothing if nothing waits.
pub(crate) async fn submit(store: &Store, sim: SimId, result: SubmitResult) -> Option<Assignment> {
    let Claimed::Part(part) = store.claim(claim(sim)).await.unwrap() else { return None };
    store.settle(settlement(&part, result)).await.unwrap();
    Some(part)
}

/// The network takes what is next, under this TP-MR. Nothing if nothing waits.
pub(crate) async fn take(store: &Store, reference: u8) -> Option<Assignment> {
    submit(store, sim(), SubmitResult::Sent { reference: MessageReference(reference) }).await
}

/// The network reports this of the message to this number that it has taken under this TP-MR.
pub(crate) async fn report(store: &Store, to: &str, reference: u8, outcome: ReportOutcome, status_octet: u8) {
    let (to, reference) = (PhoneNumber::parse(to).unwrap(), MessageReference(reference));
    let report = Report { sim: sim(), to, reference, outcome, status_octet };
    assert!(store.settle_report(vec![report]).await.unwrap().is_some(), "it is about nothing");
}
