//! Which tables the septets of one message are of (3GPP TS 23.038 §6.2.1.2).

use super::language::Language;
use super::table::Table;
use crate::pdu::gsm7::{self, EXTENSION};

/// The octets of an information element with one octet of data.
const ELEMENT: usize = 3;

/// The tables that stand in the place of the default ones; by default none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(in crate::pdu) struct Shifts {
    single: Option<Language>,
    locking: Option<Language>,
}

impl Shifts {
    /// The default alphabet and its extension table.
    pub(in crate::pdu) const NONE: Self = Self { single: None, locking: None };

    /// What a header says. An identifier of no language, or of one without such a table, leaves the default one.
    pub(in crate::pdu) fn from_identifiers(single: Option<u8>, locking: Option<u8>) -> Self {
        let locking = locking.and_then(Language::from_identifier).filter(|language| language.locking().is_some());
        Self { single: single.and_then(Language::from_identifier), locking }
    }

    /// The tables of a language that a text can be written with, the plainest first: a handset that does not know the
    /// single shift still shows most characters, one that does not know the locking shift hardly any.
    pub(in crate::pdu) fn of(language: Language) -> impl Iterator<Item = Self> {
        let locking = language.locking().map(|_| language);
        let single = Self { single: Some(language), locking: None };
        let others = locking.map(|_| [Self { single: None, locking }, Self { single: Some(language), locking }]);
        std::iter::once(single).chain(others.into_iter().flatten())
    }

    /// How far the tables are from the default ones: those that fewer handsets can show have more.
    pub(in crate::pdu) fn strangeness(self) -> u8 {
        u8::from(self.single.is_some()) + 2 * u8::from(self.locking.is_some())
    }

    /// How many octets of header name them: an element of one octet for each.
    pub(in crate::pdu) fn octets(self) -> usize {
        [self.single, self.locking].into_iter().flatten().count() * ELEMENT
    }

    /// The language of the single shift table.
    pub(in crate::pdu) const fn single(self) -> Option<Language> {
        self.single
    }

    /// The language of the locking shift table.
    pub(in crate::pdu) const fn locking(self) -> Option<Language> {
        self.locking
    }

    /// How many septets a character takes, 1 or 2; none when the tables do not have it.
    pub(in crate::pdu) fn width(self, c: char) -> Option<usize> {
        let code = if self == Self::NONE { gsm7::code(c) } else { self.code(c) };
        code.map(gsm7::width)
    }

    /// The septets of a text; none when it has a character that the tables do not have.
    pub(in crate::pdu) fn encode(self, text: &str) -> Option<Vec<u8>> {
        if self == Self::NONE { gsm7::encode(text) } else { gsm7::encode_by(text, |c| self.code(c)) }
    }

    /// The text of septets. After an escape, what the single shift table leaves open shows as in the table without
    /// an escape; what that leaves open shows as a space.
    pub(in crate::pdu) fn decode(self, septets: impl IntoIterator<Item = u8>) -> String {
        if self == Self::NONE {
            return gsm7::decode(septets);
        }
        let (single, locking) = self.tables();
        gsm7::decode_by(
            septets,
            |septet| locking.map_or_else(|| gsm7::character(septet), |table| table.character(septet).unwrap_or(' ')),
            |septet| single.map_or_else(|| gsm7::extended(septet), |table| table.character(septet)),
        )
    }

    /// As [`gsm7::code`] says it.
    fn code(self, c: char) -> Option<u8> {
        let (single, locking) = self.tables();
        let default = |extended: u8| gsm7::code(c).filter(|code| code & EXTENSION == extended);
        let plain = locking.map_or_else(|| default(0), |table| table.code(c));
        plain.or_else(|| single.map_or_else(|| default(EXTENSION), |table| table.code(c).map(|code| code | EXTENSION)))
    }

    fn tables(self) -> (Option<&'static Table>, Option<&'static Table>) {
        (self.single.map(Language::single), self.locking.and_then(Language::locking))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdu::national::table::{ESCAPE, OPEN};

    fn shifts(single: u8, locking: u8) -> Shifts {
        Shifts::from_identifiers(Some(single), Some(locking))
    }

    fn everything(table: &Table) -> impl Iterator<Item = (u8, char)> {
        (0..128).filter_map(|septet| table.character(septet).map(|c| (septet, c)))
    }

    #[test]
    fn every_character_of_every_table_comes_back() {
        for language in Language::ALL {
            for shifts in Shifts::of(language) {
                let (single, locking) = shifts.tables();
                for (septet, c) in locking.map(everything).into_iter().flatten() {
                    assert_eq!(shifts.decode([septet]), c.to_string());
                    assert_eq!(shifts.encode(&c.to_string()), Some(vec![septet]));
                    assert_eq!(shifts.width(c), Some(1));
                }
                for (septet, c) in single.map(everything).into_iter().flatten() {
                    assert_eq!(shifts.decode([0x1B, septet]), c.to_string());
                    assert_eq!(shifts.decode(shifts.encode(&c.to_string()).unwrap()), c.to_string());
                }
            }
        }
    }

    #[test]
    fn tables_have_what_the_standard_has_in_all_of_them() {
        for language in Language::ALL {
            let extension = everything(language.single()).filter(|(_, c)| "\u{c}^{}\\[~]|€".contains(*c));
            assert!(extension.count() >= 10, "{language:?}");
            let Some(locking) = language.locking() else { continue };
            for c in ('a'..='z').chain('0'..='9') {
                assert_eq!(locking.code(c), u8::try_from(c).ok(), "{language:?}");
            }
            let fixed = [' ', '!', ',', '.', ':', ';', '?', '(', ')', '\n', '\r'];
            assert!(fixed.into_iter().all(|c| locking.code(c).is_some()), "{language:?}");
            assert_eq!((locking.code(ESCAPE), locking.code(OPEN)), (None, None));
        }
    }

    /// The letters of the Indic scripts stand in the order of their blocks in Unicode. Only Urdu has an order of its
    /// own.
    #[test]
    fn the_letters_of_indic_scripts_are_in_order() {
        let indic = &Language::ALL[3..12];
        for (language, block) in indic.iter().zip([0x980, 0xA80, 0x900, 0xC80, 0xD00, 0xB00, 0xA00, 0xB80, 0xC00]) {
            let block = block..block + 0x80;
            let letters: Vec<u32> =
                everything(language.locking().unwrap()).map(|(_, c)| u32::from(c)).filter(|c| *c > 0x7F).collect();
            assert!(letters.iter().all(|c| block.contains(c)) && letters.is_sorted(), "{language:?}");
            let digits: Vec<u32> = everything(language.single())
                .map(|(_, c)| u32::from(c))
                .filter(|c| (block.start + 0x66..block.start + 0x70).contains(c))
                .collect();
            assert!(digits.len() == 10 && digits.is_sorted(), "{language:?}");
            let twice =
                letters.iter().filter(|c| everything(language.single()).any(|(_, other)| u32::from(other) == **c));
            assert_eq!(twice.count(), 0, "{language:?}");
        }
    }

    /// Cells that published tables have wrong, each decided by two others.
    #[test]
    fn cells_that_others_have_wrong_are_right() {
        assert_eq!(shifts(0, 7).decode([0x24]), "\u{ca1}");
        assert_eq!(shifts(7, 0).decode([0x1B, 0x3C]), "[");
        assert_eq!(shifts(0, 8).decode([0x2E]), ".");
        assert_eq!(shifts(12, 0).decode([0x1B, 0x65]), "€");
    }

    #[test]
    fn what_a_table_leaves_open_shows_as_the_standard_says() {
        // The single shift table of Turkish, then the default alphabet; the default one under Turkish locking shift.
        assert_eq!(shifts(1, 0).decode([0x1B, 0x73, 0x1B, 0x41, 0x1B, 0x1B, 0x73, 0x1B]), "şA s ");
        assert_eq!(shifts(0, 1).decode([0x07, 0x1B, 0x65, 0x1B, 0x40, 0x1B, 0x60]), "ı€|ç");
        // In the locking shift table of Tamil 0x11 is open, in its single shift table so is 0x0D.
        assert_eq!(shifts(11, 11).decode([0x11, 0x1B, 0x11, 0x1B, 0x0D, 0x1B, 0x7F]), " =\r\u{bf9}");
    }

    #[test]
    fn an_identifier_of_no_language_leaves_the_default_tables() {
        for (single, locking) in [(0, 0), (14, 14), (255, 255), (0, 2)] {
            assert_eq!(shifts(single, locking), Shifts::NONE);
        }
        assert_eq!(shifts(2, 3).decode([0x00, 0x04, 0x1B, 0x6F]), "@êó", "two languages");
        assert_eq!(Shifts::NONE.decode([0x04, 0x1B, 0x65]), "è€");
    }

    #[test]
    fn a_character_is_written_in_the_table_where_it_takes_one_septet() {
        let [single, locking, both]: [Shifts; 3] =
            Shifts::of(Language::Turkish).collect::<Vec<_>>().try_into().unwrap();
        assert_eq!(single.encode("aş€"), Some(vec![0x61, 0x1B, 0x73, 0x1B, 0x65]));
        assert_eq!(locking.encode("aş€"), Some(vec![0x61, 0x1D, 0x04]));
        assert_eq!(both.encode("ş["), Some(vec![0x1D, 0x1B, 0x3C]));
        assert_eq!((locking.encode("è"), single.width('è'), single.width('ж')), (None, Some(1), None));
        assert_eq!(Shifts::of(Language::Spanish).count(), 1);
    }
}
