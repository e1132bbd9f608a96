//! Many clients at once: how much is durably issued and verified in a second, and how long one waits under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::Effort;
use super::fill::{Age, CODE, fill};
use super::samples::{Samples, median_and_p99};
use super::site::{FIRST_NUMBER, NEVER, Site, carrier};
use super::table::Row;

const CONNECTIONS: usize = 64;
const ISSUES: f64 = 10_000.0;
const VERIFIES: f64 = 15_000.0;
const UNDER_LOAD: Duration = Duration::from_millis(10);

/// Issues from 64 connections: as many as go, then at half of that.
pub(crate) async fn issues(effort: Effort) -> anyhow::Result<Vec<Row>> {
    let site = Site::new(carrier(NEVER, NEVER), 0).await?;
    let daemon = site.serve().await?;
    let numbers = Arc::new(AtomicU64::new(FIRST_NUMBER));
    issue_for(&site, &numbers, Duration::from_secs(1), None).await?;
    let before = daemon.cpu()?;
    let full = issue_for(&site, &numbers, time(effort), None).await?;
    let cpu = (daemon.cpu()? - before).as_secs_f64() * 1e6;
    let half = full.per_second.min(ISSUES) / 2.0;
    let paced = issue_for(&site, &numbers, time(effort), Some(half)).await?;
    daemon.stop().await?;
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
    let each = cpu / full.waits.len() as f64;
    let measured = format!("{:.0}/s ({each:.0} us of daemon CPU each)", full.per_second);
    Ok(vec![
        Row::new("durable issues, 64 connections", "10,000/s", measured, full.per_second >= ISSUES),
        Row::aside("  how long one waits then, median / p99", median_and_p99(&full.waits)),
        Row::new(
            format!("an issue's p99 at half that load ({:.0}/s)", paced.per_second),
            "under 10 ms",
            median_and_p99(&paced.waits),
            paced.waits.p99() < UNDER_LOAD,
        ),
    ])
}

/// Right codes from 64 connections, each for an otp of its own whose message was sent.
pub(crate) async fn verifies(effort: Effort) -> anyhow::Result<Vec<Row>> {
    let site = Site::new(carrier(NEVER, NEVER), 0).await?;
    site.serve().await?.stop().await?;
    let count = effort.of(100_000);
    let otps = Arc::new(fill(&site.state(), Age::Sent, count, FIRST_NUMBER)?);
    let daemon = site.serve().await?;
    let next = Arc::new(AtomicU64::new(0));
    let mut clients = JoinSet::new();
    let started = Instant::now();
    let before = daemon.cpu()?;
    for _ in 0..CONNECTIONS {
        let (mut client, otps, next) = (site.client().await?, Arc::clone(&otps), Arc::clone(&next));
        clients.spawn(async move {
            while let Some(otp) = otps.get(usize::try_from(next.fetch_add(1, Ordering::Relaxed))?) {
                client.verify(otp, CODE).await?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(client) = clients.join_next().await {
        client??;
    }
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
    let count = count as f64;
    let per_second = count / started.elapsed().as_secs_f64();
    let each = (daemon.cpu()? - before).as_secs_f64() * 1e6 / count;
    daemon.stop().await?;
    let measured = format!("{per_second:.0}/s ({each:.0} us of daemon CPU each)");
    Ok(vec![Row::new("durable verifies, 64 connections", "15,000/s", measured, per_second >= VERIFIES)])
}

fn time(effort: Effort) -> Duration {
    Duration::from_millis(u64::try_from(effort.of(10_000)).unwrap_or(10_000))
}

struct Load {
    per_second: f64,
    waits: Samples,
}

/// Issues from all connections for this time: one after the other on each, or so many in a second on all together.
async fn issue_for(
    site: &Site,
    numbers: &Arc<AtomicU64>,
    time: Duration,
    per_second: Option<f64>,
) -> anyhow::Result<Load> {
    #[expect(clippy::cast_precision_loss, reason = "a small constant")]
    let pace = per_second.map(|per_second| Duration::from_secs_f64(CONNECTIONS as f64 / per_second));
    let mut clients = JoinSet::new();
    let started = Instant::now();
    for _ in 0..CONNECTIONS {
        let (mut client, numbers) = (site.client().await?, Arc::clone(numbers));
        clients.spawn(async move {
            let mut waits = Samples::default();
            let mut due = Instant::now();
            while started.elapsed() < time {
                let mut from = Instant::now();
                if let Some(pace) = pace {
                    // One that is late because the one before waited has waited from when it was due.
                    if from < due {
                        tokio::time::sleep_until(due.into()).await;
                        from = Instant::now();
                    } else {
                        from = due;
                    }
                    due += pace;
                }
                client.issue(numbers.fetch_add(1, Ordering::Relaxed)).await?;
                waits.push(from.elapsed());
            }
            anyhow::Ok(waits)
        });
    }
    let mut waits = Samples::default();
    while let Some(client) = clients.join_next().await {
        waits.join(client??);
    }
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
    let per_second = waits.len() as f64 / started.elapsed().as_secs_f64();
    Ok(Load { per_second, waits })
}
