//! The API from the shell: one request to the running daemon, over its unix socket or over TCP.

use std::fmt;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustix::fs::{Access, access};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

use super::failure::Failure;
use crate::config::Config;
use crate::http::LONGEST_BODY;
use crate::secret::ApiKey;

/// An answer of the API is far smaller than this; whatever is not is not the API.
const LARGEST_ANSWER: usize = 1 << 20;

/// How long a request may take, from the connection to the whole answer. The daemon answers within a second.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What is said to who has no key. The daemon's own words are for those who write requests.
const NO_KEY: &str = "there is no key: put an app's key into the variable SMSOTPD_KEY, or its file after --key-file; \
                      `smsotpd app create NAME` makes one";

/// Where the daemon is and who asks.
#[derive(Debug, clap::Args)]
pub(super) struct Connection {
    /// The daemon's address, as host:port [default: the unix socket where this user may open it, else the address in the configuration]
    #[arg(long, value_name = "HOST:PORT")]
    address: Option<String>,
    /// The daemon's unix socket
    #[arg(long, value_name = "PATH", conflicts_with = "address")]
    socket: Option<PathBuf>,
    /// A file that holds the app's key [default: the variable SMSOTPD_KEY]
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// The configuration file [default: /etc/smsotpd/smsotpd.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the daemon's answer as JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl Connection {
    /// Sends one request and returns the JSON of the answer.
    ///
    /// # Errors
    /// As [`Caller::request`]; and when the configuration or the key's file cannot be read.
    pub(super) async fn request(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let caller = Caller { place: self.place()?, key: self.key()? };
        caller.request(method, path, body).await
    }

    fn place(&self) -> anyhow::Result<Place> {
        if let Some(address) = &self.address {
            let address = address.trim_start_matches("http://").trim_end_matches('/');
            return Ok(Place::Address(address.to_owned()));
        }
        if let Some(path) = &self.socket {
            return Ok(Place::Socket(path.clone()));
        }
        let config = Config::load(self.config.as_deref())?;
        match config.http.socket_path() {
            Some(socket) if access(socket, Access::WRITE_OK).is_ok() => Ok(Place::Socket(socket.to_owned())),
            _ => Ok(Place::Address(config.http.listen.to_string())),
        }
    }

    fn key(&self) -> anyhow::Result<Option<ApiKey>> {
        let key = match &self.key_file {
            Some(path) => {
                let read = std::fs::read_to_string(path);
                Some(read.map_err(|error| Failure::Key(format!("cannot read {}: {error}", path.display())))?)
            }
            None => std::env::var("SMSOTPD_KEY").ok(),
        };
        let key = key.map(|key| key.trim().to_owned()).filter(|key| !key.is_empty());
        match key.as_deref().is_none_or(|key| key.chars().all(|c| c.is_ascii_graphic())) {
            true => Ok(key.map(ApiKey::new)),
            false => Err(bad_key().into()),
        }
    }
}

fn bad_key() -> Failure {
    Failure::Key("the key has characters that no key has".to_owned())
}

/// One app that asks one daemon.
#[derive(Debug)]
pub(super) struct Caller {
    /// Where the daemon is.
    pub(super) place: Place,
    /// The app's key, if it has one.
    pub(super) key: Option<ApiKey>,
}

/// Where a daemon listens.
#[derive(Debug)]
pub(super) enum Place {
    /// On a unix socket.
    Socket(PathBuf),
    /// On an address, as `host:port`.
    Address(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => path.display().fmt(f),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl Caller {
    /// Sends one request and returns the JSON of the answer.
    ///
    /// # Errors
    /// [`Failure::Unreachable`] when no daemon answers within ten seconds, [`Failure::Key`] without a key or with one
    /// that is refused, [`Failure::Refused`] when the daemon says no.
    pub(super) async fn request(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        let mut request = Request::builder().method(method).uri(path).header(HOST, "localhost");
        if let Some(key) = &self.key {
            request = request.header(AUTHORIZATION, format!("Bearer {}", key.expose()));
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        if body.len() > LONGEST_BODY {
            // The daemon would say the same, and close before it was all sent; then nobody hears it.
            return Err(Failure::Refused(format!("A body has at most {LONGEST_BODY} bytes.")).into());
        }
        // All but the key is of our making.
        let request = request.body(Full::new(body)).map_err(|_| bad_key())?;
        let (status, answer) = self.exchange_within(ANSWER_WITHIN, request).await?;
        refuse(status, &answer)?;
        Ok(answer)
    }

    async fn exchange_within(
        &self,
        limit: Duration,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Value), Failure> {
        let late = |_| {
            let said = format!("no answer within {} s", limit.as_secs_f64());
            unreachable(&self.place, &io::Error::new(ErrorKind::TimedOut, said))
        };
        tokio::time::timeout(limit, self.exchange(request)).await.map_err(late)?
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Value), Failure> {
        let place = &self.place;
        match place {
            Place::Socket(path) => match UnixStream::connect(path).await {
                Ok(stream) => exchange(place, stream, request).await,
                Err(error) => Err(unreachable(place, &error)),
            },
            Place::Address(address) => match TcpStream::connect(address).await {
                Ok(stream) => exchange(place, stream, request).await,
                Err(error) => Err(unreachable(place, &error)),
            },
        }
    }
}

fn unreachable(place: &Place, error: &io::Error) -> Failure {
    let advice = match error.kind() {
        ErrorKind::PermissionDenied => {
            "Only root and the group of the socket may open it; without `--socket` the request goes over TCP"
        }
        ErrorKind::InvalidInput => "Write it as host:port, for example 127.0.0.1:8687",
        ErrorKind::TimedOut => {
            "What was asked for may have been done all the same. Is it smsotpd that listens there? `systemctl status \
             smsotpd` tells whether it runs"
        }
        _ => "Is it running? `systemctl status smsotpd` tells",
    };
    Failure::Unreachable(format!("the daemon does not answer on {place}: {error}. {advice}"))
}

async fn exchange<T>(place: &Place, stream: T, request: Request<Full<Bytes>>) -> Result<(StatusCode, Value), Failure>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stranger = || Failure::Unreachable(format!("whatever answers on {place} is not smsotpd"));
    let closed = |error: hyper::Error| match error.is_parse() {
        true => stranger(),
        false => Failure::Unreachable(format!("the daemon on {place} closed the connection: {error}")),
    };
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(closed)?;
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(request).await.map_err(closed)?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), LARGEST_ANSWER).collect().await;
    let broke_off = |error| Failure::Unreachable(format!("the answer from {place} broke off: {error}"));
    let body = body.map_err(broke_off)?.to_bytes();
    connection.abort();
    let body = serde_json::from_slice(&body).map_err(|_| stranger())?;
    Ok((status, body))
}

/// Turns an answer that is not a success into one sentence.
fn refuse(status: StatusCode, answer: &Value) -> Result<(), Failure> {
    if status.is_success() {
        return Ok(());
    }
    let text = |field: &str| answer.get(field).and_then(Value::as_str).map(str::to_owned);
    let said = text("detail").or_else(|| text("title")).unwrap_or_else(|| status.to_string());
    let fields = answer.get("errors").and_then(Value::as_array).into_iter().flatten();
    let fields: Vec<String> = fields
        .filter_map(|e| Some(format!("{}: {}", e.get("field")?.as_str()?, e.get("message")?.as_str()?)))
        .collect();
    let said = if fields.is_empty() { said } else { fields.join("; ") };
    Err(match (status, text("code").as_deref()) {
        (_, Some("no_key")) => Failure::Key(NO_KEY.to_owned()),
        (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => Failure::Key(said),
        _ => match answer.get("retry_after").and_then(Value::as_u64) {
            Some(seconds) => Failure::Refused(format!("{said} Try again in {seconds} s.")),
            None => Failure::Refused(said),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_takes_the_connection_and_says_nothing_is_not_waited_for_for_ever() {
        // The system takes the connection; nobody ever reads from it.
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let caller = Caller { place: Place::Address(address.clone()), key: None };
        let request = Request::new(Full::default());
        let failure = caller.exchange_within(Duration::from_millis(10), request).await.unwrap_err();
        let Failure::Unreachable(said) = failure else { panic!("{failure:?}") };
        assert!(said.contains(&address) && said.contains("no answer within 0.01 s"), "{said}");
    }
}
