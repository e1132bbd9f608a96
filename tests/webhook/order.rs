//! What arrives, and in which order.

use smsotpd::callback::Source;

use crate::receiver::{Got, Mood, Receiver};
use crate::site::{Site, pass, seconds, shop, soon, target};

const ALICE: &str = "+15550100123";

#[tokio::test(start_paused = true)]
async fn an_event_arrives_at_once_with_what_happened_and_nothing_secret() {
    let mut receiver = Receiver::start(Mood::status(200));
    let site = Site::with_url(&receiver.url()).await;
    let otp = site.issue(ALICE, None).await;
    site.send_and_report(ALICE).await;
    let (sent, delivered) = (soon("sent", receiver.next()).await, soon("delivered", receiver.next()).await);
    assert_eq!((sent.kind().as_str(), delivered.kind().as_str()), ("otp.sent", "otp.delivered"));
    let event = delivered.event();
    assert_eq!(event["id"], delivered.id());
    assert_eq!((&event["data"]["app"], &event["data"]["otp"]["id"]), (&"shop".into(), &otp.to_string().into()));
    assert_eq!(event["data"]["otp"]["to"], "+1555***0123");
    assert_eq!(delivered.path, "/sms-events?token=s3cret");
    assert_eq!(delivered.header("content-type"), "application/json");
    assert!(delivered.header("user-agent").starts_with("smsotpd/"));
    for got in [&sent, &delivered] {
        let text = String::from_utf8(got.body.clone()).unwrap();
        assert!(!text.contains("482913") && !text.contains("15550100123") && !text.contains("The text"), "{text}");
    }
    site.until_delivered().await;
    assert_eq!(receiver.connections(), 1, "the connection is used again");
}

#[tokio::test(start_paused = true)]
async fn the_events_of_one_otp_arrive_in_order_whatever_fails() {
    let mut receiver = Receiver::start(Mood::status(500));
    let site = Site::with_url(&receiver.url()).await;
    let otp = site.issue(ALICE, None).await;
    site.send_and_report(ALICE).await;
    site.verify(otp).await;
    site.until_waiting("a try", |all| all.iter().any(|one| one.tries == 1)).await;
    let first = soon("the first", receiver.next()).await;
    assert_eq!(first.kind(), "otp.sent");
    assert!(receiver.now().is_none(), "nothing goes before it");
    pass(seconds(6)).await;
    assert_eq!(soon("the first once more", receiver.next()).await.id(), first.id());
    site.until_waiting("a second try", |all| all.iter().any(|one| one.tries == 2)).await;
    receiver.be(Mood::status(204));
    pass(seconds(33)).await;
    let mut kinds = Vec::new();
    for _ in 0..3 {
        kinds.push(soon("the rest", receiver.next()).await.kind());
    }
    assert_eq!(kinds, ["otp.sent", "otp.delivered", "otp.verified"]);
    site.until_delivered().await;
    assert!(receiver.now().is_none(), "each is taken once");
}

#[tokio::test(start_paused = true)]
async fn an_otp_does_not_wait_for_another_ones_event() {
    let mut receiver = Receiver::start(Mood::status(500));
    let site = Site::with_url(&receiver.url()).await;
    let stuck = site.happen(1).await;
    site.until_tried(1).await;
    assert_eq!(soon("the first", receiver.next()).await.otp(), stuck);
    receiver.be(Mood::status(200));
    let other = site.happen(2).await;
    assert_eq!(soon("the second", receiver.next()).await.otp(), other);
}

#[tokio::test(start_paused = true)]
async fn an_event_goes_to_the_apps_own_url_and_to_that_of_the_request_or_policy_once_to_each() {
    let (mut own, mut other) = (Receiver::start(Mood::status(200)), Receiver::start(Mood::status(200)));
    let mut site = Site::idle().await;
    site.set_url(&own.url()).await;
    site.deliver_within(&["127.0.0.1"]);
    for (n, source) in [(1, Source::Operator), (2, Source::Request)] {
        let otp = site.happen_for(n, target(&other.url(), source)).await;
        let (at_own, at_other) = (soon("its own", own.next()).await, soon("the other", other.next()).await);
        assert_eq!((at_own.otp(), at_other.otp()), (otp.clone(), otp));
        assert_eq!(at_own.id(), at_other.id());
    }
    site.happen_for(3, target(&own.url(), Source::Operator)).await;
    soon("the third", own.next()).await;
    site.until_delivered().await;
    assert!(own.now().is_none() && other.now().is_none());
}

#[tokio::test(start_paused = true)]
async fn what_is_about_the_site_goes_to_apps_that_may_read_it() {
    use smsotpd::store::{Kind, Scope};
    let (mut reader, mut other) = (Receiver::start(Mood::status(200)), Receiver::start(Mood::status(200)));
    let mut site = Site::idle().await;
    let monitor = "monitor".parse().unwrap();
    site.add_app(&monitor, &[Scope::Read]).await;
    site.store.set_app_callback(&monitor, Some(reader.url().parse().unwrap())).await.unwrap();
    site.set_url(&other.url()).await;
    site.deliver();
    let down = serde_json::json!({"modem": "m1"});
    site.store.note(Kind::ModemAbsent, None, down.clone()).await.unwrap();
    site.store.note(Kind::ModemReady, None, down).await.unwrap();
    let kinds = [soon("absent", reader.next()).await.kind(), soon("ready", reader.next()).await.kind()];
    assert_eq!(kinds, ["modem.absent", "modem.ready"], "in order");
    site.until_delivered().await;
    assert!(other.now().is_none(), "{:?}", shop());
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_removed_app_is_sent_even_if_another_gets_its_name() {
    let mut receiver = Receiver::start(Mood::status(200));
    let mut site = Site::idle().await;
    site.set_url(&receiver.url()).await;
    site.happen(1).await;
    let still_pending = site.issue(ALICE, None).await;
    site.store.remove_app(&shop()).await.unwrap();
    site.add_app(&shop(), &[smsotpd::store::Scope::Issue]).await;
    site.set_url(&receiver.url()).await;
    site.deliver();
    let own = site.happen(2).await;
    assert_eq!(soon("its own", receiver.next()).await.otp(), own);
    site.until_delivered().await;
    assert!(receiver.now().is_none(), "{still_pending} is another app's");
}

/// How often each event arrived.
pub(crate) fn arrivals(all: &[Got]) -> std::collections::BTreeMap<String, usize> {
    all.iter().fold(std::collections::BTreeMap::new(), |mut counts, got| {
        *counts.entry(got.id().to_owned()).or_default() += 1;
        counts
    })
}
