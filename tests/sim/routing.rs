//! Where messages and reports go: `+CNMI`, `+CSMS`, `+CNMA` (3GPP TS 27.005 §3.4).

use std::time::Duration;

use smsotpd::pdu::{Deliver, DeliveryStatus, Frame, StatusReport};

use crate::typist::{Typist, alice, carrier, device};

fn report(hex: &str) -> StatusReport {
    StatusReport::decode(&Frame::from_hex(hex).unwrap().tpdu).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_message_can_be_routed_to_the_port() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    typist.at("+CNMI=2,2,0,0,0").await;
    device.carrier().handset(&alice()).send(&device.settings().number, "straight through").unwrap();
    let lines = typist.indication("+CMT: ,", 2).await;
    let frame = Frame::from_hex(&lines[1]).unwrap();
    assert_eq!(lines[0], format!("+CMT: ,{}", frame.length()));
    assert_eq!(Deliver::decode(&frame.tpdu).unwrap().user_data.text(), "straight through");
    assert_eq!(typist.at("+CMGL=4").await, ["OK"]);
}

#[tokio::test(start_paused = true)]
async fn a_report_can_be_routed_stored_or_kept_quietly() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    typist.at("+CNMI=2,1,0,1,0").await;
    typist.send(&alice(), "one").await;
    let lines = typist.indication("+CDS: ", 2).await;
    let frame = Frame::from_hex(&lines[1]).unwrap();
    assert_eq!(lines[0], format!("+CDS: {}", frame.length()));
    assert_eq!(report(&lines[1]).status, DeliveryStatus::RECEIVED);
    assert_eq!(report(&lines[1]).recipient.to_phone(), Some(alice()));

    typist.at("+CNMI=2,1,0,2,0").await;
    typist.send(&alice(), "two").await;
    typist.indication("+CDSI: \"SR\",1", 1).await;
    typist.at("+CPMS=\"SR\"").await;
    assert_eq!(report(&typist.at("+CMGR=1").await[1]).reference.0, 1);

    typist.at("+CNMI=2,1,0,0,0").await;
    typist.send(&alice(), "three").await;
    assert_eq!(typist.after(Duration::from_secs(60)).await, "");
    assert_eq!(report(&typist.at("+CMGR=2").await[1]).reference.0, 2);
}

#[tokio::test(start_paused = true)]
async fn announcements_wait_for_a_mode_that_lets_them_out() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    typist.at("+CNMI=0,1,0,0,0").await;
    device.carrier().handset(&alice()).send(&device.settings().number, "hello").unwrap();
    assert_eq!(typist.after(Duration::from_secs(60)).await, "");
    typist.write("AT+CNMI=2,1,0,0,0\r").await;
    assert_eq!(typist.until("OK\r\n").await, "\r\n+CMTI: \"SM\",1\r\n\r\nOK\r\n");
}

#[tokio::test(start_paused = true)]
async fn what_is_routed_must_be_acknowledged_from_phase_2_plus_on() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    typist.at("+CSMS=1").await;
    typist.at("+CNMI=2,1,0,1,0").await;
    assert_eq!(typist.at("+CNMA").await, ["+CMS ERROR: 340"]);
    device.hold_reports(true);
    typist.send(&alice(), "one").await;
    typist.send(&alice(), "two").await;
    assert_eq!(typist.after(Duration::from_secs(5)).await, "");
    device.hold_reports(false);
    assert_eq!(report(&typist.indication("+CDS", 2).await[1]).reference.0, 0);
    assert_eq!(typist.after(Duration::from_secs(5)).await, "");
    typist.write("AT+CNMA\r").await;
    typist.until("OK\r\n").await;
    assert_eq!(report(&typist.indication("+CDS", 2).await[1]).reference.0, 1);
}

#[tokio::test(start_paused = true)]
async fn a_report_nobody_acknowledged_is_kept_by_the_network() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    typist.at("+CSMS=1").await;
    typist.at("+CNMI=2,1,0,1,0").await;
    typist.send(&alice(), "one").await;
    typist.indication("+CDS", 2).await;
    typist.unplug().await;
    let mut typist = Typist::ready(&device).await;
    typist.at("+CPMS=\"SR\"").await;
    assert_eq!(report(&typist.at("+CMGR=1").await[1]).reference.0, 0);
}

#[tokio::test(start_paused = true)]
async fn choosing_the_route_again_offers_what_nobody_acknowledged() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    typist.at("+CSMS=1").await;
    typist.at("+CNMI=2,1,0,1,0").await;
    typist.send(&alice(), "one").await;
    typist.indication("+CDS", 2).await;
    typist.write("AT+CNMI=2,1,0,1,0\r").await;
    typist.until("OK\r\n").await;
    assert_eq!(report(&typist.indication("+CDS", 2).await[1]).reference.0, 0);
    assert_eq!(typist.at("+CNMA").await, ["OK"]);
    assert_eq!(typist.after(Duration::from_secs(3600)).await, "");
}

#[tokio::test(start_paused = true)]
async fn routing_stops_when_acknowledgements_do_not_come() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    typist.at("+CSMS=1").await;
    typist.at("+CNMI=2,1,0,1,0").await;
    typist.send(&alice(), "one").await;
    typist.indication("+CDS", 2).await;
    assert_eq!(typist.after(Duration::from_secs(61)).await, "");
    assert_eq!(typist.ask("+CNMI?").await, "+CNMI: 2,0,0,0,0");
}
