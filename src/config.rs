//! The configuration file: one TOML file, composed from the rooms' own `Settings`; every key may be left out.
//!
//! A fault is told with file, line and column, what was expected and the nearest right name. What stands in the file is
//! never repeated: a line may hold a secret, and what is printed here lands in the journal.
//!
//! What a key means and which values it can have is said by the room it belongs to; here only what keys of several rooms
//! mean together.
//!
//! Its one rule: a file with a fault anywhere is not used at all.

mod changes;
mod diagnosis;
mod document;
mod listing;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::http::HttpError;
use crate::ids::ModemName;
use crate::issue::Policy;
use crate::limits::BudgetSettings;
use crate::modem::{self, discovery};
use crate::route::{Route, Routes};
use crate::{callback, http, intake, store, ussd};

pub use changes::{Change, changes};
pub use document::{Document, Fault};
pub use listing::{Entry, Origin, list};

/// The whole configuration, with the defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// The folder that holds the database and the key. Default `/var/lib/smsotpd`.
    pub state_dir: PathBuf,
    /// Where the API listens and whom it lets in.
    pub http: http::Settings,
    /// The modems. Default: those that are found.
    pub modem: Vec<modem::Settings>,
    /// How modems are found.
    pub discovery: discovery::Settings,
    /// Numbers that go through certain modems only. Default: none.
    pub route: Vec<Route>,
    /// How much one SIM sends at most.
    pub sim_budget: BudgetSettings,
    /// How the balance of each SIM is found out.
    pub balance: ussd::Settings,
    /// By which words people choose to get no more messages.
    pub opt_out: intake::Settings,
    /// Where callbacks may go that requests name.
    pub webhook: callback::Settings,
    /// For how long what happened stays on record.
    pub audit: store::Retention,
    /// What codes are like, by the policy's name. There is always one called `default`.
    pub policy: BTreeMap<String, Policy>,
}

/// The policy of apps that name no other.
const DEFAULT_POLICY: &str = "default";

impl Default for Config {
    fn default() -> Self {
        Self {
            state_dir: PathBuf::from("/var/lib/smsotpd"),
            http: http::Settings::default(),
            modem: Vec::new(),
            discovery: discovery::Settings::default(),
            route: Vec::new(),
            sim_budget: BudgetSettings::default(),
            balance: ussd::Settings::default(),
            opt_out: intake::Settings::default(),
            webhook: callback::Settings::default(),
            audit: store::Retention::default(),
            policy: BTreeMap::from([(DEFAULT_POLICY.to_owned(), Policy::default())]),
        }
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
    /// The file can be read and is wrong: every fault that was found, in the order of the file.
    #[error("{}", Lines { path, faults })]
    Faulty {
        /// The file.
        path: PathBuf,
        /// What is wrong with it; at least one.
        faults: Vec<Fault>,
    },
}

/// The key that a fault among the `[http]` settings is about.
fn http_key(error: &HttpError) -> &'static str {
    match error {
        HttpError::NoSuchUser { .. } | HttpError::UserTwice { .. } => "http.socket-users",
        HttpError::HostName { .. } => "http.hosts",
        HttpError::SocketPath { .. } => "http.socket",
        _ => "http.listen",
    }
}

/// One line for each fault: `smsotpd.toml:3:1: http: unknown key …`.
struct Lines<'a> {
    path: &'a Path,
    faults: &'a [Fault],
}

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, fault) in self.faults.iter().enumerate() {
            let end_of_last = if n == 0 { "" } else { "\n" };
            write!(f, "{end_of_last}{}:{fault}", self.path.display())?;
        }
        Ok(())
    }
}

impl Config {
    /// Where the file is looked for when no other is named. It need not be there.
    pub const DEFAULT_PATH: &'static str = "/etc/smsotpd/smsotpd.toml";

    /// Reads the named file, or without a name the one at [`Config::DEFAULT_PATH`]; if that is not there, everything
    /// has its default. A named file must be there.
    ///
    /// # Errors
    /// [`ConfigError`] when the file cannot be read, or has a fault.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        Self::load_document(path).map(|(config, _)| config)
    }

    /// As [`Config::load`], with the file it was read from, to tell where each value comes from.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_document(path: Option<&Path>) -> Result<(Self, Option<Document>), ConfigError> {
        let Some(path) = path.map(Path::to_owned).or_else(Self::default_path) else {
            return Ok((Self::default(), None));
        };
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(reason) => return Err(ConfigError::Unreadable { path, reason }),
        };
        let document = Document::parse(&path, &text)?;
        let config = document.read(|config: &mut Self| {
            config.policy.entry(DEFAULT_POLICY.to_owned()).or_default();
            config.faults(&document)
        })?;
        Ok((config, Some(document)))
    }

    /// The file at [`Config::DEFAULT_PATH`], if it is there. One that may not be looked at counts as there, so that
    /// it is reported, not passed over.
    #[must_use]
    pub fn default_path() -> Option<PathBuf> {
        let path = Path::new(Self::DEFAULT_PATH);
        path.try_exists().unwrap_or(true).then(|| path.to_owned())
    }

    /// Every effective value, and where it comes from.
    #[must_use]
    pub fn entries(&self, document: Option<&Document>) -> Vec<Entry> {
        list(self, document)
    }

    /// Which messages go through which modems.
    #[must_use]
    pub fn routes(&self) -> Routes {
        let policies = self.policy.iter().map(|(name, policy)| (name.as_str(), policy.modems.as_slice()));
        Routes::new(self.route.clone()).with_policies(policies)
    }

    /// Whether modems that are not configured are taken in.
    #[must_use]
    pub fn adopts_modems(&self) -> bool {
        self.discovery.enabled.unwrap_or(self.modem.is_empty())
    }

    /// Whether modems are looked for at all.
    #[must_use]
    pub fn looks_for_modems(&self) -> bool {
        self.adopts_modems() || self.modem.iter().any(|modem| modem.imei.is_some())
    }

    /// The key, and what is wrong with it.
    fn modem_faults(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        for (key, path) in
            [("links", &self.discovery.links), ("devices", &self.discovery.devices), ("sysfs", &self.discovery.sysfs)]
        {
            if !path.is_absolute() {
                faults.push((format!("discovery.{key}"), "expected an absolute path".to_owned()));
            }
        }
        let (mut names, mut ports, mut imeis) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for (n, modem) in self.modem.iter().enumerate() {
            let mut fault = |key: &str, message: String| {
                let dot = if key.is_empty() { "" } else { "." };
                faults.push((format!("modem[{n}]{dot}{key}"), message));
            };
            if !names.insert(&modem.name) {
                fault("name", "another modem has this name".to_owned());
            }
            if modem.port.is_some() && !ports.insert(&modem.port) {
                fault("port", "another modem has this port".to_owned());
            }
            if modem.imei.as_ref().is_some_and(|imei| !imeis.insert(imei.of_the_radio())) {
                fault("imei", "another modem has this IMEI".to_owned());
            }
            if modem.imei.is_some() && self.discovery.enabled == Some(false) {
                fault(
                    "imei",
                    "a modem is found by its IMEI only with discovery: take `discovery.enabled` out".to_owned(),
                );
            }
            for (key, message) in modem.faults() {
                fault(key, message);
            }
        }
        faults
    }

    /// What is wrong between values that are each right by themselves.
    fn faults(&self, document: &Document) -> Vec<Fault> {
        let mut faults = Vec::new();
        if !self.state_dir.is_absolute() {
            let expected = "expected an absolute path, for instance `/var/lib/smsotpd`";
            faults.push(document.fault("state-dir", expected));
        }
        if let Err(error) = self.http.check() {
            faults.push(document.fault(http_key(&error), error.to_string()));
        }
        faults.extend(self.opt_out.fault().map(|(key, message)| document.fault(key, message)));
        faults.extend(self.modem_faults().into_iter().map(|(key, message)| document.fault(&key, message)));
        faults.extend(self.route_faults(document));
        for (name, policy) in &self.policy {
            if let Err(error) = policy.check() {
                faults.push(document.fault(&format!("policy.{name}.{}", error.key()), error.to_string()));
            }
            if let Some(n) = policy.guard.allowed_in_vain() {
                let message = "it is among `block-prefixes` as well, which wins; take it out of one of them";
                faults.push(document.fault(&format!("policy.{name}.guard.allow-prefixes[{n}]"), message));
            }
        }
        faults
    }

    fn route_faults(&self, document: &Document) -> Vec<Fault> {
        let (mut faults, mut prefixes) = (Vec::new(), BTreeSet::new());
        for (n, route) in self.route.iter().enumerate() {
            if !prefixes.insert(&route.prefix) {
                faults.push(document.fault(&format!("route[{n}].prefix"), "another route has this prefix"));
            }
            let modems = format!("route[{n}].modems");
            if route.modems.is_empty() {
                faults.push(document.fault(&modems, "expected the name of at least one modem"));
            }
            faults.extend(self.unknown_modem(document, &modems, &route.modems));
        }
        for (name, policy) in &self.policy {
            faults.extend(self.unknown_modem(document, &format!("policy.{name}.modems"), &policy.modems));
        }
        faults
    }

    /// Whether there may be a modem of this name: one that has a `[[modem]]`, or one that is found.
    #[must_use]
    pub fn may_have_modem(&self, name: &ModemName) -> bool {
        self.modem.iter().any(|modem| modem.name == *name) || (self.adopts_modems() && discovery::may_name(name))
    }

    /// The first of these modems, which stand at this key, that there is none of and will be none of.
    fn unknown_modem(&self, document: &Document, key: &str, modems: &[ModemName]) -> Option<Fault> {
        let place = modems.iter().position(|name| !self.may_have_modem(name))?;
        let named: Vec<String> = self.modem.iter().map(|modem| format!("`{}`", modem.name)).collect();
        let (named, found) = (named.join(", "), "those that are found, such as `m123456`");
        let there_are = match (named.is_empty(), self.adopts_modems()) {
            (true, true) => found.to_owned(),
            (true, false) => "none".to_owned(),
            (false, true) => format!("{named}, and {found}"),
            (false, false) => named,
        };
        Some(document.fault(&format!("{key}[{place}]"), format!("no [[modem]] has this name; there are {there_are}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("smsotpd.toml");
        std::fs::write(&path, text).unwrap();
        let shown = |error: ConfigError| error.to_string().replace(&format!("{}/", folder.path().display()), "");
        Config::load(Some(&path)).map_err(shown)
    }

    #[test]
    fn every_key_may_be_left_out() {
        assert_eq!(load(""), Ok(Config::default()));
        assert_eq!(load("# nothing\n"), Ok(Config::default()));
    }

    #[test]
    fn a_fault_is_told_with_file_line_and_column() {
        assert_eq!(
            load("\n  stat-dir = \"/srv\"").unwrap_err(),
            "smsotpd.toml:2:3: unknown key `stat-dir`, did you mean `state-dir`?"
        );
    }

    #[test]
    fn a_fault_is_told_once() {
        for text in ["[policies.default]\nlength = 6", "[Policy.default]", "[[policy]]\nlength = 6"] {
            let told = load(text).unwrap_err();
            assert_eq!(told.lines().count(), 1, "{told}");
        }
    }

    #[test]
    fn a_path_that_depends_on_where_the_daemon_was_started_is_refused() {
        assert_eq!(
            load("state-dir = 'state'").unwrap_err(),
            "smsotpd.toml:1:1: state-dir: expected an absolute path, for instance `/var/lib/smsotpd`"
        );
    }

    #[test]
    fn a_wrong_value_hides_nothing_that_is_wrong_between_others() {
        let modem = "[[modem]]\nname = 'm1'\nport = '/dev/a'\n";
        let told = load(&format!("{modem}baud = 'fast'\n{modem}[policy.default]\nlength = 3\n")).unwrap_err();
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines.len(), 4, "{told}");
        assert!(lines[1].starts_with("smsotpd.toml:6:1: modem[1].name: another modem has this name"), "{told}");
        assert!(lines[2].starts_with("smsotpd.toml:7:1: modem[1].port: another modem has this port"), "{told}");
    }

    #[test]
    fn a_modem_that_cannot_be_found_is_told_of_where_it_stands() {
        let text = "[[modem]]\nname = 'm1'\n[[modem]]\nname = 'm2'\nport = 'tcp://x'\n[[modem]]\nname = 'm3'\n\
                    imei = '490154203237518'\n  port = '/dev/ttyUSB2'\n[discovery]\nlinks = 'here'\n";
        let told = load(text).unwrap_err();
        let places: Vec<&str> = told.lines().filter_map(|line| line.split(": expected").next()).collect();
        assert_eq!(
            places,
            [
                "smsotpd.toml:1:1: modem[0]",
                "smsotpd.toml:5:1: modem[1].port",
                "smsotpd.toml:8:1: modem[2].imei",
                "smsotpd.toml:11:1: discovery.links",
            ],
            "{told}"
        );
    }

    #[test]
    fn one_modem_is_configured_once() {
        let modem = "[[modem]]\nname = 'NAME'\nimei = '490154203237518'\n";
        let told = load(&(modem.replace("NAME", "a") + &modem.replace("NAME", "b"))).unwrap_err();
        assert_eq!(told, "smsotpd.toml:6:1: modem[1].imei: another modem has this IMEI");
        let mistyped = modem.replace("NAME", "b").replace("518", "519");
        let told = load(&(modem.replace("NAME", "a") + &mistyped)).unwrap_err();
        assert_eq!(told, "smsotpd.toml:6:1: modem[1].imei: another modem has this IMEI");
        let told = load(&(modem.replace("NAME", "a") + "[discovery]\nenabled = false")).unwrap_err();
        assert!(told.starts_with("smsotpd.toml:3:1: modem[0].imei: "), "{told}");
    }

    #[test]
    fn modems_are_looked_for_when_none_is_configured_or_one_only_by_its_imei() {
        let (port, imei) =
            ("[[modem]]\nname = 'a'\nport = '/dev/a'\n", "[[modem]]\nname = 'b'\nimei = '490154203237518'\n");
        for (text, adopts, looks) in [
            (String::new(), true, true),
            (port.to_owned(), false, false),
            (imei.to_owned(), false, true),
            (port.to_owned() + imei, false, true),
            (port.to_owned() + "[discovery]\nenabled = true", true, true),
            ("[discovery]\nenabled = false".to_owned(), false, false),
        ] {
            let config = load(&text).unwrap();
            assert_eq!((config.adopts_modems(), config.looks_for_modems()), (adopts, looks), "{text}");
        }
    }

    #[test]
    fn a_route_names_modems_that_there_are_and_a_prefix_of_its_own() {
        let modem = "[[modem]]\nname = 'm1'\nport = '/dev/a'\n";
        let route = "[[route]]\nprefix = '+49'\nmodems = ['m1']\n";
        assert_eq!(load(&format!("{modem}{route}")).unwrap().route.len(), 1);
        let found = route.replace("m1", "m123456");
        assert!(load(&found).is_ok(), "discovery may find it");
        assert!(load(&format!("{modem}{found}[discovery]\nenabled = true")).is_ok(), "the same beside others");
        for (wrong, told) in [
            (
                route.replace("'m1'", "'m1', 'm2'"),
                "6:17: route[0].modems[1]: no [[modem]] has this name; there are `m1`",
            ),
            (format!("{route}{route}"), "8:1: route[1].prefix: another route has this prefix"),
            (
                "[policy.staff]\nmodems = ['m1', 'm2']".to_owned(),
                "5:17: policy.staff.modems[1]: no [[modem]] has this name; there are `m1`",
            ),
            (
                format!("{}[discovery]\nenabled = true", route.replace("m1", "m2")),
                "6:11: route[0].modems[0]: no [[modem]] has this name; there are `m1`, and those that are found, such as `m123456`",
            ),
            (route.replace("'m1'", ""), "6:1: route[0].modems: expected the name of at least one modem"),
            (route.replace("+49", "0049"), "5:10: route[0].prefix: expected `+` and the first"),
            (route.replace("prefix", "prefx"), "5:1: route[0]: unknown key `prefx`, did you mean `prefix`?"),
        ] {
            let error = load(&format!("{modem}{wrong}")).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
        let error = load(&route.replace("m1", "front")).unwrap_err();
        assert!(error.contains("no [[modem]] has this name; there are those that are found, such as"), "{error}");
    }

    #[test]
    fn an_address_is_a_number_and_a_port() {
        let told = load("[http]\nlisten = 'localhost:80'").unwrap_err();
        let expected = "expected an IP address and a port, for instance `127.0.0.1:8687` or `[::1]:8687`";
        assert_eq!(told, format!("smsotpd.toml:2:10: http.listen: {expected}"));
    }

    #[test]
    fn a_socket_is_where_it_can_be() {
        let long = format!("/{}", "s".repeat(108));
        for (socket, told) in [("api.sock", "expected an absolute path"), (&long, "expected at most 107 octets")] {
            let error = load(&format!("[http]\nsocket = '{socket}'")).unwrap_err();
            assert!(error.starts_with("smsotpd.toml:2:1: http.socket: ") && error.contains(told), "{error}");
        }
    }

    #[test]
    fn a_prefix_is_allowed_or_blocked_and_not_both() {
        let told =
            load("[policy.default.guard]\nallow-prefixes = ['+49', '+43']\nblock-prefixes = ['+43']").unwrap_err();
        assert_eq!(
            told,
            "smsotpd.toml:2:26: policy.default.guard.allow-prefixes[1]: it is among `block-prefixes` as well, which wins; \
             take it out of one of them"
        );
    }

    #[test]
    fn what_is_wrong_with_words_is_told_where_they_stand() {
        let twice = "[policy.default.templates]\nde-AT = '{code}'\nfr = '{code}'\nde-at = '{code}'\nit = '{cod}'";
        let told = load(twice).unwrap_err();
        let lines: Vec<&str> = told.lines().collect();
        let again = "policy.default.templates.de-at: this language is there already, spelt in another way";
        assert_eq!(lines[0], format!("smsotpd.toml:4:1: {again}"));
        assert!(lines[1].starts_with("smsotpd.toml:5:6: policy.default.templates.it: "), "{told}");
        let unbound = "[policy.default]\nbind = ['amount']\ntemplate = '{code}: {amount} to {payee}'";
        let told = load(unbound).unwrap_err();
        assert!(told.starts_with("smsotpd.toml:3:1: policy.default.template: there is a place for {payee}"), "{told}");
    }

    #[test]
    fn a_named_file_must_be_there() {
        let error = Config::load(Some(Path::new("/nowhere/smsotpd.toml"))).unwrap_err();
        assert!(error.to_string().starts_with("/nowhere/smsotpd.toml: No such file"), "{error}");
    }
}
