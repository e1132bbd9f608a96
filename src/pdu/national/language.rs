//! The languages that have tables of their own (3GPP TS 23.038 §6.2.1.2.4).

use serde::{Deserialize, Serialize};

use super::table::Table;
use super::{
    bengali, gujarati, hindi, kannada, malayalam, oriya, portuguese, punjabi, spanish, tamil, telugu, turkish, urdu,
};

/// A language with a national language identifier. In the configuration it has its code of ISO 639-1, for instance
/// `tr`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Language {
    /// Turkish.
    #[serde(rename = "tr")]
    Turkish = 1,
    /// Spanish, which has a single shift table only.
    #[serde(rename = "es")]
    Spanish,
    /// Portuguese.
    #[serde(rename = "pt")]
    Portuguese,
    /// Bengali.
    #[serde(rename = "bn")]
    Bengali,
    /// Gujarati.
    #[serde(rename = "gu")]
    Gujarati,
    /// Hindi.
    #[serde(rename = "hi")]
    Hindi,
    /// Kannada.
    #[serde(rename = "kn")]
    Kannada,
    /// Malayalam.
    #[serde(rename = "ml")]
    Malayalam,
    /// Oriya.
    #[serde(rename = "or")]
    Oriya,
    /// Punjabi.
    #[serde(rename = "pa")]
    Punjabi,
    /// Tamil.
    #[serde(rename = "ta")]
    Tamil,
    /// Telugu.
    #[serde(rename = "te")]
    Telugu,
    /// Urdu.
    #[serde(rename = "ur")]
    Urdu,
}

impl Language {
    /// Every language, by its identifier.
    pub const ALL: [Self; 13] = [
        Self::Turkish,
        Self::Spanish,
        Self::Portuguese,
        Self::Bengali,
        Self::Gujarati,
        Self::Hindi,
        Self::Kannada,
        Self::Malayalam,
        Self::Oriya,
        Self::Punjabi,
        Self::Tamil,
        Self::Telugu,
        Self::Urdu,
    ];

    /// The national language identifier in a header.
    pub(in crate::pdu) const fn identifier(self) -> u8 {
        self as u8
    }

    /// The language with this identifier; none when the standard gives it to none.
    pub(in crate::pdu) fn from_identifier(identifier: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.identifier() == identifier)
    }

    /// What stands in the place of the default alphabet.
    pub(super) const fn locking(self) -> Option<&'static Table> {
        Some(match self {
            Self::Turkish => &turkish::LOCKING,
            Self::Spanish => return None,
            Self::Portuguese => &portuguese::LOCKING,
            Self::Bengali => &bengali::LOCKING,
            Self::Gujarati => &gujarati::LOCKING,
            Self::Hindi => &hindi::LOCKING,
            Self::Kannada => &kannada::LOCKING,
            Self::Malayalam => &malayalam::LOCKING,
            Self::Oriya => &oriya::LOCKING,
            Self::Punjabi => &punjabi::LOCKING,
            Self::Tamil => &tamil::LOCKING,
            Self::Telugu => &telugu::LOCKING,
            Self::Urdu => &urdu::LOCKING,
        })
    }

    /// What stands in the place of the default extension table.
    pub(super) const fn single(self) -> &'static Table {
        match self {
            Self::Turkish => &turkish::SINGLE,
            Self::Spanish => &spanish::SINGLE,
            Self::Portuguese => &portuguese::SINGLE,
            Self::Bengali => &bengali::SINGLE,
            Self::Gujarati => &gujarati::SINGLE,
            Self::Hindi => &hindi::SINGLE,
            Self::Kannada => &kannada::SINGLE,
            Self::Malayalam => &malayalam::SINGLE,
            Self::Oriya => &oriya::SINGLE,
            Self::Punjabi => &punjabi::SINGLE,
            Self::Tamil => &tamil::SINGLE,
            Self::Telugu => &telugu::SINGLE,
            Self::Urdu => &urdu::SINGLE,
        }
    }
}

/// Some of the languages; by default none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(from = "Vec<Language>", into = "Vec<Language>")]
pub struct Languages(u16);

impl Languages {
    /// No language.
    pub const NONE: Self = Self(0);

    /// Each of them, by its identifier.
    pub fn iter(self) -> impl Iterator<Item = Language> {
        Language::ALL.into_iter().filter(move |language| self.0 & bit(*language) != 0)
    }
}

const fn bit(language: Language) -> u16 {
    1 << language.identifier()
}

impl FromIterator<Language> for Languages {
    fn from_iter<T: IntoIterator<Item = Language>>(languages: T) -> Self {
        Self(languages.into_iter().fold(0, |bits, language| bits | bit(language)))
    }
}

impl From<Language> for Languages {
    fn from(language: Language) -> Self {
        Self(bit(language))
    }
}

impl From<Vec<Language>> for Languages {
    fn from(languages: Vec<Language>) -> Self {
        languages.into_iter().collect()
    }
}

impl From<Languages> for Vec<Language> {
    fn from(languages: Languages) -> Self {
        languages.iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_identifier_is_that_of_the_standard() {
        assert!(Language::ALL.iter().map(|language| language.identifier()).eq(1..=13));
        assert!((0..=255).filter_map(Language::from_identifier).eq(Language::ALL));
    }

    #[test]
    fn a_set_is_written_as_a_list_of_codes() {
        let json = r#"["ur","tr","tr","es"]"#;
        let languages: Languages = serde_json::from_str(json).unwrap();
        assert_eq!(languages, [Language::Turkish, Language::Spanish, Language::Urdu].into_iter().collect());
        assert_eq!(serde_json::to_string(&languages).unwrap(), r#"["tr","es","ur"]"#);
        assert_eq!(Languages::default().iter().count(), 0);
        assert!(serde_json::from_str::<Languages>(r#"["de"]"#).is_err());
    }
}
