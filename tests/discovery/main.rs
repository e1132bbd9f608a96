//! Finding modems: on machines made of folders, on pseudo-terminals, and by the whole daemon.
#![allow(clippy::unwrap_used, reason = "in a test, what is not there is a failure")]

mod layouts;
mod live;
mod replugging;
mod site;
#[path = "../support/mod.rs"]
mod support;
mod tree;
