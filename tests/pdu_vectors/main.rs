//! PDUs that others wrote down, so that what we read and write is what they read and write.
//!
//! Every vector names its source: repository, file, licence. Only the octets and what they mean come from there. Each is
//! read, compared with what its source says of it, and written again to the same octets.

#![allow(clippy::unwrap_used, reason = "in a test, what is not there is a failure")]

mod android;
mod futomi_node_sms_pdu;
mod hbjorgo_atlib;
mod jackkum_node_pdu;
mod national;
mod qotto_smspdudecoder;
mod warthog618_sms;
mod xlab_at;

use std::time::Duration;

use smsotpd::ids::MessageReference;
use smsotpd::pdu::{
    Address, Concatenation, Deliver, DeliveryClass, DeliveryStatus, Encoding, Frame, Indication, Language,
    MessageClass, MessageWaiting, NumberType, ProtocolId, RelativeValidity, StatusReport, Submit, UserData, Validity,
    from_hex, measure, reassemble, segment, segment_in, to_hex,
};

/// Service centre, sender, time in UTC, text.
type Meaning = (&'static str, &'static str, &'static str, &'static str);

/// Reads an SMS-DELIVER in its frame and writes it again.
fn deliver(hex: &str) -> (Frame, Deliver) {
    let frame = Frame::from_hex(hex).unwrap();
    let deliver = Deliver::decode(&frame.tpdu).unwrap();
    let again = Frame { service_centre: frame.service_centre.clone(), tpdu: deliver.encode().unwrap() };
    assert_eq!(again.to_hex().unwrap(), hex.to_uppercase());
    (frame, deliver)
}

/// Reads an SMS-SUBMIT in its frame and writes it again.
fn submit(hex: &str) -> (Frame, Submit) {
    let frame = Frame::from_hex(hex).unwrap();
    let submit = Submit::decode(&frame.tpdu).unwrap();
    let again = Frame { service_centre: frame.service_centre.clone(), tpdu: submit.encode().unwrap() };
    assert_eq!(again.to_hex().unwrap(), hex.to_uppercase());
    (frame, submit)
}

fn check(hex: &str, (service_centre, from, at, text): Meaning) {
    let (frame, deliver) = deliver(hex);
    assert_eq!(frame.service_centre.map(|address| address.text()).unwrap_or_default(), service_centre);
    assert_eq!((deliver.originator.text().as_str(), deliver.user_data.text().as_str()), (from, text));
    assert_eq!(deliver.timestamp.to_string(), at);
}

fn part(reference: u16, total: u8, sequence: u8) -> Option<Concatenation> {
    Some(Concatenation { reference, total, sequence })
}

/// What a sender who asks for nothing writes to `destination`, one PDU for each part.
fn plain_submits(destination: &Address, text: &str, concatenation: u16, references: [u8; 3]) -> Vec<Submit> {
    let submit = |(user_data, reference): (UserData, u8)| Submit {
        reject_duplicates: false,
        status_report: false,
        reply_path: false,
        reference: MessageReference(reference),
        destination: destination.clone(),
        protocol: ProtocolId::ORDINARY,
        class: None,
        validity: None,
        user_data,
    };
    segment(text, concatenation).unwrap().into_iter().zip(references).map(submit).collect()
}

fn hex_of(submits: &[Submit]) -> Vec<String> {
    submits.iter().map(|submit| to_hex(&submit.encode().unwrap())).collect()
}
