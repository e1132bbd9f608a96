//! How SQLite goes about the store's statements: none reads a whole table that grows.

use std::path::Path;

use rusqlite::Connection;

use crate::world::World;

/// Tables that may be read whole, and why they stay short.
const SHORT: [(&str, &str); 6] = [
    ("app", "the operator makes each of them"),
    ("drained_modem", "as many as there are modems"),
    ("early_report", "one is kept only while a modem is at a part for its number"),
    ("home_network", "one for each country that a SIM is from"),
    ("site", "one row"),
    ("stopped_prefix", "each takes many messages in vain, and means nothing a day later"),
];

/// Walks along the row numbers that end soon, known by these words, and why.
const WALKS: [(&str, &str); 2] = [
    ("ORDER BY seq LIMIT", "the limit ends it"),
    ("FROM attempt ORDER BY id DESC", "whoever reads them stops at the first that is too old"),
];

/// What is put into a statement where it is made, or something like it.
const PIECES: [(&str, &str); 6] = [
    ("{COLUMNS}", "*"),
    ("{IS_NOT_OF_REMOVED}", "NOT EXISTS (SELECT 1 FROM removed_app WHERE name = delivery.app AND event <= last_event)"),
    ("{REPORTS_UNTIL}", "message.deadline"),
    ("{given_up}", "IS NULL"),
    ("{of_number}", "number = ?3 AND"),
    ("{of_one}", "AND sender = ?3"),
];

const VERBS: [&str; 5] = ["SELECT ", "UPDATE ", "DELETE ", "INSERT ", "WITH "];

#[tokio::test]
async fn no_statement_of_the_store_looks_at_a_whole_table() {
    let world = World::new().await;
    let conn = Connection::open(world.folder.path().join("smsotpd.db")).unwrap();
    let statements = statements();
    assert!(statements.len() > 150, "only {} statements were found", statements.len());
    let scans: Vec<String> = statements.iter().flat_map(|sql| scans(&conn, sql)).collect();
    assert_eq!(scans, Vec::<String>::new());
}

#[tokio::test]
async fn a_statement_that_looks_at_a_whole_table_is_found() {
    let world = World::new().await;
    let conn = Connection::open(world.folder.path().join("smsotpd.db")).unwrap();
    for sql in [
        "SELECT id FROM attempt WHERE outcome = ?1",
        "SELECT count(*) FROM part",
        "SELECT seq FROM message WHERE number = ?1 ORDER BY created",
        "WITH failed (id) AS (SELECT id FROM attempt WHERE outcome = ?1) SELECT id FROM failed",
        "INSERT INTO removed_app (name, last_otp, last_message, last_event) SELECT app, 0, 0, 0 FROM message",
        "DELETE FROM attempt WHERE outcome = ?1",
    ] {
        assert_ne!(scans(&conn, sql), Vec::<String>::new(), "{sql}");
    }
}

/// The statements in the files of the store.
fn statements() -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "rs") {
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        let code = source.split("#[cfg(test)]").next().unwrap();
        let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let code = code.join("\n");
        assert!(code.matches('"').count().is_multiple_of(2), "{}: where do its texts begin?", path.display());
        let texts = code.split('"').skip(1).step_by(2).map(str::trim_start);
        let texts = texts.filter(|text| VERBS.iter().any(|verb| text.starts_with(verb)));
        found.extend(
            texts.map(|text| PIECES.iter().fold(text.to_owned(), |sql, (name, piece)| sql.replace(name, piece))),
        );
    }
    found
}

/// The steps of a statement in which SQLite would read a whole table that grows, or sort what it has read.
fn scans(conn: &Connection, sql: &str) -> Vec<String> {
    let mut plan = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap_or_else(|error| panic!("{error}: {sql}"));
    let parameters = vec![rusqlite::types::Null; plan.parameter_count()];
    let steps = plan.query_map(rusqlite::params_from_iter(parameters), |row| row.get::<_, String>(3)).unwrap();
    let steps = steps.map(Result::unwrap).filter(|step| is_scan(conn, sql, step) || step.contains("TEMP B-TREE"));
    steps.map(|step| format!("{step}: {sql}")).collect()
}

fn is_scan(conn: &Connection, sql: &str, step: &str) -> bool {
    let Some(scanned) = step.strip_prefix("SCAN ") else { return false };
    let (name, how) = scanned.split_once(' ').unwrap_or((scanned, ""));
    // How what the statement makes itself is made stands in steps of its own.
    let is_made = name.starts_with('(') || scanned == "CONSTANT ROW" || sql.contains(&format!("RECURSIVE {name} ("));
    let ends_soon = WALKS.iter().any(|(words, _)| sql.contains(words));
    if is_made || ends_soon || SHORT.iter().any(|(short, _)| *short == name) {
        return false;
    }
    // An index with a condition holds only what is still open.
    let partial =
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = ?1 AND sql LIKE '% WHERE %')";
    let index = how.rsplit(' ').next();
    !conn.query_row(partial, [index], |row| row.get::<_, bool>(0)).unwrap()
}
