//! Modems: one task per modem, which alone touches its port.
//!
//! The task opens the port, wakes the modem and sets it up, keeps its [`Health`] true, gives one part of a message
//! after the other to the network, and hands out what comes from the air as an [`Event`]. A port that vanishes is
//! opened again with growing pauses. It knows no store and no HTTP, and retries no message.
//!
//! ```text
//! others see    settings.rs  handle.rs  submission.rs  health.rs  event.rs
//! the task      recovery.rs, as ladder.rs says: actor.rs: setup.rs, then sending.rs and incoming.rs, turn by turn.rs
//! it keeps      arrivals.rs until they are on disk      verdict.rs  what answers mean for sending
//!               cards.rs    which card is which      storages.rs  what has gathered on the modem
//!               visit.rs    what is known of it while its port stays open
//!               sends.rs    whether it still sends       look.rs      when it is asked how it stands
//!               pin.rs      PINs not to try again    rarely.rs   what it does not repeat in the log
//! it asks        card.rs (its PIN: unlock.rs)  network.rs  routing.rs  bearer.rs  ussd.rs
//! what differs  profile/    by the modem's family
//! it speaks     wire.rs, over port.rs (a serial port) or tcp.rs (a serial server)
//! its port      discovery/  which modem is where     holder.rs  who else has a port open
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
