//! Text in sixteen-bit units (3GPP TS 23.038 §6.2.3). The standard says UCS-2; handsets read and write UTF-16, and so
//! does this file: a character beyond U+FFFF is a surrogate pair.

/// The text of the units. A surrogate without its partner shows as U+FFFD.
pub(super) fn decode(units: impl IntoIterator<Item = u16>) -> String {
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// The units in these octets, high octet first. A single octet at the end is no unit and is left out.
pub(super) fn unpack(octets: &[u8]) -> Vec<u16> {
    octets.as_chunks().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect()
}

/// Appends the units to `octets`, high octet first.
pub(super) fn pack(units: &[u16], octets: &mut Vec<u8>) {
    octets.extend(units.iter().flat_map(|unit| unit.to_be_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_beyond_the_first_plane_are_surrogate_pairs() {
        let mut octets = Vec::new();
        pack(&"я😀".encode_utf16().collect::<Vec<_>>(), &mut octets);
        assert_eq!(octets, [0x04, 0x4F, 0xD8, 0x3D, 0xDE, 0x00]);
        assert_eq!(decode(unpack(&octets)), "я😀");
    }

    #[test]
    fn half_a_pair_and_half_a_unit_do_no_harm() {
        assert_eq!(decode([0x41, 0xD83D]), "A\u{fffd}");
        assert_eq!(decode([0xDE00, 0x41]), "\u{fffd}A");
        assert_eq!(unpack(&[0x00, 0x41, 0x00]), [0x41]);
    }
}
