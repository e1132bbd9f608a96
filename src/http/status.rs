//! How the site is: `/healthz` (the process answers), `/readyz` (a code would go out now, else why not), `/v1/status`.
//!
//! The first two need no key, so that a supervisor or a load balancer can ask; they tell of modems and budgets, never
//! of recipients.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::store::SiteCounts;

use super::answers::{EveryCall, Open, Refusals};
use super::api::Shared;
use super::auth::{self, Caller};
use super::gate::NotReady;
use super::modems::{ModemState, ModemView};
use super::problem::{Document, Problem};
use super::readiness::Readiness;

/// What a load balancer is told to wait before it asks again, in seconds.
const ASK_AGAIN: &str = "5";

/// The process answers.
#[derive(Serialize, ToSchema)]
pub(super) struct Alive {
    /// Always true.
    alive: bool,
}

/// How the site is.
#[derive(Serialize, ToSchema)]
pub(super) struct Status {
    /// The daemon's version.
    version: &'static str,
    /// For how long it has run, in seconds.
    uptime_seconds: u64,
    /// Its clock.
    #[schema(value_type = String, format = DateTime)]
    now: Timestamp,
    #[schema(inline)]
    queue: Queue,
    /// How many codes can be verified.
    pending_otps: u64,
    /// The modems, in short.
    modems: Vec<ModemSummary>,
    #[schema(inline)]
    readiness: Readiness,
}

/// How many messages are not finished.
#[derive(Serialize, ToSchema)]
struct Queue {
    /// Waiting for a modem.
    queued: u64,
    /// With a modem.
    sending: u64,
    /// Given to a modem that did not answer.
    in_doubt: u64,
}

/// A modem in short.
#[derive(Serialize, ToSchema)]
struct ModemSummary {
    /// Its name.
    name: String,
    #[schema(inline)]
    state: ModemState,
    /// Why it is not ready.
    #[schema(required = true)]
    reason: Option<String>,
    /// What to do about that.
    #[schema(required = true)]
    advice: Option<String>,
}

/// The counts by the names that messages' states have in the API.
pub(super) fn by_status(counts: &SiteCounts) -> [(&'static str, u64); 3] {
    [("queued", counts.queued), ("sending", counts.sending), ("in_doubt", counts.in_doubt)]
}

/// Does the process answer?
///
/// For a supervisor. Needs no key.
#[utoipa::path(
    get, path = "/healthz", tag = "site", security(()),
    responses((status = 200, description = "It does", body = Alive, example = json!({"alive": true})), Refusals<Open>)
)]
pub(super) async fn healthz() -> Json<Alive> {
    Json(Alive { alive: true })
}

/// Would a code be sent now?
///
/// If not, why, in words, and what to do. Needs no key.
#[utoipa::path(
    get, path = "/readyz", tag = "site", security(()),
    responses(
        Refusals<Open>,
        (status = 200, description = "It would", body = Readiness,
         example = json!({"ready": true, "reasons": [], "warnings": []})),
        (status = 503, description = "It would not", content(
            (Readiness = "application/json", example = json!(super::openapi::example_not_ready())),
            (Document<'static> = "application/problem+json", example = json!(super::openapi::example_busy())),
        ), headers(("Retry-After" = u64, description = "Seconds after which to ask again"))),
    )
)]
pub(super) async fn readyz(State(shared): State<Shared>) -> Response {
    let readiness = Readiness::now(&shared, &shared.modems()).await;
    if readiness.ready {
        Json(readiness).into_response()
    } else {
        let head = (Extension(NotReady), [(header::RETRY_AFTER, ASK_AGAIN)]);
        (StatusCode::SERVICE_UNAVAILABLE, head, Json(readiness)).into_response()
    }
}

/// How is the site?
///
/// Version, queue and modems at one glance.
#[utoipa::path(
    get, path = "/v1/status", operation_id = "site_status", tag = "site",
    responses(
        (status = 200, description = "How it is", body = Status, example = json!(super::openapi::example_status())),
        Refusals<EveryCall<auth::Read>>
    )
)]
pub(super) async fn status(State(shared): State<Shared>, _: Caller<auth::Read>) -> Result<Json<Status>, Problem> {
    let counts = shared.store().counts().await?;
    let modems = shared.modems();
    Ok(Json(Status {
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: shared.uptime().as_secs(),
        now: shared.store().clock().wall(),
        queue: Queue { queued: counts.queued, sending: counts.sending, in_doubt: counts.in_doubt },
        pending_otps: counts.pending_otps,
        readiness: Readiness::now(&shared, &modems).await,
        modems: modems.into_iter().map(ModemSummary::from).collect(),
    }))
}

impl From<ModemView> for ModemSummary {
    fn from(view: ModemView) -> Self {
        Self { name: view.name.to_string(), state: view.state, reason: view.reason, advice: view.advice }
    }
}
