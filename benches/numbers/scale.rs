//! Many modems at once: what a message costs, and how much memory it all takes.

use std::time::Duration;

use smsotpd::sim::Arrival;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::Effort;
use super::daemon::Daemon;
use super::fill::{Age, fill};
use super::site::{FIRST_NUMBER, Site, carrier};
use super::table::Row;

const MANY: u16 = 64;

/// Processor time of the daemon for one message, from the queue to its status report, on one modem and on 64.
pub(crate) async fn cpu_per_message(effort: Effort) -> anyhow::Result<Vec<Row>> {
    let one = cost(1, effort.of(1_000)).await?;
    let many = cost(MANY, effort.of(10_000)).await?;
    let ratio = many.as_secs_f64() / one.as_secs_f64();
    let measured = format!("{ratio:.2} x ({} us against {} us)", many.as_micros(), one.as_micros());
    Ok(vec![Row::new("64 modems at once: CPU per message, against 1", "at most 1.2 x", measured, ratio <= 1.2)])
}

async fn cost(modems: u16, messages: usize) -> anyhow::Result<Duration> {
    let site = Site::new(carrier(Duration::from_millis(20), Duration::from_millis(20)), modems).await?;
    site.serve().await?.stop().await?;
    fill(&site.state(), Age::Queued, messages, FIRST_NUMBER)?;
    let daemon = site.serve_modems(false).await?;
    let mut arrivals = site.carrier.arrivals();
    let before = daemon.cpu()?;
    site.register(true);
    arrive(&mut arrivals, messages).await?;
    let after = until_idle(&daemon).await?;
    daemon.stop().await?;
    Ok((after - before) / u32::try_from(messages)?)
}

/// Waits for so many messages at the handsets.
async fn arrive(arrivals: &mut broadcast::Receiver<Arrival>, messages: usize) -> anyhow::Result<()> {
    let mut arrived = 0;
    while arrived < messages {
        match arrivals.recv().await {
            Ok(_) => arrived += 1,
            Err(RecvError::Lagged(missed)) => arrived += usize::try_from(missed)?,
            Err(closed) => return Err(closed.into()),
        }
    }
    Ok(())
}

/// Waits until the daemon does nothing any more; the processor time it has used by then.
async fn until_idle(daemon: &Daemon) -> anyhow::Result<Duration> {
    let mut used = daemon.cpu()?;
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let now = daemon.cpu()?;
        if now == used {
            return Ok(used);
        }
        used = now;
    }
}

/// Resident memory at rest, and with everything there can be.
pub(crate) async fn memory(effort: Effort) -> anyhow::Result<Vec<Row>> {
    let idle = Site::new(carrier(Duration::from_millis(20), Duration::from_millis(20)), 1).await?;
    let daemon = idle.serve_modems(true).await?;
    let idle = resident("resident memory: idle, 1 modem", "15 MB", 15.0, &daemon)?;
    daemon.stop().await?;

    let queued = effort.of(100_000);
    let site = Site::new(carrier(Duration::from_millis(500), Duration::from_millis(500)), MANY).await?;
    site.serve().await?.stop().await?;
    fill(&site.state(), Age::Queued, queued, FIRST_NUMBER)?;
    let daemon = site.serve_modems(true).await?;
    let mut arrivals = site.carrier.arrivals();
    arrive(&mut arrivals, effort.of(2_000)).await?;
    let what = format!("resident memory: 64 modems sending, {queued} queued");
    let busy = resident(&what, "40 MB", 40.0, &daemon)?;
    daemon.stop().await?;
    Ok(vec![idle, busy])
}

fn resident(what: &str, reach: &str, most: f64, daemon: &Daemon) -> anyhow::Result<Row> {
    let (all, peak, own) = (daemon.megabytes("VmRSS")?, daemon.megabytes("VmHWM")?, daemon.megabytes("RssAnon")?);
    let measured = format!("{all:.1} MB (peak {peak:.1}, its own {own:.1})");
    Ok(Row::new(what, reach, measured, all <= most))
}
