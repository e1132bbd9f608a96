//! Addresses: recipients, senders and service centres (3GPP TS 23.040 §9.1.2.5).
//!
//! An address may come from the air, so its text never holds a control character that could reach a command line or
//! a terminal.

use std::fmt;

use super::error::{DecodeError, DecodeErrorKind, EncodeError};
use super::gsm7;
use super::octets::Octets;
use crate::phone::PhoneNumber;

/// The most digits in an address: its value has at most 10 octets.
const MOST_DIGITS: usize = 20;

/// The most septets in an alphanumeric address.
const MOST_SEPTETS: usize = 11;

/// Type-of-number, the three bits that say how to read an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NumberType {
    /// Not said: the number as it is dialled there, short codes among them.
    Unknown,
    /// With country code and without a prefix.
    International,
    /// Without country code and without a prefix.
    National,
    /// For the network's own use, often short codes.
    NetworkSpecific,
    /// The subscriber's number alone.
    Subscriber,
    /// Not digits but a name in the GSM 7-bit alphabet.
    Alphanumeric,
    /// A short form of a number.
    Abbreviated,
    /// Reserved for extension.
    Reserved,
}

/// The recipient or sender of a message, or a service centre.
///
/// `Display` and `Debug` show a telephone number only in part, and a sender's name in full.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// Extension bit, type-of-number and numbering plan as they stand in the PDU.
    kind: u8,
    /// The digits, or the name without control characters.
    text: String,
}

impl Address {
    /// An international number (type 0x91): country code first, without `+`.
    ///
    /// # Errors
    /// [`EncodeError::AddressTooLong`] and [`EncodeError::AddressDigit`].
    pub fn international(digits: &str) -> Result<Self, EncodeError> {
        Self::number(0x91, digits)
    }

    /// A national number (type 0xA1), without a prefix.
    ///
    /// # Errors
    /// [`EncodeError::AddressTooLong`] and [`EncodeError::AddressDigit`].
    pub fn national(digits: &str) -> Result<Self, EncodeError> {
        Self::number(0xA1, digits)
    }

    /// A short code, or any number as one dials it (type 0x81, not known).
    ///
    /// # Errors
    /// [`EncodeError::AddressTooLong`] and [`EncodeError::AddressDigit`].
    pub fn short_code(digits: &str) -> Result<Self, EncodeError> {
        Self::number(0x81, digits)
    }

    /// A sender's name (type 0xD0).
    ///
    /// # Errors
    /// [`EncodeError::AddressName`] when it is empty, longer than 11 septets, or not of the GSM 7-bit alphabet.
    pub fn alphanumeric(name: &str) -> Result<Self, EncodeError> {
        let septets = gsm7::encode(name).ok_or(EncodeError::AddressName)?;
        if !(1..=MOST_SEPTETS).contains(&septets.len()) || name.contains(char::is_control) {
            return Err(EncodeError::AddressName);
        }
        Ok(Self { kind: 0xD0, text: name.to_owned() })
    }

    fn number(kind: u8, digits: &str) -> Result<Self, EncodeError> {
        if !digits.bytes().all(|digit| semi_octet(digit).is_some()) {
            return Err(EncodeError::AddressDigit);
        }
        if digits.len() > MOST_DIGITS {
            return Err(EncodeError::AddressTooLong { digits: digits.len() });
        }
        Ok(Self { kind, text: digits.to_owned() })
    }

    /// How the address is to be read.
    #[must_use]
    pub const fn number_type(&self) -> NumberType {
        match self.kind >> 4 & 0b111 {
            0 => NumberType::Unknown,
            1 => NumberType::International,
            2 => NumberType::National,
            3 => NumberType::NetworkSpecific,
            4 => NumberType::Subscriber,
            5 => NumberType::Alphanumeric,
            6 => NumberType::Abbreviated,
            _ => NumberType::Reserved,
        }
    }

    /// The whole number without `+`; none when it is a name. Only for matching; never for a log or an answer.
    #[must_use]
    pub fn digits(&self) -> Option<&str> {
        (self.number_type() != NumberType::Alphanumeric).then_some(&self.text)
    }

    /// The whole address as one writes it: `+` before an international number, a name as it is. The same care as with
    /// [`Address::digits`].
    #[must_use]
    pub fn text(&self) -> String {
        match self.number_type() {
            NumberType::International => format!("+{}", self.text),
            _ => self.text.clone(),
        }
    }

    /// The number as a recipient; none when it is not international or not of a number's shape.
    #[must_use]
    pub fn to_phone(&self) -> Option<PhoneNumber> {
        match self.number_type() {
            NumberType::International => PhoneNumber::from_digits(&self.text).ok(),
            _ => None,
        }
    }

    /// Reads an address whose length counts semi-octets: TP-DA, TP-OA, TP-RA.
    pub(super) fn decode(octets: &mut Octets<'_>, field: &'static str) -> Result<Self, DecodeError> {
        let start = octets.position();
        let length = usize::from(octets.octet(field)?);
        if length > MOST_DIGITS {
            return Err(too_long(field, start, MOST_DIGITS));
        }
        let kind = octets.octet(field)?;
        Ok(Self::read(kind, octets.take(field, length.div_ceil(2))?, length))
    }

    /// Reads a service centre's address, whose length counts octets with the type; a length of 0 is no address.
    pub(super) fn decode_service_centre(octets: &mut Octets<'_>) -> Result<Option<Self>, DecodeError> {
        const FIELD: &str = "service-centre";
        let start = octets.position();
        let length = usize::from(octets.octet(FIELD)?);
        let Some(length) = length.checked_sub(1) else { return Ok(None) };
        if length > MOST_DIGITS / 2 {
            return Err(too_long(FIELD, start, MOST_DIGITS / 2 + 1));
        }
        let kind = octets.octet(FIELD)?;
        Ok(Some(Self::read(kind, octets.take(FIELD, length)?, length * 2)))
    }

    fn read(kind: u8, value: &[u8], semi_octets: usize) -> Self {
        let mut address = Self { kind, text: String::new() };
        address.text = match address.number_type() {
            NumberType::Alphanumeric => name(&gsm7::unpack(value, 0, semi_octets * 4 / 7)),
            _ => digits(value, semi_octets),
        };
        address
    }

    /// Appends the address with its length in semi-octets.
    pub(super) fn encode(&self, octets: &mut Vec<u8>) {
        let at = octets.len();
        octets.extend([0, self.kind]);
        octets[at] = match self.digits() {
            Some(digits) => {
                push_digits(digits, octets);
                length_octet(digits.len())
            }
            None => {
                let septets = gsm7::encode(&self.text).unwrap_or_default();
                gsm7::pack(&septets, 0, octets);
                length_octet((septets.len() * 7).div_ceil(4))
            }
        };
    }

    /// Appends the address with its length in octets.
    pub(super) fn encode_service_centre(&self, octets: &mut Vec<u8>) {
        let at = octets.len();
        self.encode(octets);
        octets[at] = length_octet(octets.len() - at - 1);
    }
}

/// An address has at most 20 semi-octets, whichever way it was made.
fn length_octet(length: usize) -> u8 {
    u8::try_from(length).unwrap_or(u8::MAX)
}

fn too_long(field: &'static str, octet: usize, limit: usize) -> DecodeError {
    DecodeError { field, octet, kind: DecodeErrorKind::TooLong { limit } }
}

/// A name from the air: control characters become spaces.
fn name(septets: &[u8]) -> String {
    gsm7::decode(septets.iter().copied()).replace(char::is_control, " ")
}

/// Digits from semi-octets, low one first. 0xF only fills up.
fn digits(value: &[u8], count: usize) -> String {
    const DIGITS: &[u8; 15] = b"0123456789*#abc";
    let semi_octets = value.iter().flat_map(|octet| [octet & 0x0F, octet >> 4]).take(count);
    semi_octets.filter_map(|digit| DIGITS.get(usize::from(digit)).map(|digit| char::from(*digit))).collect()
}

fn push_digits(digits: &str, octets: &mut Vec<u8>) {
    let semi_octet = |digit: u8| semi_octet(digit).unwrap_or(0xF);
    octets.extend(digits.as_bytes().chunks(2).map(|pair| match *pair {
        [low, high] => semi_octet(low) | semi_octet(high) << 4,
        [low] => semi_octet(low) | 0xF0,
        _ => 0xFF,
    }));
}

fn semi_octet(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'*' => Some(0xA),
        b'#' => Some(0xB),
        b'a'..=b'c' => Some(digit - b'a' + 0xC),
        _ => None,
    }
}

impl From<&PhoneNumber> for Address {
    fn from(number: &PhoneNumber) -> Self {
        Self { kind: 0x91, text: number.digits().to_owned() }
    }
}

/// A name in full. Of a number the first and last four digits, as [`PhoneNumber`] shows them; of one under ten digits
/// the last two.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(number) = self.to_phone() {
            return number.fmt(f);
        }
        let Some(digits) = self.digits() else { return f.write_str(&self.text) };
        let (first, last) = match digits.len() {
            0..=3 => ("", ""),
            length @ 4..=9 => ("", &digits[length - 2..]),
            length => (&digits[..4], &digits[length - 4..]),
        };
        let plus = if self.number_type() == NumberType::International { "+" } else { "" };
        write!(f, "{plus}{first}***{last}")
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({:#04x} {self})", self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(octets: &[u8]) -> Result<Address, DecodeError> {
        Address::decode(&mut Octets::new(octets), "originator")
    }

    fn octets(address: &Address) -> Vec<u8> {
        let mut octets = Vec::new();
        address.encode(&mut octets);
        octets
    }

    #[test]
    fn every_kind_of_address_comes_back() {
        let cases: [(&[u8], NumberType, &str); 9] = [
            (&[11, 0x91, 0x51, 0x55, 0x21, 0x43, 0x65, 0xF7], NumberType::International, "+15551234567"),
            (&[10, 0xA1, 0x90, 0x71, 0x32, 0x54, 0x76], NumberType::National, "0917234567"),
            (&[5, 0x81, 0x21, 0x43, 0xF5], NumberType::Unknown, "12345"),
            (&[5, 0x85, 0x21, 0x43, 0xF5], NumberType::Unknown, "12345"),
            (&[4, 0xB1, 0x21, 0x43], NumberType::NetworkSpecific, "1234"),
            (&[4, 0xC8, 0xA1, 0xCB], NumberType::Subscriber, "1*#a"),
            (&[13, 0xD0, 0xD4, 0x32, 0xDB, 0xFC, 0x96, 0xD3, 0x01], NumberType::Alphanumeric, "Telfort"),
            (&[3, 0xE1, 0xED, 0xF1], NumberType::Abbreviated, "bc1"),
            (&[0, 0xF9], NumberType::Reserved, ""),
        ];
        for (wire, number_type, text) in cases {
            let address = decode(wire).unwrap();
            assert_eq!((address.number_type(), address.text().as_str()), (number_type, text));
            assert_eq!(octets(&address), wire, "{text}");
        }
    }

    #[test]
    fn a_phone_number_is_an_international_address_and_back() {
        let number = PhoneNumber::parse("+15551234567").unwrap();
        let address = Address::from(&number);
        assert_eq!(address, Address::international("15551234567").unwrap());
        assert_eq!(address.to_phone(), Some(number));
        assert_eq!(Address::national("15551234567").unwrap().to_phone(), None);
        assert_eq!(Address::short_code("12345").unwrap().to_phone(), None);
        assert_eq!(Address::international("999").unwrap().to_phone(), None);
    }

    #[test]
    fn names_of_every_length_come_back() {
        for length in 1..=11 {
            let name = &"INFO-Santa@"[..length];
            let address = Address::alphanumeric(name).unwrap();
            assert_eq!(decode(&octets(&address)).as_ref(), Ok(&address), "{name}");
            assert_eq!((address.text().as_str(), address.digits()), (name, None));
        }
    }

    #[test]
    fn what_cannot_be_an_address_is_refused() {
        for name in ["", "twelve chars", "six [ six", "ç", "a\nb"] {
            let refused = Address::alphanumeric(name);
            assert_eq!(refused.is_err(), name != "six [ six", "{name:?}");
        }
        assert_eq!(Address::alphanumeric("[[[[[["), Err(EncodeError::AddressName));
        assert_eq!(Address::international("+1555"), Err(EncodeError::AddressDigit));
        assert_eq!(Address::international(&"1".repeat(21)), Err(EncodeError::AddressTooLong { digits: 21 }));
    }

    #[test]
    fn control_characters_from_the_air_become_spaces() {
        let mut wire = vec![9, 0xD0];
        gsm7::pack(&[0x0A, 0x0D, 0x1B, 0x0A, 0x41], 0, &mut wire);
        let address = decode(&wire).unwrap();
        assert_eq!(address.text(), "   A");
        assert_eq!(address.to_string(), "   A");
    }

    #[test]
    fn fill_inside_a_number_is_passed_over() {
        assert_eq!(decode(&[4, 0x91, 0xF1, 0x32]).unwrap().text(), "+123");
    }

    #[test]
    fn what_is_wrong_is_named_by_its_place() {
        let error = |octet, kind| Err(DecodeError { field: "originator", octet, kind });
        assert_eq!(decode(&[]), error(0, DecodeErrorKind::Truncated));
        assert_eq!(decode(&[4]), error(1, DecodeErrorKind::Truncated));
        assert_eq!(decode(&[4, 0x91, 0x21]), error(3, DecodeErrorKind::Truncated));
        assert_eq!(decode(&[21, 0x91, 0x21]), error(0, DecodeErrorKind::TooLong { limit: 20 }));
    }

    #[test]
    fn only_the_ends_of_a_number_are_printed() {
        let printed = |address: Result<Address, EncodeError>| address.unwrap().to_string();
        assert_eq!(printed(Address::international("15551234567")), "+1555***4567");
        assert_eq!(printed(Address::international("155")), "+***");
        assert_eq!(printed(Address::national("05551234567")), "0555***4567");
        assert_eq!(printed(Address::short_code("12345")), "***45");
        assert_eq!(printed(Address::short_code("")), "***");
        assert_eq!(printed(Address::alphanumeric("Example")), "Example");
        assert_eq!(format!("{:?}", Address::national("05551234567").unwrap()), "Address(0xa1 0555***4567)");
    }
}
