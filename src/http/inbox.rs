//! `/v1/inbox`: what people write to the SIMs.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::ids::InboxId;
use crate::phone::{PhoneNumber, Sender};
use crate::store::{InboxFilter, InboxMessage, Scope};

use super::answers::{EveryCall, NoSuch, Refusals, WrongQuery};
use super::api::Shared;
use super::auth::{self, Caller};
use super::fields::Named;
use super::problem::{Kind, Problem};
use super::query;

/// A message that came in.
#[derive(Serialize, ToSchema)]
#[schema(as = InboxMessage)]
pub(super) struct InboxAnswer {
    /// Its name in all other calls.
    #[schema(pattern = "^in_[0-9a-f]{32}$")]
    id: String,
    /// Who sent it: a number, a short code or a name. A number is masked unless the app has the scope `admin`.
    from: String,
    /// What it says, as far as its parts have come; null when it is no text.
    #[schema(required = true)]
    text: Option<String>,
    /// How many parts it has.
    parts: u8,
    /// How many of them have not come in a day; 0 for a message that is whole.
    missing: u8,
    /// The modem it came through.
    modem: String,
    /// When the carrier took it from its sender; null when that is not told.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    sent_at: Option<Timestamp>,
    /// When the first part of it came in.
    #[schema(value_type = String, format = DateTime)]
    received_at: Timestamp,
}

/// A page of the inbox, newest first.
#[derive(Serialize, ToSchema)]
#[schema(as = Inbox)]
pub(super) struct ListAnswer {
    messages: Vec<InboxAnswer>,
    /// What to give as `cursor` for the next page; null on the last.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

impl InboxAnswer {
    fn new(message: InboxMessage, in_full: bool) -> Self {
        let from = if in_full { message.sender.in_full().to_owned() } else { message.sender.to_string() };
        Self {
            id: message.id.to_string(),
            from,
            text: message.text.map(|text| text.expose().to_owned()),
            parts: message.parts,
            missing: message.missing,
            modem: message.modem.to_string(),
            sent_at: message.sent_at,
            received_at: message.received_at,
        }
    }
}

/// Read the inbox
///
/// What came in at all modems, a page at a time: the message that became whole last comes first; one that lacks a part is
/// shown after a day. The last 10,000 SMS are kept, and 1,000 of one sender.
#[utoipa::path(
    get, path = "/v1/inbox", operation_id = "list_inbox", tag = "inbox",
    params(
        ("from" = Option<String>, Query, description = "Only those from this number, short code or name",
         example = "+15551234567"),
        query::Page,
    ),
    responses(
        (status = 200, description = "A page of the inbox", body = ListAnswer,
         example = json!({"messages": [super::openapi::example_inbox()], "next_cursor": null})),
        Refusals<(EveryCall<auth::Read>, WrongQuery)>
    )
)]
pub(super) async fn list(
    State(shared): State<Shared>,
    caller: Caller<auth::Read>,
    uri: Uri,
) -> Result<Json<ListAnswer>, Problem> {
    let page = shared.store().inbox(filter(&uri)?).await?;
    let in_full = caller.app.scopes.contains(&Scope::Admin);
    Ok(Json(ListAnswer {
        messages: page.items.into_iter().map(|message| InboxAnswer::new(message, in_full)).collect(),
        next_cursor: page.next.map(|cursor| cursor.to_string()),
    }))
}

fn filter(uri: &Uri) -> Result<InboxFilter, Problem> {
    let mut filter = InboxFilter::default();
    for (name, value) in query::parameters(uri)? {
        match name.as_str() {
            "from" => filter.sender = Some(sender(&query::with_plus(&value))),
            "limit" => filter.limit = query::limit(&value)?,
            "cursor" => filter.cursor = Some(query::cursor(&value)?),
            unknown => return Err(query::unknown(unknown)),
        }
    }
    Ok(filter)
}

/// A number may be written in any of its ways; what is none is a short code or a name.
fn sender(text: &str) -> Sender {
    Sender::new(PhoneNumber::parse(text).map_or_else(|_| text.to_owned(), |number| number.e164()))
}

/// Remove a message from the inbox
///
/// It is gone for everybody. Needs the scope `admin`.
#[utoipa::path(
    delete, path = "/v1/inbox/{id}", operation_id = "remove_inbox_message", tag = "inbox",
    params(Named<InboxId>),
    responses((status = 204, description = "It is gone"), Refusals<(EveryCall<auth::Admin>, NoSuch)>)
)]
pub(super) async fn remove(
    State(shared): State<Shared>,
    _: Caller<auth::Admin>,
    Named(id): Named<InboxId>,
) -> Result<StatusCode, Problem> {
    let removed = shared.store().inbox_remove(id).await?;
    if removed { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::new(Kind::NoSuchThing)) }
}
