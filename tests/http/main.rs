//! The API, over real connections and a real store.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test whose scaffolding fails has failed")]

#[path = "../api/mod.rs"]
mod api;
#[path = "../support/outgoing.rs"]
mod outgoing;
#[allow(dead_code, reason = "the other tests of the modem's task use the rest")]
#[path = "../modem_actor/scripted.rs"]
mod scripted;

mod bad_input;
mod calls;
mod connections;
mod events;
mod guard;
mod idempotency;
mod openapi;
mod policies;
mod policy_changes;
mod ussd;
