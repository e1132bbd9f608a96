//! What is logged of callbacks, even at the most talkative level, repeats nothing that was sent or answered. Alone in its
//! process, since the store's writer has a thread of its own and so the log is the whole process's.
#![allow(clippy::unwrap_used, reason = "a test whose scaffolding fails has failed")]

#[path = "support/log.rs"]
mod log;
#[path = "support/outgoing.rs"]
mod outgoing;
#[path = "support/power.rs"]
mod power;
#[allow(dead_code, reason = "the other tests of callbacks use the rest")]
#[path = "webhook/receiver.rs"]
mod receiver;
#[allow(dead_code, reason = "the other tests of callbacks use the rest")]
#[path = "webhook/site.rs"]
mod site;

use log::Log;
use receiver::{Mood, Receiver};
use site::{Site, pass, seconds, shop, soon};

const TO: &str = "+15550100123";

#[tokio::test(start_paused = true)]
async fn a_log_at_trace_tells_of_callbacks_and_repeats_nothing_of_them() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
    tracing::subscriber::set_global_default(subscriber.with_writer(move || writer.clone()).finish()).unwrap();

    let elsewhere = Receiver::start(Mood::status(200));
    let redirect = Mood::Answer(302, format!("location: {}/s3cret-place\r\n", elsewhere.url()));
    let mut receiver = Receiver::start(Mood::status(500));
    let site = Site::with_url(&receiver.url()).await;
    let secret = site.store.app_callback(&shop()).await.unwrap().unwrap().secret.expose();
    let mut got = Vec::new();
    for mood in [Mood::status(500), redirect, Mood::Drop, Mood::DropInTheHead, Mood::Hang, Mood::status(200)] {
        receiver.be(mood);
        let otp = site.issue(TO, None).await;
        site.send_and_report(TO).await;
        site.verify(otp).await;
        got.push(soon("a try", receiver.next()).await);
        pass(seconds(16)).await;
    }
    receiver.be(Mood::status(410));
    soon("the end of one", async {
        while site.dead().await.is_empty() {
            pass(seconds(1)).await;
            tokio::task::yield_now().await;
        }
    })
    .await;

    let log = log.text();
    for told in ["a callback was not taken", "callbacks do not arrive", "a callback is given up"] {
        assert!(log.contains(told), "{told} is not in\n{log}");
    }
    let key = secret.strip_prefix("whsec_").unwrap();
    let mut secrets = vec![key, "482913", &TO[1..], "s3cret", "sms-events", "The text", "\"data\""];
    secrets.extend(got.iter().map(|got| got.header("webhook-signature")));
    for secret in secrets {
        assert!(!log.contains(secret), "{secret} is in\n{log}");
    }
}
