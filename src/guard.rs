//! The guard against people who make a site send codes that nobody asked for, because somebody earns by the messages
//! (pumping, toll fraud), or guess codes on one number.
//!
//! | file | decides by |
//! |---|---|
//! | `settings`, `metadata` | where a number is: country, prefix, kind |
//! | `velocity` | who asks: client address, app |
//! | `conversion` | whether anybody in the prefix verifies codes |
//! | `locks` | how often the number's codes were guessed at |
//!
//! How many codes one number and one prefix get is counted by [`crate::limits`].
//!
//! Pure: what was sent before, the site's home and the time are arguments; the store keeps them. A number on the safe
//! list is never shown to the guard.
//!
//! Its one rule: whoever is refused is told by which rule, why, when to try again, and what can be changed.

mod conversion;
mod locks;
mod metadata;
mod settings;
mod velocity;

use std::time::Duration;

pub use conversion::{Conversion, NEWEST, Recent, Ruling, STOPPED, Stop, judge, unverified_full_until};
pub use locks::{Guessed, delay, locks};
pub use metadata::KNOWS_PREMIUM;
pub use settings::{Allowed, AllowedError, Mode, Percent, PercentError, Premium, PremiumError, Settings};
pub use velocity::{AddressBlock, Buckets, Lately, Whose};

use crate::country;
use crate::ids::AppName;
use crate::phone::PhoneNumber;

/// What can speak against a code. Each is named as the setting that it comes from, if it comes from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The number begins as no number may that gets codes.
    BlockPrefixes,
    /// The number belongs to a country that gets no codes.
    Countries,
    /// The number is a premium-rate or shared-cost number.
    Premium,
    /// Hardly anybody in the number's prefix verifies codes.
    LeastConversionPercent,
    /// The number's prefix has had its hour's messages for codes that nobody has verified.
    PerPrefixHour,
    /// Codes for the number were locked again and again.
    RepeatedLocks,
    /// The client's address has asked for enough.
    PerAddressHour,
    /// The app has asked for enough.
    PerAppHour,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::BlockPrefixes,
        Self::Countries,
        Self::Premium,
        Self::LeastConversionPercent,
        Self::PerPrefixHour,
        Self::RepeatedLocks,
        Self::PerAddressHour,
        Self::PerAppHour,
    ];

    /// The rule's name, as in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BlockPrefixes => "block-prefixes",
            Self::Countries => "countries",
            Self::Premium => "premium",
            Self::LeastConversionPercent => "least-conversion-percent",
            Self::PerPrefixHour => "per-prefix-hour",
            Self::RepeatedLocks => "repeated-locks",
            Self::PerAddressHour => "per-address-hour",
            Self::PerAppHour => "per-app-hour",
        }
    }
}

/// The guard's no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{explanation}")]
pub struct Refusal {
    /// The rule.
    pub rule: Rule,
    /// After this time the rule no longer refuses, unless something else happens. Never zero. `None` when waiting does
    /// not help.
    pub retry_after: Option<Duration>,
    /// Why, and what can be changed, for people. Holds no number and no address.
    pub explanation: String,
}

impl Refusal {
    fn for_good(rule: Rule, explanation: String) -> Self {
        Self { rule, retry_after: None, explanation }
    }

    /// The rule refuses for so long.
    #[must_use]
    pub fn for_now(rule: Rule, wait: Duration) -> Self {
        let explanation = match rule {
            Rule::LeastConversionPercent => {
                "Hardly any code is verified in this block of numbers (all that differ only in the last four digits), so \
                 new numbers in it get none for now. Numbers that verified a code lately still do. An administrator can \
                 lift that (`DELETE /v1/guard/prefixes/…`) or put the number on the safe list."
            }
            Rule::PerPrefixHour => {
                "This block of numbers (all that differ only in the last four digits) has had as many messages for codes \
                 that nobody has verified as `per-prefix-hour` allows, codes sent again among them. Numbers that verified \
                 a code lately still get one."
            }
            Rule::RepeatedLocks => {
                "There were enough wrong guesses at this number's codes to lock more than one in 24 hours; the wait \
                 doubles with each. An administrator can put the number on the safe list."
            }
            Rule::PerAddressHour => {
                "This client address has asked for as many codes as `per-address-hour` allows. If it is the address of \
                 a proxy or a whole office, hand on the user's own or raise that limit."
            }
            Rule::PerAppHour => "The app has asked for as many codes as `per-app-hour` of its policy allows.",
            Rule::BlockPrefixes | Rule::Countries | Rule::Premium => "Not for this number.",
        };
        Self { rule, retry_after: Some(wait), explanation: explanation.to_owned() }
    }
}

/// The countries that the site's SIMs are from, by mobile country code (the first three digits of an IMSI).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Homes(Vec<String>);

impl Homes {
    /// The homes of SIMs with these mobile country codes. Those of no country, such as of test networks (001, 999), are
    /// left out.
    pub fn new(mccs: impl IntoIterator<Item = String>) -> Self {
        Self(mccs.into_iter().filter(|mcc| country::of_mcc(mcc).is_some()).collect())
    }

    /// The codes.
    #[must_use]
    pub fn mccs(&self) -> &[String] {
        &self.0
    }

    /// The countries, each once.
    #[must_use]
    pub fn countries(&self) -> Vec<&'static country::Country> {
        let mut countries: Vec<_> = self.0.iter().filter_map(|mcc| country::of_mcc(mcc)).collect();
        countries.sort_unstable_by_key(|country| country.iso());
        countries.dedup();
        countries
    }

    /// Whether a number of this country is at home here. A territory whose networks share the code of another country's
    /// (Jersey and the United Kingdom) is.
    fn include(&self, country: &country::Country) -> bool {
        country.mccs().any(|mcc| self.0.iter().any(|home| home == mcc))
    }
}

/// What the guard looks at besides the number itself, for one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checks {
    /// What it does with what it would refuse.
    pub mode: Mode,
    /// What speaks against the number itself. Does not count for one on the safe list.
    pub objection: Option<Refusal>,
    /// See [`Settings::least_conversion_percent`].
    pub least_conversion: Percent,
    /// Whose buckets are asked, and how many an hour each gives.
    pub buckets: Vec<(Whose, u32)>,
}

impl Checks {
    /// Looks at nothing.
    #[must_use]
    pub fn off() -> Self {
        let least_conversion = Settings::default().least_conversion_percent;
        Self { mode: Mode::Off, objection: None, least_conversion, buckets: Vec::new() }
    }
}

impl Settings {
    /// What is to be checked for a code to this number, asked for by an app for a client at this address, if that is
    /// known.
    #[must_use]
    pub fn checks(&self, to: &PhoneNumber, app: &AppName, address: Option<AddressBlock>, homes: &Homes) -> Checks {
        if self.mode == Mode::Off {
            return Checks::off();
        }
        let client = address.filter(|_| self.per_address_hour > 0).map(Whose::Address);
        let app = (self.per_app_hour > 0).then(|| Whose::App(app.clone()));
        let buckets = client.map(|client| (client, self.per_address_hour)).into_iter();
        Checks {
            mode: self.mode,
            objection: self.objection(to, homes),
            least_conversion: self.least_conversion_percent,
            buckets: buckets.chain(app.map(|app| (app, self.per_app_hour))).collect(),
        }
    }

    /// What speaks against the number itself.
    fn objection(&self, to: &PhoneNumber, homes: &Homes) -> Option<Refusal> {
        let allowed = settings::longest(&self.allow_prefixes, to);
        let blocked = settings::longest(&self.block_prefixes, to);
        match (allowed, blocked) {
            (Some(allowed), Some(blocked)) if allowed.length() > blocked.length() => None,
            (_, Some(blocked)) => Some(Refusal::for_good(
                Rule::BlockPrefixes,
                format!(
                    "Numbers that begin with {blocked} get no codes: it is among the `block-prefixes` of the policy. A \
                     longer one among its `allow-prefixes`, or the safe list, makes exceptions."
                ),
            )),
            (Some(_), None) => None,
            (None, None) => self.foreign(to, homes).or_else(|| self.premium(to)),
        }
    }

    fn foreign(&self, to: &PhoneNumber, homes: &Homes) -> Option<Refusal> {
        let country = country::of_number(to);
        let is_allowed = self.countries.iter().any(|allowed| match allowed {
            Allowed::All => true,
            // Until a SIM has told where the site is at home, everywhere may be.
            Allowed::Home if homes.0.is_empty() => true,
            Allowed::Home => country.is_some_and(|country| homes.include(country)),
            Allowed::Country(allowed) => country == Some(*allowed),
        });
        if is_allowed {
            return None;
        }
        let whose = country.map_or("no country".to_owned(), |country| country.iso().to_owned());
        let mut allowed: Vec<String> = self.countries.iter().map(ToString::to_string).collect();
        if self.countries.contains(&Allowed::Home) {
            let homes = homes.countries();
            allowed.retain(|allowed| allowed != "home");
            allowed.extend(homes.iter().map(|home| format!("{home} (the SIM's)")));
        }
        let allowed = if allowed.is_empty() { "none".to_owned() } else { allowed.join(", ") };
        Some(Refusal::for_good(
            Rule::Countries,
            format!(
                "The number belongs to {whose}, and codes go only to numbers of: {allowed}. `countries` and \
                 `allow-prefixes` of the policy's guard can allow more, and the safe list single numbers."
            ),
        ))
    }

    fn premium(&self, to: &PhoneNumber) -> Option<Refusal> {
        (self.refuses_premium() && metadata::is_premium(to)).then(|| {
            let why = "This is a premium-rate or shared-cost number. `premium = \"allow\"` or `allow-prefixes` of the \
                       policy's guard, or the safe list, let it through.";
            Refusal::for_good(Rule::Premium, why.to_owned())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(toml: &str) -> Settings {
        toml::from_str(toml).unwrap()
    }

    fn homes(mccs: &[&str]) -> Homes {
        Homes::new(mccs.iter().map(|mcc| (*mcc).to_owned()))
    }

    fn refused(toml: &str, home: &[&str], to: &str) -> Option<(Rule, String)> {
        let app = "shop".parse().unwrap();
        let checks = settings(toml).checks(&PhoneNumber::parse(to).unwrap(), &app, None, &homes(home));
        checks.objection.map(|refusal| (refusal.rule, refusal.explanation))
    }

    fn rule(toml: &str, home: &[&str], to: &str) -> Option<Rule> {
        refused(toml, home, to).map(|(rule, _)| rule)
    }

    #[test]
    fn only_numbers_of_the_sims_countries_get_codes_unless_more_are_allowed() {
        let foreign = Some(Rule::Countries);
        for (toml, home, to, expected) in [
            ("", &["262"][..], "+4915112345678", None),
            ("", &["262"], "+15550100123", foreign),
            ("", &["262"], "+8821612345678", foreign),
            ("", &["262", "310"], "+15550100123", None),
            ("", &["310"], "+18765550123", foreign),
            ("", &["234"], "+447797123456", None),
            ("countries = [\"US\"]", &["262"], "+4915112345678", foreign),
            ("countries = [\"home\", \"US\"]", &["262"], "+15550100123", None),
            ("countries = [\"*\"]", &["262"], "+8821612345678", None),
            ("countries = []", &["262"], "+4915112345678", foreign),
            ("mode = \"off\"", &["262"], "+15550100123", None),
            ("mode = \"report\"", &["262"], "+15550100123", foreign),
        ] {
            assert_eq!(rule(toml, home, to), expected, "{toml} {home:?} {to}");
        }
    }

    #[test]
    fn until_a_sim_tells_where_home_is_everywhere_may_be() {
        for to in ["+4915112345678", "+15550100123", "+8821612345678"] {
            assert_eq!(rule("", &[], to), None, "{to}");
            assert_eq!(rule("", &["001", "999", "901"], to), None, "{to}: test networks are nowhere");
        }
        assert_eq!(rule("countries = [\"DE\"]", &[], "+15550100123"), Some(Rule::Countries));
    }

    #[test]
    fn of_prefixes_the_longer_one_decides_and_a_block_when_they_are_equal() {
        let lists =
            "allow-prefixes = [\"+4470\", \"+1\", \"+49151\"]\nblock-prefixes = [\"+447\", \"+1555\", \"+49151\"]";
        for (to, expected) in [
            ("+447012345678", None),
            ("+447112345678", Some(Rule::BlockPrefixes)),
            ("+15550100123", Some(Rule::BlockPrefixes)),
            ("+12125550123", None),
            ("+4915112345678", Some(Rule::BlockPrefixes)),
            ("+4916012345678", None),
            ("+33612345678", Some(Rule::Countries)),
        ] {
            assert_eq!(rule(lists, &["262"], to), expected, "{to}");
        }
    }

    #[test]
    fn a_refusal_says_why_and_what_can_be_changed() {
        let (_, why) = refused("countries = [\"home\", \"AT\"]", &["262"], "+15550100123").unwrap();
        assert!(
            why.starts_with("The number belongs to US, and codes go only to numbers of: AT, DE (the SIM's)."),
            "{why}"
        );
        let (_, why) = refused("block-prefixes = [\"+1555\"]", &["262"], "+15550100123").unwrap();
        assert!(why.contains("+1555 get no codes"), "{why}");
        for rule in Rule::ALL {
            assert!(!Refusal::for_now(rule, Duration::from_secs(1)).explanation.is_empty());
            assert_eq!(serde_json::to_value(rule).unwrap(), rule.as_str());
        }
    }

    #[test]
    fn only_buckets_with_a_limit_are_asked() {
        let (to, app) = (PhoneNumber::parse("+15550100123").unwrap(), "shop".parse().unwrap());
        let address = "192.0.2.7".parse::<core::net::IpAddr>().unwrap().into();
        let asked = |toml, address| settings(toml).checks(&to, &app, address, &Homes::default()).buckets;
        assert_eq!(asked("", None), vec![]);
        assert_eq!(asked("", Some(address)), vec![(Whose::Address(address), 20)]);
        assert_eq!(asked("per-address-hour = 0\nper-app-hour = 7", Some(address)), vec![(Whose::App(app.clone()), 7)]);
    }

    #[cfg(feature = "number-metadata")]
    #[test]
    fn premium_numbers_get_codes_only_when_that_is_allowed() {
        assert_eq!(rule("", &["262"], "+499001234567"), Some(Rule::Premium));
        assert_eq!(rule("premium = \"allow\"", &["262"], "+499001234567"), None);
        assert_eq!(rule("allow-prefixes = [\"+49900\"]", &["262"], "+499001234567"), None);
    }
}
