//! Takes connections, on the network address and on the unix socket, and hands their requests to the router.
//!
//! The loop is our own and not axum's, which gives hyper no timer, so that a client that connects and says nothing
//! would be kept for ever. Here a head must come within [`HEAD_WITHIN`], a site has at most [`MOST_CONNECTIONS`], and
//! a stop ends within [`FINISH_WITHIN`].
//!
//! Its one rule: no client, however slow or silent, holds anything for an unbounded time.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use super::auth::Peer;
use super::{HttpError, Settings};

/// How long a connection may be silent before a head, or take to send one.
const HEAD_WITHIN: Duration = Duration::from_secs(30);
/// How many connections are served at once; more wait in the kernel's queue.
const MOST_CONNECTIONS: usize = 512;
/// How long requests in progress may take to finish once the daemon stops.
const FINISH_WITHIN: Duration = Duration::from_millis(500);
/// How much of a head is buffered. The router refuses smaller ones already, in words; this is the last resort.
const LONGEST_BUFFER: usize = 64 * 1024;
/// How long to wait after the system refused to hand out a connection, mostly because too many files are open.
const AFTER_REFUSAL: Duration = Duration::from_millis(100);

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
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let cut = CancellationToken::new();
    let server = Server { router, connections: connections.clone(), stop: stop.clone(), cut: cut.clone() };
    loop {
        // The semaphore is never closed.
        let Some(Ok(place)) = stop.run_until_cancelled(room.clone().acquire_owned()).await else { break };
        let next = stop.run_until_cancelled(server.next(&tcp, unix.as_ref(), place)).await;
        match next {
            None => break,
            Some(Ok(())) => {}
            Some(Err(error)) => {
                tracing::warn!(error = %error, "cannot take a connection");
                let _ = stop.run_until_cancelled(tokio::time::sleep(AFTER_REFUSAL)).await;
            }
        }
    }
    drop(tcp);
    drop(unix);
    connections.close();
    if tokio::time::timeout(FINISH_WITHIN, connections.wait()).await.is_err() {
        cut.cancel();
        connections.wait().await;
    }
}

/// What every connection needs.
struct Server {
    router: Router,
    connections: TaskTracker,
    /// Asks a connection to finish what it is at.
    stop: CancellationToken,
    /// Ends a connection that did not.
    cut: CancellationToken,
}

impl Server {
    async fn next(&self, tcp: &TcpListener, unix: Option<&UnixSocket>, place: OwnedSemaphorePermit) -> io::Result<()> {
        let from_unix = async {
            match unix {
                Some(unix) => unix.listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            accepted = tcp.accept() => {
                let (stream, _) = accepted?;
                // An answer is one small segment; waiting for more to send would only delay it.
                stream.set_nodelay(true)?;
                self.start(stream, Peer::Network, place);
            }
            accepted = from_unix => {
                let (stream, _) = accepted?;
                let user = stream.peer_cred()?.uid();
                self.start(stream, Peer::User(user), place);
            }
        }
        Ok(())
    }

    fn start<T>(&self, stream: T, peer: Peer, place: OwnedSemaphorePermit)
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let router = self.router.clone();
        let (stop, cut) = (self.stop.clone(), self.cut.clone());
        self.connections.spawn(async move {
            // A connection that breaks concerns its client alone, who sees it.
            let _ = cut.run_until_cancelled(talk(stream, peer, router, stop)).await;
            drop(place);
        });
    }
}

async fn talk<T>(stream: T, peer: Peer, router: Router, stop: CancellationToken) -> hyper::Result<()>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let answer = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer);
        // Cloning a router counts a reference; calling it needs a router of one's own.
        router.clone().call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(LONGEST_BUFFER)
        .serve_connection(TokioIo::new(stream), answer);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        result = connection.as_mut() => return result,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}
