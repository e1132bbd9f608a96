//! What the wire does to lines.

use std::time::Duration;

use smsotpd::sim::Fault;
use tokio::time::Instant;

use crate::typist::{Typist, alice, carrier, device};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_line_can_fall_into_an_echo() {
    let device = device(&carrier());
    let mut typist = Typist::plug(&device);
    device.faults().queue(Fault::LineWithinEcho("*EMRDY: 1".to_owned()));
    typist.write("AT+CSQ\r").await;
    assert_eq!(typist.until("OK\r\n").await, "AT+C\r\n*EMRDY: 1\r\nSQ\r\r\n+CSQ: 21,99\r\n\r\nOK\r\n");
    typist.write("AT\r").await;
    assert_eq!(typist.until("OK\r\n").await, "AT\r\r\nOK\r\n");
}

#[tokio::test(start_paused = true)]
async fn a_line_can_come_at_any_time_and_many_can() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    device.faults().queue(Fault::Line("^RSSI:17".to_owned()));
    assert_eq!(typist.after(SECOND).await, "\r\n^RSSI:17\r\n");
    let storm = Fault::Storm { line: "^BOOT:{n}".to_owned(), times: 300, every: Duration::from_millis(10) };
    device.faults().queue(storm);
    let said = typist.after(Duration::from_secs(10)).await;
    assert_eq!(said.matches("\r\n^BOOT:").count(), 300);
    assert!(said.ends_with("\r\n^BOOT:299\r\n"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn echo_can_come_back() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    device.faults().queue(Fault::EchoOn);
    assert_eq!(typist.at("+CSQ").await, ["AT+CSQ", "+CSQ: 21,99", "OK"]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_can_be_late_and_can_come_in_pieces() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    let delay = |times| Fault::Delay { command: "+CSQ".to_owned(), seconds: 7 * SECOND, times };
    device.faults().queue(delay(2));
    for late in [0, 7, 7, 0] {
        let start = Instant::now();
        typist.at(if late == 0 { "+CREG?" } else { "+CSQ" }).await;
        assert_eq!(start.elapsed().as_secs(), late);
    }
    device.faults().queue(Fault::Pieces { bytes: 3, every: SECOND });
    let start = Instant::now();
    typist.write("AT\r").await;
    typist.until("\r\nO").await;
    assert!(start.elapsed() < SECOND);
    typist.until("K\r\n").await;
    assert_eq!(start.elapsed().as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn noise_can_come_alone_or_in_the_place_of_everything() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    device.faults().queue(Fault::Garbage(40));
    let noise = typist.after(SECOND).await;
    assert!(noise.chars().count() >= 10 && noise.chars().all(|c| !c.is_ascii()), "{noise:?}");
    device.faults().queue(Fault::Garbled(30 * SECOND));
    typist.write("AT\r").await;
    assert!(!typist.after(20 * SECOND).await.contains("OK"));
    tokio::time::sleep(30 * SECOND).await;
    assert_eq!(typist.at("").await, ["OK"]);
    device.faults().queue(Fault::WrongBaud(9_600));
    typist.write("AT\r").await;
    assert_eq!(typist.after(SECOND).await, "");
    device.faults().clear();
    assert_eq!(typist.send(&alice(), "hello").await, [["+CMGS: 0", "OK"]]);
}

#[tokio::test(start_paused = true)]
async fn a_line_that_is_too_long_is_refused() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    device.faults().queue(Fault::LongestLine(8));
    assert_eq!(typist.at("+CREG?").await, ["+CREG: 0,1", "OK"]);
    assert_eq!(typist.at("+CREG=1").await, ["ERROR"]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_can_be_in_the_makers_words() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    let line = "TOO MANY PARAMETERS".to_owned();
    device.faults().queue(Fault::RefuseWith { command: "+CNMI".to_owned(), line, times: 2 });
    for _ in 0..2 {
        typist.write("AT+CNMI=2,1\r").await;
        assert_eq!(typist.after(SECOND).await, "\r\nTOO MANY PARAMETERS\r\n");
    }
    assert_eq!(typist.at("+CNMI=2,1").await, ["OK"]);
}
