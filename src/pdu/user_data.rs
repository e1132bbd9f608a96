//! TP-User-Data: header and content of one message (3GPP TS 23.040 §9.2.3.16 and §9.2.3.24).
//!
//! Networks and modems are not always exact about the length: content that ends before it is read as far as it goes,
//! what lies behind it is passed over.

use std::fmt;

use super::coding::{Alphabet, DataCoding, MessageClass};
use super::error::{DecodeError, DecodeErrorKind, EncodeError};
use super::header::{Concatenation, Header};
use super::national::Shifts;
use super::octets::Octets;
use super::{gsm7, ucs2};

/// The most octets of user data in one message; 160 septets take as many.
pub(super) const MOST_OCTETS: usize = 140;

/// What a message carries: a text or a part of one, or data. `Debug` shows how much, never what.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UserData {
    header: Header,
    content: Content,
}

/// The content in the unit of its alphabet.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Content {
    /// Septets, one to an octet.
    Gsm7(Vec<u8>),
    /// Octets.
    Data(Vec<u8>),
    /// Sixteen-bit units.
    Ucs2(Vec<u16>),
}

impl UserData {
    /// Octets that are not text.
    #[must_use]
    pub fn data(octets: Vec<u8>) -> Self {
        Self::new(Header::default(), Content::Data(octets))
    }

    /// Content with this header.
    pub(super) fn new(header: Header, content: Content) -> Self {
        Self { header, content }
    }

    /// By which tables septets are to be read.
    pub(super) fn shifts(&self) -> Shifts {
        self.header.shifts()
    }

    pub(super) fn content(&self) -> &Content {
        &self.content
    }

    /// What the content is written in.
    #[must_use]
    pub fn alphabet(&self) -> Alphabet {
        match self.content {
            Content::Gsm7(_) => Alphabet::Gsm7,
            Content::Data(_) => Alphabet::Data,
            Content::Ucs2(_) => Alphabet::Ucs2,
        }
    }

    /// The data coding scheme that says so, with a class if one is wanted.
    #[must_use]
    pub fn coding(&self, class: Option<MessageClass>) -> DataCoding {
        DataCoding::new(self.alphabet(), class)
    }

    /// The text; empty when the content is data. Never fails: what cannot be read shows as a space or U+FFFD.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.content {
            Content::Gsm7(septets) => self.shifts().decode(septets.iter().copied()),
            Content::Data(_) => String::new(),
            Content::Ucs2(units) => ucs2::decode(units.iter().copied()),
        }
    }

    /// The octets of content that is data; none when it is text.
    #[must_use]
    pub fn octets(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Data(octets) => Some(octets),
            Content::Gsm7(_) | Content::Ucs2(_) => None,
        }
    }

    /// Which part of which text this is; none when it stands alone.
    #[must_use]
    pub fn concatenation(&self) -> Option<Concatenation> {
        self.header.concatenation()
    }

    /// Whether TP-UDHI is to be set.
    pub(super) fn has_header(&self) -> bool {
        !self.header.is_empty()
    }

    /// Reads TP-UDL and what follows it.
    pub(super) fn decode(octets: &mut Octets<'_>, alphabet: Alphabet, header: bool) -> Result<Self, DecodeError> {
        let start = octets.position();
        let length = usize::from(octets.octet("user-data.length")?);
        let announced = if alphabet == Alphabet::Gsm7 { (length * 7).div_ceil(8) } else { length };
        let present = announced.min(octets.rest().len());
        if present > MOST_OCTETS {
            let kind = DecodeErrorKind::TooLong { limit: MOST_OCTETS };
            return Err(DecodeError { field: "user-data", octet: start, kind });
        }
        let at = octets.position();
        let user_data = octets.take("user-data", present)?;
        let (header, rest) = if header { Header::decode(user_data, at)? } else { (Header::default(), user_data) };
        let before = user_data.len() - rest.len();
        let content = match alphabet {
            Alphabet::Gsm7 => Content::Gsm7(gsm7::unpack(rest, fill(before), length.saturating_sub(septets(before)))),
            Alphabet::Data => Content::Data(rest.to_vec()),
            Alphabet::Ucs2 => Content::Ucs2(ucs2::unpack(rest)),
        };
        Ok(Self { header, content })
    }

    /// Appends TP-UDL, the header and the content.
    pub(super) fn encode(&self, octets: &mut Vec<u8>) -> Result<(), EncodeError> {
        let header = self.header.octets();
        let (length, size) = match &self.content {
            Content::Gsm7(content) => {
                let length = septets(header) + content.len();
                (length, (length * 7).div_ceil(8))
            }
            Content::Data(content) => (header + content.len(), header + content.len()),
            Content::Ucs2(content) => (header + content.len() * 2, header + content.len() * 2),
        };
        let length = match u8::try_from(length) {
            Ok(length) if size <= MOST_OCTETS => length,
            _ => return Err(EncodeError::UserDataTooLong { octets: size }),
        };
        octets.push(length);
        self.header.encode(octets);
        match &self.content {
            Content::Gsm7(content) => gsm7::pack(content, fill(header), octets),
            Content::Data(content) => octets.extend(content),
            Content::Ucs2(content) => ucs2::pack(content, octets),
        }
        Ok(())
    }
}

/// How many septets these octets of header take, up to the next septet boundary.
fn septets(header: usize) -> usize {
    (header * 8).div_ceil(7)
}

/// How many bits lie between these octets of header and the next septet boundary.
fn fill(header: usize) -> usize {
    septets(header) * 7 - header * 8
}

impl fmt::Debug for UserData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("UserData");
        if let Some(part) = self.concatenation() {
            shown.field("part", &part);
        }
        match &self.content {
            Content::Gsm7(septets) => shown.field("septets", &septets.len()),
            Content::Data(octets) => shown.field("octets", &octets.len()),
            Content::Ucs2(units) => shown.field("units", &units.len()),
        };
        shown.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(octets: &[u8], alphabet: Alphabet, header: bool) -> Result<UserData, DecodeError> {
        UserData::decode(&mut Octets::new(octets), alphabet, header)
    }

    fn encode(user_data: &UserData) -> Result<Vec<u8>, EncodeError> {
        let mut octets = Vec::new();
        user_data.encode(&mut octets).map(|()| octets)
    }

    #[test]
    fn text_after_a_header_starts_on_a_septet() {
        let wire = [10, 5, 0, 3, 7, 2, 1, 0x82, 0x42, 0x00];
        let part = decode(&wire, Alphabet::Gsm7, true).unwrap();
        assert_eq!(part.text(), "AB@");
        assert_eq!(encode(&part).as_deref(), Ok(wire.as_slice()));
    }

    #[test]
    fn content_that_ends_early_is_read_as_far_as_it_goes() {
        assert_eq!(decode(&[160, 0xE8, 0x32, 0x9B, 0xFD, 0x06], Alphabet::Gsm7, false).unwrap().text(), "hello");
        assert_eq!(decode(&[8, 0, 0x41, 0, 0x42, 0], Alphabet::Ucs2, false).unwrap().text(), "AB");
        assert_eq!(decode(&[200, 1, 2], Alphabet::Data, false).unwrap().octets(), Some([1, 2].as_slice()));
    }

    #[test]
    fn what_lies_behind_the_content_is_passed_over() {
        assert_eq!(decode(&[2, 0xE8, 0x32, 0x9B], Alphabet::Gsm7, false).unwrap().text(), "he");
        assert_eq!(decode(&[2, 0, 0x41, 0, 0x42], Alphabet::Ucs2, false).unwrap().text(), "A");
        assert_eq!(decode(&[0, 0x41], Alphabet::Data, false).unwrap().octets(), Some([].as_slice()));
    }

    #[test]
    fn what_is_wrong_is_named_by_its_place() {
        let error = |field, octet, kind| Err(DecodeError { field, octet, kind });
        assert_eq!(decode(&[], Alphabet::Gsm7, false), error("user-data.length", 0, DecodeErrorKind::Truncated));
        let long = [&[141], [0x41; 141].as_slice()].concat();
        let too_long = DecodeErrorKind::TooLong { limit: 140 };
        assert_eq!(decode(&long, Alphabet::Data, false), error("user-data", 0, too_long));
        assert_eq!(
            decode(&[3, 5, 0, 3], Alphabet::Data, true),
            error("user-data.header", 4, DecodeErrorKind::Truncated)
        );
    }

    #[test]
    fn one_message_carries_140_octets() {
        assert!(encode(&UserData::data(vec![0; 140])).is_ok());
        assert_eq!(encode(&UserData::data(vec![0; 141])), Err(EncodeError::UserDataTooLong { octets: 141 }));
        assert_eq!(encode(&UserData::data(vec![0; 300])), Err(EncodeError::UserDataTooLong { octets: 300 }));
        let septets = |count| UserData::new(Header::default(), Content::Gsm7(vec![0; count]));
        assert_eq!(encode(&septets(160)).map(|octets| octets.len()), Ok(141));
        assert_eq!(encode(&septets(161)), Err(EncodeError::UserDataTooLong { octets: 141 }));
    }

    #[test]
    fn debug_shows_how_much_never_what() {
        let part = Concatenation { reference: 7, total: 2, sequence: 1 };
        let text = UserData::new(Header::new(Some(part), Shifts::NONE), Content::Gsm7(b"123456".to_vec()));
        let shown = "UserData { part: Concatenation { reference: 7, total: 2, sequence: 1 }, septets: 6 }";
        assert_eq!(format!("{text:?}"), shown);
        assert_eq!(format!("{:?}", UserData::data(vec![0x31, 0x32])), "UserData { octets: 2 }");
        assert_eq!(
            format!("{:?}", UserData::new(Header::default(), Content::Ucs2(vec![0x31]))),
            "UserData { units: 1 }"
        );
    }
}
