//! The configuration is read again while the daemon serves: all of it or nothing, and no request notices.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{Daemon, Site, request, soon};
use hyper::{Method, StatusCode};
use rustix::process::Signal;
use serde_json::{Value, json};
use smsotpd::sim::CarrierSettings;
use tokio::task::JoinSet;

const FREE: &str = "[policy.default.limits]\nper-number-hour = 0\nper-number-day = 0\nper-prefix-hour = 0\n";

/// Two policies that differ in everything that an answer shows.
const SHORT: &str = "[policy.default]\nattempts = 3\nlifetime-seconds = 100\ntemplate = \"{code}\"\n";
const LONG: &str = "[policy.default]\nattempts = 7\nlifetime-seconds = 9000\ntemplate = \"код {code}\"\n";

/// What the daemon has logged so far, a line each.
fn log(site: &Site) -> Vec<Value> {
    let log = std::fs::read_to_string(site.log()).unwrap_or_default();
    log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn said(site: &Site, message: &str) -> usize {
    log(site).iter().filter(|line| line["message"] == message).count()
}

/// Has the daemon read its configuration again and waits until it has said this once more.
async fn reload(site: &Site, daemon: &Daemon, outcome: &str) {
    let before = said(site, outcome);
    daemon.signal(Signal::HUP);
    until_said(site, outcome, before + 1).await;
}

/// Waits until the daemon has said this so many times.
async fn until_said(site: &Site, message: &str, times: usize) {
    soon(message, async {
        while said(site, message) != times {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

const DONE: &str = "the configuration was read again";
const REFUSED: &str = "the configuration could not be taken on; everything is as it was";

/// By which of the two policies this otp was issued; it must be one of them in everything.
fn is_long(otp: &Value) -> bool {
    let expires: smsotpd::clock::Timestamp = otp["expires_at"].as_str().unwrap().parse().unwrap();
    let lives = expires.as_second() - smsotpd::clock::Timestamp::now().as_second();
    let signs = [otp["attempts_left"] == 7, otp["message"]["encoding"] == "ucs2", lives > 200];
    assert!(signs == [true; 3] || signs == [false; 3], "a mix of two policies: {otp}");
    signs[0]
}

/// What a client of an app asks, one call after the other. It counts how many codes by each policy it got.
async fn ask_on(client: usize, socket: PathBuf, key: String, seen: Arc<[AtomicUsize; 2]>) {
    let ask = async |path: &str, body: Value, expected: StatusCode| {
        let answer = request(&socket, Method::POST, path, Some(&key), Some(body)).await;
        let (status, answer) = answer.unwrap();
        assert_eq!(status, expected, "{path}: {answer}");
        answer
    };
    for turn in 0.. {
        let to = format!("+1555{client}{turn:06}");
        let otp = ask("/v1/otp", json!({ "to": to }), StatusCode::ACCEPTED).await;
        seen[usize::from(is_long(&otp))].fetch_add(1, Ordering::Relaxed);
        let path = format!("/v1/otp/{}", otp["id"].as_str().unwrap());
        ask(&format!("{path}/verify"), json!({ "code": "none" }), StatusCode::OK).await;
        ask(&format!("{path}/resend"), json!(null), StatusCode::ACCEPTED).await;
        ask("/v1/messages", json!({ "to": to, "text": "Hello" }), StatusCode::ACCEPTED).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_under_load_fails_no_request_and_mixes_no_two_policies() {
    let site = Site::unplugged(CarrierSettings::default());
    let at_once = "resend-after-seconds = 0\n";
    site.configure(&format!("{SHORT}{at_once}{FREE}"));
    let key = site.create_app("shop").await;
    let daemon = site.serve().await;
    let seen = Arc::<[AtomicUsize; 2]>::default();
    let mut clients = JoinSet::new();
    for client in 0..4 {
        clients.spawn(ask_on(client, site.socket(), key.clone(), Arc::clone(&seen)));
    }
    let route = "[[route]]\nprefix = \"+1555\"\nmodems = [\"m1\"]\n";
    for turn in 0..12 {
        let policy = if turn % 2 == 0 { LONG } else { SHORT };
        let (modems, route) = [("", ""), ("", route), ("modems = [\"m1\"]\n", route)][turn % 3];
        site.configure(&format!("{policy}{at_once}{modems}{FREE}{route}"));
        reload(&site, &daemon, DONE).await;
        let by_this = &seen[usize::from(policy == LONG)];
        let before = by_this.load(Ordering::Relaxed);
        soon("a code by it", async {
            while by_this.load(Ordering::Relaxed) == before {
                tokio::task::yield_now().await;
            }
        })
        .await;
        // A client ends by what it finds wrong only.
        if let Some(ended) = clients.try_join_next() {
            ended.unwrap();
        }
    }
    clients.shutdown().await;
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_tells_what_has_changed_and_what_waits_for_a_restart() {
    let site = Site::unplugged(CarrierSettings::default());
    site.configure("[policy.default]\nlength = 6\n[policy.staff]\nlength = 8\n");
    let key = site.create_app("shop").await;
    let daemon = site.serve().await;
    site.configure("[policy.default]\nlength = 8\n[policy.kiosk]\n[sim-budget]\nper-hour = 7\n");
    reload(&site, &daemon, DONE).await;
    for told in ["policy.default.length: 6 -> 8", "policy.staff: gone", "policy.kiosk: new"] {
        assert_eq!(said(&site, told), 1, "{told}");
    }
    let waiting = |log: Vec<Value>| log.into_iter().filter(|line| line["keys"] == "sim-budget.per-hour").count();
    assert_eq!(waiting(log(&site)), 1);
    let document = daemon.get("/openapi.json", &key).await;
    let names = &document["components"]["schemas"]["OtpRequest"]["properties"]["policy"]["enum"];
    assert_eq!(*names, json!(["default", "kiosk", null]));
    // What waits for a restart waits on.
    reload(&site, &daemon, DONE).await;
    assert_eq!(waiting(log(&site)), 2);
    assert_eq!(said(&site, "policy.default.length: 6 -> 8"), 1);
}

/// What the audit tells of the policies.
async fn audit(config: &std::path::Path) -> Vec<Value> {
    let mut audit = crate::support::smsotpd();
    let output = audit.args(["audit", "--json", "--kind", "policy.*", "--config"]).arg(config).output().await.unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_that_changed_while_the_daemon_was_not_running_are_in_the_audit() {
    let site = Site::unplugged(CarrierSettings::default());
    let run = async |text: &str| {
        let config = site.configure(text);
        let daemon = site.serve().await;
        assert!(daemon.terminate().await.success());
        let told = audit(&config).await;
        told.into_iter().map(|event| event["data"]["changes"].clone()).collect::<Vec<Value>>()
    };
    let before = "[policy.default]\nlength = 6\ntemplate = \"{code} s3cret\"\n[policy.staff]\n";
    assert!(run(before).await.is_empty(), "the first are no change");
    assert!(run(before).await.is_empty());
    let what_is_so_anyway = format!("{before}attempts = 5\n");
    assert!(run(&what_is_so_anyway).await.is_empty());
    let after = "[policy.default]\nlength = 8\n[policy.kiosk]\n[[route]]\nprefix = \"+49\"\nmodems = [\"m1\"]\n";
    let told = run(after).await;
    let changes = ["policy.staff: gone", "policy.default: changed", "policy.kiosk: new", "route: changed"]
        .map(|change| format!("{change} while the daemon was not running"));
    assert_eq!(told, [json!(changes)]);
    assert_eq!(run(after).await.len(), 1);
    let database = std::fs::read(site.folder.path().join("state/smsotpd.db")).unwrap();
    assert!(!database.windows(6).any(|window| window == b"s3cret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_that_changes_a_policy_is_in_the_audit_once() {
    let site = Site::unplugged(CarrierSettings::default());
    let config = site.configure("[policy.default]\nlength = 6\n");
    let daemon = site.serve().await;
    let audit = async || audit(&config).await;
    // What is faulty, what is as it was and what waits for a restart change no policy.
    site.configure("[policy.default]\nlength = 99\n");
    reload(&site, &daemon, REFUSED).await;
    site.configure("[policy.default]\nlength = 6\n");
    reload(&site, &daemon, DONE).await;
    site.configure("[policy.default]\nlength = 6\n[sim-budget]\nper-hour = 7\n");
    reload(&site, &daemon, DONE).await;
    site.configure("[policy.default]\nlength = 8\nattempts = 3\n[sim-budget]\nper-hour = 7\n");
    reload(&site, &daemon, DONE).await;
    soon("the change in the audit", async { while audit().await.is_empty() {} }).await;
    site.configure("[policy.default]\nlength = 6\n");
    reload(&site, &daemon, DONE).await;
    soon("the next change", async { while audit().await.len() < 2 {} }).await;
    assert!(daemon.terminate().await.success());
    let told: Vec<Value> =
        audit().await.into_iter().map(|event| json!([event["type"], event["data"]["changes"]])).collect();
    let first = json!(["policy.default.attempts: 5 -> 3", "policy.default.length: 6 -> 8"]);
    let second = json!(["policy.default.attempts: 3 -> 5", "policy.default.length: 8 -> 6"]);
    assert_eq!(told, [json!(["policy.changed", first]), json!(["policy.changed", second])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_faulty_file_changes_nothing_and_each_fault_is_told_with_its_place() {
    let site = Site::unplugged(CarrierSettings::default());
    site.configure(&format!("{SHORT}{FREE}"));
    let key = site.create_app("shop").await;
    let daemon = site.serve().await;
    let path = site.configure(&format!("{LONG}length = 3\nbrandd = \"Shop\"\n{FREE}"));
    reload(&site, &daemon, REFUSED).await;
    for (place, told) in [("12:10", "policy.default.length"), ("13:1", "unknown key `brandd`, did you mean `brand`?")] {
        let place = format!("{}:{place}: ", path.display());
        let is_told = |line: &Value| {
            let message = line["message"].as_str().unwrap_or_default();
            line["level"] == "ERROR" && message.starts_with(&place) && message.contains(told)
        };
        assert!(log(&site).iter().any(is_told), "{place}{told} is not in {:?}", log(&site));
    }
    let (_, otp) = daemon.post("/v1/otp", &key, json!({ "to": "+15550100123" })).await;
    assert!(!is_long(&otp));
    let warned = async || {
        let (_, ready) = daemon.request(Method::GET, "/readyz", &key, None).await;
        ready["warnings"].as_array().unwrap().iter().any(|warning| warning["code"] == "config")
    };
    assert!(warned().await);
    std::fs::remove_file(&path).unwrap();
    reload(&site, &daemon, REFUSED).await;
    site.configure(&format!("{LONG}{FREE}"));
    reload(&site, &daemon, DONE).await;
    assert!(!warned().await);
    let (_, otp) = daemon.post("/v1/otp", &key, json!({ "to": "+15550100123" })).await;
    assert!(is_long(&otp));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_route_goes_for_what_waits_too() {
    let site = Site::unplugged(CarrierSettings::default());
    site.configure("");
    let key = site.create_app("shop").await;
    let daemon = site.serve().await;
    let (_, sent) = daemon.post("/v1/messages", &key, json!({ "to": "+15550100123", "text": "Hello" })).await;
    site.configure("[[route]]\nprefix = \"+1555\"\nmodems = [\"m1\"]\n");
    reload(&site, &daemon, DONE).await;
    let message = daemon.get(&format!("/v1/messages/{}", sent["id"].as_str().unwrap()), &key).await;
    assert!(message["why"].as_str().unwrap().contains("through m1 only"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_names_a_modem_that_comes_with_a_restart_waits_for_that() {
    let site = Site::unplugged(CarrierSettings::default());
    site.configure("");
    let daemon = site.serve().await;
    let told = |name: &str| {
        let then = "is there only after a restart, and what names it can be taken on only then";
        said(&site, &format!("the modem {name} {then}; run: systemctl restart smsotpd"))
    };
    let (back, found) = ("[[modem]]\nname = \"back\"\nport = \"/nowhere\"\n", "[discovery]\nenabled = true\n");
    for (modems, name) in [(back, "back"), (found, "m123456")] {
        for named in ["[[route]]\nprefix = \"+49\"\n", "[policy.staff]\n"] {
            site.configure(&format!("{modems}{named}modems = [{name:?}]\n"));
            reload(&site, &daemon, REFUSED).await;
        }
        assert_eq!(told(name), 2);
        site.configure(modems);
        reload(&site, &daemon, DONE).await;
    }
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_an_app_goes_by_stays_and_one_that_is_missing_at_the_start_is_told_of() {
    let site = Site::unplugged(CarrierSettings::default());
    site.configure("[policy.staff]\nlength = 8\n[policy.kiosk]\n");
    let key = site.create_app_with("desk", &["--policy", "staff"]).await;
    let daemon = site.serve().await;
    site.configure("[policy.default]\nlength = 8\n[policy.crew]\nlength = 8\n[policy.kiosk]\n");
    reload(&site, &daemon, REFUSED).await;
    assert_eq!(said(&site, "policy.staff: the app desk goes by it; keep it, or remove the app first"), 1);
    assert_eq!(said(&site, "policy.default.length: 6 -> 8"), 0, "all or nothing");
    let to = json!({ "to": "+15550100123" });
    assert_eq!(daemon.post("/v1/otp", &key, to.clone()).await.0, StatusCode::ACCEPTED);
    // A policy that no app goes by can go.
    site.configure("[policy.staff]\nlength = 8\n");
    reload(&site, &daemon, DONE).await;
    assert_eq!(daemon.post("/v1/otp", &key, to).await.0, StatusCode::ACCEPTED);
    assert!(daemon.terminate().await.success());

    let lost = "the policy of this app is not in the configuration";
    site.configure("");
    assert_eq!(said(&site, lost), 0);
    let daemon = site.serve().await;
    until_said(&site, lost, 1).await;
    let (_, ready) = daemon.request(Method::GET, "/readyz", &key, None).await;
    let warning = ready["warnings"].as_array().unwrap().iter().find(|warning| warning["code"] == "policy").unwrap();
    let reason = "An app goes by the policy staff, which is not in the configuration.";
    assert_eq!((&warning["reason"], &warning["modem"]), (&json!(reason), &json!(null)));
    // That it was missing before keeps no other change from being taken on.
    site.configure("[policy.default]\nlength = 8\n");
    reload(&site, &daemon, DONE).await;
    site.configure("[policy.staff]\nlength = 8\n");
    reload(&site, &daemon, DONE).await;
    let (_, ready) = daemon.request(Method::GET, "/readyz", &key, None).await;
    assert!(!ready.to_string().contains("staff"), "{ready}");
}
