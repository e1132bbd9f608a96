//! Issuing, verifying and sending, through their public doors and a real store, on a paused clock. A modem that takes
//! everything is played by claiming and settling at the store.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, as it should")]

mod guard;
mod issue;
#[path = "../support/outgoing.rs"]
mod outgoing;
mod send;
mod site;
mod verify;
