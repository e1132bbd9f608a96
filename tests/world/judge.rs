//! What must hold: compares what was promised and seen with what the store says.

use std::time::Duration;

use smsotpd::clock::Moment;
use smsotpd::message::Status;
use smsotpd::modem::Modem;
use smsotpd::store::{AttemptOutcome, MessageDetail, Store};

use crate::ledger::{Accepted, Ledger, Otp, Promise, most_within};
use crate::site::Site;
use crate::writers;

/// Judges everything, when nothing more can happen.
pub(crate) async fn everything(site: &Site) {
    let store = site.door().await.store;
    site.obstruct_all(true);
    let accepted = accepted(&site.ledger());
    for (serial, accepted) in accepted {
        match store.message(&site.app, accepted).await {
            Ok(Some(detail)) => {
                let faults = message(&site.ledger(), serial, &detail);
                let Some(first) = faults.first() else { continue };
                let story = story(&site.ledger().promises[serial], &detail);
                site.blame(format!("W{serial} {first} ({} more): {story}", faults.len() - 1));
            }
            other => site.blame(format!("W{serial} was accepted and is not there: {}", other.is_ok())),
        }
    }
    never_accepted(site);
    let otps = site.ledger().otps.len();
    for otp in 0..otps {
        attempts(site, &store, otp).await;
    }
    budgets(site);
    writers::judge(site, &store).await;
}

fn accepted(ledger: &Ledger) -> Vec<(usize, smsotpd::ids::MessageId)> {
    let accepted = |(serial, promise): (usize, &Promise)| Some((serial, promise.accepted.as_ref()?.id));
    ledger.promises.iter().enumerate().filter_map(accepted).collect()
}

/// What is wrong about one message.
fn message(ledger: &Ledger, serial: usize, detail: &MessageDetail) -> Vec<String> {
    let promise = &ledger.promises[serial];
    let Some(Accepted { deadline, parts, .. }) = promise.accepted else { return Vec::new() };
    let mut faults = Vec::new();
    let status = detail.message.status;
    let in_doubt = |part| count(detail, part, AttemptOutcome::InDoubt);
    let ever_in_doubt = (0..parts).any(|part| in_doubt(part) > 0);
    // Another SIM that takes a message of several parts over starts it again, once.
    let taken_over = parts > 1 && detail.attempts.windows(2).any(|pair| pair[0].sim != pair[1].sim);
    let doubts = 1 + usize::from(promise.resend_in_doubt) + usize::from(taken_over);
    for part in 0..parts {
        let taken = promise.copies.get(usize::from(part)).map_or(0, Vec::len);
        let (sent, doubted) = (count(detail, part, AttemptOutcome::Sent), in_doubt(part));
        if taken < sent {
            faults.push(format!("part {part} was not taken as often as the store says"));
        }
        if taken > sent + doubted {
            faults.push(format!("part {part} was taken more often than the store says"));
        }
        if doubted > doubts {
            faults.push(format!("part {part} was sent again although it was in doubt before"));
        }
        if status == Status::Sent && taken == 0 {
            faults.push(format!("is sent, part {part} is not"));
        }
    }
    let gone: Vec<_> = detail.attempts.iter().filter(|attempt| has_gone(attempt.outcome)).collect();
    if parts == 1 && gone.len() > 2 {
        faults.push(format!("went out {} times", gone.len()));
    }
    if let ([first, second], 1, false) = (gone.as_slice(), parts, ever_in_doubt)
        && first.sim == second.sim
    {
        faults.push("went out twice through one SIM, and was never in doubt".to_owned());
    }
    let at_once = |outcome| matches!(outcome, AttemptOutcome::Sent | AttemptOutcome::Expired);
    let fair = ledger.fair_from.is_some_and(|first| serial >= first);
    if fair && !detail.attempts.iter().all(|attempt| at_once(attempt.outcome)) {
        faults.push("did not go well at once in fair weather".to_owned());
    }
    if promise.copies.iter().flatten().any(|at| *at >= deadline + LATE) {
        faults.push("was sent after its deadline".to_owned());
    }
    if promise.withdrawn && !promise.copies.is_empty() {
        faults.push("was sent although it was withdrawn".to_owned());
    }
    if status == Status::Delivered && promise.arrived == 0 && !promise.foretold && !ledger.misleads {
        faults.push("is delivered, and the handset does not have it".to_owned());
    }
    if status == Status::InDoubt && !ever_in_doubt {
        faults.push("is in doubt, and no attempt is".to_owned());
    }
    if matches!(status, Status::Queued | Status::Sending) {
        faults.push("never came to an end".to_owned());
    }
    if !ever_in_doubt && !promise.unreported && !ledger.misleads && reports_came(ledger, promise, detail, deadline) {
        if status == Status::Sent {
            faults.push("was reported on, and the store does not know".to_owned());
        }
        if promise.arrived > 0 && status != Status::Delivered {
            faults.push("arrived, and the store does not know".to_owned());
        }
    }
    faults
}

/// Whether the reports on all its parts had time and a free way to the store before they count no more, which is an
/// hour after the deadline.
fn reports_came(ledger: &Ledger, promise: &Promise, detail: &MessageDetail, deadline: Moment) -> bool {
    let Some(last) = promise.copies.iter().flatten().max().copied() else { return false };
    let all_said = if promise.arrived > 0 { last } else { last.max(deadline) } + SAID_WITHIN + promise.reported_late;
    let counts_until = deadline + Duration::from_secs(3600);
    let free = |name: &str| {
        ledger.open.iter().any(|(modem, since, until)| {
            format!("m{modem}") == name && (*until).min(counts_until).since((*since).max(all_said)) > FREE
        })
    };
    detail.attempts.iter().all(|attempt| free(attempt.modem.as_str()))
}

/// So long after a part arrived, or ended in the network, the report is on its way: TP-VP comes in steps of five minutes.
const SAID_WITHIN: Duration = Duration::from_secs(400);
/// A way that is free for so long lets everything through, whatever the modem is busy with.
const FREE: Duration = Duration::from_secs(1200);

/// So long may a modem take to hand over what it was given in time.
const LATE: Duration = Duration::from_secs(5);

/// The network has it, or may have it.
fn has_gone(outcome: AttemptOutcome) -> bool {
    matches!(outcome, AttemptOutcome::Sent | AttemptOutcome::InDoubt)
}

fn count(detail: &MessageDetail, part: u8, outcome: AttemptOutcome) -> usize {
    detail.attempts.iter().filter(|attempt| attempt.part == part && attempt.outcome == outcome).count()
}

fn story(promise: &Promise, detail: &MessageDetail) -> String {
    let attempts: Vec<String> = detail
        .attempts
        .iter()
        .map(|attempt| {
            let reason = attempt.reason.as_deref().unwrap_or_default();
            let reference = attempt.reference.map_or(String::new(), |reference| format!(" as {reference}"));
            format!(
                "{}/{} {}{reference} {:?} {reason}",
                attempt.part,
                attempt.modem,
                attempt.outcome.as_str(),
                attempt.report
            )
        })
        .collect();
    let taken: Vec<Vec<i64>> =
        promise.copies.iter().map(|part| part.iter().map(|at| at.as_millis()).collect()).collect();
    let status = detail.message.status.as_str();
    let deadline = promise.accepted.as_ref().map_or(0, |accepted| accepted.deadline.as_millis());
    format!("{status}, deadline {deadline}, taken {taken:?}, arrived {}, attempts {attempts:#?}", promise.arrived)
}

/// What nobody was told is accepted.
fn never_accepted(site: &Site) {
    let faults: Vec<String> = {
        let ledger = site.ledger();
        let unknown = |(_, promise): &(usize, &Promise)| promise.accepted.is_none() && !promise.copies.is_empty();
        let fault = |(serial, promise): (usize, &Promise)| {
            let ends = promise.expires.filter(|_| promise.unheard);
            let Some(ends) = ends else { return Some(format!("W{serial} was refused, and sent")) };
            let late = promise.copies.iter().flatten().any(|at| *at >= ends + LATE);
            late.then(|| format!("W{serial} was sent after its deadline"))
        };
        ledger.promises.iter().enumerate().filter(unknown).filter_map(fault).collect()
    };
    faults.into_iter().for_each(|fault| site.blame(fault));
}

/// Every attempt at a code is counted, and none twice.
async fn attempts(site: &Site, store: &Store, index: usize) {
    let id = site.ledger().otps[index].id;
    let left = match store.otp(&site.app, id).await {
        Ok(Some(otp)) => otp.attempts_left,
        other => return site.blame(format!("otp {index} was issued and is not there: {}", other.is_ok())),
    };
    let (used, known) = {
        let ledger = site.ledger();
        let Otp { attempts, wrong, verified, locked, unheard, .. } = ledger.otps[index];
        let heard = wrong + verified;
        (attempts - left, heard..=heard + unheard + u8::from(locked))
    };
    if !known.contains(&used) {
        site.blame(format!("otp {index} counts {used} attempts, which is not in {known:?}"));
    }
}

/// No SIM was asked for more than it may send.
fn budgets(site: &Site) {
    let limits = &site.budget;
    let windows = [(limits.per_minute, 60), (limits.per_hour, 3600), (limits.per_day, 86_400)];
    for (index, device) in site.devices.iter().enumerate() {
        let number = &device.settings().number;
        for card in 0..2 {
            let asked = site.ledger().asked_of(number, card);
            for (limit, seconds) in windows.into_iter().filter(|(limit, _)| *limit > 0) {
                let most = most_within(Duration::from_secs(seconds), &asked);
                if most.len() > limit as usize {
                    let when: Vec<i64> = most.iter().map(|at| at.as_millis()).collect();
                    site.blame(format!("m{index} may send {limit} parts within {seconds} s, and sent more: {when:?}"));
                }
            }
        }
    }
}

/// Each modem's name, and its state with its time.
pub(crate) fn states(site: &Site) -> Vec<(String, String)> {
    let modems = site.open_door().map(|door| door.modems).unwrap_or_default();
    let state = |modem: &Modem| {
        let health = modem.health();
        let health = health.borrow();
        (modem.name().to_string(), format!("{} {}", health.since, health.state.as_str()))
    };
    modems.iter().map(state).collect()
}

/// Every modem can send.
pub(crate) fn modems(site: &Site) {
    let Some(door) = site.open_door() else { return site.blame("the daemon does not live".to_owned()) };
    for modem in &door.modems {
        let health = modem.health();
        let state = &health.borrow().state;
        if !state.is_ready() {
            site.blame(format!("{} is not back: {state:?}", modem.name()));
        }
    }
}
