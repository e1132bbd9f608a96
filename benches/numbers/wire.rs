//! From a request to the modem's wire, and from one message to the next.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use smsotpd::sim::{CarrierSettings, Event, EventKind};
use tokio::sync::broadcast;

use super::Effort;
use super::machine::Disk;
use super::samples::{Samples, median_and_p99};
use super::site::{FIRST_NUMBER, NEVER, Site, carrier};
use super::table::Row;

const MILLISECOND: Duration = Duration::from_millis(1);

/// So long nothing must happen at the modem before the daemon counts as idle.
const QUIET: Duration = Duration::from_millis(25);

/// Accepted, committed with its claim, on the wire: one request at a time, each from rest.
pub(crate) async fn issue_to_wire(effort: Effort) -> anyhow::Result<Vec<Row>> {
    let all = from_rest(effort, Site::new(quick_carrier(MILLISECOND), 1).await?).await?;
    let without_disk = from_rest(effort, Site::in_memory(quick_carrier(MILLISECOND), 1).await?).await?;
    let reached = all.to_wire.median() <= MILLISECOND && all.to_wire.p99() <= 5 * MILLISECOND;
    let what = "POST /v1/otp to the first byte of AT+CMGS, idle, median / p99";
    Ok(vec![
        Row::new(what, "1 ms / 5 ms", median_and_p99(&all.to_wire), reached),
        Row::aside("  the same without a disk, in memory", median_and_p99(&without_disk.to_wire)),
        Row::aside("  one bare durable write of its commit's size, from rest as well", median_and_p99(&all.on_disk)),
        Row::aside("  to the answer over HTTP", median_and_p99(&all.to_answer)),
    ])
}

/// What was measured of requests from rest.
#[derive(Default)]
struct FromRest {
    to_wire: Samples,
    to_answer: Samples,
    on_disk: Samples,
}

async fn from_rest(effort: Effort, site: Site) -> anyhow::Result<FromRest> {
    let daemon = site.serve_modems(true).await?;
    let mut client = site.client().await?;
    let mut events = site.devices[0].events();
    let mut measured = FromRest::default();
    let mut disk = Disk::new(site.folder(), COMMIT)?;
    for number in (FIRST_NUMBER..).take(effort.of(300) + WARM_UP) {
        until_quiet(&mut events).await;
        // A task like the simulated modem's, so that each is heard in the order in which it comes.
        let asked = tokio::spawn(async move {
            let started = Instant::now();
            let issued = client.issue(number).await.map(drop);
            (started, started.elapsed(), issued, client)
        });
        let written = next_send(&mut events).await;
        let (started, answered, issued);
        (started, answered, issued, client) = asked.await?;
        issued?;
        let written = written?;
        if number >= FIRST_NUMBER + WARM_UP as u64 {
            measured.to_wire.push(written.saturating_duration_since(started));
            measured.to_answer.push(answered);
            until_quiet(&mut events).await;
            measured.on_disk.push(disk.commit()?);
        }
    }
    daemon.stop().await?;
    Ok(measured)
}

/// A carrier that takes a message in 5 ms.
fn quick_carrier(delivery_time: Duration) -> CarrierSettings {
    carrier(5 * MILLISECOND, delivery_time)
}

/// What the commit on the way writes to the journal, about: some 13 pages of 1 kB. In octets.
const COMMIT: usize = 14_000;

/// The first requests find cold caches, and no app remembered.
const WARM_UP: usize = 10;

/// A queue, one modem: from the modem's answer to the first byte of the next AT+CMGS.
pub(crate) async fn between_messages(effort: Effort) -> anyhow::Result<Vec<Row>> {
    let alone = gaps(effort, Site::new(quick_carrier(NEVER), 1).await?).await?;
    let without_disk = gaps(effort, Site::in_memory(quick_carrier(NEVER), 1).await?).await?;
    let with_reports = gaps(effort, Site::new(quick_carrier(10 * MILLISECOND), 1).await?).await?;
    let what = "between two messages on one modem, beyond the modem's own time";
    Ok(vec![
        Row::new(what, "under 1 ms", median_and_p99(&alone), alone.median() < MILLISECOND),
        Row::aside("  the same without a disk, in memory", median_and_p99(&without_disk)),
        Row::aside("  the same on the disk, while status reports come in between", median_and_p99(&with_reports)),
    ])
}

async fn gaps(effort: Effort, site: Site) -> anyhow::Result<Samples> {
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
