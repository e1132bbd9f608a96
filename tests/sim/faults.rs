//! The modem at its worst, as far as it can be made to be.

use std::time::Duration;

use smsotpd::pdu;
use smsotpd::sim::{EventKind, Fault, HangUp};

use crate::typist::{Typist, alice, carrier, device, submit};

const LONG: Duration = Duration::from_secs(3600);

fn message(text: &str) -> pdu::Submit {
    submit(&alice(), pdu::segment(text, 0).unwrap().remove(0))
}

#[tokio::test(start_paused = true)]
async fn silence_after_ctrl_z_leaves_open_whether_the_message_went() {
    for submitted in [true, false] {
        let device = device(&carrier());
        let mut typist = Typist::ready(&device).await;
        device.faults().queue(Fault::SilentAfterCtrlZ { submitted });
        typist.type_pdu(&message("hello")).await;
        assert_eq!(typist.after(LONG).await, "");
        assert_eq!(device.carrier().handset(&alice()).inbox().len(), usize::from(submitted));
        assert_eq!(typist.at("").await, ["OK"]);
        assert_eq!(typist.send(&alice(), "again").await[0][1], "OK");
    }
}

#[tokio::test(start_paused = true)]
async fn a_prompt_may_never_come() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    device.faults().queue(Fault::SilentBeforePrompt);
    typist.write("AT+CMGS=20\r").await;
    assert_eq!(typist.after(LONG).await, "");
    assert_eq!(typist.at("").await, ["OK"]);
}

#[tokio::test(start_paused = true)]
async fn faults_come_in_turn_and_once() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    device.faults().queue(Fault::None);
    device.faults().queue(Fault::CmsError(38));
    assert_eq!(typist.send(&alice(), "one").await, [["+CMGS: 0", "OK"]]);
    assert_eq!(typist.send(&alice(), "two").await, [["+CMS ERROR: 38"]]);
    assert_eq!(typist.send(&alice(), "three").await, [["+CMGS: 1", "OK"]]);
}

#[tokio::test(start_paused = true)]
async fn the_port_can_disappear_at_each_moment_of_a_send() {
    for (moment, arrives) in [
        (HangUp::BeforePrompt, 0),
        (HangUp::AfterPrompt, 0),
        (HangUp::AfterCtrlZ { submitted: false }, 0),
        (HangUp::AfterCtrlZ { submitted: true }, 1),
    ] {
        let device = device(&carrier());
        let mut typist = Typist::ready(&device).await;
        device.faults().queue(Fault::HangUp(moment));
        if moment == HangUp::BeforePrompt {
            typist.write("AT+CMGS=20\r").await;
        } else if moment == HangUp::AfterPrompt {
            typist.write("AT+CMGS=20\r").await;
            typist.until("\r\n> ").await;
        } else {
            typist.type_pdu(&message("hello")).await;
        }
        assert!(typist.is_gone().await);
        typist.unplug().await;
        tokio::time::sleep(LONG).await;
        assert_eq!(device.carrier().handset(&alice()).inbox().len(), arrives, "{moment:?}");
        let mut typist = Typist::ready(&device).await;
        assert_eq!(typist.send(&alice(), "again").await[0][1], "OK");
    }
}

#[tokio::test(start_paused = true)]
async fn unplugging_after_ctrl_z_does_not_stop_the_message() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    let mut events = device.events();
    typist.type_pdu(&message("hello")).await;
    while !matches!(events.recv().await.unwrap().kind, EventKind::Submitted { .. }) {}
    typist.unplug().await;
    assert_eq!(device.carrier().handset(&alice()).next().await.text.expose(), "hello");
}

#[tokio::test(start_paused = true)]
async fn a_line_can_fall_into_an_answer() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    device.faults().queue(Fault::LineWithin { command: "+CSQ".to_owned(), line: "^RSSI: 12".to_owned() });
    assert_eq!(typist.ask("+CREG?").await, "+CREG: 0,1");
    typist.write("AT+CSQ\r").await;
    assert_eq!(typist.until("OK\r\n").await, "\r\n+CSQ: 21,99\r\n\r\n^RSSI: 12\r\n\r\nOK\r\n");
}

#[tokio::test(start_paused = true)]
async fn a_command_can_be_refused_once() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    device.faults().queue(Fault::Refuse { command: "+CMMS".to_owned(), cme_error: Some(4) });
    assert_eq!(typist.at("+CSQ").await, ["+CSQ: 21,99", "OK"]);
    assert_eq!(typist.at("+CMMS=2").await, ["+CME ERROR: 4"]);
    assert_eq!(typist.at("+CMMS=2").await, ["OK"]);
}

#[tokio::test(start_paused = true)]
async fn bytes_can_come_one_by_one() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    device.faults().write_bytewise(true);
    assert_eq!(typist.send(&alice(), "hello").await, [["+CMGS: 0", "OK"]]);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_length_or_pdu_is_refused() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    for length in ["0", "165", "x", ""] {
        assert_eq!(typist.at(&format!("+CMGS={length}")).await, ["+CMS ERROR: 304"], "{length}");
    }
    for body in ["", "00", "zz", "0011000B915155214365F70000A705E8329BFD06"] {
        typist.write("AT+CMGS=20\r").await;
        typist.until("\r\n> ").await;
        typist.write(format!("{body}\x1a")).await;
        assert_eq!(typist.result().await, ["+CMS ERROR: 304"], "{body}");
    }
}

#[tokio::test(start_paused = true)]
async fn esc_leaves_the_prompt_and_nothing_is_sent() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    typist.write("AT+CMGS=20\r").await;
    typist.until("\r\n> ").await;
    typist.write("0011000B\x1b").await;
    assert_eq!(typist.result().await, ["OK"]);
    assert_eq!(typist.at("+CSQ").await, ["+CSQ: 21,99", "OK"]);
}
