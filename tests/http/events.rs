//! What an app hears as it happens, and what an administrator reads later, over a real connection.

use std::time::Duration;

use crate::api::{KEY, Site, app_name};
use crate::outgoing;
use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use smsotpd::secret::ApiKey;
use smsotpd::store::{Kind, ReportOutcome, Scope};
use tokio::net::TcpStream;

const TO: &str = "+15551234567";
const PATIENCE: Duration = Duration::from_secs(60);

/// A stream of events, as a client reads it.
struct Stream {
    body: Incoming,
    unread: String,
}

/// What came: a comment, or an event's id, type and data.
#[derive(Debug, PartialEq)]
enum Block {
    Comment,
    Event(String, String, Value),
}

impl Stream {
    async fn open(site: &Site, path: &str, headers: &[(&str, &str)]) -> Response<Incoming> {
        let stream = TcpStream::connect(site.address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut request = Request::get(path).header("host", "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let empty = http_body_util::Empty::<Bytes>::new();
        let response = sender.send_request(request.body(empty).unwrap()).await.unwrap();
        // The connection lives as long as somebody may send on it.
        tokio::spawn(async move {
            std::future::pending::<()>().await;
            drop(sender);
        });
        response
    }

    /// Listens with this key, until the greeting has come.
    async fn listen(site: &Site, path: &str, key: &str, last: Option<&str>) -> Self {
        let mut headers = vec![("x-api-key", key)];
        headers.extend(last.map(|id| ("last-event-id", id)));
        let response = Self::open(site, path, &headers).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut stream = Self { body: response.into_body(), unread: String::new() };
        assert_eq!(stream.next().await, Some(Block::Comment));
        stream
    }

    /// What comes next; `None` at the end.
    async fn next(&mut self) -> Option<Block> {
        loop {
            if let Some((block, rest)) = self.unread.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.unread = rest;
                return Some(parsed(&block));
            }
            let frame = self.body.frame().await?;
            let data = frame.unwrap().into_data().unwrap();
            self.unread += std::str::from_utf8(&data).unwrap();
        }
    }

    /// The next event.
    async fn event(&mut self) -> (String, String, Value) {
        loop {
            match self.next().await.expect("the stream goes on") {
                Block::Comment => {}
                Block::Event(id, kind, data) => return (id, kind, data),
            }
        }
    }

    async fn kind(&mut self) -> String {
        self.event().await.1
    }

    async fn ends(&mut self) {
        while self.next().await.is_some() {}
    }
}

fn parsed(block: &str) -> Block {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
    match (field("id: "), field("event: "), field("data: ")) {
        (Some(id), Some(kind), Some(data)) => Block::Event(id, kind, serde_json::from_str(&data).unwrap()),
        _ => Block::Comment,
    }
}

/// Waits while the paused clock goes on.
async fn as_time_passes<T>(wait: impl Future<Output = T>) -> T {
    let passing = async {
        loop {
            tokio::time::advance(Duration::from_millis(500)).await;
        }
    };
    tokio::select! {
        done = wait => done,
        () = passing => unreachable!(),
    }
}

async fn issue(site: &Site) -> Value {
    let issued = site.post("/v1/otp", &json!({"to": TO, "purpose": "login"})).await;
    assert_eq!(issued.status, 202, "{issued:?}");
    issued.json()
}

/// What waits goes to the network.
async fn send(site: &Site) {
    outgoing::take(&site.store, 0).await.unwrap();
}

#[tokio::test]
async fn an_app_hears_what_becomes_of_its_code_and_takes_up_where_it_left_off() {
    let site = Site::start().await;
    let mut stream = Stream::listen(&site, "/v1/events", KEY, None).await;
    let otp = issue(&site).await;
    send(&site).await;
    let (id, kind, data) = stream.event().await;
    assert_eq!((kind.as_str(), &data["id"], &data["type"]), ("otp.sent", &json!(id), &json!("otp.sent")));
    let told = &data["data"]["otp"];
    assert_eq!((&told["id"], &told["to"], &told["purpose"]), (&otp["id"], &json!("+1555***4567"), &json!("login")));
    assert_eq!((&told["status"], &data["data"]["message"]["id"]), (&json!("pending"), &otp["message"]["id"]));
    drop(stream);

    let code = site.code(otp["id"].as_str().unwrap()).await;
    let verify = format!("/v1/otp/{}/verify", otp["id"].as_str().unwrap());
    assert_eq!(site.post(&verify, &json!({"code": code})).await.json()["verified"], true);
    issue(&site).await;
    send(&site).await;
    for (path, last) in [("/v1/events".to_owned(), Some(id.as_str())), (format!("/v1/events?after={id}"), None)] {
        let mut stream = Stream::listen(&site, &path, KEY, last).await;
        assert_eq!((stream.kind().await, stream.kind().await), ("otp.verified".to_owned(), "otp.sent".to_owned()));
    }
    let mut only = Stream::listen(&site, "/v1/events?types=otp.verified,modem.*", KEY, Some(&id)).await;
    assert_eq!(only.kind().await, "otp.verified");
    site.store.note(Kind::ModemAbsent, None, json!({"modem": "m1", "reason": "unplugged"})).await.unwrap();
    let (_, kind, data) = only.event().await;
    assert_eq!((kind.as_str(), &data["data"]["modem"]), ("modem.absent", &json!("m1")));
}

#[tokio::test]
async fn an_app_hears_at_once_that_its_code_will_not_arrive() {
    let site = Site::start().await;
    let mut stream = Stream::listen(&site, "/v1/events?types=otp.undelivered", KEY, None).await;
    let otp = issue(&site).await;
    send(&site).await;
    outgoing::report(&site.store, TO, 0, ReportOutcome::Undelivered, 0x45).await;
    let (_, kind, data) = stream.event().await;
    let (told, message) = (&data["data"]["otp"], &data["data"]["message"]);
    assert_eq!((kind.as_str(), &told["id"], &told["status"]), ("otp.undelivered", &otp["id"], &json!("pending")));
    let shown = site.get(&format!("/v1/otp/{}", otp["id"].as_str().unwrap())).await.json();
    assert_eq!((&shown["status"], &shown["message"]["status"]), (&json!("pending"), &json!("undelivered")));
    assert_eq!(shown["message"]["reason"], "the networks do not work together (0x45)");
    for field in ["id", "status", "reason"] {
        assert_eq!(message[field], shown["message"][field], "{field}");
    }
}

#[tokio::test]
async fn who_comes_with_the_newest_id_is_told_nothing_twice_and_nothing_is_left_out() {
    let site = Site::start().await;
    let mut heard = Vec::new();
    let mut last: Option<String> = None;
    for _ in 0..5 {
        let mut stream = Stream::listen(&site, "/v1/events?types=modem.ready", KEY, last.as_deref()).await;
        for _ in 0..60 {
            site.store.note(Kind::ModemReady, None, Value::Null).await.unwrap();
        }
        // It leaves in the middle.
        for _ in 0..40 {
            let (id, ..) = stream.event().await;
            assert!(last.as_ref() < Some(&id));
            last = Some(id.clone());
            heard.push(id);
        }
    }
    let mut stream = Stream::listen(&site, "/v1/events?types=modem.ready", KEY, last.as_deref()).await;
    for _ in heard.len()..300 {
        heard.push(stream.event().await.0);
    }
    let admin = site.store.events_after(0, smsotpd::store::Reader::Admin, vec![Kind::ModemReady], 1_000).await;
    let all: Vec<String> = admin.unwrap().events.iter().map(|event| event.id.to_string()).collect();
    assert_eq!(heard, all);
}

#[tokio::test]
async fn a_stream_that_begins_far_back_finds_what_is_meant_for_it() {
    let site = Site::start().await;
    let mut noting = tokio::task::JoinSet::new();
    for _ in 0..5_000 {
        let store = site.store.clone();
        noting.spawn(async move { store.note(Kind::ModemReady, None, Value::Null).await.unwrap() });
    }
    noting.join_all().await;
    site.store.note(Kind::ModemAbsent, None, json!({"modem": "m1"})).await.unwrap();
    let first = format!("/v1/events?types=modem.absent&after=evt_{}", "0".repeat(32));
    let mut stream = Stream::listen(&site, &first, KEY, None).await;
    assert_eq!(stream.kind().await, "modem.absent");
}

#[tokio::test]
async fn an_app_hears_nothing_of_others_and_an_admin_everything() {
    let site = Site::start().await;
    site.add_app("rival", "rivals-key", &[Scope::Read]).await;
    site.add_app("caretaker", "caretakers-key", &[Scope::Admin]).await;
    let mut rival = Stream::listen(&site, "/v1/events", "rivals-key", None).await;
    let mut caretaker = Stream::listen(&site, "/v1/events", "caretakers-key", None).await;
    issue(&site).await;
    send(&site).await;
    site.store.note(Kind::ModemReady, None, json!({"modem": "m1"})).await.unwrap();
    assert_eq!(rival.kind().await, "modem.ready");
    for kind in ["otp.issued", "otp.sent", "modem.ready"] {
        assert_eq!(caretaker.kind().await, kind);
    }
}

#[tokio::test]
async fn what_cannot_be_listened_to_is_refused() {
    let site = Site::start().await;
    site.add_app("powerless", "powerless", &[Scope::Issue]).await;
    for (path, field) in [
        ("/v1/events?after=evt_1", "after"),
        ("/v1/events?types=otp.nonsense", "types"),
        ("/v1/events?since=1", "since"),
        ("/v1/events?types=otp.sent&types=otp.sent", "types"),
    ] {
        let refused = site.get(path).await;
        assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (422, "invalid_request"), "{path}");
        assert_eq!(refused.json()["errors"][0]["field"], field, "{path}");
    }
    let refused = Stream::open(&site, "/v1/events", &[("x-api-key", KEY), ("last-event-id", "7")]).await;
    assert_eq!(refused.status(), 422);
    assert_eq!(Stream::open(&site, "/v1/events", &[]).await.status(), 401);
    assert_eq!(Stream::open(&site, "/v1/events", &[("x-api-key", "powerless")]).await.status(), 403);
}

#[tokio::test]
async fn one_app_listens_so_often_at_once_and_a_place_is_free_again_when_its_listener_has_gone() {
    let site = Site::start().await;
    site.add_app("rival", "rivals-key", &[Scope::Read]).await;
    let mut streams = Vec::new();
    for _ in 0..8 {
        streams.push(Stream::listen(&site, "/v1/events", KEY, None).await);
    }
    let refused = site.get("/v1/events").await;
    assert_eq!((refused.status.as_u16(), refused.problem().as_str()), (429, "too_many_streams"));
    drop(Stream::listen(&site, "/v1/events", "rivals-key", None).await);
    drop(streams.pop());
    while Stream::open(&site, "/v1/events", &[("x-api-key", KEY)]).await.status() == 429 {}
}

#[tokio::test]
async fn a_stream_ends_with_the_daemon() {
    let site = Site::start().await;
    let mut stream = Stream::listen(&site, "/v1/events", KEY, None).await;
    site.stop.cancel();
    stream.ends().await;
    tokio::time::timeout(PATIENCE, site.serving).await.expect("it stops").unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stream_in_which_nothing_happens_says_that_it_lives() {
    let site = Site::start().await;
    let mut stream = Stream::listen(&site, "/v1/events", KEY, None).await;
    for _ in 0..3 {
        assert_eq!(as_time_passes(stream.next()).await, Some(Block::Comment));
    }
    issue(&site).await;
    send(&site).await;
    assert_eq!(as_time_passes(stream.kind()).await, "otp.sent");
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_loses_the_place_and_nothing_else() {
    let site = Site::start().await;
    let mut others = Vec::new();
    for _ in 0..7 {
        others.push(Stream::listen(&site, "/v1/events?types=otp.sent", KEY, None).await);
    }
    let mut noting = tokio::task::JoinSet::new();
    for _ in 0..6_000 {
        let (store, reason) = (site.store.clone(), "x".repeat(1_500));
        noting.spawn(async move { store.note(Kind::ModemAbsent, None, json!({"reason": reason})).await.unwrap() });
    }
    noting.join_all().await;
    let first = format!("/v1/events?after=evt_{}", "0".repeat(32));
    let silent = Stream::open(&site, &first, &[("x-api-key", KEY)]).await;
    assert_eq!(silent.status(), 200);
    while Stream::open(&site, "/v1/events", &[("x-api-key", KEY)]).await.status() == 429 {
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    drop(silent);
    issue(&site).await;
    send(&site).await;
    for other in &mut others {
        assert_eq!(as_time_passes(other.kind()).await, "otp.sent");
    }
}

#[tokio::test]
async fn a_key_that_was_rotated_hears_nothing_more() {
    let site = Site::start().await;
    let mut stream = Stream::listen(&site, "/v1/events", KEY, None).await;
    let key = site.store.site_key().key_digest(&ApiKey::new("another".to_owned()));
    assert!(site.store.rotate_app(&app_name("shop"), key).await.unwrap());
    // An app is remembered for a moment, and with it its streams.
    while site.get("/v1/modems").await.status != 401 {}
    site.store.note(Kind::ModemReady, None, json!({"modem": "m1"})).await.unwrap();
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn the_audit_tells_who_did_what_to_admins_only() {
    let site = Site::start().await;
    site.add_app("caretaker", "caretakers-key", &[Scope::Admin]).await;
    assert_eq!(site.get("/v1/audit").await.problem(), "missing_scope");
    let read = async |query: &str| {
        let path = format!("/v1/audit{query}");
        site.call(Method::GET, &path, &[("x-api-key", "caretakers-key")], None).await
    };
    let kinds = async |query: &str| {
        let reply = read(query).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        let events = reply.json()["events"].as_array().unwrap().clone();
        events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let otp = issue(&site).await;
    let verify = format!("/v1/otp/{}/verify", otp["id"].as_str().unwrap());
    for _ in 0..5 {
        site.post(&verify, &json!({"code": "no"})).await;
    }
    let put = "/v1/opt-outs/+15557654321";
    site.call(Method::PUT, put, &[("x-api-key", "caretakers-key")], None).await;
    let refused = site.post("/v1/otp", &json!({"to": "+15557654321"})).await;
    assert_eq!(refused.problem(), "recipient_opted_out");

    assert_eq!(kinds("?kind=otp.locked,otp.refused").await, ["otp.refused", "otp.locked"]);
    assert_eq!(kinds("?kind=otp.*&app=caretaker").await, Vec::<String>::new());
    assert_eq!(kinds("?kind=otp.wrong_code&limit=2").await.len(), 2);
    assert_eq!(kinds("?since=2000-01-01T00:00:00%2B02:00&limit=200").await.len(), 10);
    assert_eq!(kinds("?until=2000-01-01T00:00:00+02:00").await, Vec::<String>::new());
    let page = read("?limit=1").await.json();
    let event = &page["events"][0];
    assert_eq!((&event["type"], &event["data"]["rule"]), (&json!("otp.refused"), &json!("opt-out")));
    assert_eq!((&event["data"]["to"], &event["data"]["count"]), (&json!("+1555***4321"), &json!(1)));
    let next = page["next_cursor"].as_str().unwrap();
    assert_eq!(kinds(&format!("?limit=1&cursor={next}")).await, ["opt_out.added"]);
    for (query, field) in [
        ("?kind=x", "kind"),
        ("?since=now", "since"),
        ("?app=A", "app"),
        ("?types=otp.*", "types"),
        ("?limit=0", "limit"),
    ] {
        assert_eq!(read(query).await.json()["errors"][0]["field"], field, "{query}");
    }
}
