//! What the guard is told to let through: `[policy.NAME.guard]` in the configuration.

use serde::{Deserialize, Serialize};

use super::metadata::KNOWS_PREMIUM;
use crate::country::{self, Country};
use crate::phone::PhoneNumber;
use crate::route::Prefix;

/// Who may be sent codes, and how fast. Every key is optional.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// `enforce` (default), `report` or `off`.
    pub mode: Mode,
    /// The countries whose numbers get codes: `home`, ISO 3166 codes such as `DE`, or `*` for all. Default `home`.
    pub countries: Vec<Allowed>,
    /// Numbers that begin so are let through whatever their country and kind. Default none.
    pub allow_prefixes: Vec<Prefix>,
    /// Numbers that begin so get nothing, unless a longer one of `allow-prefixes` fits. Default none.
    pub block_prefixes: Vec<Prefix>,
    /// What happens to premium-rate and shared-cost numbers: `refuse` or `allow`. Unless set, they are refused by a
    /// program that was built with number metadata, and not known by another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub premium: Option<Premium>,
    /// The least conversion of a prefix, in percent: numbers that verified a code lately, against messages to those that
    /// did not. 0 to 100, default 20. A prefix below it is stopped; 0 means that none is.
    pub least_conversion_percent: Percent,
    /// Codes that one client address may ask for at once, where the app hands on its users' addresses; they come back
    /// one by one, all in an hour. Default 20; 0 means no limit.
    pub per_address_hour: u32,
    /// The same for one app. Default 0, no limit: the budget of the SIMs bounds what an app can cost.
    pub per_app_hour: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::default(),
            countries: vec![Allowed::Home],
            allow_prefixes: Vec::new(),
            block_prefixes: Vec::new(),
            premium: None,
            least_conversion_percent: Percent(20),
            per_address_hour: 20,
            per_app_hour: 0,
        }
    }
}

impl Settings {
    /// The place in `allow-prefixes` of one that is among `block-prefixes` as well and so allows nothing.
    #[must_use]
    pub fn allowed_in_vain(&self) -> Option<usize> {
        self.allow_prefixes.iter().position(|prefix| self.block_prefixes.contains(prefix))
    }

    /// Whether premium-rate and shared-cost numbers are refused.
    pub(super) fn refuses_premium(&self) -> bool {
        self.premium != Some(Premium::Allow)
    }
}

/// What the guard does with what it would refuse.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Refuses it.
    #[default]
    Enforce,
    /// Lets it through, and tells what it would have refused.
    Report,
    /// Does not look.
    Off,
}

impl Mode {
    /// The mode as in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Report => "report",
            Self::Off => "off",
        }
    }
}

/// What is done about premium-rate and shared-cost numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", rename_all = "kebab-case")]
pub enum Premium {
    /// They get no codes.
    Refuse,
    /// They get codes like others.
    Allow,
}

/// What is wrong with a value of `premium`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PremiumError {
    /// It is none of the two words.
    #[error("expected `refuse` or `allow`")]
    Word,
    /// This program does not know which numbers are premium.
    #[error(
        "this program was built without number metadata and cannot tell premium numbers; build it with \
         `--features number-metadata`, or leave this key out and use `block-prefixes`"
    )]
    NoMetadata,
}

impl TryFrom<String> for Premium {
    type Error = PremiumError;

    fn try_from(word: String) -> Result<Self, PremiumError> {
        match word.as_str() {
            "refuse" if KNOWS_PREMIUM => Ok(Self::Refuse),
            "refuse" => Err(PremiumError::NoMetadata),
            "allow" => Ok(Self::Allow),
            _ => Err(PremiumError::Word),
        }
    }
}

/// Whose numbers get codes: one entry of `countries`.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Allowed {
    /// Those of the countries that the site's SIMs are from.
    Home,
    /// Those of this country.
    Country(&'static Country),
    /// Everybody's.
    All,
}

/// A text that names no country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected `home`, `*`, or a country's two letters in capitals (ISO 3166), for instance `DE`")]
pub struct AllowedError;

impl TryFrom<String> for Allowed {
    type Error = AllowedError;

    fn try_from(text: String) -> Result<Self, AllowedError> {
        match text.as_str() {
            "home" => Ok(Self::Home),
            "*" => Ok(Self::All),
            iso => country::of_iso(iso).map(Self::Country).ok_or(AllowedError),
        }
    }
}

impl From<Allowed> for String {
    fn from(allowed: Allowed) -> Self {
        allowed.to_string()
    }
}

impl std::fmt::Display for Allowed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Home => "home",
            Self::Country(country) => country.iso(),
            Self::All => "*",
        })
    }
}

impl std::fmt::Debug for Allowed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// A share in percent: 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Percent(u8);

/// A share that is more than the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a share is 0 to 100 percent, not {0}")]
pub struct PercentError(pub u64);

impl Percent {
    /// The number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u64> for Percent {
    type Error = PercentError;

    fn try_from(percent: u64) -> Result<Self, PercentError> {
        u8::try_from(percent).ok().filter(|percent| *percent <= 100).map(Self).ok_or(PercentError(percent))
    }
}

impl From<Percent> for u64 {
    fn from(percent: Percent) -> Self {
        Self::from(percent.0)
    }
}

/// The longest of these prefixes that the number begins with.
pub(super) fn longest<'a>(prefixes: &'a [Prefix], number: &PhoneNumber) -> Option<&'a Prefix> {
    prefixes.iter().filter(|prefix| prefix.fits(number)).max_by_key(|prefix| prefix.length())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str) -> Result<Settings, String> {
        toml::from_str(toml).map_err(|error: toml::de::Error| error.message().to_owned())
    }

    #[test]
    fn settings_are_read_as_they_are_written() {
        assert_eq!(read(""), Ok(Settings::default()));
        let text = r#"mode = "report"
countries = ["home", "DE", "*"]
allow-prefixes = ["+44"]
block-prefixes = ["+4470"]
premium = "allow"
least-conversion-percent = 5
per-address-hour = 0
per-app-hour = 100
"#;
        assert_eq!(toml::to_string(&read(text).unwrap()).unwrap(), text);
    }

    #[test]
    fn what_is_wrong_is_told_with_what_would_be_right() {
        for (toml, message) in [
            ("countries = [\"de\"]", "two letters in capitals"),
            ("countries = [\"XX\"]", "two letters in capitals"),
            ("countries = \"DE\"", "sequence"),
            ("allow-prefixes = [\"44\"]", "expected `+`"),
            ("least-conversion-percent = 101", "0 to 100 percent, not 101"),
            ("per-address-hour = -1", "-1"),
            ("premium = \"maybe\"", "expected `refuse` or `allow`"),
            ("mode = \"dry-run\"", "expected one of `enforce`, `report`, `off`"),
        ] {
            let error = read(toml).expect_err(toml);
            assert!(error.contains(message), "{toml}: {error}");
        }
    }

    #[test]
    fn premium_numbers_are_refused_only_by_a_program_that_knows_them() {
        let read = read("premium = \"refuse\"");
        if KNOWS_PREMIUM {
            assert_eq!(read.map(|settings| settings.premium), Ok(Some(Premium::Refuse)));
        } else {
            assert!(read.unwrap_err().contains("--features number-metadata"));
        }
    }
}
