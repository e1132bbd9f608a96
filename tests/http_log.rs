//! What is logged of requests, even at the most talkative level, repeats nothing that was sent or answered.

#![allow(clippy::unwrap_used, reason = "a test whose scaffolding fails has failed")]

mod api;
#[path = "support/log.rs"]
mod log;
#[path = "support/outgoing.rs"]
mod outgoing;

use api::{KEY, Site};
use hyper::Method;
use log::Log;
use serde_json::json;

#[tokio::test]
async fn a_log_at_trace_tells_of_requests_and_repeats_nothing_of_them() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
    // The store's writer has a thread of its own, so the log is the whole process's.
    tracing::subscriber::set_global_default(subscriber.with_writer(move || writer.clone()).finish()).unwrap();

    let site = Site::start().await;
    let issued = site.post("/v1/otp", &json!({"to": "+15551234567", "purpose": "a-secret-purpose"})).await.json();
    let id = issued["id"].as_str().unwrap();
    let code = site.code(id).await;
    site.post(&format!("/v1/otp/{id}/verify"), &json!({"code": "917364"})).await;
    site.post(&format!("/v1/otp/{id}/verify"), &json!({"code": code})).await;
    site.post("/v1/messages", &json!({"to": "+15551234567", "text": "Lunch is ready."})).await;
    site.get("/v1/messages?to=%2B15551234567").await;
    site.call(Method::GET, "/v1/modems", &[("authorization", "Bearer a-wrong-key")], None).await;
    site.call(Method::GET, "/15551234567", &[("x-api-key", KEY)], None).await;
    site.store.close().await;
    site.post("/v1/otp", &json!({"to": "+15551234567"})).await;

    let log = log.text();
    for told in ["path=\"/v1/otp/{id}/verify\"", "method=POST", "status=202", "status=503", "duration_ms", "request_id"]
    {
        assert!(log.contains(told), "{told} is not in\n{log}");
    }
    for secret in ["5551234567", "917364", &code, KEY, "a-wrong-key", "Lunch", "a-secret-purpose", id] {
        assert!(!log.contains(secret), "{secret} is in\n{log}");
    }
}
