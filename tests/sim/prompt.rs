//! What goes wrong between `AT+CMGS` and its answer.

use std::time::Duration;

use smsotpd::pdu;
use smsotpd::sim::{Fault, SendResult};
use tokio::time::Instant;

use crate::typist::{Typist, alice, carrier, device, submit};

const LONG: Duration = Duration::from_secs(3600);

fn message() -> pdu::Submit {
    submit(&alice(), pdu::segment("hello", 0).unwrap().remove(0))
}

#[tokio::test(start_paused = true)]
async fn a_prompt_can_come_late() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    device.faults().queue(Fault::PromptAfter(Duration::from_secs(25)));
    let start = Instant::now();
    typist.write("AT+CMGS=20\r").await;
    typist.until("\r\n> ").await;
    assert_eq!(start.elapsed().as_secs(), 25);
    typist.write("\x1b").await;
    assert_eq!(typist.result().await, ["OK"]);
    assert_eq!(typist.send(&alice(), "at once").await, [["+CMGS: 0", "OK"]]);
}

#[tokio::test(start_paused = true)]
async fn a_prompt_can_look_odd_and_a_line_can_follow_it() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    device.faults().queue(Fault::MalformedPrompt("\r\n\r \n >  \r\n".to_owned()));
    typist.write("AT+CMGS=20\r").await;
    assert_eq!(typist.after(Duration::from_secs(1)).await, "\r\n\r \n >  \r\n");
    typist.write("\x1b").await;
    typist.result().await;
    device.faults().queue(Fault::LineAtPrompt("^BOOT:1,0,0,0,71".to_owned()));
    typist.write("AT+CMGS=20\r").await;
    assert_eq!(typist.after(Duration::from_secs(1)).await, "\r\n> \r\n^BOOT:1,0,0,0,71\r\n");
}

#[tokio::test(start_paused = true)]
async fn a_stuck_prompt_takes_everything_until_esc() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    device.faults().queue(Fault::StuckPrompt);
    typist.type_pdu(&message()).await;
    assert_eq!(typist.after(LONG).await, "");
    typist.write("AT\r").await;
    assert_eq!(typist.after(LONG).await, "\r\n> ");
    typist.write("\x1b").await;
    assert_eq!(typist.result().await, ["OK"]);
    assert_eq!(typist.send(&alice(), "again").await, [["+CMGS: 0", "OK"]]);
}

#[tokio::test(start_paused = true)]
async fn a_modem_can_be_found_in_a_prompt() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    device.faults().queue(Fault::LeftInPrompt);
    typist.write("AT\r").await;
    assert_eq!(typist.after(LONG).await, "\r\n> ");
    typist.write("\x1b").await;
    assert_eq!(typist.result().await, ["OK"]);
    assert_eq!(typist.at("").await, ["OK"]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_can_lack_its_number_or_have_a_wrong_one_or_two() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    for (result, answer) in [
        (SendResult::Missing, vec!["OK"]),
        (SendResult::Twice, vec!["+CMGS: 1", "+CMGS: 1", "OK"]),
        (SendResult::Number("x9".to_owned()), vec!["+CMGS: x9", "OK"]),
        (SendResult::Number("201".to_owned()), vec!["+CMGS: 201", "OK"]),
    ] {
        device.faults().queue(Fault::SendResult(result));
        assert_eq!(typist.send(&alice(), "hello").await, [answer]);
    }
    assert_eq!(typist.after(LONG).await, "");
    assert_eq!(device.carrier().handset(&alice()).inbox().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_answer_can_come_long_after_the_message_arrived() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    device.faults().queue(Fault::SendResult(SendResult::Late(Duration::from_secs(300))));
    let start = Instant::now();
    typist.type_pdu(&message()).await;
    device.carrier().handset(&alice()).next().await;
    assert_eq!(start.elapsed().as_secs(), 3);
    assert_eq!(typist.result().await, ["+CMGS: 0", "OK"]);
    assert_eq!(start.elapsed().as_secs(), 301);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_can_be_a_number_words_or_nothing() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    for (fault, answer) in [
        (Fault::CmsText("SIM not inserted".to_owned()), "+CMS ERROR: SIM not inserted"),
        (Fault::CmsText(String::new()), "+CMS ERROR:"),
        (Fault::NetworkRefuses { code: 42, sends: 2 }, "+CMS ERROR: 42"),
        (Fault::None, "+CMS ERROR: 42"),
    ] {
        if fault != Fault::None {
            device.faults().queue(fault);
        }
        assert_eq!(typist.send(&alice(), "hello").await, [[answer]]);
    }
    device.faults().queue(Fault::Barred(Some(8)));
    for _ in 0..3 {
        assert_eq!(typist.send(&alice(), "hello").await, [["+CMS ERROR: 8"]]);
    }
    device.faults().queue(Fault::Barred(None));
    assert_eq!(typist.send(&alice(), "hello").await, [["+CMGS: 0", "OK"]]);
}
