//! Routes: which modems a message may go through, by its app's policy and by how its recipient's number begins.
//!
//! A policy that names modems decides; otherwise the longest prefix that fits. What neither decides goes through any modem.
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

    /// How it is shown to everybody: from 8 digits on it may be a person's number, and then only its beginning.
    #[must_use]
    pub fn masked(&self) -> String {
        if self.0.len() < 8 { self.to_string() } else { format!("+{}***", &self.0[..4]) }
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

/// All routes of a site. A route is known by its place: those by prefix as they stand in the configuration, from 1; then
/// those of policies that name modems. 0 is the way of everything that has no route.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routes {
    by_prefix: Vec<Route>,
    senders: Vec<Sender>,
}

/// Modems that policies name as theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sender {
    policies: Vec<String>,
    modems: Vec<ModemName>,
}

/// What goes through certain modems only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound<'a> {
    /// Messages to numbers that begin so.
    Prefix(&'a Prefix),
    /// Messages of the apps of these policies.
    Policies(&'a [String]),
}

impl Routes {
    /// The way of what has no route: through any modem.
    pub const NONE: usize = 0;

    /// These routes.
    #[must_use]
    pub fn new(routes: Vec<Route>) -> Self {
        Self { by_prefix: routes, senders: Vec::new() }
    }

    /// The same, with policies and the modems that each names as its own. One that names none goes by the number.
    #[must_use]
    pub fn with_policies<'a>(mut self, policies: impl IntoIterator<Item = (&'a str, &'a [ModemName])>) -> Self {
        for (policy, modems) in policies.into_iter().filter(|(_, modems)| !modems.is_empty()) {
            let mut modems = modems.to_vec();
            modems.sort_unstable();
            modems.dedup();
            match self.senders.iter_mut().find(|sender| sender.modems == modems) {
                Some(sender) => sender.policies.push(policy.to_owned()),
                None => self.senders.push(Sender { policies: vec![policy.to_owned()], modems }),
            }
        }
        self
    }

    /// Whether the policy of a message's app can matter.
    #[must_use]
    pub fn ask_for_policy(&self) -> bool {
        !self.senders.is_empty()
    }

    /// The route of a message to a number, given by its digits without `+`, from an app with this policy.
    #[must_use]
    pub fn of(&self, digits: &str, policy: Option<&str>) -> usize {
        let named = |sender: &Sender| sender.policies.iter().any(|named| Some(named.as_str()) == policy);
        if let Some(place) = self.senders.iter().position(named) {
            return self.by_prefix.len() + place + 1;
        }
        let fits = self.by_prefix.iter().enumerate().filter(|(_, route)| digits.starts_with(&route.prefix.0));
        fits.max_by_key(|(_, route)| route.prefix.0.len()).map_or(Self::NONE, |(place, _)| place + 1)
    }

    /// Whether a message of this route may go through this modem.
    #[must_use]
    pub fn lets(&self, route: usize, modem: &ModemName) -> bool {
        route == Self::NONE || self.get(route).is_some_and(|(_, modems)| modems.contains(modem))
    }

    /// Every route that there is, [`Routes::NONE`] first.
    pub fn all(&self) -> impl Iterator<Item = usize> + use<> {
        Self::NONE..=self.by_prefix.len() + self.senders.len()
    }

    /// What goes by this route, and through which modems; `None` for [`Routes::NONE`].
    #[must_use]
    pub fn get(&self, route: usize) -> Option<(Bound<'_>, &[ModemName])> {
        let place = route.checked_sub(1)?;
        if let Some(route) = self.by_prefix.get(place) {
            return Some((Bound::Prefix(&route.prefix), &route.modems));
        }
        let sender = self.senders.get(place - self.by_prefix.len())?;
        Some((Bound::Policies(&sender.policies), &sender.modems))
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
        let places = ["4930123456", "49151234567", "15551234567", "447700900123"]
            .map(|digits| routes.of(digits, Some("default")));
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
    fn a_policy_that_names_modems_decides_over_the_number() {
        let [a, b] = ["a", "b"].map(|name| name.parse::<ModemName>().unwrap());
        let (ab, ba, none) = ([a.clone(), b.clone()], [b.clone(), a.clone(), b.clone()], []);
        let routes = routes(&[("+49", "c")]).with_policies([
            ("default", none.as_slice()),
            ("shop", ab.as_slice()),
            ("staff", std::slice::from_ref(&b)),
            ("yard", ba.as_slice()),
        ]);
        let of = |digits, policy| routes.of(digits, Some(policy));
        assert_eq!(
            ["default", "shop", "staff", "yard", "gone"].map(|policy| of("4930123456", policy)),
            [1, 2, 3, 2, 1]
        );
        assert_eq!((of("15551234567", "default"), of("15551234567", "staff")), (Routes::NONE, 3));
        assert_eq!(routes.all().collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert_eq!(routes.get(2).unwrap(), (Bound::Policies(&["shop".to_owned(), "yard".to_owned()]), ab.as_slice()));
        assert_eq!((routes.lets(3, &a), routes.lets(3, &b), routes.lets(4, &b)), (false, true, false));
    }

    #[test]
    fn what_no_number_begins_with_is_no_prefix() {
        for text in ["", "+", "49", "0049", "+049", "+49 15", "+49x", "+1234567890123456"] {
            assert_eq!(text.parse::<Prefix>(), Err(PrefixError), "{text}");
        }
        assert_eq!("+4915".parse::<Prefix>().unwrap().to_string(), "+4915");
    }

    #[test]
    fn a_prefix_that_may_be_a_number_is_shown_by_its_beginning() {
        for (prefix, shown) in
            [("+49", "+49"), ("+4915123", "+4915123"), ("+49151234", "+4915***"), ("+491511234567", "+4915***")]
        {
            assert_eq!(prefix.parse::<Prefix>().unwrap().masked(), shown);
        }
    }
}
