//! Languages as they are named in requests and in the configuration, and what a text in one of them gives way to.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

/// A language tag (BCP 47): `de`, `de-AT`, `pt-BR`, `zh-Hant`. Capitals do not matter, and `_` is read as `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Locale(String);

/// A text that is no language tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a language is written as `de`, `de-AT` or `pt-BR` (BCP 47)")]
pub struct LocaleError;

/// The longest tag (RFC 5646 §4.4.1).
const LONGEST: usize = 35;

/// Tags whose texts are written under another one.
const OTHER_NAMES: [(&str, &str); 7] = [
    ("zh-TW", "zh-Hant"),
    ("zh-HK", "zh-Hant"),
    ("zh-MO", "zh-Hant"),
    ("nb", "no"),
    ("nn", "no"),
    ("iw", "he"),
    ("in", "id"),
];

impl Locale {
    /// The tag, written as is usual: `zh-Hant-TW`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The tag, and then what it gives way to: `de-AT`, `de`. In the spelling of [`Locale::as_str`].
pub fn from_near_to_far(tag: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(tag), |tag| {
        let other_name = OTHER_NAMES.iter().find(|(name, _)| name == tag).map(|(_, other)| *other);
        other_name.or_else(|| tag.rfind('-').map(|end| &tag[..end]))
    })
}

/// A part of a tag as it is usually written: languages small, scripts (four letters) with a capital, countries (two) in
/// capitals.
fn usual(at: usize, part: &str) -> String {
    match (at, part.len()) {
        (1.., 2) => part.to_ascii_uppercase(),
        (1.., 4) => part[..1].to_ascii_uppercase() + &part[1..].to_ascii_lowercase(),
        _ => part.to_ascii_lowercase(),
    }
}

impl FromStr for Locale {
    type Err = LocaleError;

    fn from_str(text: &str) -> Result<Self, LocaleError> {
        if text.len() > LONGEST {
            return Err(LocaleError);
        }
        let parts: Vec<&str> = text.split(['-', '_']).collect();
        let is_language =
            (2..=3).contains(&parts[0].len()) && parts[0].bytes().all(|octet| octet.is_ascii_alphabetic());
        let is_part = |part: &&str| (1..=8).contains(&part.len()) && part.bytes().all(|o| o.is_ascii_alphanumeric());
        if !is_language || !parts.iter().all(is_part) {
            return Err(LocaleError);
        }
        let parts: Vec<String> = parts.into_iter().enumerate().map(|(at, part)| usual(at, part)).collect();
        Ok(Self(parts.join("-")))
    }
}

impl TryFrom<String> for Locale {
    type Error = LocaleError;

    fn try_from(text: String) -> Result<Self, LocaleError> {
        text.parse()
    }
}

impl From<Locale> for String {
    fn from(locale: Locale) -> Self {
        locale.0
    }
}

impl Borrow<str> for Locale {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_read_however_it_is_spelt() {
        for (text, tag) in [
            ("de", "de"),
            ("DE-at", "de-AT"),
            ("pt_br", "pt-BR"),
            ("ZH-HANT-tw", "zh-Hant-TW"),
            ("es-419", "es-419"),
            ("sl-rozaj", "sl-rozaj"),
            ("fil", "fil"),
        ] {
            assert_eq!(text.parse::<Locale>().map(String::from), Ok(tag.to_owned()));
        }
        for text in ["", "d", "german", "de-", "-de", "de--AT", "de AT", "12", "dé", "auto ", &"de-abcdefgh".repeat(4)]
        {
            assert_eq!(text.parse::<Locale>(), Err(LocaleError), "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_tag_or_refused_and_its_usual_spelling_stays(text in "[a-zA-Z0-9_-]{0,40}|\\PC{0,40}") {
            if let Ok(locale) = text.parse::<Locale>() {
                proptest::prop_assert_eq!(locale.as_str().parse::<Locale>(), Ok(locale.clone()));
                proptest::prop_assert!(from_near_to_far(locale.as_str()).count() <= 20);
            }
        }
    }

    #[test]
    fn a_tag_gives_way_to_wider_ones() {
        for (tag, all) in [
            ("de-AT", "de-AT de"),
            ("en", "en"),
            ("zh-TW", "zh-TW zh-Hant zh"),
            ("zh-Hant-TW", "zh-Hant-TW zh-Hant zh"),
            ("zh-CN", "zh-CN zh"),
            ("nb-NO", "nb-NO nb no"),
            ("iw", "iw he"),
        ] {
            assert_eq!(from_near_to_far(tag).collect::<Vec<_>>().join(" "), all);
        }
    }
}
