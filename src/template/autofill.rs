//! The last line of a message, by which browsers and phones fill the code in.
//!
//! A browser fills a code in only on the host that the line names, so that no other site gets it (WICG "Origin-bound
//! one-time codes delivered via SMS": `@example.com #123456`). An Android app gets the whole message without asking for
//! the right to read messages when it ends with the app's hash (Google's SMS Retriever): 11 characters. Whatever follows
//! the code on a browser's line is ignored there, so one line can be for both: `@example.com #123456 FA+9qCX9VSu`.

use std::fmt;
use std::str::FromStr;

use crate::secret::Code;

/// The host that a code is for, as it stands in a browser's address: `example.com`, without scheme, port or path.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Domain(String);

/// Why a text is not a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    /// Something stands before or behind the host.
    #[error("write the host alone, `example.com`: no `https://`, no `@`, no port and no path")]
    NotAlone,
    /// A character that no host has.
    #[error("write the host as browsers send it, for instance `xn--bcher-kva.example` for `bücher.example`")]
    NotAscii,
    /// It is no host all the same.
    #[error(
        "expected a host such as `example.com`: names of at most 63 letters, digits and dashes with dots between them"
    )]
    NoHost,
}

impl Domain {
    /// The host, in small letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The 11 characters by which Google Play services know which app a message is for.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AppHash(String);

/// A text that is no app hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an app hash has 11 characters out of A-Z, a-z, 0-9, `+` and `/`, for instance `FA+9qCX9VSu`")]
pub struct AppHashError;

impl AppHash {
    /// The most octets of a message that ends with one: as septets or as UTF-16.
    pub const LONGEST_MESSAGE: usize = 140;

    /// The hash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The length of the [last line](push_last_line), in octets.
#[must_use]
pub fn last_line_len(domain: Option<&Domain>, code: &Code, app_hash: Option<&AppHash>) -> usize {
    let host = domain.map_or(0, |Domain(host)| 4 + host.len() + code.expose().len());
    host + app_hash.map_or(0, |AppHash(hash)| 1 + hash.len())
}

/// Puts the last line under a message: a line feed and `@host #code`, the app's hash, or both. Nothing may follow it, not
/// even a line feed.
pub fn push_last_line(text: &mut String, domain: Option<&Domain>, code: &Code, app_hash: Option<&AppHash>) {
    if let Some(Domain(host)) = domain {
        for part in ["\n@", host, " #", code.expose()] {
            text.push_str(part);
        }
    }
    if let Some(AppHash(hash)) = app_hash {
        text.push(if domain.is_some() { ' ' } else { '\n' });
        text.push_str(hash);
    }
}

/// Whether browsers fill a code in: 4 to 10 letters and digits, and one digit at least.
#[must_use]
pub fn is_filled_in(code: &Code) -> bool {
    let octets = code.expose().as_bytes();
    (4..=10).contains(&octets.len())
        && octets.iter().all(u8::is_ascii_alphanumeric)
        && octets.iter().any(u8::is_ascii_digit)
}

/// What is wrong with a last line for browsers that stands in a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LastLineError {
    /// The last line begins with `@` and is not what browsers look for.
    #[error(
        "the last line begins with `@`, and browsers read no code from it; it would have to be, for instance, \
         `@example.com #{{code}}`. Or take it out and set `domain`"
    )]
    Malformed,
    /// Something comes after it.
    #[error("after the line for browsers nothing may follow, not even a line feed")]
    NotLast,
}

/// The host on the last line for browsers that a template has of its own, if it has one.
///
/// # Errors
/// [`LastLineError`] when it has one that they do not understand.
pub fn own_host(template: &str) -> Result<Option<Domain>, LastLineError> {
    let line = |text: &'_ str| text.rfind('\n').map_or(0, |end| end + 1);
    let ended = template.trim_end();
    if !ended[line(ended)..].starts_with('@') {
        return Ok(None);
    }
    if ended != template {
        return Err(LastLineError::NotLast);
    }
    let (host, rest) = template[line(template) + 1..].split_once(' ').ok_or(LastLineError::Malformed)?;
    let host = host.parse().map_err(|_| LastLineError::Malformed)?;
    match rest.strip_prefix("#{code}") {
        Some(after) if after.is_empty() || after.starts_with(' ') => Ok(Some(host)),
        _ => Err(LastLineError::Malformed),
    }
}

/// The hosts that a message names as those of its code, as they stand there: before a word that begins with `#` and holds
/// the code, where some browsers take them from any line, and on the last line, if it looks like one for browsers, also those
/// of pages that may be shown inside one of the first, which get the code as well.
pub fn named_hosts<'a>(message: &'a str, code: &'a str) -> impl Iterator<Item = &'a str> {
    let last = last_line(message);
    let on_last = last.starts_with('@').then(|| last.split_whitespace()).into_iter().flatten();
    let words = message.split_whitespace();
    let before_codes =
        words.clone().zip(words.skip(1)).filter(move |(_, next)| next.starts_with('#') && next.contains(code));
    on_last.chain(before_codes.map(|(word, _)| word)).filter_map(|word| word.strip_prefix('@'))
}

fn last_line(text: &str) -> &str {
    text.trim_end().rsplit('\n').next().unwrap_or_default().trim_start()
}

/// The hash with which a message ends, if its last word could be one: eleven letters could.
#[must_use]
pub fn own_hash(message: &str) -> Option<AppHash> {
    message.split_whitespace().next_back()?.parse().ok()
}

impl FromStr for Domain {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        if text.contains([':', '/', '@', '?', '#', ' ']) {
            return Err(DomainError::NotAlone);
        }
        if !text.is_ascii() {
            return Err(DomainError::NotAscii);
        }
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if text.len() <= 253 && text.split('.').all(is_label) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(DomainError::NoHost)
        }
    }
}

impl FromStr for AppHash {
    type Err = AppHashError;

    fn from_str(text: &str) -> Result<Self, AppHashError> {
        let fits = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/');
        if text.len() == 11 && text.bytes().all(fits) { Ok(Self(text.to_owned())) } else { Err(AppHashError) }
    }
}

impl TryFrom<String> for Domain {
    type Error = DomainError;

    fn try_from(text: String) -> Result<Self, DomainError> {
        text.parse()
    }
}

impl TryFrom<String> for AppHash {
    type Error = AppHashError;

    fn try_from(text: String) -> Result<Self, AppHashError> {
        text.parse()
    }
}

impl From<Domain> for String {
    fn from(domain: Domain) -> Self {
        domain.0
    }
}

impl From<AppHash> for String {
    fn from(hash: AppHash) -> Self {
        hash.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_taken_as_browsers_have_it_and_what_is_none_is_explained() {
        for (text, host) in [
            ("example.com", Ok("example.com")),
            ("Shop.Example.COM", Ok("shop.example.com")),
            ("xn--bcher-kva.example", Ok("xn--bcher-kva.example")),
            ("localhost", Ok("localhost")),
            ("https://example.com", Err(DomainError::NotAlone)),
            ("example.com:8443", Err(DomainError::NotAlone)),
            ("example.com/login", Err(DomainError::NotAlone)),
            ("@example.com", Err(DomainError::NotAlone)),
            ("example.com #1", Err(DomainError::NotAlone)),
            ("bücher.example", Err(DomainError::NotAscii)),
            ("", Err(DomainError::NoHost)),
            ("example..com", Err(DomainError::NoHost)),
            ("example.com.", Err(DomainError::NoHost)),
            ("-a.com", Err(DomainError::NoHost)),
            ("a_b.com", Err(DomainError::NoHost)),
            ("a\n.com", Err(DomainError::NoHost)),
            (&format!("{}.com", "a".repeat(64)), Err(DomainError::NoHost)),
        ] {
            assert_eq!(text.parse::<Domain>().as_ref().map(Domain::as_str), host.as_ref().copied(), "{text}");
        }
    }

    #[test]
    fn an_app_hash_has_eleven_characters_of_its_alphabet() {
        for text in ["FA+9qCX9VSu", "/////////++"] {
            assert!(text.parse::<AppHash>().is_ok(), "{text}");
        }
        for text in ["", "FA+9qCX9VS", "FA+9qCX9VSuu", "FA+9qCX9VS=", "FA-9qCX9VSu", "FA+9qCX9VS\n", "FA+9qCX9VSü"] {
            assert_eq!(text.parse::<AppHash>(), Err(AppHashError), "{text:?}");
        }
    }

    #[test]
    fn the_last_line_is_for_browsers_for_an_app_or_for_both() {
        let (code, domain) = (Code::new("123456".to_owned()), Some("example.com".parse().unwrap()));
        let hash = Some("FA+9qCX9VSu".parse().unwrap());
        for (domain, hash, line) in [
            (None, None, ""),
            (domain.as_ref(), None, "\n@example.com #123456"),
            (None, hash.as_ref(), "\nFA+9qCX9VSu"),
            (domain.as_ref(), hash.as_ref(), "\n@example.com #123456 FA+9qCX9VSu"),
        ] {
            let mut text = String::new();
            push_last_line(&mut text, domain, &code, hash);
            assert_eq!(text, line);
            assert_eq!(last_line_len(domain, &code, hash), line.len());
        }
    }

    #[test]
    fn browsers_fill_in_what_has_a_digit_and_the_right_length() {
        for (code, filled_in) in [
            ("123456", true),
            ("AB1C", true),
            ("1234567890", true),
            ("ABCDEF", false),
            ("123", false),
            ("12345678901", false),
            ("12-34", false),
            ("123é", false),
        ] {
            assert_eq!(is_filled_in(&Code::new(code.to_owned())), filled_in, "{code}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_template_with_a_last_line_is_one_that_browsers_read(text in "([@#a. \n]|@a[.]b #[{]code[}]){0,8}|\\PC{0,30}") {
            if own_host(&text).is_ok_and(|host| host.is_some()) {
                let (line, code) = (text.lines().last().unwrap(), " #{code}");
                proptest::prop_assert!(line.starts_with('@') && line.contains(code) && !text.ends_with('\n'));
            }
        }
    }

    #[test]
    fn whoever_else_gets_the_code_by_a_message_is_found() {
        let hosts = |message: &'static str| named_hosts(message, "123456").collect::<Vec<_>>();
        assert_eq!(
            hosts("123456\n @a.example #123456 @b.example FA+9qCX9VSu @c"),
            ["a.example", "b.example", "c", "a.example"]
        );
        assert_eq!(hosts("123456 @b.example"), [""; 0]);
        assert_eq!(hosts("Hello @b.example #123456\nThank you, @shop #sale"), ["b.example"]);
        for (message, hash) in [
            ("123456\n@a.example #123456 FA+9qCX9VSu", Some("FA+9qCX9VSu")),
            ("123456\nFA+9qCX9VSu\n", Some("FA+9qCX9VSu")),
            ("123456 FA+9qCX9VSu", Some("FA+9qCX9VSu")),
            ("Code 123456, Kundenkonto", Some("Kundenkonto")),
            ("Code 123456, Kundenkonto.", None),
            ("Kundenkonto 123456", None),
            ("", None),
        ] {
            assert_eq!(own_hash(message).as_ref().map(AppHash::as_str), hash, "{message:?}");
        }
    }

    #[test]
    fn a_last_line_of_the_template_s_own_is_judged() {
        for (template, judged) in [
            ("{code} is your code", Ok(None)),
            ("Write to\n@shop\n{code}", Ok(None)),
            ("Code {code}\n\n@example.com #{code}", Ok(Some("example.com"))),
            ("@Shop.example #{code} FA+9qCX9VSu", Ok(Some("shop.example"))),
            ("Code {code}\n@example.com #{code}\n", Err(LastLineError::NotLast)),
            ("Code {code}\n@example.com #{code} \n", Err(LastLineError::NotLast)),
            ("Code {code}\n@example.com {code}", Err(LastLineError::Malformed)),
            ("Code {code}\n@example.com  #{code}", Err(LastLineError::Malformed)),
            ("Code {code}\n@example.com #{code}.", Err(LastLineError::Malformed)),
            ("Code {code}\n@https://example.com #{code}", Err(LastLineError::Malformed)),
            ("Code {code}\n@{domain} #{code}", Err(LastLineError::Malformed)),
            ("{code}\n@example.com", Err(LastLineError::Malformed)),
        ] {
            let judged = judged.map(|host| host.map(|host: &str| host.parse().unwrap()));
            assert_eq!(own_host(template), judged, "{template:?}");
        }
    }
}
