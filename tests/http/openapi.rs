//! The description of the API: complete, stable, and true.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::api::{Site, description};
use hyper::Method;
use serde_json::{Value, json};
use smsotpd::callback::CallbackUrl;
use smsotpd::otp::brought;
use smsotpd::phone::PhoneNumber;
use smsotpd::secret::Code;
use smsotpd::template::Template;

async fn document(site: &Site) -> Value {
    let reply = site.call(Method::GET, "/openapi.json", &[], None).await;
    assert_eq!((reply.status.as_u16(), reply.header("content-type")), (200, "application/json"));
    reply.json()
}

/// Every operation with its path and method.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let methods = |(path, item): (&String, &Value)| {
        let operation = |(method, operation): (&String, &Value)| (path.clone(), method.clone(), operation.clone());
        item.as_object().unwrap().iter().map(operation).collect::<Vec<_>>()
    };
    paths.iter().flat_map(methods).collect()
}

#[tokio::test]
async fn the_description_changes_only_on_purpose() {
    let site = Site::start().await;
    let mut document = document(&site).await;
    // Each release has another.
    document["info"]["version"] = json!("0.0.0");
    document["paths"]["/v1/status"]["get"]["responses"]["200"]["content"]["application/json"]["example"]["version"] =
        json!("0.0.0");
    insta::assert_json_snapshot!("openapi", document);
}

#[tokio::test]
async fn every_call_of_the_api_is_described() {
    let site = Site::start().await;
    let described: Vec<String> =
        operations(&document(&site).await).iter().map(|(path, method, _)| format!("{method} {path}")).collect();
    let mut expected = vec![
        "post /v1/otp",
        "get /v1/otp/{id}",
        "delete /v1/otp/{id}",
        "post /v1/otp/{id}/verify",
        "post /v1/otp/{id}/resend",
        "post /v1/otp/{id}/approve",
        "post /v1/otp/verify",
        "post /v1/messages",
        "get /v1/messages",
        "get /v1/messages/{id}",
        "delete /v1/messages/{id}",
        "get /v1/inbox",
        "delete /v1/inbox/{id}",
        "get /v1/opt-outs",
        "put /v1/opt-outs/{number}",
        "delete /v1/opt-outs/{number}",
        "get /v1/guard",
        "post /v1/guard/check",
        "delete /v1/guard/prefixes/{prefix}",
        "get /v1/safe-list",
        "get /v1/safe-list/{number}",
        "put /v1/safe-list/{number}",
        "delete /v1/safe-list/{number}",
        "get /v1/callbacks",
        "post /v1/callbacks/{id}/replay",
        "post /v1/callbacks/replay",
        "get /v1/events",
        "get /v1/audit",
        "get /v1/modems",
        "post /v1/modems/{name}/drain",
        "post /v1/modems/{name}/resume",
        "post /v1/modems/{name}/ussd",
        "get /v1/modems/{name}/ussd/{id}",
        "get /v1/balance",
        "get /v1/status",
        "get /healthz",
        "get /readyz",
        "get /metrics",
        "get /openapi.json",
    ];
    let mut described: Vec<&str> = described.iter().map(String::as_str).collect();
    described.sort_unstable();
    expected.sort_unstable();
    assert_eq!(described, expected);
}

#[tokio::test]
async fn every_call_has_a_name_of_its_own() {
    let site = Site::start().await;
    let operations = operations(&document(&site).await);
    let names: BTreeSet<&str> =
        operations.iter().filter_map(|(_, _, operation)| operation["operationId"].as_str()).collect();
    assert_eq!(names.len(), operations.len());
}

#[tokio::test]
async fn every_body_answer_and_refusal_has_an_example() {
    let site = Site::start().await;
    let document = document(&site).await;
    let schemas = &document["components"]["schemas"];
    for (path, method, operation) in operations(&document) {
        if let Some(body) = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str() {
            let name = body.rsplit('/').next().unwrap();
            assert!(schemas[name]["example"].is_object(), "{method} {path}: {name} has no example");
        }
        for (status, response) in operation["responses"].as_object().unwrap() {
            let Some(contents) = response["content"].as_object() else {
                assert_eq!(status, "204", "{method} {path} {status} has no body");
                continue;
            };
            for (kind, content) in contents {
                let has_one = content["example"].is_object() || content["examples"].is_object();
                assert!(has_one || kind.contains("openmetrics"), "{method} {path} {status} {kind} has no example");
            }
        }
    }
}

#[tokio::test]
async fn the_examples_are_as_the_description_says() {
    let site = Site::start().await;
    let document = document(&site).await;
    let mut judged = 0;
    let mut judge = |place: &str, schema: &Value, example: &Value| {
        description::fits(schema, example).unwrap_or_else(|fault| panic!("{place}: {fault}"));
        judged += 1;
    };
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        for example in schema.get("example").into_iter().chain(schema["examples"].as_array().into_iter().flatten()) {
            judge(name, schema, example);
        }
    }
    for (path, method, operation) in operations(&document) {
        let answers = operation["responses"].as_object().unwrap().values();
        for message in answers.chain([&operation["requestBody"]]) {
            for content in message["content"].as_object().into_iter().flatten().map(|(_, content)| content) {
                let named = content["examples"].as_object().into_iter().flatten().map(|(_, named)| &named["value"]);
                for example in named.chain(content.get("example")).filter(|example| !example.is_string()) {
                    judge(&format!("{method} {path}"), &content["schema"], example);
                }
            }
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            if let Some(example) = parameter.get("example") {
                judge(&format!("{method} {path}"), &parameter["schema"], example);
            }
        }
    }
    assert!(judged > 300, "{judged}");
}

/// Texts that the fields of these schemas take, and such that they refuse.
const TEXTS: [(&str, &str, &str); 5] = [
    (
        "PhoneNumber",
        "+15551234567|+1 (555) 123-4567|+44.20.7946.0018|0049 30 123456|00 49/30/123456| +1 555 123 4567 ",
        "15551234567|+0155512345|+1555123|+1555123456789012|(+1) 5551234567|+1555123456x|",
    ),
    (
        "Template",
        "{code}|{code} for {brand}, {minutes} min\n@{domain} #{code}|{{ {code} }}|{{{code}}}|{payee} {amount} {code}",
        "{{code}}|{code|{code}}|{Code} {code}|{code} {other}|no place|{code}\u{7}|",
    ),
    ("OwnCode", "4711|ab-12 cd| 12-34-56 |ABCDEFGHIJ", "471|12345678901|12!4|"),
    (
        "CallbackUrl",
        "https://app.example.org/hook|https://app.example.org|https://app.example.org:65535/|http://127.0.0.1:18080/a?b=c|\
         http://[::1]:8080/x|https://a.example/%E2%82%AC?x=%20&y=1|https://a.example?t=1|http://app_1.internal/hook",
        "https://a.example:65536/|https://a.example:0/|ftp://a.example/|https://user@a.example/|https://a.example/#x|https:///x|",
    ),
    ("ClientAddress", "192.0.2.7|::1|2001:DB8::7|::ffff:192.0.2.7", "192.0.2.256|2001:db8::7:443:1:2:3:4:5|[::1]|"),
];

#[test]
fn a_field_takes_what_its_schema_says_and_nothing_else() {
    let takes = |schema: &str, text: &str| match schema {
        "PhoneNumber" => PhoneNumber::parse(text).is_ok(),
        "Template" => Template::parse(text).is_ok(),
        "OwnCode" => brought(&Code::new(text.to_owned())).is_ok(),
        "CallbackUrl" => text.parse::<CallbackUrl>().is_ok(),
        "ClientAddress" => text.parse::<IpAddr>().is_ok(),
        other => panic!("{other} is not known here"),
    };
    for (schema, taken, refused) in TEXTS {
        for (text, is_taken) in
            taken.split('|').map(|text| (text, true)).chain(refused.split('|').map(|text| (text, false)))
        {
            assert_eq!(takes(schema, text), is_taken, "{schema}: {text:?}");
            assert_eq!(description::fits_named(schema, &json!(text)).is_ok(), is_taken, "{schema} describes {text:?}");
        }
    }
}

/// The codes of the problems that a call can answer.
fn problems(operation: &Value) -> BTreeSet<&str> {
    let responses = operation["responses"].as_object().unwrap().values();
    let examples =
        responses.filter_map(|response| response["content"]["application/problem+json"]["examples"].as_object());
    examples.flat_map(|examples| examples.keys().map(String::as_str)).collect()
}

#[tokio::test]
async fn every_problem_that_a_call_can_answer_is_among_its_examples() {
    let site = Site::start().await;
    let document = document(&site).await;
    let known_caller = "header_twice no_key unknown_key missing_scope unknown_host head_too_large internal policy_missing busy \
                        outcome_unknown store_unavailable";
    let body = "not_json body_incomplete slow_body body_too_large unsupported_media_type invalid_request";
    let no_body = "not_json body_incomplete slow_body body_too_large invalid_request";
    let guard = "country_not_allowed prefix_blocked premium_number prefix_stopped too_many_locks";
    for (call, more) in [
        ("get_otp", vec!["not_found"]),
        ("verify_otp", vec![body, "not_found"]),
        ("verify_by_number", vec![body, "not_found"]),
        ("approve_otp", vec![no_body, "not_found forbidden_by_policy"]),
        (
            "resend_otp",
            vec![
                no_body,
                guard,
                "not_found otp_ended policy_changed resend_too_early no_resends_left limit_reached recipient_opted_out",
                "idempotency_key_reused",
            ],
        ),
        (
            "issue_otp",
            vec![
                body,
                guard,
                "idempotency_key_reused recipient_opted_out forbidden_by_policy callback_not_allowed limit_reached",
            ],
        ),
        ("send_message", vec![body, "idempotency_key_reused recipient_opted_out callback_not_allowed"]),
        ("cancel_message", vec!["not_found not_withdrawn"]),
    ] {
        let operations = operations(&document);
        let (_, _, operation) = operations.iter().find(|(_, _, operation)| operation["operationId"] == call).unwrap();
        let expected: BTreeSet<&str> =
            more.iter().chain([&known_caller]).flat_map(|codes| codes.split_whitespace()).collect();
        assert_eq!(problems(operation), expected, "{call}");
    }
}

/// The example of this problem that stands at a call.
fn example<'a>(operation: &'a Value, status: &str, problem: &str) -> &'a Value {
    &operation["responses"][status]["content"]["application/problem+json"]["examples"][problem]["value"]
}

#[tokio::test]
async fn every_call_is_described_with_the_scope_that_it_asks_for() {
    let site = Site::start().await;
    site.add_app("idle", "may-do-nothing", &[]).await;
    for (path, method, operation) in operations(&document(&site).await) {
        let asked = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
        let refused = site.call(asked, &path.replace(['{', '}'], ""), &[("x-api-key", "may-do-nothing")], None).await;
        let is_open = operation["security"] == json!([{}]);
        assert_eq!(refused.status == 403, !is_open, "{method} {path}: {refused:?}");
        if !is_open {
            let detail = &example(&operation, "403", "missing_scope")["detail"];
            assert_eq!(&refused.json()["detail"], detail, "{method} {path}");
            let described = operation["responses"]["403"]["description"].as_str().unwrap();
            assert!(described.contains(detail.as_str().unwrap()), "{method} {path}: {described}");
        }
    }
}

#[tokio::test]
async fn what_is_said_of_every_limit_names_none() {
    let site = Site::start().await;
    let document = document(&site).await;
    for path in ["/v1/otp", "/v1/otp/{id}/resend"] {
        let example = example(&document["paths"][path]["post"], "429", "limit_reached");
        let (rule, detail) = (example["rule"].as_str().unwrap(), example["detail"].as_str().unwrap());
        assert!(!detail.contains(rule), "{path}: {detail}");
    }
}

#[tokio::test]
async fn a_key_can_be_reused_only_where_one_is_taken() {
    let site = Site::start().await;
    for (path, method, operation) in operations(&document(&site).await) {
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let takes_one = parameters.iter().any(|parameter| parameter["name"] == "Idempotency-Key");
        assert_eq!(problems(&operation).contains("idempotency_key_reused"), takes_one, "{method} {path}");
    }
}

/// The named examples of what this call is asked.
fn named<'a>(document: &'a Value, path: &str) -> Vec<(&'a String, &'a Value)> {
    let examples = &document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["examples"];
    examples.as_object().unwrap().iter().map(|(name, example)| (name, &example["value"])).collect()
}

/// A policy that leaves to requests what the examples ask for.
const OPEN: &str = "template-per-request = true\ndomains = [\"shop.example.com\"]\napp-hashes = [\"FA+9qCX9VSu\"]\n\
                    caller-codes = true\ncallback-per-request = true\n\
                    limits = { per-number-hour = 0, per-number-day = 0, per-prefix-hour = 0 }";

#[tokio::test]
async fn the_examples_of_requests_are_accepted() {
    let site = Site::start_with(Default::default(), toml::from_str(OPEN).unwrap()).await;
    let document = document(&site).await;
    let schemas = &document["components"]["schemas"];
    let issued = site.post("/v1/otp", &schemas["OtpRequest"]["example"]).await;
    assert_eq!(issued.status, 202, "{issued:?}");
    let sent = site.post("/v1/messages", &schemas["MessageRequest"]["example"]).await;
    assert_eq!(sent.status, 202, "{sent:?}");
    let checked = site.post("/v1/guard/check", &schemas["GuardCheckRequest"]["example"]).await;
    assert_eq!(checked.status, 200, "{checked:?}");
    let mut shown = BTreeSet::new();
    for (name, example) in named(&document, "/v1/otp") {
        let issued = site.post("/v1/otp", example).await;
        assert_eq!(issued.status, 202, "{name}: {issued:?}");
        shown.extend(example.as_object().unwrap().keys().map(String::as_str));
    }
    for field in ["locale", "domain", "app_hash", "template", "context", "code", "client_address", "callback_url"] {
        assert!(shown.contains(field), "no example of a request for a code has {field}");
    }
}

#[tokio::test]
async fn the_examples_of_verifications_are_answered_for_codes_that_were_issued_for_the_same() {
    let site = Site::start_with(Default::default(), toml::from_str(OPEN).unwrap()).await;
    let document = document(&site).await;
    for path in ["/v1/otp/{id}/verify", "/v1/otp/verify"] {
        let named = named(&document, path);
        assert!(named.iter().any(|(_, example)| example["context"].is_object()), "{path}");
        for (name, example) in named {
            let body = json!({"to": "+15551234567", "purpose": example["purpose"], "context": example["context"]});
            let id = site.post("/v1/otp", &body).await.json()["id"].as_str().unwrap().to_owned();
            let verified = site.post(&path.replace("{id}", &id), example).await;
            assert_eq!(verified.status, 200, "{path} {name}: {verified:?}");
            let reason = &verified.json()["reason"];
            assert!(*reason == json!("wrong_code") || reason.is_null(), "{path} {name}: {reason}");
        }
    }
}

#[tokio::test]
async fn the_policies_of_the_site_are_in_the_description() {
    let site = Site::start().await;
    let document = document(&site).await;
    let policy = &document["components"]["schemas"]["OtpRequest"]["properties"]["policy"];
    assert_eq!(policy["enum"], json!(["default", null]));
}
