//! `GET /v1/events`: what happens, as it happens (server-sent events, WHATWG HTML §9.2).
//!
//! A stream is fed by a task of its own: it is woken by the commit that something happened in, reads the log from where
//! it stands, and hands a piece at a time to the connection, so that a slow reader holds one piece and no more; one that
//! reads nothing is cut off by the connection. It ends with the daemon, and when its app's key stops working.
//!
//! Its one rule: a place in the log is passed only when what stands there was handed to the connection.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Uri, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::ids::{AppName, EventId};
use crate::store::{Event, Kind as EventKind, Reader, Scope};

use super::answers::{Crowded, EveryCall, Refusals, WrongQuery};
use super::api::Shared;
use super::auth::{self, Caller, Who};
use super::problem::{Kind, Problem};
use super::query;
use super::serve::Stopping;

/// How many events are handed over at a time.
const PIECE: usize = 100;
/// The least time between two looks at the log, however much happens.
const PACE: Duration = Duration::from_millis(100);
/// The pause between two looks at a part of the log that holds nothing for this stream: others read, too.
const BREATH: Duration = Duration::from_millis(10);
/// When nothing happens for so long, a comment says that the stream lives.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How many streams there are at once, and how many of one app.
pub(super) const MOST: usize = 32;
pub(super) const MOST_OF_ONE: usize = 8;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The streams there are, by app.
#[derive(Debug, Clone, Default)]
pub(super) struct Streams(Arc<Mutex<HashMap<AppName, usize>>>);

impl Streams {
    /// A place for one more stream of this app.
    fn place(&self, app: &AppName) -> Option<Place> {
        let mut streams = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_app = streams.get(app).copied().unwrap_or(0);
        if of_app >= MOST_OF_ONE || streams.values().sum::<usize>() >= MOST {
            return None;
        }
        streams.insert(app.clone(), of_app + 1);
        Some(Place { streams: self.clone(), app: app.clone() })
    }
}

/// A stream's place, free again when it is dropped.
struct Place {
    streams: Streams,
    app: AppName,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut streams = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_app) = streams.get_mut(&self.app) {
            *of_app -= 1;
            if *of_app == 0 {
                streams.remove(&self.app);
            }
        }
    }
}

/// Listen to events
///
/// Server-sent events: what happens from now on, each with its `id`, its type as `event`, and the JSON that callbacks
/// carry as `data`. An app hears of its own otps and messages, of what comes in, of the modems, and of prefixes and
/// countries in which hardly anybody verifies; one with the scope `admin` hears everything, also what is otherwise for the
/// audit only. After a break, the id of the last event heard, as `Last-Event-ID` or `after`, takes the stream up behind
/// it; browsers do that by themselves. A comment comes every 15 seconds when nothing happens. Needs the scope `read`.
#[utoipa::path(
    get, path = "/v1/events", operation_id = "listen", tag = "events",
    params(
        ("after" = Option<String>, Query, description = "Begin behind this event; without it, with what is new",
         pattern = "^evt_[0-9a-f]{32}$", example = "evt_0000019a4e1f2c3b000000000000002a"),
        ("types" = Option<String>, Query, description = "Only these, separated by commas; `otp.*` for all of a kind",
         example = "otp.*,modem.absent"),
        ("Last-Event-ID" = Option<String>, Header, description = "As `after`, and goes before it",
         pattern = "^evt_[0-9a-f]{32}$", example = "evt_0000019a4e1f2c3b000000000000002a"),
    ),
    responses(
        (status = 200, description = "The stream", body = String, content_type = "text/event-stream", examples(
            ("event" = (summary = "One event", value = json!(super::openapi::example_stream())))
        )),
        Refusals<(EveryCall<auth::Read>, WrongQuery, Crowded)>
    )
)]
pub(super) async fn listen(
    State(shared): State<Shared>,
    caller: Caller<auth::Read>,
    Ended(stop): Ended,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Problem> {
    let wanted = Wanted::read(&uri, &headers)?;
    let place = shared.streams.place(&caller.app.name).ok_or_else(|| Problem::new(Kind::TooManyStreams))?;
    let newest = *shared.store().newest_event().borrow();
    let reader = match caller.app.scopes.contains(&Scope::Admin) {
        true => Reader::Admin,
        false => Reader::App(caller.app.name.clone()),
    };
    // What was restored from a backup may have fewer events than the client has heard of.
    let seen = wanted.after.map_or(newest, |after| after.place().clamp(0, newest));
    let (to, pieces) = mpsc::channel(1);
    let feed = Feed { shared, who: caller.who, reader, kinds: wanted.kinds, seen, to };
    tokio::spawn(async move {
        let _ = stop.run_until_cancelled(feed.run()).await;
        drop(place);
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // A proxy that gathers answers would hold events back.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::new(Pieces(pieces))).into_response())
}

/// What a client asks for.
struct Wanted {
    after: Option<EventId>,
    kinds: Vec<EventKind>,
}

impl Wanted {
    fn read(uri: &Uri, headers: &HeaderMap) -> Result<Self, Problem> {
        let mut wanted = Self { after: None, kinds: Vec::new() };
        for (name, value) in query::parameters(uri)? {
            match name.as_str() {
                "after" => wanted.after = Some(event_id("after", &value)?),
                "types" => wanted.kinds = query::kinds("types", &value)?,
                unknown => return Err(query::unknown(unknown)),
            }
        }
        // A browser sends it with the address that it was first given, so it is the later of the two.
        if let Some(last) = headers.get(LAST_EVENT_ID).filter(|last| !last.is_empty()) {
            wanted.after = Some(event_id("Last-Event-ID", last.to_str().unwrap_or_default())?);
        }
        Ok(wanted)
    }
}

fn event_id(field: &str, value: &str) -> Result<EventId, Problem> {
    value.parse().map_err(|_| Problem::invalid(field, "expected the `id` of an event"))
}

/// When the daemon stops.
pub(super) struct Ended(CancellationToken);

impl<S: Sync> axum::extract::FromRequestParts<S> for Ended {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let Stopping(stop) = parts.extensions.get().cloned().unwrap_or_default();
        Ok(Self(stop))
    }
}

/// What feeds one stream.
struct Feed {
    shared: Shared,
    who: Who,
    reader: Reader,
    kinds: Vec<EventKind>,
    /// The last place in the log that was handed over.
    seen: i64,
    to: mpsc::Sender<Bytes>,
}

impl Feed {
    /// Runs until the client is gone or may not listen any more. What it missed it asks for when it comes again.
    async fn run(mut self) {
        let mut newest = self.shared.store().newest_event();
        // The head of the answer goes out with the first octets.
        let mut piece = Piece { octets: Bytes::from_static(b": this is smsotpd\nretry: 2000\n\n"), is_full: true };
        loop {
            if !self.may_listen().await || self.to.send(piece.octets).await.is_err() {
                return;
            }
            if !piece.is_full {
                tokio::time::sleep(PACE).await;
            }
            piece = match self.next(&mut newest).await {
                Some(piece) => piece,
                None => return,
            };
        }
    }

    /// Waits for what is to be sent next. `None` when the log cannot be read, or nobody listens any more.
    async fn next(&mut self, newest: &mut watch::Receiver<i64>) -> Option<Piece> {
        let alive_until = Instant::now() + HEARTBEAT;
        loop {
            let last = *newest.borrow_and_update();
            let piece = self.look().await?;
            if !piece.octets.is_empty() {
                return Some(piece);
            }
            let (looked, more) = (Instant::now(), self.seen < last);
            let pause = if more { BREATH } else { PACE };
            tokio::select! {
                () = self.to.closed() => return None,
                () = tokio::time::sleep_until(alive_until) => {
                    return Some(Piece { octets: Bytes::from_static(b":\n\n"), is_full: true });
                }
                changed = newest.changed(), if !more => changed.ok()?,
                () = std::future::ready(()), if more => {}
            }
            tokio::time::sleep_until(looked + pause).await;
        }
    }

    /// What is new in the next part of the log, if anything. `None` when the log cannot be read.
    async fn look(&mut self) -> Option<Piece> {
        let store = self.shared.store();
        let told = store.events_after(self.seen, self.reader.clone(), self.kinds.clone(), PIECE).await;
        let told = told.inspect_err(|error| tracing::warn!(%error, "a stream of events ends")).ok()?;
        self.seen = told.seen;
        let octets = told.events.iter().map(written).collect::<String>().into();
        Some(Piece { octets, is_full: told.events.len() == PIECE })
    }

    async fn may_listen(&self) -> bool {
        let app = self.shared.app(self.who).await;
        app.is_ok_and(|app| app.scopes.iter().any(|scope| matches!(scope, Scope::Read | Scope::Admin)))
    }
}

/// A piece of a stream.
struct Piece {
    octets: Bytes,
    /// Whether there may be more of it already.
    is_full: bool,
}

/// One event, as the stream has it.
fn written(event: &Event) -> String {
    let mut text = String::new();
    // Neither writing to a string nor plain data with string keys fails.
    let data = serde_json::to_string(event).unwrap_or_default();
    let _ = write!(text, "id: {}\nevent: {}\ndata: {data}\n\n", event.id, event.kind.as_str());
    text
}

/// The answer's body: the pieces as they come.
struct Pieces(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.get_mut().0.poll_recv(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}
