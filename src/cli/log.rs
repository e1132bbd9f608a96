//! The daemon's log on standard error, where journald finds it.
//!
//! Its one rule: whoever reads the log keeps nobody waiting. The lines are passed on by a thread of their own; when it cannot
//! pass on as many as it is given (a pipe that is full, a terminal that was halted), lines are lost, and how many is told once
//! the others are out.

use std::fs::File;
use std::io::{self, IsTerminal as _, Write};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TryRecvError, TrySendError};
use std::time::{Duration, Instant};

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{fmt, registry};

use crate::clock::Timestamp;

/// How many lines may wait to be passed on: some hundred kilobytes of them.
const WAITING: usize = 1024;
/// How long the end of the process waits for what was logged last.
const LAST_WORDS: Duration = Duration::from_millis(300);
/// How often the end looks for room in a queue that is full.
const A_MOMENT: Duration = Duration::from_millis(5);

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
        let until = Instant::now() + LAST_WORDS;
        let (passed_on, all) = mpsc::channel();
        let mut end = Entry::End(passed_on);
        while let Err(TrySendError::Full(refused)) = self.0.try_send(end) {
            if Instant::now() >= until {
                return;
            }
            end = refused;
            std::thread::sleep(A_MOMENT);
        }
        // That everything is out, or that nobody reads: both are the end of the waiting.
        let _ = all.recv_timeout(until.saturating_duration_since(Instant::now()));
    }
}

/// Sends the log to standard error. `RUST_LOG` chooses what, as `level` or `target=level,...`; `filter` is for when it is not
/// set or cannot be read.
///
/// # Errors
/// When the system gives no thread, or no second handle of standard error.
pub(super) fn begin(json: bool, filter: &str) -> io::Result<Log> {
    let asked = std::env::var("RUST_LOG").ok().filter(|asked| !asked.is_empty());
    let filter: Targets = asked.and_then(|asked| asked.parse().ok()).or(filter.parse().ok()).unwrap_or_default();
    let (queue, lines) = mpsc::sync_channel(WAITING);
    let lost = Arc::new(AtomicU64::new(0));
    let writer = Arc::new(Lines { queue: queue.clone(), lost: lost.clone() });
    let terminal = io::stderr().is_terminal();
    // Not the standard library's, whose lock would be held by a write that does not end.
    let stderr = File::from(io::stderr().as_fd().try_clone_to_owned()?);
    std::thread::Builder::new().name("log".to_owned()).spawn(move || pass_on(&lines, &lost, stderr, json))?;
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
fn pass_on(lines: &Receiver<Entry>, lost: &AtomicU64, mut to: impl Write, json: bool) {
    loop {
        let entry = match lines.try_recv() {
            Ok(entry) => Some(entry),
            Err(TryRecvError::Disconnected) => None,
            Err(TryRecvError::Empty) => {
                tell_lost(lost, &mut to, json);
                lines.recv().ok()
            }
        };
        match entry {
            Some(Entry::Line(line)) => {
                if to.write_all(&line).is_err() {
                    lost.fetch_add(1, Ordering::Relaxed);
                }
            }
            Some(Entry::End(passed_on)) => {
                tell_lost(lost, &mut to, json);
                drop(passed_on);
            }
            None => return,
        }
    }
}

/// Tells how many lines were lost, if any were and somebody hears it.
fn tell_lost(lost: &AtomicU64, to: &mut impl Write, json: bool) {
    let missing = lost.swap(0, Ordering::Relaxed);
    if missing == 0 {
        return;
    }
    let (now, words) = (Timestamp::now(), "lines of the log were lost: whoever reads it did not keep up");
    let told = match json {
        true => writeln!(to, r#"{{"timestamp":"{now}","level":"WARN","message":"{words}","lines":{missing}}}"#),
        false => writeln!(to, "{now}  WARN smsotpd: {words} lines={missing}"),
    };
    if told.is_err() {
        lost.fetch_add(missing, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Somebody who reads nothing before he is told to.
    struct Reader {
        may_read: Receiver<()>,
        read: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Reader {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            // Once nobody can tell him any more he reads on.
            let _ = self.may_read.recv();
            self.read.lock().unwrap().extend(octets);
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_nobody_reads_is_counted_and_the_writers_go_on() {
        let (queue, lines) = mpsc::sync_channel(4);
        let (let_read, may_read) = mpsc::channel();
        let (lost, read) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(Vec::new())));
        let reader = Reader { may_read, read: read.clone() };
        let log = Log(queue.clone());
        let writer = Lines { queue, lost: lost.clone() };
        for _ in 0..100 {
            (&writer).write_all(b"a line\n").unwrap();
        }
        assert_eq!(lost.load(Ordering::Relaxed), 96);
        let passing = std::thread::spawn(move || pass_on(&lines, &lost, reader, true));
        drop(let_read);
        drop((log, writer));
        passing.join().unwrap();
        let read = String::from_utf8(read.lock().unwrap().clone()).unwrap();
        let (told, lines): (Vec<&str>, Vec<&str>) = read.lines().partition(|line| line.starts_with('{'));
        assert_eq!(lines, ["a line"; 4]);
        let told: serde_json::Value = serde_json::from_str(told[0]).unwrap();
        assert_eq!((&told["level"], &told["lines"]), (&"WARN".into(), &96.into()));
    }
}
