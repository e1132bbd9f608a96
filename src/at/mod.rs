//! AT: the conversation with a modem, without ever touching one (ITU-T V.250, 3GPP TS 27.005 and 27.007).
//!
//! Bytes go in, and what is to be done comes out: bytes to write, a command that has ended, something the modem said by
//! itself. There is no port, no clock and no task in here; the time is an argument. A PDU is opaque hexadecimal and is
//! never printed.
//!
//! ```text
//! bytes -> frame.rs  lines and prompts, whatever the line ends, bounded
//!       -> line.rs   what a line is: a final result, information, or other text
//!       -> hearing.rs  whose it is: of the running command, of nobody, or the modem's own (unsolicited.rs)
//!       -> session.rs  what is under way, what is to be written, and when     output.rs  what comes out
//!              wake.rs    into step with a modem that has just been found, or has been silent
//!              manners.rs how its family wants to be treated, and what it says in words of its own
//! command.rs   what can be asked, how long to wait, and (answer.rs) which lines are the answer
//! fields.rs    numbers, quoted strings, lists and ranges      reply.rs     the typed answers
//! refusal.rs   what went wrong, and whose trouble it is       payload.rs   a PDU nobody prints
//! tries.rs     how often a card's PIN may still be wrong
//! ```
//!
//! Its one rule: every line has exactly one owner.

mod answer;
mod command;
mod fields;
mod frame;
mod hearing;
mod line;
mod manners;
mod output;
mod payload;
mod refusal;
mod reply;
mod session;
mod tries;
mod unsolicited;
mod ussd;
mod wake;

pub use command::{CardNumber, Command, Domain, NewMessages};
pub use fields::{Field, fields};
pub use manners::{Manners, Remark};
pub use output::{Busy, CommandError, Delivery, Output};
pub use payload::Payload;
pub use refusal::{Code, Codes, Refusal};
pub use reply::{Reply, Routes, Stored};
pub use session::{OPENING_TRIES, Session};
pub use tries::{Counter, Tries};
pub use unsolicited::{Place, Unsolicited};
pub use ussd::Ussd;
