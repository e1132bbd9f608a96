//! A PDU as it travels: hexadecimal that nobody here looks into and nobody prints.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// A PDU in hexadecimal digits. It prints as its length alone, since a code may be inside, and is wiped when dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Payload(String);

impl Payload {
    /// The PDU in this text; `None` unless it is an even number of hexadecimal digits and nothing else. Whatever could
    /// end the PDU early or start another command can therefore not be in it.
    #[must_use]
    pub fn new(text: String) -> Option<Self> {
        is_hex(&text).then_some(Self(text))
    }

    /// The digits themselves.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Which octets are hexadecimal digits. Nearly all that a modem says in large amounts is asked that.
const DIGITS: [bool; 256] = {
    let mut digits = [false; 256];
    let mut octet = 0;
    while octet < 256 {
        digits[octet] = (octet as u8).is_ascii_hexdigit();
        octet += 1;
    }
    digits
};

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.len().is_multiple_of(2) && text.bytes().all(|octet| DIGITS[usize::from(octet)])
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} octets)", self.0.len() / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_octets_in_hexadecimal_are_a_payload() {
        assert!(Payload::new("0011aF".to_owned()).is_some());
        for text in ["", "001", "00 11", "0011\r", "0011\u{1a}", "00GG"] {
            assert_eq!(Payload::new(text.to_owned()), None, "{text:?}");
        }
    }

    #[test]
    fn a_payload_prints_its_length_alone() {
        assert_eq!(format!("{:?}", Payload::new("0011AF".to_owned()).unwrap()), "Payload(3 octets)");
    }
}
