//! From the modem to a handset and back: time, loss, expiry, reports, long and replaced messages.

use std::time::Duration;

use smsotpd::pdu::{self, DeliveryStatus, Frame, MessageClass, ProtocolId, RelativeValidity, StatusReport, Validity};
use smsotpd::sim::{Carrier, CarrierSettings, Device, DeviceSettings};
use tokio::time::Instant;

use crate::typist::{Typist, alice, carrier, device, submit};

fn part(text: &str) -> pdu::UserData {
    pdu::segment(text, 0).unwrap().remove(0)
}

async fn next_report(typist: &mut Typist) -> StatusReport {
    let lines = typist.indication("+CDS", 2).await;
    StatusReport::decode(&Frame::from_hex(&lines[1]).unwrap().tpdu).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_message_takes_the_submit_time_and_then_the_delivery_time() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    typist.at("+CNMI=2,1,0,1,0").await;
    let start = Instant::now();
    assert_eq!(typist.send(&alice(), "hello").await, [["+CMGS: 0", "OK"]]);
    assert_eq!(start.elapsed().as_secs(), 1);
    assert_eq!(device.carrier().handset(&alice()).inbox(), []);
    assert_eq!(next_report(&mut typist).await.status, DeliveryStatus::RECEIVED);
    assert_eq!(start.elapsed().as_secs(), 3);
    assert_eq!(device.carrier().handset(&alice()).inbox()[0].text.expose(), "hello");
}

#[tokio::test(start_paused = true)]
async fn a_long_text_is_whole_again_on_the_handset() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    let mut arrivals = device.carrier().arrivals();
    for text in ["0123456789".repeat(30), "Schlüßel €{}".repeat(40), "Ключ 😀 ".repeat(50)] {
        let answers = typist.send(&alice(), &text).await;
        assert!(answers.len() > 1 && answers.iter().all(|answer| answer[1] == "OK"), "{answers:?}");
        let received = arrivals.recv().await.unwrap();
        assert_eq!((received.to, received.received.text.expose()), (alice(), text.as_str()));
        assert_eq!(received.received.parts, answers.len());
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_text_from_a_handset_reaches_the_modem_in_parts() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    typist.at("+CNMI=2,2,0,0,0").await;
    let text = "Ключ 😀 ".repeat(20);
    device.carrier().handset(&alice()).send(&device.settings().number, &text).unwrap();
    let lines = typist.indication("+CMT", 6).await;
    let parts: Vec<_> = lines
        .iter()
        .filter(|line| !line.starts_with("+CMT"))
        .map(|hex| pdu::Deliver::decode(&Frame::from_hex(hex).unwrap().tpdu).unwrap().user_data)
        .collect();
    assert_eq!(pdu::reassemble(&parts), text);
}

#[tokio::test(start_paused = true)]
async fn two_modems_of_one_carrier_can_write_to_each_other() {
    let carrier = carrier();
    let (one, two) = (device(&carrier), Device::new(DeviceSettings::numbered(2), carrier.clone()));
    let (mut first, mut second) = (Typist::ready(&one).await, Typist::ready(&two).await);
    second.at("+CNMI=2,1,0,0,0").await;
    first.send(&two.settings().number, "hello").await;
    second.indication("+CMTI: \"SM\",1", 1).await;
    let read = second.at("+CMGR=1").await;
    let deliver = pdu::Deliver::decode(&Frame::from_hex(&read[1]).unwrap().tpdu).unwrap();
    assert_eq!(deliver.originator.to_phone().as_ref(), Some(&one.settings().number));
}

#[tokio::test(start_paused = true)]
async fn the_reference_wraps_at_256_and_outlives_unplugging() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    for reference in 0..=255 {
        assert_eq!(typist.send(&alice(), "x").await[0][0], format!("+CMGS: {reference}"));
    }
    assert_eq!(typist.send(&alice(), "x").await[0][0], "+CMGS: 0");
    typist.unplug().await;
    let mut typist = Typist::ready(&device).await;
    assert_eq!(typist.send(&alice(), "x").await[0][0], "+CMGS: 1");
}

#[tokio::test(start_paused = true)]
async fn an_expired_message_is_reported_and_never_arrives() {
    let slow = CarrierSettings { delivery_time: Duration::from_secs(600), ..CarrierSettings::default() };
    let device = device(&Carrier::new(slow));
    let mut typist = Typist::ready(&device).await;
    typist.at("+CNMI=2,1,0,1,0").await;
    let mut message = submit(&alice(), part("too late"));
    message.validity = Some(Validity::Relative(RelativeValidity::at_least(Duration::from_secs(300))));
    typist.type_pdu(&message).await;
    typist.result().await;
    let accepted = Instant::now();
    assert_eq!(next_report(&mut typist).await.status, DeliveryStatus::EXPIRED);
    assert_eq!(accepted.elapsed().as_secs(), 300);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(device.carrier().handset(&alice()).inbox(), []);
}

#[tokio::test(start_paused = true)]
async fn a_lost_message_is_reported_only_when_its_validity_ends() {
    let lossy = CarrierSettings { loss: 1.0, ..CarrierSettings::default() };
    let device = device(&Carrier::new(lossy));
    let mut typist = Typist::ready(&device).await;
    typist.at("+CNMI=2,1,0,1,0").await;
    typist.send(&alice(), "lost, and kept for ever").await;
    assert_eq!(typist.after(Duration::from_secs(100_000)).await, "");
    let mut message = submit(&alice(), part("lost"));
    message.validity = Some(Validity::Relative(RelativeValidity::at_least(Duration::from_secs(300))));
    typist.type_pdu(&message).await;
    typist.result().await;
    let report = next_report(&mut typist).await;
    assert_eq!((report.status, report.reference.0), (DeliveryStatus::EXPIRED, 1));
    assert_eq!(device.carrier().handset(&alice()).inbox(), []);
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_loses_the_same_messages() {
    let arrived = async |seed| {
        let settings = CarrierSettings { loss: 0.5, seed, ..CarrierSettings::default() };
        let device = device(&Carrier::new(settings));
        let mut typist = Typist::ready(&device).await;
        for number in 0..40 {
            typist.send(&alice(), &number.to_string()).await;
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
        let inbox = device.carrier().handset(&alice()).inbox();
        inbox.iter().map(|received| received.text.expose().to_owned()).collect::<Vec<_>>()
    };
    let (first, again, other) = (arrived(1).await, arrived(1).await, arrived(2).await);
    assert_eq!(first, again);
    assert_ne!(first, other);
    assert!((5..35).contains(&first.len()), "{}", first.len());
}

#[tokio::test(start_paused = true)]
async fn no_report_comes_unless_asked_for() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    typist.at("+CNMI=2,1,0,1,0").await;
    let mut message = submit(&alice(), part("hello"));
    message.status_report = false;
    typist.type_pdu(&message).await;
    typist.result().await;
    assert_eq!(typist.after(Duration::from_secs(3600)).await, "");
}

#[tokio::test(start_paused = true)]
async fn a_replacing_message_takes_the_place_of_the_older_one() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    let handset = device.carrier().handset(&alice());
    for (text, kind) in [("plain", None), ("old", Some(1)), ("other", Some(2)), ("new", Some(1))] {
        let mut message = submit(&alice(), part(text));
        message.protocol = kind.and_then(ProtocolId::replace).unwrap_or_default();
        message.class = Some(MessageClass::Class0);
        typist.type_pdu(&message).await;
        typist.result().await;
        let received = handset.next().await;
        assert_eq!((received.text.expose(), received.replace_type), (text, kind));
        assert_eq!(received.class, Some(MessageClass::Class0));
    }
    let inbox: Vec<_> = handset.inbox().iter().map(|received| received.text.expose().to_owned()).collect();
    assert_eq!(inbox, ["plain", "new", "other"]);
}

#[tokio::test(start_paused = true)]
async fn reports_wait_in_the_network_while_the_modem_is_unplugged() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    typist.send(&alice(), "hello").await;
    typist.unplug().await;
    device.carrier().handset(&alice()).next().await;
    let mut typist = Typist::ready(&device).await;
    typist.at("+CPMS=\"SR\"").await;
    assert_eq!(typist.at("+CMGL=4").await.len(), 3);
}
