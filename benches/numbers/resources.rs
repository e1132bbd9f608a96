//! What the program takes before it does anything: room on the disk, and time to start.

use std::time::Duration;

use super::Effort;
use super::daemon::PROGRAM;
use super::samples::{Samples, median_and_p99};
use super::site::{NEVER, Site, carrier};
use super::table::Row;

/// The size of the program file.
pub(crate) async fn size() -> anyhow::Result<Vec<Row>> {
    let octets = std::fs::metadata(PROGRAM)?.len();
    #[expect(clippy::cast_precision_loss, reason = "a file is smaller than 2^52 octets")]
    let megabytes = octets as f64 / 1e6;
    Ok(vec![Row::new("release binary, stripped", "12 MB", format!("{megabytes:.1} MB"), megabytes <= 12.0)])
}

/// From the start of the process to its word that it serves, on a site that was there before.
pub(crate) async fn start(effort: Effort) -> anyhow::Result<Vec<Row>> {
    let site = Site::new(carrier(NEVER, NEVER), 0).await?;
    let mut times = Samples::default();
    for _ in 0..effort.of(30) {
        let daemon = site.serve().await?;
        times.push(daemon.ready_after);
        daemon.stop().await?;
    }
    let reached = times.median() <= Duration::from_millis(50);
    Ok(vec![Row::new("start to READY without a modem, median / p99", "50 ms", median_and_p99(&times), reached)])
}
