//! What an operator sets for finding modems.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// `[discovery]` of the configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// Whether modems that are not configured are found and used. Default: only if none is configured. A modem that is
    /// configured by its IMEI is looked for unless this is `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// The folder of links to AT ports: what a link there points to is asked, whatever it is. Default `/dev/smsotpd`.
    pub links: PathBuf,
    /// The folder of devices. Default `/dev`.
    pub devices: PathBuf,
    /// Where the system tells of its devices. Default `/sys`.
    pub sysfs: PathBuf,
}

impl Default for Settings {
    fn default() -> Self {
        Self { enabled: None, links: "/dev/smsotpd".into(), devices: "/dev".into(), sysfs: "/sys".into() }
    }
}
