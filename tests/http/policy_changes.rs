//! What a change of the policy makes of what was asked and issued before it.

use std::collections::BTreeMap;

use crate::api::{KEY, Reply, Site};
use hyper::Method;
use serde_json::{Value, json};
use smsotpd::http::Settings;
use smsotpd::issue::Policy;

const TO: &str = "+15551234567";

/// A policy as it stands in the configuration, without limits, and with resends at once.
fn policy(text: &str) -> Policy {
    let limits = "\n[limits]\nper-number-hour = 0\nper-number-day = 0\nper-prefix-hour = 0\n";
    let policy: Policy = toml::from_str(&format!("resend-after-seconds = 0\nresends = 10\n{text}{limits}")).unwrap();
    assert_eq!(policy.check(), Ok(()));
    policy
}

async fn site(text: &str) -> Site {
    Site::start_with(Settings::default(), policy(text)).await
}

/// What a reload does when the policy is this one from now on.
fn change(site: &Site, text: &str) {
    site.policies.replace(BTreeMap::from([("default".to_owned(), policy(text))]));
}

async fn issue(site: &Site, body: Value) -> String {
    let issued = site.post("/v1/otp", &body).await;
    assert_eq!(issued.status, 202, "{issued:?}");
    issued.json()["id"].as_str().unwrap().to_owned()
}

async fn resend(site: &Site, id: &str) -> Reply {
    site.post(&format!("/v1/otp/{id}/resend"), &json!(null)).await
}

#[tokio::test]
async fn a_repeated_request_gets_its_answer_whatever_the_policy_has_become() {
    let open = "template-per-request = true\ncaller-codes = true\ncallback-per-request = true\n";
    let site = site(open).await;
    let url = "https://callbacks.example.org/events";
    let requests = [
        ("/v1/otp", json!({"to": TO, "template": "{code} is mine"})),
        ("/v1/otp", json!({"to": TO, "code": "4711"})),
        ("/v1/otp", json!({"to": TO, "context": {"session": "1"}})),
        ("/v1/otp", json!({"to": TO, "callback_url": url})),
        ("/v1/messages", json!({"to": TO, "text": "Hello", "callback_url": url})),
    ];
    let once = async |n: usize, path: &str, body: &Value| {
        let headers = [("x-api-key", KEY), ("idempotency-key", &*format!("order-{n}"))];
        site.call(Method::POST, path, &headers, Some(body.to_string())).await
    };
    let mut answers = Vec::new();
    for (n, (path, body)) in requests.iter().enumerate() {
        answers.push(once(n, path, body).await);
        assert_eq!(answers[n].status, 202, "{:?}", answers[n]);
    }
    change(&site, "bind = []");
    for turn in 0..2 {
        for (n, (path, body)) in requests.iter().enumerate() {
            let again = once(n, path, body).await;
            assert_eq!((again.status.as_u16(), again.body), (202, answers[n].body.clone()), "{body}");
            let mut other = body.clone();
            other["to"] = json!("+15551234568");
            assert_eq!(once(n, path, &other).await.problem(), "idempotency_key_reused", "{other}");
            // What is new goes by the policy as it is.
            let new = once(100 + n, path, body).await.problem();
            let refused = ["forbidden_by_policy", "invalid_request", "callback_not_allowed", "policy_missing"];
            assert!(refused.contains(&new.as_str()), "{new}");
        }
        if turn == 0 {
            site.policies.replace(BTreeMap::new());
        }
    }
}

#[tokio::test]
async fn a_resend_that_the_changed_policy_has_no_words_for_says_so() {
    let site = site("").await;
    let id = issue(&site, json!({"to": TO, "context": {"session": "1"}})).await;
    change(&site, "template = \"{code}: {amount}\"");
    let refused = resend(&site, &id).await;
    assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (409, "policy_changed"));
    let detail = "By the policy, which has changed since, the message cannot be written any more: the text has a place for \
                  the amount, and none is given.";
    assert_eq!(refused.json()["detail"], detail);
    change(&site, "");
    assert_eq!(resend(&site, &id).await.status, 202, "no resend was used up");
}

#[tokio::test]
async fn a_resend_shows_payee_and_amount_where_the_policy_has_come_to() {
    let site = site("").await;
    let context = json!({"payee": "Corner Bakery", "amount": "12.00 EUR"});
    let id = issue(&site, json!({"to": TO, "context": context})).await;
    change(&site, "template = \"{code}: {amount} to {payee}\"");
    assert_eq!(resend(&site, &id).await.status, 202);
    assert_eq!(site.sent_text().await.split_once(": ").unwrap().1, "12.00 EUR to Corner Bakery");
}

#[tokio::test]
async fn a_code_that_the_app_brought_is_sent_again_as_it_is() {
    let site = site("caller-codes = true").await;
    let brought = issue(&site, json!({"to": TO, "code": "ab12cd"})).await;
    let drawn = issue(&site, json!({"to": TO, "purpose": "drawn"})).await;
    let before = site.code(&drawn).await;
    assert_eq!(resend(&site, &brought).await.status, 202, "by the policy that it was brought under");
    assert_eq!((site.code(&brought).await, site.code(&drawn).await), ("AB12CD".to_owned(), before));
    change(&site, "resend-new-code = true\nlength = 10");
    for _ in 0..2 {
        assert_eq!(resend(&site, &brought).await.status, 202);
        assert_eq!(site.code(&brought).await, "AB12CD");
        assert!(site.sent_text().await.contains("AB12CD"));
    }
    let verified = site.post(&format!("/v1/otp/{brought}/verify"), &json!({"code": "AB12CD"})).await.json();
    assert_eq!(verified["verified"], true);
}
