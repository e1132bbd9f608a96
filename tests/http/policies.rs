//! What a policy makes of a code: what it is bound to, who may bring it, who may do without it.

use crate::api::Site;
use serde_json::{Value, json};
use smsotpd::http::Settings;
use smsotpd::issue::Policy;
use smsotpd::store::Scope;

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

/// What the audit tells of these types of events, the newest first.
async fn audit(site: &Site, kinds: &str) -> Vec<Value> {
    let path = format!("/v1/audit?kind={kinds}");
    let answer = site.call(hyper::Method::GET, &path, &[("x-api-key", "caretaker")], None).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["events"].as_array().unwrap().clone()
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
        (json!(null), "context.payee", "`payee` is required: this app's policy binds it"),
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
async fn the_message_shows_payee_and_amount_and_so_does_a_resend() {
    let site =
        site("template = \"{code}: {amount} to {payee}\"\nbind = [\"payee\", \"amount\"]\nresend-after-seconds = 0")
            .await;
    let context = json!({"payee": "Corner Bakery", "amount": "12.00 EUR"});
    let (id, code) = issue(&site, json!({"to": TO, "context": context})).await;
    let words = format!("{code}: 12.00 EUR to Corner Bakery");
    assert_eq!(site.sent_text().await, words);
    assert_eq!(site.post(&format!("/v1/otp/{id}/resend"), &json!(null)).await.status, 202);
    assert_eq!(site.sent_text().await, words);
    assert_eq!(verify(&site, &id, json!({"code": code, "context": context})).await.0, "verified");
    let long = json!({"to": TO, "context": {"payee": "x".repeat(128), "amount": "y".repeat(40)}});
    let refused = site.post("/v1/otp", &long).await;
    assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (422, "invalid_request"));
}

#[tokio::test]
async fn a_message_that_shows_what_was_not_given_is_refused() {
    let site = site("template = \"{code}: {amount}\"").await;
    let (field, _) = refused(&site, "/v1/otp", json!({"to": TO, "context": {"payee": "Corner Bakery"}})).await;
    assert_eq!(field, "context.amount");
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
        let headers = [("x-api-key", crate::api::KEY), ("idempotency-key", "order-4711")];
        let body = json!({"to": TO, "context": {"amount": amount}}).to_string();
        site.call(hyper::Method::POST, "/v1/otp", &headers, Some(body)).await
    };
    let first = post("12").await;
    assert_eq!(
        (post("12").await.json(), post("13").await.problem()),
        (first.json(), "idempotency_key_reused".to_owned())
    );
}

#[tokio::test]
async fn an_app_brings_its_own_code_where_its_policy_lets_it() {
    let site = site("caller-codes = true\nattempts = 2").await;
    let issued = site.post("/v1/otp", &json!({"to": TO, "code": "ab-12 cd"})).await;
    assert_eq!(issued.status, 202, "{issued:?}");
    assert!(!String::from_utf8_lossy(&issued.body).to_lowercase().contains("ab12cd"));
    let id = issued.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(site.code(&id).await, "AB12CD");
    assert_eq!(verify(&site, &id, json!({"code": "ab12ce"})).await, said("wrong_code", 1));
    assert_eq!(verify(&site, &id, json!({"code": "AB12 cd"})).await, said("verified", 0));
    let (id, code) = issue(&site, json!({"to": TO})).await;
    assert_eq!(code.len(), 6, "one that is not brought is drawn");
    assert_eq!(verify(&site, &id, json!({"code": code})).await.0, "verified");
    let words = "expected 4 to 10 digits and letters, a to z";
    for code in ["", "123", "12345678901", "12 3-", "é234", "1234!", "${7*7}", "1234\n5678é"] {
        assert_eq!(refused(&site, "/v1/otp", json!({"to": TO, "code": code})).await, ("code".into(), words.into()));
    }
    let told = refused(&site, "/v1/otp", json!({"to": TO, "code": "123456", "length": 6})).await;
    assert_eq!(told, ("length".into(), "leave it out: `code` has its own length".into()));
}

#[tokio::test]
async fn a_number_of_the_policys_country_needs_no_country_code() {
    let site = site("default-region = \"GB\"\n[guard]\ncountries = [\"GB\"]").await;
    let (written, shown) = ("07400 123456", "+4474***3456");
    let issued = site.post("/v1/otp", &json!({"to": written})).await;
    assert_eq!((issued.status.as_u16(), &issued.json()["to"]), (202, &json!(shown)), "{issued:?}");
    let code = site.code(issued.json()["id"].as_str().unwrap()).await;
    for to in ["+44 7400 123456", "+44 (0)7400 123456", "0044 7400 123456"] {
        let wrong = site.post("/v1/otp/verify", &json!({"to": to, "code": "0000000000"})).await;
        assert_eq!(wrong.json()["reason"], "wrong_code", "{to}");
    }
    let right = site.post("/v1/otp/verify", &json!({"to": written, "code": code})).await;
    assert_eq!(right.json()["verified"], true);
    let sent = site.post("/v1/messages", &json!({"to": written, "text": "Your parcel is at the gate."})).await;
    assert_eq!((sent.status.as_u16(), &sent.json()["to"]), (202, &json!(shown)));
    let checked = site.post("/v1/guard/check", &json!({"to": written})).await;
    assert_eq!(checked.json()["country"], "GB");
}

#[tokio::test]
async fn a_number_that_is_none_of_the_policys_country_is_refused_with_what_was_expected() {
    let site = site("default-region = \"GB\"").await;
    let rest = "write any other number with `+` and its country code, for example +15551234567";
    let expected = format!("a mobile number within GB has 10 digits behind 0, and begins as one there does; {rest}");
    let bodies = [
        ("/v1/otp", json!({"to": "123456"})),
        ("/v1/otp/verify", json!({"to": "44 7400 123456", "code": "1234"})),
        ("/v1/messages", json!({"to": "0740 123456", "text": "x"})),
        ("/v1/guard/check", json!({"to": "020 7946 0018"})),
    ];
    for (path, body) in bodies {
        assert_eq!(refused(&site, path, body.clone()).await, ("to".into(), expected.clone()), "{path} {body}");
    }
    let emergency = refused(&site, "/v1/otp", json!({"to": "999"})).await.1;
    assert_eq!(emergency, "this is an emergency number; nothing is ever sent to one");
}

#[tokio::test]
async fn one_recipient_is_one_number_however_it_is_written() {
    let site = site("").await;
    site.add_app("caretaker", "the-caretakers-key", &[Scope::Admin]).await;
    let path = "/v1/opt-outs/+490171%201234567";
    let listed = site.call(hyper::Method::PUT, path, &[("x-api-key", "the-caretakers-key")], None).await;
    assert_eq!(listed.status, 200, "{listed:?}");
    for to in ["+491711234567", "+49 (0)171 1234567", "0049 0171 1234567"] {
        let refused = site.post("/v1/messages", &json!({"to": to, "text": "x"})).await;
        assert_eq!(refused.problem(), "recipient_opted_out", "{to}");
    }
}

#[tokio::test]
async fn without_a_country_in_the_policy_a_number_needs_its_country_code() {
    let site = site("").await;
    let words = "write the number with its country code, for example +15551234567";
    for path in ["/v1/otp", "/v1/guard/check"] {
        assert_eq!(refused(&site, path, json!({"to": "07400 123456"})).await, ("to".into(), words.into()));
    }
}

#[tokio::test]
async fn a_code_that_browsers_do_not_fill_in_is_refused_where_they_are_to() {
    let words = "browsers fill in only codes with a digit in them".to_owned();
    let own_line = json!("{code}\n@shop.example #{code}");
    let named = site("caller-codes = true\ndomain = \"shop.example\"").await;
    let told = refused(&named, "/v1/otp", json!({"to": TO, "code": "ABCDEF"})).await;
    assert_eq!(told, ("code".to_owned(), words.clone()));
    issue(&named, json!({"to": TO, "code": "ABCDE1"})).await;
    let written = site("caller-codes = true\ntemplate = \"{code}\\n@shop.example #{code}\"").await;
    let told = refused(&written, "/v1/otp", json!({"to": TO, "code": "ABCDEF"})).await;
    assert_eq!(told, ("code".to_owned(), words.clone()));
    let free = site("caller-codes = true\nalphabet = \"letters\"\ntemplate-per-request = true").await;
    issue(&free, json!({"to": TO, "code": "ABCDEF"})).await;
    let told = refused(&free, "/v1/otp", json!({"to": TO, "code": "ABCDEF", "template": own_line})).await;
    assert_eq!(told, ("code".to_owned(), words.clone()));
    assert_eq!(
        refused(&free, "/v1/otp", json!({"to": TO, "template": own_line})).await,
        ("template".to_owned(), words)
    );
}

#[tokio::test]
async fn a_message_for_an_android_app_has_140_characters_and_no_more() {
    let site = site("template-per-request = true\napp-hashes = [\"FA+9qCX9VSu\"]").await;
    let body = |filler: usize, hash: Value| json!({"to": TO, "template": format!("{{code}}{}", "x".repeat(filler)), "app_hash": hash});
    // A code of six, a line feed and the eleven characters of the hash are in it, too.
    let (field, words) = refused(&site, "/v1/otp", body(123, json!("FA+9qCX9VSu"))).await;
    assert_eq!(field, "template");
    assert_eq!(words, "the message has 141 septets, 1 more than an Android app is given (140)");
    issue(&site, body(122, json!("FA+9qCX9VSu"))).await;
    let text = site.sent_text().await;
    assert_eq!((text.len(), text.ends_with("x\nFA+9qCX9VSu")), (140, true));
    issue(&site, body(154, json!(null))).await;
    assert_eq!(site.sent_text().await.len(), 160, "one that is for no app");
}

#[tokio::test]
async fn drawn_codes_have_a_digit_where_the_template_has_a_line_for_browsers() {
    let site = site("alphabet = \"alphanumeric\"\nlength = 4\ntemplate = \"{code}\\n@shop.example #{code}\"").await;
    for _ in 0..50 {
        let (_, code) = issue(&site, json!({"to": TO})).await;
        assert!(code.contains(|c: char| c.is_ascii_digit()), "one in three would have none");
    }
}

#[tokio::test]
async fn the_words_of_a_request_name_no_host_but_those_of_the_policy() {
    let site = site("template-per-request = true\ndomains = [\"shop.example\"]").await;
    let body = |host: &str| json!({"to": TO, "template": format!("{{code}}\n@{host} #{{code}}")});
    let answer = site.post("/v1/otp", &body("evil.example")).await;
    assert_eq!((answer.status.as_u16(), answer.problem().as_str()), (403, "forbidden_by_policy"));
    let error = &answer.json()["errors"][0];
    assert_eq!(error["field"], "template");
    assert_eq!(error["message"], "a host that it names is not among the policy's `domains`");
    issue(&site, body("shop.example")).await;
}

#[tokio::test]
async fn an_app_brings_no_code_where_its_policy_says_nothing_of_it() {
    let site = site("").await;
    for body in [json!({"to": TO, "code": "123456"}), json!({"to": TO, "code": "123456", "length": 6})] {
        let refused = site.post("/v1/otp", &body).await;
        assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (403, "forbidden_by_policy"), "{body}");
        let error = &refused.json()["errors"][0];
        assert_eq!(error["field"], "code");
        assert_eq!(error["message"], "this app's policy lets it bring no code: `caller-codes`");
    }
}

#[tokio::test]
async fn an_otp_is_approved_once_without_a_code() {
    let site = site("manual-approve = true").await;
    let (id, code) = issue(&site, json!({"to": TO, "context": {"amount": "1"}})).await;
    let approve = async |id: &str| site.post(&format!("/v1/otp/{id}/approve"), &json!(null)).await;
    let approved = json!({"verified": true, "status": "verified", "reason": null, "attempts_left": 5});
    assert_eq!(approve(&id).await.json(), approved);
    assert_eq!(outcome(&approve(&id).await.json()), said("already_used", 5));
    assert_eq!(verify(&site, &id, json!({"code": code})).await, said("already_used", 5));
    let otp = site.get(&format!("/v1/otp/{id}")).await.json();
    assert_eq!((&otp["status"], &otp["message"]["status"]), (&json!("verified"), &json!("cancelled")));
    let (cancelled, _) = issue(&site, json!({"to": TO})).await;
    site.delete(&format!("/v1/otp/{cancelled}")).await;
    assert_eq!(outcome(&approve(&cancelled).await.json()), said("cancelled", 5));
    assert_eq!(approve("otp_01998b6a0c1e7d3e8f5a4b3c2d1e0f9a").await.status, 404);
    let metrics = site.call(hyper::Method::GET, "/metrics", &[], None).await;
    assert!(String::from_utf8_lossy(&metrics.body).contains("smsotpd_verifications_total{result=\"approved\"} 1"));
}

#[tokio::test]
async fn an_approval_is_written_down_once_and_never_as_a_verification() {
    let site = site("manual-approve = true").await;
    site.add_app("caretaker", "caretaker", &[Scope::Admin]).await;
    let (id, code) = issue(&site, json!({"to": TO})).await;
    for _ in 0..2 {
        site.post(&format!("/v1/otp/{id}/approve"), &json!(null)).await;
    }
    verify(&site, &id, json!({"code": code})).await;
    let events = audit(&site, "otp.approved,otp.verified,otp.wrong_code").await;
    let [event] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(event["type"], "otp.approved");
    let data = &event["data"];
    assert_eq!((&data["app"], &data["by"]), (&json!("shop"), &json!("app")));
    assert_eq!((&data["otp"]["id"], &data["otp"]["status"]), (&json!(id), &json!("verified")));
    // One that is verified by its code is not approved.
    let (id, code) = issue(&site, json!({"to": TO})).await;
    verify(&site, &id, json!({"code": code})).await;
    site.post(&format!("/v1/otp/{id}/approve"), &json!(null)).await;
    assert_eq!(audit(&site, "otp.approved").await, events);
}

#[tokio::test]
async fn the_audit_tells_a_wrong_context_from_a_wrong_code() {
    let site = site("attempts = 4").await;
    site.add_app("caretaker", "caretaker", &[Scope::Admin]).await;
    let (id, code) = issue(&site, json!({"to": TO, "context": {"amount": "1.00"}, "purpose": "payment"})).await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for body in [
        json!({"code": code, "context": {"amount": "9.00"}}),
        json!({"code": wrong, "context": {"amount": "1.00"}}),
        json!({"code": code, "context": {"amount": "1.00"}, "purpose": "login"}),
    ] {
        assert_ne!(verify(&site, &id, body).await.0, "verified");
    }
    let told = audit(&site, "otp.*").await.into_iter().map(|event| {
        let data = &event["data"];
        assert!(data["otp"]["id"] == json!(id) && !event.to_string().contains("amount"), "{event}");
        json!([event["type"], data["reason"], data["otp"]["attempts_left"]])
    });
    // The newest is first.
    let expected = json!([
        ["otp.wrong_code", "wrong_context", 1],
        ["otp.wrong_code", "wrong_code", 2],
        ["otp.wrong_code", "wrong_context", 3],
        ["otp.issued", null, null],
    ]);
    assert_eq!(Value::Array(told.collect()), expected);
}

#[tokio::test]
async fn of_many_approvals_and_right_codes_at_once_one_verifies() {
    let site = site("manual-approve = true").await;
    let (id, code) = issue(&site, json!({"to": TO})).await;
    let (approve, verify) = (format!("/v1/otp/{id}/approve"), format!("/v1/otp/{id}/verify"));
    let (nothing, guess) = (json!(null), json!({"code": code}));
    let (mut verified, mut used) = (0, 0);
    let calls = (0..20).map(|n| if n % 2 == 0 { (&approve, &nothing) } else { (&verify, &guess) });
    let mut waiting: Vec<_> = calls.map(|(path, body)| Box::pin(site.post(path, body))).collect();
    let first = std::future::poll_fn(|context| {
        use std::task::Poll;
        waiting.retain_mut(|call| match call.as_mut().poll(context) {
            Poll::Ready(answer) => {
                match outcome(&answer.json()).0.as_str() {
                    "verified" => verified += 1,
                    "already_used" => used += 1,
                    other => panic!("{other}"),
                }
                false
            }
            Poll::Pending => true,
        });
        if waiting.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    });
    first.await;
    assert_eq!((verified, used), (1, 19));
}

#[tokio::test]
async fn an_otp_is_not_approved_where_the_policy_says_nothing_of_it_or_the_scope_is_missing() {
    let site = site("").await;
    let (id, code) = issue(&site, json!({"to": TO})).await;
    let refused = site.post(&format!("/v1/otp/{id}/approve"), &json!(null)).await;
    assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (403, "forbidden_by_policy"));
    site.add_app("reader", "reader", &[Scope::Issue, Scope::Read]).await;
    let path = format!("/v1/otp/{id}/approve");
    let refused = site.call(hyper::Method::POST, &path, &[("x-api-key", "reader")], None).await;
    assert_eq!(refused.problem(), "missing_scope");
    assert_eq!(verify(&site, &id, json!({"code": code})).await, said("verified", 4));
}
