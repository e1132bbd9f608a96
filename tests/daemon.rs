//! The whole daemon in this process: modems that come while it serves.
#![allow(clippy::unwrap_used, reason = "a test whose scaffolding fails has failed")]

mod support;

#[path = "support/port.rs"]
mod port;

use std::time::Duration;

use hyper::Method;
use port::Pipe;
use serde_json::Value;
use smsotpd::config::Config;
use smsotpd::daemon::{Daemon, Parts};
use smsotpd::modem::Settings;
use smsotpd::phone::PhoneNumber;
use smsotpd::secret::ApiKey;
use smsotpd::sim::{Carrier, CarrierSettings, Device, DeviceSettings};
use smsotpd::store::{NewApp, Scope};
use support::{request, soon};
use tokio::sync::oneshot;

const KEY: &str = "the-key-of-the-shop";

#[tokio::test(flavor = "multi_thread")]
async fn a_modem_that_is_added_while_the_daemon_serves_sends_what_waits() {
    let folder = tempfile::tempdir().unwrap();
    let (path, socket) = (folder.path().join("smsotpd.toml"), folder.path().join("api.sock"));
    let state = folder.path().join("state");
    let config = format!("state-dir = {state:?}\n[http]\nlisten = \"127.0.0.1:0\"\nsocket = {socket:?}\n");
    std::fs::write(&path, config).unwrap();
    let daemon = Daemon::start(&Config::load(Some(&path)).unwrap(), Parts::default()).await.unwrap();
    let app = NewApp {
        name: "shop".parse().unwrap(),
        scopes: vec![Scope::Admin],
        policy: "default".to_owned(),
        key: daemon.store.site_key().key_digest(&ApiKey::new(KEY.to_owned())),
    };
    daemon.store.create_app(app).await.unwrap();
    let get = async |path: &str| request(&socket, Method::GET, path, Some(KEY), None).await.unwrap().1;
    let message = serde_json::json!({"to": "+15550100123", "text": "Hello"});
    request(&socket, Method::POST, "/v1/messages", Some(KEY), Some(message)).await.unwrap();
    assert_eq!(get("/v1/modems").await["modems"], Value::Array(Vec::new()));

    let at_once = Duration::from_millis(10);
    let carrier =
        Carrier::new(CarrierSettings { submit_time: at_once, delivery_time: at_once, ..CarrierSettings::default() });
    let handset = carrier.handset(&PhoneNumber::parse("+15550100123").unwrap());
    for index in 0..3 {
        // The last one has the name of the first, and is left alone.
        let settings = Settings::at_port(format!("m{}", index % 2).parse().unwrap(), "in memory");
        let device = Device::new(DeviceSettings::numbered(index), carrier.clone());
        daemon.add_modem(settings, Box::new(Pipe(device))).await;
    }
    soon("the message that waited", handset.next()).await;
    soon("both modems", async {
        while get("/v1/modems").await["modems"].as_array().is_none_or(|modems| modems.len() < 2) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let shown = get("/v1/modems").await;
    let names: Vec<&str> =
        shown["modems"].as_array().unwrap().iter().filter_map(|modem| modem["name"].as_str()).collect();
    assert_eq!(names, ["m0", "m1"]);

    let (stop, asked) = oneshot::channel::<()>();
    let running = tokio::spawn(daemon.run(Duration::ZERO, async { drop(asked.await) }));
    stop.send(()).unwrap();
    assert!(soon("the daemon to stop", running).await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_log_of_what_happened_is_kept_as_long_as_the_file_says_and_its_pruning_makes_nobody_wait() {
    use smsotpd::clock::Clock;
    use smsotpd::store::{Kind, Reader};
    let folder = tempfile::tempdir().unwrap();
    let (path, socket) = (folder.path().join("smsotpd.toml"), folder.path().join("api.sock"));
    let state = folder.path().join("state");
    let config = format!(
        "state-dir = {state:?}\n[http]\nlisten = \"127.0.0.1:0\"\nsocket = {socket:?}\n[audit]\nkeep-days = 3\n\
         [policy.default.limits]\nper-prefix-hour = 0\n"
    );
    std::fs::write(&path, config).unwrap();
    let parts = Parts { clock: Some(Clock::simulated()), modems: Some(Vec::new()) };
    let daemon = Daemon::start(&Config::load(Some(&path)).unwrap(), parts).await.unwrap();
    let store = daemon.store.clone();
    let key = store.site_key().key_digest(&ApiKey::new(KEY.to_owned()));
    let policy = "default".to_owned();
    store.create_app(NewApp { name: "shop".parse().unwrap(), scopes: vec![Scope::Admin], policy, key }).await.unwrap();
    let mut noting = tokio::task::JoinSet::new();
    for _ in 0..1_000 {
        let store = store.clone();
        noting.spawn(async move { store.note(Kind::ModemReady, None, Value::Null).await.unwrap() });
    }
    noting.join_all().await;
    let oldest = async || {
        let told = store.events_after(0, Reader::Admin, Vec::new(), 1).await.unwrap();
        told.events[0].id.place()
    };
    tokio::time::advance(Duration::from_secs(2 * 24 * 3600)).await;
    // The clock stands, so whoever waited for the pruning would wait for ever.
    let issue = async |n: u32| {
        let now = store.clock().now();
        let body = serde_json::json!({"to": format!("+1555010{n:04}")});
        let (status, answer) = request(&socket, Method::POST, "/v1/otp", Some(KEY), Some(body)).await.unwrap();
        assert_eq!((status.as_u16(), store.clock().now()), (202, now), "{answer}");
    };
    issue(0).await;
    assert_eq!(oldest().await, 1, "two days are not three");
    tokio::time::advance(Duration::from_secs(2 * 24 * 3600)).await;
    let (mut before, mut seconds) = (1, 1);
    while before <= 1_000 {
        issue(seconds).await;
        let now = oldest().await;
        assert!(now - before <= 128, "{} at once", now - before);
        before = now;
        tokio::time::advance(Duration::from_secs(1)).await;
        seconds += 1;
        assert!(seconds < 2_000, "{now} is the oldest");
    }
}
