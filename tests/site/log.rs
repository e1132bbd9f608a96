//! The log, and whoever reads it.

use std::process::Stdio;

use crate::support::{Site, smsotpd, soon};
use hyper::Method;
use rustix::pipe::PipeFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;
use smsotpd::sim::CarrierSettings;
use tokio::io::{AsyncBufReadExt as _, BufReader};

/// More than the daemon and the smallest pipe hold, with one line for each.
const REQUESTS: usize = 2_000;

/// Every answer is a line of the log, and nothing else is.
const ANSWERS: (&str, &str) = ("RUST_LOG", "smsotpd::http::gate=debug");

#[tokio::test]
async fn who_does_not_read_the_log_holds_nothing_up_and_is_told_what_is_missing() {
    let site = Site::new(CarrierSettings::default());
    site.configure("");
    let mut daemon = site.serve_writing(Stdio::piped(), &[ANSWERS]).await;
    let log = daemon.log();
    rustix::pipe::fcntl_setpipe_size(&log, 4096).unwrap();
    let mut log = BufReader::new(log).lines();
    let requests = async {
        for _ in 0..REQUESTS {
            daemon.request(Method::GET, "/v1/status", "none", None).await;
        }
    };
    soon("all answers", requests).await;
    // Once it is read again it goes on, and of each line that is not there is told.
    let mut lines = 0;
    soon("every line or word of it", async {
        while lines < REQUESTS {
            let line: Value = serde_json::from_str(&log.next_line().await.unwrap().unwrap()).unwrap();
            lines += usize::from(line["path"] == "/v1/status");
            if let Some(lost) = line["lines"].as_u64() {
                assert_eq!(line["level"], "WARN");
                lines += usize::try_from(lost).unwrap();
            }
        }
    })
    .await;
    assert_eq!(lines, REQUESTS);
    assert_eq!(daemon.terminate().await.code(), Some(0));
}

#[tokio::test]
async fn a_daemon_that_cannot_serve_ends_whoever_reads_why() {
    let site = Site::unplugged(CarrierSettings::default());
    let config = site.configure("");
    let _daemon = site.serve().await;
    for (arguments, full) in [(["serve"].as_slice(), true), (&["serve", "--json"], true), (&["serve", "--json"], false)]
    {
        let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).unwrap();
        while full && rustix::io::write(&writer, &[b' '; 4096]).is_ok() {}
        rustix::io::ioctl_fionbio(&writer, false).unwrap();
        let mut second = smsotpd();
        let mut second = second.args(arguments).arg("--config").arg(&config).stderr(writer).spawn().unwrap();
        assert_eq!(soon("the second one to end", second.wait()).await.unwrap().code(), Some(1));
        if !full {
            let mut told = [0; 4096];
            let length = rustix::io::read(&reader, &mut told).unwrap();
            let told: Value = serde_json::from_slice(&told[..length]).unwrap();
            assert_eq!(told["level"], "ERROR");
            assert!(told["message"].as_str().unwrap().contains("another"), "{told}");
        }
    }
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
