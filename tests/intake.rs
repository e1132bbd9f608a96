//! A status report is on disk before the modem may forget it. The real store, modem task and intake, over an in-memory
//! port to the simulated modem.
#![allow(clippy::unwrap_used, reason = "a test whose scaffolding fails has failed")]

use std::time::Duration;

use smsotpd::clock::Clock;
use smsotpd::dispatch::Dispatcher;
use smsotpd::ids::MessageId;
use smsotpd::intake;
use smsotpd::limits::BudgetSettings;
use smsotpd::message::{InDoubtPolicy, Priority, Status};
use smsotpd::modem::{self, Connecting, Connector, Io, PinBook, Surroundings};
use smsotpd::phone::PhoneNumber;
use smsotpd::secret::Text;
use smsotpd::send;
use smsotpd::sim::{Carrier, CarrierSettings, Device, DeviceSettings, Event, EventKind};
use smsotpd::store::Store;
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(60);

/// A port that is a pipe to the simulated modem, plugged in anew at every opening.
struct Pipe(Device);

impl Connector for Pipe {
    fn connect(&mut self) -> Connecting<'_> {
        let (driver, port) = tokio::io::duplex(4096);
        let device = self.0.clone();
        tokio::spawn(async move { device.serve(port).await });
        Box::pin(async move { Ok(Box::new(driver) as Box<dyn Io>) })
    }
}

async fn when(events: &mut broadcast::Receiver<Event>, what: impl Fn(&EventKind) -> bool) {
    let wait = async { while !what(&events.recv().await.unwrap().kind) {} };
    assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "it never happened");
}

fn is_command(kind: &EventKind, wanted: &str) -> bool {
    matches!(kind, EventKind::Command { name, .. } if name == wanted)
}

async fn status(store: &Store, id: MessageId) -> Status {
    store.message(&"shop".parse().unwrap(), id).await.unwrap().unwrap().message.status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_could_not_be_stored_stays_on_the_modem_and_is_taken_by_the_next_store() {
    let at_once = Duration::from_millis(10);
    let carrier =
        Carrier::new(CarrierSettings { submit_time: at_once, delivery_time: at_once, ..CarrierSettings::default() });
    let device = Device::new(DeviceSettings::default(), carrier);
    device.hold_reports(true);
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), None).await.unwrap();
    let stop = CancellationToken::new();
    let settings = toml::from_str("name = \"m1\"\nport = \"in memory\"").unwrap();
    let (events, from_the_air) = mpsc::channel(64);
    let surroundings =
        Surroundings { clock: Clock::resume(None), events, stop: stop.clone(), pins: PinBook::in_memory() };
    let (modem, task) = modem::spawn(&settings, Box::new(Pipe(device.clone())), surroundings);
    let dispatching = CancellationToken::new();
    let (dispatcher, pool) =
        Dispatcher::new(store.clone(), &BudgetSettings::default(), dispatching.clone()).await.unwrap();
    pool.add(modem);
    let dispatcher = tokio::spawn(dispatcher.run());

    let accepted = send::send(
        &store,
        send::Request {
            app: "shop".parse().unwrap(),
            to: PhoneNumber::parse("+15550100123").unwrap(),
            text: Text::new("The door is open.".to_owned()),
            priority: Priority::Transactional,
            deadline: None,
            class0: false,
            in_doubt: InDoubtPolicy::Hold,
            idempotency: None,
        },
    )
    .await
    .unwrap();
    let mut happens = device.events();
    when(&mut happens, |kind| matches!(kind, EventKind::Answered { .. })).await;
    let mut changes = store.changes();
    while status(&store, accepted.id).await != Status::Sent {
        changes.changed().await.unwrap();
    }
    dispatching.cancel();
    dispatcher.await.unwrap().unwrap();

    // The store goes away while the modem offers its report: nobody took it.
    store.close().await;
    device.hold_reports(false);
    when(&mut happens, |kind| is_command(kind, "+CMGR")).await;
    assert!(intake::run(store, intake::Settings::default(), from_the_air).await.is_err(), "intake ends with its store");
    stop.cancel();
    task.await.unwrap();

    // Another life of the daemon: the report is still on the modem.
    let store = Store::open(folder.path(), None).await.unwrap();
    assert_eq!(status(&store, accepted.id).await, Status::Sent);
    let stop = CancellationToken::new();
    let (events, from_the_air) = mpsc::channel(64);
    let surroundings = Surroundings { clock: Clock::resume(None), events, stop, pins: PinBook::in_memory() };
    let (_modem, _task) = modem::spawn(&settings, Box::new(Pipe(device.clone())), surroundings);
    let mut happens = device.events();
    tokio::spawn(intake::run(store.clone(), intake::Settings::default(), from_the_air));
    when(&mut happens, |kind| is_command(kind, "+CMGD")).await;
    assert_eq!(status(&store, accepted.id).await, Status::Delivered, "it was on disk before it was deleted");
}
