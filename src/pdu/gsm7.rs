//! The GSM 7-bit default alphabet with its extension table, and septets packed into octets
//! (3GPP TS 23.038 §6.1.2.1, §6.2.1).

/// The septet that says the next one is from the extension table.
const ESCAPE: u8 = 0x1B;

/// Set in a [`code`] when the character is in the extension table.
pub(super) const EXTENSION: u8 = 0x80;

/// Not a code: the character is in neither table.
const NONE: u8 = 0xFF;

/// The default alphabet, by septet. A [`ESCAPE`] that stands for nothing is shown as a space.
#[rustfmt::skip]
const DEFAULT: [char; 128] = [
    '@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å',
    'Δ', '_', 'Φ', 'Γ', 'Λ', 'Ω', 'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', ' ', 'Æ', 'æ', 'ß', 'É',
    ' ', '!', '"', '#', '¤', '%', '&', '\'', '(', ')', '*', '+', ',', '-', '.', '/',
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<', '=', '>', '?',
    '¡', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O',
    'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'Ä', 'Ö', 'Ñ', 'Ü', '§',
    '¿', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o',
    'p', 'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ä', 'ö', 'ñ', 'ü', 'à',
];

/// The characters of the extension table.
pub(super) const EXTENDED: [(u8, char); 10] = [
    (0x0A, '\u{c}'),
    (0x14, '^'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2F, '\\'),
    (0x3C, '['),
    (0x3D, '~'),
    (0x3E, ']'),
    (0x40, '|'),
    (0x65, '€'),
];

/// Codes of the characters up to U+00FF.
const LATIN: [u8; 256] = latin();

const fn latin() -> [u8; 256] {
    let mut codes = [NONE; 256];
    let mut septet = 0;
    while septet < DEFAULT.len() {
        let c = DEFAULT[septet] as usize;
        if c < codes.len() && septet != ESCAPE as usize {
            codes[c] = septet as u8;
        }
        septet += 1;
    }
    let mut index = 0;
    while index < EXTENDED.len() {
        let (septet, c) = EXTENDED[index];
        if (c as usize) < codes.len() {
            codes[c as usize] = septet | EXTENSION;
        }
        index += 1;
    }
    codes
}

/// How a character is written: its septet, with [`EXTENSION`] set when an escape goes before it.
pub(super) fn code(c: char) -> Option<u8> {
    let code = match c {
        '\0'..='\u{ff}' => LATIN[c as usize],
        'Δ' => 0x10,
        'Φ' => 0x12,
        'Γ' => 0x13,
        'Λ' => 0x14,
        'Ω' => 0x15,
        'Π' => 0x16,
        'Ψ' => 0x17,
        'Σ' => 0x18,
        'Θ' => 0x19,
        'Ξ' => 0x1A,
        '€' => 0x65 | EXTENSION,
        _ => NONE,
    };
    (code != NONE).then_some(code)
}

/// How many septets a character with this [`code`] takes.
pub(super) const fn width(code: u8) -> usize {
    if code & EXTENSION == 0 { 1 } else { 2 }
}

/// The septets of a text; none when it has a character that is in neither table.
pub(super) fn encode(text: &str) -> Option<Vec<u8>> {
    encode_by(text, code)
}

/// The septets of a text by other tables: `code` says of each character what [`code`] says of it by the default ones.
pub(super) fn encode_by(text: &str, code: impl Fn(char) -> Option<u8>) -> Option<Vec<u8>> {
    let mut septets = Vec::with_capacity(text.len());
    for c in text.chars() {
        let code = code(c)?;
        if code & EXTENSION != 0 {
            septets.push(ESCAPE);
        }
        septets.push(code & !EXTENSION);
    }
    Some(septets)
}

/// The text of septets. An escape before a septet that the extension table leaves open shows that septet's character
/// of the default alphabet; an escape before another escape, or before nothing, shows a space (TS 23.038 §6.2.1.1).
pub(super) fn decode(septets: impl IntoIterator<Item = u8>) -> String {
    decode_by(septets, character, extended)
}

/// The text of septets by other tables, given as what stands for a septet and what for one after an escape.
pub(super) fn decode_by(
    septets: impl IntoIterator<Item = u8>,
    character: impl Fn(u8) -> char,
    extended: impl Fn(u8) -> Option<char>,
) -> String {
    let mut septets = septets.into_iter();
    // Turkish and Greek letters take two octets.
    let mut text = String::with_capacity(2 * septets.size_hint().0);
    while let Some(septet) = septets.next() {
        text.push(match septet {
            ESCAPE => septets.next().map_or(' ', |septet| extended(septet).unwrap_or_else(|| character(septet))),
            _ => character(septet),
        });
    }
    text
}

/// What a septet stands for. An [`ESCAPE`] that no septet follows is a space.
pub(super) fn character(septet: u8) -> char {
    DEFAULT[usize::from(septet & 0x7F)]
}

/// What a septet after an escape stands for; none when the extension table leaves it open.
pub(super) fn extended(septet: u8) -> Option<char> {
    EXTENDED.iter().find(|(code, _)| *code == septet).map(|(_, c)| *c)
}

/// Appends septets to `octets`, after `fill` bits of 0 that bring them to a septet boundary.
pub(super) fn pack(septets: &[u8], fill: usize, octets: &mut Vec<u8>) {
    let (mut waiting, mut bits) = (0u16, fill);
    for septet in septets {
        waiting |= u16::from(septet & 0x7F) << bits;
        bits += 7;
        if bits >= 8 {
            octets.push(low_octet(waiting));
            waiting >>= 8;
            bits -= 8;
        }
    }
    if bits > 0 {
        octets.push(low_octet(waiting));
    }
}

/// At most `count` septets out of `octets`, the first of them after `fill` bits. Fewer when the octets hold fewer.
pub(super) fn unpack(octets: &[u8], fill: usize, count: usize) -> Vec<u8> {
    let count = count.min((octets.len() * 8).saturating_sub(fill) / 7);
    let octet = |at: usize| octets.get(at).copied().unwrap_or(0);
    let septet = |number: usize| {
        let bit = fill + 7 * number;
        low_octet(u16::from_le_bytes([octet(bit / 8), octet(bit / 8 + 1)]) >> (bit % 8)) & 0x7F
    };
    (0..count).map(septet).collect()
}

fn low_octet(bits: u16) -> u8 {
    bits.to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_of_both_tables_comes_back() {
        for (septet, c) in DEFAULT.iter().enumerate().filter(|(septet, _)| *septet != usize::from(ESCAPE)) {
            assert_eq!(encode(&c.to_string()), Some(vec![u8::try_from(septet).unwrap()]), "{c:?}");
            assert_eq!(code(*c).map(width), Some(1));
        }
        for (septet, c) in EXTENDED {
            assert_eq!(encode(&c.to_string()), Some(vec![ESCAPE, septet]), "{c:?}");
            assert_eq!(decode([ESCAPE, septet]), c.to_string());
            assert_eq!(code(c).map(width), Some(2));
        }
    }

    #[test]
    fn characters_outside_the_tables_have_no_septets() {
        for c in ['\0', '\t', '\u{1b}', '\u{7f}', '`', 'ç', 'á', 'α', '\u{a0}', 'ÿ', '\u{100}', '’', '😀'] {
            assert_eq!(code(c), None, "{c:?}");
            assert_eq!(encode(&format!("a{c}")), None, "{c:?}");
        }
    }

    #[test]
    fn escapes_that_stand_for_nothing_show_what_the_standard_says() {
        assert_eq!(decode([0x41, ESCAPE, 0x41]), "AA");
        assert_eq!(decode([ESCAPE, 0x0D]), "\r");
        assert_eq!(decode([ESCAPE, ESCAPE, 0x65]), " e");
        assert_eq!(decode([0x41, ESCAPE]), "A ");
    }

    #[test]
    fn septets_lie_in_octets_from_the_low_bit_up() {
        let mut octets = Vec::new();
        pack(&encode("hellohello").unwrap(), 0, &mut octets);
        assert_eq!(octets, [0xE8, 0x32, 0x9B, 0xFD, 0x46, 0x97, 0xD9, 0xEC, 0x37]);
        assert_eq!(decode(unpack(&octets, 0, 10)), "hellohello");
    }

    #[test]
    fn every_count_and_fill_comes_back() {
        for count in 0..=20 {
            for fill in 0..7 {
                let septets: Vec<u8> = (0..count).map(|n| 0x7F - n).collect();
                let mut octets = Vec::new();
                pack(&septets, fill, &mut octets);
                assert_eq!(octets.len(), (usize::from(count) * 7 + fill).div_ceil(8));
                assert_eq!(unpack(&octets, fill, septets.len()), septets, "{count} {fill}");
            }
        }
    }

    #[test]
    fn octets_that_are_missing_cost_only_their_septets() {
        assert_eq!(unpack(&[0xE8, 0x32], 0, 10), [0x68, 0x65]);
        assert!(unpack(&[], 3, 10).is_empty());
    }
}
