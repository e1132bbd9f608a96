//! What the messages of a policy say: what a request may ask for, and whether everything that can be asked for fits one
//! SMS.

use std::time::Duration;

use crate::otp::{Alphabet, CodeLength, draw};
use crate::phone::PhoneNumber;
use crate::secret::{Code, Text};
use crate::template::{
    AppHash, Domain, Template, built_in_of, english, from_near_to_far, is_filled_in, named_hosts, own_hash, own_host,
};
use crate::wording::{Language, Style, Wish, WordingError};

use super::{Lifetime, Policy, PolicyError};

/// A request asks for what its policy does not leave to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    /// Words of its own.
    #[error("this app's policy writes the messages itself; with `template-per-request = true` in it a request could")]
    Template,
    /// A host that is not among those of the policy.
    #[error("this host is not among the policy's `domains`")]
    Domain,
    /// Words of its own that name a host for their code that is not among those of the policy.
    #[error("a host that it names is not among the policy's `domains`")]
    OwnHost,
    /// Words of its own that end with the hash of an app that is not among those of the policy.
    #[error("the hash at the end is not among the policy's `app-hashes`")]
    OwnHash,
    /// An app that is not among those of the policy.
    #[error("this hash is not among the policy's `app-hashes`")]
    AppHash,
}

impl NotAllowed {
    /// The field of the request.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::Template | Self::OwnHost | Self::OwnHash => "template",
            Self::Domain => "domain",
            Self::AppHash => "app_hash",
        }
    }
}

impl Policy {
    /// How its messages are written.
    #[must_use]
    pub fn style(&self) -> Style<'_> {
        Style {
            brand: &self.brand,
            template: self.template.as_ref(),
            templates: &self.templates,
            locale: &self.locale,
            simplify: self.simplify,
            national_tables: self.national_tables,
            domain: self.domain.as_ref(),
            app_hash: self.app_hash.as_ref(),
        }
    }

    /// Whether a request may ask for this.
    ///
    /// # Errors
    /// [`NotAllowed`] names what it may not ask for.
    pub fn allows(&self, wish: &Wish) -> Result<(), NotAllowed> {
        if wish.template.is_some() && !self.template_per_request {
            Err(NotAllowed::Template)
        } else if wish.domain.as_ref().is_some_and(|asked| !self.lists(asked)) {
            Err(NotAllowed::Domain)
        } else if wish.app_hash.as_ref().is_some_and(|asked| !self.lists_hash(asked)) {
            Err(NotAllowed::AppHash)
        } else {
            Ok(())
        }
    }

    /// Whether a message in a request's own words, as it is sent, gives its code to those alone whom the policy lists: places
    /// that were filled in and look-alikes that were replaced have made of the words what they are now. What the policy
    /// lists nothing of is left to the request.
    pub(super) fn allows_recipients(&self, message: &Text, code: &Code) -> Result<(), NotAllowed> {
        let (message, code) = (message.expose(), code.expose());
        let is_listed = |host: &str| host.parse().is_ok_and(|host| self.lists(&host));
        if self.names_hosts() && !named_hosts(message, code).all(is_listed) {
            return Err(NotAllowed::OwnHost);
        }
        let names_hashes = self.app_hash.is_some() || !self.app_hashes.is_empty();
        if names_hashes && own_hash(message).is_some_and(|hash| !self.lists_hash(&hash)) {
            return Err(NotAllowed::OwnHash);
        }
        Ok(())
    }

    fn lists(&self, host: &Domain) -> bool {
        self.domain.iter().chain(&self.domains).any(|listed| listed == host)
    }

    fn lists_hash(&self, hash: &AppHash) -> bool {
        self.app_hash.iter().chain(&self.app_hashes).any(|listed| listed == hash)
    }

    /// Whether this code can be the one of such a message: browsers fill in only some.
    pub(super) fn suits(&self, code: &Code, wish: &Wish, to: &PhoneNumber) -> bool {
        is_filled_in(code) || !self.style().is_for_browsers(wish, Some(to))
    }

    fn names_hosts(&self) -> bool {
        self.domain.is_some() || !self.domains.is_empty()
    }

    /// The operator's own words, each with its key.
    fn own_words(&self) -> impl Iterator<Item = (String, &Template)> {
        let variants = self.templates.iter().map(|(locale, template)| (format!("templates.{locale}"), template));
        self.template.iter().map(|template| ("template".to_owned(), template)).chain(variants)
    }

    /// Checks that whatever a request can ask for fits one SMS.
    pub(super) fn check_words(&self) -> Result<(), PolicyError> {
        let for_browsers = |(_, template): (_, &Template)| matches!(own_host(template.as_str()), Ok(Some(_)));
        if self.alphabet == Alphabet::Letters && (self.names_hosts() || self.own_words().any(for_browsers)) {
            return Err(PolicyError::NotFilledIn);
        }
        self.check_language()?;
        let wish = self.greatest_wish();
        for (key, template) in self.own_words() {
            let last_line = match own_host(template.as_str()) {
                Err(error) => Err(error.into()),
                Ok(Some(_)) if wish.domain.is_some() || wish.app_hash.is_some() => Err(WordingError::TwoLastLines),
                Ok(_) => Ok(()),
            };
            last_line.map_err(|problem| PolicyError::LastLine { key: key.clone(), problem })?;
            if let Some(place) = self.bind.never_gives(template) {
                return Err(PolicyError::NotBound { key, place });
            }
            let wish = Wish { template: Some(template.clone()), ..wish.clone() };
            if let Err(problem) = self.longest(&wish) {
                return Err(PolicyError::Words { key, problem });
            }
        }
        if self.template.is_none() { self.check_built_in(&wish) } else { Ok(()) }
    }

    /// Checks that there are words in the policy's language.
    fn check_language(&self) -> Result<(), PolicyError> {
        let Language::Always(locale) = &self.locale else { return Ok(()) };
        let tag = locale.as_str();
        let has_own = self.template.is_some() || from_near_to_far(tag).any(|tag| self.templates.contains_key(tag));
        if has_own || built_in_of(tag).is_some() { Ok(()) } else { Err(PolicyError::NoWords(locale.clone())) }
    }

    /// A text of smsotpd's own that has no room for something gives it up. What must not happen is that none has room, or
    /// that the brand never has.
    fn check_built_in(&self, wish: &Wish) -> Result<(), PolicyError> {
        if let Err(problem) = self.longest(wish) {
            return Err(PolicyError::Words { key: "domain".to_owned(), problem });
        }
        let (_, text) = match &self.locale {
            Language::Always(locale) => built_in_of(locale.as_str()).unwrap_or_else(english),
            Language::OfTheCountry => english(),
        };
        let branded = Wish { template: Some(text.text.clone()), ..Wish::default() };
        // A last line tells whose code it is, and may take the brand's room.
        let style = Style { domain: None, app_hash: None, ..self.style() };
        let (code, minutes) = (self.any_code(self.length), minutes(self.lifetime_seconds.duration()));
        match style.write(&branded, None, &code, minutes) {
            Err(problem) if !self.brand.is_empty() => Err(PolicyError::LongBrand(problem)),
            _ => Ok(()),
        }
    }

    /// The longest message that a request with this wish can ask for.
    fn longest(&self, wish: &Wish) -> Result<(), WordingError> {
        let code = self.any_code(CodeLength::MOST);
        self.style().write(wish, None, &code, minutes(Lifetime::GREATEST.duration())).map(drop)
    }

    /// The most that a request can ask to be put into a message, but for what only it knows.
    fn greatest_wish(&self) -> Wish {
        let domains = self.domain.iter().chain(&self.domains);
        Wish {
            domain: domains.max_by_key(|domain| domain.as_str().len()).cloned(),
            app_hash: self.app_hash.iter().chain(&self.app_hashes).next().cloned(),
            payee: Some(Text::new(String::new())),
            amount: Some(Text::new(String::new())),
            ..Wish::default()
        }
    }

    /// Every character of a code takes one septet, so any code will do.
    fn any_code(&self, length: CodeLength) -> Code {
        draw(self.alphabet, length, |_| 0)
    }
}

/// For how many minutes a code is still valid. Begun ones count as whole ones.
pub(super) fn minutes(left: Duration) -> u32 {
    u32::try_from(left.as_millis().div_ceil(60_000)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phone::PhoneNumber;

    fn read(toml: &str) -> Policy {
        toml::from_str(toml).unwrap_or_else(|error| panic!("{toml}: {error}"))
    }

    fn check(toml: &str) -> Result<(), String> {
        read(toml).check().map_err(|error| format!("{}: {error}", error.key()))
    }

    fn write(policy: &Policy, wish: &Wish, to: &str) -> Result<String, String> {
        let to = PhoneNumber::parse(to).unwrap();
        let written = policy.style().write(wish, Some(&to), &Code::new("123456".into()), 5);
        written.map(|written| written.text.expose().to_owned()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_message_that_fills_one_sms_passes_and_one_septet_more_does_not() {
        // {code} may take 10 septets and {minutes} 4.
        let template = |filler: usize| format!("template = \"{}{{code}}{{minutes}}\"", "x".repeat(filler));
        assert_eq!(check(&template(146)), Ok(()));
        assert_eq!(
            check(&template(149)),
            Err("template: with its longest code and lifetime the message has 163 septets, 3 more than one SMS holds \
                 (160): it would take 2"
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
            "brand = \"Řeka\"\ntemplate = \"{brand}: {code} is your code. It is valid for {minutes} minutes, and only once.\"",
        );
        let error = error.unwrap_err();
        assert!(error.contains("more than one SMS holds (70): it would take 2; without 'Ř'"), "{error}");
    }

    #[test]
    fn every_variant_is_checked_and_named() {
        let long = format!("{{code}} {}", "ж".repeat(60));
        let error = check(&format!("[templates]\nde = \"{{code}}\"\nru = \"{long}\"")).unwrap_err();
        assert!(
            error.starts_with("templates.ru: with its longest code and lifetime the message has 71 characters"),
            "{error}"
        );
    }

    #[test]
    fn a_language_that_nobody_has_words_in_is_refused() {
        for known in ["de-CH", "pt-BR", "auto"] {
            assert_eq!(check(&format!("locale = \"{known}\"")), Ok(()));
        }
        let error = check("locale = \"ga\"").unwrap_err();
        assert_eq!(
            error,
            "locale: smsotpd has no text in ga: write one, `ga` under `templates`, or take another language"
        );
        assert!(check("locale = \"ga\"\n[templates]\nde = \"{code}\"").is_err());
        assert_eq!(check("locale = \"ga-IE\"\n[templates]\nga = \"{code} an cód\""), Ok(()));
        assert_eq!(check("locale = \"ga\"\ntemplate = \"{code} an cód\""), Ok(()));
    }

    #[test]
    fn a_brand_that_the_usual_message_has_no_room_for_is_refused() {
        assert_eq!(check(&format!("brand = \"{}\"", "x".repeat(100))), Ok(()));
        let error = check(&format!("brand = \"{}\"", "x".repeat(120))).unwrap_err();
        assert!(error.starts_with("brand: with this brand the message has "), "{error}");
        assert_eq!(check("brand = \"Städtisches Krankenhaus Nord\""), Ok(()), "Russian goes without it");
        assert_eq!(check("brand = \"Főnix\"\ndomain = \"shop.fonix.example\""), Ok(()), "the host is told");
    }

    #[test]
    fn the_last_line_counts_and_there_is_one_at_most() {
        let policy = |domain: &str, filler: usize| {
            let filler = "x".repeat(filler);
            format!("domain = \"{domain}\"\ndomains = [\"longer.{domain}\"]\ntemplate = \"{filler}{{code}}\"")
        };
        // "\n@longer.example.com #" and the code once more.
        assert_eq!(check(&policy("example.com", 118)), Ok(()));
        assert!(check(&policy("example.com", 119)).unwrap_err().contains("161 septets"));
        let own = "template = \"{code}\\n@example.com #{code}\"";
        assert_eq!(check(own), Ok(()));
        for more in ["domain = \"example.com\"", "app-hash = \"FA+9qCX9VSu\""] {
            assert!(check(&format!("{own}\n{more}")).unwrap_err().contains("has a last line for browsers of its own"));
        }
        let error = check("template = \"{code}\\n@example.com #{code}\\n\"").unwrap_err();
        assert!(error.starts_with("template: after the line for browsers nothing may follow"), "{error}");
    }

    #[test]
    fn a_message_for_an_android_app_has_140_octets() {
        let policy = |n: usize| format!("app-hashes = [\"FA+9qCX9VSu\"]\ntemplate = \"{}{{code}}\"", "x".repeat(n));
        assert_eq!(check(&policy(118)), Ok(()));
        let error = check(&policy(119)).unwrap_err();
        assert!(error.ends_with("the message has 141 septets, 1 more than an Android app is given (140)"), "{error}");
    }

    #[test]
    fn browsers_get_no_codes_of_letters_alone() {
        let error = "alphabet: browsers fill in only codes with a digit in them";
        for domain in ["domain = \"example.com\"", "domains = [\"example.com\"]"] {
            assert!(check(&format!("alphabet = \"letters\"\n{domain}")).unwrap_err().starts_with(error));
        }
        let policy = read("alphabet = \"alphanumeric\"\ndomain = \"example.com\"");
        let to = PhoneNumber::parse("+15551234567").unwrap();
        let suits = |policy: &Policy, code: &str, wish: &Wish| policy.suits(&Code::new(code.to_owned()), wish, &to);
        assert!(suits(&policy, "CD2FGH", &Wish::default()) && !suits(&policy, "CDFGHJ", &Wish::default()));
        let own_line = "template = \"{code}\\n@example.com #{code}\"\nalphabet = ";
        assert!(check(&format!("{own_line}\"letters\"")).unwrap_err().starts_with(error));
        let policy = read(&format!("{own_line}\"alphanumeric\"\ntemplate-per-request = true"));
        assert!(suits(&policy, "CD2FGH", &Wish::default()) && !suits(&policy, "CDFGHJ", &Wish::default()));
        let plain = Wish { template: Some("{code}".parse().unwrap()), ..Wish::default() };
        assert!(suits(&policy, "CDFGHJ", &plain), "the request has its own words, without a last line");
    }

    #[test]
    fn words_with_a_place_that_no_request_may_fill_are_refused() {
        let words = "template = \"{code}: {amount} to {payee}\"\n";
        for bind in ["bind = []", "bind = [\"amount\"]"] {
            let error = check(&format!("{words}{bind}")).unwrap_err();
            assert!(error.starts_with("template: ") && error.contains("and `bind` does not name it"), "{error}");
        }
        let error = check("bind = [\"payee\"]\n[templates]\nde = \"{code} {payee}\"\nfr = \"{code} {amount}\"");
        assert!(error.unwrap_err().starts_with("templates.fr: there is a place for {amount}"));
        for bind in ["", "bind = \"all\"", "bind = [\"payee\", \"amount\", \"session\"]"] {
            assert_eq!(check(&format!("{words}{bind}")), Ok(()));
        }
    }

    #[test]
    fn a_place_for_the_host_needs_one() {
        assert_eq!(check("template = \"{code} for {domain}\"\ndomain = \"example.com\""), Ok(()));
        let error = check("template = \"{code} for {domain}\"").unwrap_err();
        assert!(error.ends_with("the text has a place for the domain, and none is given"), "{error}");
    }

    #[test]
    fn a_host_that_leaves_no_room_for_a_code_is_refused() {
        let domain = ["a".repeat(60), "b".repeat(60), "com".to_owned()].join(".");
        assert!(check(&format!("domain = \"{domain}\"")).unwrap_err().starts_with("domain: "));
    }

    #[test]
    fn a_request_gets_only_what_the_policy_leaves_to_it() {
        let wish = |domain: Option<&str>, hash: Option<&str>| Wish {
            domain: domain.map(|domain| domain.parse().unwrap()),
            app_hash: hash.map(|hash| hash.parse().unwrap()),
            ..Wish::default()
        };
        let strict = read("");
        let open = read(
            "domain = \"a.example\"\ndomains = [\"b.example\"]\napp-hashes = [\"FA+9qCX9VSu\"]\ntemplate-per-request = true",
        );
        for (wish, refused_by_open) in [
            (wish(Some("a.example"), None), None),
            (wish(Some("b.example"), Some("FA+9qCX9VSu")), None),
            (wish(Some("c.example"), None), Some(NotAllowed::Domain)),
            (wish(None, Some("FA+9qCX9VSv")), Some(NotAllowed::AppHash)),
            (Wish { template: Some("{code}".parse().unwrap()), ..Wish::default() }, None),
        ] {
            assert_eq!(open.allows(&wish).err(), refused_by_open);
            assert!(strict.allows(&wish).is_err());
        }
        assert_eq!(strict.allows(&Wish { locale: Some("de".parse().unwrap()), ..Wish::default() }), Ok(()));
    }

    /// Whether a request may have its code, 123456, sent in these words of its own, with ten minutes to go.
    fn may_say(policy: &Policy, template: &str, payee: &str) -> Result<(), NotAllowed> {
        let payee = Some(Text::new(payee.to_owned()));
        let (wish, code) =
            (Wish { template: template.parse().ok(), payee, ..Wish::default() }, Code::new("123456".to_owned()));
        let written =
            policy.style().write(&wish, None, &code, 10).unwrap_or_else(|error| panic!("{template}: {error}"));
        policy.allows_recipients(&written.text, &code)
    }

    #[test]
    fn words_of_the_request_give_the_code_to_nobody_else() {
        let open = read(
            "brand = \"\"\ndomains = [\"a.example\", \"b.example\"]\napp-hashes = [\"FA+9qCX9VSu\"]\ntemplate-per-request = true",
        );
        let (host, hash) = (Err(NotAllowed::OwnHost), Err(NotAllowed::OwnHash));
        for (template, payee, allowed) in [
            ("{code}\n@A.example #{code}", "", Ok(())),
            ("{code}\n@b.example #{code} @a.example FA+9qCX9VSu", "", Ok(())),
            ("{code}\n@evil.example #{code}", "", host),
            ("{code}\n@a.example #{code} @evil.example", "", host),
            ("{code}\n@a.example #{code} @", "", host),
            ("{code} is your code @evil.example #{code}", "", host),
            ("{code}\n{payee} #{code}", "@evil.example", host),
            ("{code}\n{brand}@evil.example #{code}", "", host),
            // They are sent as `@` and `#`.
            ("{code}\n\u{ff20}evil.example \u{ff03}{code}", "", host),
            ("{code}\n\u{200b}@evil.example #{code}", "", host),
            ("{code} is your code. Follow @shop #sale", "", Ok(())),
            ("{code}\n@a.example #{code} FA+9qCX9VSv", "", hash),
        ] {
            assert_eq!(may_say(&open, template, payee), allowed, "{template}");
        }
        let open = read("brand = \"\"\napp-hashes = [\"FA+9qCX9VSu\"]\ntemplate-per-request = true");
        for (template, payee, allowed) in [
            ("{code}\n@evil.example #{code} FA+9qCX9VSu", "", Ok(())),
            ("{code}\nFA+9qCX9VSv", "", hash),
            ("Your code: {code} FA+9qCX9VSv", "", hash),
            ("{code}\n{payee}", "FA+9qCX9VSv", hash),
            ("{code}\n{brand} FA+9qCX9VSv", "", hash),
            ("{code}\nFA+9qCX9V{minutes}", "", hash),
            ("{code}\n\u{ff26}A+9qCX9VSv", "", hash),
            ("{code} is your code in Springfield", "", hash),
            ("{code}\nSpringfield knows", "", Ok(())),
        ] {
            assert_eq!(may_say(&open, template, payee), allowed, "{template}");
        }
        let any = read("template-per-request = true");
        let template = "{code}\n@any.example #{code} FA+9qCX9VSv";
        assert_eq!(may_say(&any, template, ""), Ok(()), "the policy names no host");
    }

    #[test]
    fn what_only_the_request_knows_is_checked_when_it_is_there() {
        let policy = read("template = \"{code}: {amount} to {payee}\"");
        assert_eq!(policy.check(), Ok(()));
        let paying = |payee: &str| Wish {
            payee: Some(Text::new(payee.to_owned())),
            amount: Some(Text::new("9.50 EUR".to_owned())),
            ..Wish::default()
        };
        let to = "+15551234567";
        assert_eq!(write(&policy, &paying("Joe’s"), to), Ok("123456: 9.50 EUR to Joe's".to_owned()));
        assert_eq!(
            write(&policy, &Wish::default(), to),
            Err("the text has a place for the payee, and none is given".into())
        );
        assert_eq!(
            write(&policy, &paying("a\n@evil.example #123456"), to),
            Err("the payee has a control character".into())
        );
        assert!(write(&policy, &paying(&"x".repeat(150)), to).unwrap_err().contains("more than one SMS holds (160)"));
    }

    #[test]
    fn begun_minutes_count_as_whole_ones() {
        for (millis, whole) in [(1, 1), (60_000, 1), (60_001, 2), (300_000, 5), (86_400_000, 1440)] {
            assert_eq!(minutes(Duration::from_millis(millis)), whole);
        }
    }
}
