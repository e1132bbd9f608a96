//! Programs that nobody here wrote, against ours: each test needs one, and is run by `cargo test -- --ignored`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test whose scaffolding fails has failed")]

#[path = "../api/mod.rs"]
mod api;
#[path = "../support/bench.rs"]
mod bench;
#[path = "../support/outgoing.rs"]
mod outgoing;
#[path = "../support/mod.rs"]
mod support;

mod curl;
mod gammu;
mod schemathesis;
mod ser2net;
mod smsd;
mod smstools;
