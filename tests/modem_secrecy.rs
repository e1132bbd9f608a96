//! What a modem's task never tells, whatever the level of its log. Alone in its process, since a log is caught whole only
//! where nothing else registers with it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in a test, what is not there is a failure")]

use smsotpd::modem::{Arrival, Event, PinBook, Settings};

use crate::log::Log;
use crate::scripted::{OnSubmit, REPORT, Scripted, World, printed_report, settings};

#[allow(dead_code, reason = "the other tests of the task use the rest")]
#[path = "modem_actor/scripted.rs"]
mod scripted;

#[path = "support/log.rs"]
mod log;

#[tokio::test(start_paused = true)]
async fn a_log_at_its_finest_holds_no_text_pdu_or_number() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _quiet = tracing::subscriber::set_default(subscriber);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("pin"), "87654321").unwrap();
    let (scripted, settings) = (Scripted::new(), Settings { pin_file: Some(folder.path().join("pin")), ..settings() });
    scripted.lock("87654321", 3);
    let mut world = World::set(scripted, &settings, PinBook::in_folder(folder.path()));
    world.until(|health| health.state.is_ready()).await;
    assert_eq!(world.scripted.pins(), ["87654321"]);
    world.scripted.say(&printed_report());
    let Event { arrival: Arrival::Report(_), done, .. } = world.report().await else { panic!("a message") };
    done.acknowledge();
    for what in [OnSubmit::Take, OnSubmit::Refuse("+CMS ERROR: 8"), OnSubmit::Silence] {
        world.scripted.on_submit(what);
        let _ = world.submit().await;
    }
    let log = log.text();
    assert!(log.contains("modem.name=m1") && log.contains("message.id=msg_"), "{log}");
    let pdus = world.scripted.heard().into_iter().filter_map(|line| line.strip_suffix('\u{1a}').map(str::to_owned));
    for secret in
        ["123456", "15551234567", "5155214365F7", "87654321", REPORT].map(str::to_owned).into_iter().chain(pdus)
    {
        assert!(!log.contains(&secret), "{secret} is in {log}");
    }
}
