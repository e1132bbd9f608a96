//! The simulated modem as a program at its port sees it: what is typed, what comes back, and when.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod any_bytes;
mod bay;
mod card;
mod carrier;
mod control;
mod conversation;
mod families;
mod faults;
mod network;
mod power;
mod prompt;
mod reports;
mod routing;
mod silence;
mod storages;
mod terminal;
mod text_mode;
mod typist;
mod ussd;
mod wire;
