//! The local API over HTTP: issuing and checking codes, sending messages, and telling how the site is.
//!
//! [`Api`] is what the calls work on, [`router()`] the calls themselves on one page, [`bind`] and [`serve()`] the way
//! they are reached: a network address and a unix socket. A request passes the gate (host, size, time), the caller's key
//! is looked up, its body understood, and then one call of `issue`, `verify`, `send` or the store answers it.
//!
//! It never waits for a modem, and knows modems only as [`ModemView`]s that the daemon fills. It decides no rule of an
//! otp or a message; it translates.
//!
//! Its one rule: everything is answered within a second, and nothing secret is answered or logged.
//!
//! | file | is |
//! |---|---|
//! | `router` | the whole API on one page |
//! | `serve`, `connection` | connections, network and unix |
//! | `gate` | what every request passes |
//! | `auth` | who calls, and what they may do |
//! | `body`, `query`, `fields`, `idempotency` | reading requests |
//! | `problem`, `refusals` | every refusal with its status and code; why no code goes out |
//! | `otps`, `messages`, `inbox`, `optouts`, `guard`, `safelist`, `events`, `audit`, `callbacks`, `modems`, `ussd`, `balance`, `status`, `metrics` | the calls |
//! | `readiness` | whether a code would go out now |
//! | `openapi`, `answers` | the description of it all, for programs; what its calls can be refused with |

mod answers;
mod api;
mod audit;
mod auth;
mod balance;
mod body;
mod budget;
mod callbacks;
mod connection;
mod error;
mod events;
mod fields;
mod gate;
mod guard;
mod idempotency;
mod inbox;
mod messages;
mod metrics;
mod modems;
mod openapi;
mod optouts;
mod otps;
mod problem;
mod query;
mod readiness;
mod refusals;
mod router;
mod safelist;
mod serve;
mod settings;
mod status;
mod ussd;
mod waiting;

pub use api::{Api, ApiParts};
pub use body::LONGEST_BODY;
pub use error::HttpError;
pub use modems::{ModemState, ModemView, RecoveryView, Registration, SimView, UnusableView};
pub use router::router;
pub use serve::{Listeners, bind, serve};
pub use settings::Settings;
