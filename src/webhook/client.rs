//! One POST to a receiver: signed, with a bound on its time and on what is read of the answer.
//!
//! Connections are kept for a while and used again. Those for URLs that the operator wrote and those for URLs of requests
//! are never mixed, as the first may lead where the second may not. Nothing of TLS is set up before it is needed.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::connector::{ConnectError, Connector};
use super::schedule::Answer;
use super::signature::{ID, SIGNATURE, TIMESTAMP, signature};
use crate::callback::{self, Source};
use crate::clock::Timestamp;
use crate::store::Delivery;

/// How long a try may take, from the name's lookup to the answer's head.
const WITHIN: Duration = Duration::from_secs(15);
/// How long, and how much, of an answer is read, so that its connection can be used again.
const REST_WITHIN: Duration = Duration::from_secs(1);
const MOST_READ: usize = 64 * 1024;
/// How long a connection is kept without a use, and how many to one host.
const KEPT: Duration = Duration::from_secs(30);
const KEPT_TO_ONE: usize = 2;
/// How long the system's certificates are taken as they were read.
const CERTIFICATES_FOR: Duration = Duration::from_secs(24 * 3600);

const USER_AGENT: &str = concat!("smsotpd/", env!("CARGO_PKG_VERSION"));

type Plain = legacy::Client<Connector, Full<Bytes>>;
type Secured = legacy::Client<HttpsConnector<Connector>, Full<Bytes>>;

/// Why a try had no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// In a few words that quote nothing.
    pub(super) reason: String,
    /// Nobody was there: nothing was sent.
    pub(super) unreached: bool,
}

/// Sends callbacks.
#[derive(Debug)]
pub(super) struct Client {
    operators: Ways,
    requests: Ways,
}

/// The connections for the URLs of one source.
#[derive(Debug)]
struct Ways {
    connector: Connector,
    plain: Plain,
    /// With certificates that were read at this time.
    secured: Mutex<Option<(Instant, Secured)>>,
}

impl Client {
    pub(super) fn new(settings: callback::Settings) -> Self {
        let settings = Arc::new(settings);
        let ways = |source| Ways::new(Connector::new(Arc::clone(&settings), source));
        Self { operators: ways(Source::Operator), requests: ways(Source::Request) }
    }

    /// Sends an event to its receiver, at this time by the wall clock.
    pub(super) async fn send(&self, delivery: &Delivery, wall: Timestamp) -> Result<Answer, Failure> {
        let ways = match delivery.source {
            Source::Operator => &self.operators,
            Source::Request => &self.requests,
        };
        let exchange = tokio::time::timeout(WITHIN, ways.exchange(delivery, wall)).await;
        let response =
            exchange.unwrap_or_else(|_| Err(Failure::after(format!("no answer within {} s", WITHIN.as_secs()))))?;
        let answer = Answer { status: response.status().as_u16(), retry_after: retry_after(response.headers()) };
        let rest = Limited::new(response.into_body(), MOST_READ);
        // The status counts, whatever becomes of the rest.
        let _ = tokio::time::timeout(REST_WITHIN, rest.collect()).await;
        Ok(answer)
    }
}

impl Ways {
    fn new(connector: Connector) -> Self {
        Self { plain: builder().build(connector.clone()), connector, secured: Mutex::default() }
    }

    async fn exchange(&self, delivery: &Delivery, wall: Timestamp) -> Result<http::Response<Incoming>, Failure> {
        let request = request(delivery, wall).map_err(|_| Failure::before("the URL cannot be used".to_owned()))?;
        let response = if delivery.url.is_plain() {
            self.plain.request(request).await
        } else {
            self.secured().await?.request(request).await
        };
        response.map_err(|error| Failure::of(&error))
    }

    /// The client for TLS, with the certificates that the system trusts today.
    async fn secured(&self) -> Result<Secured, Failure> {
        let mut secured = self.secured.lock().await;
        if let Some((_, client)) = secured.as_ref().filter(|(since, _)| since.elapsed() < CERTIFICATES_FOR) {
            return Ok(client.clone());
        }
        let read = tokio::task::spawn_blocking(|| HttpsConnectorBuilder::new().with_native_roots()).await;
        let Ok(Ok(connector)) = read else {
            return Err(Failure::before("the system's certificates cannot be read (ca-certificates)".to_owned()));
        };
        let connector = connector.https_only().enable_http1().wrap_connector(self.connector.clone());
        let client: Secured = builder().build(connector);
        *secured = Some((Instant::now(), client.clone()));
        Ok(client)
    }
}

fn builder() -> legacy::Builder {
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    builder.pool_timer(TokioTimer::new()).pool_idle_timeout(KEPT).pool_max_idle_per_host(KEPT_TO_ONE);
    builder
}

fn request(delivery: &Delivery, wall: Timestamp) -> http::Result<Request<Full<Bytes>>> {
    let (id, timestamp) = (delivery.event.id.to_string(), wall.as_second().to_string());
    // An event has only strings, numbers and maps of them, which always serialise.
    let body = serde_json::to_vec(&delivery.event).unwrap_or_default();
    let signature = signature(&delivery.secrets, &id, &timestamp, &body);
    Request::post(delivery.url.as_str())
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, USER_AGENT)
        .header(ID, id)
        .header(TIMESTAMP, timestamp)
        .header(SIGNATURE, signature)
        .body(Full::from(body))
}

/// Only seconds are taken: a date would have to be judged by a clock that may be wrong.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// Why TLS did not come about, by what the library says: in words of our own, as it repeats what the other side sent.
fn insecure(said: &str) -> &'static str {
    let kinds = [
        ("certificate not valid for name", "the receiver's certificate is for another name"),
        ("UnknownIssuer", "the receiver's certificate is from an authority that this machine does not know"),
        ("certificate expired", "the receiver's certificate has expired, or this machine's clock is wrong"),
        ("certificate not valid yet", "the receiver's certificate is not valid yet, or this machine's clock is wrong"),
        ("invalid peer certificate", "the receiver's certificate is not accepted"),
        ("received fatal alert", "the receiver ended it"),
    ];
    let known = kinds.into_iter().find(|(words, _)| said.contains(words));
    known.map_or("the receiver dropped the connection, or does not speak TLS", |(_, kind)| kind)
}

impl Failure {
    fn before(reason: String) -> Self {
        Self { reason, unreached: true }
    }

    fn after(reason: String) -> Self {
        Self { reason, unreached: false }
    }

    /// Finds what a person can use in an error and the errors that it came from.
    fn of(error: &legacy::Error) -> Self {
        let mut cause: Option<&(dyn Error + 'static)> = error.source();
        while let Some(error_below) = cause {
            if let Some(error) = error_below.downcast_ref::<ConnectError>() {
                return Self::before(error.to_string());
            }
            if let Some(io_error) = error_below.downcast_ref::<io::Error>() {
                return match error.is_connect() {
                    true => Self::before(format!("no secure connection: {}", insecure(&io_error.to_string()))),
                    false => Self::after(format!("the receiver dropped the connection: {}", io_error.kind())),
                };
            }
            cause = error_below.source();
        }
        match error.is_connect() {
            true => Self::before("the receiver cannot be reached".to_owned()),
            false => {
                Self::after("the receiver dropped the connection or answered something that is not HTTP".to_owned())
            }
        }
    }
}
