//! PDUs in and out of octets.

use std::hint::black_box;
use std::time::{Duration, Instant};

use smsotpd::clock::Timestamp;
use smsotpd::ids::MessageReference;
use smsotpd::pdu::{
    Address, Deliver, DeliveryStatus, Encoding, Language, ProtocolId, RelativeValidity, ServiceCentreTime,
    StatusReport, Submit, UserData, Validity, segment, segment_in,
};
use smsotpd::phone::PhoneNumber;

use super::Effort;
use super::table::Row;

const MICROSECOND: Duration = Duration::from_micros(1);

/// A code's message out, its report in, and an ordinary text and a Turkish one.
pub(crate) async fn codec(effort: Effort) -> anyhow::Result<Vec<Row>> {
    let submit = submit()?;
    let report = report()?.encode()?;
    let turkish = segment_in(&"sığırcık ".repeat(17), Encoding::National(Language::Turkish), 0)?.remove(0);
    let turkish = deliver(turkish)?.encode()?;
    let deliver = deliver(segment(&"0123456789abcdef".repeat(10), 0)?.remove(0))?.encode()?;
    let encode = each(effort, || drop(black_box(black_box(&submit).encode())));
    let of_report = each(effort, || drop(black_box(StatusReport::decode(black_box(&report)))));
    let of_text = each(effort, || drop(black_box(Deliver::decode(black_box(&deliver)))));
    let text = |tpdu: &[u8]| Deliver::decode(tpdu).map(|deliver| deliver.user_data.text());
    let of_turkish = each(effort, || drop(black_box(text(black_box(&turkish)))));
    let row = |what, time: Duration| {
        Row::new(what, "under 1 us", format!("{:.2} us", time.as_secs_f64() * 1e6), time < MICROSECOND)
    };
    Ok(vec![
        row("pdu: encode an SMS-SUBMIT with a code", encode),
        row("pdu: decode its SMS-STATUS-REPORT", of_report),
        row("pdu: decode an SMS-DELIVER with 160 characters", of_text),
        row("pdu: decode one with 153 Turkish characters, and read them", of_turkish),
    ])
}

fn submit() -> anyhow::Result<Submit> {
    let text = "123456 is your Example code. It is valid for 5 minutes.";
    Ok(Submit {
        reject_duplicates: false,
        status_report: true,
        reply_path: false,
        reference: MessageReference::default(),
        destination: Address::from(&PhoneNumber::parse("+15551234567")?),
        protocol: ProtocolId::default(),
        class: None,
        validity: Some(Validity::Relative(RelativeValidity::at_least(Duration::from_secs(300)))),
        user_data: segment(text, 0)?.remove(0),
    })
}

fn report() -> anyhow::Result<StatusReport> {
    let time = ServiceCentreTime::new(Timestamp::from_second(1_700_000_000)?);
    Ok(StatusReport {
        more_to_come: false,
        of_command: false,
        reference: MessageReference(7),
        recipient: Address::from(&PhoneNumber::parse("+15551234567")?),
        submitted: time,
        discharged: time,
        status: DeliveryStatus::RECEIVED,
        protocol: None,
        coding: None,
        user_data: None,
    })
}

fn deliver(user_data: UserData) -> anyhow::Result<Deliver> {
    Ok(Deliver {
        more_to_come: false,
        status_report: false,
        reply_path: false,
        originator: Address::from(&PhoneNumber::parse("+15551234567")?),
        protocol: ProtocolId::default(),
        coding: user_data.coding(None),
        timestamp: ServiceCentreTime::new(Timestamp::from_second(1_700_000_000)?),
        user_data,
    })
}

/// How long one call takes: the best of some rounds, since whatever disturbs makes it longer.
fn each(effort: Effort, mut call: impl FnMut()) -> Duration {
    const CALLS: u32 = 20_000;
    let round = |_| {
        let started = Instant::now();
        (0..CALLS).for_each(|_| call());
        started.elapsed() / CALLS
    };
    (0..effort.of(50)).map(round).min().unwrap_or_default()
}
