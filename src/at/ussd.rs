//! What the network says to a question that was dialled: `+CUSD: <m>[,"<text>",<dcs>]` (3GPP TS 27.007 §7.15). A text of
//! several lines is printed as such, so the quote that ends it may be on another line.

use std::fmt;

use zeroize::Zeroizing;

/// A text of more octets is none: 182 characters at most travel (3GPP TS 24.090).
const LONGEST: usize = 1024;

/// What the network said. It prints without its text, which may be anybody's number or balance.
#[derive(Clone, PartialEq, Eq)]
pub struct Ussd {
    /// How it stands: 0 that was all, 1 an answer is wanted, 2 the network ended it, 3 somebody else answered, 4 not
    /// supported, 5 the network did not answer.
    pub state: u32,
    /// What was said, as the modem prints it.
    pub text: Option<Zeroizing<String>>,
    /// Its data coding scheme (3GPP TS 23.038 §5), when that is told.
    pub coding: Option<u8>,
}

impl fmt::Debug for Ussd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let octets = self.text.as_ref().map_or(0, |text| text.len());
        write!(f, "Ussd {{ state: {}, octets: {octets}, coding: {:?} }}", self.state, self.coding)
    }
}

/// What stands behind `+CUSD:`, as far as it has come.
#[derive(Default)]
pub(super) struct Unfinished(Zeroizing<String>);

impl Unfinished {
    pub(super) fn begin(rest: &str) -> Self {
        Self(Zeroizing::new(rest.to_owned()))
    }

    /// Takes the next line.
    pub(super) fn add(&mut self, line: &str) {
        self.0.push('\n');
        self.0.push_str(line);
    }

    /// Whether the quote around the text is closed, or never will be.
    pub(super) fn is_whole(&self) -> bool {
        let open = self.0.find('"');
        self.0.len() > LONGEST || open.is_none_or(|open| self.end_of_text(open).is_some())
    }

    /// Where the quote is that ends the text: behind it is nothing but the coding.
    fn end_of_text(&self, open: usize) -> Option<usize> {
        let close = self.0.rfind('"').filter(|close| *close > open)?;
        let behind = self.0[close + 1..].trim();
        let is_coding = |text: &str| text.bytes().all(|octet| octet.is_ascii_digit() || octet == b' ');
        (behind.is_empty() || behind.strip_prefix(',').is_some_and(is_coding)).then_some(close)
    }

    /// What was said; `None` when it is not even told how it stands.
    pub(super) fn finish(self) -> Option<Ussd> {
        let (state, behind) = self.0.split_once(',').unwrap_or((&self.0, ""));
        let state = state.trim().parse().ok()?;
        let (text, coding) = match self.0.find('"') {
            Some(open) => {
                let close = self.end_of_text(open).unwrap_or(self.0.len());
                (&self.0[open + 1..close], self.0.get(close + 1..).unwrap_or_default())
            }
            // Without quotes, and perhaps with a comma in it.
            None => match behind.rsplit_once(',') {
                Some((text, coding)) if coding.trim().parse::<u8>().is_ok() => (text, coding),
                _ => (behind, ""),
            },
        };
        let coding = coding.trim_matches([',', ' ']).parse().ok();
        let text = (!text.is_empty()).then(|| Zeroizing::new(text.to_owned()));
        Some(Ussd { state, text, coding })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> (u32, Option<String>, Option<u8>) {
        let mut said = Unfinished::begin(lines[0]);
        for line in &lines[1..] {
            assert!(!said.is_whole(), "{line}");
            said.add(line);
        }
        assert!(said.is_whole());
        let ussd = said.finish().unwrap();
        (ussd.state, ussd.text.map(|text| text.to_string()), ussd.coding)
    }

    #[test]
    fn what_was_said_is_read_however_it_is_printed() {
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(read(&["0,\"Your balance is 5.00 EUR\",15"]), (0, text("Your balance is 5.00 EUR"), Some(15)));
        assert_eq!(
            read(&["1, \"Menu:", "1 \"Top\" up", "2 Leave\", 72"]),
            (1, text("Menu:\n1 \"Top\" up\n2 Leave"), Some(72))
        );
        assert_eq!(read(&["2"]), (2, None, None));
        assert_eq!(read(&["0,\"C8329BFD06\""]), (0, text("C8329BFD06"), None));
        assert_eq!(read(&["0,5.00 EUR, really,15"]), (0, text("5.00 EUR, really"), Some(15)));
        assert_eq!(read(&["2,\"\",0"]), (2, None, Some(0)));
        assert_eq!(Unfinished::begin("x").finish(), None);
    }

    #[test]
    fn a_text_without_end_is_given_up() {
        let mut said = Unfinished::begin("0,\"");
        for _ in 0..100 {
            said.add("a line of a modem gone mad");
        }
        assert!(said.is_whole());
    }

    #[test]
    fn it_prints_without_its_text() {
        let ussd = Unfinished::begin("0,\"5.00 EUR\",15").finish().unwrap();
        assert_eq!(format!("{ussd:?}"), "Ussd { state: 0, octets: 8, coding: Some(15) }");
    }
}
