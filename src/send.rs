//! Sending a message that is no code: the use case behind `POST /v1/messages`.
//!
//! The text is judged and measured here, sealed, and kept by the store; when [`send`] returns, the message is on disk
//! and waits for a modem.
//!
//! Its one rule: a text that is accepted can be sent as it is; nothing in it is left out, and nothing replaced but
//! look-alikes of the GSM alphabet, where the policy says so and the message becomes cheaper by it.

use std::time::Duration;

use rand::Rng as _;
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;

use crate::callback::Target;
use crate::ids::{AppName, MessageId};
use crate::message::{InDoubtPolicy, Priority};
use crate::pdu::{self, Encoding, Languages, Measure};
use crate::phone::PhoneNumber;
use crate::secret::{NONCE_LENGTH, Text};
use crate::store::{AcceptOutcome, Idempotency, MessageView, NewMessage, Store, StoreError};
use crate::wording;

/// The most parts a text may take.
pub const MOST_PARTS: usize = 10;
/// The deadline of a message for which none is asked.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(24 * 3600);
/// The longest deadline.
pub const LONGEST_DEADLINE: Duration = Duration::from_secs(7 * 24 * 3600);

/// What an app asks for.
#[derive(Debug)]
pub struct Request {
    /// The app that asks.
    pub app: AppName,
    /// Who is to receive the message.
    pub to: PhoneNumber,
    /// The text: not empty, no control characters but line feeds, at most 10 parts. CR LF is a line feed.
    pub text: Text,
    /// Who goes first when several messages wait.
    pub priority: Priority,
    /// After this time the message is no longer sent: 1 s to 7 days. Without it, 24 hours.
    pub deadline: Option<Duration>,
    /// Whether the handset shows the message at once and does not keep it (message class 0, 3GPP TS 23.038 §4).
    pub class0: bool,
    /// Whether look-alikes are replaced where that makes the message cheaper; from the app's policy.
    pub simplify: bool,
    /// What to do when the modem gives no answer to it; from the app's policy.
    pub in_doubt: InDoubtPolicy,
    /// The languages whose tables may be used where they save a part; from the app's policy.
    pub national_tables: Languages,
    /// Where the message's events go, beside the app's own URL.
    pub callback: Option<Target>,
    /// By what a repetition of this request is known.
    pub idempotency: Option<Idempotency>,
}

/// Why a message was not accepted. Nothing was kept and nothing will be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The text cannot be sent.
    #[error(transparent)]
    Text(#[from] TextError),
    /// The deadline is out of range.
    #[error("a deadline is 1 second to {} seconds ahead", LONGEST_DEADLINE.as_secs())]
    Deadline,
    /// Another request was made under the same idempotency key.
    #[error("this idempotency key was used for another request")]
    KeyReused,
    /// The recipient asked for no more messages.
    #[error("the recipient wants no messages")]
    OptedOut,
    /// The app was removed a moment ago.
    #[error("the app was removed")]
    AppGone,
    /// The store could not keep it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is wrong with a text. Tells of it only the one character that must be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// There is nothing to read in it.
    #[error("the text is empty")]
    Empty,
    /// A control character other than the line feed.
    #[error("the text has the control character U+{:04X} at character {position}; only line feeds are allowed", u32::from(*.character))]
    Control {
        /// The character.
        character: char,
        /// Where it stands, counted from 1.
        position: usize,
    },
    /// More than [`MOST_PARTS`] parts.
    #[error("the text takes {parts} parts; a message has at most {MOST_PARTS}{}", because(*.forced_by))]
    TooLong {
        /// How many parts it would take.
        parts: usize,
        /// The first character that is not in the GSM 7-bit alphabet, if there is one: it more than halves the room.
        forced_by: Option<char>,
    },
}

fn because(forced_by: Option<char>) -> String {
    forced_by.map_or_else(String::new, |c| {
        format!("; without {c:?}, which is not in the GSM 7-bit alphabet, it would take fewer")
    })
}

/// What the earlier request came to that this one repeats; `None` when it repeats none.
///
/// To be asked before [`send`], and before the app's policy is: it may be another by now.
///
/// # Errors
/// [`SendError::KeyReused`] when the earlier request was another one; [`SendError::Store`].
pub async fn repeated(
    store: &Store,
    app: &AppName,
    idempotency: Option<&Idempotency>,
) -> Result<Option<MessageView>, SendError> {
    let Some(idempotency) = idempotency else { return Ok(None) };
    store.accepted_before(app, idempotency.clone()).await?.map(answer).transpose()
}

/// Accepts a message and queues it.
///
/// A repetition of an earlier request gives the earlier answer, and sends nothing.
///
/// # Errors
/// [`SendError`]; nothing was accepted then. May be cancelled; what was handed to the store by then is kept.
pub async fn send(store: &Store, request: Request) -> Result<MessageView, SendError> {
    let (text, encoding, parts) = judge(request.text, request.simplify, request.national_tables)?;
    let deadline = request.deadline.unwrap_or(DEFAULT_DEADLINE);
    if !(Duration::from_secs(1)..=LONGEST_DEADLINE).contains(&deadline) {
        return Err(SendError::Deadline);
    }
    let id = MessageId::generate();
    // Fails only where getrandom(2) is missing or forbidden; then nothing must be sealed.
    let mut nonce = [0; NONCE_LENGTH];
    UnwrapErr(SysRng).fill_bytes(&mut nonce);
    let message = NewMessage {
        id,
        app: request.app,
        to: request.to,
        text: store.site_key().seal(id.as_bytes(), &text, nonce),
        priority: request.priority,
        deadline: store.clock().now() + deadline,
        encoding,
        parts,
        class0: request.class0,
        replace: None,
        second_after: None,
        in_doubt: request.in_doubt,
        callback: request.callback,
    };
    answer(store.accept(message, request.idempotency).await?)
}

fn answer(outcome: AcceptOutcome) -> Result<MessageView, SendError> {
    match outcome {
        AcceptOutcome::Accepted(view) | AcceptOutcome::Replayed(view) => Ok(view),
        AcceptOutcome::KeyReused => Err(SendError::KeyReused),
        AcceptOutcome::OptedOut => Err(SendError::OptedOut),
        AcceptOutcome::AppGone => Err(SendError::AppGone),
    }
}

/// A text that can be sent, its alphabet, and how many parts it takes.
fn judge(text: Text, simplify: bool, national_tables: Languages) -> Result<(Text, Encoding, u8), TextError> {
    // As text fields and some systems write the end of a line.
    let text = if text.expose().contains("\r\n") { Text::new(text.expose().replace("\r\n", "\n")) } else { text };
    let words = text.expose();
    if words.chars().all(is_unseen) {
        return Err(TextError::Empty);
    }
    if let Some((at, character)) = words.chars().enumerate().find(|(_, c)| c.is_control() && *c != '\n') {
        return Err(TextError::Control { character, position: at + 1 });
    }
    let (text, measure) = if simplify {
        let all = words.len();
        wording::simplified(text, all, national_tables)
    } else {
        let measure = pdu::measure_with(words, national_tables);
        (text, measure)
    };
    let Measure { encoding, parts, forced_by, .. } = measure;
    match u8::try_from(parts) {
        Ok(few) if parts <= MOST_PARTS => Ok((text, encoding, few)),
        _ => Err(TextError::TooLong { parts, forced_by }),
    }
}

/// Whether nobody sees it: spaces, soft hyphens, joiners, fillers, blanks, and marks of the direction of writing.
fn is_unseen(c: char) -> bool {
    c.is_whitespace()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdu::Language;

    fn judged(text: &str) -> Result<(Encoding, u8), String> {
        let judged = judge(Text::new(text.to_owned()), false, Languages::NONE);
        judged.map(|(_, encoding, parts)| (encoding, parts)).map_err(|e| e.to_string())
    }

    #[test]
    fn a_text_is_measured() {
        assert_eq!(judged("Lunch is ready.\nCome."), Ok((Encoding::Gsm7, 1)));
        assert_eq!(judged(&"x".repeat(161)), Ok((Encoding::Gsm7, 2)));
        assert_eq!(judged(&"ж".repeat(71)), Ok((Encoding::Ucs2, 2)));
        assert_eq!(judged(&"x".repeat(1530)), Ok((Encoding::Gsm7, 10)));
    }

    #[test]
    fn the_tables_of_a_language_are_used_where_they_save_a_part() {
        let judged = |text: &str| {
            let judged = judge(Text::new(text.to_owned()), false, Language::Turkish.into());
            judged.map(|(_, encoding, parts)| (encoding, parts))
        };
        assert_eq!(judged(&"ş".repeat(70)), Ok((Encoding::Ucs2, 1)));
        assert_eq!(judged(&"ş".repeat(71)), Ok((Encoding::National(Language::Turkish), 1)));
        assert_eq!(judged(&"ж".repeat(71)), Ok((Encoding::Ucs2, 2)));
    }

    #[test]
    fn what_cannot_be_sent_is_refused_and_said() {
        for (text, message) in [
            ("", "the text is empty"),
            (" \n ", "the text is empty"),
            ("\u{200b}\u{feff} \u{ad}\u{2060}\u{200e}\u{3164}\u{2800}\u{fe0f}", "the text is empty"),
            ("é\u{1b}[2J", "the text has the control character U+001B at character 2; only line feeds are allowed"),
            ("a\r", "the text has the control character U+000D at character 2; only line feeds are allowed"),
            ("a\r\r\n", "the text has the control character U+000D at character 2; only line feeds are allowed"),
            ("\0", "the text has the control character U+0000 at character 1; only line feeds are allowed"),
            ("ab\u{9b}", "the text has the control character U+009B at character 3; only line feeds are allowed"),
            (&"x".repeat(1531), "the text takes 11 parts; a message has at most 10"),
        ] {
            assert_eq!(judged(text), Err(message.to_owned()));
        }
    }

    #[test]
    fn the_character_that_makes_a_text_too_long_is_named() {
        let text = format!("{}“", "x".repeat(700));
        let message = "the text takes 11 parts; a message has at most 10; without '“', which is not in the GSM 7-bit \
                       alphabet, it would take fewer";
        assert_eq!(judged(&text), Err(message.to_owned()));
    }

    #[test]
    fn look_alikes_are_replaced_only_where_it_is_wanted_and_cheaper_and_ends_of_lines_always() {
        for (text, simplify, said, encoding) in [
            ("Don’t wait…", true, "Don't wait...", Encoding::Gsm7),
            ("Don’t wait…", false, "Don’t wait…", Encoding::Ucs2),
            ("one\r\ntwo\r\n", false, "one\ntwo\n", Encoding::Gsm7),
            ("Не ждите…", true, "Не ждите…", Encoding::Ucs2),
        ] {
            let (text, alphabet, _) = judge(Text::new(text.to_owned()), simplify, Languages::NONE).unwrap();
            assert_eq!((text.expose(), alphabet), (said, encoding));
        }
    }

    #[test]
    fn a_text_of_any_length_is_judged() {
        assert!(judged(&"x".repeat(1_000_000)).unwrap_err().starts_with("the text takes 6536 parts"));
    }
}
