//! The daemon's log on standard error, where journald finds it.
//!
//! Its one rule: whoever reads the log keeps nobody waiting. The lines are passed on by a thread of their own; when it cannot
//! pass on as many as it is given (a pipe that is full, a terminal that was halted), lines are lost, and how many is told.

use std::io::{self, IsTerminal as _, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::time::Duration;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{fmt, registry};

/// How many lines may wait to be passed on: about a megabyte of them.
const WAITING: usize = 4096;
/// How long the end of the process waits for what was logged last.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// The log. Its end waits a moment until everything was passed on.
#[must_use]
pub(super) struct Log(SyncSender<Entry>);

enum Entry {
    Line(Vec<u8>),
    /// Everything before it was passed on when this is dropped.
    End(mpsc::Sender<()>),
}

impl Drop for Log {
    fn drop(&mut self) {
        let (passed_on, all) = mpsc::channel();
        if self.0.try_send(Entry::End(passed_on)).is_ok() {
            // The end of the sender, or that nobody reads: both are the end of the waiting.
            let _ = all.recv_timeout(LAST_WORDS);
        }
    }
}

/// Sends the log to standard error. `RUST_LOG` chooses what, as `level` or `target=level,...`; `filter` is for when it is not
/// set or cannot be read.
///
/// # Errors
/// When the system gives no thread.
pub(super) fn begin(json: bool, filter: &str) -> io::Result<Log> {
    let asked = std::env::var("RUST_LOG").ok().filter(|asked| !asked.is_empty());
    let filter: Targets = asked.and_then(|asked| asked.parse().ok()).or(filter.parse().ok()).unwrap_or_default();
    let (queue, lines) = mpsc::sync_channel(WAITING);
    let lost = Arc::new(AtomicU64::new(0));
    let writer = Arc::new(Lines { queue: queue.clone(), lost: lost.clone() });
    std::thread::Builder::new().name("log".to_owned()).spawn(move || pass_on(&lines, &lost, io::stderr()))?;
    let terminal = io::stderr().is_terminal();
    let lines = fmt::layer().with_writer(writer).with_ansi(terminal);
    // journald stamps every line itself.
    let journald = std::env::var_os("JOURNAL_STREAM").is_some() && !terminal;
    let set = match (json, journald) {
        (true, _) => registry().with(lines.json().flatten_event(true)).with(filter).try_init(),
        (false, true) => registry().with(lines.without_time()).with(filter).try_init(),
        (false, false) => registry().with(lines).with(filter).try_init(),
    };
    if let Err(error) = set {
        tracing::debug!(%error, "the log was set up before");
    }
    Ok(Log(queue))
}

/// A panic is logged with its place only: its words could hold what it stumbled over.
pub(super) fn tell_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a task panicked");
    }));
}

/// Where lines are put that are to be passed on.
struct Lines {
    queue: SyncSender<Entry>,
    lost: Arc<AtomicU64>,
}

impl Write for &Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.queue.try_send(Entry::Line(line.to_vec())).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Passes lines on as long as there are any, however slowly they are taken.
fn pass_on(lines: &Receiver<Entry>, lost: &AtomicU64, mut to: impl Write) {
    while let Ok(entry) = lines.recv() {
        match entry {
            Entry::Line(line) => {
                // Who closed it reads nothing any more.
                let _ = to.write_all(&line);
                let missing = lost.swap(0, Ordering::Relaxed);
                if missing > 0 {
                    tracing::warn!(
                        lines = missing,
                        "lines of the log are missing here: whoever reads it did not keep up"
                    );
                }
            }
            Entry::End(passed_on) => drop(passed_on),
        }
    }
}
