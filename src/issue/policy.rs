//! What an otp of one policy is like: `[policy.NAME]` in the configuration.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Bind, variants};
use crate::callback::CallbackUrl;
use crate::country::Region;
use crate::guard;
use crate::ids::ModemName;
use crate::limits;
use crate::message::{InDoubtPolicy, Priority};
use crate::otp::{Alphabet, CodeLength};
use crate::pdu::Languages;
use crate::template::{AppHash, Domain, Locale, Template};
use crate::wording::{Language, WordingError};

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

/// The priorities that an app can ask for. That of codes comes with a share of the budget that is kept for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OwnPriority {
    /// A message about one event of one person.
    #[default]
    Transactional,
    /// Anything that can wait.
    Bulk,
}

impl From<OwnPriority> for Priority {
    fn from(priority: OwnPriority) -> Self {
        match priority {
            OwnPriority::Transactional => Self::Transactional,
            OwnPriority::Bulk => Self::Bulk,
        }
    }
}

/// What the otps of an app are like. Every key is optional.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Policy {
    /// The name under which people know the app; stands for `{brand}`. Default empty.
    pub brand: String,
    /// The wording, for everybody. Default: smsotpd's own, in the recipient's language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<Template>,
    /// In which language people are written to: `auto` (default), as is read in the country of the number, or a language
    /// tag. A request may ask for another one.
    pub locale: Language,
    /// Whether a request may bring its own wording. Default false.
    pub template_per_request: bool,
    /// Whether typographic quotes, dashes, spaces and their like are replaced in codes and in other messages, where that
    /// lets a message be GSM 7-bit or take fewer SMS. Default true.
    pub simplify: bool,
    /// The languages whose tables a message may be written with where that saves a part against UCS-2 (3GPP TS 23.038
    /// annex A). Default none: a handset that does not know the tables shows something else than was written.
    pub national_tables: Languages,
    /// The host on which browsers fill the code in: the last line is then `@host #code`. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<Domain>,
    /// Other hosts that a request may ask for. Default none.
    pub domains: Vec<Domain>,
    /// The Android app that is given the message (SMS Retriever): its hash ends the message. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_hash: Option<AppHash>,
    /// Other apps that a request may ask for. Default none.
    pub app_hashes: Vec<AppHash>,
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
    /// Whether a resend carries a new code, and the old one stops working. Default false: the same code again; so is one
    /// that the app brought, always.
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
    /// What to do with the message of a code that is in doubt and still valid: `resend` (default), as the same code twice
    /// harms nobody, or `hold`.
    pub code_in_doubt: InDoubtPolicy,
    /// After which share of its life, in percent, a code that was sent goes out once more through another SIM, if no report
    /// says by then that it arrived: 1 to 90; 0 (default) = never.
    pub second_sim_after_percent: Within<0, 90>,
    /// Who goes first among messages that are no codes, where a request does not say: `transactional` (default) or `bulk`.
    pub priority: OwnPriority,
    /// The modems, by name, that all messages of the app go through, and no others, whatever the number. Default none: any
    /// modem, or by `[[route]]`.
    pub modems: Vec<ModemName>,
    /// What the context of a request must have, and a code is then bound to: `all` (default): anything, or nothing; or a list
    /// of keys, each of which must be given, and no others.
    pub bind: Bind,
    /// Whether the app may bring codes of its own. Default false.
    pub caller_codes: bool,
    /// Whether the app may have an otp verified without a code. Default false.
    pub manual_approve: bool,
    /// The country whose numbers the app may write as they are written there, without the country code: two capitals (ISO
    /// 3166). Default none: every number needs its country code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_region: Option<Region>,
    /// Where the events of these otps, and of the app's messages, go. Default: nowhere but to the app's own URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback: Option<CallbackUrl>,
    /// Whether a request may name a URL for its own events instead, within `allow` of `[webhook]`. Default false.
    pub callback_per_request: bool,
    /// How many otps one number, and one block of numbers, may get.
    pub limits: limits::Settings,
    /// Which numbers get codes, and what is done against people who only want messages to be sent.
    pub guard: guard::Settings,
    /// The wording in certain languages. Default none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "variants::read")]
    pub templates: BTreeMap<Locale, Template>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            brand: String::new(),
            template: None,
            locale: Language::default(),
            template_per_request: false,
            simplify: true,
            national_tables: Languages::NONE,
            domain: None,
            domains: Vec::new(),
            app_hash: None,
            app_hashes: Vec::new(),
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
            code_in_doubt: InDoubtPolicy::Resend,
            second_sim_after_percent: Within(0),
            priority: OwnPriority::default(),
            modems: Vec::new(),
            bind: Bind::All,
            caller_codes: false,
            manual_approve: false,
            default_region: None,
            callback: None,
            callback_per_request: false,
            limits: limits::Settings::default(),
            guard: guard::Settings::default(),
            templates: BTreeMap::new(),
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
    /// A resend would put a code of the daemon's in the place of the app's own, and the app would not know.
    #[error("not together with caller-codes: a resend would put another code in the place of the app's own")]
    NewCodeForCallers,
    /// The longest message of these words cannot be sent as one SMS.
    #[error("with its longest code and lifetime {problem}")]
    Words {
        /// The key of the words: `template`, or one of `templates`; `domain` or `brand` when they are not the operator's.
        key: String,
        /// What is wrong.
        problem: WordingError,
    },
    /// The last line of these words does not do.
    #[error("{problem}")]
    LastLine {
        /// The key of the words.
        key: String,
        /// What is wrong.
        problem: WordingError,
    },
    /// These words show what a request must not give.
    #[error("there is a place for {{{place}}}, and `bind` does not name it, so no request may give it")]
    NotBound {
        /// The key of the words.
        key: String,
        /// What is shown, as in a context.
        place: &'static str,
    },
    /// With the brand, the usual message of smsotpd's own wording cannot be sent as one SMS.
    #[error("with this brand {0}")]
    LongBrand(WordingError),
    /// Every message would be in another language than this, the policy's.
    #[error("smsotpd has no text in {0}: write one, `{0}` under `templates`, or take another language")]
    NoWords(Locale),
    /// Browsers do not fill such codes in.
    #[error(
        "browsers fill in only codes with a digit in them: with `domain`, or a line for browsers in the template, take \
         `digits` or `alphanumeric`"
    )]
    NotFilledIn,
}

impl PolicyError {
    /// The key of the policy that it is about.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Brand { .. } | Self::LongBrand(_) => "brand",
            Self::Words { key, .. } | Self::LastLine { key, .. } | Self::NotBound { key, .. } => key,
            Self::NewCodeForCallers => "resend-new-code",
            Self::NoWords(_) => "locale",
            Self::NotFilledIn => "alphabet",
        }
    }
}

impl Policy {
    /// Checks that every message of this policy fits into one SMS, whatever length, lifetime, host and app a request asks
    /// for.
    ///
    /// # Errors
    /// [`PolicyError`] says what does not fit, and what would help.
    pub fn check(&self) -> Result<(), PolicyError> {
        if let Some((at, character)) = self.brand.chars().enumerate().find(|(_, c)| c.is_control()) {
            return Err(PolicyError::Brand { character, position: at + 1 });
        }
        if self.caller_codes && self.resend_new_code {
            return Err(PolicyError::NewCodeForCallers);
        }
        self.check_words()
    }

    /// How long after a code was sent another SIM may send it once more, when so much of its life was left then.
    pub(super) fn second_copy_after(&self, left: Duration) -> Option<Duration> {
        let percent = self.second_sim_after_percent.get();
        (percent > 0).then(|| left * percent / 100)
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
            locale = "pt-BR"
            template-per-request = true
            simplify = false
            national-tables = ["tr", "pt"]
            domain = "example.com"
            domains = ["shop.example.com"]
            app-hash = "FA+9qCX9VSu"
            app-hashes = ["FA+9qCX9VSv"]
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
            code-in-doubt = "hold"
            second-sim-after-percent = 40
            priority = "bulk"
            modems = ["m1"]
            bind = ["payee", "amount"]
            caller-codes = true
            manual-approve = true
            default-region = "DE"
            callback = "https://app.example.org/events?key=1"
            callback-per-request = true
            [limits]
            per-number-hour = 1
            per-number-day = 2
            per-prefix-hour = 3
            [guard]
            mode = "enforce"
            countries = ["home"]
            allow-prefixes = []
            block-prefixes = ["+1900"]
            least-conversion-percent = 20
            per-address-hour = 20
            per-app-hour = 0
            [templates]
            de = "{code} ist Ihr Code"
            de-AT = "{code} ist dein Code"
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
            ("second-sim-after-percent = 91", "from 0 to 90, not 91"),
            ("replace = 8", "from 1 to 7, not 8"),
            ("length = 3", "4 to 10 characters, not 3"),
            ("attempts = -1", "-1"),
            ("in-doubt = \"maybe\"", "expected `hold` or `resend`"),
            ("bind = \"none\"", "expected \"all\" or a list of keys"),
            ("bind = [\"Payee\"]", "a key has 1 to 32 characters: a-z, 0-9 and _"),
            ("bind = 1", "expected \"all\" or a list of keys"),
            ("priority = \"otp\"", "expected `transactional` or `bulk`"),
            ("locale = \"german\"", "expected `auto`, for the language of the recipient's country, or a language"),
            ("domain = \"https://example.com\"", "write the host alone"),
            ("app-hash = \"1234\"", "an app hash has 11 characters"),
            ("[templates]\nde = \"{cod}\"", "did you mean {code}?"),
            ("[templates]\ngerman = \"{code}\"", "a language is written as `de`"),
            ("template = \"{cod}\"", "did you mean {code}?"),
            ("national-tables = [\"de\"]", "unknown variant `de`, expected one of `tr`, `es`, `pt`"),
            ("default-region = \"de\"", "expected a country's two letters in capitals (ISO 3166), for instance `DE`"),
            ("default-region = \"AR\"", "numbers of AR cannot be read without their country code"),
            ("callback = \"ftp://a/\"", "begins with https:// or http://"),
            ("colour = 1", "unknown field `colour`"),
        ] {
            let error = read(toml).expect_err(toml);
            assert!(error.contains(message), "{toml}: {error}");
        }
    }

    #[test]
    fn the_tables_of_a_language_make_more_fit() {
        let with = |tables: &str, letters: usize| {
            check(&format!("national-tables = [{tables}]\ntemplate = \"{{code}} {}\"", "ığş".repeat(letters / 3)))
        };
        // A code may take 10 septets; the locking shift leaves 155.
        assert_eq!((with("'tr'", 144), with("'hi', 'tr'", 144)), (Ok(()), Ok(())));
        assert!(with("'tr'", 147).unwrap_err().contains("has 158 septets, 3 more than one SMS holds (155)"));
        for tables in ["", "'hi'"] {
            assert!(
                with(tables, 144).unwrap_err().contains("more than one SMS holds (70): it would take 3; without 'ı'")
            );
        }
    }

    #[test]
    fn a_control_character_in_the_brand_is_refused() {
        let error = "the brand has the control character U+0007 at character 2";
        assert_eq!(check("brand = \"a\\u0007\""), Err(error.to_owned()));
    }

    #[test]
    fn a_code_that_the_app_brings_is_never_replaced_by_a_drawn_one() {
        let error = "not together with caller-codes: a resend would put another code in the place of the app's own";
        assert_eq!(check("caller-codes = true\nresend-new-code = true"), Err(error.to_owned()));
    }
}
