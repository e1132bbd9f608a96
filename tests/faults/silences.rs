//! A modem that does not answer, or not to everything.

use smsotpd::modem::Rung;

use crate::row::{AWAY, CLOSED, DEAF, Ends, LEFT, MUTE, RETURNED, Row, Sight, UNSEEN, WENT, WOKEN, hold};

const LEFT_ALONE: Sight =
    ("not_ready", "messages do not go out, and is left alone for a while", "Try its SIM in a phone");

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    // All of it.
    Row { faults: &["swallow = 2"], shown: &[WOKEN], tries: &[RETURNED, WENT], tried: Some((Rung::Wake, true)), ..UNSEEN },
    Row { faults: &["silent = \"escape\""], shown: &[WOKEN, LEFT], tries: &[RETURNED, WENT], tried: Some((Rung::Wake, true)), ..UNSEEN },
    Row { faults: &["silent = \"reopened\""], shown: &[WOKEN, DEAF], tries: &[RETURNED, WENT], tried: Some((Rung::Reopen, true)), ..UNSEEN },
    Row { faults: &["silent = \"restart\""], shown: &[WOKEN, DEAF], tries: &[RETURNED, WENT], tried: Some((Rung::Restart, true)), ..UNSEEN },
    Row { faults: &["silent = \"replugged\""], shown: &[WOKEN, DEAF], tries: &[RETURNED, WENT], tried: Some((Rung::UsbReset, true)), ..UNSEEN },
    Row { faults: &["silent = \"power-cut\""], shown: &[CLOSED, WOKEN, DEAF], tries: &[RETURNED, WENT], ends: Ends::PowerCut, tried: Some((Rung::UsbReset, false)), ..UNSEEN },
    Row { faults: &["silent = { after = 30 }"], shown: &[WOKEN, DEAF], tries: &[RETURNED, WENT], tried: Some((Rung::Reopen, true)), ..UNSEEN },
    // Sends.
    Row { faults: &["mute = { commands = [\"+CMGS\"], until = \"escape\" }"], shown: &[WOKEN, LEFT], tries: &[RETURNED, WENT], tried: Some((Rung::Wake, true)), ..UNSEEN },
    Row { faults: &["mute = { commands = [\"+CMGS\"], until = \"reopened\" }"], shown: &[WOKEN, LEFT, MUTE], tries: &[RETURNED, WENT], tried: Some((Rung::Reopen, true)), ..UNSEEN },
    Row { faults: &["mute = { commands = [\"+CMGS\"], until = \"restart\" }"], shown: &[WOKEN, LEFT, MUTE], tries: &[RETURNED, WENT], tried: Some((Rung::Restart, true)), ..UNSEEN },
    Row { faults: &["mute = { commands = [\"+CMGS\"], until = \"replugged\" }"], shown: &[WOKEN, LEFT, MUTE], tries: &[RETURNED, WENT], tried: Some((Rung::UsbReset, true)), ..UNSEEN },
    Row { faults: &["mute = { commands = [\"+CMGS\"], until = \"power-cut\" }"], shown: &[CLOSED, AWAY, WOKEN, LEFT, MUTE, LEFT_ALONE], tries: &[RETURNED, WENT], ends: Ends::PowerCut, tried: Some((Rung::Wake, false)), ..UNSEEN },
    Row { faults: &["mute = { commands = [\"+CMGS\"], until = { after = 30 } }"], shown: &[WOKEN, LEFT, MUTE], tries: &[RETURNED, WENT], tried: Some((Rung::Reopen, true)), ..UNSEEN },
    // Questions only: the modem sends all the time.
    Row { faults: &["mute = { commands = [\"+CSQ\"], until = { after = 600 } }"], ..UNSEEN },
    // Answers that take their time.
    Row { faults: &["delay = { command = \"+CMGS\", seconds = 7, times = 2 }"], ..UNSEEN },
    Row { faults: &["delay = { command = \"+CMGS\", seconds = 30, times = 1 }"], shown: &[WOKEN, DEAF], tries: &[RETURNED, WENT], tried: Some((Rung::Reopen, true)), ..UNSEEN },
];

#[tokio::test(start_paused = true)]
async fn a_modem_that_does_not_answer_is_told_of_and_brought_back() {
    hold(ROWS).await;
}
