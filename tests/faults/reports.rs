//! Faults of status reports, and of how they are told and deleted.

use smsotpd::message::Status;
use smsotpd::sim::Family;

use crate::row::{Row, UNSEEN, hold};

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    Row { faults: &["report = \"none\""], ..UNSEEN },
    Row { faults: &["report = \"early\""], ..UNSEEN },
    Row { faults: &["report = \"twice\""], ..UNSEEN },
    Row { faults: &["report = \"never\""], becomes: Status::Sent, ..UNSEEN },
    Row { faults: &["report = \"out-of-order\""], ..UNSEEN },
    Row { faults: &["report = { late = 600 }"], ..UNSEEN },
    Row { faults: &["announces-twice"], ..UNSEEN },
    Row { faults: &["announces-twice"], family: Family::Sierra, ..UNSEEN },
    Row { faults: &["deletes-nothing = 3"], ..UNSEEN },
    Row { faults: &["deletes-nothing = 3"], family: Family::Sierra, ..UNSEEN },
];

#[tokio::test(start_paused = true)]
async fn a_report_that_goes_wrong_stops_nothing() {
    hold(ROWS).await;
}
