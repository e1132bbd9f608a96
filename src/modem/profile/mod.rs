//! What is peculiar to the modems of one family: how they are recognised, quietened and asked, and what their words and
//! numbers mean.
//!
//! ```text
//! shape.rs     what a profile says, and how a modem is given one
//! families.rs  the families, all of them: another one is added there and nowhere else
//! codes.rs     the numbers of which makers have long lists of their own
//! ```
//!
//! Its one rule: a profile is data. It never decides; where the data are wrong for one model, the next best way that
//! every modem has is tried.

mod codes;
mod families;
mod shape;

pub use shape::{Acknowledgement, Profile};
