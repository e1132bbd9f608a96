//! The URL of a receiver.

use core::net::IpAddr;
use std::fmt;
use std::str::FromStr;

use http::Uri;

use super::reach::{Refused, Settings, Source, admits};

/// The longest URL, in octets.
const LONGEST: usize = 1000;

/// The URL of a receiver: `https` or `http`, a host, and no user. Prints without path and query, which may hold a
/// token.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CallbackUrl(String);

/// Why a text is no URL that a callback can go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// It is too long.
    #[error("a URL has at most {LONGEST} characters")]
    TooLong,
    /// It cannot be read.
    #[error("expected a URL such as https://app.example.org/sms-events")]
    Malformed,
    /// It has another scheme.
    #[error("expected a URL that begins with https:// or http://")]
    Scheme,
    /// It holds a user's name or password.
    #[error("a URL with a user in it is not taken; what is sent is signed, and a token can stand in the path")]
    User,
    /// It has a fragment.
    #[error("a URL with a `#` in it is not taken: receivers never see what follows")]
    Fragment,
    /// Its host is written as an address that nobody's callbacks go to.
    #[error(transparent)]
    Address(#[from] Refused),
}

impl CallbackUrl {
    /// A URL as the store has kept it. It was taken once, so its address is not judged again: that is done when it is
    /// connected to.
    ///
    /// # Errors
    /// [`UrlError`] when it is none.
    pub fn from_stored(text: &str) -> Result<Self, UrlError> {
        read(text)
    }

    /// The URL as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether what is sent there travels in the clear.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.scheme_length() == "http".len()
    }

    /// Scheme, host and port.
    #[must_use]
    pub fn origin(&self) -> &str {
        let authority = self.scheme_length() + "://".len();
        let end = self.0[authority..].find(['/', '?']).map_or(self.0.len(), |at| authority + at);
        &self.0[..end]
    }

    /// The host as it is written, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        let authority = &self.origin()[self.scheme_length() + "://".len()..];
        match authority.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            Some(address) => address,
            None => authority.split(':').next().unwrap_or(authority),
        }
    }

    /// The host's address, when it is written as one.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.host().parse().ok()
    }

    fn scheme_length(&self) -> usize {
        self.0.find(':').unwrap_or(0)
    }
}

impl FromStr for CallbackUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let url = read(text)?;
        if let Some(address) = url.address() {
            admits(&Settings::default(), Source::Operator, url.host(), url.is_plain(), address)?;
        }
        Ok(url)
    }
}

/// Reads a URL, wherever it leads.
fn read(text: &str) -> Result<CallbackUrl, UrlError> {
    if text.len() > LONGEST {
        return Err(UrlError::TooLong);
    }
    if text.contains('#') {
        return Err(UrlError::Fragment);
    }
    let uri: Uri = text.parse().map_err(|_| UrlError::Malformed)?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(UrlError::Malformed);
    };
    if !matches!(scheme, "http" | "https") {
        return Err(UrlError::Scheme);
    }
    if authority.as_str().contains('@') {
        return Err(UrlError::User);
    }
    let url = CallbackUrl(text.to_owned());
    // What is judged here must be what is connected to.
    let host = authority.host();
    let is_as_read = url.scheme_length() == scheme.len()
        && !host.is_empty()
        && url.host() == host.trim_start_matches('[').trim_end_matches(']')
        && url.origin().ends_with(authority.as_str())
        && match authority.as_str().strip_prefix(host) {
            Some("") => true,
            Some(port) => port.strip_prefix(':').and_then(|port| port.parse().ok()).is_some_and(|port: u16| port > 0),
            None => false,
        };
    if is_as_read { Ok(url) } else { Err(UrlError::Malformed) }
}

impl TryFrom<String> for CallbackUrl {
    type Error = UrlError;

    fn try_from(text: String) -> Result<Self, UrlError> {
        text.parse()
    }
}

impl From<CallbackUrl> for String {
    fn from(url: CallbackUrl) -> Self {
        url.0
    }
}

impl fmt::Display for CallbackUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.origin())
    }
}

impl fmt::Debug for CallbackUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.origin())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> CallbackUrl {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_url_is_taken_apart() {
        for (text, origin, host) in [
            ("https://app.example.org/a?b=c", "https://app.example.org", "app.example.org"),
            ("https://app.example.org", "https://app.example.org", "app.example.org"),
            ("http://127.0.0.1:8080?t=/x", "http://127.0.0.1:8080", "127.0.0.1"),
            ("http://[::1]:8080/", "http://[::1]:8080", "::1"),
            ("https://[2001:db8::1]", "https://[2001:db8::1]", "2001:db8::1"),
        ] {
            assert_eq!((url(text).origin(), url(text).host()), (origin, host), "{text}");
        }
        assert!(url("http://a/").is_plain() && !url("https://a/").is_plain());
        assert_eq!(url("http://[::1]:80/").address(), "::1".parse().ok());
        assert_eq!(url("http://localhost/").address(), None);
    }

    #[test]
    fn what_a_callback_cannot_go_to_is_refused_and_said() {
        for (text, error) in [
            ("", UrlError::Malformed),
            ("/events", UrlError::Malformed),
            ("app.example.org", UrlError::Malformed),
            ("https://", UrlError::Malformed),
            ("https:///x", UrlError::Malformed),
            ("https://a b/", UrlError::Malformed),
            ("https://ä.example/", UrlError::Malformed),
            ("https://a:99999/", UrlError::Malformed),
            ("https://a:/", UrlError::Malformed),
            ("https://a:0/", UrlError::Malformed),
            ("ftp://a/", UrlError::Scheme),
            ("https://user@a/", UrlError::User),
            ("https://user:secret@a/", UrlError::User),
            ("https://a/#b", UrlError::Fragment),
            ("http://203.0.113.5/", UrlError::Address(Refused::Plain)),
            ("http://[::ffff:203.0.113.5]/", UrlError::Address(Refused::Plain)),
            ("http://[2001:db8::1]:8080/", UrlError::Address(Refused::Plain)),
            ("https://0.0.0.0/", UrlError::Address(Refused::NoHost)),
        ] {
            assert_eq!(text.parse::<CallbackUrl>(), Err(error), "{text}");
        }
        assert_eq!(format!("https://a/{}", "x".repeat(1000)).parse::<CallbackUrl>(), Err(UrlError::TooLong));
    }

    #[test]
    fn a_url_prints_without_what_may_be_a_token() {
        let printed = format!("{0} {0:?}", url("https://app.example.org:8443/s3cret?key=s3cret"));
        assert_eq!(printed, "https://app.example.org:8443 https://app.example.org:8443");
    }
}
