//! The commands on one line (ITU-T V.250 §5.2.4 and 5.4, 3GPP TS 27.007 §4).

use super::answer::Failure;

/// One command of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    /// In upper case: `+CMGS`, `E`, `&F`, `S3`.
    pub(super) name: String,
    /// What is asked of it.
    pub(super) operation: Operation,
}

impl Command {
    /// As it was typed, but for quotes and case.
    pub(super) fn text(&self) -> String {
        match &self.operation {
            Operation::Execute => self.name.clone(),
            Operation::Read => format!("{}?", self.name),
            Operation::Test => format!("{}=?", self.name),
            Operation::Set(parameters) => format!("{}={}", self.name, parameters.0.join(",")),
        }
    }
}

/// What is asked of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operation {
    /// `AT+X`.
    Execute,
    /// `AT+X?`.
    Read,
    /// `AT+X=?`.
    Test,
    /// `AT+X=…`, or the number after a basic command.
    Set(Parameters),
}

/// What follows `=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parameters(Vec<String>);

impl Parameters {
    /// Cuts at commas outside quotes, and takes the quotes off.
    fn read(text: &str) -> Self {
        let mut values = vec![String::new()];
        let mut quoted = false;
        for c in text.chars() {
            match (c, values.last_mut()) {
                ('"', _) => quoted = !quoted,
                (',', _) if !quoted => values.push(String::new()),
                (c, Some(value)) if quoted || !c.is_whitespace() => value.push(c),
                _ => {}
            }
        }
        Self(values)
    }

    /// All of them, as they were typed but for the quotes.
    pub(super) fn all(&self) -> &[String] {
        &self.0
    }

    /// The text at this place, unless left out.
    pub(super) fn text(&self, place: usize) -> Option<&str> {
        self.0.get(place).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// The number at this place, unless left out.
    pub(super) fn number(&self, place: usize) -> Result<Option<u32>, Failure> {
        self.text(place).map(|text| text.parse().map_err(|_| Failure::PARAMETERS)).transpose()
    }

    /// The number at this place, which must be one of these; `otherwise` when left out.
    pub(super) fn choice(&self, place: usize, allowed: &[u8], otherwise: u8) -> Result<u8, Failure> {
        let Some(number) = self.number(place)? else { return Ok(otherwise) };
        allowed.iter().copied().find(|value| u32::from(*value) == number).ok_or(Failure::PARAMETERS)
    }

    /// The octet at this place; `otherwise` when left out.
    pub(super) fn octet(&self, place: usize, otherwise: u8) -> Result<u8, Failure> {
        let Some(number) = self.number(place)? else { return Ok(otherwise) };
        u8::try_from(number).map_err(|_| Failure::PARAMETERS)
    }
}

/// Reads the body of a command line.
pub(super) fn read_line(line: &[u8]) -> Result<Vec<Command>, Failure> {
    let line = String::from_utf8_lossy(line);
    let mut rest = line.trim();
    let mut commands = Vec::new();
    while !rest.is_empty() {
        let (command, after) = if rest.starts_with(['+', '^', '*', '$', '#', '%', '!']) {
            let (text, after) = split_outside_quotes(rest);
            (extended(text)?, after)
        } else {
            basic(rest)?
        };
        commands.push(command);
        rest = after.trim_start_matches([';', ' ']);
    }
    Ok(commands)
}

/// The text up to the first `;` outside quotes, and what follows it.
fn split_outside_quotes(text: &str) -> (&str, &str) {
    let mut quoted = false;
    for (place, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ';' if !quoted => return (&text[..place], &text[place + 1..]),
            _ => {}
        }
    }
    (text, "")
}

fn extended(text: &str) -> Result<Command, Failure> {
    let end = text.find(['=', '?']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let operation = match rest.trim_end() {
        "" => Operation::Execute,
        "?" => Operation::Read,
        "=?" => Operation::Test,
        rest => Operation::Set(Parameters::read(rest.strip_prefix('=').ok_or(Failure::Syntax)?)),
    };
    Ok(Command { name: name.trim_end().to_ascii_uppercase(), operation })
}

/// A letter, or `&` and a letter, or `S` and a register's number; then perhaps a number.
fn basic(text: &str) -> Result<(Command, &str), Failure> {
    let letters = if text.starts_with('&') { 2 } else { 1 };
    let name = text.get(..letters).ok_or(Failure::Syntax)?.to_ascii_uppercase();
    if !name.ends_with(|c: char| c.is_ascii_alphabetic()) {
        return Err(Failure::Syntax);
    }
    let (number, rest) = split_digits(&text[letters..]);
    if name == "S" {
        return register(number, rest);
    }
    let operation = if number.is_empty() { Operation::Execute } else { Operation::Set(Parameters::read(number)) };
    Ok((Command { name, operation }, rest))
}

fn register<'line>(number: &str, rest: &'line str) -> Result<(Command, &'line str), Failure> {
    let name = format!("S{}", number.trim_start_matches('0'));
    if let Some(rest) = rest.strip_prefix('?') {
        return Ok((Command { name, operation: Operation::Read }, rest));
    }
    let (value, rest) = split_digits(rest.strip_prefix('=').ok_or(Failure::Syntax)?);
    Ok((Command { name, operation: Operation::Set(Parameters::read(value)) }, rest))
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(line: &str) -> Vec<String> {
        read_line(line.as_bytes()).unwrap().into_iter().map(|command| command.name).collect()
    }

    #[test]
    fn basic_commands_follow_each_other_and_extended_ones_are_separated() {
        assert_eq!(names("E0V1Q0&FS3=13S4?"), ["E", "V", "Q", "&F", "S3", "S4"]);
        assert_eq!(names("e0+cmee=1;+creg?;+CGMI"), ["E", "+CMEE", "+CREG", "+CGMI"]);
        assert_eq!(names(""), Vec::<String>::new());
    }

    #[test]
    fn quotes_hide_commas_and_semicolons() {
        let commands = read_line(b"+CMGS=\"a,;b\",145,,7").unwrap();
        let Operation::Set(parameters) = &commands[0].operation else { panic!("{commands:?}") };
        assert_eq!(parameters.0.len(), 4);
        assert_eq!(parameters.text(0), Some("a,;b"));
        assert_eq!(parameters.number(1), Ok(Some(145)));
        assert_eq!(parameters.number(2), Ok(None));
        assert_eq!(parameters.octet(3, 0), Ok(7));
        assert!(parameters.number(0).is_err());
    }

    #[test]
    fn what_is_no_command_is_refused() {
        for line in ["?", "1", "+X?1", "S3", "&", "é"] {
            assert!(read_line(line.as_bytes()).is_err(), "{line}");
        }
    }
}
