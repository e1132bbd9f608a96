//! What people write to the SIM, through the API of the real daemon: read, removed, and heeded where it is STOP.

use std::time::Duration;

use crate::support::{Daemon, Site, soon};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use smsotpd::sim::CarrierSettings;

const ALICE: &str = "+15550100123";

fn quick() -> CarrierSettings {
    let at_once = Duration::from_millis(10);
    CarrierSettings { submit_time: at_once, delivery_time: at_once, ..CarrierSettings::default() }
}

impl Site {
    fn writes(&self, from: &str, text: &str) {
        self.handset(from).send(&self.device.settings().number, text).unwrap();
    }

    /// Makes an app with the scope `admin` and returns its key.
    async fn create_admin(&self) -> String {
        let config = self.folder.path().join("smsotpd.toml");
        let mut create = crate::support::smsotpd();
        create.args(["app", "create", "boss", "--scope", "admin", "--json", "--config"]).arg(config);
        let output = create.output().await.unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["key"].as_str().unwrap().to_owned()
    }
}

async fn inbox_of(daemon: &Daemon, key: &str, length: usize) -> Vec<Value> {
    let inbox = daemon.until("/v1/inbox", key, |page| page["messages"].as_array().unwrap().len() == length).await;
    inbox["messages"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_write_is_read_and_removed() {
    let site = Site::new(quick());
    site.configure("");
    let (key, admin) = (site.create_app("shop").await, site.create_admin().await);
    let daemon = site.serve().await;
    daemon.until_ready().await;
    let long = format!("{} Ж 😀", "Wie geht es? ".repeat(20));
    for (count, text) in ["Is the gate open?", "Добрый день", "👍", &long].into_iter().enumerate() {
        site.writes(ALICE, text);
        let messages = inbox_of(&daemon, &key, count + 1).await;
        let newest = &messages[0];
        assert_eq!((&newest["text"], &newest["missing"], &newest["modem"]), (&json!(text), &json!(0), &json!("m1")));
        assert_eq!(newest["from"], "+1555***0123");
    }
    let messages = inbox_of(&daemon, &admin, 4).await;
    assert_eq!((&messages[0]["from"], &messages[0]["parts"]), (&json!(ALICE), &json!(4)));

    site.writes("+15550100124", "me too");
    inbox_of(&daemon, &key, 5).await;
    let of_one = daemon.get("/v1/inbox?from=%2B15550100124", &key).await;
    assert_eq!(of_one["messages"][0]["text"], "me too");
    assert_eq!(of_one["messages"].as_array().unwrap().len(), 1);
    let first = daemon.get("/v1/inbox?limit=2", &key).await;
    let next = first["next_cursor"].as_str().unwrap();
    let second = daemon.get(&format!("/v1/inbox?limit=3&cursor={next}"), &key).await;
    assert_eq!(second["messages"][2]["text"], "Is the gate open?");
    assert_eq!(second["next_cursor"], Value::Null);

    let path = format!("/v1/inbox/{}", messages[0]["id"].as_str().unwrap());
    let (status, problem) = daemon.request(Method::DELETE, &path, &key, None).await;
    assert_eq!((status, &problem["code"]), (StatusCode::FORBIDDEN, &json!("missing_scope")));
    assert_eq!(daemon.request(Method::DELETE, &path, &admin, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(daemon.request(Method::DELETE, &path, &admin, None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(inbox_of(&daemon, &key, 4).await[1]["text"], "👍");
    // Another life of the daemon finds the inbox as it was, and nothing of it on the modem.
    daemon.terminate().await;
    let daemon = site.serve().await;
    daemon.until_ready().await;
    inbox_of(&daemon, &key, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_stop_gets_no_more_codes_until_start() {
    let site = Site::new(quick());
    site.configure("");
    let (key, admin) = (site.create_app("shop").await, site.create_admin().await);
    let daemon = site.serve().await;
    daemon.until_ready().await;
    site.writes(ALICE, " stop. ");
    inbox_of(&daemon, &key, 1).await;
    for (path, body) in [("/v1/otp", json!({"to": ALICE})), ("/v1/messages", json!({"to": ALICE, "text": "Hello"}))] {
        let (status, problem) = daemon.post(path, &key, body).await;
        assert_eq!((status.as_u16(), &problem["code"]), (422, &json!("recipient_opted_out")), "{path}");
    }
    let list = daemon.get("/v1/opt-outs", &admin).await;
    assert_eq!(list["opt_outs"][0]["number"], "+1555***0123");
    assert_eq!(list["opt_outs"][0]["source"], "message");
    assert_eq!(daemon.request(Method::GET, "/v1/opt-outs", &key, None).await.0, StatusCode::FORBIDDEN);

    site.writes(ALICE, "START");
    inbox_of(&daemon, &key, 2).await;
    let (status, otp) = daemon.post("/v1/otp", &key, json!({"to": ALICE})).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{otp}");
    soon("the code", site.handset(ALICE).next()).await;

    let path = "/v1/opt-outs/+15550100123";
    let (status, entry) = daemon.request(Method::PUT, path, &admin, None).await;
    assert_eq!((status, &entry["source"]), (StatusCode::OK, &json!("api")));
    assert_eq!(daemon.post("/v1/otp", &key, json!({"to": ALICE})).await.0.as_u16(), 422);
    assert_eq!(daemon.request(Method::DELETE, path, &admin, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(daemon.request(Method::DELETE, path, &admin, None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(daemon.post("/v1/otp", &key, json!({"to": ALICE})).await.0, StatusCode::ACCEPTED);
    let (status, problem) = daemon.request(Method::PUT, "/v1/opt-outs/5550100123", &admin, None).await;
    assert_eq!((status.as_u16(), &problem["errors"][0]["field"]), (422, &json!("number")));
}
