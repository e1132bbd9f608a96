//! Whatever a receiver does, the API answers at once and no event is lost; and what can only happen now and then is
//! delivered, too.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use smsotpd::callback;
use smsotpd::clock::Clock;
use smsotpd::http::Settings;
use smsotpd::ids::InboxId;
use smsotpd::issue::Policy;
use smsotpd::limits;
use smsotpd::phone::Sender;
use smsotpd::secret::Text;
use smsotpd::store::{CallbackFilter, CallbackStatus, Event, Inbound, Kind, PageSize, Reader, ReportOutcome};
use smsotpd::webhook::Webhook;
use tokio_util::sync::CancellationToken;

use crate::api::{Site, app_name};
use crate::receiver::{Got, Mood, Receiver, Vacant, url};
use crate::site::{pass, seconds, send_and_report, soon};

/// A site without limits whose app has this URL, and which delivers. Time stands still there.
async fn site(url: &str) -> Site {
    let limits = limits::Settings { per_number_hour: 0, per_number_day: 0, per_prefix_hour: 0 };
    let policy = Policy { limits, ..Policy::default() };
    let site = Site::start_by(Some(Clock::simulated()), Settings::default(), policy).await;
    site.store.set_app_callback(&app_name("shop"), Some(url.parse().unwrap())).await.unwrap();
    let webhook = Webhook::new(site.store.clone(), callback::Settings::default());
    tokio::spawn(webhook.run(CancellationToken::new()));
    site
}

/// Issues a code while no time passes.
async fn issue(site: &Site, to: &str) -> Value {
    let now = site.store.clock().now();
    let issued = soon("the issue", site.post("/v1/otp", &json!({ "to": to }))).await;
    assert_eq!((issued.status.as_u16(), site.store.clock().now()), (202, now), "{issued:?}");
    issued.json()
}

async fn verify(site: &Site, otp: &Value, code: &str) {
    let path = format!("/v1/otp/{}/verify", otp["id"].as_str().unwrap());
    let answer = soon("the verification", site.post(&path, &json!({ "code": code }))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Lets time pass until nothing waits.
async fn calm(site: &Site) {
    let waiting = CallbackFilter { app: None, status: CallbackStatus::Waiting, limit: PageSize::LARGEST, cursor: None };
    soon("everything to be delivered", async {
        loop {
            let (waiting, now) = (site.store.callbacks(waiting.clone()).await.unwrap().items, site.store.clock().now());
            if waiting.is_empty() {
                return;
            }
            // A try that is under way must not see hours pass.
            if waiting.iter().all(|one| one.next_try.is_none_or(|next| next > now)) {
                pass(seconds(60)).await;
            }
        }
    })
    .await;
}

/// All that the app is to be told.
async fn happened(site: &Site) -> Vec<Event> {
    site.store.events_after(0, Reader::App(app_name("shop")), Vec::new(), 1_000).await.unwrap().events
}

/// The events that came, each for the first time.
fn arrived(receiver: &mut Receiver) -> Vec<Got> {
    let mut all: Vec<Got> = Vec::new();
    while let Some(got) = receiver.now() {
        if all.iter().all(|before| before.id() != got.id()) {
            all.push(got);
        }
    }
    all
}

/// An hour in which a receiver is in this mood, or is not there, and the calm after it.
async fn hour_of(mood: Option<Mood>) {
    let (vacant, there) = (Vacant::new(), mood.clone().map(Receiver::start));
    let site = site(&url(there.as_ref().map_or(vacant.port(), |receiver| receiver.port))).await;
    for n in 0..12 {
        let to = format!("+1555010{n:04}");
        let otp = issue(&site, &to).await;
        send_and_report(&site.store, &to, ReportOutcome::Delivered).await;
        let code = site.code(otp["id"].as_str().unwrap()).await;
        verify(&site, &otp, &code).await;
        pass(seconds(300)).await;
        // In a block of its own, or the guard would stop it.
        let unverified = format!("+15552{n:02}0000");
        issue(&site, &unverified).await;
        send_and_report(&site.store, &unverified, ReportOutcome::Delivered).await;
    }
    let mut receiver = there.unwrap_or_else(|| Receiver::start_at(vacant, Mood::status(200)));
    receiver.be(Mood::status(200));
    // What still hangs runs into its time-out.
    pass(seconds(16)).await;
    calm(&site).await;
    let (mut happened, mut arrived): (BTreeMap<_, Vec<_>>, BTreeMap<_, Vec<_>>) = Default::default();
    for event in self::happened(&site).await {
        let otp = event.data.otp.as_ref().unwrap().id.to_string();
        happened.entry(otp).or_default().push(event.id.to_string());
    }
    for got in self::arrived(&mut receiver) {
        arrived.entry(got.otp()).or_default().push(got.id().to_owned());
    }
    assert_eq!(happened.values().map(Vec::len).sum::<usize>(), 12 * 5, "{mood:?}");
    assert_eq!(arrived, happened, "{mood:?}");
    assert_eq!(site.store.callback_counts().await.unwrap().dead, 0, "{mood:?}");
}

#[tokio::test(start_paused = true)]
async fn a_receiver_in_a_bad_mood_for_an_hour_loses_no_event_and_slows_no_issue() {
    let elsewhere = Receiver::start(Mood::status(200));
    let redirect = Mood::Answer(307, format!("location: {}\r\n", elsewhere.url()));
    for mood in [None, Some(Mood::status(500)), Some(Mood::Hang), Some(redirect), Some(Mood::Drop)] {
        hour_of(mood).await;
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_ends_badly_and_what_comes_in_is_delivered_like_the_rest() {
    let mut receiver = Receiver::start(Mood::status(200));
    let site = site(&receiver.url()).await;
    issue(&site, "+15550100001").await;
    send_and_report(&site.store, "+15550100001", ReportOutcome::Undelivered).await;
    let locked = issue(&site, "+15550100002").await;
    for _ in 0..5 {
        verify(&site, &locked, "no").await;
    }
    issue(&site, "+15550100003").await;
    pass(seconds(24 * 3600)).await;
    site.store.sweep().await.unwrap();
    let (digest, key) = ([7; 32], site.store.site_key());
    let inbound = Inbound {
        id: InboxId::generate(),
        modem: "m1".parse().unwrap(),
        sim: smsotpd::ids::SimId::from_stored("a".to_owned()),
        sender: Sender::new("+15550100004".to_owned()),
        digest,
        part: None,
        pdu: key.seal(&Inbound::owner(&digest), &Text::new("00".to_owned()), [3; 24]),
        sent_at: None,
        choice: None,
    };
    assert!(site.store.inbox_add(inbound).await.unwrap());
    calm(&site).await;
    let arrived = arrived(&mut receiver);
    let kinds: Vec<String> = arrived.iter().map(Got::kind).collect();
    for kind in [Kind::OtpUndelivered, Kind::OtpLocked, Kind::OtpExpired, Kind::InboxReceived] {
        assert!(kinds.iter().any(|other| other == kind.as_str()), "{kind:?} is not in {kinds:?}");
    }
    let mut ids = (arrived.iter().map(|got| got.id().to_owned()).collect::<Vec<_>>(), Vec::new());
    ids.1 = happened(&site).await.iter().map(|event| event.id.to_string()).collect();
    ids.0.sort();
    assert_eq!(ids.0, ids.1, "all that happened, and nothing else");
}
