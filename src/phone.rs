//! Recipients: a telephone number in international form (ITU-T E.164), checked at the door. And what else stands where a
//! number does: the sender of what comes in, and a code that is dialled to ask the network.
//!
//! Only the shape is judged here: `+`, then 8 to 15 digits, not starting with 0. Whether anybody answers
//! there is the network's business.
//!
//! Its one rule: a number prints masked. Whoever needs all of it must ask for it by name ([`PhoneNumber::e164`]).

use std::fmt;

/// A telephone number in international form (ITU-T E.164).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhoneNumber {
    /// The digits, country code first, without `+`.
    digits: String,
}

/// Why a text is not a number that anything can be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// Nothing is there.
    #[error("the number is empty")]
    Empty,
    /// The number does not start with `+` or `00`, so its country is not known.
    #[error("write the number with its country code, for example +15551234567")]
    NotInternational,
    /// Something other than digits, spaces, dashes, dots, slashes and brackets.
    #[error("a number has only digits after its `+`; found {0:?}")]
    Character(char),
    /// Fewer than 8 digits.
    #[error("the number has {0} digits; an international number has 8 to 15")]
    TooShort(usize),
    /// More than 15 digits.
    #[error("the number has {0} digits; an international number has 8 to 15")]
    TooLong(usize),
    /// No country code starts with 0.
    #[error("no country code starts with 0")]
    CountryCode,
    /// 112, 911 and their like: never a recipient.
    #[error("this is an emergency number; nothing is ever sent to one")]
    Emergency,
}

/// Numbers that summon help somewhere, as a caller might write them.
const EMERGENCY: &[&str] = &[
    "000", "08", "100", "101", "102", "103", "104", "108", "110", "111", "112", "113", "114", "115", "116", "117",
    "118", "119", "120", "122", "123", "128", "144", "150", "155", "158", "190", "191", "192", "193", "194", "197",
    "198", "199", "911", "912", "913", "933", "995", "997", "998", "999",
];

impl PhoneNumber {
    /// Reads a number as people write it: `+1 (555) 123-4567`, `+44.20.7946.0018`, `0049 30 123456`.
    ///
    /// # Errors
    /// [`PhoneError`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, PhoneError> {
        match GivenNumber::parse(text)? {
            GivenNumber::International(number) | GivenNumber::BehindZeros(number) => Ok(number),
            GivenNumber::National(_) => Err(PhoneError::NotInternational),
        }
    }

    /// The number with these digits, country code first, without `+`: the form in a PDU of type international.
    ///
    /// # Errors
    /// [`PhoneError`] when the digits are too few, too many, or not digits.
    pub fn from_digits(digits: &str) -> Result<Self, PhoneError> {
        if let Some(other) = digits.chars().find(|c| !c.is_ascii_digit()) {
            return Err(PhoneError::Character(other));
        }
        match digits.len() {
            0 => Err(PhoneError::Empty),
            n @ 1..=7 => Err(PhoneError::TooShort(n)),
            n @ 16.. => Err(PhoneError::TooLong(n)),
            _ if digits.starts_with('0') => Err(PhoneError::CountryCode),
            _ => Ok(Self { digits: digits.to_owned() }),
        }
    }

    /// The whole number with its `+`. Only for the modem, the store, and matching; never for a log or an answer.
    #[must_use]
    pub fn e164(&self) -> String {
        format!("+{}", self.digits)
    }

    /// The whole number without `+`. The same care as with [`PhoneNumber::e164`].
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.digits
    }

    /// The number without its last four digits: what neighbouring numbers of one block share.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.digits[..self.digits.len() - 4]
    }
}

/// A number as somebody gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GivenNumber {
    /// With `+` and its country code.
    International(PhoneNumber),
    /// With its country code behind `00`, which in many countries is dialled for that.
    BehindZeros(PhoneNumber),
    /// Without; what it is depends on the country.
    National(NationalNumber),
}

/// The digits of a number that was written without its country code.
#[derive(Clone, PartialEq, Eq)]
pub struct NationalNumber(String);

impl GivenNumber {
    /// Reads a number as people write it, with its country code or without.
    ///
    /// # Errors
    /// [`PhoneError`] says what is wrong with it; never [`PhoneError::NotInternational`].
    pub fn parse(text: &str) -> Result<Self, PhoneError> {
        let text = text.trim();
        let (international, rest) = match text.strip_prefix('+') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let digits = bare_digits(rest)?;
        if digits.is_empty() {
            return Err(PhoneError::Empty);
        }
        if EMERGENCY.contains(&digits.as_str()) {
            return Err(PhoneError::Emergency);
        }
        if international {
            return PhoneNumber::from_digits(&digits).map(Self::International);
        }
        match digits.strip_prefix("00") {
            Some(rest) => PhoneNumber::from_digits(rest).map(Self::BehindZeros),
            None => Ok(Self::National(NationalNumber(digits))),
        }
    }
}

impl NationalNumber {
    /// These digits, as a network gives them; `None` when they are no digits.
    #[must_use]
    pub fn from_digits(digits: &str) -> Option<Self> {
        digits.bytes().all(|octet| octet.is_ascii_digit()).then(|| Self(digits.to_owned()))
    }

    /// The whole of it. The same care as with [`PhoneNumber::e164`].
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0
    }
}

/// Not even its ends: it may be short.
impl fmt::Debug for NationalNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Who sent what came in: a number, a short code or a name, as the network gives it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Sender(String);

/// Digits that are no short code any more belong to somebody.
const SHORT_CODE: usize = 6;

impl Sender {
    /// The sender as the network writes it: `+` before an international number, a name as it is.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The whole of it. The same care as with [`PhoneNumber::e164`].
    #[must_use]
    pub fn in_full(&self) -> &str {
        &self.0
    }
}

/// Short codes and names as they are, of a number only its ends: `+1555***4567`.
impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (plus, digits) = self.0.strip_prefix('+').map_or(("", self.0.as_str()), |digits| ("+", digits));
        if digits.len() <= SHORT_CODE || !digits.bytes().all(|octet| octet.is_ascii_digit()) {
            return f.write_str(&self.0);
        }
        let shown = if digits.len() < 10 { 2 } else { 4 };
        write!(f, "{plus}{}***{}", &digits[..shown], &digits[digits.len() - shown..])
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is dialled to ask the network something (USSD, 3GPP TS 22.090): 1 to 160 of the digits, `*`, `#` and `+`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UssdCode(String);

/// A text that cannot be dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a USSD code has 1 to 160 characters out of 0-9, *, # and +")]
pub struct UssdCodeError;

impl UssdCode {
    /// The code as it is dialled.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for UssdCode {
    type Error = UssdCodeError;

    fn try_from(text: String) -> Result<Self, UssdCodeError> {
        let dials = |octet: u8| octet.is_ascii_digit() || matches!(octet, b'*' | b'#' | b'+');
        let fits = (1..=160).contains(&text.len()) && text.bytes().all(dials);
        if fits { Ok(Self(text)) } else { Err(UssdCodeError) }
    }
}

impl From<UssdCode> for String {
    fn from(code: UssdCode) -> Self {
        code.0
    }
}

/// `+1555***4567`: the first and last four digits; of a number under ten digits the first and last two.
impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = if self.digits.len() < 10 { 2 } else { 4 };
        let last = self.digits.len() - shown;
        write!(f, "+{}***{}", &self.digits[..shown], &self.digits[last..])
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn bare_digits(text: &str) -> Result<String, PhoneError> {
    let mut digits = String::with_capacity(text.len().min(20));
    for c in text.chars() {
        match c {
            '0'..='9' => digits.push(c),
            ' ' | '-' | '.' | '/' | '(' | ')' | '\u{a0}' => {}
            other => return Err(PhoneError::Character(other)),
        }
        if digits.len() > 40 {
            return Err(PhoneError::TooLong(digits.len()));
        }
    }
    Ok(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for text in ["+15551234567", " +1 (555) 123-4567 ", "+1.555.123.4567", "0015551234567", "+1/555/1234567"] {
            assert_eq!(PhoneNumber::parse(text).map(|n| n.e164()), Ok("+15551234567".to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases = [
            ("", PhoneError::Empty),
            ("+", PhoneError::Empty),
            ("5551234567", PhoneError::NotInternational),
            ("+1555123", PhoneError::TooShort(7)),
            ("+1234567890123456", PhoneError::TooLong(16)),
            ("+0551234567", PhoneError::CountryCode),
            ("+1555ABC4567", PhoneError::Character('A')),
            ("+1555123456\u{664}", PhoneError::Character('\u{664}')),
            ("112", PhoneError::Emergency),
            ("+911", PhoneError::Emergency),
            ("+1555\r\n1234567", PhoneError::Character('\r')),
        ];
        for (text, error) in cases {
            assert_eq!(PhoneNumber::parse(text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn only_the_ends_of_a_number_are_printed() {
        let number = PhoneNumber::parse("+15551234567").unwrap();
        assert_eq!(number.to_string(), "+1555***4567");
        assert_eq!(format!("{number:?}"), "+1555***4567");
        assert_eq!(PhoneNumber::parse("+12345678").unwrap().to_string(), "+12***78");
    }

    #[test]
    fn of_a_sender_only_short_codes_and_names_are_printed_whole() {
        for (sender, printed) in [
            ("+15551234567", "+1555***4567"),
            ("015551234567", "0155***4567"),
            ("5551234", "55***34"),
            ("22000", "22000"),
            ("Example", "Example"),
            ("", ""),
        ] {
            let sender = Sender::new(sender.to_owned());
            assert_eq!((sender.to_string(), format!("{sender:?}")), (printed.to_owned(), printed.to_owned()));
        }
    }

    #[test]
    fn only_what_can_be_dialled_is_a_ussd_code() {
        for code in ["*100#", "#", "*#06#", "**21*+15551234567#", &"1".repeat(160)] {
            assert!(UssdCode::try_from(code.to_owned()).is_ok(), "{code}");
        }
        for text in ["", "*100#\r", "*100\"", "AT", "*1 0#", &"1".repeat(161)] {
            assert_eq!(UssdCode::try_from(text.to_owned()), Err(UssdCodeError), "{text:?}");
        }
    }

    #[test]
    fn a_prefix_leaves_the_last_four_digits_out() {
        assert_eq!(PhoneNumber::parse("+15551234567").unwrap().prefix(), "1555123");
    }
}
