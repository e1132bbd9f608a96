//! `/v1/guard`: what the guard sees and has stopped, whether it would let a code out, and letting a prefix off.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::guard::{Mode, Refusal, Rule};
use crate::store::{OfCountry, OfPrefix, Refused, Rules};
use crate::{country, guard};

use super::answers::{EveryCall, NoSuch, Refusals, WithBody, WrongQuery};
use super::api::Shared;
use super::auth::{self, Caller};
use super::body::JsonBody;
use super::fields::{BlockInPath, ClientAddress, Number};
use super::problem::{Kind, Problem};
use super::refusals::reached;

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let kind = match refusal.rule {
            Rule::Countries => Kind::CountryNotAllowed,
            Rule::BlockPrefixes => Kind::PrefixBlocked,
            Rule::Premium => Kind::PremiumNumber,
            Rule::LeastConversionPercent => Kind::PrefixStopped,
            Rule::RepeatedLocks => Kind::TooManyLocks,
            Rule::PerPrefixHour | Rule::PerAddressHour | Rule::PerAppHour => Kind::LimitReached,
        };
        let problem = Self::new(kind).saying(refusal.explanation).by(refusal.rule.as_str());
        match refusal.retry_after {
            Some(wait) => problem.retry_after(wait),
            None => problem,
        }
    }
}

/// What the guard sees and has done.
#[derive(Serialize, ToSchema)]
#[schema(as = Guard)]
pub(super) struct GuardAnswer {
    /// The countries that the site's SIMs are from (ISO 3166).
    #[schema(example = json!(["DE"]))]
    home: Vec<&'static str>,
    /// Whether premium-rate and shared-cost numbers are known.
    knows_premium: bool,
    /// How many codes of the last day the figures are about: the newest 2000 at most.
    counted: usize,
    /// By country, the busiest first.
    countries: Vec<CountryFigures>,
    /// By prefix (a number without its last four digits), those that are stopped first, then the busiest; 100 at most.
    prefixes: Vec<PrefixFigures>,
    /// What was refused since the daemon started.
    refused: Vec<RefusedCount>,
}

/// How codes to one country did.
#[derive(Serialize, ToSchema)]
struct CountryFigures {
    /// ISO 3166; null for numbers of no country.
    #[schema(required = true)]
    country: Option<&'static str>,
    /// Codes that were issued.
    issued: usize,
    /// Numbers that verified a code.
    verified: usize,
    /// Numbers that did not, and had the time.
    unverified: usize,
    /// Numbers that verified, against messages to those that did not; null while nobody had the time.
    #[schema(required = true)]
    conversion_percent: Option<u8>,
    /// What is to be looked at: of 30 numbers or more hardly one verified. Nothing is stopped for that.
    #[schema(required = true)]
    warning: Option<&'static str>,
}

/// How codes to numbers with one prefix did.
#[derive(Serialize, ToSchema)]
struct PrefixFigures {
    /// What the numbers begin with: all but their last four digits.
    prefix: String,
    /// Codes that were issued.
    issued: usize,
    /// Numbers that verified a code.
    verified: usize,
    /// Numbers that did not, and had the time.
    unverified: usize,
    /// Numbers that verified, against messages to those that did not; null while nobody had the time.
    #[schema(required = true)]
    conversion_percent: Option<u8>,
    /// Since when it gets no codes; null when it does.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    stopped_since: Option<Timestamp>,
    /// Until when.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    stopped_until: Option<Timestamp>,
}

/// How often a rule refused.
#[derive(Serialize, ToSchema)]
struct RefusedCount {
    #[schema(inline)]
    rule: Rule,
    #[schema(inline)]
    mode: Mode,
    /// How many.
    count: u64,
}

impl From<OfCountry> for CountryFigures {
    fn from(OfCountry { country, issued, conversion }: OfCountry) -> Self {
        let warning = "Hardly anybody in this country verifies a code; is that traffic wanted?";
        Self {
            country,
            issued,
            verified: conversion.verified,
            unverified: conversion.in_vain,
            conversion_percent: conversion.percent(),
            warning: conversion.is_worrying().then_some(warning),
        }
    }
}

impl From<OfPrefix> for PrefixFigures {
    fn from(OfPrefix { prefix, issued, conversion, stopped }: OfPrefix) -> Self {
        let (stopped_since, stopped_until) = stopped.unzip();
        Self {
            prefix,
            issued,
            verified: conversion.verified,
            unverified: conversion.in_vain,
            conversion_percent: conversion.percent(),
            stopped_since,
            stopped_until,
        }
    }
}

/// Look at the guard
///
/// How many of the last day's codes were verified, by country and by prefix, which prefixes are stopped, and how often
/// each rule refused. Needs the scope `admin`.
#[utoipa::path(
    get, path = "/v1/guard", operation_id = "get_guard", tag = "guard",
    responses(
        (status = 200, description = "What it sees", body = GuardAnswer,
         example = json!(super::openapi::example_guard())),
        Refusals<EveryCall<auth::Admin>>
    )
)]
pub(super) async fn show(State(shared): State<Shared>, _: Caller<auth::Admin>) -> Result<Json<GuardAnswer>, Problem> {
    let store = shared.store();
    let figures = store.figures().await?;
    let counts = store.guard_counts().into_iter();
    Ok(Json(GuardAnswer {
        home: store.homes().countries().iter().map(|country| country.iso()).collect(),
        knows_premium: guard::KNOWS_PREMIUM,
        counted: figures.counted,
        countries: figures.countries.into_iter().map(CountryFigures::from).collect(),
        prefixes: figures.prefixes.into_iter().map(PrefixFigures::from).collect(),
        refused: counts.map(|((rule, mode), count)| RefusedCount { rule, mode, count }).collect(),
    }))
}

/// A number to which a code might be issued.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GuardCheckRequest, example = json!({"to": "+15551234567"}))]
pub(super) struct CheckBody {
    /// Who would receive the code.
    to: Number,
    /// The address of the user who would want it.
    #[serde(default)]
    client_address: Option<ClientAddress>,
}

/// What would come of a code.
#[derive(Serialize, ToSchema)]
#[schema(as = GuardCheck)]
pub(super) struct CheckAnswer {
    /// The country that the number belongs to (ISO 3166); null when it belongs to none.
    #[schema(required = true)]
    country: Option<&'static str>,
    /// Whether a code would be issued now.
    allowed: bool,
    /// The rule or limit that speaks against it, also where the guard only reports; `opt-out` for a number that wants no
    /// messages.
    #[schema(required = true)]
    rule: Option<&'static str>,
    /// Seconds after which it no longer does; null when waiting does not help.
    #[schema(required = true)]
    retry_after: Option<u64>,
    /// Why, and what can be changed.
    #[schema(required = true)]
    explanation: Option<String>,
}

/// Ask whether a code would be issued
///
/// By the app's policy, now, to this number. Issues nothing and counts nothing.
#[utoipa::path(
    post, path = "/v1/guard/check", operation_id = "check_guard", tag = "guard", request_body = CheckBody,
    responses(
        (status = 200, description = "What would come of it", body = CheckAnswer,
         example = json!(super::openapi::example_check())),
        Refusals<(EveryCall<auth::Issue>, WithBody)>
    )
)]
pub(super) async fn check(
    State(shared): State<Shared>,
    caller: Caller<auth::Issue>,
    JsonBody { value: body, .. }: JsonBody<CheckBody>,
) -> Result<Json<CheckAnswer>, Problem> {
    let (policy, store) = (shared.policy(&caller.app)?, shared.store());
    let to = body.to.complete(&shared, &caller.app)?;
    let address = body.client_address.map(|address| address.0);
    let checks = policy.guard.checks(&to, &caller.app.name, address, &store.homes());
    let mode = checks.mode;
    let against = store.speaks_against(&to, Rules { limits: policy.limits.clone(), guard: checks }).await?;
    let country = country::of_number(&to).map(|country| country.iso());
    let seconds = |wait: Duration| wait.as_millis().div_ceil(1000) as u64;
    let rule = against.as_ref().map(Refused::rule);
    let (allowed, retry_after, explanation) = match against {
        None => (true, None, None),
        Some(Refused::OptedOut) => (false, None, Some("The recipient wants no messages from here.".to_owned())),
        Some(Refused::Limit(refusal)) => (false, Some(refusal.retry_after), Some(reached(refusal.limit))),
        Some(Refused::Guard(refusal)) => (mode != Mode::Enforce, refusal.retry_after, Some(refusal.explanation)),
    };
    Ok(Json(CheckAnswer { country, allowed, rule, retry_after: retry_after.map(seconds), explanation }))
}

/// Let a prefix off
///
/// It gets codes again, and what was sent there before is not held against it any more. Needs the scope `admin`.
#[utoipa::path(
    delete, path = "/v1/guard/prefixes/{prefix}", operation_id = "lift_prefix", tag = "guard",
    params(BlockInPath),
    responses((status = 204, description = "It is not stopped any more"), Refusals<(EveryCall<auth::Admin>, NoSuch, WrongQuery)>)
)]
pub(super) async fn lift(
    State(shared): State<Shared>,
    caller: Caller<auth::Admin>,
    BlockInPath(prefix): BlockInPath,
) -> Result<StatusCode, Problem> {
    let was_stopped = shared.store().forgive(prefix, &caller.app.name).await?;
    if was_stopped { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::new(Kind::NoSuchThing)) }
}
