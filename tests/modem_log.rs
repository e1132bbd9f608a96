//! How much a modem can make its task log. Alone in its process, since a log is caught whole only where nothing else
//! registers with it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test, what is not there is a failure")]

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use smsotpd::modem::{PinBook, Settings};

use crate::log::Log;
use crate::scripted::{Scripted, World, printed_report, settings};

#[allow(dead_code, reason = "the other tests of the task use the rest")]
#[path = "modem_actor/scripted.rs"]
mod scripted;

#[path = "support/log.rs"]
mod log;

#[tokio::test(start_paused = true)]
async fn a_modem_that_repeats_itself_does_not_fill_the_log() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _quiet = tracing::subscriber::set_default(subscriber);
    let world = World::ready().await;
    for _ in 0..1000 {
        // One that cannot be read, one that nobody takes, and one that is not where it is said to be.
        world.scripted.say("+CDS: 2\r\n00FFFF");
        world.scripted.say(&printed_report());
        world.scripted.say("+CDSI: \"SR\",3");
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let text = log.text();
    assert!(text.lines().count() < 20, "{} lines: {}", text.lines().count(), &text[..2000]);
    assert_eq!(text.matches("cannot be read").count(), 1);
    tokio::time::sleep(Duration::from_secs(60)).await;
    world.scripted.say("+CDS: 2\r\n00FFFF");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let text = log.text();
    assert_eq!(text.matches("cannot be read").count(), 2);
    assert!(text.contains("more=999"), "{text}");
    world.scripted.answer("AT+CPMS=\"SR\"", "+CPMS: 100,100,3,100,3,100\r\n\r\nOK");
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(world.scripted.count("AT+CPMS=\"SR\"") > 10);
    let text = log.text();
    assert_eq!(text.matches("a storage of the modem is full").count(), 1, "{text}");
    a_card_that_stays_locked_repeats_nothing(&log).await;
    what_a_card_lacks_is_said_once_though_it_bounces(&log).await;
}

async fn a_card_that_stays_locked_repeats_nothing(log: &Log) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pin");
    std::fs::write(&file, "1111").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (scripted, settings) = (Scripted::new(), Settings { pin_file: Some(file), ..settings() });
    scripted.lock("1234", 3);
    let world = World::set(scripted, &settings, PinBook::in_folder(folder.path()));
    world.says("was tried once and did not unlock it").await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let text = log.text();
    assert_eq!(text.matches("everybody can read the PIN").count(), 1, "{text}");
}

async fn what_a_card_lacks_is_said_once_though_it_bounces(log: &Log) {
    let scripted = Scripted::new();
    scripted.answer("AT+CSQ", "+CPIN: NOT READY\r\n\r\n+CPIN: READY\r\n\r\n+CSQ: 20,99\r\n\r\nOK");
    scripted.answer("AT+CSCA?", "+CSCA: \"\",129\r\n\r\nOK");
    let world = World::start(scripted);
    world.until(|health| health.state.is_ready()).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(world.scripted.count("AT+CMGF=0") > 100);
    let text = log.text();
    assert_eq!(text.matches("holds no service centre number").count(), 1);
}
