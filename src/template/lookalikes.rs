//! Characters that look like ones of the GSM 7-bit alphabet (3GPP TS 23.038 §6.2.1) and are not in it.
//!
//! A single one of them makes a message twice as expensive, and most are put in by the program a text was written with.
//! Only what reads the same is in the table: letters keep their accents.

/// The text with every look-alike replaced, and room for so many octets more, so that it never moves and leaves no copy
/// behind; `None` when there is none in it.
#[must_use]
pub fn plainer(text: &str, more: usize) -> Option<String> {
    if text.is_ascii() || !text.chars().any(|c| plain(c).is_some()) {
        return None;
    }
    // What stands for a look-alike of two octets has three at most.
    let mut plainer = String::with_capacity(2 * text.len() + more);
    for c in text.chars() {
        match plain(c) {
            Some(replacement) => plainer.push_str(replacement),
            None => plainer.push(c),
        }
    }
    Some(plainer)
}

/// What stands for a look-alike.
fn plain(c: char) -> Option<&'static str> {
    Some(match c {
        // Quotation marks, primes, accents that stand alone.
        '\u{2018}'..='\u{201b}' | '\u{2032}' | '\u{2035}' | '\u{2039}' | '\u{203a}' => "'",
        '`' | '\u{b4}' | '\u{2b9}' | '\u{2bb}' | '\u{2bc}' | '\u{2c8}' | '\u{ff07}' => "'",
        '\u{201c}'..='\u{201f}' | '\u{2033}' | '\u{2036}' | '\u{ab}' | '\u{bb}' | '\u{ff02}' => "\"",
        // Hyphens, dashes, minus, bullets.
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2043}' | '\u{fe58}' | '\u{fe63}' => "-",
        '\u{2022}' | '\u{2023}' | '\u{25cf}' | '\u{2219}' => "-",
        // Dots, slashes, tildes, bars.
        '\u{2026}' => "...",
        '\u{2024}' | '\u{b7}' => ".",
        '\u{2025}' => "..",
        '\u{2044}' | '\u{2215}' => "/",
        '\u{2dc}' | '\u{223c}' => "~",
        '\u{a6}' => "|",
        // Spaces that are no space.
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => " ",
        '\u{2028}' | '\u{2029}' => "\n",
        // What cannot be seen.
        '\u{ad}' | '\u{200b}' | '\u{2060}' | '\u{feff}' => "",
        // Letters with a mark of their own, and signs made of letters.
        '\u{2122}' => "TM",
        '\u{ae}' => "(R)",
        '\u{a9}' => "(C)",
        '\u{2116}' => "No.",
        '\u{d7}' => "x",
        '\u{2264}' => "<=",
        '\u{2265}' => ">=",
        '\u{fb00}' => "ff",
        '\u{fb01}' => "fi",
        '\u{fb02}' => "fl",
        '\u{ffe5}' => "¥",
        '\u{2126}' => "Ω",
        '\u{212b}' => "Å",
        '\u{3001}' | '\u{ff64}' => ",",
        '\u{3002}' | '\u{ff61}' => ".",
        '\u{ff01}'..='\u{ff5e}' => return narrow(c),
        _ => return None,
    })
}

/// The printable characters of ASCII in their order, of which U+FF01 to U+FF5E are the full-width forms.
const ASCII: &str = "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~";

fn narrow(c: char) -> Option<&'static str> {
    let at = (u32::from(c) - 0xff01) as usize;
    match ASCII.get(at..=at) {
        Some("`") => Some("'"),
        narrow => narrow,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdu;

    #[test]
    fn what_a_word_processor_puts_in_is_taken_out() {
        for (text, plain) in [
            ("“Zoë’s” – it’s 5 °C…", Some("\"Zoë's\" - it's 5 °C...")),
            ("‘a’ “b” „c“ «d» ‹e›", Some("'a' \"b\" \"c\" \"d\" 'e'")),
            ("1–2 — 3−4 ‑ •", Some("1-2 - 3-4 - -")),
            ("wait…", Some("wait...")),
            ("5\u{a0}min\u{202f}!\u{200b}", Some("5 min !")),
            ("ＡＢＣ１２３！～＠", Some("ABC123!~@")),
            ("Shop™ №5", Some("ShopTM No.5")),
            ("ﬁx `x`", Some("fix 'x'")),
        ] {
            assert_eq!(plainer(text, 0).as_deref(), plain);
        }
        for text in ["", "Your code is 123456.", "Ваш код", "código", "Ş", "日本", "😀"] {
            assert_eq!(plainer(text, 0), None, "{text}");
        }
    }

    #[test]
    fn what_stands_for_a_look_alike_is_in_the_alphabet_and_only_what_is_not_is_replaced() {
        for c in '\u{1}'..=char::MAX {
            let Some(replacement) = plain(c) else { continue };
            assert_eq!(pdu::measure(&c.to_string()).encoding, pdu::Encoding::Ucs2, "U+{:04X}", u32::from(c));
            assert_eq!(pdu::measure(replacement).encoding, pdu::Encoding::Gsm7, "U+{:04X}", u32::from(c));
            assert!(replacement.len() <= 2 * c.len_utf8(), "U+{:04X}", u32::from(c));
        }
    }
}
