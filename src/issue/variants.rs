//! The wording in certain languages, as it is read from the configuration: each language once, however it is spelt.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize as _;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use crate::template::{Locale, Template};

/// The templates by their languages.
///
/// # Errors
/// That of the reader when something is no language or no template, or when two keys are one language.
pub(super) fn read<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<Locale, Template>, D::Error> {
    from.deserialize_map(Variants)
}

struct Variants;

impl<'de> Visitor<'de> for Variants {
    type Value = BTreeMap<Locale, Template>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of texts by language")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Self::Value, A::Error> {
        let mut variants = BTreeMap::new();
        while let Some(locale) = table.next_key_seed(OneMore(&variants))? {
            variants.insert(locale, table.next_value()?);
        }
        Ok(variants)
    }
}

/// A language that is not among these.
struct OneMore<'a>(&'a BTreeMap<Locale, Template>);

impl<'de> DeserializeSeed<'de> for OneMore<'_> {
    type Value = Locale;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Locale, D::Error> {
        let locale = Locale::deserialize(from)?;
        // Said while the key is read, so that the fault is told with the key's place.
        if self.0.contains_key(&locale) {
            return Err(D::Error::custom("this language is there already, spelt in another way"));
        }
        Ok(locale)
    }
}
