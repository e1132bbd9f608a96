//! What comes from the air is on disk before the modem may forget it. The real store, modem task and intake, over an
//! in-memory port to the simulated modem.
#![allow(clippy::unwrap_used, reason = "a test whose scaffolding fails has failed")]

#[path = "support/outgoing.rs"]
mod outgoing;
#[path = "support/port.rs"]
mod port;

use std::time::Duration;

use port::Pipe;
use smsotpd::clock::Clock;
use smsotpd::dispatch::Dispatcher;
use smsotpd::ids::MessageId;
use smsotpd::intake;
use smsotpd::limits::BudgetSettings;
use smsotpd::message::Status;
use smsotpd::modem::{self, PinBook, Surroundings};
use smsotpd::phone::PhoneNumber;
use smsotpd::send;
use smsotpd::sim::{
    Carrier, CarrierSettings, Device, DeviceSettings, Event, EventKind, Fault, StorageName, UssdAnswer, UssdForm,
};
use smsotpd::store::{InboxFilter, PageSize, Store};
use smsotpd::ussd::{Settings as Balance, Ussd};
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(60);

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

    let accepted = send::send(&store, outgoing::request("+15550100123")).await.unwrap();
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

/// A simulated modem and the folder of the store, which outlive the daemon's lives.
struct Site {
    device: Device,
    folder: tempfile::TempDir,
    clock: Clock,
}

/// One life of the daemon, as far as it takes in what comes from the air.
struct Life {
    store: Store,
    modem: modem::Modem,
    stop: CancellationToken,
    task: JoinHandle<()>,
    from_the_air: Option<mpsc::Receiver<modem::Event>>,
}

impl Site {
    fn new() -> Self {
        let carrier = Carrier::new(CarrierSettings::default());
        let device = Device::new(DeviceSettings::default(), carrier);
        Self { device, folder: tempfile::tempdir().unwrap(), clock: Clock::simulated() }
    }

    /// A life in which nobody takes in yet what comes.
    async fn begin(&self) -> Life {
        let store = Store::open(self.folder.path(), Some(self.clock.clone())).await.unwrap();
        let stop = CancellationToken::new();
        let settings = toml::from_str("name = \"m1\"\nport = \"in memory\"").unwrap();
        let (events, from_the_air) = mpsc::channel(4);
        let clock = self.clock.clone();
        let surroundings = Surroundings { clock, events, stop: stop.clone(), pins: PinBook::in_memory() };
        let (modem, task) = modem::spawn(&settings, Box::new(Pipe(self.device.clone())), surroundings);
        Life { store, modem, stop, task, from_the_air: Some(from_the_air) }
    }

    async fn live(&self) -> Life {
        let mut life = self.begin().await;
        life.take_in();
        life.until(|health| health.state.is_ready()).await;
        life
    }

    fn writes(&self, text: &str) {
        let alice = PhoneNumber::parse("+15550100123").unwrap();
        self.device.carrier().handset(&alice).send(&self.device.settings().number, text).unwrap();
    }
}

impl Life {
    fn take_in(&mut self) {
        let events = self.from_the_air.take().unwrap();
        tokio::spawn(intake::run(self.store.clone(), intake::Settings::default(), events));
    }

    /// Lets time pass while something is waited for. The store's thread keeps a paused clock from going by itself.
    async fn during<T>(&self, future: impl Future<Output = T>) -> T {
        tokio::pin!(future);
        for _ in 0..7200 {
            tokio::select! {
                biased;
                value = &mut future => return value,
                () = self.step() => {}
            }
        }
        panic!("waited in vain; the modem is {:?}", self.modem.health().borrow().state);
    }

    async fn pass(&self, time: Duration) {
        self.during(tokio::time::sleep(time)).await;
    }

    async fn step(&self) {
        tokio::time::advance(Duration::from_millis(500)).await;
        for _ in 0..3 {
            for _ in 0..40 {
                tokio::task::yield_now().await;
            }
            // A store that has ended has nothing more to do.
            let _ = self.store.answers().await;
        }
    }

    async fn until(&self, wished: impl FnMut(&modem::Health) -> bool) {
        let mut health = self.modem.health();
        self.during(health.wait_for(wished)).await.unwrap();
    }

    async fn texts(&self) -> Vec<String> {
        let page = self.store.inbox(InboxFilter { limit: PageSize::LARGEST, ..InboxFilter::default() }).await.unwrap();
        page.items.into_iter().map(|message| message.text.unwrap().expose().to_owned()).collect()
    }

    /// Waits until so many messages are in the inbox, the newest first.
    async fn inbox(&self, length: usize) -> Vec<String> {
        for _ in 0..2_000 {
            let texts = self.texts().await;
            if texts.len() >= length {
                return texts;
            }
            self.step().await;
        }
        panic!("there are only {:?}", self.texts().await);
    }

    async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
        self.store.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_announced_twice_and_not_deleted_is_there_once() {
    let site = Site::new();
    let life = site.live().await;
    let mut happens = site.device.events();
    site.device.faults().queue(Fault::AnnouncesTwice);
    site.device.faults().queue(Fault::DeletesNothing(2));
    site.writes("Once");
    life.inbox(1).await;
    // The modem says that it deleted it, twice, and did not.
    for _ in 0..3 {
        life.during(async { while !is_command(&happens.recv().await.unwrap().kind, "+CMGD") {} }).await;
    }
    life.pass(Duration::from_secs(900)).await;
    assert_eq!(life.texts().await, ["Once"]);
    assert!(life.modem.health().borrow().state.is_ready());
}

#[tokio::test(start_paused = true)]
async fn what_came_before_a_crash_comes_in_once_after_it() {
    let site = Site::new();
    let mut life = site.begin().await;
    life.until(|health| health.state.is_ready()).await;
    let long = "Where is the key? ".repeat(20);
    site.writes(&long);
    // The store goes away when it has the first of three parts.
    let mut events = life.from_the_air.take().unwrap();
    let (events_on, from_the_air) = mpsc::channel(1);
    let intake = tokio::spawn(intake::run(life.store.clone(), intake::Settings::default(), from_the_air));
    let mut changes = life.store.changes();
    events_on.send(life.during(events.recv()).await.unwrap()).await.unwrap();
    changes.changed().await.unwrap();
    let lost = life.during(events.recv()).await.unwrap();
    life.store.close().await;
    events_on.send(lost).await.unwrap();
    assert!(intake.await.unwrap().is_err());
    life.end().await;

    let life = site.live().await;
    assert_eq!(life.inbox(1).await, std::slice::from_ref(&long));
    life.end().await;
    let life = site.live().await;
    life.pass(Duration::from_secs(600)).await;
    assert_eq!(life.texts().await, [long]);
}

#[tokio::test(start_paused = true)]
async fn a_full_sim_is_told_of_until_it_is_emptied_and_what_the_network_kept_follows() {
    let site = Site::new();
    let mut life = site.begin().await;
    life.until(|health| health.state.is_ready()).await;
    // Nobody takes anything in: the SIM has 30 places.
    for number in 0..40 {
        site.writes(&format!("message {number}"));
    }
    let is_full = |concern: &modem::Concern| concern.reason.contains("is full") && concern.advice.ends_with('.');
    life.until(|health| health.concern.as_ref().is_some_and(is_full)).await;
    life.take_in();
    life.until(|health| health.concern.is_none()).await;
    let mut texts = life.inbox(40).await;
    texts.sort_by_key(|text| text["message ".len()..].parse::<u32>().unwrap());
    assert_eq!(texts, (0..40).map(|number| format!("message {number}")).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_sim_full_of_an_earlier_life_empties_itself() {
    let site = Site::new();
    let life = site.live().await;
    site.device.faults().queue(Fault::Full(StorageName::Sim));
    life.pass(Duration::from_secs(600)).await;
    assert!(life.modem.health().borrow().state.is_ready());
    site.writes("There is room again");
    // Every place held the same old message.
    assert_eq!(life.inbox(2).await, ["There is room again", "The storage is full of this."]);
}

#[tokio::test(start_paused = true)]
async fn the_balance_is_read_in_every_form_in_which_a_modem_writes_it() {
    for form in [UssdForm::Plain, UssdForm::Gsm7Hex, UssdForm::Ucs2Hex] {
        let site = Site::new();
        let answer = UssdAnswer { form, ..UssdAnswer::plain("Your balance is 7.35 EUR.") };
        site.device.carrier().answer_ussd("*100#", answer);
        let life = site.live().await;
        let settings = toml::from_str::<Balance>("code = \"*100#\"").unwrap();
        let (ussd, asker) = Ussd::new(site.clock.clone(), settings);
        tokio::spawn(asker.run(life.stop.clone()));
        ussd.add(life.modem.clone());
        life.pass(Duration::from_secs(30)).await;
        let balances = ussd.balances();
        assert_eq!(balances[0].amount.map(|amount| amount.as_f64()), Some(7.35), "{form:?}: {balances:?}");
    }
}
