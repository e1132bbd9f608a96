//! What an otp of one policy is like: `[policy.NAME]` in the configuration.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::callback::CallbackUrl;
use crate::limits;
use crate::message::InDoubtPolicy;
use crate::otp::{Alphabet, CodeLength, draw};
use crate::pdu::{self, Encoding};
use crate::secret::{Code, Text};
use crate::template::{Template, Values};

/// A whole number from `LEAST` to `MOST`; anything else is refused while the configuration is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Within<const LEAST: u32, const MOST: u32>(u32);

/// A number that is not in its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a whole number from {least} to {most}, not {found}")]
pub struct OutOfRange {
    /// The number.
    pub found: u64,
    /// The least it may be.
    pub least: u32,
    /// The most it may be.
    pub most: u32,
}

impl<const LEAST: u32, const MOST: u32> Within<LEAST, MOST> {
    /// The greatest number in the range.
    pub const GREATEST: Self = Self(MOST);

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl<const LEAST: u32, const MOST: u32> TryFrom<u64> for Within<LEAST, MOST> {
    type Error = OutOfRange;

    fn try_from(found: u64) -> Result<Self, OutOfRange> {
        u32::try_from(found).ok().filter(|number| (LEAST..=MOST).contains(number)).map(Self).ok_or(OutOfRange {
            found,
            least: LEAST,
            most: MOST,
        })
    }
}

impl<const LEAST: u32, const MOST: u32> From<Within<LEAST, MOST>> for u64 {
    fn from(number: Within<LEAST, MOST>) -> Self {
        Self::from(number.0)
    }
}

/// For how many seconds a code is valid.
pub type Lifetime = Within<30, 86_400>;

impl Lifetime {
    /// The lifetime as a time.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }
}

/// What the otps of an app are like. Every key is optional.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Policy {
    /// The name under which people know the app; stands for `{brand}`. Default empty.
    pub brand: String,
    /// The wording. Default `{code} is your {brand} code. It is valid for {minutes} minutes.`
    pub template: Template,
    /// `digits` (default), `letters` or `alphanumeric`.
    pub alphabet: Alphabet,
    /// Characters in a code: 4 to 10, default 6. A request may ask for another length.
    pub length: CodeLength,
    /// Seconds for which a code is valid: 30 to 86400, default 300. A request may ask for another lifetime.
    pub lifetime_seconds: Lifetime,
    /// Attempts to give the code before the otp is locked: 1 to 20, default 5.
    pub attempts: Within<1, 20>,
    /// Seconds from one sending of the code to the next: 0 to 3600, default 30.
    pub resend_after_seconds: Within<0, 3600>,
    /// How often the code may be sent again: 0 to 10, default 3.
    pub resends: Within<0, 10>,
    /// Whether a resend carries a new code, and the old one stops working. Default false: the same code again.
    pub resend_new_code: bool,
    /// Whether the handset shows the message at once and does not keep it (message class 0, 3GPP TS 23.038 §4).
    /// Default false: a handset cannot fill in what it does not keep.
    #[serde(rename = "class-0")]
    pub class_0: bool,
    /// The replace type, 1 to 7: the handset puts the message in the place of the last one of this type from this
    /// sender (TP-PID 0x41 to 0x47, 3GPP TS 23.040 §9.2.3.9). Default none; few handsets obey.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replace: Option<Within<1, 7>>,
    /// What to do with a message of the app that is no code when it is in doubt: `hold` (default) or `resend`. Codes
    /// that are still valid go out once more.
    pub in_doubt: InDoubtPolicy,
    /// Where the events of these otps, and of the app's messages, go. Default: nowhere but to the app's own URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback: Option<CallbackUrl>,
    /// Whether a request may name a URL for its own events instead, within `allow` of `[webhook]`. Default false.
    pub callback_per_request: bool,
    /// How many otps one number, and one block of numbers, may get.
    pub limits: limits::Settings,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            brand: String::new(),
            template: Template::default(),
            alphabet: Alphabet::default(),
            length: CodeLength::default(),
            lifetime_seconds: Within(300),
            attempts: Within(5),
            resend_after_seconds: Within(30),
            resends: Within(3),
            resend_new_code: false,
            class_0: false,
            replace: None,
            in_doubt: InDoubtPolicy::default(),
            callback: None,
            callback_per_request: false,
            limits: limits::Settings::default(),
        }
    }
}

/// Why no otp can be issued by a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The brand holds a control character.
    #[error("the brand has the control character U+{:04X} at character {position}", u32::from(*.character))]
    Brand {
        /// The character.
        character: char,
        /// Where it stands, counted from 1.
        position: usize,
    },
    /// The longest message does not fit into one SMS.
    #[error("{}", too_long(*.forced_by, *.units, *.most))]
    TooLong {
        /// The first character that is not in the GSM 7-bit alphabet, if there is one. It costs more than half of the
        /// room.
        forced_by: Option<char>,
        /// The length of the longest message, in septets, or in UTF-16 units when a character forces UCS-2.
        units: usize,
        /// How many fit into one SMS.
        most: usize,
    },
}

fn too_long(forced_by: Option<char>, units: usize, most: usize) -> String {
    let over = units - most;
    match forced_by {
        None => format!(
            "with its longest code and lifetime the message has {units} septets, {over} more than one SMS holds ({most})"
        ),
        Some(character) => format!(
            "with its longest code and lifetime the message has {units} characters, {over} more than one SMS holds \
             ({most}); without {character:?}, which is not in the GSM 7-bit alphabet, it would hold 160 septets"
        ),
    }
}

impl Policy {
    /// Checks that every message of this policy fits into one SMS, whatever length and lifetime a request asks for.
    ///
    /// # Errors
    /// [`PolicyError`] says what does not fit, and what would help.
    pub fn check(&self) -> Result<(), PolicyError> {
        if let Some((at, character)) = self.brand.chars().enumerate().find(|(_, c)| c.is_control()) {
            return Err(PolicyError::Brand { character, position: at + 1 });
        }
        // Every character of a code takes one septet, so any code of the greatest length will do.
        let longest_code = draw(self.alphabet, CodeLength::MOST, |_| 0);
        let longest = self.render(&longest_code, Lifetime::GREATEST.duration());
        let pdu::Measure { encoding, units, parts, forced_by, .. } = pdu::measure(longest.expose());
        match (parts, encoding) {
            (1, _) => Ok(()),
            (_, Encoding::Gsm7) => Err(PolicyError::TooLong { forced_by, units, most: 160 }),
            (_, Encoding::Ucs2) => Err(PolicyError::TooLong { forced_by, units, most: 70 }),
        }
    }

    /// The message for a code that is valid for so much longer. Begun minutes count as whole ones.
    pub(super) fn render(&self, code: &Code, left: Duration) -> Text {
        let minutes = u32::try_from(left.as_millis().div_ceil(60_000)).unwrap_or(u32::MAX);
        self.template.render(&Values { code, brand: &self.brand, minutes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str) -> Result<Policy, String> {
        toml::from_str(toml).map_err(|e: toml::de::Error| e.message().to_owned())
    }

    fn check(toml: &str) -> Result<(), String> {
        read(toml).unwrap().check().map_err(|e| e.to_string())
    }

    #[test]
    fn an_empty_table_is_the_default_policy_and_it_works() {
        assert_eq!(read(""), Ok(Policy::default()));
        assert_eq!(Policy::default().check(), Ok(()));
    }

    #[test]
    fn every_key_is_read_as_it_is_written() {
        let text = r#"
            brand = "Example"
            template = "{code}"
            alphabet = "alphanumeric"
            length = 8
            lifetime-seconds = 600
            attempts = 3
            resend-after-seconds = 60
            resends = 1
            resend-new-code = true
            class-0 = true
            replace = 2
            in-doubt = "resend"
            callback = "https://app.example.org/events?key=1"
            callback-per-request = true
            [limits]
            per-number-hour = 1
            per-number-day = 2
            per-prefix-hour = 3
        "#;
        let policy = read(text).unwrap();
        assert_eq!((policy.lifetime_seconds.get(), policy.replace.map(Within::get)), (600, Some(2)));
        assert_eq!((policy.class_0, policy.in_doubt), (true, InDoubtPolicy::Resend));
        let written = toml::to_string(&policy).unwrap();
        assert_eq!(read(&written), Ok(policy));
        let lines =
            |text: &str| text.lines().map(|l| l.trim().to_owned()).filter(|l| !l.is_empty()).collect::<Vec<_>>();
        assert_eq!(lines(&written), lines(text));
    }

    #[test]
    fn what_is_out_of_range_or_unknown_is_refused_with_the_range() {
        for (toml, message) in [
            ("lifetime-seconds = 29", "from 30 to 86400, not 29"),
            ("lifetime-seconds = 86401", "from 30 to 86400, not 86401"),
            ("attempts = 0", "from 1 to 20, not 0"),
            ("attempts = 21", "from 1 to 20, not 21"),
            ("resend-after-seconds = 3601", "from 0 to 3600, not 3601"),
            ("resends = 11", "from 0 to 10, not 11"),
            ("replace = 0", "from 1 to 7, not 0"),
            ("replace = 8", "from 1 to 7, not 8"),
            ("length = 3", "4 to 10 characters, not 3"),
            ("attempts = -1", "-1"),
            ("in-doubt = \"maybe\"", "expected `hold` or `resend`"),
            ("template = \"{cod}\"", "did you mean {code}?"),
            ("callback = \"ftp://a/\"", "begins with https:// or http://"),
            ("colour = 1", "unknown field `colour`"),
        ] {
            let error = read(toml).expect_err(toml);
            assert!(error.contains(message), "{toml}: {error}");
        }
    }

    #[test]
    fn a_message_that_fills_one_sms_passes_and_one_septet_more_does_not() {
        // {code} may take 10 septets and {minutes} 4.
        let template = |filler: usize| format!("template = \"{}{{code}}{{minutes}}\"", "x".repeat(filler));
        assert_eq!(check(&template(146)), Ok(()));
        assert_eq!(
            check(&template(149)),
            Err("with its longest code and lifetime the message has 163 septets, 3 more than one SMS holds (160)"
                .into())
        );
    }

    #[test]
    fn the_brand_counts_and_so_do_characters_that_take_two_septets() {
        let with_brand = |n: usize| format!("template = \"{{code}}{{brand}}\"\nbrand = \"{}\"", "€".repeat(n));
        assert_eq!(check(&with_brand(75)), Ok(()));
        assert!(check(&with_brand(76)).unwrap_err().contains("162 septets, 2 more"));
    }

    #[test]
    fn a_character_that_forces_ucs2_is_named_when_the_message_then_takes_two_parts() {
        assert_eq!(check("template = \"ваш код: {code}\""), Ok(()));
        let error = check(
            "brand = \"Şok\"\ntemplate = \"{brand}: {code} is your code. It is valid for {minutes} minutes, and only once.\"",
        );
        let error = error.unwrap_err();
        assert!(error.contains("more than one SMS holds (70); without 'Ş'"), "{error}");
    }

    #[test]
    fn a_control_character_in_the_brand_is_refused() {
        let error = "the brand has the control character U+0007 at character 2";
        assert_eq!(check("brand = \"a\\u0007\""), Err(error.to_owned()));
    }

    #[test]
    fn begun_minutes_count_as_whole_ones() {
        let policy = Policy { template: Template::parse("{code} {minutes}").unwrap(), ..Policy::default() };
        for (millis, text) in [(1, "7 1"), (60_000, "7 1"), (60_001, "7 2"), (300_000, "7 5"), (86_400_000, "7 1440")] {
            assert_eq!(policy.render(&Code::new("7".into()), Duration::from_millis(millis)).expose(), text);
        }
    }
}
