//! Dispatch through its public door: the real store and modem tasks, over in-memory ports to simulated modems, in
//! paused time.
#![allow(clippy::unwrap_used, reason = "a test whose scaffolding fails has failed")]

mod budget;
mod denied;
mod failover;
mod last_minute;
#[path = "../support/log.rs"]
mod log;
mod pool;
mod refusing;
mod retries;
mod routes;
mod sims;
mod world;
