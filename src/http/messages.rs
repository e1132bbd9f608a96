//! `/v1/messages`: send a text, see what became of it, withdraw it.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::ids::MessageId;
use crate::issue::OwnPriority;
use crate::message::{Priority, Status};
use crate::send::{self, SendError};
use crate::store::{AttemptOutcome, AttemptView, CancelOutcome, MessageDetail, MessageFilter, MessageView};

use super::answers::{EveryCall, NoSuch, NotThere, Refusals, Repeatable, Sent, Unwanted, WithBody, WrongQuery};
use super::api::Shared;
use super::auth::{self, Caller};
use super::body::JsonBody;
use super::fields::{self, Named, Number, Receiver, Words};
use super::idempotency::IdempotencyKey;
use super::modems::ModemView;
use super::problem::{Kind, Problem};
use super::{query, waiting};

/// A message to be sent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MessageRequest, example = json!({"to": "+15551234567", "text": "Your parcel is at the gate."}))]
pub(super) struct SendBody {
    /// Who is to receive it.
    to: Number,
    /// What it says.
    text: Words,
    /// Who goes first when several messages wait. Without it, as the policy says.
    #[serde(default)]
    #[schema(inline)]
    priority: Option<OwnPriority>,
    /// After so many seconds the message is no longer sent. Default 86400.
    #[serde(default, deserialize_with = "fields::seconds")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 604_800, example = 3600)]
    deadline_seconds: Option<Duration>,
    /// 0: the handset shows the message at once and does not keep it.
    #[serde(default)]
    #[schema(value_type = Option<u8>, minimum = 0, maximum = 0, example = 0)]
    class: Option<Flash>,
    /// Where the events of this message go, beside the app's own URL. Only where the policy lets requests name one.
    #[serde(default)]
    callback_url: Option<Receiver>,
}

/// Message class 0 (3GPP TS 23.038 §4), the only one that can be asked for.
pub(super) struct Flash;

impl<'de> Deserialize<'de> for Flash {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match fields::Whole::deserialize(from)?.0 {
            0 => Ok(Self),
            _ => Err(serde::de::Error::custom("expected 0, or leave it out")),
        }
    }
}

/// A message that was accepted.
#[derive(Serialize, ToSchema)]
#[schema(as = AcceptedMessage)]
pub(super) struct AcceptedAnswer {
    /// Its name in all other calls.
    #[schema(pattern = "^msg_[0-9a-f]{32}$")]
    id: String,
    #[schema(inline)]
    status: Status,
    /// The recipient, masked.
    to: String,
    /// How many SMS it takes.
    parts: u8,
    /// `gsm7` or `ucs2`; or `gsm7-` and a language, for instance `gsm7-tr`, whose tables the policy allows and which
    /// save a part.
    #[schema(pattern = "^(gsm7(-[a-z]{2})?|ucs2)$")]
    encoding: &'static str,
}

/// A message as it is now.
#[derive(Serialize, ToSchema)]
#[schema(as = Message)]
pub(super) struct MessageAnswer {
    #[serde(flatten)]
    accepted: AcceptedAnswer,
    #[schema(inline)]
    priority: Priority,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// After this time it is no longer sent.
    #[schema(value_type = String, format = DateTime)]
    deadline_at: Timestamp,
    /// When the network had taken every part; null until then.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    sent_at: Option<Timestamp>,
    /// When the handset had every part, as the network reports; null until then.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    delivered_at: Option<Timestamp>,
    /// Milliseconds from when it was accepted until the handset had every part; null until then.
    #[schema(required = true)]
    latency_ms: Option<u64>,
    /// Why it will not arrive, in words, when it is `undelivered` or `failed`; otherwise null.
    #[schema(required = true)]
    reason: Option<String>,
}

/// A message as it is now, and every try to send it.
#[derive(Serialize, ToSchema)]
#[schema(as = MessageWithAttempts)]
pub(super) struct DetailAnswer {
    #[serde(flatten)]
    message: MessageAnswer,
    /// The otp whose code it carries; null when it carries none.
    #[schema(value_type = Option<String>, pattern = "^otp_[0-9a-f]{32}$", required = true)]
    otp: Option<String>,
    /// Why it waits, when there is more to it than its turn; null when not.
    #[schema(required = true)]
    why: Option<String>,
    /// Every try to send a part of it, oldest first.
    attempts: Vec<AttemptAnswer>,
}

/// One try to send one part.
#[derive(Serialize, ToSchema)]
#[schema(as = Attempt)]
struct AttemptAnswer {
    /// Through which modem.
    modem: String,
    /// Which part, from 1.
    part: u16,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    /// When it was over; null while it is not.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    ended_at: Option<Timestamp>,
    #[schema(inline)]
    outcome: AttemptOutcome,
    /// The modem's or network's code, such as `+CMS ERROR: 38`.
    #[schema(required = true)]
    code: Option<String>,
    /// Why it failed, in words.
    #[schema(required = true)]
    reason: Option<String>,
}

/// A page of messages, newest first.
#[derive(Serialize, ToSchema)]
#[schema(as = MessageList)]
pub(super) struct ListAnswer {
    messages: Vec<DetailAnswer>,
    /// What to give as `cursor` for the next page; null on the last. A page may hold fewer messages than asked for
    /// though there are more.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

impl From<MessageView> for AcceptedAnswer {
    fn from(view: MessageView) -> Self {
        Self {
            id: view.id.to_string(),
            status: view.status,
            to: view.to.to_string(),
            parts: view.parts,
            encoding: view.encoding.as_str(),
        }
    }
}

impl From<MessageView> for MessageAnswer {
    fn from(view: MessageView) -> Self {
        Self {
            priority: view.priority,
            created_at: view.created_at,
            deadline_at: view.deadline_at,
            sent_at: view.sent_at,
            delivered_at: view.delivered_at,
            latency_ms: view.latency.map(fields::millis),
            reason: view.reason.clone(),
            accepted: view.into(),
        }
    }
}

impl From<AttemptView> for AttemptAnswer {
    fn from(view: AttemptView) -> Self {
        Self {
            modem: view.modem.to_string(),
            part: u16::from(view.part) + 1,
            started_at: view.started_at,
            ended_at: view.ended_at,
            outcome: view.outcome,
            code: view.code,
            reason: view.reason,
        }
    }
}

impl DetailAnswer {
    /// What is shown of it, with why it waits by how the modems are now.
    fn of(detail: MessageDetail, policy: &str, modems: &[ModemView], shared: &Shared) -> Self {
        let (waits, routes) = (detail.message.status == Status::Queued, shared.store().routes());
        let way = (routes.of(detail.message.to.digits(), Some(policy)), detail.message.priority);
        Self {
            why: waits.then(|| waiting::why_it_waits(modems, &routes, shared.budget(), way)).flatten(),
            message: detail.message.into(),
            otp: detail.otp.map(|id| id.to_string()),
            attempts: detail.attempts.into_iter().map(AttemptAnswer::from).collect(),
        }
    }
}

impl From<SendError> for Problem {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Text(error) => Self::invalid("text", error.to_string()),
            SendError::Deadline => {
                let longest = send::LONGEST_DEADLINE.as_secs();
                Self::invalid("deadline_seconds", format!("expected a whole number from 1 to {longest}"))
            }
            SendError::KeyReused => Self::new(Kind::KeyReused),
            SendError::OptedOut => Self::new(Kind::RecipientOptedOut),
            SendError::AppGone => Self::new(Kind::UnknownKey),
            SendError::Store(error) => error.into(),
        }
    }
}

/// Send a text
///
/// Queues a message of the app's own wording. When the answer is there, it is on disk.
#[utoipa::path(
    post, path = "/v1/messages", operation_id = "send_message", tag = "messages", request_body = SendBody,
    params(IdempotencyKey),
    responses(
        (status = 202, description = "Accepted and queued", body = AcceptedAnswer, links(
            ("get" = (operation_id = "get_message", parameters(("id" = "$response.body#/id")))),
            ("cancel" = (operation_id = "cancel_message", parameters(("id" = "$response.body#/id")))),
        ), example = json!(super::openapi::example_accepted())),
        Refusals<(EveryCall<auth::Send>, NotThere, WithBody, Repeatable, Unwanted)>
    )
)]
pub(super) async fn send(
    State(shared): State<Shared>,
    caller: Caller<auth::Send>,
    key: IdempotencyKey,
    JsonBody { value: body, raw }: JsonBody<SendBody>,
) -> Result<(StatusCode, Json<AcceptedAnswer>), Problem> {
    let idempotency = key.with_body(&raw, shared.store().site_key());
    if let Some(message) = send::repeated(shared.store(), &caller.app.name, idempotency.as_ref()).await? {
        return Ok((StatusCode::ACCEPTED, Json(message.into())));
    }
    let policy = shared.policy(&caller.app)?;
    let request = send::Request {
        app: caller.app.name.clone(),
        to: body.to.complete(&shared, &caller.app)?,
        text: body.text.0,
        priority: body.priority.unwrap_or(policy.priority).into(),
        deadline: body.deadline_seconds,
        class0: body.class.is_some(),
        simplify: policy.simplify,
        in_doubt: policy.in_doubt,
        national_tables: policy.national_tables,
        callback: shared.target(body.callback_url.map(|url| url.0), &policy)?,
        idempotency,
    };
    let accepted = send::send(shared.store(), request).await?;
    shared.metrics.accepted();
    Ok((StatusCode::ACCEPTED, Json(accepted.into())))
}

/// Look at a message
///
/// Where it is in its life, every try to send it, and why each failed.
#[utoipa::path(
    get, path = "/v1/messages/{id}", operation_id = "get_message", tag = "messages",
    params(Named<MessageId>),
    responses(
        (status = 200, description = "The message", body = DetailAnswer,
         example = json!(super::openapi::example_detail())),
        Refusals<(EveryCall<auth::Read>, NoSuch)>
    )
)]
pub(super) async fn get(
    State(shared): State<Shared>,
    caller: Caller<auth::Read>,
    Named(id): Named<MessageId>,
) -> Result<Json<DetailAnswer>, Problem> {
    let found = shared.store().message(&caller.app.name, id).await?;
    let detail = found.ok_or_else(|| Problem::new(Kind::NoSuchThing))?;
    Ok(Json(DetailAnswer::of(detail, &caller.app.policy, &shared.modems(), &shared)))
}

/// List messages
///
/// The app's messages, those that carry codes too, newest first, a page at a time.
#[utoipa::path(
    get, path = "/v1/messages", operation_id = "list_messages", tag = "messages",
    params(
        ("status" = inline(Option<Status>), Query, description = "Only those in this state", example = "queued"),
        ("to" = Option<String>, Query, description = "Only those to this number",
         pattern = r"^(\+|00)[1-9][0-9]{7,14}$", example = "+15551234567"),
        query::Page,
    ),
    responses(
        (status = 200, description = "A page of messages", body = ListAnswer,
         example = json!({"messages": [super::openapi::example_detail()], "next_cursor": "c1f"})),
        Refusals<(EveryCall<auth::Read>, WrongQuery)>
    )
)]
pub(super) async fn list(
    State(shared): State<Shared>,
    caller: Caller<auth::Read>,
    uri: Uri,
) -> Result<Json<ListAnswer>, Problem> {
    let page = shared.store().messages(&caller.app.name, filter(&uri)?).await?;
    let modems = shared.modems();
    Ok(Json(ListAnswer {
        messages: page
            .items
            .into_iter()
            .map(|detail| DetailAnswer::of(detail, &caller.app.policy, &modems, &shared))
            .collect(),
        next_cursor: page.next.map(|cursor| cursor.to_string()),
    }))
}

fn filter(uri: &Uri) -> Result<MessageFilter, Problem> {
    let mut filter = MessageFilter::default();
    for (name, value) in query::parameters(uri)? {
        match name.as_str() {
            "status" => {
                let status = status_named(&value);
                filter.status = Some(status.ok_or_else(|| Problem::invalid("status", "expected a message's status"))?);
            }
            "to" => filter.to = Some(query::number("to", &value)?),
            "limit" => filter.limit = query::limit(&value)?,
            "cursor" => filter.cursor = Some(query::cursor(&value)?),
            unknown => return Err(query::unknown(unknown)),
        }
    }
    Ok(filter)
}

fn status_named(name: &str) -> Option<Status> {
    use serde::de::IntoDeserializer;
    use serde::de::value::{Error, StrDeserializer};
    let from: StrDeserializer<'_, Error> = name.into_deserializer();
    Status::deserialize(from).ok()
}

/// Withdraw a message
///
/// Only a message of which nothing was given to a modem can be withdrawn. Of one that was sent, or is in doubt
/// (`not_withdrawn` as well), the second copy, if it waits for that, is not sent any more.
#[utoipa::path(
    delete, path = "/v1/messages/{id}", operation_id = "cancel_message", tag = "messages",
    params(Named<MessageId>),
    responses(
        (status = 200, description = "The message, `cancelled`", body = MessageAnswer,
         example = json!(super::openapi::example_message())),
        Refusals<(EveryCall<auth::Send>, NoSuch, Sent)>
    )
)]
pub(super) async fn cancel(
    State(shared): State<Shared>,
    caller: Caller<auth::Send>,
    Named(id): Named<MessageId>,
) -> Result<Json<MessageAnswer>, Problem> {
    let outcome = shared.store().cancel_message(&caller.app.name, id).await?;
    match outcome.ok_or_else(|| Problem::new(Kind::NoSuchThing))? {
        CancelOutcome::Cancelled(message) => Ok(Json(message.into())),
        CancelOutcome::TooLate(message) if message.status == Status::Cancelled => Ok(Json(message.into())),
        CancelOutcome::TooLate(_) => Err(Problem::new(Kind::NotWithdrawn)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phone::PhoneNumber;

    fn read(query: &str) -> Result<MessageFilter, Problem> {
        filter(&format!("/v1/messages?{query}").parse().unwrap())
    }

    #[test]
    fn a_query_is_read() {
        let filter = read("status=in_doubt&to=%2B15551234567&limit=7").unwrap();
        assert_eq!((filter.status, filter.limit.get()), (Some(Status::InDoubt), 7));
        assert_eq!(filter.to, PhoneNumber::parse("+15551234567").ok());
        assert_eq!(read("to=+15551234567").unwrap().to, filter.to, "a plus that was not escaped");
        assert_eq!(read("").unwrap().limit.get(), 50);
    }

    #[test]
    fn a_wrong_parameter_is_named_and_its_value_is_not_repeated() {
        for (query, field) in [
            ("status=lost", "status"),
            ("to=4940123456", "to"),
            ("limit=0", "limit"),
            ("limit=201", "limit"),
            ("limit=many", "limit"),
            ("cursor=4940123456", "cursor"),
            ("colour=4940123456", "colour"),
            ("limit=1&limit=2", "limit"),
        ] {
            let said = serde_json::to_value(read(query).unwrap_err().document()).unwrap();
            assert_eq!(said["errors"][0]["field"], field, "{query}");
            assert!(!said.to_string().contains("4940123456"), "{said}");
        }
    }
}
