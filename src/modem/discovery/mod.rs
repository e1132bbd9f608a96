//! Finding modems: what is plugged in, which of its ports takes commands, and which modem it is.
//!
//! ```text
//! ids.csv -> ids.rs   what is known of USB devices          settings.rs   what an operator sets
//! sysfs.rs   what is plugged in now   choice.rs   which of its ports to ask, or why none
//! sites.rs   both together, with the folder of links: every place where a modem may be
//! watch.rs   when to look again       probe.rs    one port, asked politely
//! finder.rs  the task: looks, asks, remembers, tells        spot.rs   what it remembers of one place
//! ports.rs   what has been found, and the way to the port of one modem wherever it is
//! reset.rs   a USB device taken off its bus and put back
//! ```
//!
//! A modem is known by its own number (IMEI), never by the name of its port: that changes with whatever else is plugged
//! in. A modem that tells no number is known by its serial number on USB, else by the socket it is in.
//!
//! Its one rule: what may not be a modem is asked politely, what is in use is left alone, and a port in a download mode
//! is never opened.

mod choice;
mod finder;
mod ids;
mod ports;
mod probe;
mod reset;
mod settings;
mod sites;
mod spot;
mod sysfs;
mod watch;

pub use choice::Trouble;
pub use finder::{Finder, Found, Known, may_name};
pub use ports::{Identity, Ports, Seen, Sight};
pub use settings::Settings;
pub use sites::{Site, Todo, look};

pub(super) use reset::reset;
pub(super) use sysfs::UsbPlace;
