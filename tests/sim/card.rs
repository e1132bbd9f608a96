//! The SIM: codes and their tries, absence, trouble, another network's lock.

use std::time::Duration;

use smsotpd::sim::{CardFault, Device, DeviceSettings, Family, Fault};

use crate::typist::{Typist, alice, carrier, device};

fn asks_pin() -> Fault {
    Fault::Card(CardFault::AsksPin { pin: "1234".to_owned() })
}

async fn counter(typist: &mut Typist) -> String {
    typist.ask("+CSIM=10,\"0020000100\"").await
}

#[tokio::test(start_paused = true)]
async fn a_pin_is_asked_for_at_each_start_until_it_is_given() {
    let device = device(&carrier());
    device.faults().queue(asks_pin());
    let mut typist = Typist::ready(&device).await;
    typist.after(Duration::from_secs(1)).await;
    assert_eq!(typist.ask("+CPIN?").await, "+CPIN: SIM PIN");
    assert_eq!(typist.at("+CMGF=0").await, ["+CMS ERROR: 311"]);
    assert_eq!(typist.at("+CIMI").await, ["+CME ERROR: 11"]);
    assert_eq!(typist.ask("+CREG?").await, "+CREG: 0,0");
    assert_eq!(typist.at("+CPIN=\"1234\"").await, ["OK"]);
    assert_eq!(typist.after(Duration::from_secs(1)).await, "\r\n+CPIN: READY\r\n");
    assert_eq!(typist.ask("+CPIN?").await, "+CPIN: READY");
    assert_eq!(typist.ask("+CREG?").await, "+CREG: 0,1");
    typist.unplug().await;
    let mut typist = Typist::ready(&device).await;
    assert_eq!(typist.ask("+CPIN?").await, "+CPIN: SIM PIN");
}

#[tokio::test(start_paused = true)]
async fn wrong_pins_cost_tries_and_then_the_puk_is_asked_for() {
    let device = device(&carrier());
    device.faults().queue(asks_pin());
    let mut typist = Typist::ready(&device).await;
    typist.after(Duration::from_secs(1)).await;
    assert_eq!(counter(&mut typist).await, "+CSIM: 4,\"63C3\"");
    assert_eq!(typist.at("+CPIN=\"0000\"").await, ["+CME ERROR: 16"]);
    assert_eq!(counter(&mut typist).await, "+CSIM: 4,\"63C2\"");
    typist.unplug().await;
    let mut typist = Typist::ready(&device).await;
    assert_eq!(counter(&mut typist).await, "+CSIM: 4,\"63C2\"");
    assert_eq!(typist.at("+CPIN=\"0000\"").await, ["+CME ERROR: 16"]);
    assert_eq!(typist.at("+CPIN=\"0000\"").await, ["+CME ERROR: 12"]);
    assert_eq!(typist.ask("+CPIN?").await, "+CPIN: SIM PUK");
    assert_eq!(counter(&mut typist).await, "+CSIM: 4,\"6983\"");
    assert_eq!(typist.at("+CPIN=\"1234\"").await, ["+CME ERROR: 12"]);
    assert_eq!(typist.at("+CPIN=\"11111111\",\"4321\"").await, ["+CME ERROR: 16"]);
    assert_eq!(typist.ask("+CSIM=10,\"002C000100\"").await, "+CSIM: 4,\"63C9\"");
    assert_eq!(typist.at("+CPIN=\"12345678\",\"4321\"").await, ["OK"]);
    typist.after(Duration::from_secs(1)).await;
    assert_eq!(typist.ask("+CPIN?").await, "+CPIN: READY");
}

#[tokio::test(start_paused = true)]
async fn each_family_counts_in_its_own_way() {
    for (family, command, answer) in [
        (Family::Generic, "+CPINR", "+CPINR: SIM PIN,2,3"),
        (Family::Huawei, "^CPIN?", "^CPIN: SIM PIN,,10,2,10,3"),
        (Family::Zte, "+ZPINPUK=?", "+ZPINPUK: 2,10"),
        (Family::Quectel, "+QPINC?", "+QPINC: \"SC\",2,10"),
        (Family::Simcom, "+SPIC", "+SPIC: 2,10,3,10"),
        (Family::Sierra, "+CPINC?", "+CPINC: 2,3,10,10"),
        (Family::Telit, "#PCT", "#PCT: 2"),
        (Family::Ublox, "+UPINCNT", "+UPINCNT: 2,3,10,10"),
        (Family::Cinterion, "^SPIC=\"SC\"", "^SPIC: 2"),
    ] {
        let device = Device::new(DeviceSettings::of(family, 0), carrier());
        device.faults().queue(asks_pin());
        device.faults().queue(Fault::Card(CardFault::PinTries(2)));
        let mut typist = Typist::booted(&device).await;
        let said = typist.at(command).await;
        assert!(said.contains(&answer.to_owned()), "{family:?}: {said:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_card_can_be_away_busy_broken_wrong_or_locked_to_a_network() {
    let second = Duration::from_secs(1);
    for (fault, pin, message) in [
        (CardFault::Removed, "+CME ERROR: 10", "+CMS ERROR: 310"),
        (CardFault::Busy(60 * second), "+CME ERROR: 14", "+CMS ERROR: 314"),
        (CardFault::Failure, "+CME ERROR: 13", "+CMS ERROR: 313"),
        (CardFault::Wrong, "+CME ERROR: 15", "+CMS ERROR: 315"),
        (CardFault::NetworkLock(true), "+CPIN: PH-NET PIN", "+CMS ERROR: 312"),
    ] {
        let device = device(&carrier());
        let mut typist = Typist::ready(&device).await;
        device.faults().queue(Fault::Card(fault.clone()));
        typist.after(second).await;
        assert_eq!(typist.at("+CPIN?").await[0], pin, "{fault:?}");
        assert_eq!(typist.at("+CMGS=20").await, [message], "{fault:?}");
        device.recover();
        typist.after(61 * second).await;
        assert_eq!(typist.send(&alice(), "hello").await, [["+CMGS: 0", "OK"]], "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_card_can_be_taken_out_and_another_put_in_while_the_modem_runs() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    typist.at("+CREG=1").await;
    device.faults().queue(Fault::Card(CardFault::Removed));
    assert_eq!(typist.after(Duration::from_secs(1)).await, "\r\n+CPIN: NOT INSERTED\r\n\r\n+CREG: 0\r\n");
    let iccid = Some("8988000000000000007".to_owned());
    device.faults().queue(Fault::Card(CardFault::Inserted { iccid, imsi: None }));
    assert_eq!(typist.after(Duration::from_secs(1)).await, "\r\n+CPIN: READY\r\n\r\n+CREG: 1\r\n");
    assert_eq!(typist.ask("+CCID").await, "+CCID: 8988000000000000007");
}
