//! What a text costs before it is sent: alphabet, length, number of messages.

use super::gsm7;
use super::segment::{Capacity, split};

/// The alphabet a text is sent in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// The GSM 7-bit default alphabet with its extension table: 160 septets to a message.
    Gsm7,
    /// UTF-16: 70 units to a message.
    Ucs2,
}

impl Encoding {
    /// `gsm7` or `ucs2`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gsm7 => "gsm7",
            Self::Ucs2 => "ucs2",
        }
    }

    /// How many units a character takes; none when this alphabet does not have it.
    pub(super) fn width(self, c: char) -> Option<usize> {
        match self {
            Self::Gsm7 => gsm7::width(c),
            Self::Ucs2 => Some(c.len_utf16()),
        }
    }
}

/// What a text costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure {
    /// The alphabet it is sent in.
    pub encoding: Encoding,
    /// Unicode scalar values.
    pub characters: usize,
    /// Septets or UTF-16 units.
    pub units: usize,
    /// How many messages it takes; 1 for an empty text. Over 255 it cannot be sent.
    pub parts: usize,
    /// The first character that is not in the GSM 7-bit alphabet, if there is one.
    pub forced_by: Option<char>,
}

/// Measures a text. The parts are counted for a concatenation reference below 256, as [`super::segment`] splits it then.
#[must_use]
pub fn measure(text: &str) -> Measure {
    let forced_by = text.chars().find(|c| gsm7::width(*c).is_none());
    let encoding = if forced_by.is_some() { Encoding::Ucs2 } else { Encoding::Gsm7 };
    let (characters, units) = text
        .chars()
        .fold((0, 0), |(characters, units), c| (characters + 1, units + encoding.width(c).unwrap_or_default()));
    let parts = if units <= Capacity::Whole.units(encoding) {
        1
    } else {
        split(text, encoding, Capacity::Part { reference: 0 }.units(encoding)).count()
    };
    Measure { encoding, characters, units, parts, forced_by }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(text: &str) -> (&'static str, usize, usize, usize, Option<char>) {
        let Measure { encoding, characters, units, parts, forced_by } = measure(text);
        (encoding.as_str(), characters, units, parts, forced_by)
    }

    #[test]
    fn a_text_is_measured_in_its_own_units() {
        assert_eq!(cost(""), ("gsm7", 0, 0, 1, None));
        assert_eq!(cost("123456 is your code."), ("gsm7", 20, 20, 1, None));
        assert_eq!(cost("[€]"), ("gsm7", 3, 6, 1, None));
        assert_eq!(cost("a\r\n\u{c}"), ("gsm7", 4, 5, 1, None));
        assert_eq!(cost("é ê"), ("ucs2", 3, 3, 1, Some('ê')));
        assert_eq!(cost("a😀’"), ("ucs2", 3, 4, 1, Some('😀')));
        assert_eq!(cost("a\0"), ("ucs2", 2, 2, 1, Some('\0')));
        assert_eq!(cost("\t"), ("ucs2", 1, 1, 1, Some('\t')));
    }

    #[test]
    fn parts_grow_where_the_standard_says() {
        for (count, parts) in [(160, 1), (161, 2), (306, 2), (307, 3), (459, 3), (255 * 153, 255), (255 * 153 + 1, 256)]
        {
            assert_eq!(measure(&"a".repeat(count)).parts, parts, "{count} septets");
        }
        for (count, parts) in [(70, 1), (71, 2), (134, 2), (135, 3)] {
            assert_eq!(measure(&"я".repeat(count)).parts, parts, "{count} units");
        }
    }

    #[test]
    fn a_pair_that_would_be_split_moves_to_the_next_part() {
        assert_eq!(measure(&"€".repeat(153)).parts, 3);
        assert_eq!(measure(&format!("a{}", "€".repeat(152))).parts, 2);
        assert_eq!(measure(&"😀".repeat(67)).parts, 3);
    }
}
