//! smsotpd turns a USB GSM/LTE modem and a SIM into an SMS one-time-code service for one site: applications post to
//! localhost, the daemon drives the modem with AT commands, and the code travels on the carrier's network.
//!
//! This file is the map: the rooms, floor by floor, and the way of one code through them. A room imports only from
//! lower floors; `tests/house.rs` holds that.
//!
//! # The floors
//!
//! | floor | rooms | what happens there |
//! |---|---|---|
//! | 9 | [`cli`] | one file for each command |
//! | 8 | [`daemon`] | builds every task, tells systemd, stops in order |
//! | 7 | [`config`] | one TOML file, composed from the rooms' own settings |
//! | 6 | [`http`] | the API: router, keys, problem details, OpenAPI |
//! | 5 | [`issue`] [`verify`] [`send`] | the use cases: a code goes out, a code is judged, a message goes out |
//! |   | [`dispatch`] | from the queue to the modem; the only room that knows both |
//! |   | [`intake`] | from the air to the store: status reports, messages to the SIMs |
//! |   | [`ussd`] | questions to the network, the balance among them |
//! |   | [`webhook`] | from the outbox to the receivers: signed, in order, at least once |
//! | 4 | [`store`] | SQLite: one writer loop, readers, one file for each aggregate |
//! |   | [`modem`] | one task for each modem, which alone touches its port and brings it back when it hangs; finding modems |
//! |   | [`sim`] | a simulated modem, carrier and handsets |
//! |   | [`wording`] | what a message with a code says, and whether it fits one SMS |
//! | 3 | [`at`] [`pdu`] | the protocols, without any input or output of their own |
//! | 2 | [`message`] [`otp`] [`limits`] [`guard`] [`route`] [`template`] [`callback`] | the rules; time and randomness are arguments |
//! | 1 | [`ids`] [`phone`] [`country`] [`clock`] [`secret`] [`notify`] | the words everybody speaks |
//!
//! # The way of one code
//!
//! 1. [`http`] finds the app by its key, reads the number, and calls [`issue`].
//! 2. [`issue`] draws the code from the operating system's generator, has [`wording`] write and measure the message, and
//!    hands [`store`] one command: the code's digest, the sealed text, the message, the idempotency record.
//! 3. [`store`] checks the [`limits`] and asks the [`guard`], and writes it all in one transaction with whatever else waits,
//!    syncs, and only then answers. HTTP says 202: an accepted request is on disk.
//! 4. A modem with nothing to do stands in line at the store, through [`dispatch`]. The same transaction gives it the
//!    message and writes the attempt down; a busy [`modem`] takes it when it settles the one before.
//! 5. The modem's task builds the SMS-SUBMIT; [`at`] runs the conversation and knows whether the point of no return,
//!    Ctrl-Z, is passed. After that a missing answer means in doubt, never "not sent".
//! 6. [`dispatch`] settles the outcome and takes the next message in the same transaction.
//! 7. A status report comes in through [`intake`], and so does what people write; it is acknowledged to the modem, or removed
//!    from it, only after it is on disk.
//! 8. [`verify`] judges a guess in one transaction: counted first, compared in constant time, right only once.
//! 9. Each of these transactions also writes down what happened in it. Streams of events and the audit tell of it from
//!    there, and [`webhook`] calls back who wants that; nobody waits for it.

pub mod at;
pub mod callback;
pub mod cli;
pub mod clock;
pub mod config;
pub mod country;
pub mod daemon;
pub mod dispatch;
pub mod guard;
pub mod http;
pub mod ids;
pub mod intake;
pub mod issue;
pub mod limits;
pub mod message;
pub mod modem;
pub mod notify;
pub mod otp;
pub mod pdu;
pub mod phone;
pub mod route;
pub mod secret;
pub mod send;
pub mod sim;
pub mod store;
pub mod template;
pub mod ussd;
pub mod verify;
pub mod webhook;
pub mod wording;
