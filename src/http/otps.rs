//! `/v1/otp`: issue, look at, verify, send again, cancel.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::ids::OtpId;
use crate::issue::{self, IssueError, ResendError};
use crate::message;
use crate::otp::{self, CodeLength, Reason, Verdict};
use crate::secret::Code;
use crate::store::{MessageView, OtpView, Which};
use crate::verify;

use super::api::Shared;
use super::auth::{self, Caller};
use super::body::JsonBody;
use super::fields::{self, Named, Number, Purpose, Receiver, TypedCode};
use super::idempotency::IdempotencyKey;
use super::openapi::{Ended, EveryCall, Limited, NoSuch, NotThere, TooOften, Unwanted, WithBody, WithRecipient};
use super::problem::{Kind, Problem};

/// A code to be issued.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OtpRequest, example = json!({"to": "+15551234567"}))]
pub(super) struct IssueBody {
    /// Who is to receive the code.
    to: Number,
    /// The app's policy, by name.
    #[serde(default)]
    #[schema(example = "default")]
    policy: Option<String>,
    /// What the code is for. A new otp for the same number and purpose takes the place of one that is pending.
    #[serde(default)]
    purpose: Option<Purpose>,
    /// For how many seconds the code is valid. Without it, as the policy says.
    #[serde(default, deserialize_with = "fields::seconds")]
    #[schema(value_type = Option<u32>, minimum = 30, maximum = 86_400, example = 300)]
    ttl_seconds: Option<Duration>,
    /// How many characters the code has. Without it, as the policy says.
    #[serde(default, deserialize_with = "fields::length")]
    #[schema(value_type = Option<u8>, minimum = 4, maximum = 10, example = 6)]
    length: Option<CodeLength>,
    /// Where the events of this otp go, beside the app's own URL. Only where the policy lets requests name one.
    #[serde(default)]
    callback_url: Option<Receiver>,
}

/// A code that somebody typed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = VerifyRequest, example = json!({"code": "123456"}))]
pub(super) struct VerifyBody {
    /// The code as it was typed.
    code: TypedCode,
}

/// A code that somebody typed, and to whom it was sent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = VerifyByNumberRequest, example = json!({"to": "+15551234567", "code": "123456", "purpose": "login"}))]
pub(super) struct VerifyByNumberBody {
    /// The number the code was sent to.
    to: Number,
    /// The code as it was typed.
    code: TypedCode,
    /// The purpose it was issued for, if one was given.
    #[serde(default)]
    purpose: Option<Purpose>,
}

/// An otp and its message.
#[derive(Serialize, ToSchema)]
#[schema(as = Otp)]
pub(super) struct OtpAnswer {
    /// Its name in all other calls.
    #[schema(pattern = "^otp_[0-9a-f]{32}$")]
    id: String,
    #[schema(inline)]
    status: otp::Status,
    /// The recipient, masked.
    to: String,
    /// When it stops being valid.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// From when on it may be sent again.
    #[schema(value_type = String, format = DateTime)]
    resend_at: Timestamp,
    /// How many guesses are left, the right one counted too; after the last the otp is locked.
    attempts_left: u8,
    #[schema(inline)]
    message: OtpMessage,
}

/// The message that carries a code.
#[derive(Serialize, ToSchema)]
struct OtpMessage {
    /// Its name in `/v1/messages`.
    #[schema(pattern = "^msg_[0-9a-f]{32}$")]
    id: String,
    #[schema(inline)]
    status: message::Status,
    /// How many SMS it takes.
    parts: u8,
    /// `gsm7` or `ucs2`.
    #[schema(pattern = "^(gsm7|ucs2)$")]
    encoding: &'static str,
    /// When the handset had it, as the network reports; null until then.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    delivered_at: Option<Timestamp>,
}

impl From<OtpView> for OtpAnswer {
    fn from(view: OtpView) -> Self {
        Self {
            id: view.id.to_string(),
            status: view.status,
            to: view.to.to_string(),
            expires_at: view.expires_at,
            resend_at: view.resend_at,
            attempts_left: view.attempts_left,
            message: view.message.into(),
        }
    }
}

impl From<MessageView> for OtpMessage {
    fn from(view: MessageView) -> Self {
        Self {
            id: view.id.to_string(),
            status: view.status,
            parts: view.parts,
            encoding: view.encoding.as_str(),
            delivered_at: view.delivered_at,
        }
    }
}

/// What came of a verification. Only `verified: true` means that the code was right.
#[derive(Serialize, ToSchema)]
#[schema(as = Verification)]
pub(super) struct VerdictAnswer {
    /// Whether the code was right, valid, and not used before.
    verified: bool,
    #[schema(inline)]
    status: otp::Status,
    #[schema(inline, required = true)]
    reason: Option<Reason>,
    /// How many guesses are left, the right one counted too; after the last the otp is locked.
    attempts_left: u8,
}

impl From<Verdict> for VerdictAnswer {
    fn from(verdict: Verdict) -> Self {
        let Verdict { verified, status, reason, attempts_left } = verdict;
        Self { verified, status, reason, attempts_left }
    }
}

impl From<IssueError> for Problem {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::Purpose => Self::invalid("purpose", "expected at most 64 characters and no control characters"),
            IssueError::Lifetime(range) => {
                Self::invalid("ttl_seconds", format!("expected a whole number from {} to {}", range.least, range.most))
            }
            IssueError::Limited(refusal) => {
                let detail = format!("The limit {} is reached for this number.", refusal.limit.as_str());
                Self::new(Kind::LimitReached).saying(detail).retry_after(refusal.retry_after)
            }
            IssueError::KeyReused => Self::new(Kind::KeyReused),
            IssueError::OptedOut => Self::new(Kind::RecipientOptedOut),
            IssueError::Store(error) => error.into(),
        }
    }
}

impl From<ResendError> for Problem {
    fn from(error: ResendError) -> Self {
        match error {
            ResendError::NotFound => Self::new(Kind::NoSuchThing),
            ResendError::Ended(status) => {
                let detail = format!("The otp is {}; issue a new one.", status.as_str());
                Self::new(Kind::OtpEnded).saying(detail)
            }
            ResendError::TooSoon { retry_after } => Self::new(Kind::ResendTooEarly).retry_after(retry_after),
            ResendError::NoneLeft => Self::new(Kind::NoResendsLeft),
            ResendError::OptedOut => Self::new(Kind::RecipientOptedOut),
            ResendError::Unreadable(error) => {
                tracing::error!(error = %error, "a code cannot be sent again");
                Self::new(Kind::Internal)
            }
            ResendError::Store(error) => error.into(),
        }
    }
}

/// Issue a code
///
/// Draws a code, writes the message by the app's policy and queues it. When the answer is there, it is on disk; it is
/// sent within the moment a modem is free. A request that is repeated with the same `Idempotency-Key` and body gets the
/// same answer and sends nothing.
#[utoipa::path(
    post, path = "/v1/otp", operation_id = "issue_otp", tag = "otp", request_body = IssueBody,
    params(IdempotencyKey),
    responses(
        (status = 202, description = "Issued and queued", body = OtpAnswer, links(
            ("get" = (operation_id = "get_otp", parameters(("id" = "$response.body#/id")))),
            ("verify" = (operation_id = "verify_otp", parameters(("id" = "$response.body#/id")))),
            ("resend" = (operation_id = "resend_otp", parameters(("id" = "$response.body#/id")))),
            ("cancel" = (operation_id = "cancel_otp", parameters(("id" = "$response.body#/id")))),
        ), example = json!(super::openapi::example_otp("queued"))),
        EveryCall, NotThere, WithRecipient, Limited
    )
)]
pub(super) async fn issue(
    State(shared): State<Shared>,
    caller: Caller<auth::Issue>,
    key: IdempotencyKey,
    JsonBody { value: body, raw }: JsonBody<IssueBody>,
) -> Result<(StatusCode, Json<OtpAnswer>), Problem> {
    let app = &caller.app;
    if body.policy.is_some_and(|policy| policy != app.policy) {
        return Err(Problem::invalid("policy", format!("this app's policy is `{}`", app.policy)));
    }
    let policy = shared.policy(app)?;
    let request = issue::Request {
        app: app.name.clone(),
        to: body.to.0,
        purpose: body.purpose.map(|purpose| purpose.0),
        lifetime: body.ttl_seconds,
        length: body.length,
        callback: shared.target(body.callback_url.map(|url| url.0), policy)?,
        idempotency: key.with_body(&raw, shared.store().site_key()),
    };
    let issued = issue::issue(shared.store(), policy, request).await.inspect_err(|error| {
        if let IssueError::Limited(refusal) = error {
            shared.metrics.refused(refusal.limit);
        }
    })?;
    shared.metrics.issued();
    Ok((StatusCode::ACCEPTED, Json(issued.into())))
}

/// Look at an otp
///
/// Where the otp and its message are in their lives.
#[utoipa::path(
    get, path = "/v1/otp/{id}", operation_id = "get_otp", tag = "otp",
    params(Named<OtpId>),
    responses(
        (status = 200, description = "The otp", body = OtpAnswer,
         example = json!(super::openapi::example_otp("delivered"))),
        EveryCall, NoSuch
    )
)]
pub(super) async fn get(
    State(shared): State<Shared>,
    caller: Caller<auth::Read>,
    Named(id): Named<OtpId>,
) -> Result<Json<OtpAnswer>, Problem> {
    let found = shared.store().otp(&caller.app.name, id).await?;
    Ok(Json(found.ok_or_else(|| Problem::new(Kind::NoSuchThing))?.into()))
}

/// Verify a code
///
/// Counts the attempt, then compares. A code is verified at most once. A wrong code is no error: the answer is 200 with
/// `verified: false`.
#[utoipa::path(
    post, path = "/v1/otp/{id}/verify", operation_id = "verify_otp", tag = "otp", request_body = VerifyBody,
    params(Named<OtpId>),
    responses(
        (status = 200, description = "What came of it", body = VerdictAnswer, examples(
            ("right" = (summary = "The right code", value = json!(super::openapi::example_verdict("right")))),
            ("wrong" = (summary = "A wrong code", value = json!(super::openapi::example_verdict("wrong"))))
        )),
        EveryCall, WithBody, NoSuch
    )
)]
pub(super) async fn verify(
    State(shared): State<Shared>,
    caller: Caller<auth::Verify>,
    Named(id): Named<OtpId>,
    JsonBody { value: body, .. }: JsonBody<VerifyBody>,
) -> Result<Json<VerdictAnswer>, Problem> {
    judge(&shared, &caller, Which::Id(id), body.code.0).await
}

/// Verify a code by number
///
/// As above, for the newest otp of this number and purpose.
#[utoipa::path(
    post, path = "/v1/otp/verify", operation_id = "verify_by_number", tag = "otp", request_body = VerifyByNumberBody,
    responses(
        (status = 200, description = "What came of it", body = VerdictAnswer, examples(
            ("right" = (summary = "The right code", value = json!(super::openapi::example_verdict("right")))),
            ("used" = (summary = "The right code once more", value = json!(super::openapi::example_verdict("used"))))
        )),
        EveryCall, WithBody, NoSuch
    )
)]
pub(super) async fn verify_by_number(
    State(shared): State<Shared>,
    caller: Caller<auth::Verify>,
    JsonBody { value: body, .. }: JsonBody<VerifyByNumberBody>,
) -> Result<Json<VerdictAnswer>, Problem> {
    let purpose = body.purpose.map(|purpose| purpose.0).unwrap_or_default();
    judge(&shared, &caller, Which::Number { to: body.to.0, purpose }, body.code.0).await
}

async fn judge(
    shared: &Shared,
    caller: &Caller<auth::Verify>,
    which: Which,
    code: Code,
) -> Result<Json<VerdictAnswer>, Problem> {
    let verdict = verify::verify(shared.store(), &caller.app.name, which, code).await?;
    let verdict = verdict.ok_or_else(|| Problem::new(Kind::NoSuchThing))?;
    shared.metrics.verified(&verdict);
    Ok(Json(verdict.into()))
}

/// Send a code again
///
/// The same otp, the same code unless the policy asks for a new one. Its life is not prolonged and wrong attempts stay
/// counted.
#[utoipa::path(
    post, path = "/v1/otp/{id}/resend", operation_id = "resend_otp", tag = "otp",
    params(Named<OtpId>),
    responses(
        (status = 202, description = "Queued once more", body = OtpAnswer,
         example = json!(super::openapi::example_otp("queued"))),
        EveryCall, NoSuch, Ended, TooOften, Unwanted
    )
)]
pub(super) async fn resend(
    State(shared): State<Shared>,
    caller: Caller<auth::Issue>,
    Named(id): Named<OtpId>,
) -> Result<(StatusCode, Json<OtpAnswer>), Problem> {
    let (policy, app) = (shared.policy(&caller.app)?, &caller.app.name);
    let resent = issue::resend(shared.store(), policy, app, id).await?;
    shared.metrics.resent();
    Ok((StatusCode::ACCEPTED, Json(resent.into())))
}

/// Cancel an otp
///
/// A pending otp can no longer be verified, and its message is withdrawn if it was not sent. One that has ended stays
/// as it is.
#[utoipa::path(
    delete, path = "/v1/otp/{id}", operation_id = "cancel_otp", tag = "otp",
    params(Named<OtpId>),
    responses(
        (status = 200, description = "The otp as it is now", body = OtpAnswer,
         example = json!(super::openapi::example_otp("cancelled"))),
        EveryCall, NoSuch
    )
)]
pub(super) async fn cancel(
    State(shared): State<Shared>,
    caller: Caller<auth::Issue>,
    Named(id): Named<OtpId>,
) -> Result<Json<OtpAnswer>, Problem> {
    let found = shared.store().cancel_otp(&caller.app.name, id).await?;
    Ok(Json(found.ok_or_else(|| Problem::new(Kind::NoSuchThing))?.into()))
}
