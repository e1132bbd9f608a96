//! The fields that several calls share, each a type that reads only what is right, and says in the field's own terms
//! what is wrong. The patterns are for the description of the API; what is read is decided by the code beside them.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{AnyOfBuilder, SchemaFormat, Type};
use utoipa::openapi::{ObjectBuilder, RefOr, Required, Schema};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use crate::callback::CallbackUrl;
use crate::country;
use crate::guard::AddressBlock;
use crate::ids::{InboxId, MessageId, ModemName, OtpId};
use crate::otp::{self, CodeLength, Context};
use crate::phone::{GivenNumber, PhoneNumber};
use crate::secret::{Code, Text};
use crate::store::{App, CallbackId};
use crate::template::{AppHash, Domain, Locale, Template};

use super::api::Shared;
use super::problem::{Kind, Problem};

/// A telephone number with its country code (ITU-T E.164): `+` or `00`, then 8 to 15 digits. Spaces, dashes, dots,
/// slashes and brackets are left out. Where the app's policy has a `default-region`, also a mobile number as it is written
/// there, which the pattern does not show.
#[derive(ToSchema)]
#[schema(as = PhoneNumber, value_type = String, pattern = r"^ *(\+|[ ()./-]*0[ ()./-]*0)[ ()./-]*[1-9]([ ()./-]*[0-9]){7,14}[ ()./-]*$", example = "+15551234567")]
pub(super) struct Number(GivenNumber);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        GivenNumber::parse(&String::deserialize(from)?).map(Self).map_err(D::Error::custom)
    }
}

impl Number {
    /// The number with its country code, by the app's policy where it stands without.
    pub(super) fn complete(self, shared: &Shared, app: &App) -> Result<PhoneNumber, Problem> {
        let region = match &self.0 {
            GivenNumber::International(_) => None,
            GivenNumber::BehindZeros(_) | GivenNumber::National(_) => shared.policy(app)?.default_region,
        };
        country::complete(self.0, region).map_err(|error| Problem::invalid("to", error.to_string()))
    }
}

/// Where events go: a URL with `https`, or with `http` to this machine or a private network; a host, no user, no
/// fragment, at most 1000 characters.
#[derive(Deserialize, ToSchema)]
#[schema(
    as = CallbackUrl, value_type = String, max_length = 1000, example = "https://app.example.org/sms-events",
    pattern = r"^https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:0*([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?([/?]([A-Za-z0-9._~:/?@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)?$"
)]
pub(super) struct Receiver(pub(super) CallbackUrl);

/// What a code is for, in the app's own words: at most 64 characters, no control characters.
#[derive(Deserialize, ToSchema)]
#[schema(value_type = String, pattern = r"^[^\u0000-\u001f\u007f-\u009f]{0,64}$", example = "login")]
pub(super) struct Purpose(pub(super) String);

/// What a message says: something to read, no control characters but line feeds (CR LF is one), at most 10 SMS. That is 1530
/// characters of the GSM alphabet, or 670 UTF-16 units when there is a character of another.
#[derive(Deserialize, ToSchema)]
#[schema(
    as = MessageText, value_type = String, max_length = 1530, example = "Your parcel is at the gate.",
    pattern = r"^([^\u0000-\u0009\u000b-\u001f\u007f-\u009f]|\r\n)*[^\s\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0]([^\u0000-\u0009\u000b-\u001f\u007f-\u009f]|\r\n)*$"
)]
pub(super) struct Words(pub(super) Text);

/// What a code is bound to: who is paid and how much, a session, whatever the app confirms with it. What is given when the
/// code is issued must be given again, the same, when it is verified.
pub(super) struct Bound(pub(super) Context);

impl<'de> Deserialize<'de> for Bound {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Context::deserialize(from).map(Self)
    }
}

impl PartialSchema for Bound {
    fn schema() -> RefOr<Schema> {
        let text = |pattern| ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern));
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some(
                "What a code is bound to: who is paid and how much, a session, whatever the app confirms with it. What is \
                 given when the code is issued must be given again, the same, when it is verified. At most 10 keys.",
            ))
            .property_names(Some(text("^[a-z0-9_]{1,32}$")))
            .additional_properties(Some(text(r"^[^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]{1,128}$")))
            .max_properties(Some(Context::MOST_KEYS))
            .examples([serde_json::json!({"payee": "Corner Bakery", "amount": "12.00 EUR"})])
            .into()
    }
}

impl ToSchema for Bound {
    fn name() -> Cow<'static, str> {
        "Context".into()
    }
}

/// A language (BCP 47). One that there is no text in gives way to a wider one, `de-AT` to `de`, and then to the policy's.
#[derive(Deserialize, ToSchema)]
#[schema(
    as = Language, value_type = String, max_length = 35, example = "pt-BR",
    pattern = "^[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*$"
)]
pub(super) struct LanguageTag(pub(super) Locale);

/// The app's own words, at most 1000 characters, with `{code}`, and where they are wanted `{brand}`, `{minutes}`,
/// `{domain}`, `{payee}` and `{amount}`; `{{` and `}}` stand for braces.
#[derive(Deserialize, ToSchema)]
#[schema(
    as = Template, value_type = String, max_length = 1000, example = "{code} opens the gate of {brand}.",
    pattern = r"^([^\u0000-\u0009\u000b-\u001f\u007f-\u009f{}]|\{\{|\}\}|\{(brand|minutes|domain|payee|amount)\})*\{code\}([^\u0000-\u0009\u000b-\u001f\u007f-\u009f{}]|\{\{|\}\}|\{(code|brand|minutes|domain|payee|amount)\})*$"
)]
pub(super) struct OwnWords(pub(super) Template);

/// A host as it stands in a browser's address, without scheme, port and path.
#[derive(Deserialize, ToSchema)]
#[schema(
    as = Host, value_type = String, max_length = 253, example = "example.com",
    pattern = "^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?([.][A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$"
)]
pub(super) struct Host(pub(super) Domain);

/// The hash of an Android app (SMS Retriever): 11 characters.
#[derive(Deserialize, ToSchema)]
#[schema(as = AppHash, value_type = String, pattern = "^[A-Za-z0-9+/]{11}$", example = "FA+9qCX9VSu")]
pub(super) struct Hash(pub(super) AppHash);

/// The address of the app's user: IPv4 or IPv6, without a port. IPv6 addresses of one /64 count as one.
pub(super) struct ClientAddress(pub(super) AddressBlock);

impl<'de> Deserialize<'de> for ClientAddress {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let address = String::deserialize(from)?.trim().parse::<IpAddr>();
        let expected = "expected an IPv4 or IPv6 address without a port, for example 192.0.2.7";
        address.map(|address| Self(address.into())).map_err(|_| D::Error::custom(expected))
    }
}

impl PartialSchema for ClientAddress {
    fn schema() -> RefOr<Schema> {
        let text = |format: &str| {
            ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::Custom(format.to_owned())))
        };
        AnyOfBuilder::new()
            .item(text("ipv4"))
            .item(text("ipv6"))
            .description(Some(
                "The address of the app's user: IPv4 or IPv6, without a port. IPv6 addresses of one /64 count as one.",
            ))
            .examples(["192.0.2.7"])
            .into()
    }
}

impl ToSchema for ClientAddress {
    fn name() -> Cow<'static, str> {
        "ClientAddress".into()
    }
}

/// The longest code that is looked at, in characters, with the spaces and dashes that people type.
const LONGEST_CODE: usize = 64;

/// A code as somebody typed it: 1 to 64 characters. Spaces and dashes are left out, and capitals do not matter.
#[derive(ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 64, example = "123456")]
pub(super) struct TypedCode(pub(super) Code);

impl<'de> Deserialize<'de> for TypedCode {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let code = Code::deserialize(from)?;
        if (1..=LONGEST_CODE).contains(&code.expose().chars().count()) {
            Ok(Self(code))
        } else {
            Err(D::Error::custom(format_args!("expected 1 to {LONGEST_CODE} characters")))
        }
    }
}

/// A code that the app brings of its own: 4 to 10 digits and letters. Spaces and dashes are left out, and letters are made
/// capital.
#[derive(ToSchema)]
#[schema(value_type = String, pattern = "^[ -]*([0-9A-Za-z][ -]*){4,10}$", example = "471100")]
pub(super) struct OwnCode(pub(super) Code);

impl<'de> Deserialize<'de> for OwnCode {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        otp::brought(&Code::deserialize(from)?).map(Self).map_err(D::Error::custom)
    }
}

/// The name in the path of something that the app has. What is no such name is as unknown as one that nothing has:
/// who asks learns nothing from the difference.
pub(super) struct Named<T>(pub(super) T);

impl<T: FromStr, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let named = Path::<String>::from_request_parts(parts, state).await.ok();
        let id = named.and_then(|Path(name)| name.parse().ok());
        id.map(Self).ok_or_else(|| Problem::new(Kind::NoSuchThing))
    }
}

impl IntoParams for Named<OtpId> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![parameter("id", "The otp's id", "^otp_[0-9a-f]{32}$", "otp_01998b6a0c1e7d3e8f5a4b3c2d1e0f9a")]
    }
}

impl IntoParams for Named<MessageId> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![parameter("id", "The message's id", "^msg_[0-9a-f]{32}$", "msg_01998b6a0c1e7d3e8f5a4b3c2d1e0f9b")]
    }
}

impl IntoParams for Named<ModemName> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![parameter("name", "The modem's name", "^[a-z0-9][a-z0-9_-]{0,31}$", "m1")]
    }
}

impl IntoParams for Named<InboxId> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![parameter("id", "The message's id", "^in_[0-9a-f]{32}$", "in_01998b6a0c1e7d3e8f5a4b3c2d1e0f9c")]
    }
}

impl IntoParams for Named<CallbackId> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![parameter("id", "The callback's id", "^cb_[0-9a-f]{32}$", "cb_0000000000000a110000000000000003")]
    }
}

/// A number in the path, with its plus sign.
pub(super) struct NumberInPath(pub(super) PhoneNumber);

impl<S: Send + Sync> FromRequestParts<S> for NumberInPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let number = Path::<String>::from_request_parts(parts, state).await;
        let Path(number) = number.map_err(|_| Problem::invalid("number", "cannot be read"))?;
        let number = PhoneNumber::parse(&number).map_err(|error| Problem::invalid("number", error.to_string()))?;
        Ok(Self(country::as_one_number(number)))
    }
}

impl IntoParams for NumberInPath {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let pattern = r"^(\+|00)[1-9][0-9]{7,14}$";
        vec![parameter("number", "The number with its country code", pattern, "+15551234567")]
    }
}

/// What numbers of one block begin with, in the path: all but the last four digits, with the plus sign.
pub(super) struct BlockInPath(pub(super) i64);

impl<S: Send + Sync> FromRequestParts<S> for BlockInPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(prefix) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| Problem::invalid("prefix", "cannot be read"))?;
        let digits = prefix.strip_prefix('+').unwrap_or(&prefix);
        let is_block =
            (4..=11).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
        let expected = "expected a number without its last four digits, for example +1555123";
        let block = digits.parse().ok().filter(|_| is_block);
        block.map(Self).ok_or_else(|| Problem::invalid("prefix", expected))
    }
}

impl IntoParams for BlockInPath {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![parameter("prefix", "The numbers without their last four digits", r"^\+[1-9][0-9]{3,10}$", "+1555123")]
    }
}

pub(super) fn parameter(name: &str, description: &str, pattern: &str, example: &str) -> Parameter {
    let schema = ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).build();
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(description))
        .schema(Some(schema))
        .example(Some(example.into()))
        .build()
}

/// A whole number that is not negative. `300.0` is one: JSON has a single kind of number, and some clients write all of
/// theirs with a point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole(pub(super) u64);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(WholeVisitor)
    }
}

struct WholeVisitor;

impl Visitor<'_> for WholeVisitor {
    type Value = Whole;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number that is not negative")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Whole, E> {
        Ok(Whole(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Whole, E> {
        // Below this every whole number has a float of its own.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if number.fract() == 0.0 && (0.0..EXACT).contains(&number) {
            Ok(Whole(number as u64))
        } else {
            Err(E::invalid_value(Unexpected::Float(number), &self))
        }
    }
}

/// How long a code is to be.
pub(super) fn length<'de, D: Deserializer<'de>>(from: D) -> Result<Option<CodeLength>, D::Error> {
    let length = Option::<Whole>::deserialize(from)?.map(|length| CodeLength::try_from(length.0)).transpose();
    length.map_err(|_| {
        let (least, most) = (CodeLength::LEAST.get(), CodeLength::MOST.get());
        D::Error::custom(format_args!("expected a whole number from {least} to {most}"))
    })
}

/// A time as answers show it.
pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A time in whole seconds. Its range is judged by whoever takes it.
pub(super) fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    Ok(Option::<Whole>::deserialize(from)?.map(|seconds| Duration::from_secs(seconds.0)))
}
