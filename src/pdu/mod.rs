//! Short messages as octets: the protocol data units of 3GPP TS 23.040, the alphabets of TS 23.038, and the frame in
//! which a modem's PDU mode carries them (TS 27.005).
//!
//! One type for each PDU ([`Submit`], [`Deliver`], [`StatusReport`]), one file for each field. [`measure`] says what a
//! text will cost, [`segment`] makes the user data of its messages, [`reassemble`] goes back. [`measure_with`] and
//! [`segment_in`] do so with the tables of a [`Language`] where they save a message; these are read wherever they come.
//! [`Frame`] adds the service centre. Nothing here speaks to a modem, reads a clock, or draws a number.
//!
//! Its one rule: decoding is total. Any octets give a value, or an error that names field and place; and no value shows
//! a text, a whole telephone number or its octets when it is printed for debugging.

mod address;
mod coding;
mod decimal;
mod deliver;
mod error;
mod frame;
mod gsm7;
mod header;
mod hex;
mod measure;
mod national;
mod octets;
mod protocol;
mod report;
mod segment;
mod status;
mod submit;
mod time;
mod ucs2;
mod user_data;
mod ussd;
mod validity;
mod writing;

pub use address::{Address, NumberType};
pub use coding::{Alphabet, DataCoding, Indication, MessageClass, MessageWaiting};
pub use deliver::Deliver;
pub use error::{DecodeError, DecodeErrorKind, EncodeError};
pub use frame::Frame;
pub use header::Concatenation;
pub use hex::{from_hex, to_hex};
pub use measure::{Encoding, Measure, measure, measure_with};
pub use national::{Language, Languages};
pub use protocol::ProtocolId;
pub use report::StatusReport;
pub use segment::{reassemble, segment, segment_in};
pub use status::{DeliveryClass, DeliveryStatus};
pub use submit::Submit;
pub use time::ServiceCentreTime;
pub use user_data::UserData;
pub use ussd::{pack_ussd, read_ussd};
pub use validity::{ClockPeriod, EnhancedPeriod, EnhancedValidity, RelativeValidity, Validity};
