//! The machine everything is measured on.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use super::samples::{Samples, millis};

/// One line about the processor, and what a durable write costs here.
pub(crate) fn describe() -> anyhow::Result<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo")?;
    let named = |name: &str| info.lines().find_map(|line| Some(line.strip_prefix(name)?.split_once(':')?.1.trim()));
    let model = ["model name", "Model"].into_iter().find_map(named).unwrap_or("unknown processor");
    let cores = std::thread::available_parallelism()?;
    let fsync = fsync()?;
    let (load, median, p99) = (load()?, millis(fsync.median()), millis(fsync.p99()));
    Ok(format!("machine: {model}, {cores} cores; fsync {median:.2} ms (p99 {p99:.2}); load before: {load}"))
}

/// The load averages over 1, 5 and 15 minutes: above the number of cores, others disturb what is measured.
pub(crate) fn load() -> anyhow::Result<String> {
    let text = std::fs::read_to_string("/proc/loadavg")?;
    Ok(text.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
}

/// What it costs to append a page to a file and have it on the disk.
fn fsync() -> anyhow::Result<Samples> {
    let folder = tempfile::tempdir()?;
    let mut disk = Disk::new(folder.path())?;
    let mut samples = Samples::default();
    for _ in 0..200 {
        samples.push(disk.commit(1)?);
    }
    Ok(samples)
}

/// A file that is written as a journal is: to tell what the disk costs at the time of a measurement.
pub(crate) struct Disk(File);

impl Disk {
    pub(crate) fn new(folder: &Path) -> anyhow::Result<Self> {
        Ok(Self(File::create(folder.join("pages"))?))
    }

    /// Writes so many pages and waits until they are on the disk.
    pub(crate) fn commit(&mut self, pages: usize) -> anyhow::Result<Duration> {
        let started = Instant::now();
        for _ in 0..pages {
            self.0.write_all(&[1; 4096])?;
        }
        self.0.sync_all()?;
        Ok(started.elapsed())
    }
}
