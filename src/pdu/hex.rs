//! Octets as modems write them: two hexadecimal digits each.

use super::error::{DecodeError, DecodeErrorKind};

/// The octets in upper-case hexadecimal digits.
#[must_use]
pub fn to_hex(octets: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    let mut hex = String::with_capacity(octets.len() * 2);
    for octet in octets {
        hex.push(digit(octet >> 4));
        hex.push(digit(octet & 0x0F));
    }
    hex
}

/// The octets that hexadecimal digits of either case stand for. White space around them is passed over.
///
/// # Errors
/// [`DecodeErrorKind::NotHex`] at the octet where a digit is missing or is none.
pub fn from_hex(hex: &str) -> Result<Vec<u8>, DecodeError> {
    let digits = hex.trim_ascii().as_bytes();
    let octet = |(octet, pair): (usize, &[u8])| {
        match *pair {
            [high, low] => half(high).zip(half(low)).map(|(high, low)| high << 4 | low),
            _ => None,
        }
        .ok_or(DecodeError { field: "hex", octet, kind: DecodeErrorKind::NotHex })
    };
    digits.chunks(2).enumerate().map(octet).collect()
}

fn half(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_comes_back() {
        let octets: Vec<u8> = (0..=255).collect();
        assert_eq!(from_hex(&to_hex(&octets)), Ok(octets.clone()));
        assert_eq!(from_hex(&to_hex(&octets).to_lowercase()), Ok(octets));
        assert_eq!(from_hex(" 00Ff\r\n"), Ok(vec![0x00, 0xFF]));
        assert_eq!(from_hex(""), Ok(vec![]));
    }

    #[test]
    fn what_is_no_octet_is_named_by_its_place() {
        let error = |octet| Err(DecodeError { field: "hex", octet, kind: DecodeErrorKind::NotHex });
        assert_eq!(from_hex("00F"), error(1));
        assert_eq!(from_hex("0G"), error(0));
        assert_eq!(from_hex("0000 00"), error(2));
        assert_eq!(from_hex("00é0"), error(1));
        assert_eq!(from_hex("+100"), error(0));
    }
}
