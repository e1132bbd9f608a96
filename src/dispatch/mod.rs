//! From the queue to the modem: the only room that knows both.
//!
//! Every modem has a lane (`lane.rs`). A lane whose modem is ready and whose SIM has budget left takes the next message
//! from the store, hands it to its modem, settles what came of it and takes the next in the same transaction. So the
//! idle modem works first, a modem in trouble takes nothing (`conduct.rs`), and a message in doubt holds up only its own
//! lane. A recipient's own SIM is waited for a little while it is well (`ready.rs`).
//!
//! Nothing is polled. A commit that adds work rings the bell (`bell.rs`), which wakes one idle lane; a lane that found
//! something, or that must leave what it found to another, passes the ring on. Everything that becomes due by itself (a
//! retry, a deadline, a doubt) is one timer in the sweeper (`sweeper.rs`), set by the store.
//!
//! Its one rule: the store hears of an attempt before the modem does, and of its outcome before the next one.

mod bell;
mod conduct;
mod dispatcher;
mod lane;
mod ready;
mod sweeper;

pub use dispatcher::{Budgets, Dispatcher, Lanes};
