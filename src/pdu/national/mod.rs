//! National language tables: what septets mean when a header says so (3GPP TS 23.038 §6.2.1.2 and annex A).
//!
//! A message may put the *locking shift* table of a language in the place of the default alphabet, the *single shift*
//! table of a language in the place of the extension table, or both. [`Language`] names the languages, one file each holds
//! the tables of one, and [`Shifts`] is what a message says of them.
//!
//! Its one rule: a table is what the standard prints. What is not there is shown as the standard says, never refused.

mod bengali;
mod gujarati;
mod hindi;
mod kannada;
mod language;
mod malayalam;
mod oriya;
mod portuguese;
mod punjabi;
mod shifts;
mod spanish;
mod table;
mod tamil;
mod telugu;
mod turkish;
mod urdu;

pub use language::{Language, Languages};
pub(super) use shifts::Shifts;
