//! Every fault that the simulator knows, and what the person who cares for the modem sees of it: the modem's state, its
//! reason and advice, what becomes of the message that is under way; and that the next message goes by itself.
//!
//! The real store, driver, dispatch and intake on a paused clock, with one simulated modem. Each file holds the faults of
//! one kind, a row for each: [`row::Row`] says what a row means, [`row::trial`] how it is tried.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "../support/memory.rs"]
mod memory;
#[path = "../support/outgoing.rs"]
mod outgoing;
#[path = "../support/port.rs"]
mod port;

mod card;
mod network;
mod power;
mod reports;
mod row;
mod sends;
mod silences;
mod site;
mod storage;
mod wire;

use std::collections::BTreeSet;

use row::Row;
use smsotpd::sim::{EXAMPLES, Timed};
use smsotpd::store::AttemptOutcome;

fn rows() -> impl Iterator<Item = &'static Row> {
    let all: [&'static [Row]; 8] =
        [sends::ROWS, reports::ROWS, silences::ROWS, wire::ROWS, power::ROWS, card::ROWS, network::ROWS, storage::ROWS];
    all.into_iter().flatten()
}

/// The names that may stand in this place of a fault.
fn names(line: &str) -> Vec<String> {
    let wrong = Timed::read(line).unwrap_err().to_string();
    let names: Vec<String> = wrong.split('`').skip(3).step_by(2).map(str::to_owned).collect();
    assert!(names.len() > 2, "{wrong}");
    names
}

/// All words of a fault that name something.
fn words(line: &str) -> BTreeSet<String> {
    let fault = serde_json::to_string(&site::fault(line)).unwrap();
    fault.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_fault_has_a_row() {
    let tried: Vec<BTreeSet<String>> = rows().flat_map(|row| row.faults).map(|line| words(line)).collect();
    let is_tried = |names: &[&str]| tried.iter().any(|words| names.iter().all(|name| words.contains(*name)));
    for name in names("no-such-fault") {
        assert!(is_tried(&[&name]), "no row for {name}");
        assert!(EXAMPLES.iter().any(|line| words(line).contains(&name)), "no example of {name}");
    }
    for outer in ["hang-up", "send-result", "report", "silent", "card"] {
        for name in names(&format!("{outer} = \"no-such-thing\"")) {
            assert!(is_tried(&[outer, &name]), "no row for {outer} = {name}");
        }
    }
    for until in names("silent = \"no-such-thing\"") {
        assert!(is_tried(&["mute", &until]), "no row for mute until {until}");
    }
    for moment in names("hang-up = \"no-such-thing\"") {
        assert!(is_tried(&["brown-out", &moment]), "no row for a brown-out {moment}");
    }
    for storage in ["SM", "ME", "SR"] {
        assert!(is_tried(&["full", storage]), "no row for a full {storage}");
    }
}

/// Whatever goes wrong, what may be sent again when in doubt is sent once more at most, and that is shown.
#[tokio::test(start_paused = true)]
async fn what_is_in_doubt_goes_out_once_more_at_most() {
    for row in rows().filter(|row| row.tries.iter().any(|(outcome, _)| *outcome == AttemptOutcome::InDoubt)) {
        row::resend(row).await;
    }
}
