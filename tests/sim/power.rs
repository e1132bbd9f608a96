//! A supply that dips, and restarts.

use std::time::Duration;

use smsotpd::pdu;
use smsotpd::sim::{BrownOut, Device, DeviceSettings, Family, Fault, HangUp};

use crate::typist::{Typist, alice, carrier, device, submit};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn a_brown_out_starts_the_modem_anew_at_the_same_port() {
    let device = Device::new(DeviceSettings::of(Family::Cinterion, 0), carrier());
    let mut typist = Typist::booted(&device).await;
    typist.after(MINUTE).await;
    device.faults().queue(Fault::BrownOut(BrownOut { at: None, gone_for: Duration::ZERO }));
    assert!(typist.after(MINUTE).await.contains("\r\n^SYSSTART\r\n"));
    typist.write("AT+CMEE?\r").await;
    assert_eq!(typist.until("OK\r\n").await, "AT+CMEE?\r\r\n+CMEE: 0\r\n\r\nOK\r\n");
}

#[tokio::test(start_paused = true)]
async fn a_brown_out_in_the_middle_of_a_send_takes_the_port_away_for_a_while() {
    let gone_for = Duration::from_secs(9);
    for (at, arrives) in [
        (HangUp::BeforePrompt, 0),
        (HangUp::AfterPrompt, 0),
        (HangUp::AfterCtrlZ { submitted: true }, 1),
        (HangUp::AfterCtrlZ { submitted: false }, 0),
    ] {
        let device = device(&carrier());
        let mut typist = Typist::ready(&device).await;
        device.faults().queue(Fault::BrownOut(BrownOut { at: Some(at), gone_for }));
        if arrives == 1 || at == (HangUp::AfterCtrlZ { submitted: false }) {
            typist.type_pdu(&submit(&alice(), pdu::segment("hello", 0).unwrap().remove(0))).await;
        } else {
            typist.write("AT+CMGS=20\r").await;
        }
        assert!(typist.is_gone().await, "{at:?}");
        assert_eq!(device.take_absence(), Some(gone_for));
        tokio::time::sleep(MINUTE).await;
        assert_eq!(device.carrier().handset(&alice()).inbox().len(), arrives, "{at:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_can_take_the_port_away() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    device.faults().queue(Fault::RestartGoneFor(Duration::from_secs(12)));
    typist.write("AT+CFUN=1,1\r").await;
    assert!(typist.is_gone().await);
    assert_eq!(typist.after(MINUTE).await, "\r\nOK\r\n");
    assert_eq!(device.take_absence(), Some(Duration::from_secs(12)));
}
