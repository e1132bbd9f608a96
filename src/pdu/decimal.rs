//! Two decimal digits in one octet, tens in the low half (3GPP TS 23.040 §9.1.2.3).

/// The octet of a number up to 99.
pub(super) fn octet(number: u8) -> u8 {
    (number / 10 % 10) | ((number % 10) << 4)
}

/// The number in an octet; none when a half is no digit.
pub(super) fn number(octet: u8) -> Option<u8> {
    match (octet & 0x0F, octet >> 4) {
        (tens @ 0..=9, units @ 0..=9) => Some(tens * 10 + units),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_octets_are_numbers() {
        assert!((0..100).all(|n| number(octet(n)) == Some(n)));
        assert_eq!((0..=255).filter_map(number).count(), 100);
        assert_eq!(octet(42), 0x24);
    }
}
