//! What a request gets that cannot be served: a problem document (RFC 9457).
//!
//! Every refusal of the API is one of the [`Kind`]s below, so its `code` is stable and its status is decided here and
//! nowhere else.
//!
//! Its one rule: a problem tells what the client did or can do. It repeats no value from the request, and nothing of
//! what went wrong inside.

use std::borrow::Cow;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::store::{Scope, StoreError};

use super::body::LONGEST_BODY;
use super::events::{MOST, MOST_OF_ONE};
use super::gate::LONGEST_HEAD;

/// The kinds of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    NotJson,
    BodyIncomplete,
    HeaderTwice,
    NoKey,
    UnknownKey,
    MissingScope(Scope),
    ForbiddenByPolicy,
    CallbackNotAllowed,
    NoSuchPath,
    NoSuchThing,
    MethodNotAllowed,
    SlowBody,
    OtpEnded,
    PolicyChanged,
    NotWithdrawn,
    BodyTooLarge,
    NotJsonType,
    UnknownHost,
    Invalid,
    KeyReused,
    RecipientOptedOut,
    CountryNotAllowed,
    PrefixBlocked,
    PremiumNumber,
    PrefixStopped,
    TooManyLocks,
    LimitReached,
    ResendTooEarly,
    NoResendsLeft,
    TooManyStreams,
    HeadTooLarge,
    Internal,
    PolicyMissing,
    Busy,
    OutcomeUnknown,
    StoreUnavailable,
}

impl Kind {
    /// The status it is answered with.
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::NotJson | Self::BodyIncomplete | Self::HeaderTwice => StatusCode::BAD_REQUEST,
            Self::NoKey | Self::UnknownKey => StatusCode::UNAUTHORIZED,
            Self::MissingScope(_)
            | Self::ForbiddenByPolicy
            | Self::CallbackNotAllowed
            | Self::CountryNotAllowed
            | Self::PrefixBlocked
            | Self::PremiumNumber => StatusCode::FORBIDDEN,
            Self::NoSuchPath | Self::NoSuchThing => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Self::OtpEnded | Self::PolicyChanged | Self::NotWithdrawn => StatusCode::CONFLICT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotJsonType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::UnknownHost => StatusCode::MISDIRECTED_REQUEST,
            Self::Invalid | Self::KeyReused | Self::RecipientOptedOut => StatusCode::UNPROCESSABLE_ENTITY,
            Self::LimitReached
            | Self::PrefixStopped
            | Self::TooManyLocks
            | Self::ResendTooEarly
            | Self::NoResendsLeft
            | Self::TooManyStreams => StatusCode::TOO_MANY_REQUESTS,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Internal | Self::PolicyMissing => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Busy | Self::OutcomeUnknown | Self::StoreUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Its name for programs, which stays as it is.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::BodyIncomplete => "body_incomplete",
            Self::HeaderTwice => "header_twice",
            Self::NoKey => "no_key",
            Self::UnknownKey => "unknown_key",
            Self::MissingScope(_) => "missing_scope",
            Self::ForbiddenByPolicy => "forbidden_by_policy",
            Self::CallbackNotAllowed => "callback_not_allowed",
            Self::NoSuchPath => "no_such_path",
            Self::NoSuchThing => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::SlowBody => "slow_body",
            Self::OtpEnded => "otp_ended",
            Self::PolicyChanged => "policy_changed",
            Self::NotWithdrawn => "not_withdrawn",
            Self::BodyTooLarge => "body_too_large",
            Self::NotJsonType => "unsupported_media_type",
            Self::UnknownHost => "unknown_host",
            Self::Invalid => "invalid_request",
            Self::KeyReused => "idempotency_key_reused",
            Self::RecipientOptedOut => "recipient_opted_out",
            Self::CountryNotAllowed => "country_not_allowed",
            Self::PrefixBlocked => "prefix_blocked",
            Self::PremiumNumber => "premium_number",
            Self::PrefixStopped => "prefix_stopped",
            Self::TooManyLocks => "too_many_locks",
            Self::LimitReached => "limit_reached",
            Self::ResendTooEarly => "resend_too_early",
            Self::NoResendsLeft => "no_resends_left",
            Self::TooManyStreams => "too_many_streams",
            Self::HeadTooLarge => "head_too_large",
            Self::Internal => "internal",
            Self::PolicyMissing => "policy_missing",
            Self::Busy => "busy",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::StoreUnavailable => "store_unavailable",
        }
    }

    /// What is said when there is nothing more to say.
    pub(super) fn detail(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::NotJson => "The body is not valid JSON.",
            Self::BodyIncomplete => "The body ended before it was complete.",
            Self::HeaderTwice => {
                "`Host`, `Authorization`, `X-API-Key`, `Idempotency-Key` and `Content-Type` can each be sent once only."
            }
            Self::NoKey => {
                "Send the app's key as `Authorization: Bearer`, as `X-API-Key` or with Basic authentication."
            }
            Self::UnknownKey => {
                "No app has this key. `smsotpd app list` shows the apps, `smsotpd app rotate` gives a new key."
            }
            Self::MissingScope(scope) => {
                return format!("This call needs the scope `{scope}`, which the app does not have.").into();
            }
            Self::ForbiddenByPolicy => "The app's policy does not leave this to the request; `errors` says what.",
            Self::CallbackNotAllowed => {
                "`callback_url`: the app's policy takes none; `callback-per-request = true` would."
            }
            Self::NoSuchPath => "There is nothing here; /openapi.json lists the calls.",
            Self::NoSuchThing => "There is nothing by that name.",
            Self::MethodNotAllowed => "This path has other methods; `Allow` lists them.",
            Self::SlowBody => "The body took too long to arrive.",
            Self::OtpEnded => "The otp is no longer pending; issue a new one.",
            Self::PolicyChanged => {
                "By the policy, which has changed since, the message cannot be written any more; issue a new code."
            }
            Self::NotWithdrawn => "The message was given to a modem or has ended, and cannot be withdrawn.",
            Self::BodyTooLarge => return format!("A body has at most {LONGEST_BODY} bytes.").into(),
            Self::NotJsonType => "Send JSON in UTF-8, with `Content-Type: application/json`.",
            Self::UnknownHost => {
                "The daemon does not know itself by the name in `Host`; the setting `hosts` in `[http]` can add it."
            }
            Self::Invalid => "The request is not as it should be; `errors` says where.",
            Self::KeyReused => "This Idempotency-Key was used for another request. Take a new key for a new request.",
            Self::RecipientOptedOut => {
                "The recipient wants no messages: a STOP came from this number, or it was put on the list of opt-outs. \
                 A START from it lifts that."
            }
            Self::CountryNotAllowed => {
                "The number belongs to a country that gets no codes; the policy's guard or the safe list can allow it."
            }
            Self::PrefixBlocked => {
                "Numbers that begin so get no codes; the policy's guard or the safe list can allow it."
            }
            Self::PremiumNumber => {
                "This is a premium-rate or shared-cost number; the policy's guard or the safe list can allow it."
            }
            Self::PrefixStopped => {
                "Hardly any code is verified in this block of numbers, so new numbers in it get none now."
            }
            Self::TooManyLocks => "Codes for this number were locked by wrong guesses too often in the last 24 hours.",
            Self::LimitReached => "A limit is reached; `rule` names it, and `retry_after` says when to try again.",
            Self::ResendTooEarly => "It is too early to send this code again.",
            Self::NoResendsLeft => {
                "This code was sent as often as the policy allows, and waiting does not help; a new code must be issued."
            }
            Self::TooManyStreams => {
                return format!(
                    "An app listens {MOST_OF_ONE} times at once at most, and all apps together {MOST} times."
                )
                .into();
            }
            Self::HeadTooLarge => {
                return format!("The address and headers of a request have at most {LONGEST_HEAD} bytes together.")
                    .into();
            }
            Self::Internal => "Something is wrong inside; the daemon's log says what.",
            Self::PolicyMissing => {
                "The daemon goes by no policy of the app's; an administrator must add it to the configuration and reload it."
            }
            Self::Busy => "Too much is waiting; nothing was promised, try again.",
            Self::OutcomeUnknown => {
                "No answer was ready in time, and the request may have been carried out. With an Idempotency-Key, repeat it \
                 with the same one. Without, look first: an otp that is `verified` was verified by this request or one \
                 before it."
            }
            Self::StoreUnavailable => "The database cannot be written now; the daemon's log says why.",
        })
    }
}

/// A refusal, ready to be answered.
#[derive(Debug)]
pub(super) struct Problem {
    kind: Kind,
    detail: Cow<'static, str>,
    retry_after: Option<Duration>,
    rule: Option<&'static str>,
    errors: Vec<FieldError>,
}

/// What is wrong with one field.
#[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
pub(super) struct FieldError {
    /// The field, header or query parameter, for instance `to`; empty when it is the whole body.
    pub(super) field: String,
    /// What is wrong with it.
    pub(super) message: String,
}

/// A refusal (RFC 9457). Decide by `code`; show `detail` to people.
#[derive(serde::Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub(super) struct Document<'a> {
    /// Always `about:blank`: `code` tells the kinds apart.
    r#type: &'static str,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// The kind of problem: stable, for programs.
    code: &'static str,
    /// What is wrong and what to do, for people.
    detail: &'a str,
    /// Seconds after which it is worth trying again, as in `Retry-After`.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    /// The limit, or the rule of the guard, that refuses: the name of its setting, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'static str>,
    /// Which fields are wrong.
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    errors: &'a [FieldError],
}

impl Problem {
    /// The refusal with what is always said about its kind.
    pub(super) fn new(kind: Kind) -> Self {
        let retry_after = match kind {
            Kind::Busy | Kind::OutcomeUnknown => Some(Duration::from_secs(1)),
            Kind::StoreUnavailable | Kind::TooManyStreams => Some(Duration::from_secs(5)),
            _ => None,
        };
        Self { kind, detail: kind.detail(), retry_after, rule: None, errors: Vec::new() }
    }

    /// One field is not as it should be.
    pub(super) fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        let error = FieldError { field: field.into(), message: message.into() };
        Self { errors: vec![error], ..Self::new(Kind::Invalid) }
    }

    /// One field is as it should be, and the policy does not leave it to the request.
    pub(super) fn forbidden(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { errors: Self::invalid(field, message).errors, ..Self::new(Kind::ForbiddenByPolicy) }
    }

    /// The same refusal in other words.
    pub(super) fn saying(self, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { detail: detail.into(), ..self }
    }

    /// The same refusal, with the time after which it is worth trying again.
    pub(super) fn retry_after(self, time: Duration) -> Self {
        Self { retry_after: Some(time), ..self }
    }

    /// The same refusal, with the limit or rule that it comes from.
    pub(super) fn by(self, rule: &'static str) -> Self {
        Self { rule: Some(rule), ..self }
    }

    pub(super) fn document(&self) -> Document<'_> {
        let status = self.kind.status();
        Document {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code: self.kind.code(),
            detail: &self.detail,
            retry_after: self.retry_after.map(whole_seconds),
            rule: self.rule,
            errors: &self.errors,
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if error == StoreError::Full {
            return Self::new(Kind::Busy);
        }
        tracing::error!(error = %error, "the store refused a request");
        Self::new(match error {
            // Its last commit may have reached the disk.
            StoreError::Gone | StoreError::Damaged(_) | StoreError::Unreadable(_) => Kind::OutcomeUnknown,
            _ => Kind::StoreUnavailable,
        })
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.kind.status();
        // The document has only strings and numbers, which always serialise.
        let body = serde_json::to_vec(&self.document()).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        if let Some(time) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(time)));
        }
        if status == StatusCode::UNAUTHORIZED {
            // Some clients send a name and a password only once they are asked for them (RFC 7617 §2).
            for challenge in ["Bearer realm=\"smsotpd\"", "Basic realm=\"smsotpd\", charset=\"UTF-8\""] {
                response.headers_mut().append(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
            }
        }
        response
    }
}

/// Rounded up, and never 0: who comes back after this time is not too early.
fn whole_seconds(time: Duration) -> u64 {
    (time.as_secs() + u64::from(time.subsec_nanos() > 0)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::gate::ONCE;

    #[test]
    fn every_header_that_may_come_once_only_is_named() {
        let said = Kind::HeaderTwice.detail().to_lowercase();
        assert_eq!(said.matches('`').count(), 2 * ONCE.len(), "{said}");
        for name in ONCE {
            assert!(said.contains(&format!("`{name}`")), "{name}: {said}");
        }
    }

    #[test]
    fn the_time_to_wait_is_in_body_and_header_and_rounded_up() {
        let problem = Problem::new(Kind::LimitReached).retry_after(Duration::from_millis(1500));
        assert_eq!(problem.document().retry_after, Some(2));
        let response = problem.into_response();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
    }

    #[test]
    fn who_has_no_key_is_told_how_to_send_one() {
        let response = Problem::new(Kind::NoKey).into_response();
        let challenges = response.headers().get_all(header::WWW_AUTHENTICATE).iter();
        let schemes: Vec<_> = challenges.map(|value| value.to_str().unwrap().split(' ').next().unwrap()).collect();
        assert_eq!(schemes, ["Bearer", "Basic"]);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }
}
