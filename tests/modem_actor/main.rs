//! A modem's task through its public door, in paused time.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test, what is not there is a failure")]

mod card;
mod families;
mod looks;
mod messages;
mod network;
mod opening;
mod recovery;
mod reports;
mod scripted;
mod sending;
mod storages;
mod ussd;
