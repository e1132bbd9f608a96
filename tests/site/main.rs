//! A whole site: the program as people start it, real pseudo-terminals, a simulated carrier with handsets.

#![allow(clippy::unwrap_used, reason = "a test whose scaffolding fails has failed")]

#[path = "../support/mod.rs"]
mod support;

mod cli;
mod cli_apps;
mod cli_audit;
mod cli_demo;
mod cli_sim;
mod codes;
mod crash;
mod inbox;
mod log;
mod modem_tcp;
mod policies;
mod reload;
mod secrets;
mod wording;
