//! The whole API on one page.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::api::{Api, Shared};
use super::gate::{self, Gate};
use super::metrics::Metrics;
use super::openapi::{self, Open};
use super::problem::{Kind, Problem};
use super::{audit, balance, callbacks, events, inbox, messages, metrics, modems, optouts, otps, status, ussd};

/// Every call, by path. What a call needs of its caller stands in its handler's arguments.
fn calls() -> OpenApiRouter<Shared> {
    OpenApiRouter::with_openapi(openapi::heading())
        .routes(routes!(otps::issue))
        .routes(routes!(otps::get, otps::cancel))
        .routes(routes!(otps::verify))
        .routes(routes!(otps::verify_by_number))
        .routes(routes!(otps::resend))
        .routes(routes!(messages::send, messages::list))
        .routes(routes!(messages::get, messages::cancel))
        .routes(routes!(inbox::list))
        .routes(routes!(inbox::remove))
        .routes(routes!(optouts::list))
        .routes(routes!(optouts::put, optouts::remove))
        .routes(routes!(events::listen))
        .routes(routes!(audit::list))
        .routes(routes!(callbacks::list))
        .routes(routes!(callbacks::replay))
        .routes(routes!(callbacks::replay_all))
        .routes(routes!(modems::list))
        .routes(routes!(modems::drain))
        .routes(routes!(modems::resume))
        .routes(routes!(ussd::ask))
        .routes(routes!(ussd::get))
        .routes(routes!(balance::list))
        .routes(routes!(status::status))
        .routes(routes!(status::healthz))
        .routes(routes!(status::readyz))
        .routes(routes!(metrics::metrics))
        .routes(routes!(description))
}

/// The API, ready for [`super::serve()`].
pub fn router(api: Api) -> Router {
    let (calls, document) = calls().split_for_parts();
    let document = openapi::complete(document, api.policies());
    // Plain data with string keys always serialises.
    let document = Bytes::from(document.to_json().unwrap_or_default());
    let metrics = Arc::new(Metrics::new(&api.callbacks));
    let gate = Arc::new(Gate::new(api.hosts.clone(), Arc::clone(&metrics)));
    calls
        .fallback(async || Problem::new(Kind::NoSuchPath))
        .method_not_allowed_fallback(async || Problem::new(Kind::MethodNotAllowed))
        .layer(from_fn_with_state(gate, gate::pass))
        .with_state(Shared::new(api, metrics, document))
}

/// This description
///
/// The OpenAPI document of the API. Needs no key.
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "openapi", tag = "site", security(()),
    responses((status = 200, description = "OpenAPI 3.1", body = Object, example = json!({"openapi": "3.1.0"})), Open)
)]
async fn description(State(shared): State<Shared>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], shared.document.clone()).into_response()
}
