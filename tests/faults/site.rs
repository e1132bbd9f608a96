//! One simulated modem and the daemon around it, all but its HTTP: store, driver, dispatch, intake. What the API would
//! show of the modem is written down as it changes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use smsotpd::clock::Clock;
use smsotpd::daemon;
use smsotpd::dispatch::{Dispatcher, Member};
use smsotpd::http::{ModemState, ModemView};
use smsotpd::ids::{AppName, MessageId};
use smsotpd::intake;
use smsotpd::limits::BudgetLeft;
use smsotpd::message::{InDoubtPolicy, Status};
use smsotpd::modem::{self, Modem, PinBook, Settings, Surroundings};
use smsotpd::phone::PhoneNumber;
use smsotpd::send;
use smsotpd::sim::{Carrier, CarrierSettings, Device, DeviceSettings, Fault, MemoryPort, Submitted, Timed};
use smsotpd::store::{InboxFilter, MessageDetail, PageSize, Store};
use tempfile::TempDir;
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;

use crate::port::Port;
use crate::{memory, outgoing};

/// Whatever is waited for happens before this has passed, or never: a modem whose SIM was refused is tried once an hour.
const PATIENCE: Duration = Duration::from_secs(2 * 3600);
/// As in the daemon.
const EVENTS: usize = 64;

/// What is shown of a modem that is not ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) state: &'static str,
    pub(crate) reason: String,
    pub(crate) advice: String,
}

pub(crate) struct Site {
    pub(crate) device: Device,
    pub(crate) carrier: Carrier,
    pub(crate) port: MemoryPort,
    pub(crate) modem: Modem,
    pub(crate) store: Store,
    member: Member,
    shown: Arc<Mutex<Vec<Shown>>>,
    submitted: broadcast::Receiver<Submitted>,
    _folder: TempDir,
}

fn app() -> AppName {
    "shop".parse().unwrap()
}

/// Reads a fault as it stands in a file.
pub(crate) fn fault(line: &str) -> Fault {
    Timed::read(line).unwrap_or_else(|error| panic!("{line}: {error}")).fault
}

pub(crate) fn number(index: u32) -> PhoneNumber {
    PhoneNumber::parse(&format!("+1555123{index:04}")).unwrap()
}

/// A modem of which nothing is configured but its port.
pub(crate) fn settings() -> Settings {
    Settings::at_port("m1".parse().unwrap(), "in memory")
}

impl Site {
    /// A modem that is ready and a daemon that has nothing to do.
    pub(crate) async fn new(device: DeviceSettings, settings: Settings) -> Self {
        let (folder, clock) = (memory::folder(), Clock::simulated());
        let carrier = Carrier::with_clock(CarrierSettings::default(), clock.clone());
        let device = Device::new(device, carrier.clone());
        let port = MemoryPort::new(device.clone());
        port.plug();
        let (store, work) = Store::open_unthreaded(folder.path(), clock.clone()).unwrap();
        tokio::spawn(work);
        let stop = CancellationToken::new();
        let no_budget = toml::from_str("per-minute = 0\nper-hour = 0\nper-day = 0").unwrap();
        let (dispatcher, pool) = Dispatcher::new(store.clone(), &no_budget, stop.clone()).await.unwrap();
        let (events, from_the_air) = mpsc::channel(EVENTS);
        let surroundings = Surroundings { clock, events, stop, pins: PinBook::in_memory() };
        let (modem, _) = modem::spawn(&settings, Box::new(Port::lonely(port.clone())), surroundings);
        pool.add(modem.clone());
        tokio::spawn(intake::run(store.clone(), intake::Settings::default(), from_the_air));
        tokio::spawn(dispatcher.run());
        let member = pool.members().borrow()[0].clone();
        let submitted = carrier.submitted();
        let site =
            Self { device, carrier, port, modem, store, member, shown: Arc::default(), submitted, _folder: folder };
        site.until("the modem to be ready", async |site| site.is_ready()).await;
        site.write_down();
        site
    }

    /// Begins to write down what is shown.
    fn write_down(&self) {
        let (mut health, mut lane) = (self.modem.health(), self.member.lane());
        let shown = self.shown.clone();
        tokio::spawn(async move {
            loop {
                let now = shown_of(&health.borrow_and_update(), &lane.borrow_and_update());
                note(&shown, now);
                tokio::select! {
                    biased;
                    Ok(()) = health.changed() => {}
                    Ok(()) = lane.changed() => {}
                    else => return,
                }
            }
        });
    }

    /// What is shown of the modem now; `None` while it is ready or being set up.
    pub(crate) fn shows(&self) -> Option<Shown> {
        shown_of(&self.modem.health().borrow(), &self.member.lane().borrow())
    }

    /// All that is shown of the modem now.
    pub(crate) fn view(&self) -> ModemView {
        daemon::view(
            &self.modem.health().borrow(),
            BudgetLeft::default(),
            &self.member.lane().borrow(),
            daemon::Service::In(None),
        )
    }

    /// What was shown of it until now, one after another.
    pub(crate) fn shown(&self) -> Vec<Shown> {
        self.shown.lock().unwrap().clone()
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.view().state == ModemState::Ready
    }

    /// Lets this happen to the modem.
    pub(crate) fn suffer(&self, line: &str) {
        self.device.faults().queue(fault(line));
    }

    /// Sends a message; a day is left for it.
    pub(crate) async fn send(&self, to: u32, in_doubt: InDoubtPolicy) -> MessageId {
        let request = send::Request { in_doubt, ..outgoing::request(&number(to).e164()) };
        send::send(&self.store, request).await.unwrap().id
    }

    pub(crate) async fn detail(&self, id: MessageId) -> MessageDetail {
        self.store.message(&app(), id).await.unwrap().unwrap()
    }

    pub(crate) async fn status(&self, id: MessageId) -> Status {
        self.detail(id).await.message.status
    }

    /// How many messages a handset got.
    pub(crate) fn arrived(&self, to: u32) -> usize {
        self.carrier.handset(&number(to)).inbox().len()
    }

    /// How many messages in the inbox say this.
    pub(crate) async fn heard(&self, text: &str) -> usize {
        let page = self.store.inbox(InboxFilter { limit: PageSize::LARGEST, ..InboxFilter::default() }).await.unwrap();
        page.items.iter().filter(|message| message.text.as_ref().is_some_and(|said| said.expose() == text)).count()
    }

    /// How many messages to this number the network has taken since this was asked last.
    pub(crate) fn taken(&mut self, to: u32) -> usize {
        let mut taken = 0;
        while let Ok(submitted) = self.submitted.try_recv() {
            taken +=
                usize::from(submitted.refused.is_none() && submitted.part.destination.to_phone() == Some(number(to)));
        }
        taken
    }

    /// Lets time pass until something is as wished, and tells whether it came to be.
    pub(crate) async fn comes(&self, wished: impl AsyncFn(&Self) -> bool) -> bool {
        let end = tokio::time::Instant::now() + PATIENCE;
        let mut step = Duration::from_millis(100);
        while !wished(self).await {
            if tokio::time::Instant::now() >= end {
                return false;
            }
            tokio::time::sleep(step).await;
            step = (step * 2).min(Duration::from_secs(5));
        }
        true
    }

    pub(crate) async fn until(&self, what: &str, wished: impl AsyncFn(&Self) -> bool) {
        assert!(self.comes(wished).await, "waited in vain for {what}; shown: {:?}", self.shown());
    }
}

fn note(shown: &Mutex<Vec<Shown>>, now: Option<Shown>) {
    let mut shown = shown.lock().unwrap();
    if let Some(now) = now
        && shown.last() != Some(&now)
    {
        shown.push(now);
    }
}

fn shown_of(health: &modem::Health, lane: &smsotpd::dispatch::LaneState) -> Option<Shown> {
    let view = daemon::view(health, BudgetLeft::default(), lane, daemon::Service::In(None));
    let state = match view.state {
        ModemState::Ready if view.reason.is_some() => "ready",
        ModemState::Ready | ModemState::Starting => return None,
        ModemState::Resting => "resting",
        ModemState::Draining => "draining",
        ModemState::NotReady => "not_ready",
        ModemState::Absent => "absent",
    };
    Some(Shown { state, reason: view.reason.unwrap_or_default(), advice: view.advice.unwrap_or_default() })
}
