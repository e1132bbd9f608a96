//! The guard through the API: what a refused app is told, and what an administrator sees and can do.

use crate::api::{KEY, Reply, Site};
use crate::outgoing;
use hyper::Method;
use serde_json::{Value, json};
use smsotpd::http::Settings;
use smsotpd::issue::Policy;
use smsotpd::store::Scope;

const TO: &str = "+15551234567";
const ADMIN: &str = "the-key-of-the-caretaker";

/// A number of one block.
fn neighbour(last: usize) -> String {
    format!("+491511234{last:04}")
}

/// A site with this guard and a SIM of Germany, and somebody who may see and change it.
async fn site(guard: &str) -> Site {
    site_by(&format!("[guard]\n{guard}")).await
}

/// The same, by this policy.
async fn site_by(policy: &str) -> Site {
    let policy: Policy = toml::from_str(&format!("resend-after-seconds = 0\n{policy}")).unwrap();
    let site = Site::start_with(Settings::default(), policy).await;
    site.store.note_home(&"262011234567890".parse().unwrap()).await.unwrap();
    site.add_app("caretaker", ADMIN, &[Scope::Admin]).await;
    site
}

async fn issue(site: &Site, to: &str) -> Reply {
    site.post("/v1/otp", &json!({"to": to})).await
}

/// So many numbers of the block get a code, and the network takes it. Returns their ids.
async fn pump(site: &Site, numbers: std::ops::Range<usize>) -> Vec<String> {
    let mut ids = Vec::new();
    for last in numbers {
        let issued = issue(site, &neighbour(last)).await;
        assert_eq!(issued.status, 202, "{issued:?}");
        ids.push(issued.json()["id"].as_str().unwrap().to_owned());
    }
    while outgoing::take(&site.store, 1).await.is_some() {}
    ids
}

/// So many wrong guesses at a code.
async fn guess(site: &Site, id: &str, wrong: usize) {
    let code = site.code(id).await;
    let other: String = code.chars().map(|digit| if digit == '1' { '2' } else { '1' }).collect();
    for _ in 0..wrong {
        let verdict = site.post(&format!("/v1/otp/{id}/verify"), &json!({"code": other})).await;
        assert_eq!(verdict.json()["verified"], json!(false));
    }
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

#[tokio::test]
async fn prefixes_that_are_allowed_get_codes_whatever_their_country_and_others_of_it_do_not() {
    let site = site("allow-prefixes = [\"+1555123\"]\nblock-prefixes = [\"+15551239\"]").await;
    assert_eq!(issue(&site, TO).await.status, 202);
    assert_eq!(issue(&site, "+15551239567").await.problem(), "prefix_blocked");
    assert_eq!(issue(&site, "+15559876543").await.problem(), "country_not_allowed");
}

#[tokio::test]
async fn a_block_of_numbers_has_its_codes_counted_and_those_of_safe_numbers_are_not_among_them() {
    let site = site("").await;
    let safe = neighbour(9999);
    assert_eq!(admin(&site, Method::PUT, &format!("/v1/safe-list/{safe}")).await.status, 200);
    for _ in 0..10 {
        assert_eq!(issue(&site, &safe).await.status, 202);
    }
    pump(&site, 0..10).await;
    let refused = issue(&site, &neighbour(10)).await;
    assert_eq!((refused.problem().as_str(), &refused.json()["rule"]), ("limit_reached", &json!("per-prefix-hour")));
    assert!((3500..=3600).contains(&refused.json()["retry_after"].as_u64().unwrap()), "{refused:?}");
    let asked = site.post("/v1/guard/check", &json!({"to": neighbour(10)})).await.json();
    assert_eq!(asked["explanation"], refused.json()["detail"], "who asks beforehand is told the same");
    assert_eq!(issue(&site, &safe).await.status, 202);
    assert_eq!(issue(&site, "+4915112350000").await.status, 202, "another block");
}

#[tokio::test]
async fn an_app_has_its_codes_counted_where_its_policy_says_so_and_another_app_its_own() {
    let site = site("per-app-hour = 2").await;
    site.add_app("staff", "the-key-of-the-staff", &[Scope::Issue]).await;
    pump(&site, 0..2).await;
    let refused = issue(&site, &neighbour(2)).await;
    assert_eq!((refused.problem().as_str(), &refused.json()["rule"]), ("limit_reached", &json!("per-app-hour")));
    assert!((1700..=1800).contains(&refused.json()["retry_after"].as_u64().unwrap()), "{refused:?}");
    let body = Some(json!({"to": neighbour(2)}).to_string());
    let other = site.call(Method::POST, "/v1/otp", &[("x-api-key", "the-key-of-the-staff")], body).await;
    assert_eq!(other.status, 202);
}

#[tokio::test]
async fn a_block_that_is_stopped_says_so_and_one_that_is_let_off_gets_codes_again() {
    let site = site("").await;
    let ids = pump(&site, 0..8).await;
    for id in &ids[..2] {
        assert_eq!(site.post(&format!("/v1/otp/{id}/resend"), &json!({})).await.status, 202);
    }
    let refused = issue(&site, &neighbour(8)).await;
    assert_eq!((refused.problem().as_str(), &refused.json()["rule"]), ("limit_reached", &json!("per-prefix-hour")));
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(!detail.contains("DELETE"), "nothing is stopped that could be lifted: {detail}");
    let path = "/v1/guard/prefixes/+491511234";
    assert_eq!(admin(&site, Method::DELETE, path).await.problem(), "not_found");
    for id in &ids {
        guess(&site, id, 5).await;
    }
    let stopped = issue(&site, &neighbour(8)).await;
    assert_eq!((stopped.status.as_u16(), stopped.problem().as_str()), (429, "prefix_stopped"));
    assert_eq!(stopped.json()["rule"], "least-conversion-percent");
    assert!((43_000..=43_200).contains(&stopped.header("retry-after").parse::<u64>().unwrap()), "{stopped:?}");
    let figures = admin(&site, Method::GET, "/v1/guard").await.json();
    assert!(figures["prefixes"][0]["stopped_until"].is_string(), "{figures}");

    assert_eq!(admin(&site, Method::DELETE, path).await.status, 204);
    pump(&site, 8..18).await;
    let refused = issue(&site, &neighbour(18)).await;
    assert_eq!(refused.json()["rule"], "per-prefix-hour", "what comes afterwards counts");
}

#[tokio::test]
async fn a_number_whose_codes_are_locked_again_waits_and_its_neighbour_does_not() {
    let site = site("").await;
    for _ in 0..2 {
        let ids = pump(&site, 0..1).await;
        guess(&site, &ids[0], 5).await;
    }
    let refused = issue(&site, &neighbour(0)).await;
    assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (429, "too_many_locks"));
    assert_eq!(refused.json()["rule"], "repeated-locks");
    assert!((50..=60).contains(&refused.json()["retry_after"].as_u64().unwrap()), "{refused:?}");
    pump(&site, 1..2).await;
}

#[tokio::test]
async fn a_new_code_does_not_forgive_the_wrong_guesses_at_the_one_before() {
    let site = site("").await;
    for _ in 0..3 {
        let ids = pump(&site, 0..1).await;
        guess(&site, &ids[0], 4).await;
    }
    assert_eq!(issue(&site, &neighbour(0)).await.problem(), "too_many_locks", "twelve are two locks");
    let verified = async |last| {
        for _ in 0..4 {
            let ids = pump(&site, last..last + 1).await;
            guess(&site, &ids[0], 4).await;
            let code = site.code(&ids[0]).await;
            site.post(&format!("/v1/otp/{}/verify", ids[0]), &json!({"code": code})).await;
        }
    };
    verified(1).await;
    assert_eq!(issue(&site, &neighbour(1)).await.status, 202, "whoever gets it right in the end does");
}

#[tokio::test]
async fn a_number_that_opted_out_is_told_as_one_that_gets_no_code() {
    let site = site("").await;
    admin(&site, Method::PUT, &format!("/v1/safe-list/{}", neighbour(0))).await;
    admin(&site, Method::PUT, &format!("/v1/opt-outs/{}", neighbour(0))).await;
    assert_eq!(issue(&site, &neighbour(0)).await.problem(), "recipient_opted_out");
    let asked = site.post("/v1/guard/check", &json!({"to": neighbour(0)})).await.json();
    assert_eq!((&asked["allowed"], &asked["rule"]), (&json!(false), &json!("opt-out")));
    assert_eq!((&asked["retry_after"], asked["explanation"].is_string()), (&Value::Null, true));
    let asked = site.post("/v1/guard/check", &json!({"to": neighbour(1)})).await.json();
    assert_eq!(asked["allowed"], true);
}

#[tokio::test]
async fn the_audit_tells_what_the_guard_refused_and_what_it_would_have() {
    for (mode, kind) in [("report", "guard.would_refuse"), ("enforce", "otp.refused")] {
        let site = site(&format!("mode = \"{mode}\"")).await;
        issue(&site, TO).await;
        let audit = admin(&site, Method::GET, "/v1/audit?kind=guard.would_refuse,otp.refused").await.json();
        let [event] = audit["events"].as_array().unwrap().as_slice() else { panic!("{audit}") };
        assert_eq!((&event["type"], &event["data"]["rule"]), (&json!(kind), &json!("countries")));
        assert_eq!((&event["data"]["app"], &event["data"]["to"]), (&json!("shop"), &json!("+1555***4567")));
    }
}

#[tokio::test]
async fn a_country_in_which_hardly_anybody_verifies_is_warned_of_and_told_once_and_not_stopped() {
    let site = site_by("attempts = 1").await;
    for last in 0..70 {
        // Not enough in any block to have it stopped.
        let issued = issue(&site, &format!("+491511{:04}{last:04}", 1000 + last / 5)).await;
        assert_eq!(issued.status, 202, "{issued:?}");
        guess(&site, issued.json()["id"].as_str().unwrap(), 1).await;
    }
    let guard = admin(&site, Method::GET, "/v1/guard").await.json();
    let germany = &guard["countries"][0];
    assert_eq!((&germany["country"], &germany["unverified"]), (&json!("DE"), &json!(70)));
    assert!(germany["warning"].as_str().is_some_and(|warning| warning.contains("Hardly anybody")), "{guard}");
    let told = admin(&site, Method::GET, "/v1/audit?kind=guard.*").await.json();
    let [event] = told["events"].as_array().unwrap().as_slice() else { panic!("{told}") };
    assert_eq!((&event["type"], &event["data"]["country"]), (&json!("guard.country_worrying"), &json!("DE")));
    assert_eq!((&event["data"]["by"], &event["data"]["conversion_percent"]), (&json!("site"), &json!(0)));
}

#[cfg(feature = "number-metadata")]
#[tokio::test]
async fn a_premium_number_gets_a_code_only_where_that_is_allowed() {
    let refusing = site("").await;
    let refused = issue(&refusing, "+499001234567").await;
    assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (403, "premium_number"));
    assert_eq!(refused.json()["rule"], "premium");
    assert_eq!(admin(&refusing, Method::GET, "/v1/guard").await.json()["knows_premium"], true);
    let allowing = site("premium = \"allow\"").await;
    assert_eq!(issue(&allowing, "+499001234567").await.status, 202);
}
