//! Lines to stdout. A reader that has gone (`| head`) ends the talking, not the command; what cannot be written for any
//! other reason is an error, since somebody waits for it.

use std::fmt;
use std::io::{self, ErrorKind, Write as _};

use anyhow::Context as _;
use serde::Serialize;

/// Prints one line.
///
/// # Errors
/// When it cannot be written although somebody reads, on a full disk for example.
pub(super) fn line(line: fmt::Arguments<'_>) -> anyhow::Result<()> {
    match write(line) {
        // Nobody is left to be told that nobody listens.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context(UNWRITTEN),
    }
}

/// Prints one line that cannot be shown again.
///
/// # Errors
/// When it cannot be written, for whatever reason.
pub(super) fn only_copy(line: fmt::Arguments<'_>) -> anyhow::Result<()> {
    write(line).context(UNWRITTEN)
}

const UNWRITTEN: &str = "the output cannot be written";

fn write(line: fmt::Arguments<'_>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Prints one JSON document on one line.
///
/// # Errors
/// As [`line`].
pub(super) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string(value)?;
    line(format_args!("{text}"))
}

/// Prints one line, in the manner of `println!`, but tells whether it could.
macro_rules! say {
    () => { $crate::cli::output::line(format_args!("")) };
    ($($arg:tt)*) => { $crate::cli::output::line(format_args!($($arg)*)) };
}

pub(super) use say;
