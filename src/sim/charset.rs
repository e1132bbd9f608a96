//! The character sets in which text mode talks to the terminal (`+CSCS`, 3GPP TS 27.007 §5.5).

/// What `+CSCS` can choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Charset {
    /// The GSM 7-bit default alphabet (3GPP TS 23.038 §6.2.1), one octet a character.
    Gsm,
    /// ASCII.
    Ira,
    /// Hexadecimal UTF-16.
    Ucs2,
}

/// The default alphabet by its codes. 0x1B leads to the extension table, which no terminal can type here.
const GSM: [char; 128] = [
    '@', '£', '$', '¥', 'è', 'é', 'ù', 'ì', 'ò', 'Ç', '\n', 'Ø', 'ø', '\r', 'Å', 'å', 'Δ', '_', 'Φ', 'Γ', 'Λ', 'Ω',
    'Π', 'Ψ', 'Σ', 'Θ', 'Ξ', '\u{1b}', 'Æ', 'æ', 'ß', 'É', ' ', '!', '"', '#', '¤', '%', '&', '\'', '(', ')', '*', '+',
    ',', '-', '.', '/', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', ':', ';', '<', '=', '>', '?', '¡', 'A', 'B',
    'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P', 'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y',
    'Z', 'Ä', 'Ö', 'Ñ', 'Ü', '§', '¿', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p',
    'q', 'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z', 'ä', 'ö', 'ñ', 'ü', 'à',
];

/// The extension table: the character and the code after 0x1B.
const EXTENSION: [(char, u8); 10] = [
    ('\u{c}', 0x0a),
    ('^', 0x14),
    ('{', 0x28),
    ('}', 0x29),
    ('\\', 0x2f),
    ('[', 0x3c),
    ('~', 0x3d),
    (']', 0x3e),
    ('|', 0x40),
    ('€', 0x65),
];

impl Charset {
    pub(super) fn read(name: &str) -> Option<Self> {
        [Self::Gsm, Self::Ira, Self::Ucs2].into_iter().find(|charset| charset.name().eq_ignore_ascii_case(name))
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Gsm => "GSM",
            Self::Ira => "IRA",
            Self::Ucs2 => "UCS2",
        }
    }

    /// The text that a terminal typed as these octets.
    pub(super) fn decode(self, octets: &[u8]) -> Option<String> {
        match self {
            Self::Gsm => octets.iter().map(|octet| GSM.get(usize::from(*octet)).copied()).collect(),
            Self::Ira => octets.is_ascii().then(|| String::from_utf8_lossy(octets).into_owned()),
            Self::Ucs2 => {
                let octets: Vec<u8> = octets.iter().copied().filter(|octet| !octet.is_ascii_whitespace()).collect();
                let units: Vec<u16> = octets.chunks(4).map(hex_unit).collect::<Option<_>>()?;
                String::from_utf16(&units).ok()
            }
        }
    }

    /// The octets that show this text to a terminal. What the set has not is a question mark.
    pub(super) fn encode(self, text: &str) -> Vec<u8> {
        match self {
            Self::Gsm => text.chars().flat_map(gsm_codes).collect(),
            Self::Ira => text.chars().map(|c| u8::try_from(c).ok().filter(u8::is_ascii).unwrap_or(b'?')).collect(),
            Self::Ucs2 => hex_utf16(text).into_bytes(),
        }
    }

    /// Numbers and names are hexadecimal too in UCS2.
    pub(super) fn name_text(self, name: &str) -> String {
        if self == Self::Ucs2 { hex_utf16(name) } else { name.to_owned() }
    }

    /// A number as the terminal typed it: hexadecimal in UCS2, or plain all the same, as many modems take it.
    pub(super) fn read_name(self, typed: &str) -> Option<String> {
        let is_hex = self == Self::Ucs2 && typed.len().is_multiple_of(4) && typed.starts_with("00");
        if is_hex { self.decode(typed.as_bytes()) } else { Some(typed.to_owned()) }
    }
}

/// A text as hexadecimal UTF-16.
pub(super) fn hex_utf16(text: &str) -> String {
    text.encode_utf16().map(|unit| format!("{unit:04X}")).collect()
}

fn hex_unit(digits: &[u8]) -> Option<u16> {
    // Four digits, no more and no less; `from_str_radix` alone would take a sign too.
    let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.len() == 4)?;
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
}

fn gsm_codes(c: char) -> Vec<u8> {
    if let Some(code) = GSM.iter().position(|known| *known == c).and_then(|code| u8::try_from(code).ok()) {
        return vec![code];
    }
    match EXTENSION.iter().find(|(known, _)| *known == c) {
        Some((_, code)) => vec![0x1b, *code],
        None => vec![b'?'],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_shown_again() {
        for (charset, text) in [(Charset::Gsm, "A_@ äß?"), (Charset::Ira, "A_@~"), (Charset::Ucs2, "Ж€😀")] {
            assert_eq!(charset.decode(&charset.encode(text)), Some(text.to_owned()), "{charset:?}");
        }
        assert_eq!(Charset::Gsm.encode("_€Ж"), [0x11, 0x1b, 0x65, b'?']);
        assert_eq!(Charset::Ucs2.encode("A"), b"0041");
    }

    #[test]
    fn what_is_not_of_the_set_is_refused() {
        assert_eq!(Charset::Gsm.decode(&[0x80]), None);
        assert_eq!(Charset::Ira.decode("ä".as_bytes()), None);
        for bad in ["004", "00g1", "D83D", "+123"] {
            assert_eq!(Charset::Ucs2.decode(bad.as_bytes()), None, "{bad}");
        }
    }
}
