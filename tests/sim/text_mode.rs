//! Text mode: 3GPP TS 27.005 §3.

use smsotpd::phone::PhoneNumber;

use crate::typist::{Typist, alice, carrier, device};

async fn send_text(typist: &mut Typist, to: &str, body: &[u8]) -> Vec<String> {
    typist.write(format!("AT+CMGS=\"{to}\"\r")).await;
    typist.until("\r\n> ").await;
    typist.write(body).await;
    typist.write("\x1a").await;
    typist.result().await
}

#[tokio::test(start_paused = true)]
async fn a_typed_text_arrives() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    typist.at("+CMGF=1").await;
    // In the GSM alphabet 0x00 is @ and 0x02 is $.
    assert_eq!(send_text(&mut typist, "+15551234567", b"a\x00b\x02").await, ["+CMGS: 0", "OK"]);
    let received = device.carrier().handset(&alice()).next().await;
    assert_eq!(received.text.expose(), "a@b$");
    assert_eq!(received.from, device.settings().number);
}

#[tokio::test(start_paused = true)]
async fn a_text_of_two_lines_is_prompted_for_again() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    typist.at("+CMGF=1").await;
    typist.write("AT+CMGS=\"+15551234567\"\r").await;
    typist.until("\r\n> ").await;
    typist.write("one\r").await;
    typist.until("\r\n> ").await;
    typist.write("two\x1a").await;
    assert_eq!(typist.result().await, ["+CMGS: 0", "OK"]);
    assert_eq!(device.carrier().handset(&alice()).next().await.text.expose(), "one\ntwo");
}

#[tokio::test(start_paused = true)]
async fn ucs2_is_typed_in_hexadecimal_number_too() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    typist.at("+CMGF=1;+CSCS=\"UCS2\";+CSMP=17,167,0,8").await;
    let hex = |text: &str| text.encode_utf16().map(|unit| format!("{unit:04X}")).collect::<String>();
    let body = hex("Ж€😀");
    assert_eq!(send_text(&mut typist, &hex("+15551234567"), body.as_bytes()).await, ["+CMGS: 0", "OK"]);
    assert_eq!(device.carrier().handset(&alice()).next().await.text.expose(), "Ж€😀");
}

#[tokio::test(start_paused = true)]
async fn csmp_asks_for_a_report_and_it_is_shown_as_text() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    typist.at("+CMGF=1;+CSMP=49,167,0,0;+CNMI=2,1,0,1,0").await;
    send_text(&mut typist, "+15551234567", b"hello").await;
    let report = typist.indication("+CDS: 6,0,\"+15551234567\",145,", 1).await.remove(0);
    assert!(report.ends_with(",0"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_received_text_is_shown_with_and_without_headers() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    typist.at("+CMGF=1;+CNMI=2,1,0,0,0").await;
    device.carrier().handset(&alice()).send(&device.settings().number, "hello _").unwrap();
    typist.indication("+CMTI: \"SM\",1", 1).await;
    let listed = typist.at("+CMGL=\"ALL\"").await;
    assert!(listed[0].starts_with("+CMGL: 1,\"REC UNREAD\",\"+15551234567\",,\""), "{listed:?}");
    assert_eq!(listed[1], "hello \x11");
    typist.at("+CSDH=1;+CSCS=\"IRA\"").await;
    let read = typist.at("+CMGR=1").await;
    assert!(read[0].starts_with("+CMGR: \"REC READ\",\"+15551234567\",,\""), "{read:?}");
    assert!(read[0].ends_with(",145,4,0,0,\"+15550099999\",145,7"), "{read:?}");
    assert_eq!(read[1], "hello _");
}

#[tokio::test(start_paused = true)]
async fn a_text_over_one_part_or_a_bad_number_is_refused() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    typist.at("+CMGF=1").await;
    assert_eq!(send_text(&mut typist, "+15551234567", &[b'x'; 161]).await, ["+CMS ERROR: 305"]);
    assert_eq!(typist.at("+CMGS=\"Alice\"").await, ["+CMS ERROR: 305"]);
    assert_eq!(typist.at("+CMGS").await, ["ERROR"]);
}

#[tokio::test(start_paused = true)]
async fn a_number_without_plus_is_connected_as_an_international_one() {
    let device = device(&carrier());
    let mut typist = Typist::ready(&device).await;
    typist.at("+CMGF=1").await;
    send_text(&mut typist, "15557654321", b"hello").await;
    let bob = PhoneNumber::from_digits("15557654321").unwrap();
    assert_eq!(device.carrier().handset(&bob).next().await.text.expose(), "hello");
    assert_eq!(send_text(&mut typist, "12345", b"hello").await, ["+CMS ERROR: 28"]);
}
