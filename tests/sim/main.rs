//! The simulated modem as a program at its port sees it: what is typed, what comes back, and when.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod any_bytes;
mod carrier;
mod conversation;
mod faults;
mod routing;
mod storages;
mod terminal;
mod text_mode;
mod typist;
