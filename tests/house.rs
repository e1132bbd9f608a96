//! The house rules, read from the source tree: which room may know which, what stays pure, and how a file is kept.
//!
//! A rule that nobody checks is a wish. Each rule here is also shown a source that breaks it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The rooms, floor by floor. A room imports only from floors below its own.
const FLOORS: [(u8, &[&str]); 10] = [
    (10, &["main"]),
    (9, &["cli"]),
    (8, &["daemon"]),
    (7, &["config"]),
    (6, &["http"]),
    (5, &["issue", "verify", "send", "dispatch", "intake", "ussd", "webhook"]),
    (4, &["store", "modem", "sim", "wording"]),
    (3, &["at", "pdu"]),
    (2, &["message", "otp", "limits", "guard", "route", "template", "callback"]),
    (1, &["ids", "phone", "country", "clock", "secret", "notify"]),
];

/// The imports inside a floor that there are: (room, what it imports, why).
const NEIGHBOURS: [(&str, &str, &str); 5] = [
    ("secret", "ids", "a digest and a sealed text are bound to the otp or message they belong to"),
    ("country", "phone", "a number's country is found by how the number begins"),
    ("guard", "otp", "whether people verify their codes is what a prefix is judged by"),
    ("guard", "route", "a prefix is written the same way in both"),
    ("limits", "message", "a share of the budget is kept for messages of one priority"),
];

/// What the floors alone would allow and must not be, with the reason.
const STRANGERS: [(&str, &[&str], &str); 4] = [
    ("sim", &["at"], "the simulator reads AT in its own way, or both sides would be wrong together"),
    ("store", &["at"], "the store knows no modem"),
    (
        "http",
        &["modem", "sim", "at", "pdu", "dispatch", "intake"],
        "HTTP speaks of messages and never waits for a modem",
    ),
    ("daemon cli config issue verify send dispatch intake", &["at"], "only `modem` speaks AT"),
];

/// Rooms without I/O, clock or randomness: what they need of those is an argument.
const PURE: [&str; 9] = ["at", "pdu", "message", "otp", "limits", "guard", "route", "template", "callback"];

/// What a pure room must not name.
const IMPURE: [&str; 15] = [
    "tokio",
    "tokio_serial",
    "tokio_util",
    "rusqlite",
    "rand",
    "axum",
    "hyper",
    "rustix",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "std::fs",
    "std::net",
    "std::env",
];

const NAMES_THAT_SAY_NOTHING: [&str; 6] = ["util", "utils", "helper", "helpers", "common", "manager"];

const LONGEST_FILE: usize = 500;

const TOP_LEVEL: [&str; 20] = [
    ".cargo",
    ".ci",
    ".gitignore",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "benches",
    "clippy.toml",
    "deny.toml",
    "fuzz",
    "hardware.md",
    "rustfmt.toml",
    "src",
    "systemd",
    "tests",
    "udev",
    // What git and cargo put there; neither is part of the project.
    "target",
];

#[test]
fn the_source_tree_keeps_the_house_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut faults = String::new();
    let files = rust_files(&root);
    assert!(files.len() > 5, "no sources found under {}", root.display());
    for path in files {
        let source = std::fs::read_to_string(&path).unwrap();
        let path = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        for fault in faults_of(&path, &source) {
            let _ = writeln!(faults, "src/{path}: {fault}");
        }
    }
    assert!(faults.is_empty(), "\n{faults}");
}

#[test]
fn the_top_level_holds_only_what_belongs_there() {
    let entries = std::fs::read_dir(env!("CARGO_MANIFEST_DIR")).unwrap();
    let strangers: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != ".git" && !TOP_LEVEL.contains(&name.as_str()))
        .collect();
    assert_eq!(strangers, Vec::<String>::new(), "not on the list of tests/house.rs");
}

/// Every fault of one file. `path` is relative to `src/`.
fn faults_of(path: &str, source: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let code = without_tests(&bare_code(source));
    if !source.starts_with("//!") {
        faults.push("its first line is not `//!`: say what it is for".to_owned());
    }
    let lines = source.lines().count();
    if lines > LONGEST_FILE {
        faults.push(format!("{lines} lines; the longest file has {LONGEST_FILE}"));
    }
    if let Some(name) = path.split(['/', '.']).find(|name| NAMES_THAT_SAY_NOTHING.contains(name)) {
        faults.push(format!("`{name}` says nothing; name the file after what it holds"));
    }
    let room = room_of(path);
    if room == "lib" || path.ends_with("/mod.rs") {
        faults.extend(
            definitions(&code).into_iter().map(|item| format!("defines `{item}`; it only explains and re-exports")),
        );
    }
    if room == "lib" {
        return faults;
    }
    let Some(floor) = floor_of(room) else {
        faults.push(format!("the room `{room}` is on no floor of tests/house.rs"));
        return faults;
    };
    for import in imports(&code) {
        faults.extend(import_fault(room, floor, &import));
    }
    if climbs_out(path, &code) {
        faults.push("leaves its room by `super::`; write `crate::`".to_owned());
    }
    if PURE.contains(&room) {
        let named = IMPURE.iter().filter(|word| names(&code, word));
        faults.extend(named.map(|word| format!("`{room}` is pure and names `{word}`")));
        if takes_the_clock(&code) {
            faults.push(format!("`{room}` is pure and takes `clock::Clock`; a `Moment` is an argument"));
        }
    }
    faults
}

fn import_fault(room: &str, floor: u8, import: &str) -> Option<String> {
    if import == room || NEIGHBOURS.iter().any(|&(who, whom, _)| who == room && whom == import) {
        return None;
    }
    let Some(below) = floor_of(import) else {
        return Some(format!("imports `{import}`, which is on no floor of tests/house.rs"));
    };
    if below >= floor {
        return Some(format!("`{room}` (floor {floor}) imports `{import}` (floor {below})"));
    }
    STRANGERS
        .iter()
        .find(|(rooms, strangers, _)| rooms.split(' ').any(|r| r == room) && strangers.contains(&import))
        .map(|(_, _, why)| format!("`{room}` imports `{import}`: {why}"))
}

fn room_of(path: &str) -> &str {
    let first = path.split('/').next().unwrap_or(path);
    first.strip_suffix(".rs").unwrap_or(first)
}

fn floor_of(room: &str) -> Option<u8> {
    FLOORS.iter().find(|(_, rooms)| rooms.contains(&room)).map(|(floor, _)| *floor)
}

/// The rooms named in paths from the crate's root: `crate::a::B`, `crate::{a, b::C}`, `smsotpd::a`.
fn imports(code: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for root in ["crate", "smsotpd"] {
        for (start, _) in code.match_indices(root) {
            let whole_word = !code[..start].ends_with(is_word);
            let Some(rest) = code[start + root.len()..].trim_start().strip_prefix("::") else { continue };
            if whole_word {
                let rest = rest.trim_start();
                match rest.strip_prefix('{') {
                    Some(group) => rooms.extend(heads_of_group(group)),
                    None => rooms.extend(first_word(rest)),
                }
            }
        }
    }
    rooms
}

/// The first words of a `{a::x, b::{c, d}}` group, given what follows its opening brace.
fn heads_of_group(group: &str) -> Vec<String> {
    let mut heads = Vec::new();
    let (mut depth, mut start) = (0_u32, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                heads.extend(first_word(group[start..at].trim_start()));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    heads
}

fn first_word(text: &str) -> Option<String> {
    let word: String = text.chars().take_while(|&c| is_word(c)).collect();
    // A macro of the crate (`crate::name!`) and a type re-exported at its root are no rooms.
    (!word.is_empty() && word.chars().all(|c| !c.is_uppercase())).then_some(word)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn names(code: &str, word: &str) -> bool {
    code.match_indices(word)
        .any(|(start, _)| !code[..start].ends_with(is_word) && !code[start + word.len()..].starts_with(is_word))
}

/// Whether `Clock` is taken from the room `clock`, alone or in a group.
fn takes_the_clock(code: &str) -> bool {
    code.match_indices("clock::").any(|(start, root)| {
        let rest = code[start + root.len()..].trim_start();
        match rest.strip_prefix('{') {
            Some(group) => names(group.split('}').next().unwrap_or_default(), "Clock"),
            None => rest.starts_with('*') || (rest.starts_with("Clock") && !rest["Clock".len()..].starts_with(is_word)),
        }
    })
}

/// Whether a chain of `super::` is long enough to leave the file's room.
fn climbs_out(path: &str, code: &str) -> bool {
    let folders = path.matches('/').count();
    let depth = if path.ends_with("/mod.rs") { folders } else { folders + 1 };
    code.contains(&"super::".repeat(depth))
}

/// The items that a file defines at its top level, apart from modules and re-exports.
fn definitions(code: &str) -> Vec<String> {
    const ITEMS: [&str; 10] =
        ["struct", "enum", "fn", "impl", "trait", "const", "static", "type", "union", "macro_rules"];
    let mut found = Vec::new();
    let mut depth = 0_i32;
    for line in code.lines() {
        let mut words = line.split(|c| !is_word(c)).filter(|word| !word.is_empty());
        if depth == 0
            && let Some(item) = words.find(|word| !["pub", "crate", "super", "async", "unsafe", "in"].contains(word))
            && ITEMS.contains(&item)
        {
            found.push(line.trim().to_owned());
        }
        for c in line.chars() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
        }
    }
    found
}

/// The code without comments and without what stands in strings.
fn bare_code(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let skipped = comment(rest).or_else(|| quoted(rest, code.ends_with(is_word)));
        let length = skipped.unwrap_or(0);
        if length > 0 {
            // Line ends stay, so that what is left still stands in the same lines.
            code.push(' ');
            code.extend(rest[..length].chars().filter(|&c| c == '\n'));
            rest = &rest[length..];
        } else {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    code
}

/// The length of the comment that `text` starts with.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    text.starts_with("/*").then(|| text.find("*/").map_or(text.len(), |end| end + 2))
}

/// The length of the string or character literal that `text` starts with.
fn quoted(text: &str, inside_word: bool) -> Option<usize> {
    if let Some(raw) = text.strip_prefix('r').filter(|_| !inside_word) {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let body = 2 + hashes;
            return Some(text[body..].find(&end).map_or(text.len(), |at| body + at + end.len()));
        }
    }
    let quote = text.chars().next().filter(|&c| c == '"' || c == '\'')?;
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return Some(at + 1),
            // `'a` without a closing quote is a lifetime.
            _ if quote == '\'' && at > 1 && !text[1..].starts_with('\\') => return None,
            _ => {}
        }
    }
    (quote == '"').then_some(text.len())
}

/// The code without the items that only tests see.
fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut kept = String::new();
    let mut rest = code;
    while let Some(at) = rest.find(MARK) {
        kept.push_str(&rest[..at]);
        rest = &rest[at + MARK.len()..];
        rest = &rest[item_length(rest)..];
    }
    kept + rest
}

/// The length of the item at the start of `code`: up to its `;` or its closing brace.
fn item_length(code: &str) -> usize {
    let mut depth = 0_u32;
    for (at, c) in code.char_indices() {
        match c {
            ';' if depth == 0 => return at + 1,
            '{' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// The faults of a file that is in order but for this line.
fn faults_with(path: &str, line: &str) -> Vec<String> {
    faults_of(path, &format!("//! A room.\n\n{line}\n"))
}

#[test]
fn an_import_from_the_same_or_a_higher_floor_is_found() {
    for (path, line) in [
        ("store/mod.rs", "use crate::http::Router;"),
        ("store/writer.rs", "use crate::{\n    ids::OtpId,\n    modem::{Modem, Health},\n};"),
        ("at/line.rs", "use crate::pdu::Frame;"),
        ("pdu/submit.rs", "use crate::at::Line;"),
        ("issue.rs", "fn f() -> crate :: verify::Verdict { g() }"),
        ("http/router.rs", "use crate::config::Config;"),
        ("http/router.rs", "use smsotpd::daemon;"),
        ("daemon.rs", "use crate::cli::serve;"),
        ("http/v1.rs", "use crate::modem::Health;"),
        ("sim/device.rs", "use crate::at::Line;"),
        ("sim/device.rs", "use crate::modem::Settings;"),
        ("dispatch.rs", "pub(crate) use crate::at::Command;"),
        ("ids.rs", "use crate::attic::Trunk;"),
        ("ids.rs", "use crate::secret::SiteKey;"),
        ("phone.rs", "use crate::ids::OtpId;"),
        ("message.rs", "use crate::limits::Budget;"),
    ] {
        assert_eq!(faults_with(path, line).len(), 1, "{path}: {line}");
    }
}

#[test]
fn what_is_allowed_is_not_taken_for_a_fault() {
    for (path, line) in [
        ("sim/device.rs", "use crate::pdu::Deliver;"),
        ("daemon.rs", "use crate::{config::Config, http, modem::{self, Modem}};"),
        ("main.rs", "fn main() { smsotpd::cli::run() }"),
        ("store/mod.rs", "//! [`crate::http`] asks it.\nmod writer;\npub use writer::Writer;"),
        ("at/line.rs", "const NOTE: &str = \"crate::http and tokio\"; const Q: char = '\"'; use crate::ids::OtpId;"),
        ("at/line.rs", "fn of<'a>(line: &'a str) -> &'a str { line }"),
        ("at/line.rs", "use super::Word;"),
        (
            "at/line.rs",
            "#[cfg(test)]\nmod tests {\n    use super::super::x;\n    use crate::http;\n    fn f() { tokio() }\n}",
        ),
        ("pdu/submit.rs", "use crate::clock::{Moment, Timestamp};\nenum Validity { Clock(u8) }"),
        ("limits.rs", "use crate::message::Priority;"),
        ("pdu/submit.rs", "fn at(operand: u8, brand: Timestamp) {}"),
    ] {
        assert_eq!(faults_with(path, line), Vec::<String>::new(), "{path}: {line}");
    }
}

#[test]
fn a_pure_room_that_reads_a_clock_rolls_dice_or_does_io_is_found() {
    for line in [
        "use tokio::time::sleep;",
        "fn now() -> Moment { std::time::Instant::now() }",
        "use std::time::SystemTime;",
        "use jiff::Timestamp;\nfn f() { Timestamp::now(); }",
        "use rand::RngExt;",
        "use rusqlite::Connection;",
        "use crate::clock::{Clock, Moment};",
        "fn f(clock: &crate::clock::Clock) {}",
        "fn f() { std::fs::read(PATH) }",
    ] {
        for room in PURE {
            assert_eq!(faults_with(&format!("{room}.rs"), line).len(), 1, "{room}: {line}");
        }
        assert_eq!(faults_with("cli/demo.rs", line), Vec::<String>::new(), "{line}");
    }
}

#[test]
fn a_file_that_is_not_kept_is_found() {
    for (path, source) in [
        ("attic.rs", "//! A room on no floor.\n"),
        ("attic/mod.rs", "//! A room on no floor.\n"),
        ("store/utils.rs", "//! Odds and ends.\n"),
        ("store/mod.rs", "//! The store.\npub struct Store;\n"),
        ("store/mod.rs", "//! The store.\n\n#[must_use]\npub(crate) fn open() {\n    const A: u8 = 1;\n}\n"),
        ("store/mod.rs", "//! The store.\nimpl<T> From<T> for X {\n    fn from() {}\n}\n"),
        ("lib.rs", "//! The map.\npub mod store;\npub type Result = ();\n"),
        ("store/writer.rs", "use std::fmt;\n"),
        ("store/writer.rs", "//! Climbs.\nuse super::super::ids;\n"),
        ("issue.rs", "//! Climbs.\nuse super::ids;\n"),
        ("store/mod.rs", "//! Climbs.\nuse super::ids;\n"),
        ("store/writer.rs", &"//! Long.\n".repeat(LONGEST_FILE + 1)),
    ] {
        assert_eq!(faults_of(path, source).len(), 1, "{path}: {}", &source[..source.len().min(60)]);
    }
}
