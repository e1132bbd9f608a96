//! One text, one or more messages, and back (3GPP TS 23.040 §9.2.3.24.1).
//!
//! Neither an escape sequence nor a surrogate pair is ever split: every part reads on its own.

use super::error::EncodeError;
use super::header::{Concatenation, Header};
use super::measure::{Encoding, choose, written_in};
use super::national::{Languages, Shifts};
use super::ucs2;
use super::user_data::{Content, UserData};
use super::writing::{Capacity, Written};

/// Splits a text into the user data of its messages: one that stands alone if that is enough, otherwise parts under
/// `reference`. A reference below 256 goes in one octet and leaves room for one septet or unit more in each part.
///
/// It goes in the GSM 7-bit default alphabet, or else in UCS-2, as [`super::measure`] says.
///
/// # Errors
/// [`EncodeError::TooManyParts`] when it takes more than 255.
pub fn segment(text: &str, reference: u16) -> Result<Vec<UserData>, EncodeError> {
    let (_, written) = choose(text, Languages::NONE);
    divide(text, written, reference)
}

/// Splits a text as [`segment`] does, in the encoding that [`super::measure_with`] chose for it.
///
/// # Errors
/// [`EncodeError::TooManyParts`], and [`EncodeError::NotInEncoding`] when the encoding is another text's.
pub fn segment_in(text: &str, encoding: Encoding, reference: u16) -> Result<Vec<UserData>, EncodeError> {
    divide(text, written_in(text, encoding).ok_or(EncodeError::NotInEncoding)?, reference)
}

fn divide(text: &str, written: Written, reference: u16) -> Result<Vec<UserData>, EncodeError> {
    let Written { writing, parts, .. } = written;
    let user_data = |part, text| UserData::new(Header::new(part, writing.shifts()), writing.content(text));
    if parts == 1 {
        return Ok(vec![user_data(None, text)]);
    }
    let slices = || writing.split(text, Capacity::Part { reference }.units(writing));
    let parts = slices().count();
    let total = u8::try_from(parts).map_err(|_| EncodeError::TooManyParts { parts })?;
    let part = |(sequence, text)| user_data(Some(Concatenation { reference, total, sequence }), text);
    Ok((1..=total).zip(slices()).map(part).collect())
}

/// Puts a text together again from all its parts, given in order. What another sender split between two parts, an
/// escape sequence or a surrogate pair, is whole again too. Data is passed over.
#[must_use]
pub fn reassemble(parts: &[UserData]) -> String {
    let mut text = String::new();
    for run in parts.chunk_by(|a, b| (a.alphabet(), a.shifts()) == (b.alphabet(), b.shifts())) {
        let shifts = run.first().map_or(Shifts::NONE, UserData::shifts);
        let contents = || run.iter().map(UserData::content);
        text += &shifts.decode(contents().flat_map(|content| match content {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdu::Language;

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
    fn every_part_names_its_tables() {
        let filled = |language, text: &str, reference| {
            let parts = segment_in(&text.repeat(400), Encoding::National(language), reference).unwrap();
            assert_eq!(reassemble(&parts), text.repeat(400));
            assert_eq!(parts.iter().map(UserData::text).collect::<String>(), text.repeat(400));
            assert!(parts.iter().all(|part| part.shifts() == parts[0].shifts() && part.concatenation().is_some()));
            units(&parts[0])
        };
        // 9 octets of header with one table, 12 with two; one more under a reference of two octets.
        assert_eq!((filled(Language::Turkish, "ş", 255), filled(Language::Turkish, "ş", 256)), (149, 148));
        assert_eq!((filled(Language::Spanish, "ó", 255), filled(Language::Spanish, "ó", 256)), (148, 148));
        assert_eq!((filled(Language::Bengali, "ক০", 255), filled(Language::Bengali, "ক০", 256)), (145, 145));
        let alone = segment_in("ışık", Encoding::National(Language::Turkish), 7).unwrap();
        assert_eq!((alone.len(), alone[0].concatenation(), alone[0].text().as_str()), (1, None, "ışık"));
    }

    #[test]
    fn a_text_that_is_not_in_the_encoding_is_refused() {
        for encoding in [Encoding::Gsm7, Encoding::National(Language::Turkish)] {
            assert_eq!(segment_in("ж", encoding, 1), Err(EncodeError::NotInEncoding));
        }
        assert_eq!(segment_in("A", Encoding::Ucs2, 1).unwrap()[0].text(), "A");
    }

    #[test]
    fn more_than_255_parts_are_refused() {
        assert_eq!(segment(&"a".repeat(255 * 153), 1).map(|parts| parts.len()), Ok(255));
        assert_eq!(segment(&"a".repeat(255 * 153 + 1), 1), Err(EncodeError::TooManyParts { parts: 256 }));
        assert_eq!(segment(&"a".repeat(255 * 153), 256), Err(EncodeError::TooManyParts { parts: 257 }));
    }

    #[test]
    fn what_others_split_is_whole_again() {
        let part = |content| UserData::new(Header::default(), content);
        let euro = [part(Content::Gsm7(vec![0x41, 0x1B])), part(Content::Gsm7(vec![0x65]))];
        assert_eq!(reassemble(&euro), "A€");
        let face = [part(Content::Ucs2(vec![0xD83D])), part(Content::Ucs2(vec![0xDE00]))];
        assert_eq!(reassemble(&face), "😀");
        let tables = |identifier| Header::new(None, Shifts::from_identifiers(Some(identifier), None));
        let turkish = |content| UserData::new(tables(1), content);
        let shifted = [turkish(Content::Gsm7(vec![0x41, 0x1B])), turkish(Content::Gsm7(vec![0x73]))];
        assert_eq!(reassemble(&shifted), "Aş");
        let two = [turkish(Content::Gsm7(vec![0x1B, 0x73])), UserData::new(tables(2), Content::Gsm7(vec![0x1B, 0x75]))];
        assert_eq!(reassemble(&two), "şú");
        let mixed = [part(Content::Gsm7(vec![0x41])), UserData::data(vec![1]), part(Content::Ucs2(vec![0x42]))];
        assert_eq!(reassemble(&mixed), "AB");
    }
}
