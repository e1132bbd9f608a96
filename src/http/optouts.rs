//! `/v1/opt-outs`: the numbers that want no messages. They come onto the list by a STOP from the number, or here.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::store::OptOut;

use super::answers::{EveryCall, NoSuch, Refusals, WrongQuery};
use super::api::Shared;
use super::auth::{self, Caller};
use super::fields::NumberInPath;
use super::problem::{Kind, Problem};
use super::query;

/// A number that wants no messages.
#[derive(Serialize, ToSchema)]
#[schema(as = OptOut)]
pub(super) struct OptOutAnswer {
    /// The number, masked.
    number: String,
    #[schema(inline)]
    source: Source,
    /// Since when it is there.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
}

/// How a number came onto the list.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Source {
    /// A message from it was one of the words that stop.
    Message,
    /// It was put there by this API.
    Api,
}

/// A page of the list, newest first.
#[derive(Serialize, ToSchema)]
#[schema(as = OptOutList)]
pub(super) struct ListAnswer {
    opt_outs: Vec<OptOutAnswer>,
    /// What to give as `cursor` for the next page; null on the last.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

impl From<OptOut> for OptOutAnswer {
    fn from(entry: OptOut) -> Self {
        let source = if entry.by_word { Source::Message } else { Source::Api };
        Self { number: entry.number.to_string(), source, since: entry.since }
    }
}

/// List the opt-outs
///
/// The numbers that want no messages, newest first, a page at a time. Needs the scope `admin`.
#[utoipa::path(
    get, path = "/v1/opt-outs", operation_id = "list_opt_outs", tag = "inbox",
    params(query::Page),
    responses(
        (status = 200, description = "A page of the list", body = ListAnswer,
         example = json!({"opt_outs": [super::openapi::example_opt_out()], "next_cursor": null})),
        Refusals<(EveryCall<auth::Admin>, WrongQuery)>
    )
)]
pub(super) async fn list(
    State(shared): State<Shared>,
    _: Caller<auth::Admin>,
    uri: Uri,
) -> Result<Json<ListAnswer>, Problem> {
    let (limit, cursor) = query::page(&uri)?;
    let page = shared.store().opt_outs(limit, cursor).await?;
    Ok(Json(ListAnswer {
        opt_outs: page.items.into_iter().map(OptOutAnswer::from).collect(),
        next_cursor: page.next.map(|cursor| cursor.to_string()),
    }))
}

/// Put a number on the list
///
/// Nothing is accepted for it from then on, and what waits for it is withdrawn. Needs the scope `admin`.
#[utoipa::path(
    put, path = "/v1/opt-outs/{number}", operation_id = "opt_out", tag = "inbox",
    params(NumberInPath),
    responses(
        (status = 200, description = "It is on the list", body = OptOutAnswer,
         example = json!(super::openapi::example_opt_out())),
        Refusals<(EveryCall<auth::Admin>, WrongQuery)>
    )
)]
pub(super) async fn put(
    State(shared): State<Shared>,
    caller: Caller<auth::Admin>,
    NumberInPath(number): NumberInPath,
) -> Result<Json<OptOutAnswer>, Problem> {
    Ok(Json(shared.store().opt_out(&number, &caller.app.name).await?.into()))
}

/// Take a number off the list
///
/// As a START from it does. Needs the scope `admin`.
#[utoipa::path(
    delete, path = "/v1/opt-outs/{number}", operation_id = "opt_in", tag = "inbox",
    params(NumberInPath),
    responses((status = 204, description = "It is not on the list any more"), Refusals<(EveryCall<auth::Admin>, NoSuch, WrongQuery)>)
)]
pub(super) async fn remove(
    State(shared): State<Shared>,
    caller: Caller<auth::Admin>,
    NumberInPath(number): NumberInPath,
) -> Result<StatusCode, Problem> {
    let removed = shared.store().opt_in(&number, &caller.app.name).await?;
    removed.map(|_| StatusCode::NO_CONTENT).ok_or_else(|| Problem::new(Kind::NoSuchThing))
}
