//! The modem starts anew by itself.

use smsotpd::message::Status::InDoubt;
use smsotpd::message::{InDoubtPolicy, Status};
use smsotpd::sim::DeviceSettings;

use smsotpd::modem::Rung;

use crate::row::{ANEW, AWAY, CLOSED, DEAF, FAILED, LEFT, LOST, POWER, RETURNED, Row, UNSEEN, WENT, WOKEN, hold};
use crate::site::{Site, settings};

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    Row { faults: &["brown-out = { gone-for = 9 }"], shown: &[CLOSED, AWAY], ..UNSEEN },
    Row { faults: &["brown-out = { gone-for = 9, at = \"before-prompt\" }"], shown: &[CLOSED, AWAY], tries: &[RETURNED, WENT], tried: Some((Rung::Wake, false)), ..UNSEEN },
    Row { faults: &["brown-out = { gone-for = 9, at = \"after-prompt\" }"], shown: &[FAILED, AWAY], tries: &[RETURNED, WENT], tried: Some((Rung::Wake, false)), ..UNSEEN },
    Row { faults: &["brown-out = { gone-for = 9, at = { after-ctrl-z = { submitted = true } } }"], shown: &[CLOSED, AWAY], tries: &[LOST], tried: Some((Rung::Wake, false)), ..UNSEEN },
    Row { faults: &["brown-out = { gone-for = 9, at = { after-ctrl-z = { submitted = false } } }"], shown: &[CLOSED, AWAY], tries: &[LOST], becomes: InDoubt, arrives: 0, tried: Some((Rung::Wake, false)), ..UNSEEN },
    // A port that stays: only the boot is seen.
    Row { faults: &["brown-out = { gone-for = 0 }"], shown: &[ANEW, LEFT], tries: &[RETURNED, WENT], ..UNSEEN },
    Row { faults: &["brown-out = { gone-for = 0, at = \"before-prompt\" }"], shown: &[WOKEN, LEFT, ANEW], tries: &[RETURNED, WENT], tried: Some((Rung::Wake, false)), ..UNSEEN },
    Row { faults: &["brown-out = { gone-for = 0, at = \"after-prompt\" }"], shown: &[WOKEN, ANEW], tries: &[LOST], becomes: InDoubt, arrives: 0, tried: Some((Rung::Wake, false)), ..UNSEEN },
    Row { faults: &["brown-out = { gone-for = 0, at = { after-ctrl-z = { submitted = true } } }"], shown: &[WOKEN, ANEW], tries: &[LOST], tried: Some((Rung::Wake, false)), ..UNSEEN },
    // Twice in an hour in the middle of a message.
    Row {
        faults: &["brown-out = { gone-for = 9, at = \"after-prompt\" }", "brown-out = { gone-for = 9, at = \"after-prompt\" }"],
        shown: &[FAILED, AWAY, POWER], tries: &[RETURNED, WENT], tried: Some((Rung::Wake, false)), ..UNSEEN
    },
    Row { faults: &["restart-gone-for = 12", "silent = \"restart\""], shown: &[WOKEN, DEAF, AWAY], tries: &[RETURNED, WENT], tried: Some((Rung::Restart, true)), ..UNSEEN },
    // The numbers of reports.
    Row { faults: &["next-reference = 255"], ..UNSEEN },
    Row { faults: &["reference-restarts = true", "brown-out = { gone-for = 2 }"], shown: &[CLOSED, AWAY], ..UNSEEN },
];

#[tokio::test(start_paused = true)]
async fn a_modem_that_starts_anew_is_told_of_and_used_again() {
    hold(ROWS).await;
}

#[tokio::test(start_paused = true)]
async fn a_modem_that_comes_and_goes_is_rested_and_used_again() {
    let site = Site::new(DeviceSettings::default(), settings()).await;
    let is_rested = |site: &Site| site.shows().filter(|shown| shown.reason.contains("the modem rests for 1 min"));
    for _ in 0..6 {
        site.until("the modem", async |site| site.is_ready()).await;
        site.suffer("brown-out = { gone-for = 1 }");
        site.until("its absence", async |site| !site.is_ready()).await;
    }
    let message = site.send(1, InDoubtPolicy::Hold).await;
    site.until("the rest", async |site| is_rested(site).is_some()).await;
    let shown = is_rested(&site).unwrap();
    assert!(shown.reason.contains("it came and went 6 times in 10 minutes"), "{shown:?}");
    assert!(shown.advice.contains("power supply"), "{shown:?}");
    site.until("the message", async |site| site.status(message).await == Status::Delivered).await;
    assert_eq!((site.arrived(1), site.is_ready()), (1, true));
}
