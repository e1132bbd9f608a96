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
    let running = tokio::spawn(daemon.run(async { drop(asked.await) }));
    stop.send(()).unwrap();
    assert!(soon("the daemon to stop", running).await.unwrap().is_ok());
}
