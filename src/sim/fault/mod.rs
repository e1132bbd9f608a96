//! What can go wrong with a modem, its SIM and its network.
//!
//! A [`Fault`] is a value. A test hands it to [`Faults::queue`]; a file, a control socket and a seed make the same values:
//! [`Timed::read`] reads one line, [`Timed::read_all`] a file, [`Faults::seeded`] draws from a seed. A new fault is a variant in
//! `kinds.rs`, a line in `examples.rs`, and one place in the simulator where its moment is.

mod drawn;
mod examples;
mod faults;
mod kinds;
mod lines;

pub use drawn::Drawn;
pub use examples::EXAMPLES;
pub use faults::Faults;
pub(super) use faults::{End, Pace, Silence};
pub use kinds::{BrownOut, CardFault, Fault, HangUp, ReportFault, SendResult, Standing, Until};
pub use lines::{FaultError, Timed};
