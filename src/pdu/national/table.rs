//! One table of 128 septets, read in both directions.

use crate::pdu::gsm7::EXTENDED;

/// Where a table has the escape; it is no character.
pub(super) const ESCAPE: char = '\u{1b}';

/// Where a table has nothing.
pub(super) const OPEN: char = '\0';

/// After the last entry of [`Table::codes`]: greater than any of them, and no septet.
const NO_CODE: (char, u8) = (char::MAX, 0xFF);

/// A table, and the same in the order of its characters.
pub(super) struct Table {
    characters: [char; 128],
    codes: [(char, u8); 128],
}

impl Table {
    /// The table with these characters, by septet.
    pub(super) const fn new(characters: [char; 128]) -> Self {
        Self { characters, codes: in_order(&characters) }
    }

    /// A single shift table that has what the default extension table has, and these.
    pub(super) const fn latin(own: &[(u8, char)]) -> Self {
        Self::new(with(with([OPEN; 128], &EXTENDED), own))
    }

    /// A single shift table that has what those of all Indic languages and of Urdu have, and these.
    pub(super) const fn indic(own: &[(u8, char)]) -> Self {
        let mut characters = with(with([OPEN; 128], &EXTENDED), &INDIC);
        let mut letter = b'A';
        while letter <= b'Z' {
            characters[letter as usize] = letter as char;
            letter += 1;
        }
        Self::new(with(characters, own))
    }

    /// The character of a septet, if the table has one there.
    pub(super) fn character(&self, septet: u8) -> Option<char> {
        let c = self.characters[usize::from(septet & 0x7F)];
        (c != OPEN && c != ESCAPE).then_some(c)
    }

    /// The septet of a character, if the table has it; of two, the lower one.
    pub(super) fn code(&self, c: char) -> Option<u8> {
        let place = self.codes.partition_point(|(other, _)| *other < c);
        self.codes.get(place).filter(|entry| entry.0 == c && **entry != NO_CODE).map(|(_, septet)| *septet)
    }
}

/// What the single shift tables of the Indic languages and of Urdu share, apart from the default extension table and
/// the capital letters, which are where ASCII has them.
const INDIC: [(u8, char); 23] = [
    (0x00, '@'),
    (0x01, '£'),
    (0x02, '$'),
    (0x03, '¥'),
    (0x04, '¿'),
    (0x05, '"'),
    (0x06, '¤'),
    (0x07, '%'),
    (0x08, '&'),
    (0x09, '\''),
    (0x0B, '*'),
    (0x0C, '+'),
    (0x0E, '-'),
    (0x0F, '/'),
    (0x10, '<'),
    (0x11, '='),
    (0x12, '>'),
    (0x13, '¡'),
    (0x14, '^'),
    (0x15, '¡'),
    (0x16, '_'),
    (0x17, '#'),
    (0x18, '*'),
];

const fn with(mut characters: [char; 128], more: &[(u8, char)]) -> [char; 128] {
    let mut at = 0;
    while at < more.len() {
        characters[more[at].0 as usize] = more[at].1;
        at += 1;
    }
    characters
}

const fn in_order(characters: &[char; 128]) -> [(char, u8); 128] {
    let mut codes = [NO_CODE; 128];
    let mut septet = 0;
    while septet < characters.len() {
        let c = characters[septet];
        if c != OPEN && c != ESCAPE {
            insert(&mut codes, c, septet as u8);
        }
        septet += 1;
    }
    codes
}

/// Puts an entry behind all that are not greater, which moves the rest on by one place.
const fn insert(codes: &mut [(char, u8); 128], c: char, septet: u8) {
    let mut at = codes.len() - 1;
    while at > 0 && codes[at - 1].0 as u32 > c as u32 {
        codes[at] = codes[at - 1];
        at -= 1;
    }
    codes[at] = (c, septet);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_in_both_directions() {
        let table = Table::indic(&[(0x19, 'ж'), (0x7F, 'Ж')]);
        for (septet, c) in [(0x00, '@'), (0x5A, 'Z'), (0x65, '€'), (0x19, 'ж'), (0x7F, 'Ж'), (0x0A, '\u{c}')] {
            assert_eq!((table.character(septet), table.code(c)), (Some(c), Some(septet)));
        }
        assert_eq!((table.character(0x18), table.code('*')), (Some('*'), Some(0x0B)), "the lower of two");
        for c in [OPEN, ESCAPE, char::MAX, 'a', 'я'] {
            assert_eq!(table.code(c), None);
        }
        assert_eq!((table.character(0x1B), table.character(0x61)), (None, None));
        let full = Table::new(std::array::from_fn(|at| char::from_u32(at as u32 + 0x400).unwrap()));
        assert_eq!((full.code('\u{400}'), full.code('\u{47f}'), full.code('\u{480}')), (Some(0), Some(127), None));
    }
}
