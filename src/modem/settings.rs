//! What an operator sets for one modem.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::ids::{Imei, ModemName};
use crate::phone::PhoneNumber;

/// One `[[modem]]` of the configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The name the modem goes by in the API, in metrics and in logs.
    pub name: ModemName,
    /// Its AT port: a path, for instance `/dev/smsotpd/m1`, or `tcp://host:port` behind a serial server. Without one the
    /// modem is found by its `imei`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    /// The radio's own number, by which it is found whatever its port is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imei: Option<Imei>,
    /// The speed of a real serial line, in baud; without effect over USB. Default 115200.
    #[serde(default = "default_baud")]
    pub baud: u32,
    /// A file that holds the PIN of its SIM and nothing else. Default: the systemd credential `<name>.pin` or `pin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin_file: Option<PathBuf>,
    /// Whether messages may go over a visited network. Default true.
    #[serde(default = "yes")]
    pub roaming: bool,
    /// The service centre's number that is written to the SIM when it holds another one. Default: what the SIM holds.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "in_full")]
    pub service_centre: Option<PhoneNumber>,
    /// The site's command, with its arguments, that takes the modem's power away and gives it back: the last thing tried
    /// with one that does not answer. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub power_cycle: Vec<String>,
}

const fn default_baud() -> u32 {
    115_200
}

const fn yes() -> bool {
    true
}

impl Settings {
    /// A modem at this port, with every default.
    #[must_use]
    pub fn at_port(name: ModemName, port: impl Into<String>) -> Self {
        Self {
            name,
            port: Some(port.into()),
            imei: None,
            baud: default_baud(),
            pin_file: None,
            roaming: yes(),
            service_centre: None,
            power_cycle: Vec::new(),
        }
    }
}

/// A number that belongs to the operator and not to a person, written out.
mod in_full {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    use crate::phone::PhoneNumber;

    #[expect(clippy::ref_option, reason = "the shape that serde asks for")]
    pub(super) fn serialize<S: Serializer>(number: &Option<PhoneNumber>, to: S) -> Result<S::Ok, S::Error> {
        number.as_ref().map(PhoneNumber::e164).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PhoneNumber>, D::Error> {
        let text = String::deserialize(from)?;
        PhoneNumber::parse(&text).map(Some).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_speed_may_be_left_out_and_a_key_that_is_not_known_is_refused() {
        let settings: Settings = toml::from_str("name = \"m1\"\nport = \"/dev/ttyUSB2\"").unwrap();
        assert_eq!(settings, Settings::at_port("m1".parse().unwrap(), "/dev/ttyUSB2"));
        assert_eq!(settings.baud, 115_200);
        assert!(toml::from_str::<Settings>("name = \"m1\"\nport = \"/dev/ttyUSB2\"\nspeed = 9600").is_err());
    }
}
