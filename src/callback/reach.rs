//! Which addresses a URL may lead to: the `[webhook]` part of the configuration, and the judgement.

use core::net::IpAddr;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::url::CallbackUrl;

/// How far callbacks reach.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// Where the URLs may lead that requests bring: host names, addresses, and networks as `10.2.0.0/16`. Default:
    /// nowhere.
    pub allow: Vec<Allowed>,
}

/// One entry of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Allowed {
    /// A host by this name, in lower case.
    Name(String),
    /// All addresses that begin like this one, so many bits of it.
    Network(IpAddr, u8),
}

/// A text that is neither a host name nor a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a host name, an address, or a network such as 10.2.0.0/16")]
pub struct AllowedError;

/// Who named a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Whoever runs the site.
    Operator,
    /// An app, with a request.
    Request,
}

/// Where the events of one otp or message go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The URL.
    pub url: CallbackUrl,
    /// Who named it.
    pub source: Source,
}

/// Why a request may not name its URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotNamed {
    /// The app's policy lets none be named.
    #[error("the app's policy takes none; `callback-per-request = true` would")]
    ByPolicy,
    /// It leads where requests may not lead.
    #[error("its host is not in `allow` of [webhook]")]
    Host,
}

/// Why nothing is sent to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// `[webhook]` does not allow it to URLs of requests.
    #[error("the address is not among those that `allow` of [webhook] lets requests name")]
    NotAllowed,
    /// It would cross networks in the clear.
    #[error("plain http goes only to this machine and to private networks; use https")]
    Plain,
    /// No host has this address.
    #[error("no receiver can have this address")]
    NoHost,
}

impl Settings {
    /// Where the events of a request go: to the URL it names, if its app's policy lets requests name one, else to that of
    /// the policy.
    ///
    /// # Errors
    /// [`NotNamed`] when the request may not name it.
    pub fn target(
        &self,
        named: Option<CallbackUrl>,
        may_name: bool,
        of_policy: Option<&CallbackUrl>,
    ) -> Result<Option<Target>, NotNamed> {
        match named {
            None => Ok(of_policy.map(|url| Target { url: url.clone(), source: Source::Operator })),
            Some(_) if !may_name => Err(NotNamed::ByPolicy),
            Some(url) if !self.may_be_named(&url) => Err(NotNamed::Host),
            Some(url) => Ok(Some(Target { url, source: Source::Request })),
        }
    }

    /// Judges a URL of a request by how it is written. One that passes may still turn out to lead where it may not.
    fn may_be_named(&self, url: &CallbackUrl) -> bool {
        match url.address() {
            Some(address) => self.has_network_of(address),
            // A name may have an address of an allowed network; that shows when it is looked up.
            None => self.has_name(url.host()) || self.allow.iter().any(|entry| matches!(entry, Allowed::Network(..))),
        }
    }

    fn has_name(&self, host: &str) -> bool {
        self.allow.iter().any(|entry| matches!(entry, Allowed::Name(name) if name.eq_ignore_ascii_case(host)))
    }

    fn has_network_of(&self, address: IpAddr) -> bool {
        let within =
            |entry: &Allowed| matches!(entry, Allowed::Network(network, bits) if is_in(address, *network, *bits));
        self.allow.iter().any(within)
    }
}

/// Judges the address that a host has turned out to have, right before it is connected to.
///
/// A name that is allowed leads to any address but this machine's own and those of the link, where management
/// interfaces and the metadata services of hosters are: these must be allowed as addresses.
///
/// # Errors
/// [`Refused`] says why nothing is sent there.
pub fn admits(settings: &Settings, source: Source, host: &str, is_plain: bool, address: IpAddr) -> Result<(), Refused> {
    let address = address.to_canonical();
    if address.is_unspecified() || address.is_multicast() || is_broadcast(address) {
        return Err(Refused::NoHost);
    }
    let is_near = address.is_loopback() || is_link_local(address);
    let is_allowed =
        source == Source::Operator || settings.has_network_of(address) || (settings.has_name(host) && !is_near);
    match () {
        () if !is_allowed => Err(Refused::NotAllowed),
        () if is_plain && !is_near && !is_private(address) => Err(Refused::Plain),
        () => Ok(()),
    }
}

/// 169.254.0.0/16 (RFC 3927), fe80::/10 (RFC 4291).
fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// RFC 1918 and fc00::/7 (RFC 4193).
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private(),
        IpAddr::V6(address) => address.is_unique_local(),
    }
}

/// 255.255.255.255 and, with it, all of 0.0.0.0/8, which no host has.
fn is_broadcast(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(address) if address.is_broadcast() || address.octets()[0] == 0)
}

fn is_in(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    match (address.to_canonical(), network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            begins_alike(address.to_bits().into(), network.to_bits().into(), 32, bits)
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => begins_alike(address.to_bits(), network.to_bits(), 128, bits),
        _ => false,
    }
}

fn begins_alike(a: u128, b: u128, length: u8, bits: u8) -> bool {
    let rest = u32::from(length.saturating_sub(bits));
    a.checked_shr(rest).unwrap_or(0) == b.checked_shr(rest).unwrap_or(0)
}

impl FromStr for Allowed {
    type Err = AllowedError;

    fn from_str(text: &str) -> Result<Self, AllowedError> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        if let Ok(address) = address.parse::<IpAddr>() {
            let most = if address.is_ipv4() { 32 } else { 128 };
            let bits = bits.map_or(Ok(most), str::parse).map_err(|_| AllowedError)?;
            return if bits <= most { Ok(Self::Network(address, bits)) } else { Err(AllowedError) };
        }
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        // What looks like an address and is none would never be found as a name.
        let is_name = bits.is_none()
            && text.len() <= 253
            && text.split('.').all(is_label)
            && !text.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
        if is_name { Ok(Self::Name(text.to_ascii_lowercase())) } else { Err(AllowedError) }
    }
}

impl TryFrom<String> for Allowed {
    type Error = AllowedError;

    fn try_from(text: String) -> Result<Self, AllowedError> {
        text.parse()
    }
}

impl From<Allowed> for String {
    fn from(allowed: Allowed) -> Self {
        allowed.to_string()
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Network(address, bits) if *bits == if address.is_ipv4() { 32 } else { 128 } => {
                write!(f, "{address}")
            }
            Self::Network(address, bits) => write!(f, "{address}/{bits}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(allow: &[&str]) -> Settings {
        Settings { allow: allow.iter().map(|entry| entry.parse().unwrap()).collect() }
    }

    fn judged(allow: &[&str], source: Source, url: &str, address: &str) -> Result<(), Refused> {
        let url: CallbackUrl = url.parse().unwrap();
        admits(&settings(allow), source, url.host(), url.is_plain(), address.parse().unwrap())
    }

    #[test]
    fn what_the_operator_wrote_leads_anywhere_but_in_the_clear_across_networks() {
        let of_operator = |url, address| judged(&[], Source::Operator, url, address);
        for address in ["127.0.0.1", "::1", "10.1.2.3", "192.168.7.8", "fd00::1", "169.254.1.1", "fe80::1"] {
            assert_eq!(of_operator("http://a/", address), Ok(()), "{address}");
        }
        for address in ["203.0.113.5", "2001:db8::1", "::ffff:203.0.113.5"] {
            assert_eq!(of_operator("https://a/", address), Ok(()), "{address}");
            assert_eq!(of_operator("http://a/", address), Err(Refused::Plain), "{address}");
        }
        for address in ["0.0.0.0", "0.1.2.3", "::", "224.0.0.1", "ff02::1", "255.255.255.255", "::ffff:0.0.0.0"] {
            assert_eq!(of_operator("https://a/", address), Err(Refused::NoHost), "{address}");
        }
    }

    #[test]
    fn what_a_request_names_leads_only_where_it_is_allowed() {
        let of_request = |allow: &[&str], url, address| judged(allow, Source::Request, url, address);
        for (allow, url, address, outcome) in [
            (&[][..], "https://a.example/", "203.0.113.5", Err(Refused::NotAllowed)),
            (&["a.example"], "https://a.example/", "203.0.113.5", Ok(())),
            (&["a.example"], "https://A.Example:8443/", "203.0.113.5", Ok(())),
            (&["a.example"], "https://b.a.example/", "203.0.113.5", Err(Refused::NotAllowed)),
            (&["a.example"], "https://a.example/", "10.1.2.3", Ok(())),
            (&["a.example"], "http://a.example/", "203.0.113.5", Err(Refused::Plain)),
            // A name that was turned towards this machine, or towards a hoster's metadata.
            (&["a.example"], "https://a.example/", "127.0.0.1", Err(Refused::NotAllowed)),
            (&["a.example"], "https://a.example/", "169.254.169.254", Err(Refused::NotAllowed)),
            (&["a.example"], "https://a.example/", "::ffff:127.0.0.1", Err(Refused::NotAllowed)),
            (&["a.example"], "https://a.example/", "fe80::1", Err(Refused::NotAllowed)),
            (&["127.0.0.1"], "http://localhost:9000/", "127.0.0.1", Ok(())),
            (&["127.0.0.1"], "http://localhost:9000/", "127.0.0.2", Err(Refused::NotAllowed)),
            (&["10.2.0.0/16"], "http://whoever/", "10.2.255.1", Ok(())),
            (&["10.2.0.0/16"], "http://whoever/", "::ffff:10.2.255.1", Ok(())),
            (&["10.2.0.0/16"], "http://whoever/", "10.3.0.1", Err(Refused::NotAllowed)),
            (&["fd00::/8"], "http://whoever/", "fd12::1", Ok(())),
            (&["fd00::/8"], "http://whoever/", "10.2.0.1", Err(Refused::NotAllowed)),
            (&["0.0.0.0/0"], "https://whoever/", "203.0.113.5", Ok(())),
        ] {
            assert_eq!(of_request(allow, url, address), outcome, "{allow:?} {url} {address}");
        }
    }

    #[test]
    fn a_request_names_a_url_only_where_the_policy_lets_it() {
        let (settings, url) = (settings(&["a.example"]), |text: &str| text.parse::<CallbackUrl>().unwrap());
        let (named, of_policy) = (url("https://a.example/r"), url("https://b.example/p"));
        let target = |url: &CallbackUrl, source| Ok(Some(Target { url: url.clone(), source }));
        assert_eq!(settings.target(None, false, None), Ok(None));
        assert_eq!(settings.target(None, true, Some(&of_policy)), target(&of_policy, Source::Operator));
        assert_eq!(settings.target(Some(named.clone()), false, Some(&of_policy)), Err(NotNamed::ByPolicy));
        assert_eq!(settings.target(Some(named.clone()), true, Some(&of_policy)), target(&named, Source::Request));
        assert_eq!(settings.target(Some(of_policy), true, None), Err(NotNamed::Host));
    }

    #[test]
    fn a_url_is_judged_by_its_spelling_as_far_as_that_tells() {
        let named = |allow: &[&str], url: &str| settings(allow).may_be_named(&url.parse().unwrap());
        assert!(!named(&[], "https://a.example/"));
        assert!(named(&["a.example"], "https://a.example/x"));
        assert!(!named(&["a.example"], "https://b.example/x"));
        assert!(!named(&["a.example"], "https://127.0.0.1/x"));
        assert!(named(&["127.0.0.0/8"], "http://127.0.0.1/x"));
        assert!(!named(&["127.0.0.0/8"], "http://[::1]/x"));
        assert!(named(&["127.0.0.0/8"], "http://localhost/x"), "the lookup will tell");
    }

    #[test]
    fn entries_read_back_as_they_are_written() {
        for text in ["a.example", "10.2.0.0/16", "127.0.0.1", "::1", "fd00::/8", "app"] {
            assert_eq!(text.parse::<Allowed>().unwrap().to_string(), text);
        }
        for text in ["", "https://a", "a/8", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "*.a", "10.0.0", "a:80", "a..b"] {
            assert_eq!(text.parse::<Allowed>(), Err(AllowedError), "{text}");
        }
    }
}
