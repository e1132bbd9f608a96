//! `Idempotency-Key`: a client that does not know whether its request arrived sends it again, and gets the same answer.
//!
//! What is compared is the method, the path and the body, octet for octet, by a digest under the site's key: a body can
//! hold a code, and a plain digest of something that short can be guessed.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ObjectBuilder, Required};

use crate::secret::SiteKey;
use crate::store::Idempotency;

use super::problem::Problem;

const HEADER: &str = "idempotency-key";
/// The longest key, in characters.
const LONGEST: usize = 128;

/// The key a request came with, if any.
#[derive(Debug)]
pub(super) struct IdempotencyKey(Option<Request>);

/// A request that is to be done once.
#[derive(Debug)]
struct Request {
    key: String,
    /// Method and path.
    head: String,
}

impl IdempotencyKey {
    /// What the store compares, for a request with this body.
    pub(super) fn with_body(self, body: &[u8], site: &SiteKey) -> Option<Idempotency> {
        self.0.map(|Request { key, head }| Idempotency { key, digest: site.request_digest(&head, body) })
    }
}

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(HEADER) else { return Ok(Self(None)) };
        let key = value.to_str().ok().filter(|key| is_key(key)).ok_or_else(|| {
            Problem::invalid(
                "Idempotency-Key",
                format!("expected 1 to {LONGEST} visible ASCII characters without spaces"),
            )
        })?;
        let head = format!("{} {}", parts.method, parts.uri.path());
        Ok(Self(Some(Request { key: key.to_owned(), head })))
    }
}

impl IntoParams for IdempotencyKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let schema = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[!-~]{1,128}$")).build();
        let parameter = ParameterBuilder::new()
            .name("Idempotency-Key")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some("A name for this request: 1 to 128 visible ASCII characters. Kept for 24 hours."))
            .schema(Some(schema))
            .example(Some("order-4711".into()))
            .build();
        vec![parameter]
    }
}

fn is_key(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_short_and_visible() {
        for good in ["a", "order-4711/2", &"x".repeat(LONGEST)] {
            assert!(is_key(good), "{good}");
        }
        for bad in ["", "a b", "ä", &"x".repeat(LONGEST + 1)] {
            assert!(!is_key(bad), "{bad}");
        }
    }
}
