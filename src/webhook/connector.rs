//! The way to a receiver: its name is looked up, each address judged, and the first that may be and can be is connected
//! to. What was judged is what is connected to; nothing is looked up in between.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, lookup_host};
use tower::Service;

use crate::callback::{self, Refused, Source};

/// How long looking up and connecting may take, all addresses together.
const WITHIN: Duration = Duration::from_secs(5);
/// So many addresses of one name are tried.
const ADDRESSES: usize = 4;

/// Why there is no connection. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ConnectError {
    /// The name is not known, or nobody knows it now.
    #[error("the receiver's name cannot be looked up")]
    NoAddress,
    /// It may not be connected to.
    #[error("{0}")]
    Refused(#[from] Refused),
    /// Nobody takes the connection.
    #[error("the receiver cannot be reached: {0}")]
    Unreachable(io::ErrorKind),
    /// It took too long.
    #[error("the receiver cannot be reached within {} s", WITHIN.as_secs())]
    TooSlow,
}

/// Connects to the hosts that URLs from one source may lead to.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    settings: Arc<callback::Settings>,
    source: Source,
}

impl Connector {
    pub(super) fn new(settings: Arc<callback::Settings>, source: Source) -> Self {
        Self { settings, source }
    }

    async fn connect(self, uri: Uri) -> Result<TokioIo<TcpStream>, ConnectError> {
        let is_plain = uri.scheme_str() != Some("https");
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16().unwrap_or(if is_plain { 80 } else { 443 });
        let found = lookup_host((host, port)).await.map_err(|_| ConnectError::NoAddress)?;
        let (mut admitted, mut error) = (Vec::new(), ConnectError::NoAddress);
        for address in found {
            match callback::admits(&self.settings, self.source, host, is_plain, address.ip()) {
                Ok(()) => admitted.push(address),
                Err(refused) => error = refused.into(),
            }
        }
        admitted.truncate(ADDRESSES);
        let each = WITHIN / u32::try_from(admitted.len().max(1)).unwrap_or(1);
        for address in admitted {
            match tokio::time::timeout(each, open(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(reason)) => error = ConnectError::Unreachable(reason.kind()),
                Err(_) => error = ConnectError::TooSlow,
            }
        }
        Err(error)
    }
}

async fn open(address: SocketAddr) -> io::Result<TokioIo<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(TokioIo::new(stream))
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TcpStream>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move {
            let connected = tokio::time::timeout(WITHIN, connector.connect(uri)).await;
            connected.unwrap_or(Err(ConnectError::TooSlow))
        })
    }
}
