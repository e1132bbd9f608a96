//! In which language people are written to.

use serde::{Deserialize, Serialize};

use crate::template::{Locale, LocaleError};

/// In which language people are written to, when a request does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Language {
    /// `auto`: the one that is read in the country of the number.
    #[default]
    OfTheCountry,
    /// Always this one.
    Always(Locale),
}

impl TryFrom<String> for Language {
    type Error = LanguageError;

    fn try_from(text: String) -> Result<Self, LanguageError> {
        match text.as_str() {
            "auto" => Ok(Self::OfTheCountry),
            tag => Ok(Self::Always(tag.parse()?)),
        }
    }
}

/// What is neither `auto` nor a language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected `auto`, for the language of the recipient's country, or a language: {0}")]
pub struct LanguageError(#[from] LocaleError);

impl From<Language> for String {
    fn from(language: Language) -> Self {
        match language {
            Language::OfTheCountry => "auto".to_owned(),
            Language::Always(locale) => locale.into(),
        }
    }
}
