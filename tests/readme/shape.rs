//! Compares what is shown with what was said, where ids, keys, times and codes are other ones each time.

use std::collections::BTreeMap;

use serde_json::Value;

/// Numbers that depend on how long things took and what was sent before.
const ANY_NUMBER: [&str; 6] = ["uptime_seconds", "retry_after", "latency_ms", "minute", "hour", "day"];
/// Texts that depend on the machine.
const ANY_TEXT: [&str; 1] = ["port"];

/// What stands for each id and key that the README shows.
#[derive(Debug, Default, Clone)]
pub(crate) struct Learned(BTreeMap<String, String>);

impl Learned {
    /// From now on `shown` means `said`.
    pub(crate) fn learn(&mut self, shown: &str, said: &str) -> Result<(), String> {
        match self.0.insert(shown.to_owned(), said.to_owned()) {
            Some(before) if before != said => Err(format!("{shown} was {before} before, and is {said} now")),
            _ => Ok(()),
        }
    }

    /// The text with everything that was learned in its place.
    pub(crate) fn fill_in(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (shown, said)| text.replace(shown, said))
    }
}

/// Whether a text has the shape of the one that is shown. Nothing is learned when it has not.
pub(crate) fn text(shown: &str, said: &str, learned: &mut Learned) -> Result<(), String> {
    let mut new = learned.clone();
    same_text(shown.trim(), said.trim(), &mut new)?;
    *learned = new;
    Ok(())
}

/// As [`text`], for any number of JSON documents one after the other.
pub(crate) fn json(shown: &str, said: &str, learned: &mut Learned) -> Result<(), String> {
    let mut new = learned.clone();
    let (shown, said) = (documents(shown)?, documents(said)?);
    same_json("", &Value::Array(shown), &Value::Array(said), &mut new)?;
    *learned = new;
    Ok(())
}

fn documents(text: &str) -> Result<Vec<Value>, String> {
    let documents = serde_json::Deserializer::from_str(text).into_iter();
    documents.collect::<Result<_, _>>().map_err(|fault| format!("{fault} in:\n{text}"))
}

fn same_json(at: &str, shown: &Value, said: &Value, learned: &mut Learned) -> Result<(), String> {
    let differs = || Err(format!("{at}: shown is {shown}, said was {said}"));
    match (shown, said) {
        (Value::Object(one), Value::Object(other)) => {
            if !one.keys().eq(other.keys()) {
                return differs();
            }
            one.iter().try_for_each(|(name, shown)| match (shown, &other[name]) {
                (Value::Number(_), Value::Number(_)) if ANY_NUMBER.contains(&name.as_str()) => Ok(()),
                (Value::String(_), Value::String(_)) if ANY_TEXT.contains(&name.as_str()) => Ok(()),
                (shown, said) => same_json(&format!("{at}.{name}"), shown, said, learned),
            })
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            one.iter().zip(other).try_for_each(|(shown, said)| same_json(at, shown, said, learned))
        }
        (Value::String(one), Value::String(other)) => {
            same_text(one, other, learned).map_err(|fault| format!("{at}: {fault}"))
        }
        (one, other) if one == other => Ok(()),
        _ => differs(),
    }
}

fn same_text(shown: &str, said: &str, learned: &mut Learned) -> Result<(), String> {
    let (one, other) = (words(shown), words(said));
    let kinds = |words: &[Word]| words.iter().map(|word| word.kind.clone()).collect::<Vec<_>>();
    if kinds(&one) != kinds(&other) {
        return Err(format!("shown is:\n{shown}\nsaid was:\n{said}"));
    }
    let named = one.iter().zip(&other).filter(|(word, _)| word.kind == Kind::Name);
    named.into_iter().try_for_each(|(shown, said)| learned.learn(&shown.text, &said.text))
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// An id or a key.
    Name,
    Time,
    /// Six digits.
    Code,
    Address,
    /// Anything else, which must be as shown.
    Plain(char),
}

#[derive(Debug)]
struct Word {
    kind: Kind,
    text: String,
}

fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let (mut rest, mut before) = (text, ' ');
    while let Some(first) = rest.chars().next() {
        let (kind, length) = special(rest, before).unwrap_or((Kind::Plain(first), first.len_utf8()));
        let (word, after) = rest.split_at(length);
        before = word.chars().last().unwrap_or(' ');
        words.push(Word { kind, text: word.to_owned() });
        rest = after;
    }
    words
}

/// What the text begins with, if it is something that differs from run to run, and its length.
fn special(text: &str, before: char) -> Option<(Kind, usize)> {
    let run = |prefix: &str, of: fn(char) -> bool| {
        let rest = text.strip_prefix(prefix)?;
        Some((rest.len() - rest.trim_start_matches(of).len(), prefix.len()))
    };
    let hex = |c: char| c.is_ascii_hexdigit();
    let of_key = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let of_base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    let names = [
        ("otp_", 32, hex as fn(char) -> bool),
        ("msg_", 32, hex),
        ("evt_", 32, hex),
        ("smsotpd_", 43, of_key),
        ("whsec_", 44, of_base64),
    ];
    for (prefix, length, of) in names {
        if let Some((found, prefix)) = run(prefix, of).filter(|(found, _)| *found == length) {
            return Some((Kind::Name, prefix + found));
        }
    }
    if let Some((port, prefix)) = run("127.0.0.1:", |c| c.is_ascii_digit()).filter(|(port, _)| *port > 0) {
        return Some((Kind::Address, prefix + port));
    }
    if let Some((date, _)) = run("", |c| c.is_ascii_digit() || "-:.T".contains(c)).filter(|(date, _)| *date > 18) {
        let time = text.get(..=date)?;
        return time.parse::<jiff::Timestamp>().ok().map(|_| (Kind::Time, time.len()));
    }
    let (digits, _) = run("", |c| c.is_ascii_digit())?;
    let alone = !before.is_alphanumeric() && before != '+' && !text[digits..].starts_with(char::is_alphanumeric);
    (digits == 6 && alone).then_some((Kind::Code, digits))
}

#[test]
fn what_differs_from_run_to_run_may_differ_and_nothing_else() {
    const A: &str = "otp_01a1f91da0447116830d6efd632fc0f2 at 2026-11-20T13:25:46.888454949Z: 433145, 4 left";
    const B: &str = "otp_01a1f922689975988668782fd46ddc90 at 2027-01-01T00:00:00Z: 000000, 4 left";
    let mut learned = Learned::default();
    text(A, B, &mut learned).unwrap();
    assert_eq!(learned.fill_in(&A[..36]), B[..36]);
    for other in [B.replace("4 left", "3 left"), B.replace("000000", "00000"), B.replace("otp_", "msg"), String::new()]
    {
        assert!(text(A, &other, &mut Learned::default()).is_err(), "{other}");
    }
    assert!(text(A, A, &mut learned).is_err(), "an id that was learned is another one now");
}

#[test]
fn json_is_compared_by_what_it_means() {
    let shown = r#"{"id": "msg_01a1f922689975988668782fd46ddc90", "parts": 1, "retry_after": 30} 200"#;
    let compare = |said: &str| json(shown, said, &mut Learned::default());
    compare("{\"parts\":1,\"retry_after\":7,\"id\":\"msg_01a1f91da0447116830d6efd632fc0f2\"}200").unwrap();
    for other in [
        "{\"parts\":2,\"retry_after\":7,\"id\":\"msg_01a1f91da0447116830d6efd632fc0f2\"}200",
        "{\"parts\":1,\"retry_after\":\"7\",\"id\":\"msg_01a1f91da0447116830d6efd632fc0f2\"}200",
        "{\"parts\":1,\"retry_after\":7,\"id\":\"msg_01\"}200",
        "{\"parts\":1,\"id\":\"msg_01a1f91da0447116830d6efd632fc0f2\"}200",
        "{\"parts\":1,\"retry_after\":7,\"id\":\"msg_01a1f91da0447116830d6efd632fc0f2\"}",
    ] {
        assert!(compare(other).is_err(), "{other}");
    }
}
