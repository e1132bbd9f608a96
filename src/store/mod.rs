//! The state of the daemon: one SQLite database in the state folder, and the only room that knows SQL.
//!
//! ```text
//! named async methods of Store --commands--> writer (one loop, group commit) --> smsotpd.db
//!                             --queries---> readers (a few, read-only)      --> smsotpd.db
//! ```
//!
//! Every change is one command. The writer drains all commands that wait into one transaction, each in a savepoint of
//! its own, commits with an fsync, wakes who watches, and answers them all. So what a method returned is on disk,
//! and what it did not return never half happened. Queries see the last commit.
//!
//! | file | is about |
//! |---|---|
//! | `handle` | the methods of [`Store`], and how it opens and closes |
//! | `folder`, `key`, `site` | the state folder: who may open it, its key, its timeline |
//! | `writer`, `readers`, `disk`, `patience` | the two ways into the database, whether the disk takes what is written, and how callers wait until it does |
//! | `schema`, `schema/*.sql` | the tables, explained, and how they came to be |
//! | `apps` | clients of the API |
//! | `otps`, `issuing`, `verifying` | one-time passwords: their shape, then what is done with them |
//! | `messages`, `accepting`, `listing` | messages as the API sees them |
//! | `queue`, `claiming`, `second`, `standing`, `routing`, `settling`, `reports` | messages as modems and the network see them |
//! | `guarding`, `recent`, `remembered`, `safelist`, `homes`, `figures` | what the guard goes by, and what it shows |
//! | `inbox`, `optouts` | messages that came in, and the numbers that want none |
//! | `life` | one message with its parts, as all of these change it |
//! | `events`, `refusals`, `journal`, `retention` | what happened: written down, counted, told, forgotten |
//! | `deliveries`, `callbacks` | the outbox: what goes to receivers; what apps and people see of it |
//! | `drains` | modems that a person has taken out of use |
//! | `sweep` | what falls due with time |
//! | `idempotency`, `row`, `error` | repeated requests; columns and types; what can go wrong |
//!
//! This room knows no modem and no HTTP, draws no codes, and decides no state by itself: [`crate::otp`],
//! [`crate::message`], [`crate::limits`] and [`crate::guard`] do. Its one rule: a state read in a transaction is changed in that transaction.

mod accepting;
mod apps;
mod callbacks;
mod claiming;
mod deliveries;
mod disk;
mod drains;
mod error;
mod events;
mod figures;
mod folder;
mod guarding;
mod handle;
mod homes;
mod idempotency;
mod inbox;
mod issuing;
mod journal;
mod key;
mod life;
mod listing;
mod messages;
mod optouts;
mod otps;
mod pages;
mod parts;
mod patience;
mod queue;
mod readers;
mod recent;
mod refusals;
mod remembered;
mod reports;
mod retention;
mod routing;
mod row;
mod safelist;
mod schema;
mod second;
mod settling;
mod site;
mod standing;
mod sweep;
mod verifying;
mod writer;

pub use apps::{App, NewApp, Scope, ScopeError};
pub use callbacks::{
    AppCallback, CallbackCounts, CallbackFilter, CallbackId, CallbackIdError, CallbackStatus, CallbackView,
};
pub use deliveries::{Delivery, Due, Tried};
pub use drains::DrainedModems;
pub use error::StoreError;
pub use events::{By, Kind};
pub use figures::{Figures, OfCountry, OfPrefix};
pub use guarding::{Refused, Rules};
pub use handle::Store;
pub use idempotency::Idempotency;
pub use inbox::{Choice, Inbound, InboxFilter, InboxMessage};
pub use journal::{Event, EventData, EventFilter, EventMessage, EventOtp, Reader, Told};
pub use key::KeyError;
pub use messages::{
    AcceptOutcome, AttemptOutcome, AttemptView, CancelOutcome, MessageDetail, MessageFilter, MessageView, NewMessage,
    SiteCounts,
};
pub use optouts::OptOut;
pub use otps::{IssueOutcome, NewCode, NewOtp, OtpView, ResendOutcome, ResendRefusal};
pub use pages::{Cursor, CursorError, Page, PageSize};
pub use patience::Patience;
pub use queue::{Assignment, AttemptId, Claim, Claimed, Denied, Neighbour, Settlement, SubmitResult};
pub use reports::{Report, ReportOutcome};
pub use retention::{Days, Retention};
pub use safelist::SafeNumber;
pub use site::PolicyDigests;
pub use standing::Standing;
pub use verifying::{Guess, Which};
