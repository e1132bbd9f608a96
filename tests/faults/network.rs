//! What the network says of the modem, and who calls it.

use std::time::Duration;

use smsotpd::message::Status::Failed;
use smsotpd::message::{InDoubtPolicy, Status};
use smsotpd::modem::Settings;
use smsotpd::phone::UssdCode;
use smsotpd::sim::{DeviceSettings, UssdAnswer, UssdForm};
use smsotpd::store::AttemptOutcome;

use crate::row::{Ends, IDLE, Row, Sight, UNSEEN, WENT, hold};
use crate::site::{Site, settings};

const SEARCHES: Sight = ("not_ready", "the modem is searching for a network", "check the antenna");
const DENIED: Sight = ("not_ready", "the network refuses this SIM or this modem", "ask the operator");
const WHY: Sight =
    ("not_ready", "refuses this SIM or this modem: this SIM has no contract with it (cause 11)", "ask the operator");
const UNKNOWN: Sight = ("not_ready", "the modem sees no network", "Check the antenna");
const EMERGENCY: Sight = ("not_ready", "the network allows emergency calls only", "Check with the operator");
const CALL: Sight = ("ready", "somebody is calling the modem", "Wait until the call is over");

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    Row { faults: &["standing = { creg = 0, cgreg = 0, cereg = 0 }"], shown: &[IDLE], ends: Ends::Mended, ..UNSEEN },
    Row { faults: &["standing = { creg = 2, cgreg = 2, cereg = 2 }"], shown: &[SEARCHES], ends: Ends::Mended, ..UNSEEN },
    Row { faults: &["standing = { creg = 3, cgreg = 3, cereg = 3 }"], shown: &[DENIED], ends: Ends::Mended, ..UNSEEN },
    Row { faults: &["standing = { creg = 3, cgreg = 3, cereg = 3, cause = 11 }"], shown: &[DENIED, WHY], ends: Ends::Mended, ..UNSEEN },
    Row { faults: &["standing = { creg = 4, cgreg = 4, cereg = 4 }"], shown: &[UNKNOWN], ends: Ends::Mended, ..UNSEEN },
    Row { faults: &["standing = { creg = 5, cgreg = 5, cereg = 5 }"], ..UNSEEN },
    Row { faults: &["standing = { creg = 6, cgreg = 4, cereg = 4 }"], ..UNSEEN },
    Row { faults: &["standing = { creg = 8, cgreg = 8, cereg = 8 }"], shown: &[EMERGENCY], ends: Ends::Mended, ..UNSEEN },
    Row { faults: &["standing = { creg = 11, cgreg = 11, cereg = 11 }"], shown: &[UNKNOWN], ends: Ends::Mended, ..UNSEEN },
    Row { faults: &["signal = 3"], ..UNSEEN },
    // One recipient alone does not tell that it is the SIM.
    Row { faults: &["{\"barred\": 8}"], tries: &[(AttemptOutcome::Failed, "the operator has barred this SIM from sending"), WENT], ends: Ends::Mended, ..UNSEEN },
    Row { faults: &["{\"barred\": 10}"], tries: &[(AttemptOutcome::Failed, "sending is barred for this SIM"), WENT], ends: Ends::Mended, ..UNSEEN },
    // One message alone does not tell that it is the SIM.
    Row { faults: &["{\"barred\": 21}"], tries: &[(AttemptOutcome::Failed, "often the SIM is out of credit")], becomes: Failed, arrives: 0, ends: Ends::Mended, ..UNSEEN },
    Row { faults: &["{\"barred\": 29}"], tries: &[(AttemptOutcome::Failed, "the network does not let this SIM send"), WENT], ends: Ends::Mended, ..UNSEEN },
    Row { faults: &["{\"barred\": 50}"], tries: &[(AttemptOutcome::Failed, "is not part of this SIM's contract"), WENT], ends: Ends::Mended, ..UNSEEN },
    Row { faults: &["call = 20"], shown: &[CALL], ..UNSEEN },
    Row { faults: &["ussd-silent = true"], ..UNSEEN },
];

#[tokio::test(start_paused = true)]
async fn a_network_that_refuses_is_told_of_and_used_again() {
    hold(ROWS).await;
}

#[tokio::test(start_paused = true)]
async fn a_question_that_the_network_does_not_answer_ends_and_messages_go_meanwhile() {
    let site = Site::new(DeviceSettings::default(), settings()).await;
    site.suffer("ussd-silent = true");
    let code = UssdCode::try_from("*100#".to_owned()).unwrap();
    let question = site.modem.ussd(code.clone());
    let sending = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let message = site.send(1, InDoubtPolicy::Hold).await;
        tokio::time::sleep(Duration::from_secs(30)).await;
        site.status(message).await
    };
    let (answer, status) = tokio::join!(question, sending);
    assert_eq!(answer.unwrap_err().to_string(), "the network did not answer");
    assert_eq!((status, site.shown().len()), (Status::Delivered, 0));
    site.device.recover();
    site.carrier.answer_ussd("*100#", UssdAnswer { status: 0, text: "5 EUR".to_owned(), form: UssdForm::Plain });
    assert!(site.modem.ussd(code.clone()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_visited_network_over_which_nothing_may_go_is_told_of() {
    let site = Site::new(DeviceSettings::default(), Settings { roaming: false, ..settings() }).await;
    site.suffer("standing = { creg = 5, cgreg = 5, cereg = 5 }");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let message = site.send(1, InDoubtPolicy::Hold).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let shown = site.shows().unwrap();
    assert!(shown.reason.contains("messages must not go over one"), "{shown:?}");
    assert!(shown.advice.contains("`roaming = true`"), "{shown:?}");
    assert_eq!((site.status(message).await, site.arrived(1)), (Status::Queued, 0));
    site.device.recover();
    site.until("the message", async |site| site.status(message).await == Status::Delivered).await;
}

#[tokio::test(start_paused = true)]
async fn a_weak_signal_is_shown() {
    let site = Site::new(DeviceSettings::default(), settings()).await;
    site.suffer("signal = 3");
    site.until("the signal", async |site| site.view().signal_dbm == Some(-107)).await;
    assert!(site.is_ready());
}

/// A SIM without credit: the network says no more than that it rejects the message.
#[tokio::test(start_paused = true)]
async fn a_sim_that_is_refused_without_a_reason_is_rested_and_told_of() {
    let site = Site::new(DeviceSettings::default(), settings()).await;
    site.suffer("{\"barred\": 21}");
    for to in 1..=4 {
        site.send(to, InDoubtPolicy::Hold).await;
    }
    site.until("the rest", async |site| site.shows().is_some_and(|shown| shown.state == "resting")).await;
    let shown = site.shows().unwrap();
    assert!(shown.reason.contains("often the SIM is out of credit"), "{shown:?}");
    assert!(shown.advice.contains("Look at the SIM's credit"), "{shown:?}");
    site.device.recover();
    let message = site.send(5, InDoubtPolicy::Hold).await;
    site.until("the message", async |site| site.status(message).await == Status::Delivered).await;
}
