//! Messages that are no codes.

use std::time::Duration;

use smsotpd::message::Status;
use smsotpd::pdu::{Encoding, Language};
use smsotpd::secret::Text;
use smsotpd::send::{Request, SendError, TextError, send};

use crate::outgoing;
use crate::site::{ALICE, Site, repeatable};

fn request(text: &str) -> Request {
    Request { text: Text::new(text.to_owned()), ..outgoing::request(ALICE) }
}

#[tokio::test(start_paused = true)]
async fn a_message_reaches_the_modem_as_it_was_written() {
    let site = Site::open().await;
    let text = "Zażółć gęślą jaźń:\n{code}";
    let message = send(&site.store, Request { class0: true, ..request(text) }).await.unwrap();
    assert_eq!((message.status, message.encoding, message.parts), (Status::Queued, Encoding::Ucs2, 1));
    assert_eq!(message.to.to_string(), "+1555***4567");
    assert_eq!(message.deadline.since(site.store.clock().now()), Duration::from_secs(24 * 3600));
    let sent = site.sent().await.unwrap();
    assert_eq!((sent.text.expose(), sent.class0, site.otp_of(&sent).await), (text, true, None));
    assert_eq!((sent.message, sent.deadline), (message.id, message.deadline));
}

#[tokio::test(start_paused = true)]
async fn a_long_message_goes_out_in_as_many_parts_as_the_app_was_told() {
    let site = Site::open().await;
    let message = send(&site.store, request(&"x".repeat(400))).await.unwrap();
    assert_eq!(message.parts, 3);
    for part in 0..3 {
        let sent = site.sent().await.unwrap();
        assert_eq!((sent.message, sent.part, sent.parts), (message.id, part, 3));
    }
    assert!(site.sent().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn the_modem_is_told_the_encoding_that_the_app_was_told() {
    let site = Site::open().await;
    let national_tables = Language::ALL.into_iter().collect();
    for (text, encoding, parts) in [
        ("Hello".to_owned(), Encoding::Gsm7, 1),
        ("ş".repeat(70), Encoding::Ucs2, 1),
        ("ş".repeat(155), Encoding::National(Language::Turkish), 1),
        ("ş".repeat(298), Encoding::National(Language::Turkish), 2),
        ("के".repeat(70), Encoding::National(Language::Hindi), 1),
    ] {
        let accepted = send(&site.store, Request { national_tables, ..request(&text) }).await.unwrap();
        assert_eq!((accepted.encoding, accepted.parts), (encoding, parts));
        for part in 0..parts.into() {
            let sent = site.sent().await.unwrap();
            assert_eq!((sent.encoding, sent.part, sent.parts), (encoding, part, parts.into()));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_sent_is_refused_and_nothing_is_queued() {
    let site = Site::open().await;
    for (text, error) in [
        ("", TextError::Empty),
        ("a\tb", TextError::Control { character: '\t', position: 2 }),
        (&"x".repeat(1531), TextError::TooLong { parts: 11, forced_by: None }),
    ] {
        assert_eq!(send(&site.store, request(text)).await, Err(SendError::Text(error)));
    }
    for deadline in [Duration::ZERO, Duration::from_secs(7 * 24 * 3600 + 1)] {
        let request = Request { deadline: Some(deadline), ..request("x") };
        assert_eq!(send(&site.store, request).await, Err(SendError::Deadline));
    }
    assert!(site.sent().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_repeated_request_is_one_message() {
    let site = Site::open().await;
    let request = |body| Request { idempotency: repeatable("k", body), ..request("x") };
    let message = send(&site.store, request(1)).await.unwrap();
    assert_eq!(send(&site.store, request(1)).await, Ok(message));
    assert_eq!(send(&site.store, request(2)).await, Err(SendError::KeyReused));
    assert!(site.sent().await.is_some());
    assert!(site.sent().await.is_none());
}

#[test]
fn what_an_app_asks_for_does_not_print_its_text_or_number() {
    let printed = format!("{:?}", request("swordfish"));
    assert!(!printed.contains("swordfish") && !printed.contains("1234567"), "{printed}");
}
