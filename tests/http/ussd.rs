//! Questions to the network over the API, and the balance that is asked by itself: the real modem task, over an in-memory
//! port to a scripted modem.

use std::collections::BTreeMap;
use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};
use smsotpd::http::{self, Api, ApiParts};
use smsotpd::secret::ApiKey;
use smsotpd::store::{NewApp, Scope, Store};
use smsotpd::ussd::{Balance, Settings, Ussd};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::scripted::World;

const ASKED: &str = "AT+CUSD=1,\"*100#\",15";

fn asking(world: &World, settings: &str) -> Ussd {
    let (ussd, asker) = Ussd::new(world.clock.clone(), toml::from_str::<Settings>(settings).unwrap());
    tokio::spawn(asker.run(CancellationToken::new()));
    ussd.add(world.modem.clone());
    ussd
}

async fn balance(ussd: &Ussd, wished: impl Fn(&Balance) -> bool) -> Balance {
    for _ in 0..10_000 {
        if let Some(balance) = ussd.balances().into_iter().find(&wished) {
            return balance;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the balance never became as wished; it is {:?}", ussd.balances());
}

#[tokio::test(start_paused = true)]
async fn the_balance_is_asked_every_day_and_a_low_one_is_told() {
    let world = World::ready().await;
    let ussd = asking(&world, "code = \"*100#\"\nlow = 5.0");
    world.heard(ASKED).await;
    world.scripted.say("+CUSD: 0,\"Balance: 7,35 EUR.\",15");
    let first = balance(&ussd, |balance| balance.amount.is_some()).await;
    assert_eq!((first.amount.unwrap().as_f64(), first.is_low), (7.35, false));
    assert_eq!(first.text.unwrap().expose(), "Balance: 7,35 EUR.");
    tokio::time::sleep(Duration::from_secs(24 * 3600 - 60)).await;
    assert_eq!(world.scripted.count(ASKED), 1);
    world.heard_times(ASKED, 2).await;
    world.scripted.say("+CUSD: 0,\"Balance: 4,99 EUR.\",15");
    balance(&ussd, |balance| balance.is_low).await;
}

#[tokio::test(start_paused = true)]
async fn a_balance_that_is_not_told_is_asked_for_again_in_an_hour() {
    let world = World::ready().await;
    let ussd = asking(&world, "code = \"*100#\"\npattern = 'left: ([0-9.]+)'");
    world.heard(ASKED).await;
    world.scripted.say("+CUSD: 0,\"Dear customer, try later (code 12).\",15");
    let unknown = balance(&ussd, |balance| balance.problem.is_some()).await;
    assert_eq!((unknown.amount, unknown.is_low), (None, false));
    assert_eq!(unknown.problem.as_deref(), Some("no amount was found in the carrier's answer"));
    tokio::time::sleep(Duration::from_secs(3540)).await;
    assert_eq!(world.scripted.count(ASKED), 1);
    world.heard_times(ASKED, 2).await;
    world.scripted.say("+CUSD: 0,\"Tariff 10, left: 3.5\",15");
    assert_eq!(balance(&ussd, |balance| balance.problem.is_none()).await.amount.unwrap().as_f64(), 3.5);
}

#[tokio::test(start_paused = true)]
async fn another_sim_has_another_balance() {
    let world = World::ready().await;
    let ussd = asking(&world, "code = \"*100#\"");
    world.heard(ASKED).await;
    world.scripted.say("+CUSD: 0,\"7.35\",15");
    let first = balance(&ussd, |balance| balance.amount.is_some()).await;
    world.scripted.answer("AT+CCID", "+CCID: 8988211000000000002F\r\n\r\nOK");
    world.scripted.say("+CPIN: NOT READY");
    world.scripted.say("+CPIN: READY");
    world.heard_times(ASKED, 2).await;
    world.scripted.say("+CUSD: 0,\"1.00\",15");
    let other = balance(&ussd, |balance| balance.sim != first.sim).await;
    assert_eq!(other.amount.unwrap().as_f64(), 1.0);
}

/// The API of a site whose modem is scripted.
struct Site {
    address: std::net::SocketAddr,
    world: World,
    _folder: tempfile::TempDir,
}

impl Site {
    async fn start(settings: &str) -> Self {
        let (folder, world) = (tempfile::tempdir().unwrap(), World::ready().await);
        let store = Store::open(&folder.path().join("state"), None).await.unwrap();
        for (name, scopes) in [("shop", vec![Scope::Read, Scope::Send]), ("boss", vec![Scope::Admin])] {
            let key = store.site_key().key_digest(&ApiKey::new(name.to_owned()));
            let (name, policy) = (name.parse().unwrap(), "default".to_owned());
            store.create_app(NewApp { name, scopes, policy, key }).await.unwrap();
        }
        let http = http::Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            socket: folder.path().join("api.sock"),
            ..http::Settings::default()
        };
        let (_, modems) = tokio::sync::watch::channel(vec![crate::api::modem("m1", http::ModemState::Ready)]);
        let policies =
            smsotpd::issue::Policies::new(BTreeMap::from([("default".to_owned(), smsotpd::issue::Policy::default())]));
        let ussd = asking(&world, settings);
        let api = Api::new(ApiParts { ussd, ..crate::api::parts(store, policies, modems) }, &http).unwrap();
        let listeners = http::bind(&http).await.unwrap();
        let address = listeners.address();
        tokio::spawn(http::serve(listeners, http::router(api), CancellationToken::new()));
        Self { address, world, _folder: folder }
    }

    async fn call(&self, method: Method, path: &str, app: &str, body: Option<Value>) -> (u16, Value) {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let body = body.map(|body| body.to_string());
        let reply = crate::api::exchange(stream, method, path, &[("x-api-key", app)], body).await;
        (reply.status.as_u16(), reply.json())
    }

    async fn until(&self, path: &str, wished: impl Fn(&Value) -> bool) -> Value {
        let asked = async {
            loop {
                let (_, answer) = self.call(Method::GET, path, "boss", None).await;
                if wished(&answer) {
                    return answer;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), asked).await.expect("it never became as wished")
    }
}

#[tokio::test]
async fn the_network_is_asked_over_the_api_and_nobody_waits() {
    let site = Site::start("").await;
    let (path, body) = ("/v1/modems/m1/ussd", json!({"code": "*100#"}));
    let (status, asked) = site.call(Method::POST, path, "boss", Some(body.clone())).await;
    assert_eq!((status, &asked["status"], &asked["text"]), (202, &json!("pending"), &Value::Null));
    site.world.heard(ASKED).await;
    let found = format!("{path}/{}", asked["id"].as_str().unwrap());
    assert_eq!(site.call(Method::GET, &found, "boss", None).await.1["status"], "pending");
    site.world.scripted.say("+CUSD: 1,\"1 Balance\r\n2 Offers\",15");
    let done = site.until(&found, |question| question["status"] == "done").await;
    assert_eq!((&done["text"], &done["is_menu"]), (&json!("1 Balance\n2 Offers"), &json!(true)));

    let (_, asked) = site.call(Method::POST, path, "boss", Some(json!({"code": "*101#"}))).await;
    site.world.heard("AT+CUSD=1,\"*101#\",15").await;
    site.world.scripted.say("+CUSD: 4");
    let found = format!("{path}/{}", asked["id"].as_str().unwrap());
    let failed = site.until(&found, |question| question["status"] == "failed").await;
    assert_eq!(failed["reason"], "the network does not know this code");

    for (path, app, body, expected) in [
        (path, "shop", body.clone(), (403, "missing_scope")),
        (path, "boss", json!({"code": "*100#\"\rATD112;"}), (422, "invalid_request")),
        ("/v1/modems/m2/ussd", "boss", body, (404, "not_found")),
    ] {
        let (status, problem) = site.call(Method::POST, path, app, Some(body)).await;
        assert_eq!((status, problem["code"].as_str().unwrap()), expected);
    }
    let unknown = format!("{path}/ussd_{}", "0".repeat(32));
    assert_eq!(site.call(Method::GET, &unknown, "boss", None).await.0, 404);
}

#[tokio::test]
async fn too_many_questions_at_once_are_refused() {
    let site = Site::start("").await;
    let body = json!({"code": "*100#"});
    for _ in 0..8 {
        assert_eq!(site.call(Method::POST, "/v1/modems/m1/ussd", "boss", Some(body.clone())).await.0, 202);
    }
    let (status, problem) = site.call(Method::POST, "/v1/modems/m1/ussd", "boss", Some(body)).await;
    assert_eq!((status, &problem["code"]), (503, &json!("busy")));
}

#[tokio::test]
async fn a_low_balance_is_shown_and_warns_before_messages_fail() {
    let site = Site::start("code = \"*100#\"\nlow = 5").await;
    assert_eq!(site.call(Method::GET, "/v1/balance", "shop", None).await, (200, json!({"balances": []})));
    site.world.heard(ASKED).await;
    site.world.scripted.say("+CUSD: 0,\"You have 1.20 left\",15");
    let shown = site.until("/v1/balance", |answer| answer["balances"][0]["low"] == true).await;
    let balance = &shown["balances"][0];
    assert_eq!((&balance["modem"], &balance["amount"]), (&json!("m1"), &json!(1.2)));
    assert_eq!((&balance["text"], &balance["reason"]), (&json!("You have 1.20 left"), &Value::Null));
    let (status, ready) = site.call(Method::GET, "/readyz", "", None).await;
    assert_eq!((status, &ready["warnings"][0]["code"]), (200, &json!("balance")));
    assert!(!ready.to_string().contains("1.2"), "who has no key learns no amount");
}

#[tokio::test]
async fn a_balance_that_cannot_be_read_warns_since_no_low_one_would() {
    let site = Site::start("code = \"*100#\"\npattern = \"([0-9.]+) EUR\"\nlow = 5").await;
    site.world.heard(ASKED).await;
    site.world.scripted.say("+CUSD: 0,\"You have 1.20 left\",15");
    site.until("/v1/balance", |answer| answer["balances"][0]["reason"].is_string()).await;
    let warning = site.call(Method::GET, "/readyz", "", None).await.1["warnings"][0].clone();
    let reason = "What the SIM has left to spend is not known: no amount was found in the carrier's answer.";
    assert_eq!(
        (&warning["code"], &warning["modem"], &warning["reason"]),
        (&json!("balance"), &json!("m1"), &json!(reason))
    );
}
