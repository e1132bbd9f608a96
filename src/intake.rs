//! What comes from the air: status reports. (Inbound messages will come through here too.)
//!
//! A modem offers each report with an acknowledgement. The store commits first; only then is the report acknowledged,
//! and only then does the modem confirm or delete it. A report that could not be stored is left where it is: the modem
//! offers it again.
//!
//! Its one rule: nothing is acknowledged before it is on disk.

use tokio::sync::mpsc;

use crate::modem::Event;
use crate::pdu::{Address, DeliveryClass};
use crate::phone::PhoneNumber;
use crate::store::{Report, ReportOutcome, Store, StoreError};

/// Stores what the modems hand in, until the last of them is gone.
///
/// # Errors
/// [`StoreError::Gone`] when the store has ended.
pub async fn run(store: Store, mut events: mpsc::Receiver<Event>) -> Result<(), StoreError> {
    while let Some(event) = events.recv().await {
        match take(&store, event).await {
            Err(StoreError::Gone) => return Err(StoreError::Gone),
            Err(error) => tracing::warn!(%error, "a status report could not be stored; the modem keeps it"),
            Ok(()) => {}
        }
    }
    Ok(())
}

async fn take(store: &Store, event: Event) -> Result<(), StoreError> {
    let Event::StatusReport { modem, sim, report, done } = event;
    let Some(to) = recipient(&report.recipient) else {
        tracing::info!(modem.name = %modem, "a status report names no telephone number; dropped");
        done.acknowledge();
        return Ok(());
    };
    let outcome = outcome(report.status.class());
    let matched = store
        .settle_report(Report {
            sim,
            to: to.clone(),
            reference: report.reference,
            outcome,
            status_octet: report.status.octet(),
        })
        .await?;
    done.acknowledge();
    tracing::info!(
        modem.name = %modem,
        to = %to,
        reference = %report.reference,
        status = %report.status,
        matched,
        "status report"
    );
    Ok(())
}

/// The number that the message went to. Some service centres give the digits of an international number back without
/// saying that it is one.
fn recipient(address: &Address) -> Option<PhoneNumber> {
    address.to_phone().or_else(|| PhoneNumber::from_digits(address.digits()?).ok())
}

/// What a report says about the part it belongs to (3GPP TS 23.040 §9.2.3.15).
fn outcome(class: DeliveryClass) -> ReportOutcome {
    match class {
        DeliveryClass::Delivered | DeliveryClass::DeliveredUnconfirmed => ReportOutcome::Delivered,
        DeliveryClass::StillTrying => ReportOutcome::StillTrying,
        DeliveryClass::PermanentFailure | DeliveryClass::TemporaryFailureGivenUp | DeliveryClass::Reserved => {
            ReportOutcome::Undelivered
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipient_is_known_whether_or_not_its_type_is_given_back() {
        let number = PhoneNumber::parse("+15551234567").unwrap();
        assert_eq!(recipient(&Address::from(&number)), Some(number.clone()));
        assert_eq!(recipient(&Address::short_code("15551234567").unwrap()), Some(number));
        assert_eq!(recipient(&Address::alphanumeric("Operator").unwrap()), None);
    }
}
