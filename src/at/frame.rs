//! Bytes to lines. Modems end a line with CR LF, with CR CR LF, with LF alone; put blank lines anywhere; send NULs after
//! opening; and print the prompt without any line end. All of that ends here.

use memchr::memchr3;

/// The longest line that is kept, in octets. A message in a listing needs less than 500; a longer line is given up, so
/// that a modem gone mad costs no memory.
const LINE_LIMIT: usize = 4096;

/// One thing a modem said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    /// A line that is not blank, without its ends.
    Line(&'a [u8]),
    /// `>` at the start of a line: the modem waits for a PDU. It has no line end, so it counts as soon as it is seen.
    Prompt,
    /// A line longer than [`LINE_LIMIT`].
    Overlong,
}

/// Cuts bytes into [`Frame`]s, however they arrive.
#[derive(Default)]
pub(super) struct Framer {
    /// The beginning of a line whose end has not come yet.
    kept: Vec<u8>,
    /// What is kept has been handed out.
    spent: bool,
    /// The present line is longer than is kept.
    overlong: bool,
}

impl Framer {
    /// The next frame; `None` when the input is used up. Takes from `input` what it has looked at.
    pub(super) fn next<'f, 'i: 'f>(&'f mut self, input: &mut &'i [u8]) -> Option<Frame<'f>> {
        if self.spent {
            self.kept.clear();
            self.spent = false;
        }
        loop {
            if self.kept.is_empty() && !self.overlong {
                *input = skip_blank(input);
                if let Some(rest) = input.strip_prefix(b">") {
                    *input = rest;
                    return Some(Frame::Prompt);
                }
            }
            let Some(end) = memchr3(b'\r', b'\n', 0, input) else {
                self.keep(input);
                *input = &[];
                return None;
            };
            let (piece, stop) = (&input[..end], input[end]);
            *input = &input[end + 1..];
            if stop == 0 {
                self.keep(piece);
                continue;
            }
            if self.kept.is_empty() && !self.overlong && piece.len() <= LINE_LIMIT {
                return Some(Frame::Line(piece.trim_ascii_end()));
            }
            self.keep(piece);
            self.spent = true;
            if std::mem::take(&mut self.overlong) {
                return Some(Frame::Overlong);
            }
            return Some(Frame::Line(self.kept.trim_ascii_end()));
        }
    }

    fn keep(&mut self, piece: &[u8]) {
        if self.overlong || self.kept.len() + piece.len() > LINE_LIMIT {
            self.overlong = true;
            self.kept.clear();
        } else {
            self.kept.extend_from_slice(piece);
        }
    }
}

/// Spaces and control characters at the start of a line mean nothing: line ends, NULs, the echo of ESC or Ctrl-Z.
fn skip_blank(input: &[u8]) -> &[u8] {
    let blank = input.iter().position(|octet| *octet > b' ').unwrap_or(input.len());
    &input[blank..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(pieces: &[&[u8]]) -> Vec<String> {
        let mut framer = Framer::default();
        let mut seen = Vec::new();
        for piece in pieces {
            let mut input = *piece;
            while let Some(frame) = framer.next(&mut input) {
                seen.push(match frame {
                    Frame::Line(line) => String::from_utf8_lossy(line).into_owned(),
                    Frame::Prompt => "(prompt)".to_owned(),
                    Frame::Overlong => "(overlong)".to_owned(),
                });
            }
        }
        seen
    }

    #[test]
    fn line_ends_of_every_kind_end_a_line() {
        for text in ["\r\nOK\r\n", "OK\r", "OK\n", "\r\r\nOK\r\r\n", "\0\0OK\r\n", "O\0K \r\n", "\r\n\r\n  OK\r\n"] {
            assert_eq!(frames(&[text.as_bytes()]), ["OK"], "{text:?}");
        }
    }

    #[test]
    fn the_prompt_counts_before_its_line_ends() {
        for text in ["\r\n> ", "\r\n>", "> ", "\r\n\r \n > \r\n", "\0>"] {
            assert_eq!(frames(&[text.as_bytes()]), ["(prompt)"], "{text:?}");
        }
    }

    #[test]
    fn an_angle_bracket_inside_a_line_is_no_prompt() {
        assert_eq!(frames(&[b"+COPS: 0,0,\"a>b\"\r\n"]), ["+COPS: 0,0,\"a>b\""]);
    }

    #[test]
    fn what_arrives_in_pieces_is_the_same_as_what_arrives_at_once() {
        let text = b"\r\n+CSQ: 20,99\r\n\r\nOK\r\n> ";
        let pieces: Vec<&[u8]> = text.chunks(1).collect();
        assert_eq!(frames(&pieces), frames(&[text]));
    }

    #[test]
    fn a_line_without_end_costs_bounded_memory_and_only_itself() {
        let mut framer = Framer::default();
        for _ in 0..10_000 {
            let mut input = [b'x'; 1000].as_slice();
            assert_eq!(framer.next(&mut input), None);
            assert!(framer.kept.capacity() <= 2 * LINE_LIMIT);
        }
        let mut input = b"x\r\nOK\r\n".as_slice();
        assert_eq!(framer.next(&mut input), Some(Frame::Overlong));
        assert_eq!(framer.next(&mut input), Some(Frame::Line(b"OK")));
    }

    #[test]
    fn an_overlong_line_in_one_piece_is_given_up_too() {
        let text = [vec![b'x'; LINE_LIMIT + 1], b"\r\nOK\r\n".to_vec()].concat();
        assert_eq!(frames(&[&text]), ["(overlong)", "OK"]);
    }
}
