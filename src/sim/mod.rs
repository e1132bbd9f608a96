//! A simulated modem, the carrier behind it, and the handsets of the people.
//!
//! Programs that drive real modems work with it: over a pseudo-terminal ([`Terminal`]) that a [`Bay`] plugs and unplugs,
//! or in a test over a [`MemoryPort`] or any pipe. [`Control`] takes orders by lines of text.
//! A [`Device`] answers AT commands in text and PDU mode, has real storages and routes what arrives; a [`Carrier`]
//! takes time, loses, expires and reports; a [`Handset`] puts long messages together and can write back.
//! [`Faults`] make the modem misbehave, and [`Family`] gives it the manners of one maker; [`Event`]s tell what it does as
//! it does it.
//!
//! ```text
//! others see    device.rs  settings.rs  event.rs  terminal.rs  bay.rs  memory_port.rs  control.rs
//! the network   carrier.rs  handset.rs  air.rs, what waits for one modem
//! the modem     session.rs, one attachment of its port: line.rs, what is typed; command.rs; answer.rs
//! its commands  attributes.rs  identity.rs  network.rs  unlocking.rs  configuration.rs  routing.rs  sending.rs  messages.rs
//!               text_mode.rs  charset.rs  ussd.rs
//! it keeps      card.rs  storage.rs  agenda.rs, what it has to do later
//! it is like    family.rs, the data of all families
//! goes wrong    fault/  what can; trouble.rs, what does now; wire.rs, to the bytes; power.rs; dice.rs, by chance
//! ```
//!
//! It reads AT in its own way and shares nothing with the driver but the PDUs, or both would be wrong together. All
//! waiting is by tokio's time, so a paused clock pauses this world too, and every draw comes from a seed.

mod agenda;
mod air;
mod answer;
mod attributes;
mod bay;
mod card;
mod carrier;
mod charset;
mod command;
mod configuration;
mod control;
mod device;
mod dice;
mod event;
mod family;
mod fault;
mod handset;
mod identity;
mod line;
mod memory_port;
mod messages;
mod network;
mod power;
mod routing;
mod sending;
mod session;
mod settings;
mod storage;
mod terminal;
mod text_mode;
mod trouble;
mod unlocking;
mod ussd;
mod wire;

pub use bay::Bay;
pub use carrier::{Arrival, Carrier, Submitted};
pub use control::Control;
pub use device::{Device, Registration};
pub use event::{Event, EventKind};
pub use family::Family;
pub use fault::{
    BrownOut, CardFault, Drawn, EXAMPLES, Fault, FaultError, Faults, HangUp, ReportFault, SendResult, Standing, Timed,
    Until,
};
pub use handset::{Handset, Received};
pub use memory_port::MemoryPort;
pub use settings::{CarrierSettings, DeviceSettings};
pub use storage::StorageName;
pub use terminal::Terminal;
pub use ussd::{UssdAnswer, UssdForm};
