//! A deterministic world: the whole daemon but its HTTP, with simulated modems, a carrier, handsets and people, on a
//! paused clock, in which everything goes wrong that a seed's dice decide.
#![allow(clippy::unwrap_used, reason = "a test whose scaffolding fails has failed")]
#![allow(clippy::print_stderr, reason = "a seed that fails tells its story")]

mod cable;
mod dice;
mod judge;
mod ledger;
mod life;
mod people;
mod site;
mod weather;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use site::Site;

/// How long everything goes wrong.
const STORM: Duration = Duration::from_secs(16 * 3600);
/// How long modems have to come back after it.
const RECOVERY: Duration = Duration::from_secs(600);
/// Until after that nothing is under way any more.
const CALM: Duration = Duration::from_secs(2 * 3600);

/// What came of one seed.
struct Outcome {
    violations: Vec<String>,
    fingerprint: u64,
    promises: usize,
}

/// Lets the world of this seed run from beginning to end.
fn run(seed: u64, aloud: bool) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let site = Site::build(seed, aloud);
        site.start().await;
        tokio::spawn(people::live(site.clone()));
        for modem in 0..site.devices.len() {
            tokio::spawn(weather::troubles(site.clone(), modem));
        }
        tokio::spawn(weather::fate(site.clone()));
        tokio::spawn(weather::jumps(site.clone()));
        tokio::time::sleep(STORM).await;
        site.note("the bad times are over");
        site.calm.cancel();
        tokio::time::sleep(RECOVERY).await;
        judge::modems(&site);
        tokio::time::sleep(CALM).await;
        judge::modems(&site);
        judge::everything(&site).await;
        site.end(true).await;
        let (fingerprint, ledger) = (site.fingerprint(), site.ledger());
        Outcome { violations: ledger.violations.clone(), fingerprint, promises: ledger.promises.len() }
    })
}

/// The seeds of this run: one that is asked for, or as many as are asked for, from 0.
fn seeds() -> (u64, u64, bool) {
    let asked = |name: &str| std::env::var(name).ok().map(|number| number.parse::<u64>().unwrap());
    match asked("SMSOTPD_WORLD_SEED") {
        Some(seed) => (seed, seed + 1, true),
        None => (0, asked("SMSOTPD_WORLD_SEEDS").unwrap_or(40), false),
    }
}

#[test]
fn nothing_that_was_promised_is_broken_whatever_goes_wrong() {
    let (first, end, aloud) = seeds();
    if aloud && std::env::var_os("RUST_LOG").is_some() {
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).without_time().init();
    }
    let (next, failures, promises) = (AtomicU64::new(first), Mutex::new(Vec::new()), AtomicU64::new(0));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    let violations = match catch_unwind(AssertUnwindSafe(|| run(seed, aloud))) {
                        Ok(outcome) => {
                            promises.fetch_add(outcome.promises as u64, Ordering::Relaxed);
                            outcome.violations
                        }
                        Err(_) => vec!["it panicked".to_owned()],
                    };
                    if !violations.is_empty() {
                        failures.lock().unwrap().push((seed, violations));
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    for (seed, violations) in &failures {
        eprintln!("seed {seed}: {} violations, the first: {}", violations.len(), violations[0]);
    }
    eprintln!("{} seeds, {} messages", end - first, promises.into_inner());
    if let Some((seed, _)) = failures.first() {
        panic!("{} seeds failed; SMSOTPD_WORLD_SEED={seed} cargo test --test world replays the first", failures.len());
    }
}

#[test]
fn a_seed_replays_exactly() {
    for seed in [1, 2, 3] {
        assert_eq!(run(seed, false).fingerprint, run(seed, false).fingerprint, "seed {seed}");
    }
}
