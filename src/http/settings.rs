//! Where the API listens and whom it lets in: the `[http]` part of the configuration.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::ids::AppName;

use super::HttpError;

/// The longest path of a unix socket on Linux, in octets (unix(7): 108 with the NUL at its end).
const LONGEST_SOCKET: usize = 107;

/// Where the API listens and whom it lets in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// The network address to listen on. Port 0 takes any free port. Default: `127.0.0.1:8687`.
    #[serde(deserialize_with = "address")]
    pub listen: SocketAddr,
    /// The unix socket to listen on: an absolute path of at most 107 octets; an empty one means none. Default:
    /// `/run/smsotpd/api.sock`.
    pub socket: PathBuf,
    /// More names by which clients may call this machine in `Host`. `localhost`, `127.0.0.1`, `[::1]` and the address
    /// of `listen` are always known. Default: none.
    pub hosts: Vec<String>,
    /// Which user may call on the unix socket without a key, and as which app: a user's name or number, and the
    /// app's name. Default: none.
    pub socket_users: BTreeMap<String, AppName>,
    /// Whether `listen` may be an address that other machines reach. Keys and codes then cross the network in the
    /// clear, unless something in front does TLS. Default: false.
    pub allow_remote: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8687),
            socket: PathBuf::from("/run/smsotpd/api.sock"),
            hosts: Vec::new(),
            socket_users: BTreeMap::new(),
            allow_remote: false,
        }
    }
}

impl Settings {
    /// Looks for what cannot work, before anything is opened.
    ///
    /// # Errors
    /// [`HttpError::Remote`], [`HttpError::NoSuchUser`], [`HttpError::UserTwice`], [`HttpError::HostName`],
    /// [`HttpError::SocketPath`].
    pub fn check(&self) -> Result<(), HttpError> {
        if !self.listen.ip().is_loopback() && !self.allow_remote {
            return Err(HttpError::Remote { address: self.listen });
        }
        if let Some(host) = self.hosts.iter().find(|host| !is_host_name(host)) {
            return Err(HttpError::HostName { host: host.clone() });
        }
        if let Some(path) = self.socket_path() {
            if path.is_relative() {
                let expected = "an absolute path, for instance `/run/smsotpd/api.sock`";
                return Err(HttpError::SocketPath { expected });
            }
            if path.as_os_str().len() > LONGEST_SOCKET {
                let expected = "at most 107 octets: a unix socket's path has no more";
                return Err(HttpError::SocketPath { expected });
            }
        }
        self.users().map(|_| ())
    }

    /// The unix socket's path, if there is to be one.
    #[must_use]
    pub fn socket_path(&self) -> Option<&Path> {
        (!self.socket.as_os_str().is_empty()).then_some(self.socket.as_path())
    }

    /// The names in `Host` that mean this machine, beside those that always do.
    pub(super) fn known_hosts(&self) -> Vec<String> {
        let own = match self.listen.ip() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        };
        self.hosts.iter().cloned().chain([own]).collect()
    }

    /// Which app each user id on the unix socket is.
    pub(super) fn users(&self) -> Result<BTreeMap<u32, AppName>, HttpError> {
        // Only local accounts are in this file; for others the number can be written.
        let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let mut users = BTreeMap::new();
        for (user, app) in &self.socket_users {
            let id = user_id(user, &accounts).ok_or_else(|| HttpError::NoSuchUser { user: user.clone() })?;
            if users.insert(id, app.clone()).is_some() {
                return Err(HttpError::UserTwice { user: user.clone(), id });
            }
        }
        Ok(users)
    }
}

fn address<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    let expected = "expected an IP address and a port, for instance `127.0.0.1:8687` or `[::1]:8687`";
    String::deserialize(from)?.parse().map_err(|_| de::Error::custom(expected))
}

fn user_id(user: &str, accounts: &str) -> Option<u32> {
    user.parse().ok().or_else(|| {
        accounts.lines().find_map(|line| {
            let mut fields = line.split(':');
            (fields.next() == Some(user)).then(|| fields.nth(1)?.parse().ok()).flatten()
        })
    })
}

/// A name, or an address as in a URL: of IPv6 in brackets. Never with a port.
fn is_host_name(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_may_be_left_out() {
        assert_eq!(toml::from_str::<Settings>("").unwrap(), Settings::default());
    }

    #[test]
    fn all_keys_are_kebab_case() {
        let text = r#"
            listen = "[::1]:9000"
            socket = ""
            hosts = ["otp.local"]
            allow-remote = true
            [socket-users]
            1000 = "shop"
        "#;
        let settings: Settings = toml::from_str(text).unwrap();
        assert_eq!(settings.listen.port(), 9000);
        assert_eq!(settings.socket_path(), None);
        assert_eq!(settings.users().unwrap().get(&1000).map(AppName::as_str), Some("shop"));
    }

    #[test]
    fn an_unknown_key_is_refused() {
        assert!(toml::from_str::<Settings>("lissten = \"127.0.0.1:1\"").is_err());
    }

    #[test]
    fn an_address_that_others_reach_must_be_allowed() {
        let remote = Settings { listen: "0.0.0.0:8687".parse().unwrap(), ..Settings::default() };
        assert!(matches!(remote.check(), Err(HttpError::Remote { .. })));
        assert!(Settings { allow_remote: true, ..remote }.check().is_ok());
        assert!(Settings::default().check().is_ok());
    }

    #[test]
    fn users_are_found_by_name_and_number() {
        let accounts = "root:x:0:0:root:/root:/bin/sh\nshop:x:1001:1001::/home/shop:/bin/sh\n";
        assert_eq!(user_id("shop", accounts), Some(1001));
        assert_eq!(user_id("42", accounts), Some(42));
        assert_eq!(user_id("nobody-here", accounts), None);
    }

    #[test]
    fn a_user_who_is_written_twice_is_refused() {
        for (first, second) in [("0", "00"), ("0", "root"), ("root", "0")] {
            let text = format!("[socket-users]\n{first} = \"shop\"\n{second} = \"desk\"");
            let settings: Settings = toml::from_str(&text).unwrap();
            assert!(matches!(settings.check(), Err(HttpError::UserTwice { id: 0, .. })), "{text}");
        }
    }

    #[test]
    fn a_host_with_a_path_or_port_is_refused() {
        let check = |host: &str| Settings { hosts: vec![host.to_owned()], ..Settings::default() }.check();
        for wrong in ["http://otp.local/", "otp.local:8687", "[2001:db8::7]:8687", "2001:db8::7", "[otp]", ""] {
            assert!(matches!(check(wrong), Err(HttpError::HostName { .. })), "{wrong}");
        }
        for right in ["otp.local", "192.0.2.7", "[2001:db8::7]"] {
            assert!(check(right).is_ok(), "{right}");
        }
    }
}
