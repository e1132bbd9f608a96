//! Takes connections, on the network address and on the unix socket, and hands their requests to the router.
//!
//! The loops are our own and not axum's, which gives hyper no timer, so that a client that connects and says nothing
//! would be kept for ever. Here every wait for a client has an end ([`super::connection`]), the network and the unix
//! socket have [`PLACES`] each, so that neither can take the other's, and a stop ends within [`FINISH_WITHIN`]. When
//! all places are taken, connections go that only wait for their client's next request, or longer than [`ASK_WITHIN`] for
//! its first.
//!
//! Its one rule: no client, however slow or silent, holds anything for an unbounded time.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, header};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use super::auth::Peer;
use super::connection::{Bounded, Exchange};
use super::{HttpError, Settings};

/// How long a connection may be silent between two requests.
const IDLE_FOR: Duration = Duration::from_secs(30);
/// How long a new connection may be silent when others wait for its place. A client that connects has something to ask.
const ASK_WITHIN: Duration = Duration::from_millis(200);
/// How many connections are served at once on the network, and how many on the unix socket; more wait in the kernel's
/// queue.
const PLACES: usize = 256;
/// How long requests in progress may take to finish once the daemon stops.
const FINISH_WITHIN: Duration = Duration::from_millis(500);
/// How much of a head is buffered. The router refuses smaller ones already, in words; this is the last resort.
const LONGEST_BUFFER: usize = 64 * 1024;
/// How long to wait after the system refused to hand out a connection, mostly because too many files are open.
const AFTER_REFUSAL: Duration = Duration::from_millis(100);

/// When the daemon stops. What answers without an end must end then.
#[derive(Debug, Clone, Default)]
pub(super) struct Stopping(pub(super) CancellationToken);

/// What the API listens on, opened and not yet served.
#[derive(Debug)]
pub struct Listeners {
    tcp: TcpListener,
    address: SocketAddr,
    unix: Option<UnixSocket>,
}

impl Listeners {
    /// The network address, with the port that was taken when the settings asked for any.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The unix socket's path.
    #[must_use]
    pub fn socket(&self) -> Option<&Path> {
        self.unix.as_ref().map(|unix| unix.path.as_path())
    }
}

/// A unix socket whose file goes away with it.
#[derive(Debug)]
struct UnixSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Opens what the settings name. Clients that connect from here on wait until [`serve`] runs.
///
/// # Errors
/// [`HttpError`] when the settings cannot work, an address is taken, or the socket's folder is not writable.
pub async fn bind(settings: &Settings) -> Result<Listeners, HttpError> {
    settings.check()?;
    let failed = |reason| HttpError::Listen { address: settings.listen, reason };
    let tcp = TcpListener::bind(settings.listen).await.map_err(failed)?;
    let address = tcp.local_addr().map_err(failed)?;
    let unix = settings.socket_path().map(open_socket).transpose()?;
    Ok(Listeners { tcp, address, unix })
}

fn open_socket(path: &Path) -> Result<UnixSocket, HttpError> {
    let failed = |reason| HttpError::Socket { path: path.to_owned(), reason };
    make_way(path)?;
    let listener = UnixListener::bind(path).map_err(failed)?;
    let socket = UnixSocket { listener, path: path.to_owned() };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660)).map_err(failed)?;
    Ok(socket)
}

/// Makes the socket's folder, and takes away what a daemon that was killed left there.
fn make_way(path: &Path) -> Result<(), HttpError> {
    let failed = |reason| HttpError::Socket { path: path.to_owned(), reason };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
        Ok(there) if !there.file_type().is_socket() => return Err(HttpError::NotASocket { path: path.to_owned() }),
        Ok(_) => {}
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path).map_err(failed),
        Err(error) => Err(failed(error)),
        Ok(_) => Err(HttpError::SocketInUse { path: path.to_owned() }),
    }
}

/// Serves until `stop`; then lets requests in progress finish for half a second, and drops the rest.
pub async fn serve(listeners: Listeners, router: Router, stop: CancellationToken) {
    let Listeners { tcp, unix, .. } = listeners;
    let connections = TaskTracker::new();
    let cut = CancellationToken::new();
    let door = || Door {
        router: router.clone(),
        connections: connections.clone(),
        places: Arc::new(Semaphore::new(PLACES)),
        crowded: watch::Sender::new(()),
        stop: stop.clone(),
        cut: cut.clone(),
    };
    let users = async {
        if let Some(unix) = &unix {
            door().serve(unix).await;
        }
    };
    tokio::join!(door().serve(&tcp), users);
    drop(tcp);
    drop(unix);
    connections.close();
    if tokio::time::timeout(FINISH_WITHIN, connections.wait()).await.is_err() {
        cut.cancel();
        connections.wait().await;
    }
}

/// Something that clients connect to.
trait Accept: Sync {
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, Peer)>> + Send;
}

impl Accept for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, Peer)> {
        let (stream, _) = Self::accept(self).await?;
        // An answer is one small segment; waiting for more to send would only delay it.
        stream.set_nodelay(true)?;
        Ok((stream, Peer::Network))
    }
}

impl Accept for UnixSocket {
    type Stream = UnixStream;

    async fn accept(&self) -> io::Result<(UnixStream, Peer)> {
        let (stream, _) = self.listener.accept().await?;
        let user = stream.peer_cred()?.uid();
        Ok((stream, Peer::User(user)))
    }
}

/// One way in.
struct Door {
    router: Router,
    connections: TaskTracker,
    places: Arc<Semaphore>,
    /// Tells the connections that all places are taken and somebody waits for one.
    crowded: watch::Sender<()>,
    /// Asks a connection to finish what it is at.
    stop: CancellationToken,
    /// Ends a connection that did not.
    cut: CancellationToken,
}

impl Door {
    /// Lets clients in until the stop.
    async fn serve(self, listener: &impl Accept) {
        loop {
            match self.stop.run_until_cancelled(listener.accept()).await {
                None => return,
                Some(Ok((stream, peer))) => {
                    let Some(place) = self.stop.run_until_cancelled(self.place()).await else { return };
                    self.start(stream, peer, place);
                }
                Some(Err(error)) => {
                    tracing::warn!(error = %error, "cannot take a connection");
                    let _ = self.stop.run_until_cancelled(tokio::time::sleep(AFTER_REFUSAL)).await;
                }
            }
        }
    }

    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        if self.places.available_permits() == 0 {
            self.crowded.send_replace(());
        }
        // The semaphore is never closed.
        self.places.clone().acquire_owned().await.ok()
    }

    fn start<T>(&self, stream: T, peer: Peer, place: Option<OwnedSemaphorePermit>)
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (router, crowded) = (self.router.clone(), self.crowded.subscribe());
        let (stop, cut) = (self.stop.clone(), self.cut.clone());
        self.connections.spawn(async move {
            // A connection that breaks concerns its client alone, who sees it.
            let _ = cut.run_until_cancelled(talk(stream, peer, router, stop, crowded)).await;
            drop(place);
        });
    }
}

async fn talk<T>(
    stream: T,
    peer: Peer,
    router: Router,
    stop: CancellationToken,
    mut crowded: watch::Receiver<()>,
) -> hyper::Result<()>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (exchange, asks_until) = (Arc::new(Exchange::default()), Instant::now() + ASK_WITHIN);
    let stream = Bounded::new(stream, exchange.clone());
    let (asked, waited_for, stopping) = (exchange.clone(), crowded.clone(), Stopping(stop.clone()));
    let answer = service_fn(move |mut request: Request<Incoming>| {
        exchange.begin();
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(stopping.clone());
        answer(router.clone(), request, exchange.clone(), waited_for.clone())
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_FOR)
        .max_buf_size(LONGEST_BUFFER)
        .serve_connection(TokioIo::new(stream), answer);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        result = connection.as_mut() => return result,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
        _ = crowded.changed() => if asked.has_begun() {
            connection.as_mut().graceful_shutdown();
        } else {
            // Who has not asked yet is heard first, and let go with the answer.
            tokio::select! {
                biased;
                result = connection.as_mut() => return result,
                () = tokio::time::sleep_until(asks_until) => if !asked.has_begun() {
                    return Ok(());
                }
            }
        }
    }
    tokio::select! {
        result = connection.as_mut() => return result,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

async fn answer(
    mut router: Router,
    request: Request<Incoming>,
    exchange: Arc<Exchange>,
    waited_for: watch::Receiver<()>,
) -> Result<Response, Infallible> {
    let mut answer = router.call(request.map(Body::new)).await?;
    exchange.end();
    if waited_for.has_changed().unwrap_or(true) {
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(answer)
}
