//! Modems: one task per modem, which alone touches its port.
//!
//! The task opens the port, wakes the modem and sets it up, keeps its [`Health`] true, gives one part of a message
//! after the other to the network, and hands out what comes from the air as an [`Event`]. A port that vanishes is
//! opened again with growing pauses. It knows no store and no HTTP, and retries no message.
//!
//! ```text
//! What others see
//!   settings.rs    what an operator sets for a modem
//!   handle.rs      where messages to send are handed in
//!   submission.rs  one part of a message, and what became of it
//!   health.rs      how the modem is
//!   event.rs       what came from the air
//! The task, from the outside in
//!   recovery.rs    opens the port, and brings back a modem that does not do its work
//!   ladder.rs      what is tried for that, in which order, and how often
//!   actor.rs       stays with an open port: sets the modem up, then does one thing after the other
//!   turn.rs        one step of it, whatever is waited for
//! What it does while the port is open
//!   setup.rs       sets the modem up, and asks again how it stands
//!   card.rs        the card, whatever it waits for
//!   unlock.rs      gives it its PIN, once
//!   network.rs     registration and signal, and what is done about a modem without a network
//!   routing.rs     tells the modem where to put what comes in
//!   incoming.rs    takes in what the modem says, and tells it to forget what is on disk
//!   sending.rs     gives one part of a message to the network
//!   bearer.rs      says why LTE may not have carried it
//!   ussd.rs        asks the network something that is dialled
//! What it keeps in mind
//!   visit.rs       what is known of the modem while its port stays open
//!   look.rs        when it is asked again how it stands
//!   storages.rs    what has gathered on the modem
//!   arrivals.rs    what came in, until it is on disk
//!   cards.rs       which card is which
//!   pin.rs         which PINs must not be tried again
//!   sends.rs       whether the modem still sends
//!   rarely.rs      what was said in the log, and is not repeated
//! What it goes by
//!   profile/       how the modems of a family want to be treated
//!   verdict.rs     what a modem's answers mean for sending
//! What it speaks through
//!   wire.rs        an open port with a conversation on it
//!   port.rs        opens a serial port
//!   tcp.rs         opens a serial server's
//!   discovery/     finds which modem is where
//!   holder.rs      tells who else has a port open
//! ```
//!
//! Its one rule: an outcome never says more than is known. What was surely not sent may be sent again; what may have
//! been sent is in doubt.

mod actor;
mod arrivals;
mod bearer;
mod card;
mod cards;
pub mod discovery;
mod event;
mod handle;
mod health;
mod holder;
mod incoming;
mod ladder;
mod look;
mod network;
mod pin;
mod port;
mod profile;
mod rarely;
mod recovery;
mod routing;
mod sending;
mod sends;
mod settings;
mod setup;
mod storages;
mod submission;
mod tcp;
mod turn;
mod unlock;
mod ussd;
mod verdict;
mod visit;
mod wire;

pub use actor::{Surroundings, spawn};
pub use event::{Acknowledge, Arrival, Event};
pub use handle::Modem;
pub use health::{Concern, Health, Recovery, Registration, Rung, Signal, Sim, State};
pub use pin::PinBook;
pub use port::{Appearing, Connecting, Connector, Io, Resetting, SerialConnector};
pub use profile::{Acknowledgement, Profile};
pub use settings::{Settings, SettingsFault};
pub use submission::{Outcome, Submission};
pub use tcp::{AddressError, TcpAddress, TcpConnector};
pub use ussd::{UssdAnswer, UssdError};
