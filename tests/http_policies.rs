//! What a policy makes of a code: what it is bound to, who may bring it, who may do without it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test whose scaffolding fails has failed")]

mod api;

use api::Site;
use serde_json::{Value, json};
use smsotpd::http::Settings;
use smsotpd::issue::Policy;

const TO: &str = "+15551234567";

/// A site with this policy, as it stands in the configuration, and without limits.
async fn site(policy: &str) -> Site {
    let limits = "\n[limits]\nper-number-hour = 0\nper-number-day = 0\nper-prefix-hour = 0\n";
    let policy: Policy = toml::from_str(&format!("{policy}{limits}")).unwrap();
    Site::start_with(Settings::default(), policy).await
}

/// Issues a code and returns the otp's id and the code.
async fn issue(site: &Site, body: Value) -> (String, String) {
    let issued = site.post("/v1/otp", &body).await;
    assert_eq!(issued.status, 202, "{issued:?}");
    let id = issued.json()["id"].as_str().unwrap().to_owned();
    let code = site.code(&id).await;
    (id, code)
}

/// What came of it: verified or the reason, and how many guesses are left.
async fn verify(site: &Site, id: &str, body: Value) -> (String, u64) {
    let answer = site.post(&format!("/v1/otp/{id}/verify"), &body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    outcome(&answer.json())
}

fn outcome(answer: &Value) -> (String, u64) {
    assert_eq!(answer["verified"] == true, answer["reason"].is_null(), "{answer}");
    let reason = answer["reason"].as_str().unwrap_or("verified");
    (reason.to_owned(), answer["attempts_left"].as_u64().unwrap())
}

fn said(reason: &str, attempts_left: u64) -> (String, u64) {
    (reason.to_owned(), attempts_left)
}

/// The field that is wrong, and what is said of it.
async fn refused(site: &Site, path: &str, body: Value) -> (String, String) {
    let answer = site.post(path, &body).await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (422, "invalid_request"), "{body}");
    let error = &answer.json()["errors"][0];
    (error["field"].as_str().unwrap().to_owned(), error["message"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_code_is_right_only_with_the_context_that_it_was_issued_with() {
    let site = site("attempts = 20").await;
    let bound = json!({"payee": "Corner Bakery", "amount": "12.00 EUR"});
    let (id, code) = issue(&site, json!({"to": TO, "context": bound})).await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let mut left = 20;
    for context in [
        json!(null),
        json!({}),
        json!({"payee": "Corner Bakery"}),
        json!({"payee": "Corner Bakery", "amount": "12.00 USD"}),
        json!({"payee": "Corner Bakery", "amount": "12.00 EUR "}),
        json!({"payee": "12.00 EUR", "amount": "Corner Bakery"}),
        json!({"payee": "Corner Bakery", "amount": "12.00 EUR", "session": "1"}),
    ] {
        // The answer is the same for the right code and for a wrong one.
        for code in [code.as_str(), wrong] {
            left -= 1;
            let body = json!({"code": code, "context": context});
            assert_eq!(verify(&site, &id, body).await, said("wrong_context", left), "{context}");
        }
    }
    assert_eq!(verify(&site, &id, json!({"code": wrong, "context": bound})).await, said("wrong_code", left - 1));
    let other_order = json!({"amount": "12.00 EUR", "payee": "Corner Bakery"});
    let by_number = json!({"to": TO, "code": code, "context": other_order});
    let right = site.post("/v1/otp/verify", &by_number).await.json();
    assert_eq!(outcome(&right), said("verified", left - 2));
    assert_eq!(verify(&site, &id, json!({"code": code, "context": bound})).await, said("already_used", left - 2));
}

#[tokio::test]
async fn a_context_where_none_was_given_is_wrong_and_the_last_guess_locks() {
    let site = site("attempts = 2").await;
    let (id, code) = issue(&site, json!({"to": TO})).await;
    let body = json!({"code": code, "context": {"amount": "1"}});
    assert_eq!(verify(&site, &id, body.clone()).await, said("wrong_context", 1));
    assert_eq!(verify(&site, &id, body).await, said("locked", 0));
    assert_eq!(verify(&site, &id, json!({"code": code})).await, said("locked", 0));
    let (id, code) = issue(&site, json!({"to": TO, "context": {}})).await;
    assert_eq!(verify(&site, &id, json!({"code": code})).await, said("verified", 1));
}

#[tokio::test]
async fn a_code_for_one_purpose_verifies_no_other() {
    let site = site("").await;
    let (login, code) = issue(&site, json!({"to": TO, "purpose": "login"})).await;
    let (payment, other) = issue(&site, json!({"to": TO, "purpose": "payment"})).await;
    let by_number = async |purpose: &str, code: &str| {
        site.post("/v1/otp/verify", &json!({"to": TO, "purpose": purpose, "code": code})).await
    };
    if code != other {
        assert_eq!(outcome(&by_number("payment", &code).await.json()), said("wrong_code", 4));
    }
    assert_eq!(by_number("", &code).await.status, 404);
    assert_eq!(verify(&site, &login, json!({"code": code, "purpose": "payment"})).await, said("wrong_context", 4));
    assert_eq!(verify(&site, &login, json!({"code": code, "purpose": ""})).await, said("wrong_context", 3));
    assert_eq!(verify(&site, &login, json!({"code": code, "purpose": "login"})).await, said("verified", 2));
    assert_eq!(by_number("payment", &other).await.json()["verified"], true);
    assert_eq!(verify(&site, &payment, json!({"code": other})).await.0, "already_used");
}

#[tokio::test]
async fn a_policy_says_which_keys_must_be_given() {
    let site = site("bind = [\"payee\", \"amount\"]").await;
    for (context, field, words) in [
        (json!(null), "context.amount", "`amount` is required: this app's policy binds it"),
        (json!({"amount": "1"}), "context.payee", "`payee` is required: this app's policy binds it"),
        (
            json!({"amount": "1", "payee": "a", "sesion": "x"}),
            "context.sesion",
            "`sesion` is not bound by this app's policy, so nothing would come of it",
        ),
    ] {
        let told = refused(&site, "/v1/otp", json!({"to": TO, "context": context})).await;
        assert_eq!(told, (field.to_owned(), words.to_owned()));
    }
    let context = json!({"amount": "1", "payee": "a"});
    let (id, code) = issue(&site, json!({"to": TO, "context": context})).await;
    assert_eq!(verify(&site, &id, json!({"code": code})).await.0, "wrong_context");
    assert_eq!(verify(&site, &id, json!({"code": code, "context": context})).await.0, "verified");
}

#[tokio::test]
async fn what_is_no_context_is_refused_and_costs_no_guess() {
    let site = site("").await;
    let (id, code) = issue(&site, json!({"to": TO})).await;
    let many: serde_json::Map<String, Value> = (0..11).map(|n| (format!("k{n}"), json!("v"))).collect();
    for (context, field, words) in [
        (json!("payee"), "context", "expected an object of texts"),
        (json!(["payee"]), "context", "expected an object of texts"),
        (json!({"amount": 12}), "context.amount", "expected a string"),
        (json!({"Amount": "12"}), "context", "expected keys of 1 to 32 characters: a-z, 0-9 and _"),
        (json!({"amount": ""}), "context", "expected 1 to 128 characters, and no control characters"),
        (json!({"amount": "1\n2"}), "context", "expected 1 to 128 characters, and no control characters"),
        (json!(many), "context", "expected at most 10 keys"),
    ] {
        for path in ["/v1/otp".to_owned(), format!("/v1/otp/{id}/verify"), "/v1/otp/verify".to_owned()] {
            let mut body = json!({"context": context});
            if path.ends_with("verify") {
                body["code"] = json!(code);
            }
            if !path.contains(&id) {
                body["to"] = json!(TO);
            }
            let (at, told) = refused(&site, &path, body).await;
            assert!(at.starts_with(field) && told == words, "{at}: {told}");
        }
    }
    assert_eq!(verify(&site, &id, json!({"code": code})).await, said("verified", 4));
}

#[tokio::test]
async fn the_context_is_part_of_what_a_repeated_request_must_repeat() {
    let site = site("").await;
    let post = async |amount: &str| {
        let headers = [("x-api-key", api::KEY), ("idempotency-key", "order-4711")];
        let body = json!({"to": TO, "context": {"amount": amount}}).to_string();
        site.call(hyper::Method::POST, "/v1/otp", &headers, Some(body)).await
    };
    let first = post("12").await;
    assert_eq!(
        (post("12").await.json(), post("13").await.problem()),
        (first.json(), "idempotency_key_reused".to_owned())
    );
}
