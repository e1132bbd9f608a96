//! The whole daemon in this process: modems that come while it serves, and a log that is pruned meanwhile.
#![allow(clippy::unwrap_used, reason = "a test whose scaffolding fails has failed")]

mod support;

#[path = "support/port.rs"]
mod port;

use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper::Method;
use port::Pipe;
use serde_json::Value;
use smsotpd::config::Config;
use smsotpd::daemon::{Daemon, Parts};
use smsotpd::modem::{Connector, Settings};
use smsotpd::phone::PhoneNumber;
use smsotpd::secret::ApiKey;
use smsotpd::sim::{Carrier, CarrierSettings, Device, DeviceSettings, Terminal};
use smsotpd::store::{NewApp, Scope};
use support::{request, soon};
use tokio::sync::oneshot;

const KEY: &str = "the-key-of-the-shop";

/// Starts a daemon with an app, whose configuration ends with these lines.
async fn start(folder: &Path, more: &str, parts: Parts) -> (Daemon, PathBuf) {
    let (path, socket, state) = (folder.join("smsotpd.toml"), folder.join("api.sock"), folder.join("state"));
    let config = format!("state-dir = {state:?}\n[http]\nlisten = \"127.0.0.1:0\"\nsocket = {socket:?}\n{more}");
    std::fs::write(&path, config).unwrap();
    let daemon = Daemon::start(&Config::load(Some(&path)).unwrap(), parts).await.unwrap();
    let key = daemon.store.site_key().key_digest(&ApiKey::new(KEY.to_owned()));
    let (name, policy) = ("shop".parse().unwrap(), "default".to_owned());
    daemon.store.create_app(NewApp { name, scopes: vec![Scope::Admin], policy, key }).await.unwrap();
    (daemon, socket)
}

/// The names of the modems that the daemon shows.
async fn modems(socket: &Path) -> Vec<String> {
    let (_, shown) = request(socket, Method::GET, "/v1/modems", Some(KEY), None).await.unwrap();
    shown["modems"].as_array().unwrap().iter().map(|modem| modem["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn modems_that_are_plugged_in_while_the_daemon_serves_send_what_waits() {
    let folder = tempfile::tempdir().unwrap();
    let [links, empty] = ["links", "empty"].map(|name| folder.path().join(name));
    std::fs::create_dir(&links).unwrap();
    std::fs::create_dir(&empty).unwrap();
    let discovery = format!("[discovery]\nlinks = {links:?}\ndevices = {empty:?}\nsysfs = {empty:?}\n");
    let (daemon, socket) = start(folder.path(), &discovery, Parts::default()).await;
    let message = serde_json::json!({"to": "+15550100123", "text": "Hello"});
    request(&socket, Method::POST, "/v1/messages", Some(KEY), Some(message)).await.unwrap();
    assert_eq!(modems(&socket).await, Vec::<String>::new());

    let at_once = Duration::from_millis(10);
    let carrier =
        Carrier::new(CarrierSettings { submit_time: at_once, delivery_time: at_once, ..CarrierSettings::default() });
    let handset = carrier.handset(&PhoneNumber::parse("+15550100123").unwrap());
    let mut names = Vec::new();
    for index in 0..2 {
        let device = Device::new(DeviceSettings::numbered(index), carrier.clone());
        let imei = device.settings().imei.to_string();
        names.push(format!("m{}", &imei[imei.len() - 6..]));
        let terminal = Terminal::open(Some(&links.join(format!("modem-{index}")))).unwrap();
        tokio::spawn(async move { device.serve(terminal).await });
    }
    soon("the message that waited", handset.next()).await;
    soon("both modems", async {
        while modems(&socket).await.len() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let mut shown = modems(&socket).await;
    shown.sort();
    assert_eq!(shown, names);

    let (stop, asked) = oneshot::channel::<()>();
    let running = tokio::spawn(daemon.run(Duration::ZERO, async { drop(asked.await) }));
    stop.send(()).unwrap();
    assert!(soon("the daemon to stop", running).await.unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_modem_whose_name_is_taken_is_left_alone() {
    let carrier = Carrier::new(CarrierSettings::default());
    let modem = |(name, index): (&str, _)| {
        let device = Device::new(DeviceSettings::numbered(index), carrier.clone());
        let connector: Box<dyn Connector> = Box::new(Pipe(device));
        (Settings::at_port(name.parse().unwrap(), "in memory"), connector)
    };
    let parts = Parts { clock: None, modems: Some([("m0", 0), ("m1", 1), ("m0", 2)].map(modem).into()) };
    let folder = tempfile::tempdir().unwrap();
    let (_daemon, socket) = start(folder.path(), "", parts).await;
    soon("the modems", async {
        while modems(&socket).await.len() < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(modems(&socket).await, ["m0", "m1"]);
}

#[tokio::test(start_paused = true)]
async fn the_log_of_what_happened_is_kept_as_long_as_the_file_says_and_its_pruning_makes_nobody_wait() {
    use smsotpd::clock::Clock;
    use smsotpd::store::{Kind, Reader};
    let folder = tempfile::tempdir().unwrap();
    let parts = Parts { clock: Some(Clock::simulated()), modems: Some(Vec::new()) };
    let more = "[audit]\nkeep-days = 3\n[policy.default.limits]\nper-prefix-hour = 0\n";
    let (daemon, socket) = start(folder.path(), more, parts).await;
    let store = daemon.store.clone();
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
