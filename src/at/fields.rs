//! What stands behind the colon of an information line (ITU-T V.250 §5.7, 3GPP TS 27.007 §4): numbers, quoted strings,
//! lists and ranges, separated by commas, some of them left out.

use nom::branch::alt;
use nom::bytes::complete::{take_till, take_while};
use nom::character::complete::{char, space0, u32 as number};
use nom::combinator::{map, opt, peek, verify};
use nom::multi::separated_list0;
use nom::sequence::{delimited, preceded, separated_pair, terminated};
use nom::{IResult, Parser};

/// One field of an information line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field<'a> {
    /// Left out.
    Empty,
    /// A decimal number.
    Number(u32),
    /// A string in quotes.
    Quoted(&'a str),
    /// Anything else up to the next comma: words, bare hexadecimal.
    Bare(&'a str),
    /// `0-3`: these numbers and all between them.
    Range(u32, u32),
    /// `(…)`: a choice of the above.
    List(Vec<Field<'a>>),
}

impl<'a> Field<'a> {
    /// The number, when it is one; some modems put numbers in quotes.
    #[must_use]
    pub fn number(&self) -> Option<u32> {
        match self {
            Self::Number(value) => Some(*value),
            Self::Quoted(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The string, in quotes or not.
    #[must_use]
    pub fn text(&self) -> Option<&'a str> {
        match self {
            Self::Quoted(text) | Self::Bare(text) => Some(text),
            _ => None,
        }
    }

    /// Whether this choice offers the number.
    #[must_use]
    pub fn offers(&self, value: u32) -> bool {
        match self {
            Self::Number(only) => *only == value,
            Self::Range(first, last) => (*first..=*last).contains(&value),
            Self::List(choices) => choices.iter().any(|choice| choice.offers(value)),
            _ => false,
        }
    }
}

/// The fields of what stands behind the colon. Every text has some: what fits nothing else is [`Field::Bare`].
#[must_use]
pub fn fields(text: &str) -> Vec<Field<'_>> {
    // No parser below fails on text, nor leaves any but a stray bracket or quote behind.
    separated_list0(char(','), field).parse(text).map_or_else(|_| Vec::new(), |(_, fields)| fields)
}

/// The first two fields, when there are as many.
pub(super) fn first_two(text: &str) -> Option<(Field<'_>, Field<'_>)> {
    separated_pair(field, char(','), field).parse(text).ok().map(|(_, fields)| fields)
}

fn field(input: &str) -> IResult<&str, Field<'_>> {
    alt((terminated(atom, peek_end), list, bare)).parse(input)
}

/// A list holds no further lists, so that no text makes the parser go deep.
fn list(input: &str) -> IResult<&str, Field<'_>> {
    let choice = alt((terminated(atom, peek_list_end), bare_in_list));
    let inside = delimited(char('('), separated_list0(char(','), choice), char(')'));
    map(delimited(space0, inside, space0), Field::List).parse(input)
}

fn atom(input: &str) -> IResult<&str, Field<'_>> {
    let quoted = map(delimited(char('"'), take_till(|c| c == '"'), char('"')), Field::Quoted);
    let range = map((number, opt(preceded(char('-'), number))), |(first, last)| match last {
        Some(last) => Field::Range(first, last),
        None => Field::Number(first),
    });
    delimited(space0, alt((quoted, range)), space0).parse(input)
}

fn bare(input: &str) -> IResult<&str, Field<'_>> {
    map(take_while(|c| c != ','), bare_or_empty).parse(input)
}

fn bare_in_list(input: &str) -> IResult<&str, Field<'_>> {
    map(take_while(|c| c != ',' && c != ')'), bare_or_empty).parse(input)
}

fn bare_or_empty(text: &str) -> Field<'_> {
    match text.trim() {
        "" => Field::Empty,
        text => Field::Bare(text),
    }
}

fn peek_end(input: &str) -> IResult<&str, ()> {
    ends_at(input, |c| c == ',')
}

fn peek_list_end(input: &str) -> IResult<&str, ()> {
    ends_at(input, |c| c == ',' || c == ')')
}

fn ends_at(input: &str, end: fn(char) -> bool) -> IResult<&str, ()> {
    map(verify(peek(opt(nom::character::complete::anychar)), move |next| next.is_none_or(end)), |_| ()).parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Field::{Bare, Empty, List, Number, Quoted, Range};

    #[test]
    fn fields_are_read_whatever_their_kind() {
        assert_eq!(
            fields("2,1,\"00C3\",,1A2B, 7"),
            [Number(2), Number(1), Quoted("00C3"), Empty, Bare("1A2B"), Number(7)]
        );
        assert_eq!(fields("\"a,b\",READY"), [Quoted("a,b"), Bare("READY")]);
        assert_eq!(fields(",26"), [Empty, Number(26)]);
        assert_eq!(fields("SIM PIN"), [Bare("SIM PIN")]);
    }

    #[test]
    fn lists_and_ranges_say_what_is_offered() {
        let offer = fields("(0-2),(0,1,3),0,(\"ME\",\"SM\"),()");
        assert_eq!(offer[1], List(vec![Number(0), Number(1), Number(3)]));
        assert_eq!(offer[0], List(vec![Range(0, 2)]));
        assert!(offer[0].offers(2) && !offer[0].offers(3));
        assert!(offer[1].offers(3) && !offer[1].offers(2));
        assert!(offer[2].offers(0) && !offer[2].offers(1));
        assert_eq!(offer[3], List(vec![Quoted("ME"), Quoted("SM")]));
    }

    #[test]
    fn what_is_broken_is_still_read_up_to_the_break() {
        assert_eq!(fields("1,\"open"), [Number(1), Bare("\"open")]);
        assert_eq!(fields("99999999999,1"), [Bare("99999999999"), Number(1)]);
        assert_eq!(fields("12x,1"), [Bare("12x"), Number(1)]);
        assert_eq!(fields("(0-2"), [Bare("(0-2")]);
        assert_eq!(fields("((0,1),2"), [List(vec![Bare("(0"), Number(1)]), Number(2)]);
    }

    #[test]
    fn a_quoted_number_is_a_number() {
        assert_eq!(fields("\"12\"")[0].number(), Some(12));
    }
}
