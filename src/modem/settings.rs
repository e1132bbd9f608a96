//! What an operator sets for one modem.

use serde::{Deserialize, Serialize};

use crate::ids::ModemName;

/// One `[[modem]]` of the configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The name the modem goes by in the API, in metrics and in logs.
    pub name: ModemName,
    /// The path of its AT port, for instance `/dev/smsotpd/m1`.
    pub port: String,
    /// The speed of a real serial line, in baud; without effect over USB. Default 115200.
    #[serde(default = "default_baud")]
    pub baud: u32,
}

const fn default_baud() -> u32 {
    115_200
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_speed_may_be_left_out_and_a_key_that_is_not_known_is_refused() {
        let settings: Settings = toml::from_str("name = \"m1\"\nport = \"/dev/ttyUSB2\"").unwrap();
        assert_eq!(settings.baud, 115_200);
        assert!(toml::from_str::<Settings>("name = \"m1\"\nport = \"/dev/ttyUSB2\"\nspeed = 9600").is_err());
    }
}
