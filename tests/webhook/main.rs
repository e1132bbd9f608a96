//! Callbacks, from the outbox of a real store to real receivers on the loopback, whatever those do. Time stands still
//! unless a test lets it pass: so what arrives without that has waited for nobody's time-out.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test whose scaffolding fails has failed")]

#[path = "../api/mod.rs"]
mod api;
mod calls;
mod lines;
mod moods;
mod order;
#[path = "../support/outgoing.rs"]
mod outgoing;
#[path = "../support/power.rs"]
mod power;
mod reach;
mod receiver;
mod secrets;
mod site;
mod storm;
#[path = "../support/mod.rs"]
mod support;
mod tls;
mod trouble;
mod verifier;
