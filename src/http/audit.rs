//! `GET /v1/audit`: what happened, for whoever has to know who did what.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::store::{Event, EventFilter};

use super::answers::{EveryCall, Refusals, WrongQuery};
use super::api::Shared;
use super::auth::{self, Caller};
use super::problem::Problem;
use super::query;

/// A page of the audit, newest first.
#[derive(Serialize, ToSchema)]
#[schema(as = Audit)]
pub(super) struct ListAnswer {
    events: Vec<Event>,
    /// What to give as `cursor` for the next page; null on the last.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// Read the audit
///
/// What happened, newest first, a page at a time: codes issued, checked, locked and refused, what became of messages,
/// apps and their keys, modems, opt-outs, policies. There are no codes, no texts and no whole numbers in it, and nothing
/// in it can be changed. A page can be short, or empty, before the last: a filter that hardly anything passes is followed
/// only so far at a time. Needs the scope `admin`.
#[utoipa::path(
    get, path = "/v1/audit", operation_id = "audit", tag = "events",
    params(
        ("app" = Option<String>, Query, description = "Only what one app did, or what happened to what is its own",
         pattern = "^[a-z0-9][a-z0-9_-]{0,39}$", example = "shop"),
        ("kind" = Option<String>, Query, description = "Only these types, separated by commas; `otp.*` for all of a kind",
         example = "otp.*,app.rotated"),
        ("since" = Option<String>, Query, description = "Only from this time on", format = DateTime,
         example = "2026-05-04T10:00:00Z"),
        ("until" = Option<String>, Query, description = "Only before this time", format = DateTime,
         example = "2026-05-05T10:00:00Z"),
        query::Page,
    ),
    responses(
        (status = 200, description = "A page of the audit", body = ListAnswer, example = json!(
            {"events": [super::openapi::example_rotated(), super::openapi::example_event()], "next_cursor": "c2a"}
        )),
        Refusals<(EveryCall<auth::Admin>, WrongQuery)>
    )
)]
pub(super) async fn list(
    State(shared): State<Shared>,
    _: Caller<auth::Admin>,
    uri: Uri,
) -> Result<Json<ListAnswer>, Problem> {
    let page = shared.store().events(filter(&uri)?).await?;
    Ok(Json(ListAnswer { events: page.items, next_cursor: page.next.map(|cursor| cursor.to_string()) }))
}

fn filter(uri: &Uri) -> Result<EventFilter, Problem> {
    let mut filter = EventFilter::default();
    for (name, value) in query::parameters(uri)? {
        match name.as_str() {
            "app" => {
                let app = value.parse().map_err(|_| Problem::invalid("app", "expected the name of an app"))?;
                filter.app = Some(app);
            }
            "kind" => filter.kinds = query::kinds("kind", &value)?,
            "since" => filter.since = Some(time("since", &value)?),
            "until" => filter.until = Some(time("until", &value)?),
            "limit" => filter.limit = query::limit(&value)?,
            "cursor" => filter.cursor = Some(query::cursor(&value)?),
            unknown => return Err(query::unknown(unknown)),
        }
    }
    Ok(filter)
}

/// A `+` of an offset that was not escaped arrives as a space.
fn time(name: &str, value: &str) -> Result<Timestamp, Problem> {
    let value = value.replace(' ', "+");
    value.parse().map_err(|_| Problem::invalid(name, "expected a time (RFC 3339), for example 2026-05-04T10:00:00Z"))
}
