//! No client, however slow, silent or numerous, keeps the API from the others.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::api::{Site, exchange};
use axum::body::{Body, Bytes};
use axum::routing::get;
use hyper::Method;
use smsotpd::http::{self, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// As many connections as are served at once on the network.
const PLACES: usize = 256;
/// Whoever is kept waiting longer is kept waiting by another client.
const PATIENCE: Duration = Duration::from_secs(20);
const ASK: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Serves this router on a free port.
async fn serve(router: axum::Router) -> (SocketAddr, CancellationToken) {
    let settings = Settings { listen: "127.0.0.1:0".parse().unwrap(), socket: "".into(), ..Settings::default() };
    let listeners = http::bind(&settings).await.unwrap();
    let (address, stop) = (listeners.address(), CancellationToken::new());
    tokio::spawn(http::serve(listeners, router, stop.clone()));
    (address, stop)
}

/// Reads one answer without a body that ends the connection.
async fn answer_begins(stream: &mut TcpStream) {
    let mut first = [0; 12];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut first)).await.expect("an answer in time").unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
}

#[tokio::test]
async fn who_takes_all_places_of_the_network_takes_none_of_the_unix_socket() {
    let site = Site::start().await;
    let mut silent = Vec::new();
    for _ in 0..2 * PLACES {
        silent.push(TcpStream::connect(site.address).await.unwrap());
    }
    let stream = UnixStream::connect(site.socket()).await.unwrap();
    let asked = exchange(stream, Method::GET, "/healthz", &[], None);
    let reply = tokio::time::timeout(PATIENCE, asked).await.expect("the socket has places of its own");
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn who_only_might_ask_again_makes_way_for_who_asks() {
    let site = Site::start().await;
    let mut idle = Vec::new();
    for _ in 0..PLACES {
        let mut stream = TcpStream::connect(site.address).await.unwrap();
        stream.write_all(ASK).await.unwrap();
        answer_begins(&mut stream).await;
        idle.push(stream);
    }
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    stream.write_all(ASK).await.unwrap();
    answer_begins(&mut stream).await;
}

#[tokio::test]
async fn who_has_nothing_to_ask_makes_way_long_before_a_head_is_given_up() {
    let site = Site::start().await;
    // The unix socket has places of its own, so this one may take as long for its head as anybody.
    let mut slow = UnixStream::connect(site.socket()).await.unwrap();
    let mut silent = Vec::new();
    for _ in 0..2 * PLACES {
        let mut stream = TcpStream::connect(site.address).await.unwrap();
        if silent.len() % 2 == 0 {
            stream.write_all(b"GET /healthz HTTP/1.1\r\n").await.unwrap();
        }
        silent.push(stream);
    }
    let mut stream = TcpStream::connect(site.address).await.unwrap();
    stream.write_all(ASK).await.unwrap();
    let mut octet = [0];
    tokio::select! {
        () = answer_begins(&mut stream) => {}
        _ = slow.read(&mut octet) => panic!("the slow one was given up first"),
    }
}

/// What an answer that nobody reads is made of. Tells when it is given up.
struct Unread(Vec<u8>, Option<oneshot::Sender<()>>);

impl AsRef<[u8]> for Unread {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        let _ = self.1.take().map(|given_up| given_up.send(()));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_reads_is_given_up() {
    let (give_up, given_up) = oneshot::channel();
    let unread = Bytes::from_owner(Unread(vec![b'x'; 64 << 20], Some(give_up)));
    let unread = Arc::new(Mutex::new(Some(unread)));
    let answer = move || std::future::ready(Body::from(unread.lock().unwrap().take().unwrap()));
    let (address, _stop) = serve(axum::Router::new().route("/healthz", get(answer))).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(ASK).await.unwrap();
    tokio::time::timeout(PATIENCE, given_up).await.expect("it ends").unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_end_is_not_awaited_for_long() {
    let (address, _stop) = serve(axum::Router::new().route("/healthz", get(async || ""))).await;
    for before in [&b""[..], ASK] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(before).await.unwrap();
        if !before.is_empty() {
            answer_begins(&mut stream).await;
        }
        stream.write_all(b"G").await.unwrap();
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "it is still waited for");
    }
}
