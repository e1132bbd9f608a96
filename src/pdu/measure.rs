//! What a text costs before it is sent: encoding, length, number of messages.

use super::gsm7;
use super::national::{Language, Languages};
use super::writing::{Capacity, Written};

/// What a text is sent in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// The GSM 7-bit default alphabet with its extension table: 160 septets to a message.
    Gsm7,
    /// GSM 7-bit with tables of one language, those that make the text shortest: 155 or 152 septets to a message.
    National(Language),
    /// UTF-16: 70 units to a message.
    Ucs2,
}

impl Encoding {
    /// `gsm7`, `ucs2`, or `gsm7-` and the language's code of ISO 639-1, for instance `gsm7-tr`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gsm7 => "gsm7",
            Self::Ucs2 => "ucs2",
            Self::National(Language::Turkish) => "gsm7-tr",
            Self::National(Language::Spanish) => "gsm7-es",
            Self::National(Language::Portuguese) => "gsm7-pt",
            Self::National(Language::Bengali) => "gsm7-bn",
            Self::National(Language::Gujarati) => "gsm7-gu",
            Self::National(Language::Hindi) => "gsm7-hi",
            Self::National(Language::Kannada) => "gsm7-kn",
            Self::National(Language::Malayalam) => "gsm7-ml",
            Self::National(Language::Oriya) => "gsm7-or",
            Self::National(Language::Punjabi) => "gsm7-pa",
            Self::National(Language::Tamil) => "gsm7-ta",
            Self::National(Language::Telugu) => "gsm7-te",
            Self::National(Language::Urdu) => "gsm7-ur",
        }
    }

    /// The encoding with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let national = Language::ALL.into_iter().map(Self::National);
        [Self::Gsm7, Self::Ucs2].into_iter().chain(national).find(|encoding| encoding.as_str() == name)
    }
}

/// What a text costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure {
    /// What it is sent in.
    pub encoding: Encoding,
    /// Unicode scalar values.
    pub characters: usize,
    /// Septets or UTF-16 units.
    pub units: usize,
    /// How many of these one message holds that is no part of a longer text.
    pub most: usize,
    /// How many messages it takes; 1 for an empty text. Over 255 it cannot be sent.
    pub parts: usize,
    /// The first character that is not in the GSM 7-bit default alphabet, if there is one.
    pub forced_by: Option<char>,
}

/// Measures a text that goes in the GSM 7-bit default alphabet, or else in UCS-2. The parts are counted for a
/// concatenation reference below 256, as [`super::segment`] splits it then.
#[must_use]
pub fn measure(text: &str) -> Measure {
    measure_with(text, Languages::NONE)
}

/// Measures a text that may go with the tables of these languages too, as [`super::segment_in`] splits it then.
///
/// What fits the default alphabet goes in it. Anything else goes in UCS-2, unless the tables of a language save a part.
#[must_use]
pub fn measure_with(text: &str, languages: Languages) -> Measure {
    let (encoding, Written { writing, units, parts }) = choose(text, languages);
    Measure {
        encoding,
        characters: text.chars().count(),
        units,
        most: Capacity::Whole.units(writing),
        parts,
        forced_by: if encoding == Encoding::Gsm7 { None } else { text.chars().find(|c| gsm7::code(*c).is_none()) },
    }
}

/// Chooses as [`measure_with`] says; of two languages that take as few parts, the one with the plainer tables.
pub(super) fn choose(text: &str, languages: Languages) -> (Encoding, Written) {
    if let Some(plain) = Written::plain(text) {
        return (Encoding::Gsm7, plain);
    }
    let ucs2 = Written::in_ucs2(text);
    languages
        .iter()
        .filter(|_| ucs2.parts > 1)
        .filter_map(|language| Some((Encoding::National(language), Written::in_language(text, language)?)))
        .filter(|(_, written)| written.parts < ucs2.parts)
        .min_by_key(|(_, written)| written.rank())
        .unwrap_or((Encoding::Ucs2, ucs2))
}

/// How a text goes in this encoding; none when it has a character that cannot.
pub(super) fn written_in(text: &str, encoding: Encoding) -> Option<Written> {
    match encoding {
        Encoding::Gsm7 => Written::plain(text),
        Encoding::National(language) => Written::in_language(text, language),
        Encoding::Ucs2 => Some(Written::in_ucs2(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(text: &str) -> (&'static str, usize, usize, usize, Option<char>) {
        let Measure { encoding, characters, units, parts, forced_by, .. } = measure(text);
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
    fn the_tables_of_a_language_are_used_only_where_they_save_a_part() {
        let cost = |text: &str, languages: &[Language]| {
            let Measure { encoding, units, most, parts, .. } = measure_with(text, languages.iter().copied().collect());
            (encoding.as_str(), units, most, parts)
        };
        let turkish = &[Language::Turkish];
        assert_eq!(cost("Lunch", turkish), ("gsm7", 5, 160, 1));
        assert_eq!(cost(&"a".repeat(161), turkish), ("gsm7", 161, 160, 2));
        assert_eq!(cost(&"ş".repeat(70), turkish), ("ucs2", 70, 70, 1));
        assert_eq!(cost(&"ş".repeat(71), &[]), ("ucs2", 71, 70, 2));
        // Two septets each in the single shift table, one in the locking shift table.
        assert_eq!(cost(&"ş".repeat(71), turkish), ("gsm7-tr", 142, 155, 1));
        assert_eq!(cost(&"ş".repeat(78), turkish), ("gsm7-tr", 78, 155, 1));
        assert_eq!(cost(&"ş".repeat(156), turkish), ("gsm7-tr", 156, 155, 2));
        // Not in the locking shift table alone, since in the default extension table there is no Bengali digit.
        let both = "ক০".repeat(50);
        assert_eq!(cost(&both, &Language::ALL), ("gsm7-bn", 150, 152, 1));
        assert_eq!(cost("жш", &Language::ALL), ("ucs2", 2, 70, 1));
        assert_eq!(cost(&"ж".repeat(71), &Language::ALL), ("ucs2", 71, 70, 2));
        // The first two parts of UCS-2 hold as much as one and a part of these.
        assert_eq!(cost(&"ক০".repeat(60), &Language::ALL), ("ucs2", 120, 70, 2));
    }

    #[test]
    fn of_several_languages_the_one_with_the_plainest_tables_is_taken() {
        // Spanish has it in the single shift table, Portuguese in the locking shift table too.
        let text = "ó".repeat(71);
        let encoding = |languages: &[Language]| measure_with(&text, languages.iter().copied().collect()).encoding;
        assert_eq!(encoding(&[Language::Portuguese, Language::Spanish]), Encoding::National(Language::Spanish));
        assert_eq!(encoding(&[Language::Portuguese, Language::Turkish]), Encoding::National(Language::Portuguese));
        let longer = "ó".repeat(80);
        let measure = measure_with(&longer, Language::ALL.into_iter().collect());
        assert_eq!((measure.encoding, measure.parts), (Encoding::National(Language::Portuguese), 1));
    }

    #[test]
    fn every_encoding_is_known_by_its_name() {
        let codes = serde_json::to_value(Language::ALL).unwrap();
        for (language, code) in Language::ALL.into_iter().zip(codes.as_array().unwrap()) {
            let name = format!("gsm7-{}", code.as_str().unwrap());
            assert_eq!(Encoding::National(language).as_str(), name);
            assert_eq!(Encoding::from_name(&name), Some(Encoding::National(language)));
        }
        assert_eq!(
            (Encoding::from_name("gsm7"), Encoding::from_name("ucs2")),
            (Some(Encoding::Gsm7), Some(Encoding::Ucs2))
        );
        assert_eq!(Encoding::from_name("gsm7-de"), None);
    }

    #[test]
    fn a_pair_that_would_be_split_moves_to_the_next_part() {
        assert_eq!(measure(&"€".repeat(153)).parts, 3);
        assert_eq!(measure(&format!("a{}", "€".repeat(152))).parts, 2);
        assert_eq!(measure(&"😀".repeat(67)).parts, 3);
    }
}
