//! TP-User-Data header: information elements before the text (3GPP TS 23.040 §9.2.3.24).

use super::error::{DecodeError, DecodeErrorKind};
use super::national::Shifts;

/// Which part of which text a message is (TS 23.040 §9.2.3.24.1 and §9.2.3.24.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Concatenation {
    /// The number that all parts of one text share.
    pub reference: u16,
    /// How many parts the text has, 1 to 255.
    pub total: u8,
    /// Which of them this is, 1 to `total`.
    pub sequence: u8,
}

/// The octets of a header after its length; empty when there is none.
///
/// An element that reaches beyond the end makes the whole header void, and so does half an element; the octets are
/// kept as they came.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Header(Vec<u8>);

const CONCATENATION_8: u8 = 0x00;
const CONCATENATION_16: u8 = 0x08;
const SINGLE_SHIFT: u8 = 0x24;
const LOCKING_SHIFT: u8 = 0x25;

impl Header {
    /// The header of a text, or of one part of it, that is written by these tables. A concatenation reference takes one
    /// octet if it fits in one.
    pub(super) fn new(part: Option<Concatenation>, shifts: Shifts) -> Self {
        let mut octets = Vec::new();
        if let Some(Concatenation { reference, total, sequence }) = part {
            match (u8::try_from(reference), reference.to_be_bytes()) {
                (Ok(reference), _) => octets.extend([CONCATENATION_8, 3, reference, total, sequence]),
                (Err(_), [high, low]) => octets.extend([CONCATENATION_16, 4, high, low, total, sequence]),
            }
        }
        octets.extend(shifts.single().map(|language| [SINGLE_SHIFT, 1, language.identifier()]).into_iter().flatten());
        octets.extend(shifts.locking().map(|language| [LOCKING_SHIFT, 1, language.identifier()]).into_iter().flatten());
        Self(octets)
    }

    /// Takes the header off the front of the user data, which starts at octet `start` of the PDU.
    pub(super) fn decode(user_data: &[u8], start: usize) -> Result<(Self, &[u8]), DecodeError> {
        let truncated =
            DecodeError { field: "user-data.header", octet: start + user_data.len(), kind: DecodeErrorKind::Truncated };
        let (length, rest) = user_data.split_first().ok_or(truncated)?;
        let (header, rest) = rest.split_at_checked(usize::from(*length)).ok_or(truncated)?;
        Ok((Self(header.to_vec()), rest))
    }

    /// Appends the header with its length; nothing when there is none.
    pub(super) fn encode(&self, octets: &mut Vec<u8>) {
        // A header comes from `decode`, so its length fits in an octet, or from `new`, where it is 12 at most.
        if let Some(length) = u8::try_from(self.0.len()).ok().filter(|length| *length > 0) {
            octets.push(length);
            octets.extend(&self.0);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many octets it takes in the user data, its length included.
    pub(super) fn octets(&self) -> usize {
        if self.is_empty() { 0 } else { 1 + self.0.len() }
    }

    /// Which part this is; none when it says nothing or nothing that can be. Of several, the last one that can be.
    pub(super) fn concatenation(&self) -> Option<Concatenation> {
        self.last(concatenation)
    }

    /// By which tables the text is to be read.
    pub(super) fn shifts(&self) -> Shifts {
        let identifier =
            |element| move |id, data: &[u8]| data.first().copied().filter(|_| id == element && data.len() == 1);
        Shifts::from_identifiers(self.last(identifier(SINGLE_SHIFT)), self.last(identifier(LOCKING_SHIFT)))
    }

    /// What the last element says of which `read` can say something.
    fn last<T>(&self, read: impl Fn(u8, &[u8]) -> Option<T>) -> Option<T> {
        let mut rest = self.0.as_slice();
        let mut found = None;
        while let [id, length, after @ ..] = rest {
            let (data, after) = after.split_at_checked(usize::from(*length))?;
            found = read(*id, data).or(found);
            rest = after;
        }
        if rest.is_empty() { found } else { None }
    }
}

fn concatenation(id: u8, data: &[u8]) -> Option<Concatenation> {
    let (reference, total, sequence) = match (id, data) {
        (CONCATENATION_8, [reference, total, sequence]) => (u16::from(*reference), *total, *sequence),
        (CONCATENATION_16, [high, low, total, sequence]) => (u16::from_be_bytes([*high, *low]), *total, *sequence),
        _ => return None,
    };
    (1..=total).contains(&sequence).then_some(Concatenation { reference, total, sequence })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(octets: &[u8]) -> Header {
        Header(octets.to_vec())
    }

    #[test]
    fn a_reference_over_255_takes_two_octets() {
        for (reference, octets) in [(255, 6), (256, 7), (u16::MAX, 7)] {
            let part = Concatenation { reference, total: 3, sequence: 2 };
            let header = Header::new(Some(part), Shifts::NONE);
            assert_eq!(header.octets(), octets);
            assert_eq!(header.concatenation(), Some(part));
        }
    }

    #[test]
    fn other_elements_are_passed_over_and_the_last_concatenation_counts() {
        let part = header(&[0x05, 4, 0x0B, 0x84, 0x23, 0xF0, 0x00, 3, 1, 2, 1, 0x08, 4, 0x01, 0x02, 3, 3]);
        assert_eq!(part.concatenation(), Some(Concatenation { reference: 0x102, total: 3, sequence: 3 }));
    }

    #[test]
    fn tables_are_named_after_the_concatenation() {
        let shifts = Shifts::from_identifiers(Some(3), Some(3));
        let part = Concatenation { reference: 7, total: 2, sequence: 1 };
        let header = Header::new(Some(part), shifts);
        assert_eq!(header.0, [0x00, 3, 7, 2, 1, 0x24, 1, 3, 0x25, 1, 3]);
        assert_eq!((header.concatenation(), header.shifts()), (Some(part), shifts));
        assert_eq!((Header::new(None, shifts).octets(), Header::new(None, Shifts::NONE).octets()), (7, 0));
    }

    #[test]
    fn the_last_element_that_can_be_names_the_tables() {
        let shifts = |octets: &[u8]| header(octets).shifts();
        let turkish = Shifts::from_identifiers(Some(1), None);
        assert_eq!(shifts(&[0x24, 1, 3, 0x24, 1, 1]), turkish);
        assert_eq!(shifts(&[0x24, 1, 1, 0x24, 0, 0x24, 2, 3, 3]), turkish);
        assert_eq!(shifts(&[0x24, 1, 1, 0x24, 1, 99]), Shifts::NONE, "a language of a later release");
        assert_eq!(shifts(&[0x24, 1, 1, 0x25, 2, 1]), Shifts::NONE, "an element that reaches too far");
    }

    #[test]
    fn a_concatenation_that_cannot_be_is_none() {
        for octets in [
            [0x00, 3, 7, 0, 0].as_slice(),
            &[0x00, 3, 7, 2, 0],
            &[0x00, 3, 7, 2, 3],
            &[0x00, 2, 7, 2],
            &[0x08, 3, 7, 2, 1],
            &[],
        ] {
            assert_eq!(header(octets).concatenation(), None, "{octets:?}");
        }
    }

    #[test]
    fn an_element_that_reaches_too_far_voids_the_header() {
        assert_eq!(header(&[0x00, 3, 7, 2, 1, 0x05, 4, 0]).concatenation(), None);
        assert_eq!(header(&[0x00, 3, 7, 2, 1, 0x05]).concatenation(), None);
    }

    #[test]
    fn a_header_that_is_cut_short_is_an_error_at_the_end() {
        let error = DecodeError { field: "user-data.header", octet: 12, kind: DecodeErrorKind::Truncated };
        assert_eq!(Header::decode(&[5, 0], 10).err(), Some(error));
        assert_eq!(Header::decode(&[], 12).err(), Some(error));
    }
}
