//! Storing, listing, reading and deleting: 3GPP TS 27.005 §3.2 to 3.5.

use smsotpd::pdu::{Deliver, Frame};

use crate::typist::{Typist, alice, carrier, device, submit};

/// Lets Alice send this to the modem and waits until it is stored.
async fn receive(typist: &mut Typist, device: &smsotpd::sim::Device, text: &str) -> String {
    device.carrier().handset(&alice()).send(&device.settings().number, text).unwrap();
    typist.indication("+CMTI", 1).await.remove(0)
}

#[tokio::test(start_paused = true)]
async fn a_message_is_stored_listed_read_and_deleted() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    typist.at("+CNMI=2,1,0,0,0").await;
    assert_eq!(receive(&mut typist, &device, "hello modem").await, "+CMTI: \"SM\",1");
    assert_eq!(typist.ask("+CPMS?").await, "+CPMS: \"SM\",1,30,\"SM\",1,30,\"SM\",1,30");

    let listed = typist.at("+CMGL=0").await;
    assert!(listed[0].starts_with("+CMGL: 1,0,,"), "{listed:?}");
    let frame = Frame::from_hex(&listed[1]).unwrap();
    assert_eq!(listed[0], format!("+CMGL: 1,0,,{}", frame.length()));
    let deliver = Deliver::decode(&frame.tpdu).unwrap();
    assert_eq!(deliver.user_data.text(), "hello modem");
    assert_eq!(deliver.originator.to_phone(), Some(alice()));

    assert_eq!(typist.at("+CMGL=0").await, ["OK"]);
    let read = typist.at("+CMGR=1").await;
    assert_eq!(read[0], format!("+CMGR: 1,,{}", frame.length()));
    assert_eq!(typist.at("+CMGD=1").await, ["OK"]);
    assert_eq!(typist.at("+CMGR=1").await, ["+CMS ERROR: 321"]);
    assert_eq!(typist.at("+CMGD=31").await, ["+CMS ERROR: 321"]);
}

#[tokio::test(start_paused = true)]
async fn messages_survive_unplugging() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    typist.at("+CNMI=2,1,0,0,0").await;
    receive(&mut typist, &device, "keep me").await;
    typist.unplug().await;
    let mut typist = Typist::ready(&device).await;
    assert_eq!(typist.at("+CMGL=4").await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_waits_in_the_network_until_there_is_room() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    typist.at("+CNMI=2,1,0,0,0").await;
    for _ in 0..30 {
        receive(&mut typist, &device, "full").await;
    }
    device.carrier().handset(&alice()).send(&device.settings().number, "one more").unwrap();
    assert_eq!(typist.after(std::time::Duration::from_secs(60)).await, "");
    typist.write("AT+CMGD=7\r").await;
    assert_eq!(typist.until("+CMTI: \"SM\",7\r\n").await, "\r\nOK\r\n\r\n+CMTI: \"SM\",7\r\n");
}

#[tokio::test(start_paused = true)]
async fn flags_delete_what_was_read_sent_or_all() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    typist.at("+CNMI=2,1,0,0,0").await;
    receive(&mut typist, &device, "read").await;
    typist.at("+CMGR=1").await;
    receive(&mut typist, &device, "unread").await;
    let used = async |typist: &mut Typist| typist.ask("+CPMS?").await.split(',').nth(1).map(str::to_owned);
    typist.at("+CMGD=1,1").await;
    assert_eq!(used(&mut typist).await.as_deref(), Some("1"));
    assert!(typist.at("+CMGR=2").await[0].starts_with("+CMGR: 0"));
    typist.at("+CMGD=1,4").await;
    assert_eq!(used(&mut typist).await.as_deref(), Some("0"));
}

#[tokio::test(start_paused = true)]
async fn storages_are_apart() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    assert_eq!(typist.ask("+CPMS=\"ME\",\"ME\",\"ME\"").await, "+CPMS: 0,255,0,255,0,255");
    typist.at("+CNMI=2,1,0,0,0").await;
    assert_eq!(receive(&mut typist, &device, "hello").await, "+CMTI: \"ME\",1");
    assert_eq!(typist.ask("+CPMS=\"SM\"").await, "+CPMS: 0,30,1,255,1,255");
    assert_eq!(typist.at("+CPMS=\"XX\"").await, ["+CMS ERROR: 302"]);
}

#[tokio::test(start_paused = true)]
async fn a_written_message_is_sent_from_its_place() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    let part = smsotpd::pdu::segment("from storage", 0).unwrap().remove(0);
    let frame = Frame { service_centre: None, tpdu: submit(&alice(), part).encode().unwrap() };
    typist.write(format!("AT+CMGW={}\r", frame.length())).await;
    typist.until("\r\n> ").await;
    typist.write(format!("{}\x1a", frame.to_hex().unwrap())).await;
    assert_eq!(typist.result().await, ["+CMGW: 1", "OK"]);
    assert!(typist.at("+CMGL=2").await[0].starts_with("+CMGL: 1,2,,"));
    assert_eq!(typist.at("+CMSS=1").await, ["+CMSS: 0", "OK"]);
    assert!(typist.at("+CMGL=3").await[0].starts_with("+CMGL: 1,3,,"));
    assert_eq!(device.carrier().handset(&alice()).next().await.text.expose(), "from storage");
    assert_eq!(typist.at("+CMSS=2").await, ["+CMS ERROR: 321"]);
}
