//! The daemon's log on standard error, where journald finds it.
//!
//! Its one rule: whoever reads the log keeps nobody waiting. The lines are passed on by a thread of their own; when it cannot
//! pass on as many as it is given (a pipe that is full, a terminal that was halted), lines are lost, and how many is told
//! among the others.

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

/// How many lines may wait to be passed on: some hundred kilobytes of them, as long as lines are.
const WAITING: usize = 1024;
/// How long the end of the process waits for what was logged last.
const LAST_WORDS: Duration = Duration::from_millis(400);
/// How often the end looks for room in a queue that is full.
const A_MOMENT: Duration = Duration::from_millis(5);
/// How often at most it is told between other lines that some are missing.
const NOTICE_AFTER: Duration = Duration::from_secs(1);

/// The log. Its end waits a moment until everything was passed on.
#[must_use]
pub(super) struct Log {
    queue: SyncSender<Entry>,
    form: Form,
}

enum Entry {
    Line(Vec<u8>),
    /// Everything before it was passed on when this is dropped.
    End(mpsc::Sender<()>),
}

impl Log {
    /// Tells why the process ends, whatever is filtered. Whoever does not read it keeps the process from ending no longer
    /// than a moment.
    pub(super) fn tell_failure(&self, error: &anyhow::Error) {
        self.put(Entry::Line(self.form.failure(error).into_bytes()), Instant::now() + LAST_WORDS);
    }

    /// Gives this to the thread that passes on, and waits until then for room.
    fn put(&self, mut entry: Entry, until: Instant) {
        while let Err(TrySendError::Full(refused)) = self.queue.try_send(entry) {
            if Instant::now() >= until {
                return;
            }
            entry = refused;
            std::thread::sleep(A_MOMENT);
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let until = Instant::now() + LAST_WORDS;
        let (passed_on, all) = mpsc::channel();
        self.put(Entry::End(passed_on), until);
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
    let terminal = io::stderr().is_terminal();
    // journald stamps every line itself.
    let journald = std::env::var_os("JOURNAL_STREAM").is_some() && !terminal;
    let form = match (json, journald) {
        (true, _) => Form::Json,
        (false, true) => Form::Unstamped,
        (false, false) => Form::Stamped,
    };
    let (queue, lines) = mpsc::sync_channel(WAITING);
    let lost = Arc::new(AtomicU64::new(0));
    let writer = Arc::new(Lines { queue: queue.clone(), lost: lost.clone() });
    // Not the standard library's, whose lock would be held by a write that does not end.
    let stderr = File::from(io::stderr().as_fd().try_clone_to_owned()?);
    let mut outlet =
        Outlet { to: stderr, form, lost, told: Instant::now(), notice_after: NOTICE_AFTER, is_torn: false };
    std::thread::Builder::new().name("log".to_owned()).spawn(move || outlet.pass_on(&lines))?;
    let lines = fmt::layer().with_writer(writer).with_ansi(terminal);
    let set = match form {
        Form::Json => registry().with(lines.json().flatten_event(true)).with(filter).try_init(),
        Form::Unstamped => registry().with(lines.without_time()).with(filter).try_init(),
        Form::Stamped => registry().with(lines).with(filter).try_init(),
    };
    if let Err(error) = set {
        tracing::debug!(%error, "the log was set up before");
    }
    Ok(Log { queue, form })
}

/// A panic is logged with its place only: its words could hold what it stumbled over.
pub(super) fn tell_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a task panicked");
    }));
}

/// How a line of the log looks.
#[derive(Clone, Copy)]
enum Form {
    Json,
    Stamped,
    Unstamped,
}

impl Form {
    /// That so many lines are missing.
    fn lost(self, missing: u64) -> String {
        let words = "lines of the log were lost: whoever reads it did not keep up";
        let target = module_path!();
        match self {
            Self::Json => Self::object("WARN", words, &format!(r#","lines":{missing}"#)),
            Self::Stamped => format!("{}  WARN {target}: {words} lines={missing}\n", Timestamp::now()),
            Self::Unstamped => format!(" WARN {target}: {words} lines={missing}\n"),
        }
    }

    /// Why the process ends. To people it is told as every other command tells it.
    fn failure(self, error: &anyhow::Error) -> String {
        match self {
            Self::Json => Self::object("ERROR", &format!("{error:#}"), ""),
            Self::Stamped | Self::Unstamped => format!("smsotpd: {error:#}\n"),
        }
    }

    fn object(level: &str, words: &str, more: &str) -> String {
        let (now, target, words) = (Timestamp::now(), module_path!(), serde_json::Value::from(words));
        format!(r#"{{"timestamp":"{now}","level":"{level}","message":{words}{more},"target":"{target}"}}"#) + "\n"
    }
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

/// Where lines are passed on to.
struct Outlet<W> {
    to: W,
    form: Form,
    /// How many lines are missing that nobody was told of.
    lost: Arc<AtomicU64>,
    /// When that was told last.
    told: Instant,
    notice_after: Duration,
    /// Of the last line only the beginning could be written.
    is_torn: bool,
}

impl<W: Write> Outlet<W> {
    /// Passes lines on as long as there are any, however slowly they are taken.
    fn pass_on(&mut self, lines: &Receiver<Entry>) {
        loop {
            let entry = match lines.try_recv() {
                Err(TryRecvError::Empty) => {
                    self.tell_lost();
                    lines.recv().ok()
                }
                entry => entry.ok(),
            };
            match entry {
                Some(Entry::Line(line)) => {
                    // A reader who is always behind never empties the queue.
                    if self.told.elapsed() >= self.notice_after {
                        self.tell_lost();
                    }
                    if self.write(&line).is_err() {
                        self.lost.fetch_add(1, Ordering::Relaxed);
                    }
                }
                Some(Entry::End(passed_on)) => {
                    self.tell_lost();
                    drop(passed_on);
                }
                None => return self.tell_lost(),
            }
        }
    }

    /// Tells how many lines were lost, if any were and somebody hears it.
    fn tell_lost(&mut self) {
        self.told = Instant::now();
        let missing = self.lost.swap(0, Ordering::Relaxed);
        if missing > 0 && self.write(self.form.lost(missing).as_bytes()).is_err() {
            self.lost.fetch_add(missing, Ordering::Relaxed);
        }
    }

    /// Writes this on a line of its own.
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.is_torn {
            self.to.write_all(b"\n")?;
            self.is_torn = false;
        }
        let mut rest = line;
        while !rest.is_empty() {
            match self.to.write(rest) {
                Ok(written) if written > 0 => rest = &rest[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                ended => {
                    self.is_torn = rest.len() < line.len();
                    return Err(ended.err().unwrap_or(io::ErrorKind::WriteZero.into()));
                }
            }
        }
        Ok(())
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

    fn outlet<W: Write>(to: W, lost: &Arc<AtomicU64>, form: Form) -> Outlet<W> {
        let notice_after = Duration::ZERO;
        Outlet { to, form, lost: lost.clone(), told: Instant::now(), notice_after, is_torn: false }
    }

    /// How many lines are missing, by each notice of it.
    fn told_lost(read: &str) -> Vec<u64> {
        let notices = read.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let told =
            notices.inspect(|told| assert_eq!((&told["level"], &told["target"]), (&"WARN".into(), &TARGET.into())));
        told.map(|told| told["lines"].as_u64().unwrap()).collect()
    }

    const TARGET: &str = "smsotpd::cli::log";

    #[test]
    fn what_nobody_reads_is_counted_and_the_writers_go_on() {
        let (queue, lines) = mpsc::sync_channel(4);
        let (let_read, may_read) = mpsc::channel();
        let (lost, read) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(Vec::new())));
        let mut outlet = outlet(Reader { may_read, read: read.clone() }, &lost, Form::Json);
        let writer = Lines { queue, lost: lost.clone() };
        for _ in 0..100 {
            (&writer).write_all(b"a line\n").unwrap();
        }
        assert_eq!(lost.load(Ordering::Relaxed), 96);
        let passing = std::thread::spawn(move || outlet.pass_on(&lines));
        drop((let_read, writer));
        passing.join().unwrap();
        let read = String::from_utf8(read.lock().unwrap().clone()).unwrap();
        assert_eq!(read.lines().filter(|line| *line == "a line").count(), 4);
        assert_eq!(told_lost(&read), [96]);
    }

    /// Somebody for whom there is always more, and always too much.
    struct Behind {
        queue: Option<SyncSender<Entry>>,
        lost: Arc<AtomicU64>,
        read: Vec<u8>,
    }

    impl Write for Behind {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.read.extend(octets);
            self.queue.take_if(|_| self.read.len() > 10_000);
            if let Some(queue) = self.queue.as_ref().filter(|_| octets.starts_with(b"a line")) {
                queue.send(Entry::Line(b"a line\n".to_vec())).unwrap();
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn who_is_always_behind_is_told_of_it_all_the_same() {
        let (queue, lines) = mpsc::sync_channel(4);
        let lost = Arc::new(AtomicU64::new(0));
        queue.send(Entry::Line(b"a line\n".to_vec())).unwrap();
        let mut outlet = outlet(Behind { queue: Some(queue), lost: lost.clone(), read: Vec::new() }, &lost, Form::Json);
        outlet.pass_on(&lines);
        let read = String::from_utf8(outlet.to.read).unwrap();
        let told = told_lost(&read);
        let fed = u64::try_from(read.lines().filter(|line| *line == "a line").count()).unwrap() - 1;
        assert!(told.len() > 10 && told.iter().sum::<u64>() == fed, "{told:?} of {fed}");
    }

    /// Somewhere with room for so many octets at a time, and then for none.
    struct Full(Vec<usize>, Vec<u8>);

    impl Write for Full {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            let room = self.0.remove(0).min(octets.len());
            self.1.extend(&octets[..room]);
            if room == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(room) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_that_was_cut_does_not_run_into_the_next() {
        let room = vec![2, 2, 0, 0, 0, 10, 10, 200];
        let (queue, lines) = mpsc::sync_channel(4);
        for line in [b"first\n".as_slice(), b"second\n", b"third\n"] {
            queue.send(Entry::Line(line.to_vec())).unwrap();
        }
        drop(queue);
        let lost = Arc::new(AtomicU64::new(0));
        let mut outlet = outlet(Full(room, Vec::new()), &lost, Form::Unstamped);
        outlet.notice_after = Duration::MAX;
        outlet.pass_on(&lines);
        let read = String::from_utf8(outlet.to.1).unwrap();
        let told = " WARN smsotpd::cli::log: lines of the log were lost: whoever reads it did not keep up lines=";
        assert_eq!(read, format!("firs\n{told}3\n"));
    }
}
