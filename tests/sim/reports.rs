//! Reports at the wrong time, and storages that do not do as they say.

use std::time::Duration;

use smsotpd::pdu::{Frame, StatusReport};
use smsotpd::sim::{Fault, ReportFault, StorageName};

use crate::typist::{Typist, alice, carrier, device};

const MINUTE: Duration = Duration::from_secs(60);

/// The numbers of the messages on which reports came.
fn reported(said: &str) -> Vec<u8> {
    let pdus = said.lines().filter(|line| line.starts_with("07"));
    pdus.map(|line| StatusReport::decode(&Frame::from_hex(line).unwrap().tpdu).unwrap().reference.0).collect()
}

#[tokio::test(start_paused = true)]
async fn a_report_can_come_before_the_answer() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    typist.at("+CNMI=2,1,0,1,0").await;
    device.faults().queue(Fault::Report(ReportFault::Early));
    let answer = typist.send(&alice(), "hello").await.remove(0);
    assert!(answer[0].starts_with("+CDS: ") && answer[2] == "+CMGS: 0", "{answer:?}");
    assert_eq!(typist.after(60 * MINUTE).await, "");
    assert_eq!(device.carrier().handset(&alice()).inbox().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_report_can_come_twice_never_late_or_behind_another() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    typist.at("+CNMI=2,1,0,1,0").await;
    for (fault, numbers) in
        [(ReportFault::Twice, vec![0, 0]), (ReportFault::Never, vec![]), (ReportFault::None, vec![2])]
    {
        device.faults().queue(Fault::Report(fault));
        typist.send(&alice(), "hello").await;
        assert_eq!(reported(&typist.after(MINUTE).await), numbers, "{fault:?}");
    }
    device.faults().queue(Fault::Report(ReportFault::Late(120 * MINUTE)));
    typist.send(&alice(), "hello").await;
    assert!(reported(&typist.after(119 * MINUTE).await).is_empty());
    assert_eq!(reported(&typist.after(2 * MINUTE).await), [3]);
    device.faults().queue(Fault::Report(ReportFault::OutOfOrder));
    typist.send(&alice(), "first").await;
    assert!(reported(&typist.after(MINUTE).await).is_empty());
    typist.send(&alice(), "second").await;
    assert_eq!(reported(&typist.after(MINUTE).await), [5, 4]);
}

#[tokio::test(start_paused = true)]
async fn the_number_of_a_message_wraps_and_can_start_anew() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    device.faults().queue(Fault::NextReference(255));
    assert_eq!(typist.send(&alice(), "one").await[0][0], "+CMGS: 255");
    assert_eq!(typist.send(&alice(), "two").await[0][0], "+CMGS: 0");
    device.faults().queue(Fault::ReferenceRestarts(true));
    assert_eq!(typist.send(&alice(), "three").await[0][0], "+CMGS: 1");
    typist.unplug().await;
    let mut typist = Typist::ready(&device).await;
    assert_eq!(typist.send(&alice(), "four").await[0][0], "+CMGS: 0");
}

#[tokio::test(start_paused = true)]
async fn a_full_storage_takes_nothing_and_the_network_waits() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    typist.at("+CMER=2,0,0,2").await;
    typist.at("+CNMI=2,1,0,2,0").await;
    device.faults().queue(Fault::Full(StorageName::Reports));
    assert_eq!(typist.after(MINUTE).await, "\r\n+CIEV: 8,1\r\n");
    typist.send(&alice(), "hello").await;
    assert_eq!(typist.after(MINUTE).await, "");
    typist.at("+CPMS=\"SR\"").await;
    typist.write("AT+CMGD=7\r").await;
    assert_eq!(typist.after(MINUTE).await, "\r\nOK\r\n\r\n+CDSI: \"SR\",7\r\n\r\n+CIEV: 8,1\r\n");
    device.faults().queue(Fault::Full(StorageName::Sim));
    typist.after(MINUTE).await;
    typist.at("+CPMS=\"SM\",\"SM\",\"SM\"").await;
    typist.write("AT+CMGW=19\r").await;
    typist.until("> ").await;
    typist.write("0011000B915155214365F70000A705E8329BFD06\x1a").await;
    assert_eq!(typist.result().await, ["+CMS ERROR: 322"]);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_can_do_nothing_and_an_announcement_can_come_twice() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    typist.at("+CNMI=2,1,0,0,0").await;
    device.faults().queue(Fault::AnnouncesTwice);
    device.carrier().handset(&alice()).send(&device.settings().number, "hello").unwrap();
    assert_eq!(typist.after(MINUTE).await, "\r\n+CMTI: \"SM\",1\r\n\r\n+CMTI: \"SM\",1\r\n");
    device.faults().queue(Fault::DeletesNothing(2));
    for left in [2, 2, 0] {
        assert_eq!(typist.at("+CMGD=1").await, ["OK"]);
        assert_eq!(typist.at("+CMGL=4").await.len() - 1, left);
    }
}
