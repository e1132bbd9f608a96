//! A request that comes twice is done once.

use hyper::Method;
use serde_json::{Value, json};
use smsotpd::http::Settings;

use crate::api::{KEY, Site};
use crate::calls::{TO, id, issue};

#[tokio::test]
async fn the_same_key_and_body_give_the_same_answer_and_another_body_none() {
    let site = Site::start().await;
    let headers = [("x-api-key", KEY), ("idempotency-key", "order-4711")];
    let send = async |path, body: &str| site.call(Method::POST, path, &headers, Some(body.to_owned())).await;
    let first = send("/v1/otp", r#"{"to":"+15551234567"}"#).await;
    let guess = json!({"code": "wrong"});
    site.post(&format!("/v1/otp/{}/verify", id(&first.json())), &guess).await;
    let second = send("/v1/otp", r#"{"to":"+15551234567"}"#).await;
    assert_eq!((first.status, &first.body), (second.status, &second.body));
    let other = send("/v1/otp", r#"{"to":"+15551234568"}"#).await;
    assert_eq!((other.status.as_u16(), other.problem().as_str()), (422, "idempotency_key_reused"));
    let elsewhere = send("/v1/messages", r#"{"to":"+15551234567","text":"Hi"}"#).await;
    assert_eq!(elsewhere.problem(), "idempotency_key_reused");

    let headers = [("x-api-key", KEY), ("idempotency-key", "order-4712")];
    let send = async || {
        let body = json!({"to": TO, "text": "Hi"}).to_string();
        site.call(Method::POST, "/v1/messages", &headers, Some(body)).await
    };
    assert_eq!(send().await.body, send().await.body);
    assert_eq!(site.get("/v1/messages").await.json()["messages"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_code_is_sent_again_once_however_often_the_same_request_comes() {
    let site = Site::start_with(Settings::default(), toml::from_str("resend-after-seconds = 0").unwrap()).await;
    let (otp, other) = (issue(&site).await, site.post("/v1/otp", &json!({"to": "+15551234568"})).await.json());
    let headers = [("x-api-key", KEY), ("idempotency-key", "again-4711")];
    let resend =
        async |otp: &Value| site.call(Method::POST, &format!("/v1/otp/{}/resend", id(otp)), &headers, None).await;
    let (first, second) = (resend(&otp).await, resend(&otp).await);
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (202, 202));
    assert_eq!(first.body, second.body);
    assert_eq!(resend(&other).await.problem(), "idempotency_key_reused");
    let sent = site.get("/v1/messages?to=%2B15551234567").await.json();
    assert_eq!(sent["messages"].as_array().map(Vec::len), Some(2), "the first, and once more");
    let wrong = site.post(&format!("/v1/otp/{}/verify", id(&otp)), &json!({"code": "0000000000"})).await;
    assert_eq!(wrong.json()["attempts_left"], 4);
    let once_more = site.post(&format!("/v1/otp/{}/resend", id(&otp)), &json!(null)).await;
    assert_eq!(once_more.json()["attempts_left"], 4);
    site.call(Method::DELETE, &format!("/v1/otp/{}", id(&otp)), &[("x-api-key", KEY)], None).await;
    assert_eq!(resend(&otp).await.body, first.body, "it is told as it was");
}
