//! What is different between two configurations, key by key.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::Config;

/// A key whose value is another than before; or a policy that is new, or gone.
///
/// Prints as `policy.default.length: 6 -> 8`; of what may hold a secret or a whole number only that it is another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The key with all tables it is in; of a policy that is new or gone only `policy.NAME`.
    pub key: String,
    /// The value before, as TOML; `None` when there was none.
    pub before: Option<String>,
    /// The value now, as TOML; `None` when there is none.
    pub after: Option<String>,
}

/// How the keys end whose values are told nobody: a URL may have a key in it, a prefix may be a person's number.
const UNTOLD: [&str; 4] = [".callback", ".allow-prefixes", ".block-prefixes", ".prefix"];

impl Change {
    /// Whether the daemon takes such a change on while it serves. Any other needs a restart.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.key.starts_with("policy.") || self.key.starts_with("route[")
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.before, &self.after) {
            _ if UNTOLD.iter().any(|end| self.key.ends_with(end)) => write!(f, "{}: changed", self.key),
            (None, Some(after)) if after.is_empty() => write!(f, "{}: new", self.key),
            (Some(before), None) if before.is_empty() => write!(f, "{}: gone", self.key),
            (before, after) => {
                let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "unset".to_owned());
                write!(f, "{}: {} -> {}", self.key, shown(before), shown(after))
            }
        }
    }
}

/// Every change from one configuration to another, in the order of the keys.
#[must_use]
pub fn changes(before: &Config, after: &Config) -> Vec<Change> {
    let names = |config: &Config| config.policy.keys().cloned().collect::<BTreeSet<_>>();
    let both: BTreeSet<String> = names(before).intersection(&names(after)).cloned().collect();
    let (before, after) = (values(before, &both), values(after, &both));
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let changed = keys.into_iter().filter(|key| before.get(*key) != after.get(*key));
    changed
        .map(|key| Change { key: key.clone(), before: before.get(key).cloned(), after: after.get(key).cloned() })
        .collect()
}

/// Every value by its key. A policy that is not among these stands there as one key without a value.
fn values(config: &Config, policies: &BTreeSet<String>) -> BTreeMap<String, String> {
    // An empty list of tables is one value, which the tables then replace.
    let entries = config.entries(None).into_iter().filter(|entry| !["modem", "route"].contains(&entry.key.as_str()));
    let mut values: BTreeMap<String, String> = entries.map(|entry| (entry.key, entry.value)).collect();
    for name in config.policy.keys().filter(|name| !policies.contains(*name)) {
        let table = format!("policy.{name}");
        values.retain(|key, _| key.strip_prefix(&table).is_none_or(|rest| !rest.starts_with('.')));
        values.insert(table, String::new());
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Config {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("smsotpd.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(Some(&path)).unwrap()
    }

    fn told(before: &str, after: &str) -> Vec<String> {
        changes(&read(before), &read(after)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_may_hold_a_secret_or_a_number_is_not_repeated() {
        let after = "[policy.default]\ncallback = 'https://app.example.org/events?key=s3cret'\n\
                     [policy.default.guard]\nallow-prefixes = ['+4915112345678']\nblock-prefixes = ['+4915112345679']";
        let untold = ["callback", "guard.allow-prefixes", "guard.block-prefixes"];
        assert_eq!(told("", after), untold.map(|key| format!("policy.default.{key}: changed")));
        let route = |prefix: &str| format!("[[route]]\nprefix = '{prefix}'\nmodems = ['m123456']");
        let changed = told(&route("+4915112345678"), &route("+4915112345679"));
        assert_eq!(changed, ["route[0].prefix: changed"]);
        assert!(told("", &route("+4915112345678")).contains(&"route[0].prefix: changed".to_owned()));
    }

    #[test]
    fn each_changed_key_is_told_with_both_values() {
        assert_eq!(told("", ""), Vec::<String>::new());
        assert_eq!(
            told(
                "[policy.default]\nlength = 6\nreplace = 2\n[policy.default.limits]\nper-number-day = 3",
                "[policy.default]\nlength = 8\nbrand = 'Shop'\n[http]\nlisten = '127.0.0.1:1'"
            ),
            [
                "http.listen: \"127.0.0.1:8687\" -> \"127.0.0.1:1\"",
                "policy.default.brand: \"\" -> \"Shop\"",
                "policy.default.length: 6 -> 8",
                "policy.default.limits.per-number-day: 3 -> 10",
                "policy.default.replace: 2 -> unset",
            ]
        );
    }

    #[test]
    fn a_policy_that_comes_or_goes_is_one_change() {
        let (staff, staff2) = ("[policy.staff]\nlength = 8", "[policy.staff2]\nlength = 8");
        assert_eq!(told("", staff), ["policy.staff: new"]);
        assert_eq!(told(staff, staff2), ["policy.staff: gone", "policy.staff2: new"]);
        assert_eq!(told(staff, "[policy.staff]"), ["policy.staff.length: 8 -> 6"]);
    }

    #[test]
    fn only_policies_and_routes_change_while_the_daemon_serves() {
        let route = "[[route]]\nprefix = '+49'\nmodems = ['m123456']\n[sim-budget]\nper-hour = 1\n[policy.staff]";
        let live: Vec<(String, bool)> =
            changes(&read(""), &read(route)).into_iter().map(|change| (change.key.clone(), change.is_live())).collect();
        let expected = [
            ("policy.staff", true),
            ("route[0].modems", true),
            ("route[0].prefix", true),
            ("sim-budget.per-hour", false),
        ];
        assert_eq!(live, expected.map(|(key, live)| (key.to_owned(), live)));
    }
}
