//! What comes from the air: status reports, and messages to the SIMs.
//!
//! A modem offers each with an acknowledgement. The store commits first; only then is it acknowledged, and only then
//! does the modem confirm or delete it. What could not be stored is left where it is: the modem offers it again, and
//! the store knows what it has.
//!
//! A message of one word can choose: no more messages to its sender's number, or messages again (`[opt-out]`). Nothing is
//! ever answered by itself.
//!
//! Its one rule: nothing is acknowledged before it is on disk.

mod words;

use rand::Rng as _;
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use tokio::sync::mpsc;

use crate::country::Region;
use crate::guard::Homes;
use crate::ids::{InboxId, ModemName, SimId};
use crate::modem::Event;
use crate::pdu::{self, Address, Deliver, DeliveryClass, EncodeError, NumberType, StatusReport};
use crate::phone::{NationalNumber, PhoneNumber, Sender};
use crate::secret::{NONCE_LENGTH, SiteKey, Text};
use crate::store::{Choice, Inbound, Report, ReportOutcome, Store, StoreError};

pub use words::Settings;

/// A message that no handset shows or keeps, sent to find out whether one is there (TP-PID, 3GPP TS 23.040 §9.2.3.9).
const TYPE_0: u8 = 0x40;

/// Stores what the modems hand in, until the last of them is gone.
///
/// # Errors
/// [`StoreError::Gone`] when the store has ended.
pub async fn run(store: Store, opt_out: Settings, mut events: mpsc::Receiver<Event>) -> Result<(), StoreError> {
    while let Some(event) = events.recv().await {
        let taken = match event {
            Event::StatusReport { modem, sim, report, done } => {
                take_report(&store, &modem, sim, &report).await.map(|()| done)
            }
            Event::Message { modem, sim, deliver, done } => {
                take_message(&store, &opt_out, &modem, &sim, &deliver).await.map(|()| done)
            }
        };
        match taken {
            Ok(done) => done.acknowledge(),
            Err(StoreError::Gone) => return Err(StoreError::Gone),
            Err(error) => tracing::warn!(%error, "what came in could not be stored; the modem keeps it"),
        }
    }
    Ok(())
}

async fn take_report(store: &Store, modem: &ModemName, sim: SimId, report: &StatusReport) -> Result<(), StoreError> {
    let Some(to) = number(&report.recipient, &store.homes()) else {
        tracing::info!(modem.name = %modem, "it cannot be told whose number a status report is about; dropped");
        return Ok(());
    };
    let matched = store
        .settle_report(Report {
            sim,
            to: to.clone(),
            reference: report.reference,
            outcome: outcome(report.status.class()),
            status_octet: report.status.octet(),
        })
        .await?;
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

async fn take_message(
    store: &Store,
    opt_out: &Settings,
    modem: &ModemName,
    sim: &SimId,
    deliver: &Deliver,
) -> Result<(), StoreError> {
    let sender = Sender::new(deliver.originator.text());
    if deliver.protocol.octet() == TYPE_0 {
        tracing::info!(modem.name = %modem, from = %sender, "a silent message came in; dropped");
        return Ok(());
    }
    let choice = choice(opt_out, deliver, &store.homes());
    let Ok(inbound) = inbound(store.site_key(), modem, sim, deliver, choice.clone()) else {
        tracing::warn!(modem.name = %modem, from = %sender, "a message came in that cannot be kept; dropped");
        return Ok(());
    };
    let is_new = store.inbox_add(inbound).await?;
    tracing::info!(modem.name = %modem, from = %sender, is_new, "message came in");
    match choice.filter(|_| is_new) {
        Some((number, Choice::Stop)) => tracing::info!(%number, "the number wants no more messages"),
        Some((number, Choice::Start)) => tracing::info!(%number, "the number wants messages again"),
        None => {}
    }
    Ok(())
}

/// What the sender chooses, if the message is one of the words and comes from a number.
fn choice(opt_out: &Settings, deliver: &Deliver, homes: &Homes) -> Option<(PhoneNumber, Choice)> {
    let alone = deliver.user_data.concatenation().is_none_or(|part| part.total == 1);
    let choice = alone.then(|| opt_out.choice(&deliver.user_data.text())).flatten()?;
    Some((number(&deliver.originator, homes)?, choice))
}

fn inbound(
    key: &SiteKey,
    modem: &ModemName,
    sim: &SimId,
    deliver: &Deliver,
    choice: Option<(PhoneNumber, Choice)>,
) -> Result<Inbound, EncodeError> {
    // Whether more waits at the service centre may differ when the same message is delivered again.
    let tpdu = Deliver { more_to_come: false, ..deliver.clone() }.encode()?;
    let digest = key.arrival_digest(sim.as_str(), &tpdu);
    // Fails only where getrandom(2) is missing or forbidden; then nothing must be sealed.
    let mut nonce = [0; NONCE_LENGTH];
    UnwrapErr(SysRng).fill_bytes(&mut nonce);
    Ok(Inbound {
        id: InboxId::generate(),
        modem: modem.clone(),
        sim: sim.clone(),
        sender: Sender::new(deliver.originator.text()),
        digest,
        part: deliver.user_data.concatenation(),
        pdu: key.seal(&Inbound::owner(&digest), &Text::new(pdu::to_hex(&tpdu)), nonce),
        sent_at: deliver.timestamp.timestamp(),
        choice,
    })
}

/// The number in an address. Some service centres give the digits of an international number back without saying that
/// it is one; others write a number as it is written within the country, which is that of the site's SIMs, if all are of
/// one. What is said to be another kind of number would be somebody else's.
fn number(address: &Address, homes: &Homes) -> Option<PhoneNumber> {
    let national = || {
        let [home] = homes.countries()[..] else { return None };
        Region::of(home)?.complete(&NationalNumber::from_digits(address.digits()?)?).ok()
    };
    match address.number_type() {
        NumberType::International => address.to_phone(),
        NumberType::Unknown => PhoneNumber::from_digits(address.digits()?).ok().or_else(national),
        NumberType::National => national(),
        _ => None,
    }
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

    fn homes(mccs: &[&str]) -> Homes {
        Homes::new(mccs.iter().map(|mcc| (*mcc).to_owned()))
    }

    #[test]
    fn a_number_is_known_whether_or_not_its_type_is_given_back() {
        let (expected, homes) = (PhoneNumber::parse("+15551234567").unwrap(), homes(&["262"]));
        assert_eq!(number(&Address::from(&expected), &homes), Some(expected.clone()));
        assert_eq!(number(&Address::short_code("15551234567").unwrap(), &homes), Some(expected));
        assert_eq!(number(&Address::alphanumeric("Operator").unwrap(), &homes), None);
    }

    #[test]
    fn a_number_within_the_country_of_the_sims_is_one_of_that_country() {
        let expected = PhoneNumber::parse("+4915112345678").ok();
        for written in ["15112345678", "015112345678"] {
            assert_eq!(number(&Address::national(written).unwrap(), &homes(&["262"])), expected, "{written}");
        }
        assert_eq!(number(&Address::short_code("015112345678").unwrap(), &homes(&["262"])), expected);
    }

    #[test]
    fn a_number_within_a_country_is_not_taken_for_one_in_another() {
        let national = Address::national("15112345678").unwrap();
        for mccs in [&[][..], &["262", "232"], &["208"], &["722"]] {
            assert_eq!(number(&national, &homes(mccs)), None, "{mccs:?}");
        }
    }
}
