//! A change of the configuration file while the daemon serves.
//!
//! The file is read and checked whole. A fault in it changes nothing; neither does a file without a policy that an app
//! goes by, or with a route or policy to a modem that comes only with a restart. Otherwise all policies and routes are put
//! in the place of those before at once; what else has changed is named, and waits for a restart.
//!
//! Its one rule: all or nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Daemon;
use crate::config::{Change, Config, ConfigError, changes};
use crate::ids::ModemName;
use crate::issue::Policies;
use crate::notify;
use crate::store::{App, PolicyDigests, Store, StoreError};

/// Brings what is changed in the configuration file into the daemon that serves.
#[derive(Debug)]
pub struct Reloader {
    path: Option<PathBuf>,
    /// What the daemon goes by now.
    running: Config,
    policies: Policies,
    store: Store,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
enum ReloadError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("the apps cannot be looked at: {0}")]
    Apps(#[source] StoreError),
    #[error("what waits cannot be routed: {0}")]
    Routes(#[source] StoreError),
    /// Apps would be left without the policy that they go by now.
    #[error("{}", told_of_each(.0))]
    PolicyInUse(Vec<App>),
    /// A route or policy would keep messages to a modem that is not there before a restart.
    #[error(
        "the modem {0} is there only after a restart, and what names it can be taken on only then; run: systemctl restart \
         smsotpd"
    )]
    NotYet(ModemName),
    #[error("the file could not be looked at")]
    Unread,
}

fn told_of_each(apps: &[App]) -> String {
    let told = |App { name, policy, .. }: &App| {
        format!("policy.{policy}: the app {name} goes by it; keep it, or remove the app first")
    };
    apps.iter().map(told).collect::<Vec<_>>().join("\n")
}

/// Has the log name each app that goes by a policy that is not there.
pub(super) async fn tell_lost_apps(store: &Store, policies: &Policies) {
    match store.apps().await {
        Ok(apps) => {
            for app in apps.iter().filter(|app| policies.get(&app.policy).is_none()) {
                tracing::warn!(app = %app.name, policy = %app.policy, "the policy of this app is not in the configuration");
            }
        }
        Err(error) => tracing::warn!(%error, "the apps cannot be looked at"),
    }
}

impl Reloader {
    /// For a daemon that was started with this configuration, read from this file; without one, the file is looked for
    /// at [`Config::DEFAULT_PATH`].
    #[must_use]
    pub fn new(path: Option<PathBuf>, running: Config, daemon: &Daemon) -> Self {
        Self { path, running, policies: daemon.policies.clone(), store: daemon.store.clone() }
    }

    /// Reads the file again. What came of it stands in the log.
    pub async fn reload(&mut self) {
        notify::reloading();
        match self.take_on().await {
            Ok(changed) => self.tell(&changed).await,
            Err(error) => {
                self.policies.outdate();
                tell_faults(&error);
            }
        }
        notify::ready();
    }

    /// Returns what has changed in the file since the daemon took on what it goes by.
    async fn take_on(&mut self) -> Result<Vec<Change>, ReloadError> {
        let path = self.path.clone();
        let read = tokio::task::spawn_blocking(move || Config::load(path.as_deref()));
        let new = read.await.map_err(|_| ReloadError::Unread)??;
        let changed = changes(&self.running, &new);
        // What can fail comes first.
        let mut left_without = self.store.apps().await.map_err(ReloadError::Apps)?;
        left_without.retain(|app| self.policies.get(&app.policy).is_some() && !new.policy.contains_key(&app.policy));
        if !left_without.is_empty() {
            return Err(ReloadError::PolicyInUse(left_without));
        }
        if let Some(name) = named_too_early(&self.running, &new) {
            return Err(ReloadError::NotYet(name.clone()));
        }
        // Routing looks at all that waits: not without need.
        let routes = new.routes();
        if routes != *self.store.routes() {
            self.store.set_routes(routes).await.map_err(ReloadError::Routes)?;
        }
        self.policies.replace(new.policy.clone());
        (self.running.route, self.running.policy) = (new.route, new.policy);
        Ok(changed)
    }

    async fn tell(&self, changed: &[Change]) {
        let (live, later): (Vec<&Change>, Vec<&Change>) = changed.iter().partition(|change| change.is_live());
        for change in &live {
            tracing::info!("{change}");
        }
        if !later.is_empty() {
            let keys: Vec<&str> = later.iter().map(|change| change.key.as_str()).collect();
            tracing::warn!(keys = keys.join(" "), "these have changed too, and wait for a restart");
        }
        tracing::info!(changed = live.len(), "the configuration was read again");
        if !live.is_empty() {
            let changes: Vec<String> = live.iter().map(ToString::to_string).collect();
            keep(&self.store, &self.running, changes).await;
        }
        tell_lost_apps(&self.store, &self.policies).await;
    }
}

/// The first modem that a route or policy of the new configuration names and that the daemon which runs cannot have.
fn named_too_early<'a>(running: &Config, new: &'a Config) -> Option<&'a ModemName> {
    let by_routes = new.route.iter().flat_map(|route| &route.modems);
    let mut named = by_routes.chain(new.policy.values().flat_map(|policy| &policy.modems));
    named.find(|name| !running.may_have_modem(name))
}

/// Keeps by which policies and routes the daemon goes now, and writes down what has changed: these changes, or what has
/// changed since it ran last.
pub(super) async fn keep(store: &Store, config: &Config, changes: Vec<String>) {
    if let Err(error) = store.go_by(digests(store, config), changes).await {
        tracing::warn!(%error, "a change of the policies may be missing in the log of what happened");
    }
}

/// A digest for each policy, and one for the routes, of all that is not as it is by default: so a version with more keys
/// does not change them.
fn digests(store: &Store, config: &Config) -> PolicyDigests {
    let usual: Vec<(String, String)> = values(&Config::default()).map(|(_, key, value)| (key, value)).collect();
    let names = config.policy.keys().map(|name| format!("policy.{name}")).chain(["route".to_owned()]);
    let mut written: BTreeMap<String, String> = names.map(|name| (name, String::new())).collect();
    for (name, key, value) in values(config) {
        let is_usual = usual.iter().any(|(other, usual)| (other, usual) == (&key, &value));
        if let Some(written) = written.get_mut(&name).filter(|_| !is_usual) {
            written.extend([key.as_str(), "=", &value, "\n"]);
        }
    }
    let key = store.site_key();
    let digest = |text: &String| key.policy_digest(text)[..16].iter().map(|octet| format!("{octet:02x}")).collect();
    written.iter().map(|(name, text)| (name.clone(), digest(text))).collect()
}

/// Each value with the name of its policy, or `route`, and its key within all of these.
fn values(config: &Config) -> impl Iterator<Item = (String, String, String)> {
    config.entries(None).into_iter().map(|entry| {
        let of_policy = entry.key.strip_prefix("policy.").and_then(|key| key.split_once('.'));
        let (name, key) = match of_policy {
            Some((policy, key)) => (format!("policy.{policy}"), format!("policy.{key}")),
            None => (entry.key.split('[').next().unwrap_or_default().to_owned(), entry.key.clone()),
        };
        (name, key, entry.value)
    })
}

/// One line for each fault, with its file, line and column.
fn tell_faults(error: &ReloadError) {
    for line in error.to_string().lines() {
        tracing::error!("{line}");
    }
    tracing::error!("the configuration could not be taken on; everything is as it was");
}
