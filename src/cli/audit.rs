//! `smsotpd audit`: what happened.
//!
//! Reads the database itself, so that it works while the daemon runs and after it has died.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned, civil};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use serde_json::Value;

use super::app;
use super::failure::Failure;
use super::output::{self, say};
use crate::config::Config;
use crate::ids::AppName;
use crate::store::{By, Cursor, Event, EventFilter, Kind, PageSize, Reader, Store};

const EXAMPLES: &str = "\
Examples:
  smsotpd audit                              the last 100 things that happened
  smsotpd audit --since 2h --kind 'otp.*'    all about codes in the last two hours
  smsotpd audit --app shop --since 2026-05-04 --until 2026-05-05 --json
  smsotpd audit --follow                     and everything from now on, as it happens";

/// How many are shown when nobody says.
const SHOWN: usize = 100;
/// How many are read at a time.
const PAGE: PageSize = PageSize::LARGEST;
/// The least time between two looks at the log, however much happens.
const PACE: Duration = Duration::from_millis(100);

/// `smsotpd audit`
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Only what this app did, or what happened to what is its own
    #[arg(long, value_name = "NAME")]
    app: Option<AppName>,
    /// Only these types of events, separated by commas; `otp.*` for all of a kind
    #[arg(long, value_name = "TYPES", value_parser = Kinds::parse)]
    kind: Option<Kinds>,
    /// Only from this time on: a date, or a date and time, in this machine's time zone (with Z: in UTC, as what is
    /// shown); or so long before now, such as 2h
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,
    /// Only before this time
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "follow")]
    until: Option<Timestamp>,
    /// The newest so many [default: 100, or with --since or --until all]
    #[arg(short = 'n', long, value_name = "NUMBER")]
    lines: Option<usize>,
    /// Go on with what happens from now on, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
    /// The configuration file [default: /etc/smsotpd/smsotpd.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON, one event a line
    #[arg(long)]
    json: bool,
}

/// Types of events, as they are named on the command line.
#[derive(Debug, Clone)]
struct Kinds(Vec<Kind>);

impl Kinds {
    fn parse(list: &str) -> Result<Self, String> {
        let known = || Kind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ");
        Kind::matching(list).map(Self).map_err(|unknown| format!("`{unknown}` is none; there are {}", known()))
    }
}

/// A time as people write it, by the clock of this machine.
fn time(text: &str) -> Result<Timestamp, String> {
    let zone = TimeZone::system();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    if let Ok(time) = text.parse::<civil::DateTime>() {
        return time.to_zoned(zone).map(|time| time.timestamp()).map_err(|error| error.to_string());
    }
    let ago = text.parse::<Span>().ok().filter(|span| !span.is_negative());
    let time = ago.and_then(|ago| Zoned::now().checked_sub(ago).ok());
    time.map(|time| time.timestamp())
        .ok_or_else(|| "expected 2026-05-04, 2026-05-04T10:00 or 2h, for example".to_owned())
}

pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    if let (Some(since), Some(until)) = (args.since, args.until)
        && until <= since
    {
        let saying = format!("--until ({until:.0}) is to be after --since ({since:.0})");
        return Err(Failure::Usage(saying).into());
    }
    let config = Config::load(args.config.as_deref())?;
    let store = app::open(&config).await?;
    // Before the first look, so that nothing goes unheard.
    let changes = args.follow.then(|| watch(&config.state_dir)).transpose()?;
    let seen = *store.newest_event().borrow();
    let filter = EventFilter {
        app: args.app.clone(),
        kinds: args.kind.clone().map(|kinds| kinds.0).unwrap_or_default(),
        since: args.since,
        until: args.until,
        limit: PAGE,
        // What is newer is for those who follow.
        cursor: Some(Cursor::up_to(seen)),
    };
    let all = args.since.is_some() || args.until.is_some();
    let most = args.lines.unwrap_or(if all { usize::MAX } else { SHOWN });
    show_newest(&store, &filter, most, args.json).await?;
    match changes {
        Some(changes) => follow(&store, &changes, seen, &filter, args.json).await,
        None => Ok(()),
    }
}

/// Shows the newest so many, oldest first. Looks through the pages for where to begin, then reads each again: so no more
/// than one is held, however long the log is.
async fn show_newest(store: &Store, filter: &EventFilter, most: usize, json: bool) -> anyhow::Result<()> {
    let page = async |cursor| store.events(EventFilter { cursor, ..filter.clone() }).await;
    let (mut begins, mut next, mut found) = (Vec::new(), filter.cursor, 0);
    while next.is_some() && found < most {
        begins.push(next);
        let page = page(next).await?;
        (next, found) = (page.next, found + page.items.len());
    }
    let mut too_many = found.saturating_sub(most);
    for begin in begins.into_iter().rev() {
        for event in page(begin).await?.items.iter().rev().skip(std::mem::take(&mut too_many)) {
            show(event, json)?;
        }
    }
    Ok(())
}

/// Shows what happens behind `seen`, as it happens.
async fn follow(
    store: &Store,
    changes: &OwnedFd,
    mut seen: i64,
    filter: &EventFilter,
    json: bool,
) -> anyhow::Result<()> {
    loop {
        let told = store.events_after(seen, Reader::Admin, filter.kinds.clone(), PAGE.get().into()).await?;
        let is_meant = |event: &&Event| filter.app.is_none() || event.data.app == filter.app;
        for event in told.events.iter().filter(is_meant) {
            show(event, json)?;
        }
        if told.seen == seen {
            tokio::task::block_in_place(|| changed(changes)).context("the state folder cannot be watched")?;
            tokio::time::sleep(PACE).await;
        }
        seen = told.seen;
    }
}

/// Watches for what others write into the state folder.
fn watch(state_dir: &Path) -> anyhow::Result<OwnedFd> {
    let watched = inotify::init(CreateFlags::CLOEXEC)
        .and_then(|events| inotify::add_watch(&events, state_dir, WatchFlags::MODIFY).map(|_| events));
    watched.with_context(|| format!("{} cannot be watched", state_dir.display()))
}

/// Waits until something was written.
fn changed(changes: &OwnedFd) -> rustix::io::Result<()> {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    inotify::Reader::new(changes, &mut buffer).next().map(|_| ())
}

fn show(event: &Event, json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(event);
    }
    let app = event.data.app.as_ref().map_or("-", AppName::as_str);
    say!("{:.3}  {:20} {app:12} {}", event.timestamp, event.kind.as_str(), told(event))
}

/// What an event is about, in one line.
fn told(event: &Event) -> String {
    let data = &event.data;
    let mut words = Vec::new();
    if let Some(otp) = &data.otp {
        words.extend([otp.to.to_string(), otp.id.to_string()]);
        words.extend(otp.attempts_left.map(|left| format!("attempts_left={left}")));
    }
    if let Some(message) = &data.message {
        if data.otp.is_none() {
            words.extend([message.to.to_string(), message.id.to_string()]);
        }
        words.extend(message.reason.as_ref().map(|reason| format!("({reason})")));
    }
    for (name, value) in &data.detail {
        words.push(match value {
            Value::String(text) if text.contains(' ') => format!("{name}={text:?}"),
            Value::String(text) => format!("{name}={text}"),
            other => format!("{name}={other}"),
        });
    }
    if data.by == By::Cli || data.by != event.kind.by() {
        words.push(format!("by={}", data.by.as_str()));
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_in_many_ways() {
        assert_eq!(time("2026-05-04T10:00:00Z"), Ok("2026-05-04T10:00:00Z".parse().unwrap()));
        for good in ["2026-05-04", "2026-05-04 10:00", "2026-05-04T10:00:30", "2h", "1d", "90 minutes"] {
            assert!(time(good).is_ok(), "{good}: {:?}", time(good));
        }
        let two_hours_ago = || Timestamp::now() - jiff::SignedDuration::from_hours(2);
        let (earliest, read, latest) = (two_hours_ago(), time("2h").unwrap(), two_hours_ago());
        assert!((earliest..=latest).contains(&read));
        for bad in ["", "yesterday", "10:00", "-2h", "2026-13-01"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }
}
