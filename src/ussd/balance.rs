//! What a SIM has left to spend, as its carrier tells: the `[balance]` part of the configuration, and the asking.

use std::fmt;
use std::time::Duration;

use regex_lite::Regex;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Ussd;
use crate::clock::Timestamp;
use crate::ids::{ModemName, SimId};
use crate::modem::Modem;
use crate::phone::UssdCode;
use crate::secret::Text;

/// How long to wait before asking again when there was no answer.
const AGAIN: Duration = Duration::from_secs(3600);

/// How the balance of each SIM is found out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// What is dialled, for instance `*100#`. Default: nothing, and no balance is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<UssdCode>,
    /// Where the amount stands in the answer: a regular expression, whose first group it is. Default: the first number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<Pattern>,
    /// Below this amount there is a warning. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low: Option<Amount>,
    /// How often it is asked, in hours: 1 to 720. Default 24.
    pub every_hours: Hours,
}

impl Default for Settings {
    fn default() -> Self {
        Self { code: None, pattern: None, low: None, every_hours: Hours(24) }
    }
}

/// 1 to 720 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Hours(u32);

impl TryFrom<u32> for Hours {
    type Error = &'static str;

    fn try_from(hours: u32) -> Result<Self, Self::Error> {
        if (1..=720).contains(&hours) { Ok(Self(hours)) } else { Err("expected a whole number from 1 to 720") }
    }
}

impl From<Hours> for u32 {
    fn from(hours: Hours) -> Self {
        hours.0
    }
}

/// A sum of money, in thousandths of whatever the carrier counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(i64);

impl Amount {
    /// Reads a number as carriers write it. The last point or comma stands before the fraction; others group digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, text) = text.trim().strip_prefix('-').map_or((false, text.trim()), |text| (true, text));
        let (whole, fraction) = text.rsplit_once(['.', ',']).unwrap_or((text, ""));
        let whole: String = whole.chars().filter(|c| !matches!(c, '.' | ',')).collect();
        let is_number = |text: &str| text.bytes().all(|octet| octet.is_ascii_digit());
        if whole.is_empty() || whole.len() > 12 || !is_number(&whole) || !is_number(fraction) {
            return None;
        }
        let thousandths = format!("{whole}{:0<3.3}", fraction).parse::<i64>().ok()?;
        Some(Self(if negative { -thousandths } else { thousandths }))
    }

    /// The amount as a number.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "15 digits fit a double exactly")]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_f64())
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(self.as_f64())
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Number {
            Whole(i64),
            Broken(f64),
        }
        let text = match Number::deserialize(from) {
            Ok(Number::Whole(number)) => number.to_string(),
            Ok(Number::Broken(number)) => format!("{number:.3}"),
            Err(_) => String::new(),
        };
        Self::parse(&text).ok_or_else(|| de::Error::custom("expected a number, for example 5.0"))
    }
}

/// Where the amount stands in a text: a regular expression, of which the first group is the amount, or all of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern(Regex);

/// A text that is no regular expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a regular expression, for example 'Balance: ([0-9.,]+)': {0}")]
pub struct PatternError(String);

impl Pattern {
    fn find(&self, text: &str) -> Option<Amount> {
        let found = self.0.captures(text)?;
        Amount::parse(found.get(1).or_else(|| found.get(0))?.as_str())
    }
}

impl TryFrom<String> for Pattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        Regex::new(&text).map(Self).map_err(|error| PatternError(error.to_string()))
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.0.as_str().to_owned()
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

/// The first number of a text.
fn first_number(text: &str) -> Option<Amount> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let minus = usize::from(text[..start].ends_with('-'));
    let rest = &text[start..];
    let end = rest.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | ',')).unwrap_or(rest.len());
    let number = rest[..end].trim_end_matches(['.', ',']);
    Amount::parse(&text[start - minus..start + number.len()])
}

impl Settings {
    /// The amount that an answer tells.
    fn amount(&self, text: &str) -> Option<Amount> {
        self.pattern.as_ref().map_or_else(|| first_number(text), |pattern| pattern.find(text))
    }

    fn is_low(&self, amount: Option<Amount>) -> bool {
        self.low.zip(amount).is_some_and(|(low, amount)| amount < low)
    }
}

/// What a SIM has left to spend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// The modem it is in.
    pub modem: ModemName,
    /// The SIM.
    pub sim: SimId,
    /// How much is left; `None` when the answer does not tell, or there is none.
    pub amount: Option<Amount>,
    /// The carrier's words; `None` when there is no answer.
    pub text: Option<Text>,
    /// Why it is not known.
    pub problem: Option<String>,
    /// When it was asked.
    pub at: Timestamp,
    /// Whether it is below what was set.
    pub is_low: bool,
}

/// Keeps the balance of a modem's SIM known: asks when it is ready, when another SIM is in it, and every so often.
pub(super) async fn watch(ussd: Ussd, modem: Modem, code: UssdCode) {
    let mut health = modem.health();
    let every = Duration::from_secs(u64::from(ussd.0.settings.every_hours.0) * 3600);
    loop {
        let Ok(sim) = health
            .wait_for(|health| health.state.is_ready() && health.sim.is_some())
            .await
            .map(|health| health.sim.as_ref().map(|sim| sim.id.clone()))
        else {
            return;
        };
        let Some(sim) = sim else { continue };
        let known = ask(&ussd, &modem, &sim, code.clone()).await;
        let pause = if known { every } else { AGAIN.min(every) };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            other = health.wait_for(|health| health.sim.as_ref().is_some_and(|now| now.id != sim)) => {
                if other.is_err() {
                    return;
                }
            }
        }
    }
}

/// Asks for the balance and keeps what is said; tells whether an amount was.
async fn ask(ussd: &Ussd, modem: &Modem, sim: &SimId, code: UssdCode) -> bool {
    let answered = modem.ussd(code).await;
    let settings = &ussd.0.settings;
    let (text, amount, problem) = match answered {
        Ok(answer) => {
            let amount = settings.amount(answer.text.expose());
            let problem = amount.is_none().then(|| "no amount was found in the carrier's answer".to_owned());
            (Some(answer.text), amount, problem)
        }
        Err(error) => (None, None, Some(error.to_string())),
    };
    let is_low = settings.is_low(amount);
    match (&problem, is_low) {
        (Some(problem), _) => tracing::warn!(modem.name = %modem.name(), problem, "the SIM's balance is not known"),
        (None, true) => tracing::warn!(modem.name = %modem.name(), "the SIM's balance is low; top it up"),
        (None, false) => tracing::info!(modem.name = %modem.name(), "the SIM's balance was asked"),
    }
    let at = ussd.0.clock.wall();
    let balance = Balance { modem: modem.name().clone(), sim: sim.clone(), amount, text, problem, at, is_low };
    ussd.state().balances.insert(modem.name().clone(), balance);
    amount.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_carriers_write_them() {
        for (text, thousandths) in [
            ("5", 5_000),
            ("5.00", 5_000),
            ("5,5", 5_500),
            ("1.234,50", 1_234_500),
            ("1,234.50", 1_234_500),
            ("-0.75", -750),
            ("12.3456", 12_345),
        ] {
            assert_eq!(Amount::parse(text), Some(Amount(thousandths)), "{text}");
        }
        for text in ["", "-", "EUR", "1 000", "5.0.x", "1234567890123"] {
            assert_eq!(Amount::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_amount_is_found_by_the_pattern_or_is_the_first_number() {
        let of = |toml: &str, text: &str| toml::from_str::<Settings>(toml).unwrap().amount(text).map(Amount::as_f64);
        assert_eq!(of("", "Your balance: 5,20 EUR. Valid until 01.02.2027."), Some(5.2));
        assert_eq!(of("", "Balance is -3."), Some(-3.0));
        assert_eq!(of("", "No credit"), None);
        let second = "pattern = 'credit ([0-9.]+)'";
        assert_eq!(of(second, "Tariff 10, credit 7.35 USD"), Some(7.35));
        assert_eq!(of("pattern = '[0-9]+ p'", "Баланс 5 p"), None, "a group says what is the amount");
        assert_eq!(of(second, "Tariff 10"), None);
    }

    #[test]
    fn wrong_settings_are_refused() {
        for toml in ["pattern = '('", "low = 'much'", "every-hours = 0", "every-hours = 721", "code = 'ATZ'"] {
            assert!(toml::from_str::<Settings>(toml).is_err(), "{toml}");
        }
        let settings: Settings = toml::from_str("low = 5").unwrap();
        assert!(
            settings.is_low(Amount::parse("4.99")) && !settings.is_low(Amount::parse("5")) && !settings.is_low(None)
        );
        assert_eq!(settings, toml::from_str("low = 5.0").unwrap());
    }
}
