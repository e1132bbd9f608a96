//! One text, one or more messages, and back (3GPP TS 23.040 §9.2.3.24.1).
//!
//! Neither an escape sequence nor a surrogate pair is ever split: every part reads on its own.

use super::error::EncodeError;
use super::header::Concatenation;
use super::measure::{Encoding, measure};
use super::user_data::{Content, MOST_OCTETS, UserData};
use super::{gsm7, ucs2};

/// The room for text in one message.
#[derive(Debug, Clone, Copy)]
pub(super) enum Capacity {
    /// Without a header.
    Whole,
    /// With the header of a concatenation under this reference.
    Part { reference: u16 },
}

impl Capacity {
    /// In septets or UTF-16 units.
    pub(super) fn units(self, encoding: Encoding) -> usize {
        let header = match self {
            Self::Whole => 0,
            Self::Part { reference: 0..=255 } => 6,
            Self::Part { .. } => 7,
        };
        match encoding {
            Encoding::Gsm7 => (MOST_OCTETS - header) * 8 / 7,
            Encoding::Ucs2 => (MOST_OCTETS - header) / 2,
        }
    }
}

/// Splits a text into the user data of its messages: one without a header if that is enough, otherwise parts under
/// `reference`. A reference below 256 goes in one octet and leaves room for one septet or unit more in each part.
///
/// # Errors
/// [`EncodeError::TooManyParts`] when it takes more than 255.
pub fn segment(text: &str, reference: u16) -> Result<Vec<UserData>, EncodeError> {
    let measure = measure(text);
    let encoding = measure.encoding;
    if measure.parts == 1 {
        return Ok(vec![UserData::whole(content(text, encoding))]);
    }
    let slices = || split(text, encoding, Capacity::Part { reference }.units(encoding));
    let parts = slices().count();
    let total = u8::try_from(parts).map_err(|_| EncodeError::TooManyParts { parts })?;
    let part = |(sequence, text)| UserData::part(Concatenation { reference, total, sequence }, content(text, encoding));
    Ok((1..=total).zip(slices()).map(part).collect())
}

/// Puts a text together again from all its parts, given in order. What another sender split between two parts, an
/// escape sequence or a surrogate pair, is whole again too. Data is passed over.
#[must_use]
pub fn reassemble(parts: &[UserData]) -> String {
    let mut text = String::new();
    for run in parts.chunk_by(|a, b| a.alphabet() == b.alphabet()) {
        let contents = || run.iter().map(UserData::content);
        text += &gsm7::decode(contents().flat_map(|content| match content {
            Content::Gsm7(septets) => septets.iter().copied(),
            Content::Data(_) | Content::Ucs2(_) => [].iter().copied(),
        }));
        text += &ucs2::decode(contents().flat_map(|content| match content {
            Content::Ucs2(units) => units.iter().copied(),
            Content::Gsm7(_) | Content::Data(_) => [].iter().copied(),
        }));
    }
    text
}

/// The slices of a text that fit into `capacity` units each. All of its characters must be in the alphabet.
pub(super) fn split(text: &str, encoding: Encoding, capacity: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut room = capacity;
        let end = rest.char_indices().find(|(_, c)| {
            let width = encoding.width(*c).unwrap_or_default();
            let full = width > room;
            room = room.saturating_sub(width);
            full
        });
        let (part, after) = rest.split_at(end.map_or(rest.len(), |(at, _)| at));
        rest = after;
        Some(part)
    })
}

fn content(text: &str, encoding: Encoding) -> Content {
    match encoding {
        // `measure` chose this alphabet because it has every character of the text.
        Encoding::Gsm7 => Content::Gsm7(gsm7::encode(text).unwrap_or_default()),
        Encoding::Ucs2 => Content::Ucs2(text.encode_utf16().collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(part: &UserData) -> usize {
        match part.content() {
            Content::Gsm7(septets) => septets.len(),
            Content::Data(octets) => octets.len(),
            Content::Ucs2(units) => units.len(),
        }
    }

    #[test]
    fn a_short_text_has_no_header() {
        for text in ["", "123456", &"a".repeat(160), &"я".repeat(70)] {
            let parts = segment(text, 7).unwrap();
            assert_eq!(parts.len(), 1);
            assert_eq!(parts[0].concatenation(), None);
            assert_eq!(parts[0].text(), text);
        }
    }

    #[test]
    fn parts_are_numbered_and_full() {
        for (text, reference, filled) in [("a", 255, 153), ("a", 256, 152), ("я", 255, 67), ("я", 256, 66)] {
            let parts = segment(&text.repeat(400), reference).unwrap();
            for (part, sequence) in parts.iter().zip(1..) {
                let total = u8::try_from(parts.len()).unwrap();
                assert_eq!(part.concatenation(), Some(Concatenation { reference, total, sequence }));
            }
            assert!(parts.iter().rev().skip(1).all(|part| units(part) == filled));
            assert_eq!(reassemble(&parts), text.repeat(400));
        }
    }

    #[test]
    fn escapes_and_pairs_stay_whole() {
        for text in ["€".repeat(200), "😀".repeat(100), format!("a{}", "😀".repeat(100))] {
            for reference in [1, 1000] {
                let parts = segment(&text, reference).unwrap();
                assert_eq!(parts.iter().map(UserData::text).collect::<String>(), text);
            }
        }
    }

    #[test]
    fn more_than_255_parts_are_refused() {
        assert_eq!(segment(&"a".repeat(255 * 153), 1).map(|parts| parts.len()), Ok(255));
        assert_eq!(segment(&"a".repeat(255 * 153 + 1), 1), Err(EncodeError::TooManyParts { parts: 256 }));
        assert_eq!(segment(&"a".repeat(255 * 153), 256), Err(EncodeError::TooManyParts { parts: 257 }));
    }

    #[test]
    fn what_others_split_is_whole_again() {
        let part = |content| UserData::whole(content);
        let euro = [part(Content::Gsm7(vec![0x41, 0x1B])), part(Content::Gsm7(vec![0x65]))];
        assert_eq!(reassemble(&euro), "A€");
        let face = [part(Content::Ucs2(vec![0xD83D])), part(Content::Ucs2(vec![0xDE00]))];
        assert_eq!(reassemble(&face), "😀");
        let mixed = [part(Content::Gsm7(vec![0x41])), UserData::data(vec![1]), part(Content::Ucs2(vec![0x42]))];
        assert_eq!(reassemble(&mixed), "AB");
    }
}
