//! From a request to the modem's wire, and from one message to the next.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use smsotpd::sim::{Event, EventKind};
use tokio::sync::broadcast;

use super::Effort;
use super::machine::Disk;
use super::samples::{Samples, median_and_p99};
use super::site::{FIRST_NUMBER, NEVER, Site, carrier};
use super::table::Row;

const MILLISECOND: Duration = Duration::from_millis(1);

/// So long nothing must happen at the modem before the daemon counts as idle.
const QUIET: Duration = Duration::from_millis(25);

/// Accepted, committed, claimed, committed, on the wire: one request at a time, each from rest.
pub(crate) async fn issue_to_wire(effort: Effort) -> anyhow::Result<Vec<Row>> {
    let site = Site::new(carrier(5 * MILLISECOND, MILLISECOND), 1).await?;
    let daemon = site.serve_modems(true).await?;
    let mut client = site.client().await?;
    let mut events = site.devices[0].events();
    let (mut to_wire, mut to_answer, mut on_disk) = (Samples::default(), Samples::default(), Samples::default());
    let mut disk = Disk::new(site.folder())?;
    for number in (FIRST_NUMBER..).take(effort.of(300) + WARM_UP) {
        until_quiet(&mut events).await;
        let started = Instant::now();
        client.issue(number).await?;
        let answered = started.elapsed();
        let written = next_send(&mut events).await?;
        if number >= FIRST_NUMBER + WARM_UP as u64 {
            to_wire.push(written.saturating_duration_since(started));
            to_answer.push(answered);
            until_quiet(&mut events).await;
            on_disk.push(disk.commit(PAGES_OF_AN_ISSUE)? + disk.commit(PAGES_OF_A_CLAIM)?);
        }
    }
    daemon.stop().await?;
    let reached = to_wire.median() <= MILLISECOND && to_wire.p99() <= 5 * MILLISECOND;
    let what = "POST /v1/otp to the first byte of AT+CMGS, idle, median / p99";
    Ok(vec![
        Row::new(what, "1 ms / 5 ms", median_and_p99(&to_wire), reached),
        Row::aside("  of it, to the answer over HTTP", median_and_p99(&to_answer)),
        Row::aside("  two bare writes with fsync of the same sizes, at the same time", median_and_p99(&on_disk)),
    ])
}

/// What the two commits on the way write to the journal, about.
const PAGES_OF_AN_ISSUE: usize = 19;
const PAGES_OF_A_CLAIM: usize = 7;

/// The first requests find cold caches, and no app remembered.
const WARM_UP: usize = 10;

/// A queue, one modem: from the modem's answer to the first byte of the next AT+CMGS.
pub(crate) async fn between_messages(effort: Effort) -> anyhow::Result<Vec<Row>> {
    let alone = gaps(effort, NEVER).await?;
    let with_reports = gaps(effort, 10 * MILLISECOND).await?;
    let what = "between two messages on one modem, beyond the modem's own time";
    Ok(vec![
        Row::new(what, "under 1 ms", median_and_p99(&alone), alone.median() < MILLISECOND),
        Row::aside("  the same while status reports come in between", median_and_p99(&with_reports)),
    ])
}

async fn gaps(effort: Effort, delivery_time: Duration) -> anyhow::Result<Samples> {
    let site = Site::new(carrier(5 * MILLISECOND, delivery_time), 1).await?;
    let daemon = site.serve_modems(false).await?;
    let count = effort.of(500);
    let mut client = site.client().await?;
    for number in (FIRST_NUMBER..).take(count) {
        client.issue(number).await?;
    }
    let mut events = site.devices[0].events();
    site.register(true);
    let mut gaps = Samples::default();
    let mut answered = None;
    while gaps.len() < count - 1 {
        match next(&mut events).await? {
            Event { at, kind: EventKind::Answered { .. } } => answered = Some(at),
            Event { kind: EventKind::Command { name, first_byte }, .. } if name == "+CMGS" => {
                if let Some(answered) = answered {
                    gaps.push(first_byte.saturating_duration_since(answered));
                }
            }
            _ => {}
        }
    }
    daemon.stop().await?;
    Ok(gaps)
}

/// When the first byte of the next AT+CMGS came in.
async fn next_send(events: &mut broadcast::Receiver<Event>) -> anyhow::Result<Instant> {
    loop {
        if let Event { kind: EventKind::Command { name, first_byte }, .. } = next(events).await?
            && name == "+CMGS"
        {
            return Ok(first_byte.into_std());
        }
    }
}

async fn next(events: &mut broadcast::Receiver<Event>) -> anyhow::Result<Event> {
    let within = tokio::time::timeout(Duration::from_secs(30), events.recv());
    Ok(within.await.context("the modem was given nothing for 30 s")??)
}

async fn until_quiet(events: &mut broadcast::Receiver<Event>) {
    while tokio::time::timeout(QUIET, events.recv()).await.is_ok() {}
}
