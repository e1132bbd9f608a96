//! The daemon is killed (SIGKILL) at every point of a message's way. After a restart every accepted message is sent,
//! or in doubt and treated as one in doubt: once more after 20 s for a code, never more than once.

use std::time::Duration;

use crate::support::{Daemon, Site, code_in, soon};
use hyper::StatusCode;
use serde_json::{Value, json};
use smsotpd::sim::{CarrierSettings, Event, EventKind, Handset};
use tokio::sync::broadcast;

const TO: &str = "+15550100123";
const OTHER: &str = "+15550100124";

fn carrier(submit: Duration, delivery: Duration) -> CarrierSettings {
    CarrierSettings { submit_time: submit, delivery_time: delivery, ..CarrierSettings::default() }
}

const AT_ONCE: Duration = Duration::from_millis(20);
const LATER: Duration = Duration::from_secs(4);

/// A site whose daemon runs and has one app, whose key is this.
async fn started(site: Site) -> (Site, String, Daemon) {
    site.configure("");
    let key = site.create_app("shop").await;
    let daemon = site.serve().await;
    (site, key, daemon)
}

async fn issue(daemon: &Daemon, key: &str) -> Value {
    let (status, otp) = daemon.post("/v1/otp", key, json!({ "to": TO })).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{otp}");
    otp
}

async fn when(events: &mut broadcast::Receiver<Event>, what: &str, is_it: impl Fn(&EventKind) -> bool) {
    soon(what, async {
        loop {
            if is_it(&events.recv().await.unwrap().kind) {
                return;
            }
        }
    })
    .await;
}

fn is_cmgs(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Command { name, .. } if name == "+CMGS")
}

/// Waits for the code on the handset and proves that it verifies, and that nothing else came.
async fn arrives_and_verifies(daemon: &Daemon, key: &str, otp: &Value, phone: &Handset) {
    let received = soon("the code on the handset", phone.next()).await;
    let path = format!("/v1/otp/{}", otp["id"].as_str().unwrap());
    let code = code_in(received.text.expose());
    let (status, verdict) = daemon.post(&format!("{path}/verify"), key, json!({ "code": code })).await;
    assert_eq!((status, &verdict["verified"]), (StatusCode::OK, &json!(true)), "{verdict}");
}

async fn message_until(daemon: &Daemon, key: &str, otp: &Value, wished: &str) -> Value {
    let path = format!("/v1/messages/{}", otp["message"]["id"].as_str().unwrap());
    daemon.until(&path, key, |message| message["status"] == wished).await
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_it_was_accepted_it_is_sent_after_the_restart() {
    let (mut site, key, daemon) = started(Site::unplugged(carrier(AT_ONCE, AT_ONCE))).await;
    let otp = issue(&daemon, &key).await;
    daemon.kill().await;

    site.plug();
    let daemon = site.serve().await;
    let phone = site.handset(TO);
    arrives_and_verifies(&daemon, &key, &otp, &phone).await;
    message_until(&daemon, &key, &otp, "delivered").await;
    assert_eq!(phone.inbox().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_the_prompt_it_is_in_doubt_and_then_sent() {
    let (site, key, daemon) = started(Site::new(carrier(AT_ONCE, AT_ONCE))).await;
    site.device.faults().queue(smsotpd::sim::Fault::SilentBeforePrompt);
    let mut events = site.device.events();
    let otp = issue(&daemon, &key).await;
    when(&mut events, "AT+CMGS", is_cmgs).await;
    daemon.kill().await;

    let daemon = site.serve().await;
    message_until(&daemon, &key, &otp, "in_doubt").await;
    let phone = site.handset(TO);
    arrives_and_verifies(&daemon, &key, &otp, &phone).await;
    message_until(&daemon, &key, &otp, "delivered").await;
    assert_eq!(phone.inbox().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_ctrl_z_it_is_in_doubt_and_then_sent() {
    let (site, key, daemon) = started(Site::new(carrier(AT_ONCE, AT_ONCE))).await;
    site.device.hold_prompts(true);
    let mut events = site.device.events();
    let otp = issue(&daemon, &key).await;
    when(&mut events, "AT+CMGS", is_cmgs).await;
    daemon.freeze();
    site.device.hold_prompts(false);
    when(&mut events, "the prompt", |kind| matches!(kind, EventKind::Prompted)).await;
    daemon.kill().await;
    while let Ok(event) = events.try_recv() {
        assert!(!matches!(event.kind, EventKind::Body { .. }), "it was to be killed before");
    }

    let daemon = site.serve().await;
    message_until(&daemon, &key, &otp, "in_doubt").await;
    let phone = site.handset(TO);
    arrives_and_verifies(&daemon, &key, &otp, &phone).await;
    assert_eq!(phone.inbox().len(), 1, "the modem must have been brought out of its prompt first");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_ctrl_z_a_report_settles_the_doubt_and_nothing_is_sent_twice() {
    let (site, key, daemon) = started(Site::new(carrier(LATER, LATER))).await;
    let mut events = site.device.events();
    let otp = issue(&daemon, &key).await;
    when(&mut events, "the submission", |kind| matches!(kind, EventKind::Submitted { .. })).await;
    daemon.kill().await;

    let daemon = site.serve().await;
    let phone = site.handset(TO);
    message_until(&daemon, &key, &otp, "delivered").await;
    arrives_and_verifies(&daemon, &key, &otp, &phone).await;
    assert_eq!(phone.inbox().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_ctrl_z_without_a_report_the_same_code_goes_out_once_more() {
    let (site, key, daemon) = started(Site::new(carrier(LATER, AT_ONCE))).await;
    site.device.hold_reports(true);
    let mut events = site.device.events();
    let otp = issue(&daemon, &key).await;
    when(&mut events, "the submission", |kind| matches!(kind, EventKind::Submitted { .. })).await;
    daemon.kill().await;

    let daemon = site.serve().await;
    let phone = site.handset(TO);
    let first = soon("the first copy", phone.next()).await;
    message_until(&daemon, &key, &otp, "in_doubt").await;
    let second = soon("the second copy", phone.next()).await;
    assert_eq!(code_in(first.text.expose()), code_in(second.text.expose()));
    let message = message_until(&daemon, &key, &otp, "sent").await;
    assert_eq!(message["attempts"].as_array().unwrap().len(), 2, "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_the_report_the_report_still_finds_its_message() {
    let (site, key, daemon) = started(Site::new(carrier(AT_ONCE, LATER))).await;
    let otp = issue(&daemon, &key).await;
    message_until(&daemon, &key, &otp, "sent").await;
    daemon.kill().await;

    let phone = site.handset(TO);
    let received = soon("the code on the handset", phone.next()).await;
    assert_eq!(code_in(received.text.expose()).len(), 6);
    let daemon = site.serve().await;
    message_until(&daemon, &key, &otp, "delivered").await;
    assert_eq!(phone.inbox().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn asked_to_stop_the_daemon_waits_for_the_answer_to_what_is_being_sent() {
    let (site, key, daemon) = started(Site::new(carrier(LATER, AT_ONCE))).await;
    // No report settles what the answer would have.
    site.device.hold_reports(true);
    let mut events = site.device.events();
    let otp = issue(&daemon, &key).await;
    when(&mut events, "the submission", |kind| matches!(kind, EventKind::Submitted { .. })).await;
    let (_, waits) = daemon.post("/v1/messages", &key, json!({ "to": OTHER, "text": "The door is open." })).await;
    assert!(daemon.terminate().await.success());
    assert!(site.handset(OTHER).inbox().is_empty(), "nothing new is begun");

    let daemon = site.serve().await;
    let message = message_until(&daemon, &key, &otp, "sent").await;
    assert_eq!(message["attempts"].as_array().unwrap().len(), 1, "{message}");
    let path = format!("/v1/messages/{}", waits["id"].as_str().unwrap());
    daemon.until(&path, &key, |message| message["status"] == "sent").await;
    assert_eq!(site.handset(TO).inbox().len(), 1);
    let config = site.folder.path().join("smsotpd.toml");
    let absent = crate::cli::run(&format!("audit --kind modem.absent --config {}", config.display())).await.stdout;
    assert_eq!(String::from_utf8(absent).unwrap(), "", "a stop is nothing that happened to a modem");
}

/// Kills the daemon as soon as the modem has the whole of a message.
async fn kill_after_ctrl_z(daemon: Daemon, mut events: broadcast::Receiver<Event>) {
    when(&mut events, "the submission", |kind| matches!(kind, EventKind::Submitted { .. })).await;
    daemon.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_the_callers_own_words_in_doubt_is_held_and_a_code_as_its_policy_says() {
    let site = Site::new(carrier(LATER, AT_ONCE));
    site.configure("[policy.staff]\ncode-in-doubt = \"hold\"");
    let (key, staff) = (site.create_app("shop").await, site.create_app_with("staff", &["--policy", "staff"]).await);
    site.device.hold_reports(true);
    let daemon = site.serve().await;
    let events = site.device.events();
    let (status, message) =
        daemon.post("/v1/messages", &key, json!({ "to": OTHER, "text": "The door is open." })).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{message}");
    kill_after_ctrl_z(daemon, events).await;

    let daemon = site.serve().await;
    let path = format!("/v1/messages/{}", message["id"].as_str().unwrap());
    daemon.until(&path, &key, |message| message["status"] == "in_doubt").await;
    let events = site.device.events();
    let (_, held_code) = daemon.post("/v1/otp", &staff, json!({ "to": OTHER })).await;
    kill_after_ctrl_z(daemon, events).await;

    let daemon = site.serve().await;
    message_until(&daemon, &staff, &held_code, "in_doubt").await;
    let events = site.device.events();
    let otp = issue(&daemon, &key).await;
    kill_after_ctrl_z(daemon, events).await;

    // In doubt later than the others, the code has gone out again: so would they have, if they did at all.
    let daemon = site.serve().await;
    let resent = message_until(&daemon, &key, &otp, "sent").await;
    assert_eq!(resent["attempts"].as_array().unwrap().len(), 2, "{resent}");
    let code = message_until(&daemon, &staff, &held_code, "in_doubt").await;
    for held in [daemon.get(&path, &key).await, code] {
        assert_eq!((&held["status"], held["attempts"].as_array().unwrap().len()), (&json!("in_doubt"), 1), "{held}");
    }
    assert!(site.handset(OTHER).inbox().len() <= 2, "they may have arrived, but not twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_gone_while_its_key_is_there_is_warned_of_and_a_new_site_is_not() {
    let site = Site::unplugged(CarrierSettings::default());
    site.configure("");
    let warnings = || std::fs::read_to_string(site.log()).unwrap().matches("there is a key and no database").count();
    assert!(site.serve().await.terminate().await.success());
    assert_eq!(warnings(), 0);
    std::fs::remove_file(site.state().join("smsotpd.db")).unwrap();
    assert!(site.serve().await.terminate().await.success());
    assert_eq!(warnings(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watchdog_is_fed_while_every_task_answers_with_a_modem_at_work_too() {
    let site = Site::new(CarrierSettings { submit_time: Duration::from_secs(3600), ..CarrierSettings::default() });
    site.configure("");
    let key = site.create_app("shop").await;
    let path = site.folder.path().join("notify");
    let systemd = tokio::net::UnixDatagram::bind(&path).unwrap();
    let environment = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "300000")];
    let daemon = site.serve_with(&environment).await;
    daemon.until_ready().await;
    daemon.post("/v1/messages", &key, json!({ "to": "+15550100123", "text": "Hello" })).await;
    daemon.until("/v1/status", &key, |status| status["queue"]["sending"] == 1).await;
    // What was told before.
    let mut word = [0; 1024];
    while systemd.try_recv(&mut word).is_ok() {}
    let mut beats = 0;
    while beats < 3 {
        let length = soon("word to systemd", systemd.recv(&mut word)).await.unwrap();
        beats += usize::from(word[..length].starts_with(b"WATCHDOG=1"));
    }
    daemon.kill().await;
}
