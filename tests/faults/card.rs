//! What befalls the SIM.

use std::time::Duration;

use smsotpd::ids::SimId;
use smsotpd::message::{InDoubtPolicy, Status};
use smsotpd::modem::{Rung, Settings};
use smsotpd::sim::{DeviceSettings, Family};
use tempfile::TempDir;

use crate::row::{Ends, IDLE, Row, Sight, UNSEEN, hold};
use crate::site::{Site, settings};

const NO_CARD: Sight = ("not_ready", "no SIM is in the modem", "Push the SIM in until it clicks");
const PIN: Sight = ("not_ready", "the SIM asks for its PIN", "put the SIM into a phone and turn its PIN off");
const PUK: Sight = ("not_ready", "the SIM is locked and asks for its PUK", "enter the PUK that the operator gave");
const DEAD: Sight =
    ("not_ready", "the SIM cannot be read", "Take the SIM out and put it back in; then try it in a phone");
const RESTARTED: Sight =
    ("not_ready", "the modem does not read its SIM; the modem is being brought back", "It is being restarted");
const BUSY: Sight = ("not_ready", "the SIM is busy with itself", "Wait a minute");
const WRONG: Sight = ("not_ready", "the SIM is not one that this modem can use", "Use another SIM");
const LOCKED: Sight = ("not_ready", "the modem is locked to another SIM or network", "have the modem unlocked");

const ASKS: &str = "card = { asks-pin = { pin = \"1234\" } }";
const NO_TRIES: &str = "card = { pin-tries = 0 }";

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    Row { faults: &["card = \"removed\""], shown: &[NO_CARD], ends: Ends::Mended, ..UNSEEN },
    Row { faults: &["card = \"removed\"", "card = { inserted = {} }"], shown: &[NO_CARD], ..UNSEEN },
    Row { faults: &["card = { inserted = { iccid = \"8988001000000000003\", imsi = \"001010000000003\" } }"], ..UNSEEN },
    Row { faults: &["card = { busy = 30 }"], shown: &[IDLE, BUSY], ..UNSEEN },
    Row { faults: &["card = \"failure\""], shown: &[IDLE, RESTARTED, DEAD], ends: Ends::Mended, tried: Some((Rung::Restart, false)), ..UNSEEN },
    Row { faults: &["card = \"wrong\""], shown: &[IDLE, WRONG], ends: Ends::Mended, ..UNSEEN },
    Row { faults: &[ASKS], shown: &[PIN], ends: Ends::Mended, ..UNSEEN },
    Row { faults: &[ASKS, NO_TRIES], shown: &[PIN, PUK], ends: Ends::Mended, ..UNSEEN },
    Row { faults: &[ASKS, NO_TRIES, "card = { puk-tries = 0 }"], shown: &[PIN, RESTARTED, DEAD], ends: Ends::Mended, tried: Some((Rung::Restart, false)), ..UNSEEN },
    Row { faults: &["card = { network-lock = true }"], shown: &[IDLE, LOCKED], ends: Ends::Mended, ..UNSEEN },
    Row { faults: &["card = \"sound\""], ..UNSEEN },
];

#[tokio::test(start_paused = true)]
async fn a_sim_in_trouble_is_told_of_and_used_again() {
    hold(ROWS).await;
}

/// A modem whose PIN stands in a file.
fn with_pin(folder: &TempDir, pin: &str) -> Settings {
    let file = folder.path().join("pin");
    std::fs::write(&file, pin).unwrap();
    Settings { pin_file: Some(file), ..settings() }
}

#[tokio::test(start_paused = true)]
async fn a_sim_whose_pin_is_known_is_unlocked_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    for family in Family::ALL {
        let site = Site::new(DeviceSettings::of(family, 0), with_pin(&folder, "1234")).await;
        site.suffer(ASKS);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let message = site.send(1, InDoubtPolicy::Hold).await;
        site.until(family.name(), async |site| site.status(message).await == Status::Delivered).await;
        assert_eq!((site.arrived(1), site.is_ready()), (1, true), "{family:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_pin_costs_one_try_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::new(DeviceSettings::of(Family::Sierra, 0), with_pin(&folder, "4321")).await;
    site.suffer(ASKS);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let message = site.send(1, InDoubtPolicy::Hold).await;
    tokio::time::sleep(Duration::from_secs(6 * 3600)).await;
    let shown = site.shows().unwrap();
    assert!(shown.reason.contains("the configured one was tried once and did not unlock it"), "{shown:?}");
    assert!(shown.advice.contains("the same one is never tried again"), "{shown:?}");
    assert!(!site.shown().iter().any(|shown| shown.reason.contains("PUK")), "it would ask for it after three tries");
    site.device.recover();
    site.until("the message", async |site| site.status(message).await == Status::Delivered).await;
    assert_eq!(site.arrived(1), 1);
}

#[tokio::test(start_paused = true)]
async fn a_pin_of_which_a_try_was_lost_is_not_tried() {
    let folder = tempfile::tempdir().unwrap();
    let site = Site::new(DeviceSettings::of(Family::Sierra, 0), with_pin(&folder, "1234")).await;
    site.suffer("card = { pin-tries = 2 }");
    site.suffer(ASKS);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let shown = site.shows().unwrap();
    assert!(shown.reason.contains("only 2 of 3 tries are left, so it is not given one"), "{shown:?}");
    assert!(shown.advice.contains("gives all tries back"), "{shown:?}");
    site.device.recover();
    let message = site.send(1, InDoubtPolicy::Hold).await;
    site.until("the message", async |site| site.status(message).await == Status::Delivered).await;
}

#[tokio::test(start_paused = true)]
async fn another_sim_is_noticed_by_itself() {
    let site = Site::new(DeviceSettings::default(), settings()).await;
    let other = DeviceSettings::numbered(7);
    site.suffer(&format!("card = {{ inserted = {{ iccid = \"{}\", imsi = \"{}\" }} }}", other.iccid, other.imsi));
    let is_other = async |site: &Site| site.view().sim.is_some_and(|sim| sim.iccid == Some(other.iccid.clone()));
    site.until("the other SIM", is_other).await;
    let message = site.send(1, InDoubtPolicy::Hold).await;
    site.until("the message", async |site| site.status(message).await == Status::Delivered).await;
    assert_eq!(site.detail(message).await.attempts[0].sim, SimId::from_iccid(&other.iccid));
}
