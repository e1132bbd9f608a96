//! `cargo bench`: the numbers this project holds itself to, measured on this machine, in one table.
//!
//! `cargo bench -- ROW` measures only the rows with ROW in their names; `--quick` takes smaller samples; `--list` names
//! the rows. Everything runs against the release daemon as a process of its own, reached over real pseudo-terminals,
//! loopback TCP and a real database file; the simulated modems and the clients run in this process, on the same cores.
//!
//! It only tells. A number that is missed is no failure: another machine has other numbers.

#![allow(clippy::print_stdout, reason = "the table is what this program is for")]

mod at;
mod client;
mod daemon;
mod fill;
mod history;
mod load;
mod machine;
mod pdu;
mod resources;
mod samples;
mod scale;
mod site;
mod table;
mod wire;

use std::future::Future;
use std::pin::Pin;

use tokio::runtime::{Builder, Runtime};

use table::Row;

/// How much is measured.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    quick: bool,
}

impl Effort {
    /// `full`, or with `--quick` a tenth of it.
    fn of(self, full: usize) -> usize {
        if self.quick { full.div_ceil(10) } else { full }
    }
}

type Measure = fn(Effort) -> Measuring;
type Measuring = Pin<Box<dyn Future<Output = anyhow::Result<Vec<Row>>>>>;

/// What this program itself runs on, client and simulated modems, while it measures.
#[derive(Clone, Copy)]
enum Threads {
    /// Whoever takes the time of single events does it on one thread: the clock of a row would otherwise count how the
    /// threads of this program wake each other.
    One,
    /// As many as there are cores, to put a load on the daemon.
    Many,
}

impl Threads {
    fn runtime(self) -> std::io::Result<Runtime> {
        match self {
            Self::One => Builder::new_current_thread().enable_all().build(),
            Self::Many => Builder::new_multi_thread().enable_all().build(),
        }
    }
}

/// Name and measurement of everything there is; one measurement may give several rows.
const BENCHES: &[(&str, Threads, Measure)] = &[
    ("issue-to-wire", Threads::One, |effort| Box::pin(wire::issue_to_wire(effort))),
    ("between-messages", Threads::One, |effort| Box::pin(wire::between_messages(effort))),
    ("issues", Threads::Many, |effort| Box::pin(load::issues(effort))),
    ("verifies", Threads::Many, |effort| Box::pin(load::verifies(effort))),
    ("history", Threads::One, |effort| Box::pin(history::latency(effort))),
    ("modems", Threads::Many, |effort| Box::pin(scale::cpu_per_message(effort))),
    ("memory", Threads::Many, |effort| Box::pin(scale::memory(effort))),
    ("size", Threads::One, |_| Box::pin(resources::size())),
    ("start", Threads::One, |effort| Box::pin(resources::start(effort))),
    ("pdu", Threads::One, |effort| Box::pin(pdu::codec(effort))),
    ("at", Threads::One, |effort| Box::pin(at::parse(effort))),
];

fn main() -> anyhow::Result<()> {
    // Cargo itself adds `--bench`.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let (options, wanted): (Vec<String>, Vec<String>) = arguments.into_iter().partition(|text| text.starts_with('-'));
    if options.iter().any(|option| option == "--list") {
        BENCHES.iter().for_each(|(name, ..)| println!("{name}"));
        return Ok(());
    }
    if let Some(unknown) = options.iter().find(|option| *option != "--quick") {
        anyhow::bail!("{unknown} is not known here; there are --quick, --list and the names of rows");
    }
    let effort = Effort { quick: options.iter().any(|option| option == "--quick") };
    println!("{}\n", machine::describe()?);
    table::heading();
    for (name, threads, measure) in BENCHES {
        if wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str())) {
            threads.runtime()?.block_on(measure(effort))?.iter().for_each(Row::print);
        }
    }
    println!("\nload at the end: {}", machine::load()?);
    Ok(())
}
