//! `/v1/safe-list`: the numbers that neither the guard nor the limits look at.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::store::SafeNumber;

use super::answers::{EveryCall, NoSuch, Refusals, WrongQuery};
use super::api::Shared;
use super::auth::{self, Caller};
use super::fields::NumberInPath;
use super::problem::{Kind, Problem};
use super::query;

/// A number on the safe list.
#[derive(Serialize, ToSchema)]
#[schema(as = SafeNumber)]
pub(super) struct SafeAnswer {
    /// The number, masked.
    number: String,
    /// Since when it is there.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
}

/// A page of the list, newest first.
#[derive(Serialize, ToSchema)]
#[schema(as = SafeList)]
pub(super) struct ListAnswer {
    numbers: Vec<SafeAnswer>,
    /// What to give as `cursor` for the next page; null on the last.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

impl From<SafeNumber> for SafeAnswer {
    fn from(entry: SafeNumber) -> Self {
        Self { number: entry.number.to_string(), since: entry.since }
    }
}

/// List the safe numbers
///
/// Newest first, a page at a time. Needs the scope `admin`.
#[utoipa::path(
    get, path = "/v1/safe-list", operation_id = "list_safe_numbers", tag = "guard",
    params(query::Page),
    responses(
        (status = 200, description = "A page of the list", body = ListAnswer,
         example = json!({"numbers": [super::openapi::example_safe_number()], "next_cursor": null})),
        Refusals<(EveryCall<auth::Admin>, WrongQuery)>
    )
)]
pub(super) async fn list(
    State(shared): State<Shared>,
    _: Caller<auth::Admin>,
    uri: Uri,
) -> Result<Json<ListAnswer>, Problem> {
    let (limit, cursor) = query::page(&uri)?;
    let page = shared.store().safe_list(limit, cursor).await?;
    Ok(Json(ListAnswer {
        numbers: page.items.into_iter().map(SafeAnswer::from).collect(),
        next_cursor: page.next.map(|cursor| cursor.to_string()),
    }))
}

/// Look whether a number is on the safe list
///
/// Needs the scope `admin`.
#[utoipa::path(
    get, path = "/v1/safe-list/{number}", operation_id = "get_safe_number", tag = "guard",
    params(NumberInPath),
    responses(
        (status = 200, description = "It is", body = SafeAnswer, example = json!(super::openapi::example_safe_number())),
        Refusals<(EveryCall<auth::Admin>, NoSuch, WrongQuery)>
    )
)]
pub(super) async fn get(
    State(shared): State<Shared>,
    _: Caller<auth::Admin>,
    NumberInPath(number): NumberInPath,
) -> Result<Json<SafeAnswer>, Problem> {
    let found = shared.store().on_safe_list(&number).await?;
    Ok(Json(found.ok_or_else(|| Problem::new(Kind::NoSuchThing))?.into()))
}

/// Put a number on the safe list
///
/// Neither the guard nor the limits of a policy count for it from then on; an opt-out and the SIMs' budgets do. Needs the
/// scope `admin`.
#[utoipa::path(
    put, path = "/v1/safe-list/{number}", operation_id = "put_safe_number", tag = "guard",
    params(NumberInPath),
    responses(
        (status = 200, description = "It is on the list", body = SafeAnswer,
         example = json!(super::openapi::example_safe_number())),
        Refusals<(EveryCall<auth::Admin>, WrongQuery)>
    )
)]
pub(super) async fn put(
    State(shared): State<Shared>,
    caller: Caller<auth::Admin>,
    NumberInPath(number): NumberInPath,
) -> Result<Json<SafeAnswer>, Problem> {
    Ok(Json(shared.store().put_on_safe_list(&number, &caller.app.name).await?.into()))
}

/// Take a number off the safe list
///
/// Needs the scope `admin`.
#[utoipa::path(
    delete, path = "/v1/safe-list/{number}", operation_id = "remove_safe_number", tag = "guard",
    params(NumberInPath),
    responses((status = 204, description = "It is not on the list any more"), Refusals<(EveryCall<auth::Admin>, NoSuch, WrongQuery)>)
)]
pub(super) async fn remove(
    State(shared): State<Shared>,
    caller: Caller<auth::Admin>,
    NumberInPath(number): NumberInPath,
) -> Result<StatusCode, Problem> {
    let removed = shared.store().take_off_safe_list(&number, &caller.app.name).await?;
    if removed { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::new(Kind::NoSuchThing)) }
}
