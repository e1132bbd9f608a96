//! The main job across a real pseudo-terminal, a real database file and real HTTP: what a caretaker would see.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use crate::support::{Site, code_in, soon};
use hyper::{Method, StatusCode};
use serde_json::json;
use smsotpd::sim::{CardFault, CarrierSettings, Fault};

const TO: &str = "+15550100123";
const AT_ONCE: Duration = Duration::from_millis(20);

fn quick() -> CarrierSettings {
    CarrierSettings { submit_time: AT_ONCE, delivery_time: AT_ONCE, ..CarrierSettings::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_reaches_the_handset_and_verifies_once() {
    let site = Site::new(quick());
    site.configure("[policy.default]\nbrand = \"Shop\"");
    let key = site.create_app("shop").await;
    let daemon = site.serve().await;

    let (status, otp) = daemon.post("/v1/otp", &key, json!({ "to": "+1 (555) 010-0123" })).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{otp}");
    assert_eq!(otp["to"], "+1555***0123");
    let received = soon("the code", site.handset(TO).next()).await;
    let code = code_in(received.text.expose());
    assert_eq!(received.text.expose(), format!("{code} is your Shop code. It is valid for 5 minutes."));

    let path = format!("/v1/otp/{}", otp["id"].as_str().unwrap());
    let verify = format!("{path}/verify");
    let wrong = if code == "000000" { "111111" } else { "000000" };
    let (status, verdict) = daemon.post(&verify, &key, json!({ "code": wrong })).await;
    assert_eq!(
        (status, &verdict["verified"], &verdict["reason"], &verdict["attempts_left"]),
        (StatusCode::OK, &json!(false), &json!("wrong_code"), &json!(4))
    );
    let (_, verdict) = daemon.post(&verify, &key, json!({ "code": code })).await;
    assert_eq!((&verdict["verified"], &verdict["status"]), (&json!(true), &json!("verified")));
    let (_, verdict) = daemon.post(&verify, &key, json!({ "code": code })).await;
    assert_eq!((&verdict["verified"], &verdict["reason"]), (&json!(false), &json!("already_used")));

    let otp = daemon.until(&path, &key, |otp| otp["message"]["status"] == "delivered").await;
    assert!(otp["message"]["delivered_at"].is_string(), "{otp}");
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turkish_text_takes_one_sms_where_the_policy_allows_the_tables() {
    let site = Site::new(quick());
    let wording = "{brand} doğrulama kodunuz: {code}. {minutes} dakika geçerlidir. Bu şifreyi kimseyle paylaşmayınız.";
    let tables = "national-tables = [\"tr\"]";
    site.configure(&format!("[policy.default]\nbrand = \"Mağaza\"\ntemplate = \"{wording}\"\n{tables}"));
    let key = site.create_app("shop").await;
    let daemon = site.serve().await;

    let (status, otp) = daemon.post("/v1/otp", &key, json!({ "to": TO })).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{otp}");
    assert_eq!((&otp["message"]["encoding"], &otp["message"]["parts"]), (&json!("gsm7-tr"), &json!(1)));
    let received = soon("the code", site.handset(TO).next()).await;
    let code = code_in(received.text.expose());
    let text = format!("Mağaza doğrulama kodunuz: {code}. 5 dakika geçerlidir. Bu şifreyi kimseyle paylaşmayınız.");
    assert_eq!((received.text.expose(), received.parts), (text.as_str(), 1));

    // "ж" is in no table of Turkish.
    let long = "Güneşli bir öğleden sonra, sığırcıklar uçuştu. [€]".repeat(5);
    for (text, encoding, parts) in [(long.as_str(), "gsm7-tr", 2), (&"жığ".repeat(30), "ucs2", 2), ("ığ", "ucs2", 1)]
    {
        let (_, message) = daemon.post("/v1/messages", &key, json!({ "to": TO, "text": text })).await;
        assert_eq!((&message["encoding"], &message["parts"]), (&json!(encoding), &json!(parts)), "{message}");
        let received = soon("the message", site.handset(TO).next()).await;
        assert_eq!((received.text.expose(), received.parts), (text, parts));
    }
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_modem_that_is_pulled_and_plugged_again_loses_no_message_and_needs_no_hand() {
    let mut site = Site::new(quick());
    site.configure("[policy.default.limits]\nper-prefix-hour = 0\n[sim-budget]\nper-minute = 0");
    let key = site.create_app("shop").await;
    let daemon = site.serve().await;
    let mut otps = Vec::new();
    for round in 0..3 {
        for n in 0..4 {
            let to = format!("+1555011{round}{n:03}");
            let (status, otp) = daemon.post("/v1/otp", &key, json!({ "to": to })).await;
            assert_eq!(status, StatusCode::ACCEPTED, "{otp}");
            otps.push((to, otp));
        }
        site.unplug().await;
        daemon.until("/v1/modems", &key, |modems| modems["modems"][0]["state"] != "ready").await;
        site.plug();
    }
    for (to, otp) in otps {
        let path = format!("/v1/otp/{}", otp["id"].as_str().unwrap());
        daemon.until(&path, &key, |otp| otp["message"]["status"] == "delivered").await;
        assert!(!site.handset(&to).inbox().is_empty(), "{to} got nothing");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_modem_that_is_pulled_and_plugged_again_is_in_the_audit_once_each_time_and_with_the_reason() {
    let mut site = Site::new(quick());
    let config = site.configure("");
    let key = site.create_app("shop").await;
    let daemon = site.serve().await;
    let told = async || {
        let mut audit = crate::support::smsotpd();
        audit.args(["audit", "--json", "--kind", "modem.*", "--config"]).arg(&config);
        let output = audit.output().await.unwrap();
        let lines = String::from_utf8(output.stdout).unwrap();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<serde_json::Value>>()
    };
    let until_told = async |kind: &str| {
        soon(kind, async { while told().await.last().is_none_or(|event| event["type"] != kind) {} }).await;
    };
    until_told("modem.ready").await;
    site.unplug().await;
    until_told("modem.absent").await;
    site.plug();
    daemon.until("/v1/modems", &key, |modems| modems["modems"][0]["state"] == "ready").await;
    until_told("modem.ready").await;
    let events = told().await;
    assert!(events.windows(2).all(|pair| pair[0]["type"] != pair[1]["type"]), "{events:?}");
    for event in &events {
        assert_eq!(event["data"]["modem"], "m1", "{event}");
        assert_eq!(event["data"]["reason"].is_string(), event["type"] != "modem.ready", "{event}");
    }
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_modem_messages_are_accepted_and_readyz_says_why_they_wait() {
    let site = Site::unplugged(quick());
    site.configure("");
    let key = site.create_app("shop").await;
    let daemon = site.serve().await;
    let (status, _) = daemon.request(Method::GET, "/healthz", &key, None).await;
    assert_eq!(status, StatusCode::OK);
    let (status, otp) = daemon.post("/v1/otp", &key, json!({ "to": TO })).await;
    assert_eq!((status, &otp["message"]["status"]), (StatusCode::ACCEPTED, &json!("queued")));
    let (status, ready) = daemon.request(Method::GET, "/readyz", &key, None).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{ready}");
    assert!(ready.to_string().contains("m1"), "it names the modem: {ready}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_has_no_modem_configured_serves_and_says_so() {
    let site = Site::unplugged(quick());
    let config = site.configure("");
    let text = std::fs::read_to_string(&config).unwrap();
    let (before, _) = text.split_once("[[modem]]").unwrap();
    std::fs::write(&config, format!("{before}[discovery]\nenabled = false\n")).unwrap();
    let key = site.create_app("shop").await;
    let daemon = site.serve().await;
    let (status, _) = daemon.post("/v1/otp", &key, json!({ "to": TO })).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let (status, ready) = daemon.request(Method::GET, "/readyz", &key, None).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{ready}");
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_on_the_same_state_is_refused() {
    let site = Site::unplugged(quick());
    let config = site.configure("");
    let _daemon = site.serve().await;
    let output = crate::support::smsotpd().args(["serve", "--config"]).arg(config).output().await.unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("another"), "{said}");
}

#[tokio::test]
async fn what_only_a_person_can_mend_ends_the_daemon_with_the_code_after_which_it_is_not_started_again() {
    let site = Site::unplugged(quick());
    let config = site.configure("");
    site.create_app("shop").await;
    let key = site.state().join("key");
    let serve = || crate::support::smsotpd().args(["serve", "--config"]).arg(config.clone()).output();
    std::fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    let exposed = serve().await.unwrap();
    std::fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&key, [7; 32]).unwrap();
    let wrong = serve().await.unwrap();
    for (ended, told) in [(exposed, "chmod 600"), (wrong, "does not belong to this database")] {
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.code() == Some(78) && said.contains(told), "{:?}: {said}", ended.status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_removed_or_rotated_stops_working_while_the_daemon_runs() {
    let site = Site::unplugged(quick());
    let config = site.configure("");
    let old = site.create_app("shop").await;
    let daemon = site.serve().await;
    daemon.get("/v1/status", &old).await;
    let output =
        crate::support::smsotpd().args(["app", "rotate", "shop", "--config"]).arg(config).output().await.unwrap();
    assert!(output.status.success());
    soon("the old key to be refused", async {
        while daemon.request(Method::GET, "/v1/status", &old, None).await.0 != StatusCode::UNAUTHORIZED {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_says_what_is_the_matter_with_a_modem_and_what_to_do() {
    let site = Site::new(quick());
    site.device.faults().queue(Fault::Card(CardFault::Removed));
    site.configure("");
    let key = site.create_app("shop").await;
    let daemon = site.serve().await;
    let shown = daemon.until("/v1/modems", &key, |shown| shown["modems"][0]["state"] == "not_ready").await;
    let log = || std::fs::read_to_string(site.log()).unwrap();
    let said = ["reason", "advice"].map(|said| shown["modems"][0][said].as_str().unwrap());
    soon("word of it in the log", async {
        while !said.iter().all(|said| log().contains(said)) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(daemon.terminate().await.success());
    for said in said {
        assert_eq!(log().matches(said).count(), 1, "{said} in {}", log());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitor_that_asks_while_nothing_can_be_sent_does_not_fill_the_log() {
    let site = Site::unplugged(quick());
    site.configure("");
    let key = site.create_app("shop").await;
    let daemon = site.serve().await;
    for _ in 0..10 {
        let (status, ready) = daemon.request(Method::GET, "/readyz", &key, None).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{ready}");
    }
    // The log is whole once the daemon has ended.
    assert!(daemon.terminate().await.success());
    let log = std::fs::read_to_string(site.log()).unwrap();
    assert!(!log.contains("/readyz"), "{log}");
}
