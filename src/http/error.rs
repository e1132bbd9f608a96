//! Why the API cannot be offered at all. What a single request gets is a [`super::problem`].

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why the API cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address is reachable from other machines and nobody said that this is meant.
    #[error(
        "{address} can be reached from other machines, and keys and codes would cross the network in the clear. \
         Listen on 127.0.0.1 and put a TLS proxy (nginx, Caddy) in front, or set allow-remote = true if one is there \
         already"
    )]
    Remote {
        /// The address asked for.
        address: SocketAddr,
    },
    /// An entry of `hosts` is not a host name.
    #[error(
        "{host:?} is not a host name; write it as in a URL, without scheme, port and path, for example otp.example.org"
    )]
    HostName {
        /// The entry.
        host: String,
    },
    /// The unix socket's path cannot be one.
    #[error("expected {expected}; \"\" does without")]
    SocketPath {
        /// What it has to be.
        expected: &'static str,
    },
    /// A user named in `socket-users` is not in `/etc/passwd`.
    #[error("there is no local user {user:?}; for a user from elsewhere write the user's number (id -u {user})")]
    NoSuchUser {
        /// The name.
        user: String,
    },
    /// Two entries of `socket-users` are the same user.
    #[error("{user:?} is the user {id}, who has another entry already; a user is one app")]
    UserTwice {
        /// The later of the entries.
        user: String,
        /// The user's number.
        id: u32,
    },
    /// The network address cannot be listened on.
    #[error("cannot listen on {address}: {reason}{}", in_use(reason))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        reason: io::Error,
    },
    /// The unix socket cannot be made.
    #[error(
        "cannot listen on {}: {reason}. The folder must be there and writable; socket = \"\" does without",
        path.display()
    )]
    Socket {
        /// The socket's path.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// Another daemon answers on the unix socket.
    #[error("{} is in use: is another smsotpd running?", path.display())]
    SocketInUse {
        /// The socket's path.
        path: PathBuf,
    },
    /// Something that is not a socket is where the unix socket should be.
    #[error("{} is there and is not a socket; move it away or choose another path", path.display())]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
}

fn in_use(reason: &io::Error) -> &'static str {
    if reason.kind() == io::ErrorKind::AddrInUse { " (is another smsotpd running?)" } else { "" }
}
