//! What the parser says, in words for an operator, and without what stands in the file.
//!
//! The parser's own messages name Rust types, and quote values. Only their fixed parts are used here.

/// Two names are taken for one, mistyped, when they differ in at most a third of the characters.
const SAME_ENOUGH: usize = 3;

/// Words for what is not TOML. `at` is what stands where the fault is.
pub(super) fn of_syntax(message: &str, at: &str) -> String {
    // The parser describes the grammar in words of its own and quotes only grammar, between back quotes.
    match message.lines().next().unwrap_or_default() {
        "" => "this is not TOML".to_owned(),
        // A key is no secret.
        "duplicate key" => format!("duplicate key `{}`", at.replace(char::is_control, "")),
        first_line => first_line.to_owned(),
    }
}

/// The key that is not there, if that is what the parser complains of.
pub(super) fn missing(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `")?.strip_suffix('`')
}

/// Whether the parser complains that one of some words was expected, without naming them.
pub(super) fn wants_a_word(message: &str) -> bool {
    message == "wanted string or table"
}

/// The lists whose entries are tables.
const TABLES: [&str; 2] = ["modem", "route"];

/// Words for a key or value that does not belong: which key it is about, and what is wrong.
pub(super) fn of_value<'a>(key: &'a str, message: &str) -> (&'a str, String) {
    let names = between_back_quotes(message);
    if message.starts_with("unknown field") {
        let Some((unknown, known)) = names.split_first() else { return (key, "unknown key".to_owned()) };
        let table = key.strip_suffix(unknown).map_or(key, |table| table.trim_end_matches('.'));
        return (table, unknown_key(unknown, known));
    }
    let told = if let Some(missing) = missing(message) {
        format!("the key `{missing}` is missing")
    } else if let Some(rest) = message.strip_prefix("unknown variant `") {
        one_of(rest)
    } else if let Some(rest) = message.strip_prefix("invalid type: ") {
        match found_and_expected(rest) {
            ("a table", expected) if expected == "a list" && TABLES.contains(&key) => {
                format!("there can be several, so each begins with `[[{key}]]`, in two brackets")
            }
            // It is one, and too large for any of them.
            ("a whole number", expected) if expected.contains("from 0 to") => format!("expected {expected}"),
            ("a whole number", expected) if expected.starts_with("a whole number") => {
                "the number is too large".to_owned()
            }
            (found, expected) => format!("expected {expected}, found {found}"),
        }
    } else if let Some(rest) = message.strip_prefix("invalid value: ") {
        format!("expected {}", found_and_expected(rest).1)
    } else {
        // A room's own words about its own type.
        message.lines().next().unwrap_or_default().to_owned()
    };
    (key, told)
}

fn unknown_key(unknown: &str, known: &[&str]) -> String {
    match nearest(unknown, known) {
        Some(name) => format!("unknown key `{unknown}`, did you mean `{name}`?"),
        None if known.is_empty() => format!("unknown key `{unknown}`"),
        None => {
            let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            format!("unknown key `{unknown}`; known here: {}", known.join(", "))
        }
    }
}

/// `rest` is what stands after the first back quote of "unknown variant `x`, expected one of `a`, `b`".
fn one_of(rest: &str) -> String {
    let Some((found, expected)) = rest.rsplit_once("`, expected ") else { return "an unknown word".to_owned() };
    let expected = expected.trim_start_matches("one of ");
    match nearest(found, &between_back_quotes(expected)) {
        Some(name) => format!("expected {expected}, did you mean `{name}`?"),
        None => format!("expected {expected}"),
    }
}

/// `rest` is "string \"x\", expected u32". What was found is told only by its kind.
fn found_and_expected(rest: &str) -> (&'static str, String) {
    let kinds = [
        ("string", "a text"),
        ("integer", "a whole number"),
        ("floating point", "a number with a fraction"),
        ("boolean", "true or false"),
        ("map", "a table"),
        ("sequence", "a list"),
    ];
    let found = kinds.iter().find(|(kind, _)| rest.starts_with(kind)).map_or("something else", |(_, words)| words);
    // A value may hold these words too; the parser's own come last.
    let expected = rest.rsplit_once(", expected ").map_or("something else", |(_, expected)| expected);
    (found, in_words(expected))
}

fn in_words(expected: &str) -> String {
    match expected {
        "u8" => format!("a whole number from 0 to {}", u8::MAX),
        "u16" => format!("a whole number from 0 to {}", u16::MAX),
        "u32" => format!("a whole number from 0 to {}", u32::MAX),
        "u64" | "usize" => "a whole number, 0 or more".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a string" | "path string" => "a text in quotes".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a table".to_owned(),
        other if other.starts_with("struct ") => "a table".to_owned(),
        other => other.to_owned(),
    }
}

fn between_back_quotes(message: &str) -> Vec<&str> {
    message.split('`').skip(1).step_by(2).collect()
}

/// The known name that was most likely meant.
fn nearest<'a>(unknown: &str, known: &[&'a str]) -> Option<&'a str> {
    let folded = |name: &str| name.to_lowercase().replace('_', "-");
    let unknown = folded(unknown);
    let (distance, name) = known.iter().map(|name| (distance(&unknown, &folded(name)), *name)).min()?;
    (distance * SAME_ENOUGH <= name.chars().count().max(unknown.chars().count())).then_some(name)
}

/// How many characters have to be put in, taken out, or changed to make one of the other; two that changed places
/// count as one.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut last_but_one = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = vec![i + 1; b.len() + 1];
        for j in 0..b.len() {
            let changed = last[j] + usize::from(a[i] != b[j]);
            row[j + 1] = changed.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                row[j + 1] = row[j + 1].min(last_but_one[j - 1] + 1);
            }
        }
        last_but_one = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_single_changes() {
        for (a, b, changes) in [
            ("", "", 0),
            ("", "abc", 3),
            ("port", "port", 0),
            ("prot", "port", 1),
            ("bauds", "baud", 1),
            ("baud", "name", 3),
        ] {
            assert_eq!((distance(a, b), distance(b, a)), (changes, changes), "{a} {b}");
        }
    }

    #[test]
    fn only_a_name_that_is_near_is_offered() {
        let known = ["listen", "socket", "state-dir"];
        for (typed, meant) in [
            ("lissten", Some("listen")),
            ("Listen", Some("listen")),
            ("state_dir", Some("state-dir")),
            ("statedir", Some("state-dir")),
            ("sokcet", Some("socket")),
            ("port", None),
            ("x", None),
        ] {
            assert_eq!(nearest(typed, &known), meant, "{typed}");
        }
        assert_eq!(nearest("x", &[]), None);
    }
}
