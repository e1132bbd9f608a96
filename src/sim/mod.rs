//! A simulated modem, the carrier behind it, and the handsets of the people.
//!
//! Programs that drive real modems work with it: over a pseudo-terminal ([`Terminal`]), or in a test over any pipe.
//! A [`Device`] answers AT commands in text and PDU mode, has real storages and routes what arrives; a [`Carrier`]
//! takes time, loses, expires and reports; a [`Handset`] puts long messages together and can write back.
//! [`Faults`] make the modem misbehave; [`Event`]s tell what it does as it does it.
//!
//! It reads AT in its own way and shares nothing with the driver but the PDUs, or both would be wrong together. All
//! waiting is by tokio's time, so a paused clock pauses this world too, and every draw comes from a seed.

mod air;
mod answer;
mod attributes;
mod carrier;
mod charset;
mod command;
mod configuration;
mod device;
mod event;
mod fault;
mod handset;
mod identity;
mod line;
mod messages;
mod network;
mod routing;
mod sending;
mod session;
mod settings;
mod storage;
mod terminal;
mod text_mode;

pub use carrier::{Arrival, Carrier, Submitted};
pub use device::{Device, Registration};
pub use event::{Event, EventKind};
pub use fault::{Fault, Faults, HangUp};
pub use handset::{Handset, Received};
pub use settings::{CarrierSettings, DeviceSettings};
pub use terminal::Terminal;
