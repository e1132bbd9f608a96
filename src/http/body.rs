//! Reads a request's JSON body: of the right type, in time, within 16 KiB, with known fields only.
//!
//! Its one rule: what is wrong is said with the field's name and what was expected there, never with the value that
//! came, since that may be a code or a number.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use bytes::BytesMut;
use http_body_util::BodyExt;
use hyper::body::Body as _;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;

use super::problem::{Kind, Problem};

/// The longest body of a request that is read, in octets.
pub const LONGEST_BODY: usize = 16 * 1024;

/// How much of a body that is too long is taken off the wire, so that the client gets to read the answer.
const LONGEST_DISCARDED: usize = 1024 * 1024;

/// How long a body may take after its head. Well within [`super::gate::ANSWER_WITHIN`], so that it is the client who is
/// told to hurry.
const BODY_WITHIN: Duration = Duration::from_millis(700);

/// A body that was JSON of type `T`.
pub(super) struct JsonBody<T> {
    /// What was sent.
    pub(super) value: T,
    /// The octets it was sent as.
    pub(super) raw: Bytes,
}

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if is_encoded(request.headers()) {
            return Err(Problem::new(Kind::NotJsonType).saying("Send the body as it is, without a `Content-Encoding`."));
        }
        if !is_json(request.headers()) {
            return Err(Problem::new(Kind::NotJsonType));
        }
        let raw = read(request.into_body()).await?;
        Ok(Self { value: parse(&raw)?, raw })
    }
}

/// The body of a call that takes none: nothing, `null`, or an object without fields, of whatever type.
///
/// Anything else would be passed over in silence: a length for a code that is sent again, or a code for an otp that is
/// approved without looking at one.
pub(super) struct NoBody;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct NoFields {}

impl<S: Sync> FromRequest<S> for NoBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let raw = read(request.into_body()).await?;
        if !matches!(raw.trim_ascii(), b"" | b"null") {
            parse::<NoFields>(&raw)?;
        }
        Ok(Self)
    }
}

/// Waits until the whole body is there, before anybody judges the request: a client that is refused while it still
/// sends would find its connection closed, and might never see why.
pub(super) async fn arrived(request: Request) -> Result<Request, Problem> {
    if request.body().is_end_stream() {
        return Ok(request);
    }
    // Who asks first (RFC 9110 §10.1.1) has sent nothing yet and need not be heard out.
    let asks_first = request.headers().contains_key(header::EXPECT);
    let announced = content_length(request.headers());
    if asks_first && announced.is_some_and(|length| length > LONGEST_BODY as u64) {
        return Err(Problem::new(Kind::BodyTooLarge));
    }
    let (parts, body) = request.into_parts();
    let reading = tokio::time::timeout(BODY_WITHIN, read(body));
    let raw = reading.await.map_err(|_| Problem::new(Kind::SlowBody))??;
    Ok(Request::from_parts(parts, Body::from(raw)))
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(content_type) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let mut parts = content_type.split(';').map(str::trim);
    let in_utf_8 = |parameter: &str| match parameter.split_once('=') {
        Some((name, charset)) if name.eq_ignore_ascii_case("charset") => {
            charset.trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    };
    parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) && parts.all(in_utf_8)
}

/// Whether the body is compressed, or otherwise not what it will be read as (RFC 9110 §8.4).
fn is_encoded(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
    codings.any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

async fn read(mut body: Body) -> Result<Bytes, Problem> {
    let mut collected = BytesMut::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Problem::new(Kind::BodyIncomplete))?.into_data() else { continue };
        length += data.len();
        if length <= LONGEST_BODY {
            collected.extend_from_slice(&data);
        } else if length > LONGEST_DISCARDED {
            break;
        }
    }
    if length > LONGEST_BODY { Err(Problem::new(Kind::BodyTooLarge)) } else { Ok(collected.freeze()) }
}

/// Reads one JSON object.
fn parse<T: DeserializeOwned>(raw: &[u8]) -> Result<T, Problem> {
    // A struct could be read from an array as well, its fields in order. That would be a second, secret contract.
    if !raw.trim_ascii_start().starts_with(b"{") {
        return Err(match serde_json::from_slice::<IgnoredAny>(raw) {
            Ok(_) => Problem::invalid("", "expected an object"),
            Err(error) => not_json(&error),
        });
    }
    let mut deserializer = serde_json::Deserializer::from_slice(raw);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        wrong(&path, error.inner())
    })?;
    deserializer.end().map_err(|error| not_json(&error))?;
    Ok(value)
}

fn not_json(error: &serde_json::Error) -> Problem {
    Problem::new(Kind::NotJson).saying(format!(
        "The body is not valid JSON (line {}, column {}).",
        error.line(),
        error.column()
    ))
}

fn wrong(path: &str, error: &serde_json::Error) -> Problem {
    if error.classify() != Category::Data {
        return not_json(error);
    }
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
    let parent = if path == "." { "" } else { path };
    for (start, saying) in [
        ("unknown field `", "is not a field of this call"),
        ("missing field `", "is required"),
        ("duplicate field `", "is there twice"),
    ] {
        if let Some(name) = message.strip_prefix(start).and_then(|rest| rest.split('`').next()) {
            return Problem::invalid(within(parent, name), saying);
        }
    }
    Problem::invalid(parent, without_value(message))
}

fn within(parent: &str, name: &str) -> String {
    let name: String = name.chars().take(64).collect();
    // Whether the path ends with the field itself depends on what is wrong with it.
    if parent.is_empty() || parent == name { name } else { format!("{parent}.{name}") }
}

/// serde's words without the value that came: `invalid type: string "123", expected u32` → `expected u32`. What our
/// own types say holds no value and stays as it is.
fn without_value(message: &str) -> String {
    let from_serde = ["invalid type: ", "invalid value: ", "invalid length ", "unknown variant "];
    if !from_serde.iter().any(|start| message.starts_with(start)) {
        return message.to_owned();
    }
    match message.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None => "has a wrong type or value".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[allow(dead_code, reason = "only reading it matters here")]
        to: String,
        #[allow(dead_code, reason = "only reading it matters here")]
        count: Option<super::super::fields::Whole>,
    }

    fn said(body: &str) -> (String, String) {
        let problem = parse::<Sample>(body.as_bytes()).unwrap_err();
        let document = serde_json::to_value(problem.document()).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        (text(&document["errors"][0]["field"]), text(&document["errors"][0]["message"]))
    }

    #[test]
    fn a_wrong_field_is_named_and_its_value_is_not_repeated() {
        for (body, field, message) in [
            (r#"{"to":"a","context":1}"#, "context", "is not a field of this call"),
            (r#"{}"#, "to", "is required"),
            (r#"{"to":"a","to":"b"}"#, "to", "is there twice"),
            (r#"{"to":15551234567}"#, "to", "expected a string"),
            (r#"{"to":"a","count":"x, expected y"}"#, "count", "expected a whole number that is not negative"),
            (r#"{"to":"a","count":-1}"#, "count", "expected a whole number that is not negative"),
            (r#"["a"]"#, "", "expected an object"),
            ("null", "", "expected an object"),
        ] {
            assert_eq!(said(body), (field.to_owned(), message.to_owned()), "{body}");
        }
    }

    #[test]
    fn what_is_not_json_is_told_by_its_place() {
        for body in ["", "{", "{\"to\":\"a\"} x", "to=a", "[1", "{\"to\":\"\\ud800\"}"] {
            let problem = parse::<Sample>(body.as_bytes()).unwrap_err();
            assert_eq!(serde_json::to_value(problem.document()).unwrap()["code"], "not_json", "{body}");
        }
    }
}
