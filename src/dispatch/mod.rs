//! From the queue to the modem: the only room that knows both.
//!
//! Modems join the pool (`pool.rs`) at any time, and every one has a lane (`lane.rs`). A lane whose modem is ready and
//! whose SIM has budget left (`budgets.rs`) takes the next message from the store, hands it to its modem, settles what
//! came of it and takes the next in the same transaction. So the idle modem works first, a modem in trouble
//! (`conduct.rs`) takes nothing, a recipient that the network does not let a SIM send to is held (`denials.rs`), and a message in
//! doubt holds up only its own lane. A recipient's own SIM is waited for a little while it is well (`ready.rs`), and each
//! SIM's country is one of the site's (`home.rs`).
//!
//! Nothing is polled. A lane with nothing to do stands in line at the store, which gives it the next message in the
//! very transaction that accepts it. Everything that becomes due by itself (a retry, a deadline, a doubt) is one timer
//! in the sweeper (`sweeper.rs`), set by the store.
//!
//! Its one rule: the store hears of an attempt before the modem does, and of its outcome before the next one.

mod budgets;
mod conduct;
mod denials;
mod dispatcher;
mod home;
mod lane;
mod outcome;
mod pool;
mod ready;
mod sweeper;

pub use budgets::Budgets;
pub use dispatcher::Dispatcher;
pub use pool::{LaneState, Member, Pool, Resting};
