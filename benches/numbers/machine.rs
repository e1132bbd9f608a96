//! The machine everything is measured on.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use super::samples::{Samples, millis};
use super::site::ON_DISK;

/// The size of SQLite's journal once it is used over again. In octets.
const JOURNAL: usize = 1 << 20;

/// One line about the processor, and what a durable write costs here.
pub(crate) fn describe() -> anyhow::Result<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo")?;
    let named = |name: &str| info.lines().find_map(|line| Some(line.strip_prefix(name)?.split_once(':')?.1.trim()));
    let model = ["model name", "Model"].into_iter().find_map(named).unwrap_or("unknown processor");
    let cores = std::thread::available_parallelism()?;
    let write = durable_write()?;
    let (load, median, p99) = (load()?, millis(write.median()), millis(write.p99()));
    Ok(format!(
        "machine: {model}, {cores} cores; durable write of 4 kB {median:.2} ms (p99 {p99:.2}); load before: {load}"
    ))
}

/// The load averages over 1, 5 and 15 minutes: above the number of cores, others disturb what is measured.
pub(crate) fn load() -> anyhow::Result<String> {
    let text = std::fs::read_to_string("/proc/loadavg")?;
    Ok(text.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
}

/// What it costs to write one page after another, each durable.
fn durable_write() -> anyhow::Result<Samples> {
    let folder = tempfile::tempdir_in(ON_DISK)?;
    let mut disk = Disk::new(folder.path(), 4096)?;
    let mut samples = Samples::default();
    for _ in 0..200 {
        samples.push(disk.commit()?);
    }
    Ok(samples)
}

/// A file that is written as SQLite writes its journal, over and over: to tell what the disk costs at the time of a
/// measurement.
pub(crate) struct Disk {
    file: File,
    octets: Vec<u8>,
    at: u64,
}

impl Disk {
    /// A journal of a megabyte, for commits of so many octets.
    pub(crate) fn new(folder: &Path, commit: usize) -> anyhow::Result<Self> {
        let mut file = File::create(folder.join("pages"))?;
        file.write_all(&vec![1; JOURNAL])?;
        file.sync_all()?;
        Ok(Self { file, octets: vec![2; commit], at: 0 })
    }

    /// Writes a commit and waits until it is on the disk.
    pub(crate) fn commit(&mut self) -> anyhow::Result<Duration> {
        let started = Instant::now();
        self.file.write_all_at(&self.octets, self.at)?;
        self.file.sync_data()?;
        let taken = started.elapsed();
        let length = self.octets.len() as u64;
        self.at = if self.at + 2 * length > JOURNAL as u64 { 0 } else { self.at + length };
        Ok(taken)
    }
}
