//! Codes that the network answers.

use std::time::Duration;

use smsotpd::sim::{Fault, UssdAnswer, UssdForm};

use crate::typist::{Typist, carrier, device};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn a_code_is_answered_in_each_form() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    for (form, line) in [
        (UssdForm::Plain, "+CUSD: 0,\"5 EUR\",15"),
        (UssdForm::Gsm7Hex, "+CUSD: 0,\"3550B12A05\",15"),
        (UssdForm::Ucs2Hex, "+CUSD: 0,\"00350020004500550052\",72"),
    ] {
        device.carrier().answer_ussd("*101#", UssdAnswer { status: 0, text: "5 EUR".to_owned(), form });
        assert_eq!(typist.at("+CUSD=1,\"*101#\",15").await, ["OK"]);
        let said = typist.after(MINUTE).await;
        assert_eq!(said.trim(), line, "{form:?}");
    }
    assert_eq!(typist.at("+CUSD=1,\"*999#\",15").await, ["OK"]);
    assert_eq!(typist.after(MINUTE).await.trim(), "+CUSD: 4");
}

#[tokio::test(start_paused = true)]
async fn a_code_may_get_no_answer_or_be_given_up() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    device.faults().queue(Fault::UssdSilent(true));
    typist.at("+CUSD=1,\"*100#\",15").await;
    assert_eq!(typist.after(MINUTE).await, "");
    device.faults().queue(Fault::UssdSilent(false));
    typist.at("+CUSD=1,\"*100#\",15").await;
    assert_eq!(typist.at("+CUSD=2").await, ["OK"]);
    assert_eq!(typist.after(MINUTE).await, "");
    typist.at("+CUSD=1,\"AA180C3602\",15").await;
    assert_eq!(typist.after(MINUTE).await.trim(), "+CUSD: 0,\"Your balance is 12.34 EUR.\",15");
}
