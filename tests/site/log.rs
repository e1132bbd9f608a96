//! The log, and whoever reads it.

use std::process::Stdio;

use crate::support::{Site, soon};
use hyper::Method;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;
use smsotpd::sim::CarrierSettings;
use tokio::io::{AsyncBufReadExt as _, BufReader};

/// More than a pipe and the daemon hold, at the least that one request is worth in the log.
const REQUESTS: usize = 1_000;

#[tokio::test]
async fn who_does_not_read_the_log_holds_nothing_up_and_is_told_what_is_missing() {
    let site = Site::new(CarrierSettings::default());
    site.configure("");
    let mut daemon = site.serve_writing(Stdio::piped(), &[("RUST_LOG", "trace")]).await;
    let mut log = BufReader::new(daemon.log()).lines();
    let requests = async {
        for _ in 0..REQUESTS {
            daemon.request(Method::GET, "/healthz", "none", None).await;
        }
    };
    soon("all answers", requests).await;
    // Once it is read again it goes on, and at its end is what is missing.
    let told = soon("what is missing", async {
        loop {
            let line: Value = serde_json::from_str(&log.next_line().await.unwrap().unwrap()).unwrap();
            if line["lines"].is_u64() {
                return line;
            }
        }
    })
    .await;
    assert_eq!(told["level"], "WARN");
    assert_eq!(daemon.terminate().await.code(), Some(0));
}

#[tokio::test]
async fn a_terminal_that_nobody_reads_holds_nothing_up() {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let terminal = std::fs::OpenOptions::new().read(true).write(true).open(name).unwrap();
    let site = Site::new(CarrierSettings::default());
    site.configure("");
    let daemon = site.serve_writing(Stdio::from(terminal), &[("RUST_LOG", "trace")]).await;
    soon("answers", async {
        for _ in 0..REQUESTS {
            daemon.request(Method::GET, "/healthz", "none", None).await;
        }
    })
    .await;
    assert_eq!(daemon.terminate().await.code(), Some(0));
    drop(master);
}
