//! A TOML file that was read: its tree with positions, what can be made of it, and all that is wrong with it at once.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue, Deserializer};

use super::ConfigError;
use super::diagnosis;

/// So many faults are told of one file at once.
const MOST_FAULTS: usize = 20;

/// One thing that is wrong with a file.
///
/// Prints as `3:8: http.listen: expected …`; never holds a value from the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The key it is about, as `modem[0].port`; empty at the top of the file and for faults of the TOML itself.
    pub key: String,
    /// What is wrong and what was expected.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let colon = if self.key.is_empty() { "" } else { ": " };
        write!(f, "{}:{}: {}{colon}{}", self.line, self.column, self.key, self.message)
    }
}

/// A file that is TOML; whether it is a configuration shows when it is [read](Document::read).
pub struct Document {
    path: PathBuf,
    text: String,
    /// The offset of each key, by its full name.
    keys: BTreeMap<String, usize>,
    /// The full name of the key or value that begins at an offset.
    names: BTreeMap<usize, String>,
}

/// Only the path: the text may hold what must not be seen.
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({})", self.path.display())
    }
}

impl Document {
    /// Reads TOML. The path is only for messages.
    ///
    /// # Errors
    /// [`ConfigError::Faulty`] with the places where the text is not TOML.
    pub fn parse(path: &Path, text: &[u8]) -> Result<Self, ConfigError> {
        let shown = String::from_utf8_lossy(text);
        let mut document =
            Self { path: path.to_owned(), text: shown.to_string(), keys: BTreeMap::new(), names: BTreeMap::new() };
        if let Err(error) = std::str::from_utf8(text) {
            let told = "this is not UTF-8: save the file in that encoding".to_owned();
            document.accept(vec![document.fault_at(error.valid_up_to(), "", told)])?;
        }
        let (tree, errors) = DeTable::parse_recoverable(&shown);
        document.collect_keys("", tree.get_ref());
        let fault = |error: &toml::de::Error| {
            let span = error.span().unwrap_or_default();
            let told = diagnosis::of_syntax(error.message(), shown.get(span.clone()).unwrap_or_default());
            document.fault_at(span.start, "", told)
        };
        let faults = errors.iter().map(fault);
        document.accept(faults.take(MOST_FAULTS).collect())?;
        Ok(document)
    }

    /// Makes settings of the file. `check` finds what is wrong between values that are each right by themselves.
    ///
    /// # Errors
    /// [`ConfigError::Faulty`] with every unknown key, every wrong value, and what `check` found.
    pub fn read<T: DeserializeOwned>(&self, check: impl FnOnce(&mut T) -> Vec<Fault>) -> Result<T, ConfigError> {
        let (mut tree, _) = DeTable::parse_recoverable(&self.text);
        let (mut faults, mut taken_out, mut all_tables) = (Vec::new(), Vec::new(), true);
        // What is wrong is taken out and the rest read again, so that one run tells of every fault.
        while faults.len() < MOST_FAULTS {
            let error = match T::deserialize(Deserializer::from(tree.clone())) {
                Ok(mut settings) => {
                    // Once a table of a list is taken out, those behind it are no longer where they stand in the file.
                    let found = if all_tables { check(&mut settings) } else { Vec::new() };
                    let told = |fault: &Fault| faults.iter().any(|told: &Fault| told.key == fault.key);
                    let new: Vec<Fault> = found.into_iter().filter(|fault| !told(fault)).collect();
                    faults.extend(new);
                    if faults.is_empty() {
                        return Ok(settings);
                    }
                    break;
                }
                Err(error) => error,
            };
            let span = error.span().unwrap_or(0..0);
            let error = if diagnosis::wants_a_word(error.message()) {
                words::<T>(&tree, &span).unwrap_or(error)
            } else {
                error
            };
            let name = self.names.get(&span.start).map_or("", String::as_str);
            let missing = diagnosis::missing(error.message()).map(|key| format!("{name}.{key}"));
            if missing.is_none_or(|missing| !taken_out.contains(&missing)) {
                let (key, message) = diagnosis::of_value(name, error.message());
                let fault = self.fault_at(span.start, key, message);
                if !faults.contains(&fault) {
                    faults.push(fault);
                }
            }
            all_tables &= !name.ends_with(']');
            taken_out.push(name.to_owned());
            if !take_out(tree.get_mut(), &span) {
                break;
            }
        }
        faults.sort_by_key(|fault| (fault.line, fault.column));
        Err(ConfigError::Faulty { path: self.path.clone(), faults })
    }

    /// Succeeds if there is no fault.
    ///
    /// # Errors
    /// [`ConfigError::Faulty`] with the faults.
    pub fn accept(&self, faults: Vec<Fault>) -> Result<(), ConfigError> {
        if faults.is_empty() { Ok(()) } else { Err(ConfigError::Faulty { path: self.path.clone(), faults }) }
    }

    /// A fault that was found after reading, at the named key (`policy.default.template`) or, if the file does not
    /// have it, at the nearest table round it.
    #[must_use]
    pub fn fault(&self, key: &str, message: impl Into<String>) -> Fault {
        let mut at = Some(key);
        while let Some(name) = at {
            if let Some(&offset) = self.keys.get(name) {
                return self.fault_at(offset, key, message.into());
            }
            at = name.rfind(['.', '[']).map(|end| &name[..end]);
        }
        self.fault_at(0, key, message.into())
    }

    /// The line of the key's value, from 1; `None` when the file does not have the key.
    #[must_use]
    pub fn line(&self, key: &str) -> Option<usize> {
        self.keys.get(key).map(|&offset| self.position(offset).0)
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn fault_at(&self, offset: usize, key: &str, message: String) -> Fault {
        let (line, column) = self.position(offset);
        Fault { line, column, key: key.to_owned(), message }
    }

    /// Line and column, both from 1.
    fn position(&self, offset: usize) -> (usize, usize) {
        let before = &self.text[..self.text.floor_char_boundary(offset)];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    fn collect_keys(&mut self, inside: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let dot = if inside.is_empty() { "" } else { "." };
            let name = format!("{inside}{dot}{}", key.get_ref());
            self.keys.insert(name.clone(), key.span().start);
            self.names.insert(key.span().start, name.clone());
            self.collect_value(&name, value);
        }
    }

    fn collect_value(&mut self, name: &str, value: &Spanned<DeValue<'_>>) {
        self.names.insert(value.span().start, name.to_owned());
        match value.get_ref() {
            DeValue::Table(table) => self.collect_keys(name, table),
            DeValue::Array(values) => {
                for (n, value) in values.iter().enumerate() {
                    let name = format!("{name}[{n}]");
                    self.keys.insert(name.clone(), value.span().start);
                    self.collect_value(&name, value);
                }
            }
            _ => {}
        }
    }
}

/// What the parser says when a text stands in the place of what is no text: only then it names the words that can be.
fn words<T: DeserializeOwned>(tree: &Spanned<DeTable<'_>>, span: &Range<usize>) -> Option<toml::de::Error> {
    let mut tree = tree.clone();
    let replaced = tree.get_mut().iter_mut().any(|(_, value)| make_text(value, span));
    replaced.then(|| T::deserialize(Deserializer::from(tree)).err()).flatten()
}

fn make_text(value: &mut Spanned<DeValue<'_>>, span: &Range<usize>) -> bool {
    if value.span() == *span {
        *value.get_mut() = DeValue::String("".into());
        return true;
    }
    match value.get_mut() {
        DeValue::Table(table) => table.iter_mut().any(|(_, value)| make_text(value, span)),
        DeValue::Array(values) => values.iter_mut().any(|value| make_text(value, span)),
        _ => false,
    }
}

/// Removes the smallest thing that stands at `span`; `false` when there is none.
fn take_out(table: &mut DeTable<'_>, span: &Range<usize>) -> bool {
    if table.iter_mut().any(|(_, value)| take_out_inside(value.get_mut(), span)) {
        return true;
    }
    let found = table.iter().find(|(key, value)| key.span() == *span || within(span, &value.span()));
    let Some(key) = found.map(|(key, _)| key.clone()) else { return false };
    table.remove(&key).is_some()
}

fn take_out_inside(value: &mut DeValue<'_>, span: &Range<usize>) -> bool {
    match value {
        DeValue::Table(table) => take_out(table, span),
        DeValue::Array(values) => {
            if values.iter_mut().any(|value| take_out_inside(value.get_mut(), span)) {
                return true;
            }
            let before = values.len();
            let all = std::mem::replace(values, DeArray::new());
            *values = all.into_iter().filter(|value| !within(span, &value.span())).collect();
            values.len() < before
        }
        _ => false,
    }
}

fn within(inner: &Range<usize>, outer: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
    struct Site {
        listen: Option<std::net::SocketAddr>,
        quiet: bool,
        modem: Vec<Port>,
        policy: BTreeMap<String, Rules>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields)]
    struct Port {
        name: crate::ids::ModemName,
        port: String,
        #[serde(default)]
        baud: u32,
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
    struct Rules {
        attempts: u8,
        pause: u64,
        pin_file: Option<String>,
        in_doubt: Option<Doubt>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "kebab-case")]
    enum Doubt {
        Hold,
        Resend,
    }

    fn read(text: &str) -> Result<Site, String> {
        let document = Document::parse(Path::new("f"), text.as_bytes()).map_err(|e| e.to_string())?;
        document.read(|_| Vec::new()).map_err(|e| e.to_string())
    }

    fn faults(text: &str) -> String {
        read(text).unwrap_err()
    }

    #[test]
    fn each_fault_says_where_it_is_and_what_was_expected() {
        for (text, told) in [
            ("quite = true", "f:1:1: unknown key `quite`, did you mean `quiet`?"),
            ("\n\n[zzzzzz]\n", "f:3:2: unknown key `zzzzzz`; known here: `listen`, `quiet`, `modem`, `policy`"),
            ("quiet = \"yes\"", "f:1:9: quiet: expected true or false, found a text"),
            ("quiet = 1", "f:1:9: quiet: expected true or false, found a whole number"),
            ("[policy.shop]\nattempts = 300", "f:2:12: policy.shop.attempts: expected a whole number from 0 to 255"),
            (
                "[policy.shop]\nattempts = 99999999999999999999",
                "f:2:12: policy.shop.attempts: expected a whole number from 0 to 255",
            ),
            ("[policy.shop]\npause = 99999999999999999999", "f:2:9: policy.shop.pause: the number is too large"),
            ("[policy.shop]\nattempts = -1", "f:2:12: policy.shop.attempts: expected a whole number from 0 to 255"),
            (
                "[policy.shop]\nattempts = 1.5",
                "f:2:12: policy.shop.attempts: expected a whole number from 0 to 255, found a number with a fraction",
            ),
            ("[policy]\nshop = 1", "f:2:8: policy.shop: expected a table, found a whole number"),
            (
                "[policy.shop]\nin-doubt = 'resent'",
                "f:2:12: policy.shop.in-doubt: expected `hold` or `resend`, did you mean `resend`?",
            ),
            ("[policy.shop]\nin-doubt = 5", "f:2:12: policy.shop.in-doubt: expected `hold` or `resend`"),
            ("[policy.shop]\nin-doubt = [true]", "f:2:12: policy.shop.in-doubt: expected `hold` or `resend`"),
            ("[policy.shop]\nin-doubt = 'maybe'", "f:2:12: policy.shop.in-doubt: expected `hold` or `resend`"),
            ("[policy.shop]\natempts = 3", "f:2:1: policy.shop: unknown key `atempts`, did you mean `attempts`?"),
            ("[policy.shop]\npinfile = ''", "f:2:1: policy.shop: unknown key `pinfile`, did you mean `pin-file`?"),
            ("[[modem]]\nname = 'm1'", "f:1:1: modem[0]: the key `port` is missing"),
            (
                "[modem]\nname = 'm1'",
                "f:1:1: modem: there can be several, so each begins with `[[modem]]`, in two brackets",
            ),
            ("listen = 'here'", "f:1:10: listen: invalid socket address syntax"),
            (
                "[[modem]]\nport = ''\nname = 'M 1'",
                "f:3:8: modem[0].name: a modem name has 1 to 32 characters out of a-z, 0-9, `-` and `_`, and starts with a letter or digit",
            ),
        ] {
            assert_eq!(faults(text), told, "{text}");
        }
    }

    #[test]
    fn every_fault_is_told_in_one_run_in_the_order_of_the_file() {
        let text = "quiet = 5\nquite = true\n[[modem]]\nname = 'm1'\nport = 7\nbaud = 'fast'\n[policy.shop]\nattempt = 1\n\
                    [[modem]]\nport = ''\n";
        let lines: Vec<String> = faults(text).lines().map(|line| line[..5].to_owned()).collect();
        assert_eq!(lines, ["f:1:9", "f:2:1", "f:5:8", "f:6:8", "f:8:1", "f:9:1"]);
    }

    #[test]
    fn all_that_is_not_toml_is_told() {
        let told = faults("quiet = \nlisten = 'x\nmodem 5\n");
        let starts: Vec<&str> = told.lines().filter_map(|line| line.split(": ").next()).collect();
        assert!(starts.contains(&"f:1:9") && starts.contains(&"f:2:12"), "{told}");
        assert_eq!(faults("quiet = true\nquiet = false"), "f:2:1: duplicate key `quiet`");
        assert_eq!(faults("[policy.shop]\n[modem]\n[policy.shop]"), "f:3:9: duplicate key `shop`");
    }

    #[test]
    fn a_file_in_another_encoding_is_told_where_it_begins_to_be_one() {
        let told = |text: &[u8]| Document::parse(Path::new("f"), text).unwrap_err().to_string();
        assert_eq!(
            told(b"quiet = true\nlisten = \"caf\xe9\""),
            "f:2:14: this is not UTF-8: save the file in that encoding"
        );
    }

    #[test]
    fn a_column_counts_characters_not_bytes() {
        assert_eq!(faults("policy = { \"ключ\" = 1 }"), "f:1:21: policy.ключ: expected a table, found a whole number");
    }

    #[test]
    fn nothing_that_stands_in_a_value_is_repeated() {
        for text in [
            "quiet = 'hunter2'",
            "[policy.shop]\nin-doubt = 'hunter2'",
            "[policy.shop]\npin-file = 702702",
            "[policy.shop]\npin-file = 702702.5",
            "[policy.shop]\npin-file = ['hunter2']",
            "[policy.shop]\npin-file = 'hunter2",
            "[policy.shop]\npin-file = hunter2",
            "[policy.shop]\npin-file = \"hunter2\\z\"",
            "[policy.shop]\npin = 'hunter2'",
            "[policy.shop]\nattempts = ', expected hunter2'",
            "quiet = 702702",
            "modem = 'hunter2'",
            "listen = 'hunter2'",
            "'hunter2\n",
        ] {
            let told = faults(text);
            assert!(!told.contains("hunter2") && !told.contains("702702"), "{told}");
        }
    }

    #[test]
    fn a_fault_found_later_stands_at_its_key_or_at_the_nearest_table() {
        let document = Document::parse(Path::new("f"), b"[policy.shop]\nattempts = 1\n[[modem]]\nname = 'm1'").unwrap();
        for (key, place) in [
            ("policy.shop.attempts", (2, 1)),
            ("policy.shop.template", (1, 9)),
            ("modem[0].name", (4, 1)),
            ("modem[0].port", (3, 1)),
            ("http.listen", (1, 1)),
        ] {
            let fault = document.fault(key, "x");
            assert_eq!((fault.line, fault.column), place, "{key}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(?s).{0,80}|([a-z\\[\\]={}\"'., \n0-9é]{0,60})") {
            let _ = read(&text);
        }
    }
}
