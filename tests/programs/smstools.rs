//! The SMS Server Tools, a daemon nobody here wrote, send and receive through the simulated modem.

use std::path::Path;

use crate::bench::{Bench, file_with};
use crate::support::soon;
use smsotpd::sim::Family;

#[tokio::test]
#[ignore = "needs smstools"]
async fn smstools_send_and_receive() {
    let bench = Bench::set_up(Family::Generic).await;
    let [outgoing, checked, incoming, sent, failed, report] =
        bench.folders(["outgoing", "checked", "incoming", "sent", "failed", "report"]);
    let configuration = bench.write(
        "smsd.conf",
        &format!(
            "devices = GSM1\nlogfile = {}\npidfile = {}\ninfofile = {}\ndelaytime = 1\n\
             outgoing = {}\nchecked = {}\nincoming = {}\nsent = {}\nfailed = {}\nreport = {}\n\
             [GSM1]\ndevice = {}\nincoming = yes\nbaudrate = 115200\nmode = new\n",
            bench.path("log").display(),
            bench.path("pid").display(),
            bench.path("info").display(),
            outgoing.display(),
            checked.display(),
            incoming.display(),
            sent.display(),
            failed.display(),
            report.display(),
            bench.link().display(),
        ),
    );
    let option = format!("-c{}", configuration.display());
    let _daemon = bench.start("smsd", &[Path::new(&option), Path::new("-t")]);
    bench.write("message", "To: 15551234567\n\nHello from smstools\n");
    std::fs::rename(bench.path("message"), outgoing.join("message")).unwrap();
    let received = soon("the message", bench.alice.next()).await;
    assert_eq!((received.text.expose(), &received.from), ("Hello from smstools", &bench.device.settings().number));
    let kept = file_with(&sent, "Sent: ").await;
    assert!(kept.contains("To: 15551234567"), "{kept}");
    bench.alice.send(&bench.device.settings().number, "Hello smstools").unwrap();
    let kept = file_with(&incoming, "Hello smstools").await;
    assert!(kept.contains("From: 15551234567"), "{kept}");
    assert!(failed.read_dir().unwrap().next().is_none());
}
