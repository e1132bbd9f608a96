//! The texts that smsotpd has of its own, by language: `texts.toml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::{Locale, Template, from_near_to_far};

/// A text in one language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuiltIn {
    /// For an app that has a brand.
    pub text: Template,
    /// For one that has none, and for messages that have no room for it.
    pub bare: Template,
}

#[allow(clippy::expect_used, reason = "the file is part of the program, and every test here reads it")]
static TEXTS: LazyLock<BTreeMap<Locale, BuiltIn>> =
    LazyLock::new(|| toml::from_str(include_str!("texts.toml")).expect("texts.toml has templates by language"));

/// The language of the text that stands in for all that is missing.
const LAST_RESORT: &str = "en";

/// The text in this language, or in the nearest one that it gives way to, and that one's tag; none when there is none.
#[must_use]
pub fn built_in_of(tag: &str) -> Option<(&'static str, &'static BuiltIn)> {
    from_near_to_far(tag).find_map(|tag| TEXTS.get_key_value(tag)).map(|(locale, text)| (locale.as_str(), text))
}

/// The English text, and its tag.
#[must_use]
pub fn english() -> (&'static str, &'static BuiltIn) {
    (LAST_RESORT, &TEXTS[LAST_RESORT])
}

/// Every text, and its tag.
pub fn built_in() -> impl Iterator<Item = (&'static str, &'static BuiltIn)> {
    TEXTS.iter().map(|(locale, text)| (locale.as_str(), text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::country;
    use crate::template::Place;

    #[test]
    fn every_text_tells_the_code_and_for_how_long_and_where_there_is_one_the_brand() {
        assert!(built_in().count() >= 30);
        for (tag, text) in built_in() {
            assert_eq!(tag.parse::<Locale>().map(String::from), Ok(tag.to_owned()), "not as it is usually spelt");
            for template in [&text.text, &text.bare] {
                assert!(template.has(Place::Minutes), "{tag}");
                assert!(template.as_str().matches('{').count() <= 3, "{tag}");
                // A rendered text can end with the code's number; it must not end with a space or a line feed.
                assert_eq!(template.as_str().trim(), template.as_str(), "{tag}");
            }
            assert!(text.text.has(Place::Brand) && !text.bare.has(Place::Brand), "{tag}");
        }
    }

    #[test]
    fn what_runs_from_right_to_left_keeps_code_and_brand_apart() {
        let strong = |c: &char| c.is_alphabetic();
        let from_right = |c: char| ('\u{590}'..='\u{8ff}').contains(&c);
        for tag in ["ar", "fa", "he"] {
            for template in [&TEXTS[tag].text, &TEXTS[tag].bare] {
                let source = template.as_str();
                assert!(source.chars().find(strong).is_some_and(from_right), "{tag} begins in another direction");
                let pieces: Vec<&str> = source.split(['{', '}']).collect();
                let between = &pieces[2..pieces.len() - 2];
                assert!(between.iter().step_by(2).all(|text| text.chars().any(from_right)), "{tag}: {source}");
                assert!(!source.contains(['\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}']), "{tag}");
            }
        }
    }

    /// The language in which a number with this beginning is written to, when nobody says otherwise.
    fn language_of(digits: &str) -> &'static str {
        let number = crate::phone::PhoneNumber::from_digits(&format!("{digits}55512345")).unwrap();
        let country = country::of_number(&number).unwrap_or_else(|| panic!("+{digits} belongs to nobody"));
        country.locales().find_map(built_in_of).unwrap_or_else(english).0
    }

    #[test]
    fn whoever_has_a_number_is_written_to_in_a_language_that_is_read_there() {
        let table = [
            ("ar", "20 212 213 216 218 222 249 961 962 963 964 965 966 967 968 970 971 973 974"),
            ("bg", "359"),
            ("cs", "420"),
            ("da", "45 298 299"),
            ("de", "41 423 43 49"),
            ("el", "30 357"),
            (
                "en",
                "1 1204 1242 1246 1264 1268 1284 1340 1345 1416 1441 1473 1604 1649 1658 1664 1670 1671 1684 1721 1758 \
                 1767 1784 1868 1869 1876 211 220 231 232 233 234 246 247 248 250 251 252 254 255 256 260 263 264 265 \
                 266 267 268 27 290 291 350 353 354 355 356 383 389 44 500 501 592 61 63 64 65 672 674 675 676 677 678 \
                 679 680 682 683 685 686 688 690 691 692 855 856 880 91 92 94 95 960 975 976 977 995",
            ),
            ("es", "1787 1939 240 34 376 51 52 53 54 56 57 58 502 503 504 505 506 507 591 593 595 598 1809 1829 1849"),
            ("et", "372"),
            ("fa", "93 98"),
            ("fi", "358"),
            (
                "fr",
                "221 223 224 225 226 227 228 229 230 235 236 237 241 242 243 253 257 261 262 269 33 352 377 508 509 590 \
                 594 596 681 687 689",
            ),
            ("he", "972"),
            ("hr", "385 387"),
            ("hu", "36"),
            ("id", "62"),
            ("it", "378 379 39"),
            ("ja", "81"),
            ("ko", "82 850"),
            ("lt", "370"),
            ("lv", "371"),
            ("ms", "60 673"),
            ("nl", "297 31 32 597 599"),
            ("no", "47"),
            ("pl", "48"),
            ("pt", "238 239 244 245 258 351 670"),
            ("pt-BR", "55"),
            ("ro", "373 40"),
            ("ru", "374 375 7 76 77 992 993 996 998"),
            ("sk", "421"),
            ("sl", "386"),
            ("sr", "381 382"),
            ("sv", "46 35818"),
            ("th", "66"),
            ("tr", "90 994"),
            ("uk", "380"),
            ("vi", "84"),
            ("zh", "86"),
            ("zh-Hant", "852 853 886"),
        ];
        let mut told: Vec<&str> = Vec::new();
        for (language, codes) in table {
            for code in codes.split(' ') {
                assert_eq!(language_of(code), language, "+{code}");
                told.push(code);
            }
        }
        let calling_code = |prefix: &&str| prefix.len() <= 3 && *prefix != "997";
        let silent: Vec<&str> = country::all()
            .iter()
            .flat_map(|c| c.prefixes())
            .filter(calling_code)
            .filter(|c| !told.contains(c))
            .collect();
        assert!(silent.is_empty(), "not in the table: {silent:?}");
    }

    #[test]
    fn every_language_of_the_texts_but_hindi_is_somebodys_who_does_not_say_which() {
        let spoken: Vec<&str> =
            country::all().iter().map(|c| c.locales().find_map(built_in_of).unwrap_or_else(english).0).collect();
        let unspoken: Vec<&str> = built_in().map(|(tag, _)| tag).filter(|tag| !spoken.contains(tag)).collect();
        // In India most messages are in English, and Hindi is not the language of most people in many of its states.
        assert_eq!(unspoken, ["hi"]);
    }
}
