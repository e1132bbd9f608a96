//! Callbacks through the API and the command line.

use hyper::Method;
use serde_json::{Value, json};
use smsotpd::callback;
use smsotpd::http::Settings;
use smsotpd::issue::Policy;
use smsotpd::sim::CarrierSettings;
use smsotpd::store::Scope;
use smsotpd::webhook::Webhook;
use tokio_util::sync::CancellationToken;

use crate::api::{KEY, Site, app_name};
use crate::receiver::{Mood, Receiver};
use crate::site::soon;
use crate::support;

/// A site whose policy lets requests bring URLs, and which delivers to this machine.
async fn site(callback: Option<&str>) -> (Site, CancellationToken) {
    let callback = callback.map(|url| url.parse().unwrap());
    let policy = Policy { callback_per_request: true, callback, ..Policy::default() };
    let site = Site::start_with(Settings::default(), policy).await;
    let webhook = Webhook::new(site.store.clone(), callback::Settings { allow: vec!["127.0.0.1".parse().unwrap()] });
    let stop = CancellationToken::new();
    tokio::spawn(webhook.run(stop.clone()));
    (site, stop)
}

/// Issues a code and cancels it. Returns its id.
async fn happen(site: &Site, to: &str, callback_url: Option<&str>) -> String {
    let mut body = json!({ "to": to });
    if let Some(url) = callback_url {
        body["callback_url"] = url.into();
    }
    let issued = site.post("/v1/otp", &body).await;
    assert_eq!(issued.status, 202, "{issued:?}");
    let id = issued.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(site.delete(&format!("/v1/otp/{id}")).await.status, 200);
    id
}

async fn listed(site: &Site, status: &str) -> Vec<Value> {
    let page = site.get(&format!("/v1/callbacks?status={status}")).await;
    page.json()["callbacks"].as_array().unwrap().clone()
}

async fn until_one_is_dead(site: &Site) -> Value {
    soon("one to be given up", async {
        loop {
            match listed(site, "dead").await.pop() {
                Some(dead) => break dead,
                None => tokio::task::yield_now().await,
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_url_of_the_request_goes_before_that_of_the_policy() {
    let (mut of_policy, mut of_request) = (Receiver::start(Mood::status(200)), Receiver::start(Mood::status(200)));
    let (site, _stop) = site(Some(&of_policy.url())).await;
    let first = happen(&site, "+15550100123", None).await;
    assert_eq!(soon("the policy's", of_policy.next()).await.otp(), first);
    let second = happen(&site, "+15550100124", Some(&of_request.url())).await;
    assert_eq!(soon("the request's", of_request.next()).await.otp(), second);

    let body = json!({"to": "+15550100125", "text": "Hello", "callback_url": of_request.url()});
    let message = site.post("/v1/messages", &body).await.json()["id"].as_str().unwrap().to_owned();
    site.delete(&format!("/v1/messages/{message}")).await;
    let got = soon("a message's", of_request.next()).await;
    assert_eq!((got.kind().as_str(), &got.event()["data"]["message"]["id"]), ("message.cancelled", &message.into()));
    assert!(of_policy.now().is_none());
}

#[tokio::test]
async fn a_url_that_may_not_be_named_is_refused_before_anything_is_done() {
    let (lenient, _stop) = site(None).await;
    let strict = Site::start().await;
    let ask = async |site: &Site, path: &str, url: &str| {
        let mut body = json!({"to": "+15550100123", "callback_url": url});
        if path.ends_with("messages") {
            body["text"] = "Hello".into();
        }
        site.post(path, &body).await
    };
    for path in ["/v1/otp", "/v1/messages"] {
        let refused = ask(&strict, path, "https://callbacks.example.org/").await;
        assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (403, "callback_not_allowed"));
        assert!(refused.json()["detail"].as_str().unwrap().contains("callback-per-request = true"));
        // A name may lead to an allowed network: that shows when it is looked up.
        for url in ["http://10.0.0.1/", "https://203.0.113.5:8443/", "http://169.254.169.254/latest", "http://[::1]/"] {
            let refused = ask(&lenient, path, url).await;
            assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (403, "callback_not_allowed"), "{url}");
            assert!(refused.json()["detail"].as_str().unwrap().contains("[webhook]"));
            assert!(!refused.json().to_string().contains(url));
        }
        for url in ["ftp://127.0.0.1/", "https://user:pass@127.0.0.1/", "/events", "", "https://127.0.0.1/#x"] {
            let refused = ask(&lenient, path, url).await;
            assert_eq!(refused.status, 422, "{url}: {refused:?}");
            assert_eq!(refused.json()["errors"][0]["field"], "callback_url");
        }
    }
}

#[tokio::test]
async fn what_was_given_up_is_shown_to_its_app_and_to_admins_and_sent_again_when_asked() {
    const ADMIN: &str = "the-key-of-an-admin";
    const OTHER: &str = "the-key-of-another";
    let mut receiver = Receiver::start(Mood::status(410));
    let (site, _stop) = site(Some(&receiver.url())).await;
    site.add_app("admin", ADMIN, &[Scope::Admin]).await;
    site.add_app("other", OTHER, &[Scope::Read]).await;
    let otp = happen(&site, "+15550100123", None).await;
    let first = soon("the try", receiver.next()).await;
    let dead = until_one_is_dead(&site).await;
    assert_eq!((&dead["event"], &dead["type"]), (&first.id().into(), &"otp.cancelled".into()));
    assert_eq!((&dead["app"], &dead["tries"], &dead["next_try_at"]), (&"shop".into(), &1.into(), &Value::Null));
    assert_eq!(dead["url"], format!("http://127.0.0.1:{}", receiver.port), "without what may be a token");
    let call = async |method, path: &str, key, body: Option<&str>| {
        site.call(method, path, &[("x-api-key", key)], body.map(str::to_owned)).await
    };
    let seen = |reply: crate::api::Reply| reply.json()["callbacks"].as_array().unwrap().len();
    assert_eq!(seen(call(Method::GET, "/v1/callbacks", ADMIN, None).await), 1);
    assert_eq!(seen(call(Method::GET, "/v1/callbacks", OTHER, None).await), 0);
    let warnings = site.get("/v1/status").await.json()["readiness"]["warnings"].clone();
    assert_eq!(warnings[0]["code"], "callbacks", "{warnings}");
    assert!(site.get("/readyz").await.json()["warnings"].to_string().contains("1 callbacks were given up"));

    let replay = format!("/v1/callbacks/{}/replay", dead["id"].as_str().unwrap());
    assert_eq!(call(Method::POST, &replay, OTHER, None).await.problem(), "not_found");
    assert_eq!(call(Method::POST, "/v1/callbacks/replay", OTHER, Some("{}")).await.json()["replayed"], 0);
    let named = call(Method::POST, "/v1/callbacks/replay", OTHER, Some("{\"app\": \"shop\"}")).await;
    assert_eq!((named.status.as_u16(), named.problem().as_str()), (403, "missing_scope"));
    receiver.be(Mood::status(200));
    let replayed = call(Method::POST, &replay, KEY, None).await;
    assert_eq!((replayed.status.as_u16(), replayed.json()), (202, json!({"replayed": 1, "next_cursor": null})));
    let second = soon("it once more", receiver.next()).await;
    assert_eq!((second.id(), second.otp()), (first.id(), otp));
    assert_eq!(call(Method::POST, &replay, KEY, None).await.problem(), "not_found", "it is on its way or there");

    receiver.be(Mood::status(410));
    happen(&site, "+15550100124", None).await;
    until_one_is_dead(&site).await;
    receiver.be(Mood::status(200));
    while receiver.now().is_some() {}
    let by = async |url: &str| {
        let body = json!({"app": "shop", "url": url}).to_string();
        call(Method::POST, "/v1/callbacks/replay", ADMIN, Some(&body)).await.json()["replayed"].clone()
    };
    assert_eq!(by("https://callbacks.example.org/").await, 0);
    assert_eq!(by(&receiver.url()).await, 1);
    soon("the second once more", receiver.next()).await;
}

#[tokio::test]
async fn callbacks_are_counted() {
    let (site, stop) = site(None).await;
    stop.cancel();
    let url = "http://127.0.0.1:9/".parse().unwrap();
    site.store.set_app_callback(&app_name("shop"), Some(url)).await.unwrap();
    happen(&site, "+15550100123", None).await;
    let metrics = String::from_utf8(site.get("/metrics").await.body.to_vec()).unwrap();
    for line in [
        "smsotpd_callbacks{status=\"waiting\"} 1",
        "smsotpd_callbacks{status=\"dead\"} 0",
        "smsotpd_callbacks_delivered_total 0",
        "smsotpd_callback_tries_failed_total 0",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}

#[tokio::test]
async fn the_command_line_sets_shows_and_changes_where_an_app_is_told() {
    let site = support::Site::unplugged(CarrierSettings::default());
    let config = site.configure("");
    site.create_app("shop").await;
    let run = async |arguments: &str| {
        let arguments = format!("app callback {arguments} --config {}", config.display());
        support::smsotpd().args(arguments.split(' ')).output().await.unwrap()
    };
    let shown = async |arguments: &str| {
        let output = run(&format!("{arguments} --json")).await;
        serde_json::from_slice::<Value>(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
    };
    let first = shown("shop").await;
    assert_eq!((&first["app"], &first["url"]), (&"shop".into(), &Value::Null));
    assert!(first["secret"].as_str().unwrap().starts_with("whsec_"));
    let set = shown("shop --url https://app.example.org/events?key=1").await;
    assert_eq!((&set["url"], &set["secret"]), (&"https://app.example.org/events?key=1".into(), &first["secret"]));
    let rotated = shown("shop --rotate-secret").await;
    assert_eq!(rotated["url"], set["url"]);
    assert_ne!(rotated["secret"], first["secret"]);
    assert_eq!(shown("shop").await, rotated);
    assert_eq!(shown("shop --none").await["url"], Value::Null);

    for (mistake, code, told) in [
        ("depot", 1, "there is no app depot"),
        ("shop --url ftp://a/", 2, "begins with https:// or http://"),
        ("shop --url https://user:pass@a/", 2, "a URL with a user in it is not taken"),
        ("shop --none --url https://a/", 2, "cannot be used with"),
    ] {
        let output = run(mistake).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{mistake}: {said}");
        assert!(said.contains(told), "{mistake}: {said}");
    }
}
