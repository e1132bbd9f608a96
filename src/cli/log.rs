//! The daemon's log on standard error, where journald finds it.
//!
//! Its one rule: whoever reads the log keeps nobody waiting. A pipe that is full, or a terminal that was halted, loses lines,
//! and is told how many once it takes some again.

use std::io::{self, IsTerminal as _, Write};
use std::sync::Mutex;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{fmt, registry};

/// A pipe that can be written to takes so many bytes without making the writer wait: `PIPE_BUF`.
const AT_ONCE: usize = 4096;
/// How long one line may wait for a reader that is slow. The next ones wait no more, until a line is taken.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
const NO_PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// Sends the log to standard error. `RUST_LOG` chooses what, as `level` or `target=level,...`; `filter` is for when it is not
/// set or cannot be read.
pub(super) fn begin(json: bool, filter: &str) {
    let asked = std::env::var("RUST_LOG").ok().filter(|asked| !asked.is_empty());
    let filter: Targets = asked.and_then(|asked| asked.parse().ok()).or(filter.parse().ok()).unwrap_or_default();
    let terminal = io::stderr().is_terminal();
    let lines = fmt::layer().with_writer(Mutex::new(Lines { json, lost: 0, is_cut: false })).with_ansi(terminal);
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
}

/// A panic is logged with its place only: its words could hold what it stumbled over.
pub(super) fn tell_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a task panicked");
    }));
}

/// Standard error, line by line.
struct Lines {
    json: bool,
    /// How many were lost since one was taken.
    lost: u64,
    /// The last one was taken in part.
    is_cut: bool,
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.lost > 0 {
            let notice = self.notice();
            if !self.put(notice.as_bytes()) {
                self.lost = self.lost.saturating_add(1);
                return Ok(line.len());
            }
            self.lost = 0;
        }
        if !self.put(line) {
            self.lost = 1;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// What is said of those that were lost, on a line of its own.
    fn notice(&self) -> String {
        let (begin, lost) = (if self.is_cut { "\n" } else { "" }, self.lost);
        let words = "lines of the log are missing here: whoever reads it did not keep up";
        match self.json {
            true => format!("{begin}{{\"level\":\"WARN\",\"message\":\"{words}\",\"lines\":{lost}}}\n"),
            false => format!("{begin} WARN smsotpd: {words} lines={lost}\n"),
        }
    }

    /// Writes it, if it is taken soon.
    fn put(&mut self, mut line: &[u8]) -> bool {
        let (stderr, whole) = (io::stderr(), line.len());
        let patience = if self.lost > 0 { NO_PATIENCE } else { PATIENCE };
        while !line.is_empty() {
            let mut ready = [PollFd::new(&stderr, PollFlags::OUT)];
            let is_ready = poll(&mut ready, Some(&patience)).is_ok_and(|ready| ready > 0);
            let written = if is_ready { rustix::io::write(&stderr, &line[..line.len().min(AT_ONCE)]) } else { Ok(0) };
            match written {
                Ok(0) | Err(_) => {
                    self.is_cut |= line.len() < whole;
                    return false;
                }
                Ok(taken) => line = &line[taken..],
            }
        }
        self.is_cut = false;
        true
    }
}
