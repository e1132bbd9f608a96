//! The wording of a message: a text with places for the code, the brand and what else the moment brings; the texts that
//! smsotpd has of its own, by language; and what stands on a message's last line for browsers and phones to fill in.
//!
//! A template is read once, when the configuration is; after that it cannot fail. Whether what it gives fits into one
//! SMS is judged by the room `wording`, which knows the alphabets.
//!
//! Its one rule: there is no template without `{code}`.

mod autofill;
mod locale;
mod lookalikes;
mod texts;

use std::fmt;
use std::str::FromStr;

use crate::secret::Code;

pub use autofill::{
    AppHash, AppHashError, Domain, DomainError, LastLineError, is_filled_in, last_line_len, named_hosts, own_hash,
    own_host, push_last_line,
};
pub use locale::{Locale, LocaleError, from_near_to_far};
pub use lookalikes::plainer;
pub use texts::{BuiltIn, built_in, built_in_of, english};

/// The longest template, in characters: many times what one SMS holds.
pub const LONGEST: usize = 1000;

/// The wording of a message, for instance `{code} is your {brand} code.`
///
/// `{code}`, `{brand}`, `{minutes}`, `{domain}`, `{payee}` and `{amount}` are replaced; `{{` and `}}` stand for the braces
/// themselves.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Template {
    source: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Place(Place),
}

/// What a template can have a place for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The code.
    Code,
    /// The name under which people know the app.
    Brand,
    /// For how long the code is valid.
    Minutes,
    /// The host that the code is for.
    Domain,
    /// Who is paid.
    Payee,
    /// How much is paid.
    Amount,
}

/// The places by their names.
const PLACES: [(&str, Place); 6] = [
    ("code", Place::Code),
    ("brand", Place::Brand),
    ("minutes", Place::Minutes),
    ("domain", Place::Domain),
    ("payee", Place::Payee),
    ("amount", Place::Amount),
];

/// What a template is filled with. What is `None` leaves its place empty; ask [`Template::has`] whether there is one.
#[derive(Debug, Clone, Copy)]
pub struct Values<'a> {
    /// The code.
    pub code: &'a Code,
    /// The name under which the app is known to its people; may be empty.
    pub brand: &'a str,
    /// For how many minutes the code is valid.
    pub minutes: u32,
    /// The host that the code is for.
    pub domain: Option<&'a str>,
    /// Who is paid.
    pub payee: Option<&'a str>,
    /// How much is paid.
    pub amount: Option<&'a str>,
}

/// Why a text is not a template. Positions count characters from 1. The text itself is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The code would not be in the message.
    #[error("the template has no {{code}}: nobody would receive a code{}", if *.doubled { "; {{ and }} stand for the braces themselves, a place has single ones" } else { "" })]
    NoCode {
        /// Whether there are doubled braces, as other systems have them round their places.
        doubled: bool,
    },
    /// Something stands in braces that is no place.
    #[error("the place at character {position} is unknown; {}", advice(.nearest))]
    Unknown {
        /// Where its brace opens.
        position: usize,
        /// The place whose name is nearest, when one is near.
        nearest: Option<&'static str>,
    },
    /// A brace is opened and not closed.
    #[error("the brace at character {position} is never closed; write {{{{ for a brace itself")]
    Unclosed {
        /// Where it opens.
        position: usize,
    },
    /// A brace is closed that was not opened.
    #[error("the brace at character {position} was never opened; write }}}} for a brace itself")]
    Unopened {
        /// Where it closes.
        position: usize,
    },
    /// A control character other than the line feed.
    #[error("the control character U+{:04X} at character {position} cannot be sent", u32::from(*.character))]
    Control {
        /// The character.
        character: char,
        /// Where it stands.
        position: usize,
    },
    /// More than [`LONGEST`] characters.
    #[error("a template has at most {LONGEST} characters")]
    TooLong,
}

fn advice(nearest: &Option<&'static str>) -> String {
    match nearest {
        Some(name) => format!("did you mean {{{name}}}?"),
        None => "a template can have {code}, {brand}, {minutes}, {domain}, {payee} and {amount}".to_owned(),
    }
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// [`TemplateError`] says what is wrong and where.
    pub fn parse(source: &str) -> Result<Self, TemplateError> {
        if source.chars().nth(LONGEST).is_some() {
            return Err(TemplateError::TooLong);
        }
        if let Some((at, character)) = source.chars().enumerate().find(|(_, c)| c.is_control() && *c != '\n') {
            return Err(TemplateError::Control { character, position: at + 1 });
        }
        let template = Self { source: source.to_owned(), pieces: pieces(source)? };
        if template.has(Place::Code) {
            Ok(template)
        } else {
            Err(TemplateError::NoCode { doubled: source.contains("{{") })
        }
    }

    /// The template as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Whether this place is in it.
    #[must_use]
    pub fn has(&self, place: Place) -> bool {
        self.pieces.contains(&Piece::Place(place))
    }

    /// The message, in a text with room for so many octets more, so that it never moves and leaves no copy behind. An
    /// empty brand takes one of the two spaces around it along, so that no gap tells of it.
    #[must_use]
    pub fn render(&self, values: &Values<'_>, more: usize) -> String {
        let minutes = values.minutes.to_string();
        let mut text = String::with_capacity(self.rendered_len(values, &minutes) + more);
        let mut gap = false;
        for piece in &self.pieces {
            match piece {
                Piece::Literal(literal) if gap => text.push_str(literal.strip_prefix(' ').unwrap_or(literal)),
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Place(place) => text.push_str(place.value(values, &minutes)),
            }
            let no_brand = values.brand.is_empty() && *piece == Piece::Place(Place::Brand);
            gap = no_brand && (text.is_empty() || text.ends_with([' ', '\n']));
        }
        text
    }

    fn rendered_len(&self, values: &Values<'_>, minutes: &str) -> usize {
        let len = |piece: &Piece| match piece {
            Piece::Literal(literal) => literal.len(),
            Piece::Place(place) => place.value(values, minutes).len(),
        };
        self.pieces.iter().map(len).sum()
    }
}

impl Place {
    fn value<'a>(self, values: &Values<'a>, minutes: &'a str) -> &'a str {
        match self {
            Self::Code => values.code.expose(),
            Self::Brand => values.brand,
            Self::Minutes => minutes,
            Self::Domain => values.domain.unwrap_or_default(),
            Self::Payee => values.payee.unwrap_or_default(),
            Self::Amount => values.amount.unwrap_or_default(),
        }
    }
}

/// The pieces of a template, each literal as long as it can be.
fn pieces(source: &str) -> Result<Vec<Piece>, TemplateError> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut characters = source.chars().enumerate().peekable();
    while let Some((at, c)) = characters.next() {
        let position = at + 1;
        let doubled = matches!(c, '{' | '}') && characters.next_if(|(_, next)| *next == c).is_some();
        match c {
            '{' if !doubled => {
                let mut name = String::new();
                loop {
                    match characters.next() {
                        Some((_, '}')) => break,
                        Some((_, c)) if c != '{' => name.push(c),
                        _ => return Err(TemplateError::Unclosed { position }),
                    }
                }
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                }
                pieces.push(Piece::Place(place(name, position)?));
            }
            '}' if !doubled => return Err(TemplateError::Unopened { position }),
            c => literal.push(c),
        }
    }
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(pieces)
}

fn place(name: String, position: usize) -> Result<Place, TemplateError> {
    if let Some((_, place)) = PLACES.iter().find(|(known, _)| *known == name) {
        return Ok(*place);
    }
    let nearest = PLACES
        .iter()
        .map(|(known, _)| (distance(known, &name.to_lowercase()), *known))
        .min()
        .filter(|(distance, known)| distance * 2 <= known.len())
        .map(|(_, known)| known);
    Err(TemplateError::Unknown { position, nearest })
}

/// How many characters have to be put in, taken out or changed to make one word of the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let change = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(source: &str) -> Result<Self, TemplateError> {
        Self::parse(source)
    }
}

impl TryFrom<String> for Template {
    type Error = TemplateError;

    fn try_from(source: String) -> Result<Self, TemplateError> {
        Self::parse(&source)
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.source
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn render(template: &str, brand: &str) -> String {
        let code = Code::new("123456".to_owned());
        Template::parse(template).unwrap().render(&values(&code, brand), 0)
    }

    fn values<'a>(code: &'a Code, brand: &'a str) -> Values<'a> {
        Values { code, brand, minutes: 5, domain: Some("example.com"), payee: Some("Zoë"), amount: Some("9.50 €") }
    }

    #[test]
    fn places_are_filled() {
        let english = "{code} is your {brand} code. It is valid for {minutes} minutes.";
        assert_eq!(render(english, "Example"), "123456 is your Example code. It is valid for 5 minutes.");
        assert_eq!(render("{brand}: {code}\n({minutes}, {code})", "Zoë"), "Zoë: 123456\n(5, 123456)");
        assert_eq!(render("{code}: {amount} to {payee} at {domain}", ""), "123456: 9.50 € to Zoë at example.com");
    }

    #[test]
    fn doubled_braces_are_braces() {
        assert_eq!(render("{{{code}}} {{code}} }}{{", ""), "{123456} {code} }{");
    }

    #[test]
    fn an_empty_brand_leaves_no_gap() {
        let cases = [
            ("{code} is your {brand} code.", "123456 is your code."),
            ("{brand} {code}", "123456"),
            ("{code} {brand}", "123456 "),
            ("{code} for {brand}, now", "123456 for , now"),
        ];
        for (template, text) in cases {
            assert_eq!(render(template, ""), text, "{template}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_so_that_it_can_be_mended() {
        let all = "a template can have {code}, {brand}, {minutes}, {domain}, {payee} and {amount}";
        let cases = [
            ("", "the template has no {code}: nobody would receive a code"),
            ("Your code, {brand}", "the template has no {code}: nobody would receive a code"),
            (
                "{{code}}",
                "the template has no {code}: nobody would receive a code; {{ and }} stand for the braces themselves, a \
                 place has single ones",
            ),
            ("Hi {Code}", "the place at character 4 is unknown; did you mean {code}?"),
            ("{code} {minute}", "the place at character 8 is unknown; did you mean {minutes}?"),
            ("{foo}", &format!("the place at character 1 is unknown; {all}")),
            ("{code} {brnad}", "the place at character 8 is unknown; did you mean {brand}?"),
            ("é{name of app}", &format!("the place at character 2 is unknown; {all}")),
            ("{code} {brand", "the brace at character 8 is never closed; write {{ for a brace itself"),
            ("{code {brand}", "the brace at character 1 is never closed; write {{ for a brace itself"),
            ("{code}}", "the brace at character 7 was never opened; write }} for a brace itself"),
            ("{code}\r\n", "the control character U+000D at character 7 cannot be sent"),
            ("{code}\u{85}", "the control character U+0085 at character 7 cannot be sent"),
            (&"{code}".repeat(167), "a template has at most 1000 characters"),
        ];
        for (template, message) in cases {
            assert_eq!(Template::parse(template).map_err(|e| e.to_string()), Err(message.to_owned()), "{template:?}");
        }
    }

    #[test]
    fn a_text_has_room_for_what_is_added_and_never_moves() {
        let code = Code::new("123456".to_owned());
        let template = Template::parse("{brand}: {code}").unwrap();
        let text = template.render(&values(&code, "Zoë"), 20);
        assert!(text.capacity() >= text.len() + 20);
    }

    #[test]
    fn what_is_to_be_filled_in_does_not_print_its_code() {
        let code = Code::new("123456".to_owned());
        assert!(!format!("{:?}", values(&code, "x")).contains("123456"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_template_with_a_code_or_refused(source in "[{}a-e codebrandminutes\\PC]{0,40}") {
            if let Ok(template) = Template::parse(&source) {
                prop_assert_eq!(template.as_str(), &source);
                let code = Code::new("9#9".to_owned());
                prop_assert!(template.render(&values(&code, ""), 0).contains("9#9"));
            }
        }
    }
}
