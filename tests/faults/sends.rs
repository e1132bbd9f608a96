//! Faults of a send: its prompt, its answer, its refusal.

use smsotpd::message::Status::{Failed, InDoubt};
use smsotpd::modem::Rung;
use smsotpd::store::AttemptOutcome;

use crate::row::{
    AWAY, CLOSED, DEAF, Ends, FAILED, LEFT, LOST, REFUSED, RETURNED, Row, Sight, Try, UNSEEN, WENT, WOKEN, hold,
};

const fn refused(reason: &'static str) -> Try {
    (AttemptOutcome::Failed, reason)
}

const DECLINED: Sight = ("resting", "the modem refuses messages: the modem asked for no message", "Unplug the modem");

const fn declined(reason: &'static str) -> Try {
    (AttemptOutcome::Failed, reason)
}

const fn unclear(reason: &'static str) -> Try {
    (AttemptOutcome::InDoubt, reason)
}

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    Row { faults: &["none"], ..UNSEEN },
    // The prompt.
    Row { faults: &["silent-before-prompt"], shown: &[WOKEN, LEFT], tries: &[RETURNED, WENT], tried: Some((Rung::Wake, true)), ..UNSEEN },
    Row { faults: &["prompt-after = 5"], ..UNSEEN },
    Row { faults: &["prompt-after = 25"], shown: &[WOKEN, DEAF], tries: &[RETURNED, WENT], tried: Some((Rung::Reopen, true)), ..UNSEEN },
    Row { faults: &["malformed-prompt = \"\\r\\n\\r \\n >  \\r\\n\""], ..UNSEEN },
    Row { faults: &["malformed-prompt = \"\\r\\n?\\r\\n\""], shown: &[WOKEN, LEFT], tries: &[RETURNED, WENT], tried: Some((Rung::Wake, true)), ..UNSEEN },
    Row { faults: &["line-at-prompt = \"^BOOT:21850123,0,0,0,71\""], ..UNSEEN },
    Row { faults: &["stuck-prompt"], shown: &[WOKEN], tries: &[LOST], becomes: InDoubt, arrives: 0, tried: Some((Rung::Wake, true)), ..UNSEEN },
    Row { faults: &["left-in-prompt"], ..UNSEEN },
    // The refusal.
    Row { faults: &["cms-error = 38"], tries: &[refused("the network is out of order"), WENT], ..UNSEEN },
    Row { faults: &["cms-error = 42"], tries: &[refused("the network is congested"), WENT], ..UNSEEN },
    Row { faults: &["cms-error = 21"], tries: &[refused("often the SIM is out of credit"), WENT], ..UNSEEN },
    Row { faults: &["cms-error = 8"], tries: &[refused("the operator has barred this SIM"), WENT], ..UNSEEN },
    Row { faults: &["cms-error = 28"], tries: &[refused("the number is not known in its network")], becomes: Failed, arrives: 0, ..UNSEEN },
    Row { faults: &["cms-error = 304"], ..UNSEEN },
    Row { faults: &["cms-error = 304", "cms-error = 304"], tries: &[refused("the modem does not accept the PDU")], becomes: Failed, arrives: 0, ..UNSEEN },
    Row { faults: &["cms-error = 332"], tries: &[unclear("the network did not answer in time")], becomes: InDoubt, arrives: 0, ..UNSEEN },
    Row { faults: &["cms-error = 500"], tries: &[unclear("often the network does not carry messages on this kind of access")], becomes: InDoubt, arrives: 0, ..UNSEEN },
    Row { faults: &["cms-text = \"SIM not inserted\""], shown: &[REFUSED], tries: &[refused("no SIM is inserted"), WENT], ..UNSEEN },
    Row { faults: &["cms-text = \"\""], tries: &[unclear("the modem gave no reason that can be told")], becomes: InDoubt, arrives: 0, ..UNSEEN },
    Row { faults: &["network-refuses = { code = 42, sends = 3 }"], tries: &[refused("the network is congested"), WENT], ..UNSEEN },
    Row { faults: &["refuse = { command = \"+CMGS\", cme-error = 4 }"], shown: &[DECLINED], tries: &[declined("the modem asked for no message: the modem does not support it"), WENT], ..UNSEEN },
    Row { faults: &["refuse = { command = \"+CMGS\" }"], shown: &[DECLINED], tries: &[declined("the modem asked for no message: the modem gave no reason that can be told"), WENT], ..UNSEEN },
    Row { faults: &["refuse-with = { command = \"+CMGS\", line = \"COMMAND NOT SUPPORT\", times = 2 }"], shown: &[DECLINED], tries: &[declined("the modem asked for no message: the modem gave no reason that can be told"), WENT], ..UNSEEN },
    Row { faults: &["refuse-with = { command = \"+CMGS\", line = \"+CMS ERROR: SIM busy\", times = 2 }"], shown: &[("resting", "the modem refuses messages: the SIM is busy", "shows when it works again")], tries: &[refused("the SIM is busy"), WENT], ..UNSEEN },
    // The answer.
    Row { faults: &["silent-after-ctrl-z = { submitted = true }"], shown: &[WOKEN], tries: &[LOST], tried: Some((Rung::Wake, true)), ..UNSEEN },
    Row { faults: &["silent-after-ctrl-z = { submitted = false }"], shown: &[WOKEN], tries: &[LOST], becomes: InDoubt, arrives: 0, tried: Some((Rung::Wake, true)), ..UNSEEN },
    Row { faults: &["send-result = \"missing\""], shown: &[WOKEN], tries: &[LOST], tried: Some((Rung::Wake, true)), ..UNSEEN },
    Row { faults: &["send-result = \"twice\""], ..UNSEEN },
    Row { faults: &["send-result = { number = \"\" }"], shown: &[WOKEN], tries: &[LOST], tried: Some((Rung::Wake, true)), ..UNSEEN },
    Row { faults: &["send-result = { number = \"300\" }"], shown: &[WOKEN], tries: &[LOST], tried: Some((Rung::Wake, true)), ..UNSEEN },
    Row { faults: &["send-result = { late = 100 }"], ..UNSEEN },
    Row { faults: &["send-result = { late = 200 }"], shown: &[WOKEN, DEAF], tries: &[LOST], tried: Some((Rung::Reopen, true)), ..UNSEEN },
    // The port.
    Row { faults: &["hang-up = \"before-prompt\""], shown: &[CLOSED, AWAY], tries: &[RETURNED, WENT], ends: Ends::PluggedIn, tried: Some((Rung::Wake, false)), ..UNSEEN },
    Row { faults: &["hang-up = \"after-prompt\""], shown: &[FAILED, AWAY], tries: &[RETURNED, WENT], ends: Ends::PluggedIn, tried: Some((Rung::Wake, false)), ..UNSEEN },
    Row { faults: &["hang-up = { after-ctrl-z = { submitted = true } }"], shown: &[CLOSED, AWAY], tries: &[LOST], ends: Ends::PluggedIn, tried: Some((Rung::Wake, false)), ..UNSEEN },
    Row { faults: &["hang-up = { after-ctrl-z = { submitted = false } }"], shown: &[CLOSED, AWAY], tries: &[LOST], becomes: InDoubt, arrives: 0, ends: Ends::PluggedIn, tried: Some((Rung::Wake, false)), ..UNSEEN },
];

#[tokio::test(start_paused = true)]
async fn a_send_that_goes_wrong_is_told_and_the_next_one_goes() {
    hold(ROWS).await;
}
