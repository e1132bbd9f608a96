//! Which text a message takes, and in which language: the request's, the operator's or smsotpd's own.
//!
//! Its one rule: in a language, and among those that a message falls back on, the operator's words go before smsotpd's.

use super::{Language, Style, Wish};
use crate::country::{self, Country};
use crate::phone::PhoneNumber;
use crate::template::{BuiltIn, Template, built_in_of, english, from_near_to_far, own_host};

/// Where the words of a message come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source<'a> {
    /// The request.
    Request,
    /// The policy's `template`.
    Template,
    /// The policy's `templates`, in this language.
    Variant(&'a str),
    /// smsotpd's own, in this language.
    BuiltIn {
        /// The language.
        locale: &'static str,
        /// What was given up so that the message is one SMS.
        given_up: GivenUp,
    },
}

/// What a text of smsotpd's own gave up so that the message is one SMS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GivenUp {
    /// Nothing.
    Nothing,
    /// The brand.
    Brand,
    /// The recipient's language.
    Language,
}

/// A template, and where it is from.
pub(super) struct Candidate<'a> {
    pub(super) template: &'a Template,
    pub(super) source: Source<'a>,
}

impl<'a> Style<'a> {
    /// Whether browsers are to fill in the code of such a message: it names them a host.
    #[must_use]
    pub fn is_for_browsers(&self, wish: &'a Wish, to: Option<&PhoneNumber>) -> bool {
        let names_one = |candidate: &Candidate<'_>| matches!(own_host(candidate.template.as_str()), Ok(Some(_)));
        wish.domain.is_some()
            || self.domain.is_some()
            || self.candidates(wish, to).iter().flatten().next().is_some_and(names_one)
    }

    /// The texts that can be taken, the best first.
    pub(super) fn candidates(&self, wish: &'a Wish, to: Option<&PhoneNumber>) -> [Option<Candidate<'a>>; 4] {
        let only = |template, source| [Some(Candidate { template, source }), None, None, None];
        if let Some(template) = &wish.template {
            return only(template, Source::Request);
        }
        if let (Some(template), true) = (self.template, self.templates.is_empty()) {
            return only(template, Source::Template);
        }
        let (mut named, mut country) = (None, None);
        match (&wish.locale, self.locale) {
            (Some(locale), _) | (None, Language::Always(locale)) => named = Some(locale.as_str()),
            (None, Language::OfTheCountry) => country = to.and_then(country::of_number),
        }
        let of_the_country = || country.into_iter().flat_map(Country::locales).map(|locale| -> &'a str { locale });
        let locales = || named.into_iter().chain(of_the_country());
        let variant = |locale| from_near_to_far(locale).find_map(|tag| self.templates.get_key_value(tag));
        if let Some((locale, template)) = locales().find_map(variant) {
            return only(template, Source::Variant(locale.as_str()));
        }
        if let Some(template) = self.template {
            return only(template, Source::Template);
        }
        if let Some(own) = locales().find_map(built_in_of) {
            return self.built_in(own);
        }
        // There are no words in that language. In others, too, the operator's go before smsotpd's.
        let always = match self.locale {
            Language::Always(locale) => Some(locale.as_str()),
            Language::OfTheCountry => None,
        };
        match always.into_iter().chain([english().0]).find_map(variant) {
            Some((locale, template)) => only(template, Source::Variant(locale.as_str())),
            None => self.built_in(always.and_then(built_in_of).unwrap_or_else(english)),
        }
    }

    /// smsotpd's own words in this language, and what they give way to.
    fn built_in(&self, (locale, own): (&'static str, &'static BuiltIn)) -> [Option<Candidate<'a>>; 4] {
        let (last_resort, english) = english();
        let branded = !self.brand.is_empty();
        let candidate =
            |template, locale, given_up| Candidate { template, source: Source::BuiltIn { locale, given_up } };
        let without = if branded { GivenUp::Brand } else { GivenUp::Nothing };
        [
            branded.then(|| candidate(&own.text, locale, GivenUp::Nothing)),
            Some(candidate(&own.bare, locale, without)),
            branded.then(|| candidate(&english.text, last_resort, GivenUp::Language)),
            Some(candidate(&english.bare, last_resort, GivenUp::Language)),
        ]
    }
}
