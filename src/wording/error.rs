//! Why a message cannot be written, in words that say what to change.

use crate::pdu::{Encoding, Measure};
use crate::template::LastLineError;

/// Why a message cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WordingError {
    /// The words have a place for what was not given.
    #[error("the text has a place for the {0}, and none is given")]
    Missing(&'static str),
    /// What was given has a control character, which could feign another line.
    #[error("the {0} has a control character")]
    Control(&'static str),
    /// The request's words have a last line that browsers do not understand.
    #[error(transparent)]
    LastLine(#[from] LastLineError),
    /// The words have a last line for browsers, and another would be put under it.
    #[error(
        "the text has a last line for browsers of its own, and `domain` or `app-hash` would put another under it: keep only \
         one of them"
    )]
    TwoLastLines,
    /// It does not fit.
    #[error(transparent)]
    TooLong(#[from] TooLong),
}

/// A message that does not fit into one SMS.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", explained(self))]
pub struct TooLong {
    /// What it would cost.
    pub measure: Measure,
    /// How many septets, or UTF-16 units, there can be.
    pub most: usize,
    /// Whether the words are those of the request, and not the operator's with what the request puts into them.
    pub own_words: bool,
}

fn explained(TooLong { measure, most, .. }: &TooLong) -> String {
    let Measure { units, parts, .. } = measure;
    let over = units.saturating_sub(*most);
    let unit = if measure.encoding == Encoding::Gsm7 { "septets" } else { "characters" };
    let mut said = format!("the message has {units} {unit}, {over} more than ");
    said += &match parts {
        1 => format!("an Android app is given ({most})"),
        parts => format!("one SMS holds ({most}): it would take {parts}"),
    };
    if let Some(character) = measure.forced_by {
        said +=
            &format!("; without {character:?}, which is not in the GSM 7-bit alphabet, an SMS would hold 160 septets");
    }
    said
}
