//! A modem behind a serial server: `tcp://host:port`, for instance `ser2net` in raw mode.
//!
//! The server must pass bytes on as they are: nothing of telnet or RFC 2217 is spoken. A line that dies without a word
//! is found by TCP's own keepalive, and by the modem's silence.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use rustix::net::sockopt;
use tokio::net::TcpStream;

use super::port::{Connecting, Connector, Io, Unopened};

/// How long one address may take to answer.
const CONNECT: Duration = Duration::from_secs(10);
/// The silence after which the other side is asked whether it is still there.
const IDLE: Duration = Duration::from_secs(30);
/// How long it may take to say so, and how often it is asked.
const INTERVAL: Duration = Duration::from_secs(10);
const PROBES: u32 = 3;
/// How long what was written may stay unacknowledged, in milliseconds: as long as the silence above.
const UNACKNOWLEDGED: u32 = 60_000;

/// What a serial server's address begins with.
const SCHEME: &str = "tcp://";

/// The address of a serial server's line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcpAddress {
    host: String,
    port: u16,
}

/// Why a text is no such address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected tcp://HOST:PORT with a port from 1 to 65535, for instance `tcp://192.0.2.7:3001`")]
pub struct AddressError;

impl TcpAddress {
    /// Whether this port is meant as an address, right or wrong, and not as a path.
    #[must_use]
    pub fn is_meant_by(port: &str) -> bool {
        port.starts_with(SCHEME)
    }
}

impl FromStr for TcpAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (host, port) = text.strip_prefix(SCHEME).and_then(|rest| rest.rsplit_once(':')).ok_or(AddressError)?;
        let inside = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let in_order = match inside {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => {
                !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-' || c == '_')
            }
        };
        let port: u16 = port.parse().map_err(|_| AddressError)?;
        if !in_order || port == 0 {
            return Err(AddressError);
        }
        Ok(Self { host: inside.unwrap_or(host).to_owned(), port })
    }
}

impl fmt::Display for TcpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Opens a line of a serial server.
#[derive(Debug, Clone)]
pub struct TcpConnector {
    address: TcpAddress,
}

impl TcpConnector {
    /// The line at this address.
    #[must_use]
    pub fn new(address: TcpAddress) -> Self {
        Self { address }
    }

    async fn open(&self) -> io::Result<Box<dyn Io>> {
        let mut failed = io::Error::new(io::ErrorKind::NotFound, format!("{} has no address", self.address.host));
        for address in tokio::net::lookup_host((self.address.host.as_str(), self.address.port)).await? {
            match connect(address).await {
                Ok(stream) => return Ok(Box::new(stream)),
                Err(error) => failed = error,
            }
        }
        let reason = format!("the serial server {} does not answer: {failed}", self.address);
        Err(Unopened::as_error(failed.kind(), reason))
    }
}

impl Connector for TcpConnector {
    fn connect(&mut self) -> Connecting<'_> {
        Box::pin(self.open())
    }
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let within = tokio::time::timeout(CONNECT, TcpStream::connect(address)).await;
    let stream = within.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(&stream, true)?;
    sockopt::set_tcp_keepidle(&stream, IDLE)?;
    sockopt::set_tcp_keepintvl(&stream, INTERVAL)?;
    sockopt::set_tcp_keepcnt(&stream, PROBES)?;
    sockopt::set_tcp_user_timeout(&stream, UNACKNOWLEDGED)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_host_and_a_port() {
        for (text, host, port) in [
            ("tcp://192.0.2.7:3001", "192.0.2.7", 3001),
            ("tcp://serial-server.example:2000", "serial-server.example", 2000),
            ("tcp://[2001:db8::1]:3001", "2001:db8::1", 3001),
        ] {
            assert_eq!(text.parse(), Ok(TcpAddress { host: host.to_owned(), port }), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "tcp://",
            "tcp://192.0.2.7",
            "tcp://:3001",
            "tcp://host:0",
            "tcp://host:65536",
            "tcp://host:3001/",
            "tcp://user@host:3001",
            "tcp://2001:db8::1:3001",
            "tcp://[host]:3001",
            "tcp://ho st:3001",
            "/dev/ttyUSB2",
        ] {
            assert_eq!(text.parse::<TcpAddress>(), Err(AddressError), "{text}");
        }
    }
}
