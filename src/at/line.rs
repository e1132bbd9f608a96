//! What a line is, before it is known whose it is.

use super::refusal::Refusal;

/// A line, sorted by its shape alone.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// It ends the running command.
    Final(Result<(), Refusal>),
    /// `+CSQ: 20,99`, `^ICCID: …`: a name that starts with a sign, a colon, and the rest.
    Named {
        /// The name with its sign, without the colon.
        name: &'a str,
        /// What stands behind the colon, without spaces around it.
        rest: &'a str,
    },
    /// Anything else.
    Text(&'a str),
}

impl<'a> Line<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        if let Some(result) = final_result(text) {
            return Self::Final(result);
        }
        if matches!(text.as_bytes().first(), Some(b'+' | b'^' | b'*' | b'%' | b'#' | b'$' | b'!')) {
            // A name without a colon is something a modem says of itself, for instance `+PBREADY`.
            let (name, rest) = text.split_once(':').unwrap_or((text, ""));
            return Self::Named { name: name.trim_ascii_end(), rest: rest.trim_ascii() };
        }
        Self::Text(text)
    }
}

/// Final results without a number, other than `OK` and `ERROR`: Huawei's and Samsung's.
///
/// `NO CARRIER`, `BUSY`, `NO ANSWER` and `NO DIALTONE` are not among them: they end a call (ITU-T V.250 §5.7.1), and
/// nothing here makes one. What comes all the same tells of somebody's missed call, in the middle of anything.
const BAD_ENDS: [&str; 3] = ["COMMAND NOT SUPPORT", "TOO MANY PARAMETERS", "NA"];

fn final_result(text: &str) -> Option<Result<(), Refusal>> {
    match text.as_bytes().first()? {
        b'O' => (text == "OK").then_some(Ok(())),
        b'+' => {
            let kind = text.get(..10)?;
            let code = || text[10..].trim_start_matches([' ', ':']).trim();
            match kind {
                "+CMS ERROR" => Some(Err(Refusal::cms(code()))),
                "+CME ERROR" => Some(Err(Refusal::cme(code()))),
                _ => None,
            }
        }
        b'E' => (text == "ERROR").then_some(Err(Refusal::Error)),
        // The port has gone over to data, which nothing here ever asks for.
        b'C' if text == "CONNECT" || text.starts_with("CONNECT ") => Some(Err(Refusal::Word("CONNECT"))),
        b'M' if text.starts_with("MODEM ERROR:") => Some(Err(Refusal::Word("MODEM ERROR"))),
        b'N' | b'C' | b'T' => BAD_ENDS.iter().find(|end| **end == text).map(|end| Err(Refusal::Word(end))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_final_result_is_known() {
        assert_eq!(Line::parse("OK"), Line::Final(Ok(())));
        assert_eq!(Line::parse("ERROR"), Line::Final(Err(Refusal::Error)));
        assert_eq!(Line::parse("+CMS ERROR: 38"), Line::Final(Err(Refusal::Cms(Some(38)))));
        assert_eq!(Line::parse("+CME ERROR: SIM not inserted"), Line::Final(Err(Refusal::Cme(Some(10)))));
        assert_eq!(Line::parse("+CMS ERROR:"), Line::Final(Err(Refusal::Cms(None))));
        assert_eq!(Line::parse("CONNECT 115200"), Line::Final(Err(Refusal::Word("CONNECT"))));
        assert_eq!(Line::parse("MODEM ERROR: 3"), Line::Final(Err(Refusal::Word("MODEM ERROR"))));
        for end in BAD_ENDS {
            assert_eq!(Line::parse(end), Line::Final(Err(Refusal::Word(end))));
        }
    }

    #[test]
    fn what_only_looks_like_a_final_result_is_none() {
        for text in ["OKAY", "ERROR 5", "NAME", "CONNECTED", "+CMSERROR: 5", "NO CARRIER", "BUSY", "NO ANSWER"] {
            assert!(!matches!(Line::parse(text), Line::Final(_)), "{text}");
        }
    }

    #[test]
    fn a_named_line_falls_into_name_and_rest() {
        assert_eq!(Line::parse("+CSQ: 20,99"), Line::Named { name: "+CSQ", rest: "20,99" });
        assert_eq!(Line::parse("^ICCID:8988"), Line::Named { name: "^ICCID", rest: "8988" });
        assert_eq!(Line::parse("+PBREADY"), Line::Named { name: "+PBREADY", rest: "" });
        assert_eq!(Line::parse("SMS Ready"), Line::Text("SMS Ready"));
    }
}
