//! `/v1/otp`: issue, look at, verify, send again, cancel.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::ids::OtpId;
use crate::issue::{self, IssueError};
use crate::message;
use crate::otp::{self, CodeLength, Reason, Verdict};
use crate::store::{Guess, MessageView, OtpView, Which};
use crate::verify;
use crate::wording::Wish;

use super::answers::{
    Ended, EveryCall, Limited, NoSuch, NotByPolicy, NotThere, Refusals, Repeatable, TooOften, Unwanted, WithBody,
    WithoutBody,
};
use super::api::Shared;
use super::auth::{self, Caller};
use super::body::{JsonBody, NoBody};
use super::fields::{
    self, Bound, ClientAddress, Hash, Host, LanguageTag, Named, Number, OwnCode, OwnWords, Purpose, Receiver, TypedCode,
};
use super::idempotency::IdempotencyKey;
use super::problem::{Kind, Problem};

/// What is said to an app that may not approve.
const NOT_APPROVED: &str = "This app's policy does not let it approve an otp: `manual-approve`.";

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
    /// What the code is to be bound to beside its purpose.
    #[serde(default)]
    context: Option<Bound>,
    /// For how many seconds the code is valid. Without it, as the policy says.
    #[serde(default, deserialize_with = "fields::seconds")]
    #[schema(value_type = Option<u32>, minimum = 30, maximum = 86_400, example = 300)]
    ttl_seconds: Option<Duration>,
    /// How many characters the code has. Without it, as the policy says. Not together with `code`, which has its own.
    #[serde(default, deserialize_with = "fields::length")]
    #[schema(value_type = Option<u8>, minimum = 4, maximum = 10, example = 6)]
    length: Option<CodeLength>,
    /// The code, for an app that has its own and whose policy lets it bring them (`caller-codes`). Without it, one is drawn.
    #[serde(default)]
    code: Option<OwnCode>,
    /// The language of the message. Without it, the one that is read in the country of the number, or as the policy says.
    #[serde(default)]
    locale: Option<LanguageTag>,
    /// The wording, where the policy leaves it to the request. The message must fit one SMS.
    #[serde(default)]
    template: Option<OwnWords>,
    /// The host on which browsers fill the code in, one of the policy's: the last line is then `@host #code`.
    #[serde(default)]
    domain: Option<Host>,
    /// The Android app that is given the message (SMS Retriever), one of the policy's: its hash ends the message.
    #[serde(default)]
    app_hash: Option<Hash>,
    /// The address of the user who wants the code, so that one who asks for many is found out. It is not kept.
    #[serde(default)]
    client_address: Option<ClientAddress>,
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
    /// What it is given for: as it was when it was issued.
    #[serde(default)]
    context: Option<Bound>,
    /// The purpose it is given for. When it is there, it must be the one that the code was issued for.
    #[serde(default)]
    purpose: Option<Purpose>,
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
    /// What it is given for: as it was when it was issued.
    #[serde(default)]
    context: Option<Bound>,
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
    /// `gsm7` or `ucs2`; or `gsm7-` and a language, for instance `gsm7-tr`, whose tables the policy allows and which
    /// save a part.
    #[schema(pattern = "^(gsm7(-[a-z]{2})?|ucs2)$")]
    encoding: &'static str,
    /// When the handset had it, as the network reports; null until then.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    delivered_at: Option<Timestamp>,
    /// Milliseconds from when it was accepted until the handset had it; null until then.
    #[schema(required = true)]
    latency_ms: Option<u64>,
    /// Why it will not arrive, in words, when it is `undelivered` or `failed`; otherwise null.
    #[schema(required = true)]
    reason: Option<String>,
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
            latency_ms: view.latency.map(fields::millis),
            reason: view.reason,
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

/// Issue a code
///
/// Draws a code, writes the message by the app's policy and queues it. When the answer is there, it is on disk; it is
/// sent within the moment a modem is free. A request that is repeated with the same `Idempotency-Key` and body gets the
/// same answer and sends nothing.
#[utoipa::path(
    post, path = "/v1/otp", operation_id = "issue_otp", tag = "otp",
    request_body(content = IssueBody, examples(
        ("plain" = (summary = "A code", value = json!({"to": "+15551234567"}))),
        ("language" = (
            summary = "In a language of the app's choice", value = json!({"to": "+15551234567", "locale": "pt-BR"})
        )),
        ("autofill" = (
            summary = "Filled in by browsers and by an Android app, both of which the policy lists",
            value = json!({"to": "+15551234567", "domain": "shop.example.com", "app_hash": "FA+9qCX9VSu"})
        )),
        ("own_words" = (
            summary = "In the app's own words, where the policy has `template-per-request`",
            value = json!({"to": "+15551234567", "template": "{code} opens the gate of {brand}."})
        )),
        ("bound" = (
            summary = "Bound to a payment, which the app's own words show",
            value = json!({
                "to": "+15551234567", "purpose": "payment", "template": "{code} confirms {amount} to {payee}.",
                "context": {"payee": "Corner Bakery", "amount": "12.00 EUR"}
            })
        )),
        ("own_code" = (
            summary = "A code of the app's own, where the policy has `caller-codes`",
            value = json!({"to": "+15551234567", "code": "471100"})
        )),
        ("client" = (
            summary = "Asked for by a user at this address, who so cannot ask for many",
            value = json!({"to": "+15551234567", "client_address": "192.0.2.7"})
        )),
        ("callback" = (
            summary = "Told of at a URL of the request, where the policy has `callback-per-request`",
            value = json!({"to": "+15551234567", "callback_url": "https://callbacks.example.org/sms-events"})
        ))
    )),
    params(IdempotencyKey),
    responses(
        (status = 202, description = "Issued and queued", body = OtpAnswer, links(
            ("get" = (operation_id = "get_otp", parameters(("id" = "$response.body#/id")))),
            ("verify" = (operation_id = "verify_otp", parameters(("id" = "$response.body#/id")))),
            ("resend" = (operation_id = "resend_otp", parameters(("id" = "$response.body#/id")))),
            ("cancel" = (operation_id = "cancel_otp", parameters(("id" = "$response.body#/id")))),
        ), example = json!(super::openapi::example_otp("queued"))),
        Refusals<(EveryCall<auth::Issue>, WithBody, Repeatable, Unwanted, NotByPolicy, NotThere, Limited)>
    )
)]
pub(super) async fn issue(
    State(shared): State<Shared>,
    caller: Caller<auth::Issue>,
    key: IdempotencyKey,
    JsonBody { value: body, raw }: JsonBody<IssueBody>,
) -> Result<(StatusCode, Json<OtpAnswer>), Problem> {
    let app = &caller.app;
    let idempotency = key.with_body(&raw, shared.store().site_key());
    if let Some(otp) = issue::repeated(shared.store(), &app.name, idempotency.as_ref()).await? {
        return Ok((StatusCode::ACCEPTED, Json(otp.into())));
    }
    if body.policy.is_some_and(|policy| policy != app.policy) {
        return Err(Problem::invalid("policy", format!("this app's policy is `{}`", app.policy)));
    }
    let policy = shared.policy(app)?;
    // Whose policy takes no code at all is told that, since without `length` it would come to nothing either.
    if policy.caller_codes && body.code.is_some() && body.length.is_some() {
        return Err(Problem::invalid("length", "leave it out: `code` has its own length"));
    }
    let request = issue::Request {
        app: app.name.clone(),
        to: body.to.complete(&shared, app)?,
        purpose: body.purpose.map(|purpose| purpose.0),
        context: body.context.map(|context| context.0).unwrap_or_default(),
        lifetime: body.ttl_seconds,
        length: body.length,
        code: body.code.map(|code| code.0),
        wish: Wish {
            locale: body.locale.map(|locale| locale.0),
            template: body.template.map(|template| template.0),
            domain: body.domain.map(|domain| domain.0),
            app_hash: body.app_hash.map(|hash| hash.0),
            ..Wish::default()
        },
        client_address: body.client_address.map(|address| address.0),
        callback: shared.target(body.callback_url.map(|url| url.0), &policy)?,
        idempotency,
    };
    let issued = issue::issue(shared.store(), &policy, request).await.inspect_err(|error| {
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
        Refusals<(EveryCall<auth::Read>, NoSuch)>
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
/// `verified: false`; neither is any code for another context than it was issued for.
#[utoipa::path(
    post, path = "/v1/otp/{id}/verify", operation_id = "verify_otp", tag = "otp",
    request_body(content = VerifyBody, examples(
        ("plain" = (summary = "A code", value = json!({"code": "123456"}))),
        ("bound" = (
            summary = "A code that is bound to a payment",
            value = json!({
                "code": "123456", "purpose": "payment", "context": {"payee": "Corner Bakery", "amount": "12.00 EUR"}
            })
        ))
    )),
    params(Named<OtpId>),
    responses(
        (status = 200, description = "What came of it", body = VerdictAnswer, examples(
            ("right" = (summary = "The right code", value = json!(super::openapi::example_verdict("right")))),
            ("wrong" = (summary = "A wrong code", value = json!(super::openapi::example_verdict("wrong")))),
            ("context" = (summary = "For something else", value = json!(super::openapi::example_verdict("context"))))
        )),
        Refusals<(EveryCall<auth::Verify>, WithBody, NoSuch)>
    )
)]
pub(super) async fn verify(
    State(shared): State<Shared>,
    caller: Caller<auth::Verify>,
    Named(id): Named<OtpId>,
    JsonBody { value: body, .. }: JsonBody<VerifyBody>,
) -> Result<Json<VerdictAnswer>, Problem> {
    let context = body.context.map(|context| context.0).unwrap_or_default();
    let guess = Guess { code: body.code.0, context, purpose: body.purpose.map(|purpose| purpose.0) };
    judge(&shared, &caller, Which::Id(id), guess).await
}

/// Verify a code by number
///
/// As above, for the newest otp of this number and purpose.
#[utoipa::path(
    post, path = "/v1/otp/verify", operation_id = "verify_by_number", tag = "otp",
    request_body(content = VerifyByNumberBody, examples(
        ("plain" = (summary = "A code", value = json!({"to": "+15551234567", "code": "123456"}))),
        ("bound" = (
            summary = "A code that is bound to a payment",
            value = json!({
                "to": "+15551234567", "code": "123456", "purpose": "payment",
                "context": {"payee": "Corner Bakery", "amount": "12.00 EUR"}
            })
        ))
    )),
    responses(
        (status = 200, description = "What came of it", body = VerdictAnswer, examples(
            ("right" = (summary = "The right code", value = json!(super::openapi::example_verdict("right")))),
            ("used" = (summary = "The right code once more", value = json!(super::openapi::example_verdict("used"))))
        )),
        Refusals<(EveryCall<auth::Verify>, WithBody, NoSuch)>
    )
)]
pub(super) async fn verify_by_number(
    State(shared): State<Shared>,
    caller: Caller<auth::Verify>,
    JsonBody { value: body, .. }: JsonBody<VerifyByNumberBody>,
) -> Result<Json<VerdictAnswer>, Problem> {
    let purpose = body.purpose.map(|purpose| purpose.0).unwrap_or_default();
    let context = body.context.map(|context| context.0).unwrap_or_default();
    let guess = Guess { code: body.code.0, context, purpose: None };
    let to = body.to.complete(&shared, &caller.app)?;
    judge(&shared, &caller, Which::Number { to, purpose }, guess).await
}

async fn judge(
    shared: &Shared,
    caller: &Caller<auth::Verify>,
    which: Which,
    guess: Guess,
) -> Result<Json<VerdictAnswer>, Problem> {
    let verdict = verify::verify(shared.store(), &caller.app.name, which, guess).await?;
    let verdict = verdict.ok_or_else(|| Problem::new(Kind::NoSuchThing))?;
    shared.metrics.verified(&verdict);
    Ok(Json(verdict.into()))
}

/// Verify without a code
///
/// For an app that knows by other means that it is who it should be, for instance a help desk, and whose policy lets it
/// (`manual-approve`). A pending otp is verified, once; one that has ended stays as it is, and `reason` says how it ended.
#[utoipa::path(
    post, path = "/v1/otp/{id}/approve", operation_id = "approve_otp", tag = "otp",
    params(Named<OtpId>),
    responses(
        (status = 200, description = "What came of it", body = VerdictAnswer, examples(
            ("approved" = (summary = "It was pending", value = json!(super::openapi::example_verdict("approved")))),
            ("used" = (summary = "It was verified before", value = json!(super::openapi::example_verdict("used"))))
        )),
        Refusals<(EveryCall<auth::Verify>, NotByPolicy, NoSuch, WithoutBody)>
    )
)]
pub(super) async fn approve(
    State(shared): State<Shared>,
    caller: Caller<auth::Verify>,
    Named(id): Named<OtpId>,
    _: NoBody,
) -> Result<Json<VerdictAnswer>, Problem> {
    if !shared.policy(&caller.app)?.manual_approve {
        return Err(Problem::new(Kind::ForbiddenByPolicy).saying(NOT_APPROVED));
    }
    let verdict = shared.store().approve(&caller.app.name, id).await?;
    let verdict = verdict.ok_or_else(|| Problem::new(Kind::NoSuchThing))?;
    shared.metrics.approved(&verdict);
    Ok(Json(verdict.into()))
}

/// Send a code again
///
/// The same otp, the same code unless the policy asks for a new one. Its life is not prolonged and wrong attempts stay
/// counted.
#[utoipa::path(
    post, path = "/v1/otp/{id}/resend", operation_id = "resend_otp", tag = "otp",
    params(Named<OtpId>, IdempotencyKey),
    responses(
        (status = 202, description = "Queued once more", body = OtpAnswer,
         example = json!(super::openapi::example_otp("queued"))),
        Refusals<(EveryCall<auth::Issue>, NoSuch, Ended, TooOften, Unwanted, Repeatable, WithoutBody)>
    )
)]
pub(super) async fn resend(
    State(shared): State<Shared>,
    caller: Caller<auth::Issue>,
    Named(id): Named<OtpId>,
    key: IdempotencyKey,
    _: NoBody,
) -> Result<(StatusCode, Json<OtpAnswer>), Problem> {
    let (app, idempotency) = (&caller.app.name, key.with_body(&[], shared.store().site_key()));
    if let Some(otp) = issue::resent(shared.store(), app, idempotency.as_ref()).await? {
        return Ok((StatusCode::ACCEPTED, Json(otp.into())));
    }
    let policy = shared.policy(&caller.app)?;
    let resent = issue::resend(shared.store(), &policy, app, id, idempotency).await?;
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
        Refusals<(EveryCall<auth::Issue>, NoSuch)>
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
