//! What every request passes, whatever it asks for: the right host, a head and body of bounded size, an answer in time.
//!
//! Here, too, a request gets its number, a panic becomes an answer, and one line is logged: number, method, the route's
//! pattern, status and time. Never a header, query, body or path as it was sent: they hold keys, numbers and codes.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::auth::Peer;
use super::body;
use super::metrics::Metrics;
use super::problem::{Kind, Problem};

/// How long a request may take from its head to its answer. Callers give up after 3 or 5 seconds.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// The longest head that is served: address, header names and values together, in octets.
pub(super) const LONGEST_HEAD: usize = 16 * 1024;

/// Headers of which there is one at most: of two, another program on the way might have believed the other.
pub(super) const ONCE: [HeaderName; 5] = [
    header::HOST,
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("idempotency-key"),
];

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Marks an answer that tells a monitor the truth: nothing failed here, and it asks every few seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct NotReady;

/// What the gate needs to know.
#[derive(Debug)]
pub(super) struct Gate {
    hosts: Vec<String>,
    metrics: Arc<Metrics>,
    first_request: u64,
    requests: AtomicU64,
}

impl Gate {
    /// A gate that lets in requests for these hosts, beside the machine's own names.
    pub(super) fn new(hosts: Vec<String>, metrics: Arc<Metrics>) -> Self {
        // A number that a restart does not repeat, so that two log lines never share one.
        let first_request = u64::try_from(jiff::Timestamp::now().as_microsecond()).unwrap_or_default();
        Self { hosts, metrics, first_request, requests: AtomicU64::new(0) }
    }

    /// What keeps this request out.
    fn refusal(&self, request: &Request) -> Option<Problem> {
        let headers = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>();
        let address = request.uri().path().len() + request.uri().query().map_or(0, str::len);
        if headers + address > LONGEST_HEAD {
            return Some(Problem::new(Kind::HeadTooLarge));
        }
        if ONCE.iter().any(|name| request.headers().get_all(name).iter().nth(1).is_some()) {
            return Some(Problem::new(Kind::HeaderTwice));
        }
        (!self.is_for_us(request)).then(|| Problem::new(Kind::UnknownHost))
    }

    /// A web page can make a browser call any name that its owner lets point here (DNS rebinding); `Host` gives it
    /// away.
    fn is_for_us(&self, request: &Request) -> bool {
        if let Some(Peer::User(_)) = request.extensions().get() {
            return true;
        }
        let named = match request.uri().authority() {
            Some(authority) => Some(authority.as_str()),
            None => request.headers().get(header::HOST).and_then(|host| host.to_str().ok()),
        };
        named.and_then(without_port).is_some_and(|host| {
            let own = ["localhost", "127.0.0.1", "[::1]"].into_iter();
            own.chain(self.hosts.iter().map(String::as_str)).any(|known| known.eq_ignore_ascii_case(host))
        })
    }

    fn next_id(&self) -> String {
        format!("{:x}", self.first_request.wrapping_add(self.requests.fetch_add(1, Ordering::Relaxed)))
    }
}

/// `localhost:8687` → `localhost`, `[::1]:8687` → `[::1]`.
fn without_port(authority: &str) -> Option<&str> {
    let end = match authority.strip_prefix('[') {
        Some(rest) => rest.find(']')? + 2,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at(end);
    let port_fits = port.strip_prefix(':').map_or(port.is_empty(), |port| port.bytes().all(|b| b.is_ascii_digit()));
    (port_fits && !host.is_empty()).then_some(host)
}

/// Lets a request through to its handler, or answers for it.
pub(super) async fn pass(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = gate.next_id();
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let mut response = match gate.refusal(&request) {
        Some(problem) => problem.into_response(),
        None => {
            // What only looks has done nothing, whatever became of it.
            let late = if method.is_safe() { Kind::Busy } else { Kind::OutcomeUnknown };
            in_time(&id, late, answer(request, next)).await
        }
    };
    let status = response.status();
    gate.metrics.answered(status);
    let path = path.as_ref().map_or("-", MatchedPath::as_str);
    let duration_ms = started.elapsed().as_secs_f64() * 1e3;
    if status.is_server_error() && response.extensions().get::<NotReady>().is_none() {
        tracing::warn!(request_id = %id, %method, path, status = status.as_u16(), duration_ms, "answered");
    } else {
        tracing::debug!(request_id = %id, %method, path, status = status.as_u16(), duration_ms, "answered");
    }
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

async fn answer(request: Request, next: Next) -> Response {
    match body::arrived(request).await {
        Ok(request) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

async fn in_time(id: &str, late: Kind, answering: impl Future<Output = Response>) -> Response {
    match tokio::time::timeout(ANSWER_WITHIN, caught(answering)).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            // What it said is left out: it may quote the request.
            tracing::error!(request_id = %id, "a request handler panicked");
            Problem::new(Kind::Internal).into_response()
        }
        Err(_) => Problem::new(late).into_response(),
    }
}

/// The future's output, or what it panicked with.
async fn caught<T>(future: impl Future<Output = T>) -> Result<T, Box<dyn Any + Send>> {
    let mut future = pin!(future);
    // Nothing of the future is touched again after a panic, so no broken state is seen.
    std::future::poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_judged_without_its_port() {
        for (authority, host) in [
            ("localhost", Some("localhost")),
            ("localhost:8687", Some("localhost")),
            ("[::1]:8687", Some("[::1]")),
            ("[::1]", Some("[::1]")),
            ("localhost:80@evil.example", None),
            ("[::1", None),
            (":80", None),
            ("", None),
        ] {
            assert_eq!(without_port(authority), host, "{authority}");
        }
    }

    /// The answer to a request of this method whose handler never ends.
    async fn answer_to_a_hanging(method: &'static str) -> (u16, bool, serde_json::Value) {
        use axum::routing::any;
        use tower::ServiceExt;
        let gate = Arc::new(Gate::new(Vec::new(), Arc::new(Metrics::new(&crate::webhook::Counters::default()))));
        let router = axum::Router::new().route("/", any(async || std::future::pending::<()>().await));
        let router = router.layer(axum::middleware::from_fn_with_state(gate, pass));
        let request = Request::builder().method(method).uri("http://localhost/").body(axum::body::Body::empty());
        let response = router.oneshot(request.unwrap()).await.unwrap();
        let (status, later) = (response.status().as_u16(), response.headers().contains_key(header::RETRY_AFTER));
        let body = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
        (status, later, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn a_handler_that_hangs_is_answered_for_and_nothing_untrue_is_promised() {
        let (status, later, problem) = answer_to_a_hanging("POST").await;
        assert_eq!((status, later, &problem["code"]), (503, true, &"outcome_unknown".into()));
        assert!(problem["detail"].as_str().unwrap().contains("may have been carried out"), "{problem}");
        let (status, later, problem) = answer_to_a_hanging("GET").await;
        assert_eq!((status, later, &problem["code"]), (503, true, &"busy".into()));
    }

    #[tokio::test]
    async fn a_handler_that_panics_is_answered_for() {
        let response = in_time("1", Kind::Busy, async { panic!("with +15551234567 in its words") }).await;
        assert_eq!(response.status().as_u16(), 500);
        let body = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
        assert!(!String::from_utf8_lossy(&body).contains("555"));
    }
}
