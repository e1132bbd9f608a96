//! What a code is bound to beside its purpose: who is paid and how much, a session, whatever the app confirms with it.
//!
//! Its one rule: two contexts are the same only if they have the same keys with the same values, octet for octet.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use crate::secret::Text;

/// Keys with values, of which at most ten. Prints its keys only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Context(BTreeMap<String, Text>);

/// What cannot stand in a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContextError {
    /// There are too many keys.
    #[error("expected at most {} keys", Context::MOST_KEYS)]
    TooMany,
    /// A key is not as it should be.
    #[error("expected keys of 1 to {} characters: a-z, 0-9 and _", Context::LONGEST_KEY)]
    Key,
    /// A value is not as it should be.
    #[error("expected 1 to {} characters, and no control characters", Context::LONGEST_VALUE)]
    Value,
    /// A key is there already.
    #[error("a key is there twice")]
    Twice,
}

impl Context {
    /// The most keys.
    pub const MOST_KEYS: usize = 10;
    /// The longest key, in characters.
    pub const LONGEST_KEY: usize = 32;
    /// The longest value, in characters.
    pub const LONGEST_VALUE: usize = 128;

    /// Whether this can be a key.
    #[must_use]
    pub fn is_key(key: &str) -> bool {
        (1..=Self::LONGEST_KEY).contains(&key.len())
            && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    }

    /// The same with one key more.
    ///
    /// # Errors
    /// [`ContextError`] when it cannot be.
    pub fn with(mut self, key: &str, value: Text) -> Result<Self, ContextError> {
        self.put(key, value)?;
        Ok(self)
    }

    fn put(&mut self, key: &str, value: Text) -> Result<(), ContextError> {
        let length = value.expose().chars().count();
        match () {
            () if !Self::is_key(key) => Err(ContextError::Key),
            () if self.0.contains_key(key) => Err(ContextError::Twice),
            () if self.0.len() == Self::MOST_KEYS => Err(ContextError::TooMany),
            () if !(1..=Self::LONGEST_VALUE).contains(&length) || value.expose().chars().any(is_hidden) => {
                Err(ContextError::Value)
            }
            () => {
                self.0.insert(key.to_owned(), value);
                Ok(())
            }
        }
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Its keys, in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(Text::expose)
    }

    /// The same, to be kept.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<Text> {
        self.0.get(key).cloned()
    }

    /// The one form that all equal contexts have and no other: every key and value in the order of the keys, each after
    /// its length.
    #[must_use]
    pub fn canonical(&self) -> Text {
        let texts = || self.0.iter().flat_map(|(key, value)| [key.as_str(), value.expose()]);
        // One allocation, so that no unwiped copy of the beginning stays behind.
        let mut form = String::with_capacity(texts().map(|text| text.len() + 5).sum());
        for text in texts() {
            form.push_str(&text.len().to_string());
            form.push(':');
            form.push_str(text);
        }
        Text::new(form)
    }
}

/// Whether a character has no place in a text that people read and trust: control characters, ends of lines, and those that
/// turn the direction of what follows, so that it reads as something else.
fn is_hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl<'de> Deserialize<'de> for Context {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(ContextVisitor)
    }
}

struct ContextVisitor;

impl<'de> Visitor<'de> for ContextVisitor {
    type Value = Context;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Context, A::Error> {
        let mut context = Context::default();
        while let Some((key, value)) = map.next_entry::<String, Text>()? {
            context.put(&key, value).map_err(A::Error::custom)?;
        }
        Ok(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Context, String> {
        serde_json::from_str(json).map_err(|error| error.to_string().split(" at line").next().unwrap().to_owned())
    }

    #[test]
    fn a_context_is_the_same_in_any_order_and_prints_no_value() {
        let context = read(r#"{"payee": "Zoë's bakery", "amount": "12.00 EUR"}"#).unwrap();
        assert_eq!(context, read(r#"{"amount": "12.00 EUR", "payee": "Zoë's bakery"}"#).unwrap());
        assert_eq!(context.get("amount"), Some("12.00 EUR"));
        assert_eq!(format!("{context:?}"), r#"{"amount", "payee"}"#);
        assert!(read("{}").unwrap().is_empty());
    }

    #[test]
    fn the_canonical_form_tells_all_contexts_apart() {
        let contexts = [
            r#"{}"#,
            r#"{"a": "b"}"#,
            r#"{"a": "B"}"#,
            r#"{"a": "b "}"#,
            r#"{"ab": "c"}"#,
            r#"{"a": "bc"}"#,
            r#"{"a": "b", "c": "d"}"#,
            r#"{"a": "b1:c1:d"}"#,
            r#"{"a": "1:b", "c": "d"}"#,
        ];
        let forms: std::collections::BTreeSet<String> =
            contexts.iter().map(|json| read(json).unwrap().canonical().expose().to_owned()).collect();
        assert_eq!(forms.len(), contexts.len(), "{forms:?}");
        assert_eq!(read(contexts[6]).unwrap().canonical().expose(), "1:a1:b1:c1:d");
    }

    #[test]
    fn what_cannot_be_a_context_is_refused_in_words() {
        let many = |count: usize| {
            format!("{{{}}}", (0..count).map(|n| format!("\"k{n}\":\"v\"")).collect::<Vec<_>>().join(","))
        };
        assert!(read(&many(10)).is_ok());
        assert!(read(&format!(r#"{{"{}": "{}"}}"#, "k".repeat(32), "é".repeat(128))).is_ok());
        let value = "expected 1 to 128 characters, and no control characters";
        let key = "expected keys of 1 to 32 characters: a-z, 0-9 and _";
        for (json, told) in [
            (many(11).as_str(), "expected at most 10 keys"),
            (r#"{"": "v"}"#, key),
            (r#"{"Payee": "v"}"#, key),
            (&format!(r#"{{"{}": "v"}}"#, "k".repeat(33)), key),
            (r#"{"k": ""}"#, value),
            (r#"{"k": "a\nb"}"#, value),
            (r#"{"k": "a\u2028b"}"#, value),
            (r#"{"k": "RUE 00.1\u202e"}"#, value),
            (&format!(r#"{{"k": "{}"}}"#, "v".repeat(129)), value),
            (r#"{"k": "a", "k": "a"}"#, "a key is there twice"),
            (r#"["k"]"#, "invalid type: sequence, expected an object of texts"),
            (r#"{"k": 12}"#, "invalid type: integer `12`, expected a string"),
        ] {
            assert_eq!(read(json), Err(told.to_owned()), "{json}");
        }
    }
}
