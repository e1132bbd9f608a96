//! What calls can be refused with, as it stands in the description of the API: the sets of refusals that calls share.
//!
//! Its one rule: refusals that share a status stand side by side, whichever sets of a call they come from.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::time::Duration;

use serde_json::json;
use utoipa::IntoResponses;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::example::{Example, ExampleBuilder};
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ObjectBuilder, Ref, RefOr};

use crate::guard::Rule;

use super::auth::Needs;
use super::problem::{Kind, Problem};

/// All that one call can be refused with: a set, or a tuple of sets.
pub(super) struct Refusals<T>(PhantomData<T>);

/// Kinds of refusal that belong together.
pub(super) trait Set {
    fn kinds() -> Vec<Kind>;
}

impl<T: Set> IntoResponses for Refusals<T> {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        described(&T::kinds())
    }
}

macro_rules! tuples_of_sets {
    ($($($name:ident)+;)*) => {$(
        impl<$($name: Set),+> Set for ($($name,)+) {
            fn kinds() -> Vec<Kind> {
                [$($name::kinds()),+].concat()
            }
        }
    )*};
}

tuples_of_sets! { A B; A B C; A B C D; A B C D E; A B C D E F; A B C D E F G; }

macro_rules! sets {
    ($($(#[$doc:meta])* $name:ident: $($kind:ident)+;)*) => {$(
        $(#[$doc])*
        pub(super) struct $name;

        impl Set for $name {
            fn kinds() -> Vec<Kind> {
                vec![$(Kind::$kind),+]
            }
        }
    )*};
}

/// What any call can answer that needs the scope `N`.
pub(super) struct EveryCall<N>(PhantomData<N>);

impl<N: Needs> Set for EveryCall<N> {
    fn kinds() -> Vec<Kind> {
        [Keyed::kinds(), vec![Kind::MissingScope(N::SCOPE)]].concat()
    }
}

sets! {
    /// What a call with a key can answer, whoever has it.
    Keyed: HeaderTwice NoKey UnknownKey UnknownHost HeadTooLarge Internal PolicyMissing Busy OutcomeUnknown
        StoreUnavailable;
    /// What a call without a key can answer.
    Open: HeaderTwice UnknownHost HeadTooLarge Internal Busy StoreUnavailable;
    /// What a call with a body can answer.
    WithBody: NotJson BodyIncomplete HeaderTwice SlowBody BodyTooLarge NotJsonType Invalid;
    /// What a call that takes no body can answer when there is one.
    WithoutBody: NotJson BodyIncomplete SlowBody BodyTooLarge Invalid;
    /// What a call with an `Idempotency-Key` can answer.
    Repeatable: Invalid KeyReused;
    /// What a call can answer when the recipient wants no messages any more.
    Unwanted: RecipientOptedOut;
    /// What a call can answer that asks for what its policy does not leave to it.
    NotByPolicy: ForbiddenByPolicy;
    /// What a call can answer that says where its events go.
    NotThere: CallbackNotAllowed;
    /// What a call with a query can answer.
    WrongQuery: Invalid;
    /// What a call that names something can answer.
    NoSuch: NoSuchThing;
    /// What issuing can answer, when a limit is reached or the guard refuses.
    Limited: CountryNotAllowed PrefixBlocked PremiumNumber LimitReached PrefixStopped TooManyLocks;
    /// What sending again can answer.
    TooOften: CountryNotAllowed PrefixBlocked PremiumNumber ResendTooEarly NoResendsLeft LimitReached PrefixStopped
        TooManyLocks;
    /// What sending again can answer when the otp has ended, or cannot be told any more.
    Ended: OtpEnded PolicyChanged;
    /// What listening can answer.
    Crowded: TooManyStreams;
    /// What withdrawing can answer.
    Sent: NotWithdrawn;
}

/// These kinds, one response per status.
fn described(kinds: &[Kind]) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status: BTreeMap<u16, Vec<Kind>> = BTreeMap::new();
    for kind in kinds {
        let alike = by_status.entry(kind.status().as_u16()).or_default();
        if !alike.contains(kind) {
            alike.push(*kind);
        }
    }
    by_status.into_iter().map(|(status, kinds)| (status.to_string(), RefOr::T(response(status, &kinds)))).collect()
}

fn response(status: u16, kinds: &[Kind]) -> Response {
    let examples = kinds.iter().map(|kind| (kind.code(), RefOr::T(example(*kind))));
    let schema = Ref::from_schema_name("Problem");
    let content = ContentBuilder::new().schema(Some(schema)).examples_from_iter(examples).build();
    let described: Vec<_> = kinds.iter().map(|kind| kind.detail()).collect();
    let mut response =
        ResponseBuilder::new().description(described.join(" Or: ")).content("application/problem+json", content);
    if matches!(status, 429 | 503) {
        response =
            response.header("Retry-After", header(Type::Integer, "Seconds after which it is worth trying again"));
    }
    if status == 401 {
        response = response.header("WWW-Authenticate", header(Type::String, "How to send a key"));
    }
    response.build()
}

fn header(schema_type: Type, description: &str) -> utoipa::openapi::header::Header {
    let schema = ObjectBuilder::new().schema_type(schema_type).build();
    HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build()
}

fn example(kind: Kind) -> Example {
    let problem = match kind {
        Kind::Invalid => Problem::invalid("to", "write the number with its country code, for example +15551234567"),
        Kind::ForbiddenByPolicy => Problem::forbidden("domain", "this host is not among the policy's `domains`"),
        Kind::LimitReached => Problem::new(kind).by(Rule::PerPrefixHour.as_str()).retry_after(Duration::from_secs(30)),
        Kind::ResendTooEarly => Problem::new(kind).retry_after(Duration::from_secs(30)),
        Kind::CountryNotAllowed => Problem::new(kind).by(Rule::Countries.as_str()),
        Kind::PrefixBlocked => Problem::new(kind).by(Rule::BlockPrefixes.as_str()),
        Kind::PremiumNumber => Problem::new(kind).by(Rule::Premium.as_str()),
        Kind::PrefixStopped => {
            Problem::new(kind).by(Rule::LeastConversionPercent.as_str()).retry_after(Duration::from_secs(43_200))
        }
        Kind::TooManyLocks => Problem::new(kind).by(Rule::RepeatedLocks.as_str()).retry_after(Duration::from_secs(120)),
        kind => Problem::new(kind),
    };
    ExampleBuilder::new().summary(kind.code()).value(Some(json!(problem.document()))).build()
}
