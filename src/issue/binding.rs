//! Which context a code of one policy must be bound to.
//!
//! Everything that is given in a context is bound: it must be given again, the same, for the code to be verified. The
//! policy says what must be given.

use std::fmt;

use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::otp::Context;
use crate::template::{Place, Template};

/// What a request for a code may and must have in its context.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Bind {
    /// Anything, or nothing.
    #[default]
    All,
    /// These keys, each of them, and no others.
    Keys(Vec<String>),
}

/// A key of a context that goes against the policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BindError {
    /// It must be there.
    #[error("`{0}` is required: this app's policy binds it")]
    Missing(String),
    /// It must not be there.
    #[error("`{0}` is not bound by this app's policy, so nothing would come of it")]
    NotBound(String),
}

impl BindError {
    /// The key.
    #[must_use]
    pub fn key(&self) -> &str {
        let (Self::Missing(key) | Self::NotBound(key)) = self;
        key
    }
}

impl Bind {
    /// Whether a code may be issued with this context.
    ///
    /// # Errors
    /// [`BindError`]: the first key that is wrong.
    pub fn check(&self, context: &Context) -> Result<(), BindError> {
        let Self::Keys(keys) = self else { return Ok(()) };
        if let Some(missing) = keys.iter().find(|key| context.get(key).is_none()) {
            return Err(BindError::Missing(missing.clone()));
        }
        match context.keys().find(|key| !keys.iter().any(|bound| bound == key)) {
            Some(other) => Err(BindError::NotBound(other.to_owned())),
            None => Ok(()),
        }
    }
}

impl Bind {
    /// The first place of these words for what no request may give.
    pub(super) fn never_gives(&self, words: &Template) -> Option<&'static str> {
        let Self::Keys(keys) = self else { return None };
        let places = [(Place::Payee, "payee"), (Place::Amount, "amount")];
        let lacks = |(place, key): &(Place, &str)| words.has(*place) && !keys.iter().any(|bound| bound == key);
        places.into_iter().find(lacks).map(|(_, key)| key)
    }
}

impl Serialize for Bind {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => to.serialize_str("all"),
            Self::Keys(keys) => keys.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for Bind {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(BindVisitor)
    }
}

struct BindVisitor;

impl<'de> Visitor<'de> for BindVisitor {
    type Value = Bind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"all\" or a list of keys")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Bind, E> {
        if word == "all" { Ok(Bind::All) } else { Err(E::custom("expected \"all\" or a list of keys")) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Bind, A::Error> {
        let mut keys = Vec::new();
        while let Some(key) = list.next_element::<String>()? {
            if !Context::is_key(&key) {
                return Err(A::Error::custom("a key has 1 to 32 characters: a-z, 0-9 and _"));
            }
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        if keys.len() > Context::MOST_KEYS {
            return Err(A::Error::custom("a context has at most 10 keys"));
        }
        Ok(Bind::Keys(keys))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Text;

    fn context(keys: &[&str]) -> Context {
        let with = |context: Context, key: &&str| context.with(key, Text::new("x".to_owned())).unwrap();
        keys.iter().fold(Context::default(), with)
    }

    #[test]
    fn a_list_of_keys_asks_for_each_of_them_and_no_other() {
        let bind = Bind::Keys(["payee", "amount"].map(str::to_owned).into());
        assert_eq!(bind.check(&context(&["amount", "payee"])), Ok(()));
        assert_eq!(bind.check(&context(&["payee"])), Err(BindError::Missing("amount".to_owned())));
        let other = Err(BindError::NotBound("session".to_owned()));
        assert_eq!(bind.check(&context(&["payee", "session", "amount"])), other);
        assert_eq!(Bind::Keys(Vec::new()).check(&context(&["session"])), other);
        assert_eq!(Bind::All.check(&context(&["session"])), Ok(()));
        assert_eq!(Bind::All.check(&context(&[])), Ok(()));
    }
}
