//! Asking one port whether a modem is behind it: `AT`, its number, its model; then the port is left as it was found.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::super::port::{self, Closed};
use super::super::setup::printable;
use super::super::wire::{Wire, now};
use crate::at::{Command, Output, Reply};
use crate::ids::Imei;

/// However a port behaves, this is the longest it is held.
const LONGEST: Duration = Duration::from_secs(20);
/// Closing may block in the kernel; whoever comes next should find the port free.
const CLOSING: Duration = Duration::from_secs(2);
/// Ports on USB do not care.
const BAUD: u32 = 115_200;

/// A modem that has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// Its number, if it tells it.
    pub(super) imei: Option<Imei>,
    pub(super) model: Option<String>,
}

/// Why a port has told nothing.
#[derive(Debug)]
pub(super) enum Mute {
    /// It opens, and nothing that is a modem answers.
    Silent,
    /// It does not open.
    Closed(io::Error),
}

/// Asks the port; `tries` is how often `AT` is said into silence.
pub(super) async fn ask(sysfs: &Path, path: &Path, tries: u8) -> Result<Answer, Mute> {
    let (io, closed) = port::open(sysfs, path, BAUD).await.map_err(Mute::Closed)?;
    let mut wire = Wire::new(io);
    let answer = tokio::time::timeout(LONGEST, converse(&mut wire, tries)).await;
    drop(wire);
    free(closed).await;
    answer.ok().flatten().ok_or(Mute::Silent)
}

async fn free(closed: Closed) {
    // Done when the other end is dropped, which is when the port is closed.
    let _ = tokio::time::timeout(CLOSING, closed).await;
}

async fn converse(wire: &mut Wire, tries: u8) -> Option<Answer> {
    wire.session.handle_wake(tries, now());
    loop {
        match wire.next().await.ok()? {
            Output::Awake => break,
            Output::Deaf => return None,
            _ => {}
        }
    }
    let number = run(wire, &Command::serial_number()).await?;
    let model = run(wire, &Command::model()).await?;
    let words = |reply: Option<Reply>| reply.as_ref().and_then(Reply::text).map(printable);
    Some(Answer { imei: words(number).and_then(|text| equipment_number(&text)), model: words(model) })
}

/// `None` when the port is lost; `Some(None)` when the modem does not tell.
async fn run(wire: &mut Wire, command: &Command) -> Option<Option<Reply>> {
    while !wire.session.is_idle() {
        wire.next().await.ok()?;
    }
    wire.session.handle_command(command, now()).ok()?;
    loop {
        match wire.next().await.ok()? {
            Output::Finished(result) => return Some(result.ok()),
            Output::Deaf => return None,
            _ => {}
        }
    }
}

/// The number out of `861234…`, `"861234…"` or `+CGSN: 861234…`.
fn equipment_number(text: &str) -> Option<Imei> {
    text.split(|c: char| !c.is_ascii_digit()).find_map(|digits| digits.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_found_in_whatever_it_is_wrapped() {
        for text in ["490154203237518", "\"490154203237518\"", "+CGSN: 490154203237518", "IMEI:490154203237518,00"] {
            assert_eq!(equipment_number(text).unwrap().as_str(), "490154203237518", "{text}");
        }
        for text in ["", "ERROR", "1234", "49015420323751849015420323751"] {
            assert_eq!(equipment_number(text), None, "{text}");
        }
    }
}
