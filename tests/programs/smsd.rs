//! gammu-smsd, a daemon nobody here wrote, sends and receives through the simulated modem.

use std::path::Path;

use crate::bench::{Bench, file_with};
use crate::support::soon;
use smsotpd::sim::Family;

#[tokio::test]
#[ignore = "needs gammu-smsd"]
async fn gammu_smsd_sends_and_receives() {
    let bench = Bench::set_up(Family::Generic).await;
    let [inbox, outbox, sent, error] = bench.folders(["inbox", "outbox", "sent", "error"]);
    let configuration = bench.write(
        "smsdrc",
        &format!(
            "[gammu]\ndevice = {}\nconnection = at115200\n\
             [smsd]\nservice = files\nlogfile = {}\ncommtimeout = 1\nreceivefrequency = 1\nloopsleep = 1\n\
             inboxpath = {}/\noutboxpath = {}/\nsentsmspath = {}/\nerrorsmspath = {}/\n",
            bench.link().display(),
            bench.path("log").display(),
            inbox.display(),
            outbox.display(),
            sent.display(),
            error.display(),
        ),
    );
    let _daemon = bench.start("gammu-smsd", &[Path::new("-c"), &configuration]);
    let text = ["-c", configuration.to_str().unwrap(), "TEXT", "+15551234567", "-text", "Hello from gammu-smsd"];
    let mut inject = bench.start("gammu-smsd-inject", &text.map(Path::new));
    assert!(inject.wait().await.unwrap().success());
    let received = soon("the message", bench.alice.next()).await;
    assert_eq!((received.text.expose(), &received.from), ("Hello from gammu-smsd", &bench.device.settings().number));
    bench.alice.send(&bench.device.settings().number, "Hello gammu-smsd").unwrap();
    assert_eq!(file_with(&inbox, "Hello gammu-smsd").await, "Hello gammu-smsd");
    assert!(error.read_dir().unwrap().next().is_none());
}
