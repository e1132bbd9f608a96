//! What a terminal types: command lines, repeats of the last one, and message bodies after a prompt
//! (ITU-T V.250 §5.2, 3GPP TS 27.005 §3.5.1).
//!
//! This is the simulator's own way of reading, shared with no driver. It decides nothing about what a line means.

const LONGEST_LINE: usize = 1_024;
const LONGEST_BODY: usize = 4_096;
const LF: u8 = b'\n';
const CTRL_Z: u8 = 0x1a;
const ESC: u8 = 0x1b;

/// What has been typed to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Input {
    /// A command line, without `AT` and the character that ended it.
    Line(Vec<u8>),
    /// A line that is longer than the modem can hold.
    Overlong,
    /// A message, without Ctrl-Z.
    Body(Vec<u8>),
    /// ESC instead of a message.
    Abort,
    /// A line ended inside a message: the modem prompts again.
    BodyLine,
}

/// The characters that a user can change (V.250 §6.2.1 to 6.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Characters {
    /// S3: ends a command line.
    pub(super) end: u8,
    /// S4: the second character of a line end in answers.
    pub(super) format: u8,
    /// S5: takes back the last character.
    pub(super) back: u8,
}

impl Default for Characters {
    fn default() -> Self {
        Self { end: b'\r', format: LF, back: 8 }
    }
}

#[derive(Debug, Default)]
enum Mode {
    /// Anything until an `A`.
    #[default]
    Waiting,
    /// `A` has been typed.
    Attention,
    /// `AT` has been typed.
    Command,
    /// A prompt was given.
    Body,
}

/// Collects bytes until something is complete.
#[derive(Debug, Default)]
pub(super) struct Reader {
    mode: Mode,
    typed: Vec<u8>,
    last_line: Vec<u8>,
}

impl Reader {
    /// The modem has prompted: what follows is a message.
    pub(super) fn expect_body(&mut self) {
        self.mode = Mode::Body;
        self.typed.clear();
    }

    /// Whether the next byte is the first of a command line or of a message.
    pub(super) fn is_at_start(&self) -> bool {
        matches!(self.mode, Mode::Waiting) || matches!(self.mode, Mode::Body) && self.typed.is_empty()
    }

    /// Whether a command has begun beyond its name's first letters.
    pub(super) fn is_within_command(&self) -> bool {
        matches!(self.mode, Mode::Command) && self.typed.len() == 2
    }

    /// Takes one byte.
    pub(super) fn take(&mut self, byte: u8, characters: Characters) -> Option<Input> {
        match self.mode {
            Mode::Waiting => {
                if byte.eq_ignore_ascii_case(&b'A') {
                    self.mode = Mode::Attention;
                }
                None
            }
            Mode::Attention => self.take_second(byte),
            Mode::Command => self.take_command(byte, characters),
            Mode::Body => self.take_body(byte),
        }
    }

    fn take_second(&mut self, byte: u8) -> Option<Input> {
        self.mode = Mode::Waiting;
        match byte.to_ascii_uppercase() {
            b'T' => self.mode = Mode::Command,
            b'A' => self.mode = Mode::Attention,
            b'/' => return Some(Input::Line(self.last_line.clone())),
            _ => {}
        }
        None
    }

    fn take_command(&mut self, byte: u8, characters: Characters) -> Option<Input> {
        if byte == characters.end {
            self.mode = Mode::Waiting;
            let line = std::mem::take(&mut self.typed);
            if line.len() > LONGEST_LINE {
                return Some(Input::Overlong);
            }
            self.last_line.clone_from(&line);
            return Some(Input::Line(line));
        }
        match byte {
            byte if byte == characters.back => {
                self.typed.pop();
            }
            ESC => {
                self.mode = Mode::Waiting;
                self.typed.clear();
            }
            0 | LF => {}
            _ if self.typed.len() > LONGEST_LINE => {}
            _ => self.typed.push(byte),
        }
        None
    }

    fn take_body(&mut self, byte: u8) -> Option<Input> {
        match byte {
            CTRL_Z => {
                self.mode = Mode::Waiting;
                Some(Input::Body(std::mem::take(&mut self.typed)))
            }
            ESC => {
                self.mode = Mode::Waiting;
                self.typed.clear();
                Some(Input::Abort)
            }
            // Many programs end their command line with CR LF.
            LF if self.typed.is_empty() => None,
            _ if self.typed.len() >= LONGEST_BODY => None,
            b'\r' => {
                self.typed.push(byte);
                Some(Input::BodyLine)
            }
            _ => {
                self.typed.push(byte);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(reader: &mut Reader, bytes: &[u8]) -> Vec<Input> {
        bytes.iter().filter_map(|byte| reader.take(*byte, Characters::default())).collect()
    }

    #[test]
    fn a_line_starts_with_at_in_either_case_after_any_noise() {
        let lines = read(&mut Reader::default(), b"\0\r\n?at+cmgf=0\rxAaT\rAAT\r\n");
        let line = |text: &str| Input::Line(text.as_bytes().to_vec());
        assert_eq!(lines, [line("+cmgf=0"), line(""), line("")]);
    }

    #[test]
    fn the_last_line_is_repeated_without_a_line_end() {
        let lines = read(&mut Reader::default(), b"AT+CSQ\rA/");
        assert_eq!(lines, [Input::Line(b"+CSQ".to_vec()), Input::Line(b"+CSQ".to_vec())]);
    }

    #[test]
    fn a_typed_character_can_be_taken_back_and_a_line_dropped() {
        let lines = read(&mut Reader::default(), b"AT+CSX\x08Q\rAT+CS\x1bAT\r");
        assert_eq!(lines, [Input::Line(b"+CSQ".to_vec()), Input::Line(Vec::new())]);
    }

    #[test]
    fn a_body_ends_with_ctrl_z_or_esc_and_nothing_else() {
        let mut reader = Reader::default();
        reader.expect_body();
        assert_eq!(read(&mut reader, b"AT\rb\x1a"), [Input::BodyLine, Input::Body(b"AT\rb".to_vec())]);
        reader.expect_body();
        assert_eq!(read(&mut reader, b"\na\nb\x1a"), [Input::Body(b"a\nb".to_vec())]);
        reader.expect_body();
        assert_eq!(read(&mut reader, b"AT\x1bAT\r"), [Input::Abort, Input::Line(Vec::new())]);
    }

    #[test]
    fn a_line_without_end_takes_bounded_room() {
        let mut reader = Reader::default();
        read(&mut reader, b"AT");
        read(&mut reader, &[b'x'; 100_000]);
        assert!(reader.typed.len() <= LONGEST_LINE + 1);
        assert_eq!(read(&mut reader, b"\r"), [Input::Overlong]);
    }
}
