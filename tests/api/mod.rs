//! A real server over a real store in a folder of its own, and a client that speaks to it over the loopback.

#![allow(clippy::unwrap_used, reason = "a test whose scaffolding fails has failed")]
#![allow(dead_code, reason = "each test file uses its own part of this")]

pub(crate) mod description;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use smsotpd::callback;
use smsotpd::clock::Clock;
use smsotpd::http::{self, Api, ApiParts, ModemState, ModemView, Registration, Settings, SimView};
use smsotpd::ids::{AppName, OtpId};
use smsotpd::issue::{Policies, Policy};
use smsotpd::limits::{self, BudgetLeft, BudgetSettings};
use smsotpd::phone::PhoneNumber;
use smsotpd::secret::ApiKey;
use smsotpd::store::{NewApp, Scope, Store};
use smsotpd::ussd::{self, Ussd};
use smsotpd::webhook::Counters;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::outgoing;

/// The key of the app `shop`, which may do everything that an app may.
pub(crate) const KEY: &str = "the-key-of-the-shop";

/// A server and what is behind it.
pub(crate) struct Site {
    pub(crate) store: Store,
    pub(crate) policies: Policies,
    pub(crate) address: SocketAddr,
    pub(crate) modems: watch::Sender<Vec<ModemView>>,
    pub(crate) stop: CancellationToken,
    pub(crate) serving: JoinHandle<()>,
    pub(crate) folder: TempDir,
}

impl Site {
    /// A site with the default policy and one modem that is ready.
    pub(crate) async fn start() -> Self {
        Self::start_with(Settings::default(), Policy::default()).await
    }

    /// A site that never says that there was too much.
    pub(crate) async fn without_limits() -> Self {
        let limits = limits::Settings { per_number_hour: 0, per_number_day: 0, per_prefix_hour: 0 };
        Self::start_with(Settings::default(), Policy { limits, ..Policy::default() }).await
    }

    /// A site with these settings, on a free port and with a socket in its own folder.
    pub(crate) async fn start_with(settings: Settings, policy: Policy) -> Self {
        Self::start_by(None, settings, policy).await
    }

    /// The same by this clock.
    pub(crate) async fn start_by(clock: Option<Clock>, settings: Settings, policy: Policy) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            socket: folder.path().join("run").join("api.sock"),
            ..settings
        };
        let store = Store::open(&folder.path().join("state"), clock).await.unwrap();
        let (modems, watched) = watch::channel(vec![modem("m1", ModemState::Ready)]);
        let policies = Policies::new(BTreeMap::from([("default".to_owned(), policy)]));
        let allow = ["callbacks.example.org", "127.0.0.0/8"].map(|entry| entry.parse().unwrap());
        let parts = ApiParts {
            reach: callback::Settings { allow: allow.to_vec() },
            ..parts(store.clone(), policies.clone(), watched)
        };
        let api = Api::new(parts, &settings).unwrap();
        let listeners = http::bind(&settings).await.unwrap();
        let address = listeners.address();
        let stop = CancellationToken::new();
        let serving = tokio::spawn(http::serve(listeners, http::router(api), stop.clone()));
        let site = Self { store, policies, address, modems, stop, serving, folder };
        site.add_app("shop", KEY, &[Scope::Issue, Scope::Verify, Scope::Send, Scope::Read]).await;
        site
    }

    /// Makes an app.
    pub(crate) async fn add_app(&self, name: &str, key: &str, scopes: &[Scope]) {
        let key = self.store.site_key().key_digest(&ApiKey::new(key.to_owned()));
        let app = NewApp { name: app_name(name), scopes: scopes.to_vec(), policy: "default".to_owned(), key };
        self.store.create_app(app).await.unwrap();
    }

    /// The unix socket's path.
    pub(crate) fn socket(&self) -> std::path::PathBuf {
        self.folder.path().join("run").join("api.sock")
    }

    /// The code that the handset would show.
    pub(crate) async fn code(&self, id: &str) -> String {
        let id: OtpId = id.parse().unwrap();
        let (_, sealed) = self.store.sealed_code(&app_name("shop"), id).await.unwrap().unwrap();
        let code = self.store.site_key().open(id.as_bytes(), &sealed.unwrap()).unwrap();
        // What the request wanted the message to say is kept below it.
        code.expose().lines().next().unwrap().to_owned()
    }

    /// What the modem is given next; the network takes it.
    pub(crate) async fn sent_text(&self) -> String {
        let part = outgoing::take(&self.store, 1).await.unwrap();
        part.text.expose().to_owned()
    }

    /// Sends JSON with the shop's key.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.call(Method::POST, path, &[("x-api-key", KEY)], Some(body.to_string())).await
    }

    /// Asks with the shop's key.
    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path, &[("x-api-key", KEY)], None).await
    }

    /// Deletes with the shop's key.
    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.call(Method::DELETE, path, &[("x-api-key", KEY)], None).await
    }

    /// Sends any request; a body is sent as JSON unless the headers say otherwise.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: Option<String>,
    ) -> Reply {
        let stream = TcpStream::connect(self.address).await.unwrap();
        exchange(stream, method, path, headers, body).await
    }

    /// Writes these octets and reads all that comes back.
    pub(crate) async fn raw(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// A header's value; empty when it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The problem's code, after a look at what every problem has.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16(), "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.ends_with('.')), "{problem}");
        if matches!(self.status.as_u16(), 429 | 503) {
            // Who has no resends left waits in vain.
            let later = if problem["code"] == "no_resends_left" { "" } else { &problem["retry_after"].to_string() };
            assert_eq!(later, self.header("retry-after"), "{problem}");
        }
        problem["code"].as_str().unwrap().to_owned()
    }
}

/// One request on a connection of its own.
pub(crate) async fn exchange<T>(
    stream: T,
    method: Method,
    path: &str,
    headers: &[(&'static str, &str)],
    body: Option<String>,
) -> Reply
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut request = Request::builder().method(&method).uri(path);
    let map = request.headers_mut().unwrap();
    map.insert("host", HeaderValue::from_static("localhost"));
    if body.is_some() {
        map.insert("content-type", HeaderValue::from_static("application/json"));
    }
    for (name, value) in headers {
        map.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    }
    let request = request.body(Full::new(Bytes::from(body.unwrap_or_default()))).unwrap();
    let (parts, body) = sender.send_request(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let reply = Reply { status: parts.status, headers: parts.headers, body };
    description::judge(&method, path, &reply);
    reply
}

/// The name of an app.
pub(crate) fn app_name(name: &str) -> AppName {
    name.parse().unwrap()
}

/// What an API is made of that reaches nobody and asks no network.
pub(crate) fn parts(store: Store, policies: Policies, modems: watch::Receiver<Vec<ModemView>>) -> ApiParts {
    let (ussd, _) = Ussd::new(store.clock().clone(), ussd::Settings::default());
    ApiParts {
        store,
        policies,
        budget: BudgetSettings::default(),
        modems,
        unusable: None,
        ussd,
        reach: callback::Settings::default(),
        callbacks: Counters::default(),
    }
}

/// A modem in this state, with everything that can be told of one.
pub(crate) fn modem(name: &str, state: ModemState) -> ModemView {
    let ready = state == ModemState::Ready;
    ModemView {
        name: name.parse().unwrap(),
        state,
        reason: (!ready).then(|| "The SIM asks for its PIN.".to_owned()),
        advice: (!ready).then(|| "Put the PIN into pin-file.".to_owned()),
        since: "2026-05-04T08:12:44.001Z".parse().unwrap(),
        until: None,
        draining: false,
        manufacturer: Some("QUECTEL".to_owned()),
        model: Some("EC25".to_owned()),
        firmware: Some("EC25EFAR06A03M4G".to_owned()),
        family: Some("quectel"),
        imei: Some("490154203237518".parse().unwrap()),
        sim: Some(SimView {
            iccid: Some("8988211000000000001".parse().unwrap()),
            imsi: Some("001010123456789".parse().unwrap()),
        }),
        registration: Registration::Home,
        operator: Some("Example Mobile".to_owned()),
        signal_dbm: Some(-71),
        service_centre: Some("+15550000001".to_owned()),
        refused: None,
        phone_number: Some(PhoneNumber::parse("+15550000042").unwrap()),
        port: "/dev/smsotpd/m1".to_owned(),
        recovery: None,
        budget_left: BudgetLeft { minute: Some(14), hour: Some(187), day: Some(942) },
        in_flight: 1,
    }
}

/// The permission bits of a file.
pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
