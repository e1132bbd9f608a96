//! The manners of each family.

use std::time::Duration;

use smsotpd::sim::{Device, DeviceSettings, Family, Fault, StorageName};

use crate::typist::{Typist, alice, carrier};

const MINUTE: Duration = Duration::from_secs(60);

fn of(family: Family) -> Device {
    Device::new(DeviceSettings::of(family, 0), carrier())
}

#[tokio::test(start_paused = true)]
async fn each_family_says_who_it_is_and_sends() {
    for family in Family::ALL {
        let device = of(family);
        let mut typist = Typist::booted(&device).await;
        assert_eq!(typist.ask("+CGMI").await, device.settings().manufacturer);
        let before = typist.at("+CPMS?").await;
        assert_eq!(before.last().map(String::as_str), Some("OK"), "{family:?}");
        assert_eq!(typist.send_unprompted(&alice(), "hello").await, ["+CMGS: 0", "OK"], "{family:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn families_announce_their_start() {
    for (family, lines) in [
        (Family::Quectel, vec!["RDY", "+CPIN: READY", "+QIND: SMS DONE"]),
        (Family::Simcom, vec!["*ATREADY: 1", "+CPIN: READY", "SMS DONE", "PB DONE"]),
        (Family::Telit, vec!["#QSS: 3"]),
        (Family::Ublox, vec!["+AT: READY", "+PBREADY"]),
        (Family::Cinterion, vec!["^SYSSTART"]),
        (Family::Huawei, vec!["^BOOT:21850123,0,0,0,71", "^SIMST:1"]),
        (Family::Zte, vec!["+ZPASR: \"UMTS\""]),
    ] {
        let said = Typist::plug(&of(family)).after(MINUTE).await;
        for line in lines {
            assert!(said.contains(&format!("\r\n{line}\r")), "{family:?}: {line} in {said}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_modem_does_not_answer_while_it_starts() {
    let device = of(Family::Telit);
    let mut typist = Typist::plug(&device);
    typist.write("AT\r").await;
    assert_eq!(typist.after(Duration::from_secs(19)).await, "");
    tokio::time::sleep(MINUTE).await;
    typist.after(MINUTE).await;
    assert_eq!(typist.at("E0").await, ["ATE0", "OK"]);
}

#[tokio::test(start_paused = true)]
async fn periodic_lines_end_when_they_are_switched_off() {
    for (family, line, off) in [(Family::Huawei, "^RSSI:21", "^CURC=0"), (Family::Zte, "+ZUSIMR:2", "+CPMS?")] {
        let mut typist = Typist::plug(&of(family));
        let said = typist.after(MINUTE).await;
        assert!(said.matches(line).count() >= 10, "{said}");
        typist.write(format!("AT{off}\r")).await;
        typist.after(Duration::from_secs(4)).await;
        assert_eq!(typist.after(MINUTE).await, "", "{family:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_offered_is_not_always_taken() {
    for (family, command, answer) in [
        (Family::Huawei, "+CNMI=2,1,0,1,0", "+CMS ERROR: 302"),
        (Family::Huawei, "+CNMI=2,1,0,2,0", "OK"),
        (Family::Huawei, "+CMMS=2", "+CMS ERROR: 500"),
        (Family::Huawei, "+CNMA", "+CMS ERROR: 302"),
        (Family::Huawei, "+CPMS=\"ME\",\"ME\",\"ME\"", "+CMS ERROR: 302"),
        (Family::Huawei, "+XYZ", "COMMAND NOT SUPPORT"),
        (Family::Zte, "+CNMI=2,1,0,2,0", "+CMS ERROR: 302"),
        (Family::Zte, "+CNMI=1,1,0,2,0", "OK"),
        (Family::Sierra, "+CNMI=2,1,0,2,0", "+CMS ERROR: 303"),
        (Family::Cinterion, "+CNMI=2,1,0,1,0", "+CME ERROR: 50"),
        (Family::Cinterion, "+CNMI=2,1,0,0,1", "OK"),
        (Family::Quectel, "+CMGS=0", "+CMS ERROR: 513"),
        (Family::Ublox, "+CMGS=0", "+CMS ERROR: 530"),
        (Family::Quectel, "+QURCCFG=\"urcport\",\"usbat\"", "OK"),
        (Family::Telit, "+XYZ", "ERROR"),
    ] {
        let mut typist = Typist::booted(&of(family)).await;
        assert_eq!(typist.last_of(command).await, answer, "{family:?} {command}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_storage_is_told_in_the_makers_words() {
    for (family, line) in [
        (Family::Huawei, "^SMMEMFULL: \"SM\""),
        (Family::Quectel, "+QIND: \"smsfull\",\"SM\""),
        (Family::Simcom, "+SMS FULL"),
        (Family::Cinterion, "^SMGO: 2"),
    ] {
        let device = of(family);
        let mut typist = Typist::booted(&device).await;
        device.faults().queue(Fault::Full(StorageName::Sim));
        let said = typist.after(MINUTE).await;
        assert!(said.contains(&format!("\r\n{line}\r")), "{family:?}: {said}");
    }
}

#[tokio::test(start_paused = true)]
async fn reports_and_announcements_have_the_makers_commas_and_spaces() {
    let (zte, cinterion, simcom) = (of(Family::Zte), of(Family::Cinterion), of(Family::Simcom));
    let mut typist = Typist::booted(&zte).await;
    typist.at("+CNMI=1,1,0,2,0").await;
    for (device, line) in [(&cinterion, "\r\n+CMTI: \"SM\", 1\r\n"), (&simcom, "\r\n+CMTI: \"SM\",1\r\r\n")] {
        let mut typist = Typist::booted(device).await;
        typist.last_of("+CNMI=2,1,0,0,1").await;
        typist.after(MINUTE).await;
        device.carrier().handset(&alice()).send(&device.settings().number, "hello").unwrap();
        assert_eq!(typist.after(MINUTE).await, line);
    }
}
