//! `smsotpd app`: the apps that may use the API, and their keys.
//!
//! Works on the database itself, so that the first app can be made before the daemon runs, and while it does.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Subcommand;
use rand::TryRng as _;
use serde_json::json;

use super::output::{self, say};
use crate::callback::CallbackUrl;
use crate::config::Config;
use crate::ids::AppName;
use crate::secret::ApiKey;
use crate::store::{NewApp, Scope, Store, StoreError};

const EXAMPLES: &str = "\
Examples:
  smsotpd app create shop
  smsotpd app create monitor --scope send --scope read
  smsotpd app callback shop --url https://shop.example.org/sms-events
  smsotpd app rotate shop            the old key stops working within a second
  smsotpd app list";

/// `smsotpd app`
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make an app and print its key, which is shown this once
    #[command(
        after_help = "The scopes: issue (issue, resend and cancel codes), verify, send (messages of its own words), read (see \
                      where they are), admin (all of that, and what concerns the whole site).\n\nExamples:\n  smsotpd app create \
                      shop\n  smsotpd app create monitor --scope send --scope read"
    )]
    Create {
        /// The app's name: a-z, 0-9, `-` and `_`
        name: AppName,
        /// What the app may do; give it several times for several [default: issue, verify, send, read]
        #[arg(long = "scope", value_name = "SCOPE", value_parser = scope)]
        scopes: Vec<Scope>,
        /// The policy that the app's codes follow
        #[arg(long, default_value = "default")]
        policy: String,
        #[command(flatten)]
        place: Place,
    },
    /// Give an app a new key and print it; the old one stops working within a second
    #[command(after_help = "Example:\n  smsotpd app rotate shop")]
    Rotate {
        /// The app's name
        name: AppName,
        #[command(flatten)]
        place: Place,
    },
    /// Show or set where the events of an app are sent, and the secret that they are signed with
    #[command(after_help = "Examples:\n  smsotpd app callback shop --url https://shop.example.org/sms-events\n  \
                      smsotpd app callback shop --rotate-secret      the old secret is good for a day more\n  \
                      smsotpd app callback shop --none")]
    Callback {
        /// The app's name
        name: AppName,
        /// Send all events of the app there
        #[arg(long)]
        url: Option<CallbackUrl>,
        /// Send them nowhere
        #[arg(long, conflicts_with = "url")]
        none: bool,
        /// Make a new secret; for a day everything is signed with both
        #[arg(long)]
        rotate_secret: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Remove an app: its key stops working, and what it has not yet finished is given up
    #[command(
        after_help = "Its codes that nobody has verified verify nothing any more, and its messages and callbacks that \
                      wait are not sent.\nWhat was sent stays on record.\n\nExample:\n  smsotpd app remove shop"
    )]
    Remove {
        /// The app's name
        name: AppName,
        #[command(flatten)]
        place: Place,
    },
    /// List the apps, without their keys
    #[command(after_help = "Example:\n  smsotpd app list --json")]
    List {
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, clap::Args)]
struct Place {
    /// The configuration file [default: /etc/smsotpd/smsotpd.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn scope(text: &str) -> Result<Scope, String> {
    text.parse().map_err(|_| "the scopes are issue, verify, send, read and admin".to_owned())
}

pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    match args.action {
        Action::Create { name, scopes, policy, place } => create(name, scopes, policy, &place).await,
        Action::Rotate { name, place } => rotate(name, &place).await,
        Action::Callback { name, url, none, rotate_secret, place } => {
            callback(name, (url.is_some() || none).then_some(url), rotate_secret, &place).await
        }
        Action::Remove { name, place } => remove(name, &place).await,
        Action::List { place } => list(&place).await,
    }
}

async fn create(name: AppName, scopes: Vec<Scope>, policy: String, place: &Place) -> anyhow::Result<()> {
    let config = Config::load(place.config.as_deref())?;
    anyhow::ensure!(
        config.policy.contains_key(&policy),
        "there is no [policy.{policy}] in the configuration; there is {}",
        config.policy.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
    );
    let store = open_or_found(&config).await?;
    let key = new_key()?;
    let mut scopes =
        if scopes.is_empty() { vec![Scope::Issue, Scope::Verify, Scope::Send, Scope::Read] } else { scopes };
    scopes.sort_unstable();
    scopes.dedup();
    let app = NewApp { name: name.clone(), scopes: scopes.clone(), policy, key: store.site_key().key_digest(&key) };
    match store.create_app(app).await {
        Err(StoreError::Exists) => {
            anyhow::bail!("there is an app {name} already; `smsotpd app rotate {name}` gives it a new key")
        }
        other => other?,
    }
    show_key(&name, &key, &scopes, place)
}

async fn rotate(name: AppName, place: &Place) -> anyhow::Result<()> {
    let store = open(&Config::load(place.config.as_deref())?).await?;
    let key = new_key()?;
    let found = store.rotate_app(&name, store.site_key().key_digest(&key)).await?;
    anyhow::ensure!(found, "there is no app {name}; `smsotpd app list` shows those there are");
    let scopes = store.app_by_name(&name).await?.map(|app| app.scopes).unwrap_or_default();
    show_key(&name, &key, &scopes, place)
}

/// Sets the URL if there is something to set, and shows how it is then.
async fn callback(
    name: AppName,
    url: Option<Option<CallbackUrl>>,
    rotate_secret: bool,
    place: &Place,
) -> anyhow::Result<()> {
    let store = open(&Config::load(place.config.as_deref())?).await?;
    if let Some(url) = url {
        store.set_app_callback(&name, url).await?;
    }
    if rotate_secret {
        store.rotate_callback_secret(&name).await?;
    }
    let callback = store.app_callback(&name).await?;
    let callback =
        callback.with_context(|| format!("there is no app {name}; `smsotpd app list` shows those there are"))?;
    let (url, secret) = (callback.url.as_ref().map(CallbackUrl::as_str), callback.secret.expose());
    if place.json {
        return output::json(&json!({ "app": name, "url": url, "secret": secret }));
    }
    say!("events of {name} go to  {}", url.unwrap_or("no URL of its own"))?;
    say!("they are signed with  {secret}")
}

async fn remove(name: AppName, place: &Place) -> anyhow::Result<()> {
    let store = open(&Config::load(place.config.as_deref())?).await?;
    let found = store.remove_app(&name).await?;
    anyhow::ensure!(found, "there is no app {name}; `smsotpd app list` shows those there are");
    if place.json {
        return output::json(&json!({ "app": name, "removed": true }));
    }
    say!("{name} is removed; its key stops working within a second")?;
    say!("Its pending codes are cancelled, and what still waited to be sent is not sent.")
}

async fn list(place: &Place) -> anyhow::Result<()> {
    let store = open(&Config::load(place.config.as_deref())?).await?;
    let apps = store.apps().await?;
    if place.json {
        let apps: Vec<_> = apps
            .iter()
            .map(|app| {
                let scopes: Vec<_> = app.scopes.iter().map(|scope| scope.as_str()).collect();
                json!({ "app": app.name, "policy": app.policy, "scopes": scopes, "created_at": app.created })
            })
            .collect();
        return output::json(&apps);
    }
    if apps.is_empty() {
        say!("There is no app yet. `smsotpd app create NAME` makes one.")?;
    }
    for app in apps {
        let scopes: Vec<_> = app.scopes.iter().map(|scope| scope.as_str()).collect();
        say!("{:20} policy {:12} {}", app.name.as_str(), app.policy, scopes.join(" "))?;
    }
    Ok(())
}

/// The state folder of a site that there is already, whether its daemon runs or not.
pub(super) async fn open(config: &Config) -> anyhow::Result<Store> {
    if !Store::is_there(&config.state_dir) {
        anyhow::bail!(
            "there is no database in {} yet; name the daemon's configuration file with --config, or make the first app: \
             smsotpd app create NAME",
            config.state_dir.display()
        );
    }
    open_or_found(config).await
}

/// The state folder, and what is missing in it.
async fn open_or_found(config: &Config) -> anyhow::Result<Store> {
    match Store::open_beside(&config.state_dir).await {
        Err(error @ StoreError::Folder { .. }) if !rustix::process::geteuid().is_root() => {
            Err(anyhow::anyhow!("{error}; it belongs to the daemon, so try this with sudo"))
        }
        other => Ok(other?),
    }
}

/// Shows a key that nobody can show again.
fn show_key(name: &AppName, key: &ApiKey, scopes: &[Scope], place: &Place) -> anyhow::Result<()> {
    let shown = if place.json {
        output::only_copy(format_args!("{}", json!({ "app": name, "key": key.expose() })))
    } else {
        show_with_trial(name, key, scopes, place)
    };
    shown.with_context(|| format!("the new key of {name} is lost; `smsotpd app rotate {name}` makes another"))
}

fn show_with_trial(name: &AppName, key: &ApiKey, scopes: &[Scope], place: &Place) -> anyhow::Result<()> {
    say!("The key of {name}, shown this once:")?;
    say!()?;
    output::only_copy(format_args!("  {}", key.expose()))?;
    say!()?;
    let config = place.config.as_ref().map(|config| format!(" --config {}", quoted(&config.to_string_lossy())));
    let config = config.unwrap_or_default();
    let may = |scope| scopes.contains(&scope) || scopes.contains(&Scope::Admin);
    let trial = match () {
        () if may(Scope::Issue) => "otp issue +15551234567",
        () if may(Scope::Send) => "send +15551234567 Hello",
        () => return Ok(()),
    };
    say!("Try it:  SMSOTPD_KEY={} smsotpd {trial}{config}", key.expose())
}

/// As a shell takes it for one word.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+:@%,".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// A new key out of 32 octets of the operating system's generator.
pub(super) fn new_key() -> anyhow::Result<ApiKey> {
    let mut octets = [0; 32];
    rand::rngs::SysRng.try_fill_bytes(&mut octets).context("the operating system gives no random numbers")?;
    Ok(ApiKey::from_random(octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_where_a_shell_would_take_it_apart() {
        assert_eq!(quoted("/etc/smsotpd/smsotpd.toml"), "/etc/smsotpd/smsotpd.toml");
        assert_eq!(quoted("/home/a b/$x.toml"), "'/home/a b/$x.toml'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
