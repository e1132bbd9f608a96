//! One fault, what it must look like, and the trial of it.

use std::time::Duration;

use smsotpd::ids::MessageId;
use smsotpd::message::{InDoubtPolicy, Status};
use smsotpd::modem::Rung;
use smsotpd::sim::{DeviceSettings, Family};
use smsotpd::store::AttemptOutcome;

use crate::site::{Shown, Site, settings};

/// How long what does not end by itself is watched before somebody mends it.
const LASTS: Duration = Duration::from_secs(900);

/// A fault and all that may be seen of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    /// What goes wrong, one after another, as lines of a file.
    pub(crate) faults: &'static [&'static str],
    pub(crate) family: Family,
    /// Everything that is shown of the modem before it is ready for good. What does not end by itself ends with what
    /// stays shown; the rest is in no order.
    pub(crate) shown: &'static [Sight],
    /// What came of each try to send the message that was under way, the same in a row counting once, and what is said
    /// in its reason.
    pub(crate) tries: &'static [Try],
    /// What becomes of that message, which is not to be sent again when in doubt.
    pub(crate) becomes: Status,
    /// How often it reaches the handset.
    pub(crate) arrives: usize,
    pub(crate) ends: Ends,
    /// What the driver tried last, and whether that helped.
    pub(crate) tried: Option<(Rung, bool)>,
}

/// A state, and what is said in its reason and in its advice.
pub(crate) type Sight = (&'static str, &'static str, &'static str);

pub(crate) const WOKEN: Sight =
    ("not_ready", "the modem did not answer in time and is being woken", "if it goes on, unplug the modem");
pub(crate) const DEAF: Sight = (
    "not_ready",
    "the modem does not answer on this port, and is being brought back",
    "if it goes on, unplug the modem",
);
pub(crate) const MUTE: Sight = (
    "not_ready",
    "the modem answers, but sends no message, and is being brought back",
    "if it goes on, try its SIM in a phone",
);
pub(crate) const NOISE: Sight = (
    "not_ready",
    "what comes over the port makes no sense, and is being brought back",
    "Check that `baud` is the modem's speed",
);
pub(crate) const LEFT: Sight = ("resting", "the modem did not get the last message through", "Wait a minute");
pub(crate) const REFUSED: Sight =
    ("resting", "messages through this SIM are refused: ", "Look at the SIM's credit and contract");
pub(crate) const CLOSED: Sight = ("absent", "the port was closed or unplugged", "Is the modem plugged in");
pub(crate) const FAILED: Sight = ("absent", "the port failed", "Is the modem plugged in");
pub(crate) const AWAY: Sight = ("absent", "the port is not there", "Is the modem plugged in");
pub(crate) const ANEW: Sight = ("not_ready", "the modem has started anew by itself", "check the modem's power supply");
pub(crate) const POWER: Sight =
    ("not_ready", "goes away while it sends, which looks like too weak a power supply", "Use a powered USB hub");
pub(crate) const IDLE: Sight = ("not_ready", "the modem is not registered with a network", "flight mode");

pub(crate) type Try = (AttemptOutcome, &'static str);

pub(crate) const WENT: Try = (AttemptOutcome::Sent, "");
/// Not a byte of the message went to the modem.
pub(crate) const RETURNED: Try =
    (AttemptOutcome::NotReady, "the modem did not ask for the message, or went away before it had it");
pub(crate) const LOST: Try = (AttemptOutcome::InDoubt, "the modem had the whole message and no answer came");

/// What ends a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    /// It passes, or the driver ends it.
    Alone,
    /// Somebody else: the operator, or a hand at the SIM.
    Mended,
    /// Somebody plugs the modem in.
    PluggedIn,
    /// Somebody cuts its power.
    PowerCut,
}

/// The message goes at once, and nobody sees anything.
pub(crate) const UNSEEN: Row = Row {
    faults: &[],
    family: Family::Generic,
    shown: &[],
    tries: &[WENT],
    becomes: Status::Delivered,
    arrives: 1,
    ends: Ends::Alone,
    tried: None,
};

/// Tries every row, then tells of all that is not as it should be.
pub(crate) async fn hold(rows: &[Row]) {
    let mut faults = Vec::new();
    for row in rows {
        for wrong in trial(row).await {
            faults.push(format!("{:?} ({:?}): {wrong}", row.faults, row.family));
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// Sends during the fault and after it; what is not as it should be.
pub(crate) async fn trial(row: &Row) -> Vec<String> {
    let mut site = Site::new(DeviceSettings::of(row.family, 0), settings()).await;
    let mut wrong = Vec::new();
    row.faults.iter().for_each(|line| site.suffer(line));
    tokio::time::sleep(Duration::from_millis(10)).await;
    let message = site.send(1, InDoubtPolicy::Hold).await;
    if row.ends != Ends::Alone {
        tokio::time::sleep(LASTS).await;
        let is_last = match (site.shows(), row.shown.last()) {
            (Some(shown), Some(last)) => is_like(&shown, last),
            (shown, last) => shown.is_none() && last.is_none(),
        };
        if !is_last {
            wrong.push(format!("while it lasts this is shown: {:?}", site.shows()));
        }
        match row.ends {
            Ends::Mended => site.device.recover(),
            Ends::PluggedIn => site.port.plug(),
            Ends::PowerCut => site.device.cut_power(Duration::from_secs(5)),
            Ends::Alone => {}
        }
    }
    let is_over =
        async |site: &Site| site.is_ready() && [row.becomes, Status::Sent].contains(&site.status(message).await);
    if !site.comes(is_over).await {
        wrong.push(format!("it does not end: {:?}, the message {:?}", site.shows(), site.status(message).await));
    }
    let next = site.send(2, InDoubtPolicy::Hold).await;
    if !site.comes(async |site| site.status(next).await == Status::Delivered).await {
        wrong.push(format!("the next message does not arrive: {:?}", site.detail(next).await.attempts));
    }
    if !site.comes(async |site| site.status(message).await == row.becomes).await {
        wrong.push(format!("the message stays {:?}", site.status(message).await));
    }
    compare(row, &mut site, message, &mut wrong).await;
    wrong
}

async fn compare(row: &Row, site: &mut Site, message: MessageId, wrong: &mut Vec<String>) {
    let shown = site.shown();
    for expected in row.shown.iter().filter(|expected| !shown.iter().any(|shown| is_like(shown, expected))) {
        wrong.push(format!("never shown: {expected:?}"));
    }
    for shown in shown.iter().filter(|shown| !row.shown.iter().any(|expected| is_like(shown, expected))) {
        wrong.push(format!("shown: {shown:?}"));
    }
    wrong.extend(shown.iter().filter(|shown| !is_plain(shown)).map(|shown| format!("no plain sentences: {shown:?}")));
    let mut tries: Vec<(AttemptOutcome, String)> = Vec::new();
    for attempt in site.detail(message).await.attempts {
        tries.push((attempt.outcome, attempt.reason.unwrap_or_default()));
    }
    tries.dedup();
    let same = |(tried, expected): (&(AttemptOutcome, String), &(AttemptOutcome, &str))| {
        tried.0 == expected.0 && tried.1.contains(expected.1) && tried.1.is_empty() == expected.1.is_empty()
    };
    if tries.len() != row.tries.len() || !tries.iter().zip(row.tries).all(same) {
        wrong.push(format!("tries: {tries:?}"));
    }
    let recovery = site.modem.health().borrow().recovery;
    if recovery.map(|last| (last.rung, last.helped)) != row.tried.map(|(rung, helped)| (rung, Some(helped))) {
        wrong.push(format!("recovery: {recovery:?}"));
    }
    let (status, arrived, taken) = (site.status(message).await, site.arrived(1), site.taken(1));
    if (status, arrived, taken) != (row.becomes, row.arrives, row.arrives) {
        wrong.push(format!("it becomes {status:?}, the network takes {taken}, the handset gets {arrived}"));
    }
}

fn is_like(shown: &Shown, (state, reason, advice): &(&str, &str, &str)) -> bool {
    shown.state == *state && shown.reason.contains(reason) && shown.advice.contains(advice)
}

/// A reason is a clause of one line, and an advice ends.
fn is_plain(shown: &Shown) -> bool {
    let Shown { reason, advice, .. } = shown;
    !reason.is_empty() && !reason.ends_with('.') && !reason.contains('\n') && advice.ends_with('.')
}

/// As a trial, with a message that may be sent again when in doubt.
pub(crate) async fn resend(row: &Row) {
    let mut site = Site::new(DeviceSettings::of(row.family, 0), settings()).await;
    row.faults.iter().for_each(|line| site.suffer(line));
    let message = site.send(1, InDoubtPolicy::Resend).await;
    tokio::time::sleep(LASTS).await;
    site.device.recover();
    site.port.plug();
    let arrived = site.comes(async |site| site.status(message).await == Status::Delivered).await;
    let attempts = site.detail(message).await.attempts;
    let doubts = attempts.iter().filter(|attempt| attempt.outcome == AttemptOutcome::InDoubt).count();
    let taken = site.taken(1);
    assert!(arrived && (1..=2).contains(&taken) && taken <= 1 + doubts, "{:?}: {taken} {attempts:?}", row.faults);
}
