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

use std::collections::BTreeSet;

use rand::Rng as _;
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use tokio::sync::mpsc;

use crate::country::{self, Country, Region};
use crate::guard::Homes;
use crate::ids::{InboxId, ModemName, SimId};
use crate::modem::{Arrival, Event};
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
    while let Some(Event { modem, sim, arrival, done }) = events.recv().await {
        let taken = match arrival {
            Arrival::Report(report) => take_report(&store, &modem, &sim, &report).await,
            Arrival::Message(deliver) => take_message(&store, &opt_out, &modem, &sim, &deliver).await,
        };
        match taken {
            Ok(()) => done.acknowledge(),
            Err(StoreError::Gone) => return Err(StoreError::Gone),
            Err(error) => tracing::warn!(%error, "what came in could not be stored; the modem keeps it"),
        }
    }
    Ok(())
}

async fn take_report(store: &Store, modem: &ModemName, sim: &SimId, report: &StatusReport) -> Result<(), StoreError> {
    let readings = readings(&report.recipient, &store.homes());
    let Some(likeliest) = readings.first().cloned() else {
        tracing::info!(modem.name = %modem, "it cannot be told whose number a status report is about; dropped");
        return Ok(());
    };
    let about = |to| Report {
        sim: sim.clone(),
        to,
        reference: report.reference,
        outcome: outcome(report.status.class()),
        status_octet: report.status.octet(),
    };
    let settled = store.settle_report(readings.into_iter().map(about).collect()).await?;
    let (matched, to) = (settled.is_some(), settled.unwrap_or(likeliest));
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
    let choice = choice(store, opt_out, deliver).await?;
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

/// What the sender chooses, if the message is one of the words and comes from a number. Of several numbers that it can be,
/// the one that was written to; when that is none or more than one, nobody's choice is guessed at.
async fn choice(
    store: &Store,
    opt_out: &Settings,
    deliver: &Deliver,
) -> Result<Option<(PhoneNumber, Choice)>, StoreError> {
    let alone = deliver.user_data.concatenation().is_none_or(|part| part.total == 1);
    let Some(choice) = alone.then(|| opt_out.choice(&deliver.user_data.text())).flatten() else { return Ok(None) };
    let readings = readings(&deliver.originator, &store.homes());
    if let [sender] = &readings[..] {
        return Ok(Some((sender.clone(), choice)));
    }
    let mut senders = Vec::new();
    for reading in readings {
        if store.has_written_to(&reading).await? {
            senders.push(reading);
        }
    }
    let [sender] = &senders[..] else {
        tracing::warn!("it cannot be told whose number asks for messages to stop or start; see the inbox");
        return Ok(None);
    };
    Ok(Some((sender.clone(), choice)))
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

/// What number an address can be, the likeliest first. Some service centres give the digits of an international number
/// back without saying that it is one; others write a number as it is written within the country, which is one of those
/// that the site's SIMs are from. What is said to be another kind of number would be somebody else's.
fn readings(address: &Address, homes: &Homes) -> Vec<PhoneNumber> {
    let digits = address.digits().and_then(NationalNumber::from_digits);
    let mut readings = match (address.number_type(), digits) {
        (NumberType::International, _) => address.to_phone().into_iter().collect(),
        (NumberType::National, Some(digits)) => at_home(&digits, homes),
        (NumberType::Unknown, Some(digits)) => {
            let international = digits.digits().strip_prefix("00").unwrap_or(digits.digits());
            at_home(&digits, homes).into_iter().chain(PhoneNumber::from_digits(international).ok()).collect()
        }
        _ => Vec::new(),
    };
    readings = readings.into_iter().map(country::as_one_number).collect();
    readings.dedup();
    readings
}

/// The numbers that these digits are in the countries that the SIMs are from, and those whose networks share their codes.
fn at_home(digits: &NationalNumber, homes: &Homes) -> Vec<PhoneNumber> {
    let is_home = |country: &&Country| country.mccs().any(|mcc| homes.mccs().iter().any(|home| home == mcc));
    let regions = country::all().iter().filter(is_home).filter_map(Region::of);
    let numbers: BTreeSet<PhoneNumber> = regions.filter_map(|region| region.complete_from_network(digits)).collect();
    numbers.into_iter().collect()
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

    fn read(address: Result<Address, EncodeError>, mccs: &[&str]) -> Vec<String> {
        let homes = Homes::new(mccs.iter().map(|mcc| (*mcc).to_owned()));
        readings(&address.unwrap(), &homes).iter().map(PhoneNumber::e164).collect()
    }

    #[test]
    fn a_number_is_known_whether_or_not_its_type_is_given_back() {
        assert_eq!(read(Address::international("15551234567"), &["262"]), ["+15551234567"]);
        assert_eq!(read(Address::short_code("15551234567"), &["208"]), ["+15551234567"]);
        assert_eq!(read(Address::alphanumeric("Operator"), &["262"]), Vec::<String>::new());
    }

    #[test]
    fn a_number_within_the_country_of_the_sims_is_one_of_that_country() {
        for written in ["15112345678", "015112345678"] {
            assert_eq!(read(Address::national(written), &["262"]), ["+4915112345678"], "{written}");
        }
        assert_eq!(read(Address::short_code("015112345678"), &["262"]), ["+4915112345678"]);
        assert_eq!(read(Address::national("7781123456"), &["234", "235"]), ["+447781123456"]);
    }

    #[test]
    fn digits_without_a_type_can_be_a_number_at_home_or_one_with_its_country_code() {
        assert_eq!(read(Address::short_code("612345678"), &["208"]), ["+33612345678", "+612345678"]);
        assert_eq!(read(Address::short_code("40612345"), &["242"]), ["+4740612345", "+40612345"]);
        assert_eq!(read(Address::short_code("2125551234"), &["310"]), ["+12125551234", "+2125551234"]);
        assert_eq!(read(Address::short_code("004915112345678"), &["208"]), ["+4915112345678"]);
        assert_eq!(read(Address::short_code("171717"), &["244"]), Vec::<String>::new());
    }

    #[test]
    fn networks_that_countries_share_give_a_number_in_the_one_it_looks_like() {
        assert_eq!(read(Address::national("0412345678"), &["505"]), ["+61412345678"]);
        assert_eq!(read(Address::national("0696201234"), &["340"]), ["+596696201234"]);
        assert_eq!(read(Address::national("0639012345"), &["647"]), ["+262639012345"]);
        assert_eq!(read(Address::national("0599123456"), &["425"]), ["+970599123456", "+972599123456"]);
    }

    #[test]
    fn a_number_within_a_country_is_not_taken_for_one_in_another() {
        // No SIM known, one of another country, one of a country whose numbers cannot be read so.
        for mccs in [&[][..], &["208"], &["722"]] {
            assert_eq!(read(Address::national("15112345678"), mccs), Vec::<String>::new(), "{mccs:?}");
        }
    }
}
