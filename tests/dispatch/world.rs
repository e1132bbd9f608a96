//! A store, some simulated modems, and a dispatcher between them.

use std::sync::LazyLock;
use std::time::Duration;

use smsotpd::clock::Clock;
use smsotpd::dispatch::{Dispatcher, LaneState, Pool};
use smsotpd::guard::Checks;
use smsotpd::ids::{AppName, MessageId, OtpId, SimId};
use smsotpd::limits::{self, BudgetLeft, BudgetSettings};
use smsotpd::message::{InDoubtPolicy, Priority, Status};
use smsotpd::modem::{self, Connecting, Connector, Event, Io, Modem, PinBook, Surroundings};
use smsotpd::pdu::Encoding;
use smsotpd::phone::PhoneNumber;
use smsotpd::secret::{Code, Text};
use smsotpd::sim::{Carrier, CarrierSettings, Device, DeviceSettings};
use smsotpd::store::{AcceptOutcome, IssueOutcome, MessageDetail, NewMessage, NewOtp, Rules, Store};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::Dispatch;
use tracing::subscriber::{DefaultGuard, NoSubscriber};

use crate::log::Log;

/// The steps in which time passes while a test waits.
const STEP: Duration = Duration::from_millis(100);
/// Whatever a test waits for happens before this has passed, or never.
const PATIENCE: Duration = Duration::from_secs(300);
/// So often everybody gets a turn between two steps.
const TURNS: usize = 40;

/// A port that is a pipe to the simulated modem, for as long as that is plugged in.
struct Port {
    device: Device,
    plugged: watch::Receiver<bool>,
}

impl Connector for Port {
    fn connect(&mut self) -> Connecting<'_> {
        if !*self.plugged.borrow() {
            return Box::pin(async { Err(std::io::ErrorKind::NotFound.into()) });
        }
        let (driver, port) = tokio::io::duplex(4096);
        let (device, mut plugged) = (self.device.clone(), self.plugged.clone());
        tokio::spawn(async move {
            tokio::select! {
                _ = device.serve(port) => {}
                _ = plugged.wait_for(|plugged| !plugged) => {}
            }
        });
        Box::pin(async move { Ok(Box::new(driver) as Box<dyn Io>) })
    }
}

/// A simulated modem with its task.
pub(crate) struct Slot {
    pub(crate) device: Device,
    pub(crate) modem: Modem,
    plug: watch::Sender<bool>,
}

impl Slot {
    pub(crate) fn plug(&self, plugged: bool) {
        self.plug.send_replace(plugged);
    }

    pub(crate) fn sim(&self) -> SimId {
        SimId::from_iccid(&self.device.settings().iccid)
    }
}

pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) carrier: Carrier,
    pub(crate) slots: Vec<Slot>,
    _from_the_air: mpsc::Receiver<Event>,
    running: Option<(JoinHandle<()>, CancellationToken)>,
    pool: Option<Pool>,
}

pub(crate) fn app() -> AppName {
    "shop".parse().unwrap()
}

pub(crate) fn number(index: usize) -> PhoneNumber {
    PhoneNumber::parse(&format!("+1555123{index:04}")).unwrap()
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn budget(toml: &str) -> BudgetSettings {
    toml::from_str(toml).unwrap()
}

/// As long as there is only one subscriber, tracing asks whoever comes to a line first whether anybody listens to it: on the
/// thread of another test nobody does, and then nobody ever hears it.
static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(NoSubscriber::new()));

/// What is logged on this thread from now on.
pub(crate) fn listen() -> (Log, DefaultGuard) {
    LazyLock::force(&ANOTHER);
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    (log, tracing::subscriber::set_default(subscriber))
}

pub(crate) fn no_budget() -> BudgetSettings {
    budget("per-minute = 0\nper-hour = 0\nper-day = 0")
}

impl World {
    /// So many modems, all ready.
    pub(crate) async fn new(modems: u16) -> Self {
        Self::of((0..modems).map(DeviceSettings::numbered)).await
    }

    /// These modems, all ready.
    pub(crate) async fn of(modems: impl IntoIterator<Item = DeviceSettings>) -> Self {
        let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::simulated());
        let store = Store::open(folder.path(), Some(clock.clone())).await.unwrap();
        let submit_time = Duration::from_millis(500);
        let carrier = Carrier::new(CarrierSettings { submit_time, ..CarrierSettings::default() });
        let (events, from_the_air) = mpsc::channel(1024);
        let slot = |(index, settings)| {
            let device = Device::new(settings, carrier.clone());
            // What these tests ask for is nothing that a report changes.
            device.hold_reports(true);
            let plug = watch::Sender::new(true);
            let port = Port { device: device.clone(), plugged: plug.subscribe() };
            let settings = toml::from_str(&format!("name = \"m{index}\"\nport = \"in memory\"")).unwrap();
            let (clock, stop, pins) = (clock.clone(), CancellationToken::new(), PinBook::in_memory());
            let surroundings = Surroundings { clock, events: events.clone(), stop, pins };
            let (modem, _) = modem::spawn(&settings, Box::new(port), surroundings);
            Slot { device, modem, plug }
        };
        let slots: Vec<Slot> = modems.into_iter().enumerate().map(slot).collect();
        let mut world =
            Self { folder, store, clock, carrier, slots, _from_the_air: from_the_air, running: None, pool: None };
        for index in 0..world.slots.len() {
            world.ready(index, true).await;
        }
        world
    }

    pub(crate) async fn ready(&mut self, slot: usize, ready: bool) {
        let health = self.slots[slot].modem.health();
        self.until("the modem's state", async |_| health.borrow().state.is_ready() == ready).await;
    }

    /// Starts dispatching over all modems.
    pub(crate) async fn dispatch(&mut self, budget: &BudgetSettings) {
        self.dispatch_over(self.slots.len(), budget).await;
    }

    /// Starts dispatching over the first so many modems.
    pub(crate) async fn dispatch_over(&mut self, modems: usize, budget: &BudgetSettings) {
        let stop = CancellationToken::new();
        let (dispatcher, pool) = Dispatcher::new(self.store.clone(), budget, stop.clone()).await.unwrap();
        self.pool = Some(pool);
        (0..modems).for_each(|slot| self.join(slot));
        let running = tokio::spawn(async move { dispatcher.run().await.unwrap() });
        self.running = Some((running, stop));
        self.settle_down().await;
    }

    /// Takes a modem into the pool.
    pub(crate) fn join(&self, slot: usize) {
        assert!(self.pool().add(self.slots[slot].modem.clone()));
    }

    /// What the lane of this modem is doing, by the order of joining.
    pub(crate) fn lane(&self, slot: usize) -> LaneState {
        self.pool().members().borrow()[slot].lane().borrow().clone()
    }

    pub(crate) fn pool(&self) -> &Pool {
        self.pool.as_ref().unwrap()
    }

    /// Ends dispatching; what is in flight is settled.
    pub(crate) async fn stop(&mut self) {
        let (running, stop) = self.running.take().unwrap();
        stop.cancel();
        self.until("the dispatcher to end", async |_| running.is_finished()).await;
    }

    pub(crate) fn left(&self, slot: usize) -> BudgetLeft {
        self.pool().budgets().left(&self.slots[slot].sim(), self.clock.now())
    }

    pub(crate) fn new_message(&self, to: usize) -> NewMessage {
        let id = MessageId::generate();
        NewMessage {
            id,
            app: app(),
            to: number(to),
            text: self.store.site_key().seal(id.as_bytes(), &Text::new("The door is open.".to_owned()), [1; 24]),
            priority: Priority::Transactional,
            deadline: self.clock.now() + seconds(3600),
            encoding: Encoding::Gsm7,
            parts: 1,
            class0: false,
            replace: None,
            in_doubt: InDoubtPolicy::Hold,
            second_after: None,
            callback: None,
        }
    }

    pub(crate) async fn accept(&self, message: NewMessage) -> MessageId {
        let id = message.id;
        assert!(matches!(self.store.accept(message, None).await.unwrap(), AcceptOutcome::Accepted(_)));
        id
    }

    /// A message that goes first, and must go within this time.
    pub(crate) async fn code(&self, to: usize, within: Duration) -> MessageId {
        let deadline = self.clock.now() + within;
        self.accept(NewMessage { priority: Priority::Otp, deadline, ..self.new_message(to) }).await
    }

    /// Issues an otp; returns the id of its message.
    pub(crate) async fn issue(&self, to: usize) -> MessageId {
        self.issue_with(to, None).await
    }

    /// The same; another SIM may send it once more when no report came for so long.
    pub(crate) async fn issue_with(&self, to: usize, second_after: Option<Duration>) -> MessageId {
        let (id, code, key) = (OtpId::generate(), Code::new("482913".to_owned()), self.store.site_key());
        let otp = NewOtp {
            id,
            app: app(),
            to: number(to),
            purpose: String::new(),
            code: key.code_digest(id, &code),
            sealed_code: key.seal(id.as_bytes(), &Text::new("482913".to_owned()), [2; 24]),
            context: None,
            lifetime: seconds(3600),
            max_attempts: 5,
            resend_after: seconds(30),
            max_resends: 0,
            message: NewMessage {
                priority: Priority::Otp,
                in_doubt: InDoubtPolicy::Resend,
                second_after,
                ..self.new_message(to)
            },
        };
        let limits = limits::Settings { per_number_hour: 0, per_number_day: 0, per_prefix_hour: 0 };
        let rules = Rules { limits, guard: Checks::off() };
        match self.store.issue(otp, rules, None).await.unwrap() {
            IssueOutcome::Issued(view) => view.message.id,
            other => panic!("not issued: {other:?}"),
        }
    }

    pub(crate) async fn detail(&self, id: MessageId) -> MessageDetail {
        self.store.message(&app(), id).await.unwrap().unwrap()
    }

    pub(crate) async fn status(&self, id: MessageId) -> Status {
        self.detail(id).await.message.status
    }

    /// Which modem sent it.
    pub(crate) async fn sender(&self, id: MessageId) -> String {
        self.detail(id).await.attempts.last().unwrap().modem.to_string()
    }

    pub(crate) async fn until_all(&mut self, ids: &[MessageId], status: Status) {
        let ids = ids.to_vec();
        self.until(status.as_str(), async move |world| {
            for id in &ids {
                if world.status(*id).await != status {
                    return false;
                }
            }
            true
        })
        .await;
    }

    /// Lets time pass until something is as wished.
    pub(crate) async fn until(&mut self, what: &str, wished: impl AsyncFn(&Self) -> bool) {
        let start = self.clock.now();
        while !wished(self).await {
            assert!(self.clock.now().since(start) < PATIENCE, "waited in vain for: {what}");
            self.step().await;
        }
    }

    /// Lets so much time pass.
    pub(crate) async fn pass(&self, time: Duration) {
        let until = self.clock.now() + time;
        while self.clock.now() < until {
            self.step().await;
        }
    }

    async fn step(&self) {
        tokio::time::advance(STEP).await;
        self.settle_down().await;
    }

    /// Everybody does what there is to do now; what waits for the store has its answer.
    async fn settle_down(&self) {
        for _ in 0..4 {
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
            }
            self.store.answers().await.unwrap();
        }
    }
}
