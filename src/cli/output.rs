//! Lines to stdout. A reader that has gone (`| head`) ends the talking, not the command.

use std::fmt;
use std::io::Write as _;

use serde::Serialize;

/// Prints one line.
pub(super) fn line(line: fmt::Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    // Nobody is left to be told that nobody listens.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Prints one JSON document on one line.
pub(super) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    let text = serde_json::to_string(value)?;
    line(format_args!("{text}"));
    Ok(())
}

/// Prints one line, in the manner of `println!`.
macro_rules! say {
    () => { $crate::cli::output::line(format_args!("")) };
    ($($arg:tt)*) => { $crate::cli::output::line(format_args!($($arg)*)) };
}

pub(super) use say;
