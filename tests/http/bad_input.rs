//! Everything a client can send wrong gets a clear, named answer in bounded time, and repeats nothing that was sent.

use crate::api::{KEY, Site};
use hyper::Method;
use serde_json::{Value, json};
use smsotpd::http::{self, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// What is refused, and with which field.
async fn refused_field(site: &Site, path: &str, body: &Value) -> String {
    let reply = site.post(path, body).await;
    assert_eq!((reply.status.as_u16(), reply.problem().as_str()), (422, "invalid_request"), "{body}");
    let errors = reply.json()["errors"].clone();
    assert_eq!(errors.as_array().map(Vec::len), Some(1), "{errors}");
    assert!(errors[0]["message"].as_str().is_some_and(|message| !message.is_empty()), "{errors}");
    errors[0]["field"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_wrong_field_is_named() {
    let site = Site::start().await;
    let to = "+15551234567";
    for (path, body, field) in [
        ("/v1/otp", json!({}), "to"),
        ("/v1/otp", json!([to]), ""),
        ("/v1/otp", json!({"to": 15551234567_u64}), "to"),
        ("/v1/otp", json!({"to": null}), "to"),
        ("/v1/otp", json!({"to": "5551234567"}), "to"),
        ("/v1/otp", json!({"to": "112"}), "to"),
        ("/v1/otp", json!({"to": "+1555"}), "to"),
        ("/v1/otp", json!({"to": "+1555CALLNOW"}), "to"),
        ("/v1/otp", json!({"to": to, "too": to}), "too"),
        ("/v1/otp", json!({"to": to, "policy": "other"}), "policy"),
        ("/v1/otp", json!({"to": to, "purpose": "a\u{7}b"}), "purpose"),
        ("/v1/otp", json!({"to": to, "purpose": "x".repeat(65)}), "purpose"),
        ("/v1/otp", json!({"to": to, "ttl_seconds": 29}), "ttl_seconds"),
        ("/v1/otp", json!({"to": to, "ttl_seconds": 86_401}), "ttl_seconds"),
        ("/v1/otp", json!({"to": to, "ttl_seconds": "300"}), "ttl_seconds"),
        ("/v1/otp", json!({"to": to, "ttl_seconds": 60.5}), "ttl_seconds"),
        ("/v1/otp", json!({"to": to, "length": 3}), "length"),
        ("/v1/otp", json!({"to": to, "length": -6}), "length"),
        ("/v1/otp/verify", json!({"to": to, "code": 123456}), "code"),
        ("/v1/otp/verify", json!({"to": to, "code": ""}), "code"),
        ("/v1/otp/verify", json!({"to": to, "code": "1".repeat(65)}), "code"),
        ("/v1/messages", json!({"to": to}), "text"),
        ("/v1/messages", json!({"to": to, "text": " "}), "text"),
        ("/v1/messages", json!({"to": to, "text": "bell\u{7}"}), "text"),
        ("/v1/messages", json!({"to": to, "text": "x".repeat(1531)}), "text"),
        ("/v1/messages", json!({"to": to, "text": "x", "priority": "now"}), "priority"),
        ("/v1/messages", json!({"to": to, "text": "x", "deadline_seconds": 0}), "deadline_seconds"),
        ("/v1/messages", json!({"to": to, "text": "x", "class": 1}), "class"),
        ("/v1/messages", json!({"to": "911", "text": "x"}), "to"),
    ] {
        assert_eq!(refused_field(&site, path, &body).await, field, "{path} {body}");
    }
    assert_eq!(site.get("/v1/messages").await.json()["messages"], json!([]), "nothing was accepted");
}

#[tokio::test]
async fn the_share_of_codes_cannot_be_asked_for() {
    let site = Site::start().await;
    let body = json!({"to": "+15551234567", "text": "x", "priority": "otp"});
    let reply = site.post("/v1/messages", &body).await;
    assert_eq!((reply.status.as_u16(), reply.problem().as_str()), (422, "invalid_request"));
    let error = json!({"field": "priority", "message": "expected `transactional` or `bulk`"});
    assert_eq!(reply.json()["errors"], json!([error]));
}

#[tokio::test]
async fn a_field_that_this_version_does_not_know_is_not_ignored() {
    let site = Site::start().await;
    for field in ["context", "callback_url"] {
        let body = json!({"to": "+15551234567", field: "x"});
        assert_eq!(refused_field(&site, "/v1/otp", &body).await, field);
    }
}

#[tokio::test]
async fn a_call_that_takes_no_body_passes_over_nothing_that_is_in_one() {
    let site = Site::start_with(Settings::default(), toml::from_str("manual-approve = true").unwrap()).await;
    let issued = site.post("/v1/otp", &json!({"to": "+15551234567"})).await.json();
    let otp = format!("/v1/otp/{}", issued["id"].as_str().unwrap());
    let resend = format!("{otp}/resend");
    assert_eq!(refused_field(&site, &resend, &json!({"length": 8})).await, "length");
    assert_eq!(refused_field(&site, &resend, &json!(["length"])).await, "");
    // Whoever sends a code along means to have it verified.
    let approve = format!("{otp}/approve");
    assert_eq!(refused_field(&site, &approve, &json!({"code": "123456"})).await, "code");
    assert_eq!(site.get(&otp).await.json()["status"], "pending");
    for body in ["code=123456", "{"] {
        let reply = site.call(Method::POST, &approve, &[("x-api-key", KEY)], Some(body.to_owned())).await;
        assert_eq!((reply.status.as_u16(), reply.problem().as_str()), (400, "not_json"), "{body}");
    }
    for body in ["", " ", "null", "{}"] {
        let reply = site.call(Method::POST, &approve, &[("x-api-key", KEY)], Some(body.to_owned())).await;
        assert_eq!(reply.status, 200, "{body:?}");
    }
}

#[tokio::test]
async fn no_number_code_or_text_comes_back_in_a_refusal() {
    let site = Site::start().await;
    for (path, body) in [
        ("/v1/otp", json!({"to": "+49401234567890123"})),
        ("/v1/otp", json!({"to": "49401234567"})),
        ("/v1/otp", json!({"to": 49401234567_u64})),
        ("/v1/otp", json!({"to": "+49 40 1234567", "length": "49401234567"})),
        ("/v1/otp/verify", json!({"to": "+49401234567", "code": 49401234567_u64})),
        ("/v1/messages", json!({"to": "+49401234567", "text": "49401234567\u{0}"})),
        ("/v1/messages", json!({"to": "+49401234567", "text": "x", "priority": "49401234567, expected otp"})),
    ] {
        let reply = site.post(path, &body).await;
        assert_eq!(reply.status, 422, "{body}");
        assert!(!String::from_utf8_lossy(&reply.body).contains("49401234567"), "{reply:?}");
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_read_says_why() {
    let site = Site::start().await;
    let call = async |headers: &[(&'static str, &str)], body: &str| {
        site.call(Method::POST, "/v1/otp", headers, Some(body.to_owned())).await
    };
    let key = ("x-api-key", KEY);
    for body in ["", "{", "to=+15551234567", "{\"to\": \"+15551234567\"} {}", "\u{feff}{}"] {
        let reply = call(&[key], body).await;
        assert_eq!((reply.status.as_u16(), reply.problem().as_str()), (400, "not_json"), "{body}");
    }
    let latin = "application/json; charset=iso-8859-1";
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", latin, ""] {
        let reply = call(&[key, ("content-type", content_type)], "{}").await;
        assert_eq!(
            (reply.status.as_u16(), reply.problem().as_str()),
            (415, "unsupported_media_type"),
            "{content_type}"
        );
    }
    for coding in ["gzip", "identity, br"] {
        let reply = call(&[key, ("content-encoding", coding)], "{\"to\":\"+15551234567\"}").await;
        assert_eq!((reply.status.as_u16(), reply.problem().as_str()), (415, "unsupported_media_type"), "{coding}");
        assert_eq!(reply.json()["detail"], "Send the body as it is, without a `Content-Encoding`.");
    }
    let reply = call(&[key, ("content-encoding", "Identity")], "{\"to\":\"+15551234567\"}").await;
    assert_eq!(reply.status, 202);
    for content_type in ["Application/JSON; charset=utf-8", "application/json;Charset=\"UTF-8\"; v=1"] {
        let reply = call(&[key, ("content-type", content_type)], "{\"to\":\"+15551234567\"}").await;
        assert_eq!(reply.status, 202, "{content_type}");
    }
}

#[tokio::test]
async fn a_body_over_16_kib_is_refused_and_one_of_16_kib_is_read() {
    let site = Site::start().await;
    let body = |length: usize| {
        let frame = json!({"to": "+15551234567", "purpose": ""}).to_string().len();
        json!({"to": "+15551234567", "purpose": "x".repeat(length - frame)})
    };
    let fits = site.post("/v1/otp", &body(16 * 1024)).await;
    assert_eq!((fits.status.as_u16(), fits.problem().as_str()), (422, "invalid_request"));
    for length in [16 * 1024 + 1, 200_000] {
        let reply = site.post("/v1/otp", &body(length)).await;
        assert_eq!((reply.status.as_u16(), reply.problem().as_str()), (413, "body_too_large"), "{length}");
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let site = Site::start().await;
    let head = format!(
        "POST /v1/otp HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {KEY}\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{{"
    );
    let answer = site.raw(head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("\"code\":\"slow_body\""), "{answer}");
}

#[tokio::test]
async fn who_is_refused_for_another_reason_can_still_send_the_body_and_go_on() {
    let site = Site::start().await;
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    let head =
        "POST /v1/otp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    // So that head and body surely arrive one after the other.
    assert_eq!(site.get("/v1/modems").await.status, 200);
    stream.write_all(b"{}GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).await.unwrap();
    assert!(answers.starts_with("HTTP/1.1 401 "), "{answers}");
    assert!(answers.contains("HTTP/1.1 200 OK"), "{answers}");
}

#[tokio::test]
async fn a_body_that_breaks_off_disturbs_nobody() {
    let site = Site::start().await;
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    let head = format!(
        "POST /v1/otp HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {KEY}\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    drop(stream);
    assert_eq!(site.get("/v1/messages").await.json()["messages"], json!([]));
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let site = Site::start().await;
    let long = "x".repeat(20_000);
    let headers = site.call(Method::GET, "/healthz", &[("x-long", &long)], None).await;
    assert_eq!((headers.status.as_u16(), headers.problem().as_str()), (431, "head_too_large"));
    let address = site.call(Method::GET, &format!("/healthz?{long}"), &[], None).await;
    assert_eq!((address.status.as_u16(), address.problem().as_str()), (431, "head_too_large"));
    let many: String = (0..200).map(|n| format!("X-{n}: y\r\n")).collect();
    let answer = site.raw(format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\n{many}\r\n").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn a_header_that_decides_something_is_there_once() {
    let site = Site::start().await;
    let rest = "Content-Length: 2\r\nConnection: close\r\n\r\n{}";
    for twice in [
        "Host: localhost\r\nHost: localhost",
        "Host: localhost\r\nIdempotency-Key: a\r\nIdempotency-Key: b",
        "Host: localhost\r\nX-API-Key: a\r\nX-API-Key: b",
        "Host: localhost\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b",
        "Host: localhost\r\nContent-Type: application/json\r\nContent-Type: text/plain",
    ] {
        let answer = site.raw(format!("POST /v1/otp HTTP/1.1\r\n{twice}\r\n{rest}").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{twice}: {answer}");
        assert!(answer.contains("\"code\":\"header_twice\""), "{twice}: {answer}");
    }
}

#[tokio::test]
async fn only_hosts_that_mean_this_machine_are_served() {
    let settings = Settings { hosts: vec!["otp.example.org".to_owned()], ..Settings::default() };
    let site = Site::start_with(settings, smsotpd::issue::Policy::default()).await;
    for host in ["localhost", "LocalHost:8687", "127.0.0.1:1", "[::1]:8687", "otp.example.org", "OTP.example.org:443"] {
        let reply = site.call(Method::GET, "/healthz", &[("host", host)], None).await;
        assert_eq!(reply.status, 200, "{host}");
    }
    for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "localhost:80@evil.example", ""] {
        let reply = site.call(Method::GET, "/healthz", &[("host", host)], None).await;
        assert_eq!((reply.status.as_u16(), reply.problem().as_str()), (421, "unknown_host"), "{host}");
    }
    for request in [
        "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n",
        "GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    ] {
        let answer = site.raw(request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 421 "), "{answer}");
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems_too() {
    let site = Site::start().await;
    for path in ["/", "/v1", "/v1/otp/", "/v1/otp/x/y", "/favicon.ico"] {
        let reply = site.get(path).await;
        assert_eq!((reply.status.as_u16(), reply.problem().as_str()), (404, "no_such_path"), "{path}");
    }
    let reply = site.call(Method::PUT, "/v1/messages", &[("x-api-key", KEY)], None).await;
    assert_eq!((reply.status.as_u16(), reply.problem().as_str()), (405, "method_not_allowed"));
    let mut allowed: Vec<&str> = reply.header("allow").split(',').map(str::trim).collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "POST"]);
}

#[tokio::test]
async fn an_idempotency_key_is_short_and_visible() {
    let site = Site::start().await;
    for key in ["", "a b", &"x".repeat(129)] {
        let headers = [("x-api-key", KEY), ("idempotency-key", key)];
        let reply = site.call(Method::POST, "/v1/otp", &headers, Some("{}".to_owned())).await;
        assert_eq!((reply.status.as_u16(), reply.problem().as_str()), (422, "invalid_request"), "{key}");
        assert_eq!(reply.json()["errors"][0]["field"], "Idempotency-Key");
    }
}

#[tokio::test]
async fn a_wrong_query_is_refused_by_name() {
    let site = Site::start().await;
    for (query, field) in [("limit=0", "limit"), ("status=lost", "status"), ("sort=up", "sort"), ("cursor=1", "cursor")]
    {
        let reply = site.get(&format!("/v1/messages?{query}")).await;
        assert_eq!((reply.status.as_u16(), reply.problem().as_str()), (422, "invalid_request"), "{query}");
        assert_eq!(reply.json()["errors"][0]["field"], field);
    }
}

#[tokio::test]
async fn what_is_no_http_ends_the_connection() {
    let site = Site::start().await;
    for bytes in
        [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"AT+CMGS=17\r\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"]
    {
        let answer = site.raw(bytes).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    }
    assert_eq!(site.get("/v1/modems").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_stays_silent_is_let_go() {
    let settings = Settings { listen: "127.0.0.1:0".parse().unwrap(), socket: "".into(), ..Settings::default() };
    let listeners = http::bind(&settings).await.unwrap();
    let address = listeners.address();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(http::serve(listeners, axum::Router::new(), stop.clone()));
    for sent in [&b""[..], b"GET / HT"] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(sent).await.unwrap();
        let mut answer = Vec::new();
        // Would wait for ever if the server did.
        let _ = stream.read_to_end(&mut answer).await;
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 408"), "{answer:?}");
    }
    stop.cancel();
    serving.await.unwrap();
}
