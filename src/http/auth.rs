//! Who calls: the app's key in one of three headers, or the user on the other end of the unix socket.
//!
//! An app that was found is remembered for [`FRESH_FOR`], so that a busy client does not ask the database for every
//! request; a key that was removed or changed stops working within that time.
//!
//! Its one rule: a handler gets an app only with the scope that it names in its own arguments.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::secret::{ApiKey, KeyDigest};
use crate::store::{App, Scope};

use super::api::Shared;
use super::problem::{Kind, Problem};

/// How long an app is remembered.
const FRESH_FOR: Duration = Duration::from_secs(1);
/// How many apps are remembered before the old ones are looked through.
const MOST_REMEMBERED: usize = 64;

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    /// A client on the network address.
    Network,
    /// The user with this id, on the unix socket.
    User(u32),
}

/// A scope, named as a type so that a handler's arguments say what it needs.
pub(super) trait Needs: std::marker::Send {
    const SCOPE: Scope;
}

macro_rules! scopes {
    ($($name:ident),*) => {$(
        #[doc = concat!("Needs the scope `", stringify!($name), "`.")]
        #[derive(Debug)]
        pub(super) struct $name;
        impl Needs for $name {
            const SCOPE: Scope = Scope::$name;
        }
    )*};
}
scopes!(Issue, Verify, Send, Read, Admin);

/// The app that calls, which has the scope `N`. Apps with the scope `admin` have every scope.
pub(super) struct Caller<N> {
    /// The app.
    pub(super) app: Arc<App>,
    /// What it is known by.
    pub(super) who: Who,
    scope: PhantomData<N>,
}

impl<N: Needs> FromRequestParts<Shared> for Caller<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Problem> {
        let who = who(parts, shared)?;
        let app = shared.app(who).await?;
        if !app.scopes.contains(&N::SCOPE) && !app.scopes.contains(&Scope::Admin) {
            return Err(Problem::new(Kind::MissingScope(N::SCOPE)));
        }
        Ok(Self { app, who, scope: PhantomData })
    }
}

/// What an app is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Who {
    Key(KeyDigest),
    User(u32),
}

fn who(parts: &Parts, shared: &Shared) -> Result<Who, Problem> {
    if let Some(key) = presented_key(&parts.headers) {
        return Ok(Who::Key(shared.store().site_key().key_digest(&key)));
    }
    let is_empty_handed =
        !parts.headers.contains_key(header::AUTHORIZATION) && !parts.headers.contains_key("x-api-key");
    match parts.extensions.get() {
        Some(Peer::User(id)) if is_empty_handed && shared.is_known_user(*id) => Ok(Who::User(*id)),
        _ => Err(Problem::new(Kind::NoKey)),
    }
}

/// The key in `Authorization: Bearer`, `Authorization: Basic` or `X-API-Key`. When `Authorization` is there it alone
/// counts, so that a wrong key is never saved by another.
fn presented_key(headers: &HeaderMap) -> Option<ApiKey> {
    let key = match headers.get(header::AUTHORIZATION) {
        Some(authorization) => key_in_authorization(authorization.to_str().ok()?)?,
        None => headers.get("x-api-key")?.to_str().ok()?.trim().to_owned(),
    };
    (!key.is_empty()).then(|| ApiKey::new(key))
}

fn key_in_authorization(value: &str) -> Option<String> {
    let (scheme, rest) = value.trim().split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        Some(rest.to_owned())
    } else if scheme.eq_ignore_ascii_case("basic") {
        key_in_basic(rest)
    } else {
        None
    }
}

/// The password; without one, the user (`curl -u KEY:`).
fn key_in_basic(encoded: &str) -> Option<String> {
    let pair = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (user, password) = pair.split_once(':').unwrap_or((&pair, ""));
    Some(if password.is_empty() { user.to_owned() } else { password.to_owned() })
}

/// The apps that called a moment ago.
#[derive(Debug, Default)]
pub(super) struct Remembered(Mutex<HashMap<Who, (Instant, Arc<App>)>>);

impl Remembered {
    pub(super) fn get(&self, who: &Who) -> Option<Arc<App>> {
        let apps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, app) = apps.get(who)?;
        (since.elapsed() < FRESH_FOR).then(|| Arc::clone(app))
    }

    pub(super) fn put(&self, who: Who, app: &Arc<App>, asked: Instant) {
        let mut apps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if apps.len() >= MOST_REMEMBERED {
            apps.retain(|_, (since, _)| since.elapsed() < FRESH_FOR);
        }
        apps.insert(who, (asked, Arc::clone(app)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &'static str, value: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        presented_key(&headers).map(|key| key.expose().to_owned())
    }

    #[test]
    fn a_key_is_found_in_each_of_its_places() {
        assert_eq!(key("authorization", "Bearer k1").as_deref(), Some("k1"));
        assert_eq!(key("authorization", "bearer  k1").as_deref(), Some("k1"));
        assert_eq!(key("x-api-key", "k1").as_deref(), Some("k1"));
        for pair in ["shop:k1", "k1:", "k1"] {
            let value = format!("Basic {}", STANDARD.encode(pair));
            assert_eq!(key("authorization", &value).as_deref(), Some("k1"), "{pair}");
        }
    }

    #[test]
    fn what_is_no_key_is_none() {
        for value in ["Bearer", "Bearer ", "Basic ???", "Digest k1", ""] {
            assert_eq!(key("authorization", value), None, "{value}");
        }
        assert_eq!(key("x-api-key", " "), None);
    }
}
