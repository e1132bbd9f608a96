//! The store through its public door: real files in a folder of the test's own, time on a paused clock.

// The lint knows a test function only by its attribute, and not what test functions call.
#![allow(clippy::unwrap_used)]

mod any_order;
mod doubts;
mod events;
mod folder;
mod inbox;
mod messages;
mod otps;
#[path = "../support/outgoing.rs"]
mod outgoing;
mod plans;
#[path = "../support/power.rs"]
mod power;
mod queue;
mod removal;
mod reports;
mod routes;
mod second;
mod standing;
mod time;
mod world;
