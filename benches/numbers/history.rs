//! Whether a long history makes anything slower.

use std::time::Instant;

use super::Effort;
use super::fill::{Age, fill};
use super::samples::{Samples, median_and_p99};
use super::site::{FIRST_NUMBER, NEVER, Site, carrier};
use super::table::Row;

/// Two daemons, one with years behind it, asked in turns.
pub(crate) async fn latency(effort: Effort) -> anyhow::Result<Vec<Row>> {
    let (old, queued) = (effort.of(1_000_000), effort.of(10_000));
    let (full, empty) = (Site::new(carrier(NEVER, NEVER), 0).await?, Site::new(carrier(NEVER, NEVER), 0).await?);
    full.serve().await?.stop().await?;
    let first_queued = FIRST_NUMBER + u64::try_from(old)?;
    fill(&full.state(), Age::Old, old, FIRST_NUMBER)?;
    fill(&full.state(), Age::Queued, queued, first_queued)?;
    let daemons = [full.serve().await?, empty.serve().await?];
    let mut clients = [full.client().await?, empty.client().await?];
    let mut waits = [Samples::default(), Samples::default()];
    for number in (FIRST_NUMBER..).take(effort.of(2_000) + WARM_UP) {
        for (client, waits) in clients.iter_mut().zip(&mut waits) {
            let started = Instant::now();
            client.issue(number).await?;
            if number >= FIRST_NUMBER + WARM_UP as u64 {
                waits.push(started.elapsed());
            }
        }
    }
    for daemon in daemons {
        daemon.stop().await?;
    }
    let [full, empty] = waits;
    let ratio = full.median().as_secs_f64() / empty.median().as_secs_f64();
    Ok(vec![
        Row::new(
            format!("issuing with {old} old messages and {queued} queued, against none"),
            "at most 1.2 x",
            format!("{ratio:.2} x"),
            ratio <= 1.2,
        ),
        Row::aside("  with them, median / p99", median_and_p99(&full)),
        Row::aside("  without", median_and_p99(&empty)),
    ])
}

const WARM_UP: usize = 50;
