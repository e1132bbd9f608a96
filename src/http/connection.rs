//! One client's bytes, with an end to every wait for that client.
//!
//! hyper bounds how long a connection may be idle, but neither how long a client may take to read its answer, nor a
//! head apart from the pause before it. Both are bounded here: an error ends the connection and frees its place.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// How long a head may take to arrive, from the connection's start or from the head's first octet.
const HEAD_WITHIN: Duration = Duration::from_secs(5);
/// How long a client may take to read an answer, from the moment when the system could buffer no more of it.
const READ_WITHIN: Duration = Duration::from_secs(5);

/// Where a connection stands between its requests, told by who answers them.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    /// How many heads have come.
    heads: AtomicU64,
    /// Whether one of them is being answered: what is read now is its body.
    answering: AtomicBool,
}

impl Exchange {
    /// A head is complete.
    pub(super) fn begin(&self) {
        self.heads.fetch_add(1, Ordering::Relaxed);
        self.answering.store(true, Ordering::Relaxed);
    }

    /// Whether any head has come.
    pub(super) fn has_begun(&self) -> bool {
        self.heads.load(Ordering::Relaxed) > 0
    }

    /// The answer to it is known; what is read from now on is the next head.
    pub(super) fn end(&self) {
        self.answering.store(false, Ordering::Relaxed);
    }
}

/// A stream whose client is not waited for without end.
#[derive(Debug)]
pub(super) struct Bounded<T> {
    stream: T,
    exchange: Arc<Exchange>,
    heads: u64,
    /// Runs while a head is awaited, from its beginning.
    head: Option<Pin<Box<Sleep>>>,
    /// Runs while an answer cannot be handed over.
    answer: Option<Pin<Box<Sleep>>>,
}

impl<T> Bounded<T> {
    pub(super) fn new(stream: T, exchange: Arc<Exchange>) -> Self {
        let head = Some(Box::pin(tokio::time::sleep(HEAD_WITHIN)));
        Self { stream, exchange, heads: 0, head, answer: None }
    }

    /// What a read that gave nothing comes to.
    fn no_head_yet(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.head {
            Some(limit) => limit.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into())),
            None => Poll::Pending,
        }
    }

    /// What a write comes to. The time runs on until all was written: a client that reads a little now and then gets
    /// no more of it than one that reads nothing.
    fn written<R>(&mut self, context: &mut Context<'_>, result: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        if result.is_pending() || self.answer.is_some() {
            let limit = self.answer.get_or_insert_with(|| Box::pin(tokio::time::sleep(READ_WITHIN)));
            if limit.as_mut().poll(context).is_ready() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        result
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Bounded<T> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let heads = this.exchange.heads.load(Ordering::Relaxed);
        if heads != this.heads {
            (this.heads, this.head) = (heads, None);
        }
        let before = buffer.filled().len();
        let Poll::Ready(result) = Pin::new(&mut this.stream).poll_read(context, buffer) else {
            return this.no_head_yet(context);
        };
        let came = buffer.filled().len() > before;
        if came && this.head.is_none() && !this.exchange.answering.load(Ordering::Relaxed) {
            this.head = Some(Box::pin(tokio::time::sleep(HEAD_WITHIN)));
        }
        Poll::Ready(result)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Bounded<T> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_write(context, octets);
        this.written(context, result)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_write_vectored(context, pieces);
        this.written(context, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes only when it has written everything.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = ready!(Pin::new(&mut this.stream).poll_flush(context));
        this.answer = None;
        Poll::Ready(flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
