//! The guard through the API: what a refused app is told, and what an administrator sees and can do.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test whose scaffolding fails has failed")]

mod api;

use api::{KEY, Reply, Site};
use hyper::Method;
use serde_json::{Value, json};
use smsotpd::http::Settings;
use smsotpd::issue::Policy;
use smsotpd::store::Scope;

const TO: &str = "+15551234567";
const ADMIN: &str = "the-key-of-the-caretaker";

/// A site with this guard and a SIM of Germany, and somebody who may see and change it.
async fn site(guard: &str) -> Site {
    let policy: Policy = toml::from_str(&format!("resend-after-seconds = 0\n[guard]\n{guard}")).unwrap();
    let site = Site::start_with(Settings::default(), policy).await;
    site.store.note_home(&"262011234567890".parse().unwrap()).await.unwrap();
    site.add_app("caretaker", ADMIN, &[Scope::Admin]).await;
    site
}

async fn issue(site: &Site, to: &str) -> Reply {
    site.post("/v1/otp", &json!({"to": to})).await
}

async fn admin(site: &Site, method: Method, path: &str) -> Reply {
    site.call(method, path, &[("x-api-key", ADMIN)], None).await
}

#[tokio::test]
async fn a_foreign_number_is_refused_with_the_rule_the_reason_and_what_can_be_changed() {
    let site = site("block-prefixes = [\"+49900\"]").await;
    let refused = issue(&site, TO).await;
    assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (403, "country_not_allowed"));
    let problem = refused.json();
    assert_eq!((&problem["rule"], &problem["retry_after"]), (&json!("countries"), &Value::Null));
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("belongs to US") && detail.contains("DE (the SIM's)"), "{detail}");
    assert!(!detail.contains("1234567"), "{detail}");
    assert_eq!(issue(&site, "+4915112345678").await.status, 202);
    let blocked = issue(&site, "+49900123456").await;
    assert_eq!((blocked.problem().as_str(), &blocked.json()["rule"]), ("prefix_blocked", &json!("block-prefixes")));

    let asked = site.post("/v1/guard/check", &json!({"to": TO})).await.json();
    assert_eq!(
        (&asked["allowed"], &asked["rule"], &asked["country"]),
        (&json!(false), &json!("countries"), &json!("US"))
    );
    let metrics = site.get("/metrics").await;
    let metrics = String::from_utf8(metrics.body.to_vec()).unwrap();
    assert!(metrics.contains("smsotpd_guard_refusals_total{rule=\"countries\",mode=\"enforce\"} 1"), "{metrics}");
}

#[tokio::test]
async fn a_number_on_the_safe_list_gets_its_code_and_an_app_cannot_put_it_there() {
    let site = site("").await;
    let path = format!("/v1/safe-list/{TO}");
    for (method, path) in
        [(Method::PUT, path.as_str()), (Method::GET, &path), (Method::DELETE, &path), (Method::GET, "/v1/guard")]
    {
        let refused = site.call(method.clone(), path, &[("x-api-key", KEY)], None).await;
        assert_eq!(refused.problem(), "missing_scope", "{method} {path}");
    }
    assert_eq!(admin(&site, Method::GET, &path).await.problem(), "not_found");
    let put = admin(&site, Method::PUT, &path).await;
    assert_eq!((put.status.as_u16(), &put.json()["number"]), (200, &json!("+1555***4567")));
    assert_eq!(admin(&site, Method::PUT, &path).await.json(), put.json(), "once more changes nothing");
    assert_eq!(admin(&site, Method::GET, &path).await.json(), put.json());
    for _ in 0..11 {
        assert_eq!(issue(&site, TO).await.status, 202, "nor do the limits count");
    }
    admin(&site, Method::PUT, "/v1/safe-list/+4915112345678").await;
    let page = admin(&site, Method::GET, "/v1/safe-list?limit=1").await.json();
    assert_eq!(page["numbers"][0]["number"], "+4915***5678");
    let cursor = page["next_cursor"].as_str().unwrap();
    let page = admin(&site, Method::GET, &format!("/v1/safe-list?limit=1&cursor={cursor}")).await.json();
    assert_eq!((&page["numbers"], &page["next_cursor"]), (&json!([put.json()]), &Value::Null));
    assert_eq!(admin(&site, Method::DELETE, &path).await.status, 204);
    assert_eq!(admin(&site, Method::DELETE, &path).await.problem(), "not_found");
    assert_eq!(issue(&site, TO).await.problem(), "country_not_allowed");
}

#[tokio::test]
async fn a_client_address_has_its_codes_counted_and_a_wrong_one_is_named() {
    let site = site("per-address-hour = 2").await;
    let ask = async |last: u8, client: &str| {
        site.post("/v1/otp", &json!({"to": format!("+491511234{last:04}"), "client_address": client})).await
    };
    assert_eq!(ask(0, "2001:db8::1").await.status, 202);
    assert_eq!(ask(1, "2001:db8::2").await.status, 202);
    let refused = ask(2, "2001:db8::3").await;
    assert_eq!((refused.problem().as_str(), &refused.json()["rule"]), ("limit_reached", &json!("per-address-hour")));
    assert!((1700..=1800).contains(&refused.json()["retry_after"].as_u64().unwrap()), "{refused:?}");
    assert_eq!(ask(2, "192.0.2.1").await.status, 202);
    let wrong = ask(3, "192.0.2.1:443").await;
    assert_eq!((wrong.status.as_u16(), &wrong.json()["errors"][0]["field"]), (422, &json!("client_address")));
}

#[tokio::test]
async fn the_figures_show_what_was_issued_where_and_whether_it_was_verified() {
    let site = site("countries = [\"*\"]").await;
    for last in 0..3 {
        let issued = issue(&site, &format!("+491511234000{last}")).await.json();
        let id = issued["id"].as_str().unwrap();
        if last < 2 {
            let code = site.code(id).await;
            site.post(&format!("/v1/otp/{id}/verify"), &json!({"code": code})).await;
        }
    }
    issue(&site, "+8821612345678").await;
    let guard = admin(&site, Method::GET, "/v1/guard").await.json();
    assert_eq!((&guard["home"], &guard["counted"]), (&json!(["DE"]), &json!(4)));
    let of = |country: &Value, issued, verified, percent: Value| {
        json!({"country": country, "issued": issued, "verified": verified, "unverified": 0,
               "conversion_percent": percent, "warning": null})
    };
    assert_eq!(guard["countries"], json!([of(&json!("DE"), 3, 2, json!(100)), of(&Value::Null, 1, 0, Value::Null)]));
    assert_eq!(guard["prefixes"][0]["prefix"], "+491511234");
    assert_eq!(guard["refused"], json!([]));
    for (prefix, problem) in
        [("+4915112340000", "invalid_request"), ("x", "invalid_request"), ("+491511234", "not_found")]
    {
        let path = format!("/v1/guard/prefixes/{prefix}");
        assert_eq!(admin(&site, Method::DELETE, &path).await.problem(), problem, "{prefix}");
    }
}

#[tokio::test]
async fn a_dry_run_sends_what_it_would_refuse_and_says_so() {
    let site = site("mode = \"report\"").await;
    assert_eq!(issue(&site, TO).await.status, 202);
    let asked = site.post("/v1/guard/check", &json!({"to": TO})).await.json();
    assert_eq!((&asked["allowed"], &asked["rule"]), (&json!(true), &json!("countries")));
    for _ in 0..4 {
        issue(&site, TO).await;
    }
    let asked = site.post("/v1/guard/check", &json!({"to": TO})).await.json();
    assert_eq!(
        (&asked["allowed"], &asked["rule"]),
        (&json!(false), &json!("per-number-hour")),
        "limits are no dry run"
    );
    let guard = admin(&site, Method::GET, "/v1/guard").await.json();
    assert_eq!(guard["refused"], json!([{"rule": "countries", "mode": "report", "count": 5}]));
}
