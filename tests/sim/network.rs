//! What the network says of the modem, and who rings.

use std::time::Duration;

use smsotpd::sim::{Fault, Registration, Standing};

use crate::typist::{Typist, alice, carrier, device};

#[tokio::test(start_paused = true)]
async fn every_state_of_every_registration_can_be_set() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    for stat in 0..=11 {
        device.faults().queue(Fault::Standing(Standing::all(stat)));
        assert_eq!(typist.ask("+CREG?").await, format!("+CREG: 0,{stat}"));
        let sends = [1, 5, 6, 7, 9, 10].contains(&stat);
        assert_eq!(typist.send(&alice(), "hello").await[0] == ["+CMS ERROR: 331"], !sends, "{stat}");
    }
    device.faults().queue(Fault::Standing(Standing { creg: Some(3), cereg: Some(1), ..Standing::default() }));
    assert_eq!(typist.ask("+CREG?").await, "+CREG: 0,3");
    assert_eq!(typist.ask("+CGREG?").await, "+CGREG: 0,11");
    assert_eq!(typist.ask("+CEREG?").await, "+CEREG: 0,1");
    assert_eq!(typist.send(&alice(), "over LTE").await[0][1], "OK");
}

#[tokio::test(start_paused = true)]
async fn only_what_changed_is_told_with_the_cause_of_a_denial() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    typist.at("+CREG=3;+CEREG=1").await;
    device.faults().queue(Fault::Standing(Standing { creg: Some(3), cause: Some(11), ..Standing::default() }));
    assert_eq!(typist.after(Duration::from_secs(1)).await, "\r\n+CREG: 3,,,,0,11\r\n");
    assert_eq!(typist.ask("+CREG?").await, "+CREG: 3,3,,,,0,11");
    device.register(Registration::Roaming);
    assert_eq!(typist.after(Duration::from_secs(1)).await, "\r\n+CREG: 5,\"00C3\",\"0001A2B3\",7\r\n\r\n+CEREG: 5\r\n");
}

#[tokio::test(start_paused = true)]
async fn signal_can_be_set_and_somebody_can_ring() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    device.faults().queue(Fault::Signal(3));
    assert_eq!(typist.ask("+CSQ").await, "+CSQ: 3,99");
    device.faults().queue(Fault::Call(Duration::from_secs(12)));
    assert_eq!(typist.after(Duration::from_secs(6)).await, "\r\nRING\r\n\r\nRING\r\n");
    assert_eq!(typist.ask("+CPAS").await, "+CPAS: 3");
    assert_eq!(typist.after(Duration::from_secs(20)).await, "\r\nRING\r\n\r\nNO CARRIER\r\n");
    assert_eq!(typist.ask("+CPAS").await, "+CPAS: 0");
}
