//! A receiver of callbacks, with moods. It speaks HTTP by hand, so that it can stop in the middle of anything.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// How a receiver answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mood {
    /// With this status, and more lines of the head.
    Answer(u16, String),
    /// Never.
    Hang,
    /// It closes the connection instead.
    Drop,
    /// It closes the connection in the middle of the answer's head.
    DropInTheHead,
    /// It promises a body of a gigabyte and sends it, as far as somebody reads it.
    Flood,
}

impl Mood {
    pub(crate) fn status(status: u16) -> Self {
        Self::Answer(status, String::new())
    }
}

/// A request that came in whole.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn id(&self) -> &str {
        self.header("webhook-id")
    }

    pub(crate) fn event(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// What happened.
    pub(crate) fn kind(&self) -> String {
        self.event()["type"].as_str().unwrap().to_owned()
    }

    /// The id of the otp it is about.
    pub(crate) fn otp(&self) -> String {
        self.event()["data"]["otp"]["id"].as_str().unwrap().to_owned()
    }
}

/// A port at which nobody listens, nor can.
pub(crate) struct Vacant(TcpSocket);

impl Vacant {
    pub(crate) fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        Self(socket)
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }
}

/// A receiver that listens.
pub(crate) struct Receiver {
    pub(crate) port: u16,
    mood: watch::Sender<Mood>,
    got: mpsc::UnboundedReceiver<Got>,
    connections: Arc<Mutex<usize>>,
}

impl Receiver {
    pub(crate) fn start(mood: Mood) -> Self {
        Self::start_at(Vacant::new(), mood)
    }

    pub(crate) fn start_at(vacant: Vacant, mood: Mood) -> Self {
        Self::listen(vacant.0.listen(1024).unwrap(), mood)
    }

    /// At this address of the loopback.
    pub(crate) async fn start_on(host: &str, mood: Mood) -> Self {
        Self::listen(TcpListener::bind((host, 0)).await.unwrap(), mood)
    }

    fn listen(listener: TcpListener, mood: Mood) -> Self {
        let port = listener.local_addr().unwrap().port();
        let (mood, moods) = watch::channel(mood);
        let (sender, got) = mpsc::unbounded_channel();
        let connections = Arc::new(Mutex::new(0));
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            let mut open = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                *counted.lock().unwrap() += 1;
                open.spawn(serve(stream, moods.clone(), sender.clone()));
            }
        });
        Self { port, mood, got, connections }
    }

    pub(crate) fn url(&self) -> String {
        url(self.port)
    }

    pub(crate) fn be(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }

    /// The next request.
    pub(crate) async fn next(&mut self) -> Got {
        self.got.recv().await.unwrap()
    }

    /// A request that is there already.
    pub(crate) fn now(&mut self) -> Option<Got> {
        self.got.try_recv().ok()
    }
}

pub(crate) fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}/sms-events?token=s3cret")
}

/// Serves one connection.
pub(crate) async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    moods: watch::Receiver<Mood>,
    sender: mpsc::UnboundedSender<Got>,
) {
    let mut stream = BufReader::new(stream);
    while let Some(got) = read(&mut stream).await {
        let _ = sender.send(got);
        let mood = moods.borrow().clone();
        let answer = match mood {
            Mood::Answer(status, more) => format!("HTTP/1.1 {status} x\r\n{more}content-length: 2\r\n\r\nok"),
            Mood::Hang => std::future::pending().await,
            Mood::Drop => return,
            Mood::DropInTheHead => {
                let _ = stream.write_all(b"HTTP/1.1 200 O").await;
                return;
            }
            Mood::Flood => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n").await;
                while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
                return;
            }
        };
        if stream.write_all(answer.as_bytes()).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut (impl AsyncBufRead + Unpin)) -> Option<Got> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
    let path = line.strip_prefix("POST ").unwrap().strip_suffix(" HTTP/1.1\r\n").unwrap().to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_owned(), value.to_owned());
    }
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    stream.read_exact(&mut body).await.ok()?;
    Some(Got { path, headers, body })
}
