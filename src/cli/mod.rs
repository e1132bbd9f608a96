//! The command line: one file for each command.
//!
//! Commands read arguments, ask the rooms below, and print for people, or as JSON for scripts (`--json`). They decide
//! nothing that the daemon decides. A user's mistake is one sentence on stderr that says what to do, never a trace.
//!
//! Exit codes: 0 done; 1 refused or failed; 2 the command line is wrong; 69 the daemon cannot be reached; 77 the key
//! is missing or not good for this; 78 the configuration is wrong, or what is in the state folder: open to others, without
//! the key that belongs to it, or of a newer version.

mod app;
mod arguments;
mod audit;
mod client;
mod config;
mod demo;
mod failure;
mod log;
mod otp;
mod output;
mod send;
mod serve;
mod sim;
mod template;

pub use arguments::run;
