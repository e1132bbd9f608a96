//! `smsotpd config`: is the configuration right, and what does it come to.

use std::path::PathBuf;

use clap::Subcommand;

use super::output::say;
use crate::config::{Config, Entry, Origin};

/// `smsotpd config`
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  smsotpd config check\n  smsotpd config show --config /tmp/new.toml")]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Say whether the daemon would start with this configuration, and if not, where and why
    #[command(after_help = "Example:\n  smsotpd config check --config /etc/smsotpd/smsotpd.toml")]
    Check {
        /// The file [default: /etc/smsotpd/smsotpd.toml, if it is there]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Print every effective value and where it came from
    #[command(after_help = "Example:\n  smsotpd config show")]
    Show {
        /// The file [default: /etc/smsotpd/smsotpd.toml, if it is there]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    match &args.action {
        Action::Check { config } => {
            Config::load(config.as_deref())?;
            match config.clone().or_else(Config::default_path) {
                Some(path) => say!("{}: good", path.display())?,
                None => say!("no configuration file: the defaults are good")?,
            }
        }
        Action::Show { config } => {
            let (config, document) = Config::load_document(config.as_deref())?;
            let entries = config.entries(document.as_ref());
            let width = entries.iter().map(|entry| entry.key.len() + entry.value.len()).max().unwrap_or(0) + 3;
            for Entry { key, value, origin } in entries {
                let shown = format!("{key} = {value}");
                match (origin, &document) {
                    (Origin::Line(line), Some(document)) => {
                        say!("{shown:width$}  # {}:{line}", document.path().display())?;
                    }
                    _ => say!("{shown:width$}  # default")?,
                }
            }
        }
    }
    Ok(())
}
