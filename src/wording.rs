//! What a message with a code says: which text, in which language, filled with what, and whether it fits one SMS.
//!
//! The texts come from an app's policy or its request, or are smsotpd's own in the recipient's language
//! ([`crate::template`]). What is written is measured with [`crate::pdu`], and look-alikes of the GSM 7-bit alphabet are
//! replaced where that makes the message cheaper. No clock, no randomness, no I/O.
//!
//! Its one rule: a message that carries a code is one SMS. A text of smsotpd's own gives way, first without its brand, then
//! to English, before it takes a second one; words of the operator or of the app that do not fit are refused.

mod choice;
mod error;
mod language;

use std::collections::BTreeMap;
use std::fmt;

pub use choice::{GivenUp, Source};
pub use error::{TooLong, WordingError};
pub use language::{Language, LanguageError};

use crate::pdu::{self, Encoding, Languages, Measure};
use crate::phone::PhoneNumber;
use crate::secret::{Code, Text};
use crate::template::{
    AppHash, Domain, Locale, Place, Template, Values, last_line_len, own_host, plainer, push_last_line,
};

use choice::Candidate;

/// How an app's messages are written: what its policy says of it.
#[derive(Debug, Clone, Copy)]
pub struct Style<'a> {
    /// The name under which people know the app; may be empty.
    pub brand: &'a str,
    /// The operator's own words. Without them, smsotpd's own in the recipient's language.
    pub template: Option<&'a Template>,
    /// The operator's own words in certain languages.
    pub templates: &'a BTreeMap<Locale, Template>,
    /// In which language people are written to.
    pub locale: &'a Language,
    /// Whether look-alikes are replaced where that makes a message cheaper.
    pub simplify: bool,
    /// The languages whose tables may be used where they save a part.
    pub national_tables: Languages,
    /// The host that browsers fill the code in on.
    pub domain: Option<&'a Domain>,
    /// The Android app that is given the message.
    pub app_hash: Option<&'a AppHash>,
}

/// What one request wants to be different, and what only it knows.
#[derive(Default, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The recipient's language.
    pub locale: Option<Locale>,
    /// The app's own words.
    pub template: Option<Template>,
    /// The host that browsers fill the code in on.
    pub domain: Option<Domain>,
    /// The Android app that is given the message.
    pub app_hash: Option<AppHash>,
    /// Who is paid, for `{payee}`.
    pub payee: Option<Text>,
    /// How much, for `{amount}`.
    pub amount: Option<Text>,
}

/// Nothing of it: what is paid to whom is nobody's business, and the words are a message's.
impl fmt::Debug for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wish(•••)")
    }
}

/// A message as it goes out.
#[derive(Debug, Clone)]
pub struct Written<'a> {
    /// What it says.
    pub text: Text,
    /// What it costs: always one part.
    pub measure: Measure,
    /// Where its words come from.
    pub source: Source<'a>,
}

impl<'a> Style<'a> {
    /// Writes the message for a code that is valid for so many minutes. Without a number, as for one of no country.
    ///
    /// # Errors
    /// [`WordingError`] says why there is none. Words of smsotpd's own only fail for a host that is too long.
    pub fn write(
        &self,
        wish: &'a Wish,
        to: Option<&PhoneNumber>,
        code: &Code,
        minutes: u32,
    ) -> Result<Written<'a>, WordingError> {
        let mut problem = None;
        for candidate in self.candidates(wish, to).into_iter().flatten() {
            match self.fill(&candidate, wish, code, minutes) {
                Err(WordingError::TooLong(too_long)) => problem = Some(WordingError::TooLong(too_long)),
                done => return done,
            }
        }
        // There is always a candidate: the last resort is English.
        Err(problem.unwrap_or(WordingError::Missing("text")))
    }

    fn fill(
        &self,
        candidate: &Candidate<'a>,
        wish: &Wish,
        code: &Code,
        minutes: u32,
    ) -> Result<Written<'a>, WordingError> {
        let Candidate { template, source } = *candidate;
        let domain = wish.domain.as_ref().or(self.domain);
        let app_hash = wish.app_hash.as_ref().or(self.app_hash);
        let values = Values {
            code,
            brand: self.brand,
            minutes,
            domain: domain.map(Domain::as_str),
            payee: wish.payee.as_ref().map(Text::expose),
            amount: wish.amount.as_ref().map(Text::expose),
        };
        judge(template, &values)?;
        if source == Source::Request
            && own_host(template.as_str())?.is_some()
            && (domain.is_some() || app_hash.is_some())
        {
            return Err(WordingError::TwoLastLines);
        }
        let mut text = template.render(&values, last_line_len(domain, code, app_hash));
        let words = text.len();
        push_last_line(&mut text, domain, code, app_hash);
        let text = Text::new(text);
        let tables = self.national_tables;
        let (text, measure) = if self.simplify { simplified(text, words, tables) } else { measured(text, tables) };
        let most = most(&measure, app_hash.is_some());
        if measure.parts > 1 || measure.units > most {
            return Err(TooLong { measure, most, own_words: source == Source::Request }.into());
        }
        Ok(Written { text, measure, source })
    }
}

/// Whether there is what the template has places for, and whether it can stand in a message.
fn judge(template: &Template, values: &Values<'_>) -> Result<(), WordingError> {
    for (place, name, value) in [
        (Place::Domain, "domain", values.domain),
        (Place::Payee, "payee", values.payee),
        (Place::Amount, "amount", values.amount),
    ] {
        if template.has(place) {
            let value = value.ok_or(WordingError::Missing(name))?;
            if value.chars().any(char::is_control) {
                return Err(WordingError::Control(name));
            }
        }
    }
    Ok(())
}

/// How many units one SMS holds. One that is for an Android app can have 140 octets, however they are counted there.
fn most(measure: &Measure, for_app: bool) -> usize {
    let most = if measure.encoding == Encoding::Ucs2 || !for_app { usize::MAX } else { AppHash::LONGEST_MESSAGE };
    most.min(measure.most)
}

fn measured(text: Text, tables: Languages) -> (Text, Measure) {
    let measure = pdu::measure_with(text.expose(), tables);
    (text, measure)
}

/// The text, with look-alikes of the GSM 7-bit alphabet replaced in its first `words` octets if the message then needs no
/// other alphabet, or fewer SMS; and what it costs.
#[must_use]
pub fn simplified(text: Text, words: usize, tables: Languages) -> (Text, Measure) {
    let (text, measure) = measured(text, tables);
    if measure.forced_by.is_none() {
        return (text, measure);
    }
    let (words, rest) = text.expose().split_at(words);
    let Some(mut plainer) = plainer(words, rest.len()) else {
        return (text, measure);
    };
    plainer.push_str(rest);
    let (plainer, cost) = measured(Text::new(plainer), tables);
    if cost.encoding == Encoding::Gsm7 || cost.parts < measure.parts {
        return (plainer, cost);
    }
    // It is not a look-alike that is in the way.
    (text, Measure { forced_by: cost.forced_by, ..measure })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::LastLineError;

    /// How the toml of a policy's wording reads, without a policy.
    #[derive(Default)]
    struct Own {
        brand: &'static str,
        template: Option<Template>,
        templates: BTreeMap<Locale, Template>,
        locale: Language,
        domain: Option<Domain>,
        app_hash: Option<AppHash>,
        as_it_is: bool,
    }

    impl Own {
        fn new(brand: &'static str, template: Option<&str>, templates: &[(&str, &str)], locale: &str) -> Self {
            Self {
                brand,
                template: template.map(|text| text.parse().unwrap()),
                templates: templates.iter().map(|(tag, text)| (tag.parse().unwrap(), text.parse().unwrap())).collect(),
                locale: locale.to_owned().try_into().unwrap(),
                ..Self::default()
            }
        }

        fn style(&self) -> Style<'_> {
            Style {
                brand: self.brand,
                template: self.template.as_ref(),
                templates: &self.templates,
                locale: &self.locale,
                simplify: !self.as_it_is,
                national_tables: Languages::NONE,
                domain: self.domain.as_ref(),
                app_hash: self.app_hash.as_ref(),
            }
        }

        fn write(&self, wish: &Wish, to: &str) -> Result<String, WordingError> {
            let code = Code::new("1234567890".to_owned());
            let to = PhoneNumber::parse(to).ok();
            self.style().write(wish, to.as_ref(), &code, 1440).map(|written| written.text.expose().to_owned())
        }

        /// What is said to this number, for a request in this language.
        fn says(&self, locale: &str, to: &str) -> String {
            self.write(&Wish { locale: locale.parse().ok(), ..Wish::default() }, to).unwrap()
        }
    }

    #[test]
    fn the_texts_of_its_own_fit_one_sms_with_the_longest_code_and_lifetime_and_a_brand_of_twenty() {
        let own = Own::new("Zwanzig Zeichen hier", None, &[], "auto");
        assert_eq!(own.brand.chars().count(), 20);
        let code = Code::new("1234567890".to_owned());
        for (tag, _) in crate::template::built_in() {
            let wish = Wish { locale: tag.parse().ok(), ..Wish::default() };
            let written = own.style().write(&wish, None, &code, 1440).unwrap();
            assert_eq!(written.measure.parts, 1);
            let expected = Source::BuiltIn { locale: tag, given_up: GivenUp::Nothing };
            assert_eq!(written.source, expected, "{tag}: {}", written.text.expose());
            for part in ["1234567890", own.brand, "1440"] {
                assert!(written.text.expose().contains(part), "{tag}: {}", written.text.expose());
            }
        }
    }

    #[test]
    fn with_a_last_line_for_browsers_and_an_app_everybody_keeps_their_language() {
        let mut own = Own::new("Shop", None, &[], "auto");
        own.domain = Some("shop.example".parse().unwrap());
        own.app_hash = Some("FA+9qCX9VSu".parse().unwrap());
        for (tag, _) in crate::template::built_in() {
            let wish = Wish { locale: tag.parse().ok(), ..Wish::default() };
            let code = Code::new("123456".to_owned());
            let style = own.style();
            let written = style.write(&wish, None, &code, 5).unwrap();
            let kept = matches!(written.source, Source::BuiltIn { locale, .. } if locale == tag);
            assert!(kept, "{tag}: {}", written.text.expose());
        }
    }

    #[test]
    fn the_request_then_the_country_then_the_policy_choose_the_language() {
        let own = Own::new("Shop", None, &[("de-AT", "{code} AT"), ("it", "{code} IT")], "auto");
        for (asked, to, start) in [
            ("", "+436641234567", "1234567890 AT"),
            ("", "+4915112345678", "1234567890 ist Ihr Code für Shop."),
            ("", "+41791234567", "1234567890 ist Ihr Code"),
            ("it-CH", "+41791234567", "1234567890 IT"),
            ("de-AT", "+4915112345678", "1234567890 AT"),
            ("de-CH", "+436641234567", "1234567890 ist Ihr Code"),
            ("pt-BR", "+4915112345678", "1234567890 é seu código"),
            ("pt-AO", "+4915112345678", "O seu código"),
            ("sw", "+4915112345678", "1234567890 is your Shop code."),
            ("", "+5511912345678", "1234567890 é seu código"),
            ("", "+886912345678", "【Shop】您的驗證碼"),
            ("", "+355661234567", "1234567890 is your Shop code."),
            ("", "+87077311234", "1234567890 is your Shop code."),
            ("", "", "1234567890 is your Shop code."),
        ] {
            let said = own.says(asked, to);
            assert!(said.starts_with(start), "{asked} {to}: {said}");
        }
        let german = Own::new("Shop", None, &[], "de-AT");
        for (asked, to, start) in
            [("", "+33612345678", "1234567890 ist"), ("fr", "", "1234567890 est"), ("sw", "", "1234567890 ist")]
        {
            assert!(german.says(asked, to).starts_with(start), "{asked} {to}");
        }
    }

    #[test]
    fn the_operator_s_own_words_win_over_those_of_smsotpd() {
        let for_all = Own::new("", Some("{code} all"), &[], "auto");
        assert_eq!(for_all.says("de", "+4915112345678"), "1234567890 all");
        let with_variant = Own::new("", Some("{code} all"), &[("de", "{code} alle")], "auto");
        assert_eq!(with_variant.says("", "+436641234567"), "1234567890 alle");
        assert_eq!(with_variant.says("fr", "+436641234567"), "1234567890 all");
        let wish = Wish { template: "{code} mine".parse().ok(), ..Wish::default() };
        assert_eq!(with_variant.write(&wish, "+436641234567").unwrap(), "1234567890 mine");
    }

    #[test]
    fn for_a_language_without_words_the_operator_s_in_another_go_before_smsotpd_s() {
        let (de, en) = (("de", "{code} mein"), ("en", "{code} mine"));
        for (templates, locale, asked, to, said) in [
            (vec![de], "de", "sw", "", "1234567890 mein"),
            (vec![de, en], "de-AT", "sw", "", "1234567890 mein"),
            (vec![de, en], "auto", "sw", "+4915112345678", "1234567890 mine"),
            (vec![de, en], "auto", "", "+87077311234", "1234567890 mine"),
            (vec![en], "de", "sw", "", "1234567890 mine"),
            (vec![de], "auto", "sw", "", "1234567890 is your Shop code. It is valid for 1440 minutes."),
            (vec![en], "auto", "fr", "", "1234567890 est votre code Shop. Il est valable 1440 min."),
        ] {
            assert_eq!(Own::new("Shop", None, &templates, locale).says(asked, to), said, "{locale} {asked}");
        }
    }

    #[test]
    fn what_has_no_room_is_given_up_brand_first() {
        let mut own = Own::new("A brand of 26 characters..", None, &[], "auto");
        let written = |own: &Own, tag: &str| {
            let wish = Wish { locale: tag.parse().ok(), ..Wish::default() };
            let code = Code::new("1234567890".to_owned());
            let style = own.style();
            let written = style.write(&wish, None, &code, 1440).unwrap();
            assert_eq!(written.measure.parts, 1);
            match written.source {
                Source::BuiltIn { locale, given_up } => (locale, given_up),
                _ => panic!("not of its own"),
            }
        };
        assert_eq!(written(&own, "de"), ("de", GivenUp::Nothing));
        assert_eq!(written(&own, "el"), ("el", GivenUp::Nothing));
        assert_eq!(written(&own, "bg"), ("bg", GivenUp::Brand));
        own.domain = Some("accounts.shop.example.com".parse().unwrap());
        assert_eq!(written(&own, "de"), ("de", GivenUp::Nothing));
        assert_eq!(written(&own, "ru"), ("en", GivenUp::Language));
    }

    #[test]
    fn look_alikes_are_replaced_where_it_is_cheaper_and_nowhere_else() {
        for (text, plain) in [
            ("{code} – Zoë’s “shop”…", Err("ë is not in the alphabet")),
            ("{code} – Joe’s “shop”…", Ok("1234567890 - Joe's \"shop\"...")),
            ("Ваш код — {code}", Err("Russian stays as it is")),
        ] {
            let mut own = Own::new("", Some(text), &[], "auto");
            let untouched = text.replace("{code}", "1234567890");
            let expected = match plain {
                Ok(plain) => plain,
                Err("ë is not in the alphabet") => &untouched.clone(),
                Err(_) => &untouched,
            };
            assert_eq!(own.says("", ""), expected);
            own.as_it_is = true;
            assert_eq!(own.says("", ""), untouched);
        }
        // Sixty of another alphabet, and what cannot be seen: without it, one SMS.
        let text = format!("{}{}", "ж".repeat(60), "\u{200b}".repeat(20));
        let (plainer, measure) = simplified(Text::new(text.clone()), text.len(), Languages::NONE);
        assert_eq!((plainer.expose().chars().count(), measure.parts), (60, 1));
    }

    #[test]
    fn the_last_line_stays_as_it_is() {
        let mut own = Own::new("", Some("Code – {code}"), &[], "auto");
        own.domain = Some("example.com".parse().unwrap());
        own.app_hash = Some("FA+9qCX9VSu".parse().unwrap());
        assert_eq!(own.says("", ""), "Code - 1234567890\n@example.com #1234567890 FA+9qCX9VSu");
        let wish = Wish { domain: "b.example".parse().ok(), ..Wish::default() };
        assert!(own.write(&wish, "").unwrap().ends_with("\n@b.example #1234567890 FA+9qCX9VSu"));
    }

    #[test]
    fn an_android_app_is_given_140_octets() {
        let mut own = Own::new("", Some(&format!("{}{{code}}", "x".repeat(118))), &[], "auto");
        own.app_hash = Some("FA+9qCX9VSu".parse().unwrap());
        assert_eq!(own.says("", "").len(), 140);
        own.template = Some(format!("{}{{code}}", "x".repeat(119)).parse().unwrap());
        let error = own.write(&Wish::default(), "").unwrap_err().to_string();
        assert_eq!(error, "the message has 141 septets, 1 more than an Android app is given (140)");
    }

    #[test]
    fn a_last_line_in_the_words_of_a_request_is_judged() {
        let mut own = Own::new("", None, &[], "auto");
        let wish = |words: &str| Wish { template: words.parse().ok(), ..Wish::default() };
        assert!(own.write(&wish("{code}\n@example.com #{code}"), "").is_ok());
        let error = own.write(&wish("{code}\n@example.com #{code}\n"), "").unwrap_err();
        assert_eq!(error, WordingError::LastLine(LastLineError::NotLast));
        own.domain = Some("example.com".parse().unwrap());
        assert_eq!(own.write(&wish("{code}\n@example.com #{code}"), ""), Err(WordingError::TwoLastLines));
    }

    #[test]
    fn what_is_too_long_is_explained() {
        let own = Own::new("", Some(&format!("{}{{code}}", "ж".repeat(70))), &[], "auto");
        assert_eq!(
            own.write(&Wish::default(), "").unwrap_err().to_string(),
            "the message has 80 characters, 10 more than one SMS holds (70): it would take 2; without 'ж', which is not in \
             the GSM 7-bit alphabet, an SMS would hold 160 septets"
        );
    }

    #[test]
    fn a_wish_does_not_print() {
        let wish =
            Wish { payee: Some(Text::new("Zoë".to_owned())), template: "{code} x".parse().ok(), ..Wish::default() };
        assert_eq!(format!("{wish:?}"), "Wish(•••)");
    }
}
