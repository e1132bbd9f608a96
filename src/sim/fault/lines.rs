//! Faults as text: one on a line, in TOML or in JSON, for files and for the control socket.

use std::time::Duration;

use serde::Deserialize as _;

use super::kinds::Fault;

/// Why a line is no fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// What stands before the fault is no time.
    #[error("\"{0}\" is no time: write @ and seconds, for example @2.5")]
    Time(String),
    /// The rest is no fault.
    #[error("this is no fault: {0}")]
    Fault(String),
    /// A line of a file is wrong.
    #[error("line {line}: {error}")]
    Line {
        /// Which line, counted from 1.
        line: usize,
        /// What is wrong with it.
        error: Box<FaultError>,
    },
}

/// A fault and when it is to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timed {
    /// The time from the start.
    pub after: Duration,
    /// The fault.
    pub fault: Fault,
}

impl Timed {
    /// Reads one line: `cms-error = 38`, `stuck-prompt`, `{"silent": "escape"}`, each with `@` and seconds before it
    /// when it is to happen later.
    ///
    /// # Errors
    /// When the line is no such thing.
    pub fn read(line: &str) -> Result<Self, FaultError> {
        let line = line.trim();
        let Some(timed) = line.strip_prefix('@') else {
            return Ok(Self { after: Duration::ZERO, fault: fault(line)? });
        };
        let (time, rest) = timed.split_once(char::is_whitespace).unwrap_or((timed, ""));
        let after = time.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        Ok(Self { after: after.ok_or_else(|| FaultError::Time(time.to_owned()))?, fault: fault(rest.trim())? })
    }

    /// Reads a file: a fault on each line; empty lines and lines that start with `#` say nothing.
    ///
    /// # Errors
    /// When a line is wrong.
    pub fn read_all(text: &str) -> Result<Vec<Self>, FaultError> {
        text.lines()
            .enumerate()
            .filter(|(_, line)| !line.trim().is_empty() && !line.trim().starts_with('#'))
            .map(|(place, line)| {
                Self::read(line).map_err(|error| FaultError::Line { line: place + 1, error: Box::new(error) })
            })
            .collect()
    }
}

fn fault(line: &str) -> Result<Fault, FaultError> {
    let wrong = |error: String| FaultError::Fault(error.lines().collect::<Vec<_>>().join(" "));
    if line.starts_with(['{', '"']) {
        return serde_json::from_str(line).map_err(|error| wrong(error.to_string()));
    }
    if line.contains('=') {
        let table: toml::Table = line.parse().map_err(|error: toml::de::Error| wrong(error.message().to_owned()))?;
        return Fault::deserialize(table).map_err(|error| wrong(error.message().to_owned()));
    }
    serde_json::from_value(line.into()).map_err(|error| wrong(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::fault::{BrownOut, CardFault, EXAMPLES, Faults, HangUp, Standing, Until};

    #[test]
    fn toml_json_and_a_bare_word_mean_the_same_faults() {
        for (line, fault) in [
            ("stuck-prompt", Fault::StuckPrompt),
            ("cms-error = 38", Fault::CmsError(38)),
            ("{\"cms-error\": 38}", Fault::CmsError(38)),
            ("silent = \"escape\"", Fault::Silent(Until::Escape)),
            ("silent = { after = 1.5 }", Fault::Silent(Until::After(Duration::from_millis(1_500)))),
            (
                "hang-up = { after-ctrl-z = { submitted = true } }",
                Fault::HangUp(HangUp::AfterCtrlZ { submitted: true }),
            ),
            ("refuse = { command = \"+CMMS\" }", Fault::Refuse { command: "+CMMS".to_owned(), cme_error: None }),
            ("brown-out = { gone-for = 5 }", Fault::BrownOut(BrownOut { at: None, gone_for: Duration::from_secs(5) })),
            ("standing = { creg = 3, cause = 11 }", {
                Fault::Standing(Standing { creg: Some(3), cause: Some(11), ..Standing::default() })
            }),
            ("card = { asks-pin = { pin = \"1234\" } }", Fault::Card(CardFault::AsksPin { pin: "1234".to_owned() })),
            ("{\"card\":\"removed\"}", Fault::Card(CardFault::Removed)),
            ("{\"barred\":null}", Fault::Barred(None)),
        ] {
            assert_eq!(Timed::read(line), Ok(Timed { after: Duration::ZERO, fault }), "{line}");
        }
    }

    #[test]
    fn there_is_an_example_of_every_fault() {
        let wrong = Timed::read("no-such-fault").unwrap_err().to_string();
        let names: Vec<&str> = wrong.split('`').skip(3).step_by(2).collect();
        assert!(names.len() > 40, "{wrong}");
        for line in EXAMPLES {
            Timed::read(line).unwrap();
        }
        for name in names {
            let is_of = |line: &&str| line.trim_start_matches("{\"").starts_with(name);
            assert!(EXAMPLES.iter().any(is_of), "no example of {name}");
        }
    }

    #[test]
    fn every_fault_that_is_written_is_read_again() {
        for fault in Faults::seeded(1).take(500).map(|timed| timed.fault) {
            let line = serde_json::to_string(&fault).unwrap();
            assert_eq!(Timed::read(&line).unwrap().fault, fault, "{line}");
        }
    }

    #[test]
    fn a_file_names_the_line_that_is_wrong() {
        let text = "# at first nothing\n\n@2.5 stuck-prompt\nsilent = \"escape\"\n";
        let read = Timed::read_all(text).unwrap();
        assert_eq!(
            read.iter().map(|timed| timed.after).collect::<Vec<_>>(),
            [Duration::from_millis(2_500), Duration::ZERO]
        );
        for (line, wrong) in [
            ("@x stuck-prompt", "\"x\" is no time"),
            ("stuck", "unknown variant `stuck`"),
            ("cms-error = 70000", "invalid value"),
            ("refuse = { command = \"+CMMS\", error = 4 }", "unknown field `error`"),
            ("cms-error = 38\u{7f}", "this is no fault"),
        ] {
            let error = Timed::read_all(&format!("# one\n{line}\n")).unwrap_err().to_string();
            assert!(error.starts_with("line 2: ") && error.contains(wrong), "{line}: {error}");
        }
    }
}
