//! Routes: which modems a message may go through, by how its recipient's number begins.
//!
//! The longest prefix that fits decides. A number that fits none goes through any modem.
//!
//! Its one rule: a message with a route goes through no other modem, however long it waits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::ModemName;
use crate::phone::PhoneNumber;

/// How numbers begin, for instance `+49` or `+4915`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Prefix(String);

/// A text that no number begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected `+` and the first 1 to 15 digits of numbers, country code first, for instance `+49`")]
pub struct PrefixError;

impl Prefix {
    /// Whether the number begins so.
    #[must_use]
    pub fn fits(&self, number: &PhoneNumber) -> bool {
        number.digits().starts_with(&self.0)
    }

    /// How many digits it has.
    #[must_use]
    pub fn length(&self) -> usize {
        self.0.len()
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let digits = text.strip_prefix('+').ok_or(PrefixError)?;
        let is_beginning = (1..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        if is_beginning { Ok(Self(digits.to_owned())) } else { Err(PrefixError) }
    }
}

impl TryFrom<String> for Prefix {
    type Error = PrefixError;

    fn try_from(text: String) -> Result<Self, PrefixError> {
        text.parse()
    }
}

impl From<Prefix> for String {
    fn from(prefix: Prefix) -> Self {
        prefix.to_string()
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.0)
    }
}

/// One `[[route]]` of the configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Route {
    /// How the numbers begin, for instance `+49`.
    pub prefix: Prefix,
    /// The modems, by name, that messages to them go through.
    pub modems: Vec<ModemName>,
}

/// All routes of a site. A route is known by its place in the configuration, from 1; 0 is the way of everything that
/// has no route.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routes(Vec<Route>);

impl Routes {
    /// The way of what has no route: through any modem.
    pub const NONE: usize = 0;

    /// These routes.
    #[must_use]
    pub fn new(routes: Vec<Route>) -> Self {
        Self(routes)
    }

    /// The route of a number, given by its digits without `+`.
    #[must_use]
    pub fn of(&self, digits: &str) -> usize {
        let fits = self.0.iter().enumerate().filter(|(_, route)| digits.starts_with(&route.prefix.0));
        fits.max_by_key(|(_, route)| route.prefix.0.len()).map_or(Self::NONE, |(place, _)| place + 1)
    }

    /// Whether a message of this route may go through this modem.
    #[must_use]
    pub fn lets(&self, route: usize, modem: &ModemName) -> bool {
        let Some(place) = route.checked_sub(1) else { return true };
        self.0.get(place).is_some_and(|route| route.modems.contains(modem))
    }

    /// Every route that there is, [`Routes::NONE`] first.
    pub fn all(&self) -> impl Iterator<Item = usize> + use<> {
        Self::NONE..=self.0.len()
    }

    /// The route at this place; `None` for [`Routes::NONE`].
    #[must_use]
    pub fn get(&self, route: usize) -> Option<&Route> {
        self.0.get(route.checked_sub(1)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(routes: &[(&str, &str)]) -> Routes {
        let route = |(prefix, modem): &(&str, &str)| Route {
            prefix: prefix.parse().unwrap(),
            modems: vec![modem.parse().unwrap()],
        };
        Routes::new(routes.iter().map(route).collect())
    }

    #[test]
    fn the_longest_prefix_decides() {
        let routes = routes(&[("+49", "a"), ("+4915", "b"), ("+1", "c")]);
        let places = ["4930123456", "49151234567", "15551234567", "447700900123"].map(|digits| routes.of(digits));
        assert_eq!(places, [1, 2, 3, Routes::NONE]);
    }

    #[test]
    fn a_route_lets_through_only_its_modems_and_what_has_none_all() {
        let routes = routes(&[("+49", "a")]);
        let (a, b) = ("a".parse().unwrap(), "b".parse().unwrap());
        assert_eq!((routes.lets(1, &a), routes.lets(1, &b)), (true, false));
        assert!(routes.lets(Routes::NONE, &b));
        assert!(!routes.lets(2, &a), "a route that is no more");
        assert_eq!(routes.all().collect::<Vec<_>>(), [0, 1]);
    }

    #[test]
    fn what_no_number_begins_with_is_no_prefix() {
        for text in ["", "+", "49", "0049", "+049", "+49 15", "+49x", "+1234567890123456"] {
            assert_eq!(text.parse::<Prefix>(), Err(PrefixError), "{text}");
        }
        assert_eq!("+4915".parse::<Prefix>().unwrap().to_string(), "+4915");
    }
}
