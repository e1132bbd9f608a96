//! What an app does with the API, over real connections and a real store.

use crate::api::{KEY, Reply, Site, app_name, exchange, mode, modem};
use crate::outgoing;
use hyper::Method;
use serde_json::{Value, json};
use smsotpd::http::{self, HttpError, ModemState, Settings};
use smsotpd::issue::Policy;
use smsotpd::limits::BudgetLeft;
use smsotpd::route::{Route, Routes};
use smsotpd::store::{ReportOutcome, Scope};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UnixStream};

pub(crate) const TO: &str = "+15551234567";

pub(crate) async fn issue(site: &Site) -> Value {
    let reply = site.post("/v1/otp", &json!({"to": TO})).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    reply.json()
}

pub(crate) fn id(answer: &Value) -> &str {
    answer["id"].as_str().expect("an id")
}

#[tokio::test]
async fn a_code_is_issued_guessed_wrongly_verified_once_and_never_again() {
    let site = Site::start().await;
    let issued = issue(&site).await;
    let mut fields: Vec<&String> = issued.as_object().unwrap().keys().collect();
    fields.sort();
    assert_eq!(fields, ["attempts_left", "expires_at", "id", "message", "resend_at", "status", "to"]);
    assert_eq!((&issued["status"], &issued["to"]), (&json!("pending"), &json!("+1555***4567")));
    assert_eq!((&issued["message"]["status"], &issued["message"]["parts"]), (&json!("queued"), &json!(1)));
    assert_eq!(issued["message"]["encoding"], "gsm7");

    let path = format!("/v1/otp/{}/verify", id(&issued));
    let wrong = site.post(&path, &json!({"code": "not it"})).await;
    assert_eq!(wrong.status, 200);
    let expected = json!({"verified": false, "status": "pending", "reason": "wrong_code", "attempts_left": 4});
    assert_eq!(wrong.json(), expected);

    let code = site.code(id(&issued)).await;
    let right = site.post(&path, &json!({"code": code})).await.json();
    assert_eq!(
        (&right["verified"], &right["status"], &right["reason"]),
        (&json!(true), &json!("verified"), &json!(null))
    );
    let again = site.post(&path, &json!({"code": code})).await.json();
    assert_eq!((&again["verified"], &again["reason"]), (&json!(false), &json!("already_used")));
    assert_eq!(site.get(&format!("/v1/otp/{}", id(&issued))).await.json()["status"], "verified");
}

#[tokio::test]
async fn a_code_is_verified_by_number_and_purpose() {
    let site = Site::start().await;
    let issued = site.post("/v1/otp", &json!({"to": TO, "purpose": "login"})).await.json();
    let code = site.code(id(&issued)).await;
    let elsewhere = site.post("/v1/otp/verify", &json!({"to": TO, "code": code, "purpose": "payment"})).await;
    assert_eq!((elsewhere.status.as_u16(), elsewhere.problem().as_str()), (404, "not_found"));
    let right = site.post("/v1/otp/verify", &json!({"to": "+1 555 123-4567", "code": code, "purpose": "login"})).await;
    assert_eq!(right.json()["verified"], true, "{right:?}");
}

#[tokio::test]
async fn what_a_request_asks_for_is_what_the_code_gets() {
    let site = Site::start().await;
    let issued =
        site.post("/v1/otp", &json!({"to": TO, "length": 8, "ttl_seconds": 60, "policy": "default"})).await.json();
    assert_eq!(site.code(id(&issued)).await.len(), 8);
    let otp = site.store.otp(&app_name("shop"), id(&issued).parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(otp.expires_at.as_second() - otp.created_at.as_second(), 60);
}

#[tokio::test]
async fn a_code_is_not_sent_again_too_early_nor_after_its_end() {
    let site = Site::start().await;
    let issued = issue(&site).await;
    let path = format!("/v1/otp/{}", id(&issued));
    let early = site.post(&format!("{path}/resend"), &json!({})).await;
    assert_eq!((early.status.as_u16(), early.problem().as_str()), (429, "resend_too_early"));
    assert!(early.json()["retry_after"].as_u64().is_some_and(|seconds| (1..=30).contains(&seconds)), "{early:?}");

    let cancelled = site.delete(&path).await;
    assert_eq!((cancelled.status.as_u16(), &cancelled.json()["status"]), (200, &json!("cancelled")));
    assert_eq!(cancelled.json()["message"]["status"], "cancelled");
    let late = site.post(&format!("{path}/resend"), &json!({})).await;
    assert_eq!((late.status.as_u16(), late.problem().as_str()), (409, "otp_ended"));
}

#[tokio::test]
async fn a_code_is_sent_again_as_often_as_the_policy_allows() {
    let policy: Policy = toml::from_str("resend-after-seconds = 0\nresends = 1").unwrap();
    let site = Site::start_with(Settings::default(), policy).await;
    let issued = issue(&site).await;
    let path = format!("/v1/otp/{}/resend", id(&issued));
    let code = site.code(id(&issued)).await;
    let resent = site.post(&path, &json!({})).await;
    assert_eq!((resent.status.as_u16(), &resent.json()["id"]), (202, &issued["id"]));
    let more = site.post(&path, &json!({})).await;
    assert_eq!((more.status.as_u16(), more.problem().as_str()), (429, "no_resends_left"));
    assert_eq!(more.json()["retry_after"], json!(null), "waiting would not help");
    let verified = site.post(&format!("/v1/otp/{}/verify", id(&issued)), &json!({"code": code})).await;
    assert_eq!(verified.json()["verified"], true);
}

#[tokio::test]
async fn a_number_that_had_enough_codes_is_refused_with_the_limit_and_the_time() {
    let site = Site::start().await;
    for _ in 0..5 {
        issue(&site).await;
    }
    let refused = site.post("/v1/otp", &json!({"to": TO})).await;
    assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (429, "limit_reached"));
    assert_eq!(refused.json()["detail"], "The limit per-number-hour is reached for this number.");
}

#[tokio::test]
async fn a_message_is_sent_found_listed_and_withdrawn() {
    let site = Site::start().await;
    let body = json!({"to": TO, "text": "Lunch is ready.", "priority": "bulk", "deadline_seconds": 60, "class": 0});
    let accepted = site.post("/v1/messages", &body).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let accepted = accepted.json();
    let expected =
        json!({"id": accepted["id"], "status": "queued", "to": "+1555***4567", "parts": 1, "encoding": "gsm7"});
    assert_eq!(accepted, expected);
    let path = format!("/v1/messages/{}", id(&accepted));
    let found = site.get(&path).await.json();
    assert_eq!((&found["priority"], &found["attempts"], &found["otp"]), (&json!("bulk"), &json!([]), &json!(null)));
    assert_eq!(found["delivered_at"], json!(null));

    let cancelled = site.delete(&path).await;
    assert_eq!((cancelled.status.as_u16(), &cancelled.json()["status"]), (200, &json!("cancelled")));
    assert_eq!(site.delete(&path).await.status, 200, "withdrawing twice is no error");
    let listed = site.get("/v1/messages?status=cancelled").await.json();
    assert_eq!(listed["messages"][0]["id"], accepted["id"]);
    assert_eq!(site.get("/v1/messages?status=queued").await.json()["messages"], json!([]));
}

#[tokio::test]
async fn a_list_is_read_page_by_page_without_gap_or_repetition() {
    let site = Site::start().await;
    let mut sent = Vec::new();
    for n in 0..5 {
        let accepted = site.post("/v1/messages", &json!({"to": TO, "text": format!("Number {n}.")})).await.json();
        sent.insert(0, accepted["id"].clone());
    }
    let mut listed = Vec::new();
    let mut path = "/v1/messages?limit=2&to=%2B15551234567".to_owned();
    loop {
        let page = site.get(&path).await.json();
        listed.extend(page["messages"].as_array().unwrap().iter().map(|message| message["id"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/messages?limit=2&to=%2B15551234567&cursor={cursor}");
    }
    assert_eq!(listed, sent);
}

#[tokio::test]
async fn a_key_is_taken_in_each_of_its_places_and_nothing_else_is() {
    use base64::Engine;
    let site = Site::start().await;
    let basic = |pair: String| format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
    for (name, value) in [
        ("authorization", format!("Bearer {KEY}")),
        ("authorization", basic(format!("shop:{KEY}"))),
        ("authorization", basic(format!("{KEY}:"))),
        ("x-api-key", KEY.to_owned()),
    ] {
        let reply = site.call(Method::GET, "/v1/modems", &[(name, &value)], None).await;
        assert_eq!(reply.status, 200, "{name}: {value}");
    }
    for (name, value, code) in [
        ("authorization", "Bearer not-the-key".to_owned(), "unknown_key"),
        ("authorization", basic("shop:not-the-key".to_owned()), "unknown_key"),
        ("authorization", format!("Digest {KEY}"), "no_key"),
        ("x-api-key", format!("{KEY}x"), "unknown_key"),
        ("x-other", KEY.to_owned(), "no_key"),
    ] {
        let reply = site.call(Method::GET, "/v1/modems", &[(name, &value)], None).await;
        assert_eq!((reply.status.as_u16(), reply.problem().as_str()), (401, code), "{name}: {value}");
        assert!(reply.header("www-authenticate").starts_with("Bearer"), "{reply:?}");
    }
}

#[tokio::test]
async fn every_call_needs_its_own_scope_and_says_which() {
    let site = Site::start().await;
    site.add_app("nobody", "powerless", &[]).await;
    site.add_app("boss", "all-powerful", &[Scope::Admin]).await;
    for (method, path, scope) in [
        (Method::POST, "/v1/otp", "issue"),
        (Method::GET, "/v1/otp/otp_x", "read"),
        (Method::DELETE, "/v1/otp/otp_x", "issue"),
        (Method::POST, "/v1/otp/otp_x/verify", "verify"),
        (Method::POST, "/v1/otp/verify", "verify"),
        (Method::POST, "/v1/otp/otp_x/resend", "issue"),
        (Method::POST, "/v1/messages", "send"),
        (Method::GET, "/v1/messages", "read"),
        (Method::GET, "/v1/messages/msg_x", "read"),
        (Method::DELETE, "/v1/messages/msg_x", "send"),
        (Method::POST, "/v1/modems/m1/drain", "admin"),
        (Method::POST, "/v1/modems/m1/resume", "admin"),
        (Method::GET, "/v1/modems", "read"),
        (Method::GET, "/v1/status", "read"),
    ] {
        let refused = site.call(method.clone(), path, &[("x-api-key", "powerless")], None).await;
        assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (403, "missing_scope"), "{method} {path}");
        let detail = refused.json()["detail"].to_string();
        assert!(detail.contains(&format!("`{scope}`")), "{method} {path}: {detail}");
        let allowed = site.call(method.clone(), path, &[("x-api-key", "all-powerful")], None).await;
        assert_ne!(allowed.status, 403, "{method} {path}");
    }
}

#[tokio::test]
async fn a_key_that_was_removed_stops_working() {
    let site = Site::start().await;
    assert_eq!(site.get("/v1/modems").await.status, 200);
    site.store.remove_app(&app_name("shop")).await.unwrap();
    // An app is remembered for a moment; after that the answer changes by itself. Nothing of it goes out any more.
    let text = json!({"to": TO, "text": "Hi"});
    for (path, body) in [("/v1/otp", json!({"to": TO})), ("/v1/messages", text)] {
        let refused = site.post(path, &body).await;
        assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (401, "unknown_key"), "{path}");
    }
    while site.get("/v1/modems").await.status != 401 {}
}

#[tokio::test]
async fn another_apps_things_are_as_unknown_as_things_that_never_were() {
    let site = Site::start().await;
    site.add_app("rival", "rivals-key", &[Scope::Admin]).await;
    let otp = issue(&site).await;
    let message = site.post("/v1/messages", &json!({"to": TO, "text": "Hi"})).await.json();
    let as_rival = async |method: Method, path: String, body: Option<String>| -> Reply {
        site.call(method, &path, &[("x-api-key", "rivals-key")], body).await
    };
    let code = json!({"code": site.code(id(&otp)).await}).to_string();
    let never = "0".repeat(32);
    for (method, theirs, unknown, body) in [
        (Method::GET, format!("/v1/otp/{}", id(&otp)), format!("/v1/otp/otp_{never}"), None),
        (Method::DELETE, format!("/v1/otp/{}", id(&otp)), "/v1/otp/nonsense".to_owned(), None),
        (Method::POST, format!("/v1/otp/{}/verify", id(&otp)), format!("/v1/otp/otp_{never}/verify"), Some(code)),
        (Method::POST, format!("/v1/otp/{}/resend", id(&otp)), "/v1/otp/%FF/resend".to_owned(), None),
        (Method::GET, format!("/v1/messages/{}", id(&message)), format!("/v1/messages/msg_{never}"), None),
        (Method::DELETE, format!("/v1/messages/{}", id(&message)), "/v1/messages/nonsense".to_owned(), None),
    ] {
        let theirs = as_rival(method.clone(), theirs, body.clone()).await;
        let unknown = as_rival(method.clone(), unknown, body).await;
        assert_eq!((theirs.status.as_u16(), theirs.problem().as_str()), (404, "not_found"), "{method}");
        assert_eq!(theirs.body, unknown.body, "{method}");
    }
    assert_eq!(as_rival(Method::GET, "/v1/messages".to_owned(), None).await.json()["messages"], json!([]));
    assert_eq!(site.get(&format!("/v1/otp/{}", id(&otp))).await.json()["status"], "pending");
}

#[tokio::test]
async fn a_user_on_the_unix_socket_needs_no_key_when_the_settings_name_it() {
    let user = rustix::process::getuid().as_raw().to_string();
    let settings = Settings { socket_users: [(user, app_name("shop"))].into(), ..Settings::default() };
    let site = Site::start_with(settings, Policy::default()).await;
    assert_eq!(mode(&site.socket()), 0o660);
    let by_socket = async |headers: &[(&'static str, &str)]| {
        let stream = UnixStream::connect(site.socket()).await.expect("the socket is there");
        exchange(stream, Method::GET, "/v1/modems", headers, None).await
    };
    assert_eq!(by_socket(&[]).await.status, 200);
    assert_eq!(by_socket(&[("host", "anything.example")]).await.status, 200, "no browser reaches a unix socket");
    for header in
        [("x-api-key", "wrong"), ("x-api-key", ""), ("authorization", "Bearer"), ("authorization", "Digest x")]
    {
        assert_eq!(by_socket(&[header]).await.status, 401, "a key that is given counts, and must be one: {header:?}");
    }
    let by_network = site.call(Method::GET, "/v1/modems", &[], None).await;
    assert_eq!(by_network.status, 401);

    site.store.remove_app(&app_name("shop")).await.unwrap();
    let refused = loop {
        // An app is remembered for a moment; after that the answer changes by itself.
        let answer = by_socket(&[]).await;
        if answer.status != 200 {
            break answer;
        }
    };
    assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (401, "unknown_key"));
    let said = refused.json()["detail"].to_string();
    assert!(said.contains("you are shop") && said.contains("smsotpd app create shop"), "{said}");
}

#[tokio::test]
async fn the_unix_socket_of_a_killed_daemon_is_replaced_and_of_a_live_one_refused() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("api.sock");
    let settings = Settings { listen: "127.0.0.1:0".parse().unwrap(), socket: socket.clone(), ..Settings::default() };
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
    let listeners = http::bind(&settings).await.expect("a stale socket is in nobody's way");
    assert!(matches!(http::bind(&settings).await, Err(HttpError::SocketInUse { .. })));
    assert!(UnixStream::connect(&socket).await.is_ok(), "the live one was left alone");
    drop(listeners);
    assert!(!socket.exists());
    std::fs::write(&socket, "").unwrap();
    assert!(matches!(http::bind(&settings).await, Err(HttpError::NotASocket { .. })));
}

#[tokio::test]
async fn the_modems_are_shown_as_they_are_now() {
    let site = Site::start().await;
    let shown = site.get("/v1/modems").await.json();
    let m1 = &shown["modems"][0];
    assert_eq!((&m1["name"], &m1["state"], &m1["signal_dbm"]), (&json!("m1"), &json!("ready"), &json!(-71)));
    assert_eq!(m1["sim"], json!({"iccid": "8988211000000000001", "imsi": "00101***"}));
    assert_eq!(m1["budget_left"], json!({"minute": 14, "hour": 187, "day": 942}));

    let ready = site.call(Method::GET, "/readyz", &[], None).await;
    assert_eq!((ready.status.as_u16(), &ready.json()["ready"]), (200, &json!(true)));
    site.modems.send_replace(vec![modem("m1", ModemState::NotReady)]);
    let not_ready = site.call(Method::GET, "/readyz", &[], None).await;
    assert_eq!(not_ready.status, 503);
    let reason = &not_ready.json()["reasons"][0];
    assert_eq!((&reason["modem"], &reason["reason"]), (&json!("m1"), &json!("The SIM asks for its PIN.")));
    assert_eq!(reason["advice"], "Put the PIN into pin-file.");
    assert_eq!(site.call(Method::GET, "/healthz", &[], None).await.status, 200, "alive all the same");
}

#[tokio::test]
async fn a_modem_is_taken_out_of_use_and_put_back_by_its_name() {
    let site = Site::start().await;
    site.add_app("boss", "all-powerful", &[Scope::Admin]).await;
    let post = async |path: &str| site.call(Method::POST, path, &[("x-api-key", "all-powerful")], None).await;
    for _ in 0..2 {
        assert_eq!(post("/v1/modems/m1/drain").await.json(), json!({"name": "m1", "draining": true}));
    }
    assert_eq!(site.store.drained().borrow().len(), 1);
    for name in ["m2", "M 1"] {
        let unknown = post(&format!("/v1/modems/{}/drain", name.replace(' ', "%20"))).await;
        assert_eq!((unknown.status.as_u16(), unknown.problem().as_str()), (404, "not_found"));
    }
    assert_eq!(post("/v1/modems/m1/resume").await.json(), json!({"name": "m1", "draining": false}));
    assert!(site.store.drained().borrow().is_empty());
}

#[tokio::test]
async fn a_message_that_waits_for_the_modem_of_its_route_says_so() {
    let site = Site::start().await;
    let route = Route { prefix: "+1555".parse().unwrap(), modems: vec!["m2".parse().unwrap()] };
    site.store.set_routes(Routes::new(vec![route])).await.unwrap();
    let why = async |to: &str| {
        let sent = site.post("/v1/messages", &json!({"to": to, "text": "Hello"})).await.json();
        let id = sent["id"].as_str().unwrap().to_owned();
        site.get(&format!("/v1/messages/{id}")).await.json()["why"].clone()
    };
    let reason = "Numbers that begin with +1555 go through m2 only, and that cannot send now.";
    assert_eq!(why("+15551234567").await, reason);
    assert_eq!(why("+447700900123").await, json!(null), "it only waits for its turn");
    assert_eq!(site.get("/v1/messages").await.json()["messages"][1]["why"], reason);
    let ready = site.call(Method::GET, "/readyz", &[], None).await.json();
    assert_eq!((&ready["ready"], &ready["warnings"][0]["reason"]), (&json!(true), &json!(reason)));
    site.modems.send_replace(vec![modem("m1", ModemState::Resting), modem("m2", ModemState::Ready)]);
    assert_eq!(why("+15551234567").await, json!(null));
}

#[tokio::test]
async fn a_message_that_waits_for_its_sims_budget_says_so() {
    let site = Site::start().await;
    let set = |minute, hour| {
        let mut view = modem("m1", ModemState::Ready);
        view.budget_left = BudgetLeft { minute: Some(minute), hour: Some(hour), day: None };
        let mut other = modem("m2", ModemState::Ready);
        other.budget_left = BudgetLeft { minute: Some(0), hour: Some(200), day: None };
        site.modems.send_replace(vec![view, other]);
    };
    let message = site.post("/v1/messages", &json!({"to": "+447700900123", "text": "Hello"})).await.json();
    let message = message["id"].as_str().unwrap();
    let why = async || site.get(&format!("/v1/messages/{message}")).await.json()["why"].clone();
    for (minute, hour, waits) in [(15, 200, false), (4, 200, false), (3, 200, true), (15, 40, true), (0, 200, true)] {
        set(minute, hour);
        let reason = "Every SIM for it has sent all that it may for now, or keeps the rest for codes, by [sim-budget].";
        assert_eq!(why().await, if waits { json!(reason) } else { json!(null) }, "{minute} {hour}");
    }
    let otp = site.post("/v1/otp", &json!({"to": "+447700900123"})).await.json();
    let carrier = site.get("/v1/messages?limit=1").await.json()["messages"][0].clone();
    assert_eq!(carrier["otp"], otp["id"]);
    assert_eq!(carrier["why"], "Every SIM for it has sent all that it may in this minute, by [sim-budget].");
    set(1, 200);
    assert_eq!(site.get("/v1/messages?limit=1").await.json()["messages"][0]["why"], json!(null));
}

#[tokio::test]
async fn an_otp_shows_how_long_its_message_took_and_why_one_will_not_arrive() {
    let site = Site::start().await;
    let send = async |reference| outgoing::take(&site.store, reference).await.unwrap();
    let report = async |reference, outcome, octet| outgoing::report(&site.store, TO, reference, outcome, octet).await;
    let shown = async |issued: &Value| {
        let otp = site.get(&format!("/v1/otp/{}", id(issued))).await.json()["message"].clone();
        let message = site.get(&format!("/v1/messages/{}", id(&otp))).await.json();
        for field in ["status", "latency_ms", "reason", "delivered_at"] {
            assert_eq!(otp[field], message[field], "{field}");
        }
        otp
    };
    let (first, second) =
        (issue(&site).await, site.post("/v1/otp", &json!({"to": TO, "purpose": "login"})).await.json());
    assert_eq!((&first["message"]["latency_ms"], &first["message"]["reason"]), (&json!(null), &json!(null)));
    send(1).await;
    send(2).await;
    report(1, ReportOutcome::Delivered, 0).await;
    let delivered = shown(&first).await;
    assert!(delivered["latency_ms"].as_u64().is_some_and(|latency| latency < 60_000), "{delivered}");
    assert_eq!((&delivered["status"], &delivered["reason"]), (&json!("delivered"), &json!(null)));
    report(2, ReportOutcome::Undelivered, 0x45).await;
    let undelivered = shown(&second).await;
    assert_eq!(undelivered["reason"], "the networks do not work together (0x45)");
    assert_eq!((&undelivered["status"], &undelivered["latency_ms"]), (&json!("undelivered"), &json!(null)));
}

#[tokio::test]
async fn the_status_and_the_metrics_count_what_happened() {
    let site = Site::start().await;
    let issued = issue(&site).await;
    site.post(&format!("/v1/otp/{}/verify", id(&issued)), &json!({"code": "wrong"})).await;
    let status = site.get("/v1/status").await.json();
    assert_eq!((&status["queue"]["queued"], &status["pending_otps"]), (&json!(1), &json!(1)));
    assert_eq!((&status["modems"][0]["name"], &status["readiness"]["ready"]), (&json!("m1"), &json!(true)));

    let metrics = site.call(Method::GET, "/metrics", &[], None).await;
    assert!(metrics.header("content-type").starts_with("application/openmetrics-text"));
    let text = String::from_utf8(metrics.body.to_vec()).unwrap();
    for line in [
        "smsotpd_otps_issued_total 1",
        "smsotpd_verifications_total{result=\"wrong_code\"} 1",
        "smsotpd_messages{status=\"queued\"} 1",
        "smsotpd_otps_pending 1",
        "smsotpd_modem_state{modem=\"m1\",state=\"ready\"} 1",
        "smsotpd_sim_budget_left{modem=\"m1\",window=\"day\"} 942",
        "# EOF",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("4567"));
}

#[tokio::test]
async fn a_stop_ends_every_connection_whatever_it_is_at() {
    let site = Site::start().await;
    let _silent = TcpStream::connect(site.address).await.unwrap();
    let mut halfway = TcpStream::connect(site.address).await.unwrap();
    halfway.write_all(b"POST /v1/otp HTTP/1.1\r\nHost: loc").await.unwrap();
    let asking = site.get("/v1/modems").await;
    assert_eq!(asking.status, 200);
    site.stop.cancel();
    site.serving.await.expect("serving ends");
    assert!(TcpStream::connect(site.address).await.is_err(), "nobody listens any more");
    assert!(!site.folder.path().join("run").join("api.sock").exists());
}

#[tokio::test]
async fn a_store_that_has_ended_is_told_as_such() {
    let site = Site::start().await;
    assert_eq!(site.get("/v1/modems").await.status, 200);
    site.store.close().await;
    let refused = site.post("/v1/otp", &json!({"to": TO})).await;
    assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (503, "outcome_unknown"));
    let ready = site.call(Method::GET, "/readyz", &[], None).await;
    assert_eq!((ready.status.as_u16(), &ready.json()["reasons"][0]["code"]), (503, &json!("store")));
}

#[tokio::test]
async fn a_site_whose_database_cannot_be_written_is_not_ready_until_it_can() {
    let site = Site::start().await;
    let ready = async || site.call(Method::GET, "/readyz", &[], None).await;
    assert_eq!(ready().await.status, 200);
    let other = rusqlite::Connection::open(site.folder.path().join("state").join("smsotpd.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    // The request may be answered before the store gives up; readiness follows the store.
    assert_eq!(site.post("/v1/otp", &json!({"to": TO})).await.status, 503);
    let mut refused = ready().await;
    while refused.status == 200 {
        refused = ready().await;
    }
    assert_eq!(refused.json()["reasons"][0]["code"], "store");
    let status = site.get("/v1/status").await.json();
    assert_eq!(status["readiness"]["reasons"], refused.json()["reasons"]);
    other.execute_batch("ROLLBACK").unwrap();
    while ready().await.status != 200 {}
    assert_eq!(site.post("/v1/otp", &json!({"to": TO})).await.status, 202);
}

#[tokio::test]
async fn a_site_whose_database_cannot_be_read_is_not_ready() {
    for table in ["delivery", "app"] {
        let site = Site::start().await;
        let other = rusqlite::Connection::open(site.folder.path().join("state").join("smsotpd.db")).unwrap();
        other.execute_batch(&format!("ALTER TABLE {table} RENAME TO lost")).unwrap();
        let ready = site.call(Method::GET, "/readyz", &[], None).await;
        assert_eq!(ready.status, 503, "{table}: {ready:?}");
        assert_eq!(ready.json()["reasons"][0]["reason"], "The database cannot be read.", "{table}");
    }
}
