//! Storages that are full.

use smsotpd::message::{InDoubtPolicy, Status};
use smsotpd::sim::{DeviceSettings, Family};

use crate::row::{Row, Sight, UNSEEN, hold};
use crate::site::{Site, number, settings};

const FULL: Sight = ("ready", "the modem's storage SM is full, so no status report can come in", "It is being emptied");

const REPORTS: Sight =
    ("ready", "the modem's storage SR is full, so no status report can come in", "It is being emptied");

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    Row { faults: &["full = \"SM\""], ..UNSEEN },
    Row { faults: &["full = \"ME\""], ..UNSEEN },
    Row { faults: &["full = \"SR\""], shown: &[REPORTS], ..UNSEEN },
    Row { faults: &["full = \"SM\""], shown: &[FULL], family: Family::Huawei, ..UNSEEN },
    Row { faults: &["full = \"SM\""], shown: &[FULL], family: Family::Quectel, ..UNSEEN },
    Row { faults: &["full = \"SM\""], family: Family::Simcom, ..UNSEEN },
    Row { faults: &["full = \"SM\""], family: Family::Sierra, ..UNSEEN },
];

#[tokio::test(start_paused = true)]
async fn a_full_storage_is_told_of_and_emptied() {
    hold(ROWS).await;
}

/// Nothing that waits in the network is lost, and the modem is emptied whether it says that it is full or not.
#[tokio::test(start_paused = true)]
async fn what_a_full_storage_kept_out_comes_in_once_it_is_emptied() {
    for family in Family::ALL {
        for line in ["full = \"SM\"", "full = \"ME\"", "full = \"SR\""] {
            let site = Site::new(DeviceSettings::of(family, 0), settings()).await;
            site.suffer(line);
            let message = site.send(1, InDoubtPolicy::Hold).await;
            let answer = site.carrier.handset(&number(1)).send(&site.device.settings().number, "Thank you.");
            answer.unwrap();
            site.until(line, async |site| site.status(message).await == Status::Delivered).await;
            site.until(line, async |site| site.heard("Thank you.").await == 1).await;
            site.until(line, async |site| site.is_ready()).await;
        }
    }
}
