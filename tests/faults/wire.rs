//! What comes over the wire is not what it should be.

use smsotpd::modem::Rung;
use smsotpd::sim::Family;

use crate::row::{ANEW, DEAF, Ends, LEFT, NOISE, RETURNED, Row, UNSEEN, WENT, WOKEN, hold};

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    Row { faults: &["line = \"RING\""], shown: &[("ready", "somebody is calling the modem", "Wait until the call is over")], ..UNSEEN },
    Row { faults: &["line = \"^RSSI:17\""], family: Family::Huawei, ..UNSEEN },
    Row { faults: &["line-within = { command = \"+CMGS\", line = \"^RSSI:17\" }"], ..UNSEEN },
    Row { faults: &["line-within-echo = \"*EMRDY: 1\""], ..UNSEEN },
    Row { faults: &["storm = { line = \"^BOOT:{n},0,0,0,71\", times = 500, every = 0.02 }"], ..UNSEEN },
    Row { faults: &["pieces = { bytes = 1, every = 0.001 }"], ..UNSEEN },
    Row { faults: &["garbage = 40"], ..UNSEEN },
    Row { faults: &["garbled = 20"], shown: &[WOKEN, DEAF], tries: &[RETURNED, WENT], tried: Some((Rung::Reopen, true)), ..UNSEEN },
    Row { faults: &["garbled = 300"], shown: &[WOKEN, DEAF, NOISE], tries: &[RETURNED, WENT], tried: Some((Rung::UsbReset, false)), ..UNSEEN },
    Row { faults: &["wrong-baud = 9600"], shown: &[WOKEN, DEAF, NOISE], tries: &[RETURNED, WENT], ends: Ends::Mended, tried: Some((Rung::UsbReset, false)), ..UNSEEN },
    // An echo that comes back is a modem that has started anew and says nothing of it.
    Row { faults: &["echo-on"], shown: &[ANEW, LEFT], tries: &[RETURNED, WENT], ..UNSEEN },
    Row { faults: &["longest-line = 400"], ..UNSEEN },
];

#[tokio::test(start_paused = true)]
async fn noise_on_the_wire_is_told_of_and_survived() {
    hold(ROWS).await;
}
