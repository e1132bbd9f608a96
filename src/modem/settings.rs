//! What an operator sets for one modem.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::tcp::TcpAddress;
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
    /// The speed of a real serial line, 300 to 12000000 baud; without effect over USB. Default 115200.
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
    /// The site's command, with its arguments, that takes the modem's power away and gives it back, for instance
    /// `["uhubctl", "--action", "cycle", "--location", "1-1", "--ports", "2"]`: the last thing tried with one that does not
    /// answer, at most once an hour. It may take a minute. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub power_cycle: Vec<String>,
}

/// The speeds of serial lines, in baud: from what the oldest modems have up to what the fastest USB adapters can.
const SPEEDS: RangeInclusive<u32> = 300..=12_000_000;

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

/// What is wrong with one modem's settings: the key it is about (empty: the whole table), and what was expected.
pub type SettingsFault = (&'static str, String);

impl Settings {
    /// What is wrong between values that are each right by themselves.
    #[must_use]
    pub fn faults(&self) -> Vec<SettingsFault> {
        let mut faults = Vec::new();
        let mut fault = |key, expected: &str| faults.push((key, expected.to_owned()));
        match (&self.port, &self.imei) {
            (None, None) => fault("", "expected `port`, where the modem is, or `imei`, which one it is"),
            (Some(_), Some(_)) => fault("imei", "expected either `port` or `imei`, not both"),
            _ => {}
        }
        if let Some(port) = &self.port {
            if TcpAddress::is_meant_by(port) {
                if let Err(error) = port.parse::<TcpAddress>() {
                    fault("port", &error.to_string());
                }
                if self.baud != default_baud() {
                    fault("baud", "it has no effect on `tcp://`: the serial server sets the speed of its line");
                }
            } else if !port.starts_with('/') {
                fault("port", "expected an absolute path, for instance `/dev/smsotpd/m1`, or `tcp://HOST:PORT`");
            }
        }
        if !SPEEDS.contains(&self.baud) {
            fault("baud", "expected a speed from 300 to 12000000 baud, for instance 115200");
        }
        if self.pin_file.as_ref().is_some_and(|file| !file.is_absolute()) {
            fault("pin-file", "expected an absolute path, for instance `/etc/smsotpd/pin`");
        }
        if self.power_cycle.iter().any(|word| word.trim().is_empty()) {
            fault("power-cycle", "expected a command and its arguments, none of them empty");
        }
        faults
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

    #[test]
    fn a_modem_has_exactly_one_way_to_be_found_and_no_empty_words() {
        for (text, keys) in [
            ("port = '/dev/ttyUSB2'", &[][..]),
            ("port = 'tcp://192.0.2.7:3001'", &[]),
            ("imei = '490154203237518'", &[]),
            ("", &[""]),
            ("port = '/dev/ttyUSB2'\nimei = '490154203237518'", &["imei"]),
            ("port = 'ttyUSB2'", &["port"]),
            ("port = ''", &["port"]),
            ("port = 'tcp://192.0.2.7'", &["port"]),
            ("port = 'tcp://192.0.2.7:3001'\nbaud = 9600", &["baud"]),
            ("port = '/dev/ttyS0'\nbaud = 0", &["baud"]),
            ("port = '/dev/ttyS0'\nbaud = 115", &["baud"]),
            ("port = '/dev/ttyS0'\nbaud = 300", &[]),
            ("port = '/dev/ttyS0'\nbaud = 115200115", &["baud"]),
            ("port = '/dev/ttyS0'\npin-file = 'pin'", &["pin-file"]),
            ("port = '/dev/ttyS0'\npower-cycle = ['uhubctl', '']", &["power-cycle"]),
        ] {
            let settings: Settings = toml::from_str(&format!("name = 'm1'\n{text}")).unwrap();
            let found: Vec<&str> = settings.faults().into_iter().map(|(key, _)| key).collect();
            assert_eq!(found, keys, "{text}");
        }
    }
}
