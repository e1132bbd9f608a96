//! Texts of USSD: GSM 7-bit or UCS-2 as a coding scheme of cell broadcasts says (3GPP TS 23.038 §5), which modems print
//! plain, or as hexadecimal of either.

use super::hex::{from_hex, to_hex};
use super::{gsm7, ucs2};

/// A carriage return, which fills what would be read as an `@` (3GPP TS 23.038 §6.1.2.3.1).
const FILL: u8 = 0x0D;

/// The septets of a text, packed, in hexadecimal: the form in which some modems want what is dialled. `None` when it is
/// not of the GSM 7-bit alphabet.
#[must_use]
pub fn pack_ussd(text: &str) -> Option<String> {
    let mut septets = gsm7::encode(text)?;
    if septets.len() % 8 == 7 {
        septets.push(FILL);
    }
    let mut octets = Vec::with_capacity(septets.len());
    gsm7::pack(&septets, 0, &mut octets);
    Some(to_hex(&octets))
}

/// What a modem printed, as a text. `coding` is the data coding scheme it told, if it did. Which of the forms it is shows
/// in the text itself: modems do not say.
#[must_use]
pub fn read_ussd(printed: &str, coding: Option<u8>) -> String {
    let octets = match from_hex(printed) {
        // A balance is short and may be nothing but digits; what is packed is longer.
        Ok(octets) if octets.len() >= 4 => octets,
        _ => return printed.to_owned(),
    };
    if octets.len().is_multiple_of(2) && (coding.is_some_and(is_ucs2) || looks_like_ucs2(&octets)) {
        return ucs2::decode(octets.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])));
    }
    if printed.bytes().all(|octet| octet.is_ascii_digit()) {
        // A telephone number, for instance the SIM's own; of packed septets hardly any come without a letter.
        return printed.to_owned();
    }
    let mut septets = gsm7::unpack(&octets, 0, octets.len() * 8 / 7);
    if septets.len().is_multiple_of(8) && matches!(septets.last(), Some(0 | &FILL)) {
        septets.pop();
    }
    gsm7::decode(septets)
}

const fn is_ucs2(coding: u8) -> bool {
    match coding >> 4 {
        1 => coding == 0x11,
        4..=7 => coding & 0x0C == 0x08,
        _ => false,
    }
}

/// Letters of one alphabet share the upper half of their units; packed septets share nothing.
fn looks_like_ucs2(octets: &[u8]) -> bool {
    octets.chunks_exact(2).all(|pair| matches!(pair[0], 0x00 | 0x04 | 0x20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dialled_is_packed() {
        // What people are told everywhere to type for this code with a Huawei stick.
        assert_eq!(pack_ussd("*100#").as_deref(), Some("AA180C3602"));
        // Seven septets end in a carriage return, or they would be read as eight.
        assert_eq!(read_ussd(&pack_ussd("*100*1#").unwrap(), Some(15)), "*100*1#");
        assert_eq!(pack_ussd("ж"), None);
    }

    #[test]
    fn what_was_said_is_read_in_each_of_its_forms() {
        let said = "Your balance: 5.00 EUR.";
        assert_eq!(read_ussd(said, Some(15)), said);
        assert_eq!(read_ussd(&pack_ussd(said).unwrap(), Some(15)), said);
        assert_eq!(read_ussd(&pack_ussd(said).unwrap(), None), said);
        let in_hex = |text: &str| -> String { text.encode_utf16().map(|unit| format!("{unit:04X}")).collect() };
        assert_eq!(read_ussd(&in_hex(said), Some(15)), said);
        assert_eq!(read_ussd(&in_hex("Баланс: 5,00 р."), Some(72)), "Баланс: 5,00 р.");
        assert_eq!(read_ussd(&in_hex("余额"), Some(0x11)), "余额");
        assert_eq!(read_ussd("12.50", None), "12.50");
        assert_eq!(read_ussd("1250", None), "1250");
        assert_eq!(read_ussd("447700900123", Some(15)), "447700900123");
        assert_eq!(read_ussd(&in_hex("1250"), Some(15)), "1250");
    }
}
