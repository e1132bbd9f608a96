//! `/v1/callbacks`: events that wait for their receivers, those that were given up, and trying these again.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn, PathsBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::Type;
use utoipa::openapi::{HttpMethod, ObjectBuilder, PathItem, Paths, Ref, Required};

use crate::clock::Timestamp;
use crate::ids::AppName;
use crate::store::{App, CallbackFilter, CallbackId, CallbackStatus, CallbackView, PageSize, Scope};

use super::answers::{EveryCall, NoSuch, Refusals, WithBody, WithoutBody, WrongQuery};
use super::api::Shared;
use super::auth::{self, Caller};
use super::body::{JsonBody, NoBody};
use super::fields::Named;
use super::openapi::example_event;
use super::problem::{Kind, Problem};
use super::query;

/// An event on its way to one receiver.
#[derive(Serialize, ToSchema)]
#[schema(as = Callback)]
pub(super) struct CallbackAnswer {
    /// Its name in the other calls.
    #[schema(pattern = "^cb_[0-9a-f]{32}$")]
    id: String,
    /// The event's id: the receiver gets it as `webhook-id`, each time.
    #[schema(pattern = "^evt_[0-9a-f]{32}$")]
    event: String,
    /// What happened.
    r#type: &'static str,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    happened_at: Timestamp,
    /// Whose event it is.
    app: String,
    /// Where it goes: scheme, host and port. The rest of the URL may hold a token.
    url: String,
    #[schema(inline)]
    status: CallbackStatus,
    /// How often it was tried.
    tries: u32,
    /// When it is tried next; null when it is not, or when an event before it goes first.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    next_try_at: Option<Timestamp>,
    /// Why the last try failed; null before the first.
    #[schema(required = true)]
    reason: Option<String>,
}

/// A page of callbacks, newest first.
#[derive(Serialize, ToSchema)]
#[schema(as = CallbackList)]
pub(super) struct ListAnswer {
    callbacks: Vec<CallbackAnswer>,
    /// What to give as `cursor` for the next page; null on the last. A page may hold fewer than asked for though there
    /// are more.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// Which of those that were given up are to be tried again: all that match what is given.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CallbackReplayRequest, example = json!({"url": "https://app.example.org/sms-events"}))]
pub(super) struct ReplayBody {
    /// Those of this app. An app without the scope `admin` has only its own.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[a-z0-9][a-z0-9_-]{0,39}$", example = "shop")]
    app: Option<AppName>,
    /// Those for this URL, or for what is below it: scheme, host and port are enough, as the list shows them.
    #[serde(default)]
    #[schema(example = "https://app.example.org/sms-events")]
    url: Option<String>,
    /// Only those behind where the call before has ended: its `next_cursor`.
    #[serde(default)]
    #[schema(pattern = "^c[1-9a-f][0-9a-f]{0,14}$", example = "c1f")]
    cursor: Option<String>,
}

/// How many are tried again.
#[derive(Serialize, ToSchema)]
#[schema(as = CallbackReplay)]
pub(super) struct ReplayAnswer {
    /// So many callbacks.
    replayed: usize,
    /// What to give as `cursor` to go on, as one call does some thousands; null when that was all.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

impl CallbackAnswer {
    fn new(view: CallbackView, shared: &Shared) -> Self {
        let clock = shared.store().clock();
        Self {
            id: view.id.to_string(),
            event: view.event.to_string(),
            r#type: view.kind.as_str(),
            happened_at: view.happened_at,
            app: view.app.to_string(),
            url: view.url.to_string(),
            status: view.status,
            tries: view.tries,
            next_try_at: view.next_try.and_then(|moment| {
                let at = clock.wall().checked_add(moment.since(clock.now())).ok()?;
                at.round(jiff::Unit::Millisecond).ok()
            }),
            reason: view.reason,
        }
    }
}

/// The app whose callbacks this one sees; `None` for all.
fn seen_by(app: &App) -> Option<AppName> {
    (!app.scopes.contains(&Scope::Admin)).then(|| app.name.clone())
}

/// List callbacks
///
/// Events that their receivers do not have: those that wait, or those that were tried for a day and given up, which are
/// kept for 30 days. The app's own; with the scope `admin`, those of all apps.
#[utoipa::path(
    get, path = "/v1/callbacks", operation_id = "list_callbacks", tag = "events",
    params(
        ("status" = inline(Option<CallbackStatus>), Query, description = "Those in this state; default `dead`",
         example = "dead"),
        query::Page,
    ),
    responses(
        (status = 200, description = "A page of callbacks", body = ListAnswer,
         example = json!({"callbacks": [super::openapi::example_callback()], "next_cursor": null})),
        Refusals<(EveryCall<auth::Read>, WrongQuery)>
    )
)]
pub(super) async fn list(
    State(shared): State<Shared>,
    caller: Caller<auth::Read>,
    uri: Uri,
) -> Result<Json<ListAnswer>, Problem> {
    let page = shared.store().callbacks(filter(&uri, seen_by(&caller.app))?).await?;
    Ok(Json(ListAnswer {
        callbacks: page.items.into_iter().map(|view| CallbackAnswer::new(view, &shared)).collect(),
        next_cursor: page.next.map(|cursor| cursor.to_string()),
    }))
}

fn filter(uri: &Uri, app: Option<AppName>) -> Result<CallbackFilter, Problem> {
    let mut filter = CallbackFilter { app, status: CallbackStatus::Dead, limit: PageSize::default(), cursor: None };
    for (name, value) in query::parameters(uri)? {
        match (name.as_str(), value.as_str()) {
            ("status", "dead") => filter.status = CallbackStatus::Dead,
            ("status", "waiting") => filter.status = CallbackStatus::Waiting,
            ("status", _) => return Err(Problem::invalid("status", "expected `dead` or `waiting`")),
            ("limit", value) => filter.limit = query::limit(value)?,
            ("cursor", value) => filter.cursor = Some(query::cursor(value)?),
            (unknown, _) => return Err(query::unknown(unknown)),
        }
    }
    Ok(filter)
}

/// Try a callback again
///
/// One that was given up gets another day, beginning now. Its id and content stay as they were.
#[utoipa::path(
    post, path = "/v1/callbacks/{id}/replay", operation_id = "replay_callback", tag = "events",
    params(Named<CallbackId>),
    responses(
        (status = 202, description = "It will be tried", body = ReplayAnswer,
         example = json!({"replayed": 1, "next_cursor": null})),
        Refusals<(EveryCall<auth::Read>, NoSuch, WithoutBody)>
    )
)]
pub(super) async fn replay(
    State(shared): State<Shared>,
    caller: Caller<auth::Read>,
    Named(id): Named<CallbackId>,
    _: NoBody,
) -> Result<(StatusCode, Json<ReplayAnswer>), Problem> {
    match shared.store().replay_callback(seen_by(&caller.app).as_ref(), id).await? {
        true => Ok((StatusCode::ACCEPTED, Json(ReplayAnswer { replayed: 1, next_cursor: None }))),
        false => Err(Problem::new(Kind::NoSuchThing).saying("No callback by that name was given up.")),
    }
}

/// Try all callbacks again
///
/// All that were given up, or those of an app or for a URL, get another day, beginning now.
#[utoipa::path(
    post, path = "/v1/callbacks/replay", operation_id = "replay_callbacks", tag = "events", request_body = ReplayBody,
    responses(
        (status = 202, description = "They will be tried", body = ReplayAnswer,
         example = json!({"replayed": 17, "next_cursor": null})),
        Refusals<(EveryCall<auth::Read>, WithBody)>
    )
)]
pub(super) async fn replay_all(
    State(shared): State<Shared>,
    caller: Caller<auth::Read>,
    JsonBody { value: body, .. }: JsonBody<ReplayBody>,
) -> Result<(StatusCode, Json<ReplayAnswer>), Problem> {
    let app = match (seen_by(&caller.app), body.app) {
        (Some(own), Some(other)) if own != other => {
            let detail = "`app`: only an app with the scope `admin` can name another.";
            return Err(Problem::new(Kind::MissingScope(Scope::Admin)).saying(detail));
        }
        (own, named) => own.or(named),
    };
    let behind = body.cursor.as_deref().map(query::cursor).transpose()?;
    let (replayed, next) = shared.store().replay_callbacks(app.as_ref(), body.url, behind).await?;
    let next_cursor = next.map(|cursor| cursor.to_string());
    Ok((StatusCode::ACCEPTED, Json(ReplayAnswer { replayed, next_cursor })))
}

/// What receivers get, described from their side.
pub(super) fn described() -> Paths {
    let header = |name: &str, description: &str, example: &str| {
        ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .required(Required::True)
            .description(Some(description))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String).build()))
            .example(Some(example.into()))
    };
    let body =
        ContentBuilder::new().schema(Some(Ref::from_schema_name("Event"))).example(Some(example_event())).build();
    let response = |description: &str| ResponseBuilder::new().description(description).build();
    let operation = OperationBuilder::new()
        .operation_id(Some("event"))
        .tag("events")
        .summary(Some("An event"))
        .description(Some(
            "Sent to an app's own URL (`smsotpd app callback`), to that of its policy or of the request; signed by \
             Standard Webhooks with the app's secret. Sent at least once: what has the same `webhook-id` is the same \
             event. The events of one otp, of one message, or of one modem, come in their order.",
        ))
        .parameter(header("webhook-id", "The event's id, the same each time", "evt_0000019a4e1f2c3b000000000000002a"))
        .parameter(header("webhook-timestamp", "When it was sent, in seconds since 1970", "1777888807"))
        .parameter(header(
            "webhook-signature",
            "`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; two with a space between, for a day after the \
             secret was changed",
            "v1,BgyZzDOsgaTqRJbGNWbXC7JbjVdObYzPYQTSrypMisI=",
        ))
        .request_body(Some(RequestBodyBuilder::new().content("application/json", body).required(Some(Required::True)).build()))
        .response("2XX", response("The receiver has it"))
        .response("410", response("The receiver wants no more: the event is given up"))
        .response("default", response("It is tried again, with growing pauses, for a day; redirects are not followed"))
        .build();
    PathsBuilder::new().path("event", PathItem::new(HttpMethod::Post, operation)).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_parameter_is_named_and_its_value_is_not_repeated() {
        let read = |query: &str| filter(&format!("/v1/callbacks?{query}").parse().unwrap(), None);
        assert_eq!(read("").unwrap().status, CallbackStatus::Dead);
        assert_eq!(read("status=waiting&limit=7").unwrap().status, CallbackStatus::Waiting);
        for (query, field) in [("status=4940123456", "status"), ("limit=0", "limit"), ("app=4940123456", "app")] {
            let said = serde_json::to_value(read(query).unwrap_err().document()).unwrap();
            assert_eq!(said["errors"][0]["field"], field, "{query}");
            assert!(!said.to_string().contains("4940123456"), "{said}");
        }
    }
}
