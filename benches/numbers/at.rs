//! What a modem says, into what it means.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use smsotpd::at::{Command, OPENING_TRIES, Output, Session};

use super::Effort;
use super::table::Row;

const REACH: f64 = 200.0;

/// What one read of a serial port brings at most.
const PIECE: usize = 4096;

/// A listing of full storages, the longest thing a modem says; and the small talk between commands.
pub(crate) async fn parse(effort: Effort) -> anyhow::Result<Vec<Row>> {
    let listing = fastest(effort, |session| {
        session.handle_command(&Command::list_messages(), Instant::now())?;
        Ok(listing())
    })?;
    let talk = fastest(effort, |_| Ok(small_talk()))?;
    Ok(vec![
        Row::new("at: parse a listing of 250 messages", "over 200 MB/s", format!("{listing:.0} MB/s"), listing > REACH),
        Row::new("at: parse unsolicited lines", "over 200 MB/s", format!("{talk:.0} MB/s"), talk > REACH),
    ])
}

fn listing() -> String {
    let pdu = "07919761989901F0".to_owned() + &"0123456789ABCDEF".repeat(20);
    let line = |index| format!("+CMGL: {index},1,,160\r\n{pdu}\r\n");
    "\r\n".to_owned() + &(1..=250).map(line).collect::<String>() + "\r\nOK\r\n"
}

fn small_talk() -> String {
    "\r\n+CREG: 1,\"00C3\",\"0000A1B2\",7\r\n\r\n+CMTI: \"SM\",3\r\n\r\n^RSSI:21\r\n\r\n^HCSQ:\"LTE\",47,41,106,22\r\n\
     \r\nRING\r\n\r\n+CDSI: \"SR\",12\r\n\r\n+CDS: 26\r\n0006070B915155214365F7321021436587003210214365870000\r\n"
        .repeat(200)
}

/// Megabytes in a second: the best of some rounds.
fn fastest(effort: Effort, begin: impl Fn(&mut Session) -> anyhow::Result<String>) -> anyhow::Result<f64> {
    let mut best = Duration::MAX;
    let mut length = 0;
    for _ in 0..effort.of(200) {
        let mut session = awake()?;
        let text = begin(&mut session)?;
        while session.poll_output().is_some() {}
        length = text.len();
        let started = Instant::now();
        for piece in text.as_bytes().chunks(PIECE) {
            session.handle_bytes(black_box(piece), started);
            while let Some(output) = session.poll_output() {
                black_box(output);
            }
        }
        best = best.min(started.elapsed());
    }
    #[expect(clippy::cast_precision_loss, reason = "a text is shorter than 2^52 octets")]
    Ok(length as f64 / 1e6 / best.as_secs_f64())
}

/// A session with a modem that is awake: it has answered `OK` to everything, and told its number when asked.
fn awake() -> anyhow::Result<Session> {
    let mut session = Session::new();
    let mut now = Instant::now();
    session.handle_wake(OPENING_TRIES, now);
    while let Some(due) = session.poll_timeout() {
        now = now.max(due);
        session.handle_timeout(now);
        while let Some(output) = session.poll_output() {
            match output {
                Output::Write(line) if line.starts_with(b"AT+CGSN") => {
                    session.handle_bytes(b"\r\n490154203237518\r\n\r\nOK\r\n", now);
                }
                Output::Write(line) if line.starts_with(b"AT") => session.handle_bytes(b"\r\nOK\r\n", now),
                Output::Deaf => bail!("the session does not wake"),
                _ => {}
            }
        }
    }
    ensure!(session.is_idle(), "the session does not wake");
    Ok(session)
}
