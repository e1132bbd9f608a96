//! The site: the daemon with its folder, its modems, the carrier, and everybody's view of what happens.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use smsotpd::clock::{Clock, Moment};
use smsotpd::ids::AppName;
use smsotpd::limits::BudgetSettings;
use smsotpd::modem::Modem;
use smsotpd::sim::{Arrival, Carrier, CarrierSettings, Device, DeviceSettings, Family, Fault, Submitted};
use smsotpd::store::Store;
use tempfile::TempDir;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::cable::Socket;
use crate::dice::Dice;
use crate::ledger::Ledger;
use crate::life::{Ground, Life};
use crate::memory;

/// The PIN of every SIM that asks for one.
pub(crate) const PIN: &str = "2468";

pub(crate) struct Site {
    pub(crate) dice: Dice,
    /// The daemon's clock; its wall time jumps.
    pub(crate) clock: Clock,
    pub(crate) app: AppName,
    pub(crate) carrier: Carrier,
    pub(crate) devices: Vec<Device>,
    pub(crate) sockets: Vec<Socket>,
    pub(crate) budget: BudgetSettings,
    /// Whether the bad times are over.
    pub(crate) calm: CancellationToken,
    /// Whether a report may be about another message than it seems, because TP-MRs jump or SIMs are swapped.
    pub(crate) misleads: bool,
    folder: TempDir,
    ledger: Mutex<Ledger>,
    diary: Mutex<Diary>,
    life: tokio::sync::Mutex<Option<Life>>,
    lives: Mutex<usize>,
    /// What is in the way of the network's words: for each modem, how many things, and since when none.
    ways: Mutex<Vec<(usize, Moment)>>,
    door: Mutex<Option<Door>>,
    opened: Notify,
    ended: mpsc::UnboundedSender<String>,
}

/// What the dice, or the weather, decide of a site.
struct Parts {
    carrier: Carrier,
    devices: Vec<Device>,
    budget: BudgetSettings,
    misleads: bool,
}

/// How the daemon is reached while it lives.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) store: Store,
    pub(crate) modems: Vec<Modem>,
}

#[derive(Default)]
struct Diary {
    text: String,
    aloud: bool,
}

impl Site {
    pub(crate) fn build(seed: u64, aloud: bool) -> Arc<Self> {
        let dice = Dice::new(seed);
        let mut toss = dice.of("site", 0);
        let submit_time = toss.time(200, 8_000);
        let loss = *toss.one_of(&[0.0, 0.0, 0.02, 0.1]);
        let settings = CarrierSettings { submit_time, delivery_time: toss.time(300, 60_000), loss, seed };
        let carrier = Carrier::with_clock(settings, Clock::simulated());
        let modems = toss.from(1, 4) as u16;
        let devices: Vec<Device> =
            (0..modems).map(|index| Device::new(modem(index, &mut toss), carrier.clone())).collect();
        for device in &devices {
            // The counter of a modem that is not new may be about to wrap.
            device.faults().queue(Fault::NextReference(toss.below(256) as u8));
        }
        let misleads = toss.percent(25);
        Self::found(dice, Parts { carrier, devices, budget: budget(&mut toss), misleads }, aloud)
    }

    /// One modem in fair weather, with the budget that every SIM has.
    pub(crate) fn fair(seed: u64) -> Arc<Self> {
        let carrier = Carrier::with_clock(CarrierSettings::default(), Clock::simulated());
        let devices = vec![Device::new(DeviceSettings::numbered(0), carrier.clone())];
        let budget = BudgetSettings::default();
        Self::found(Dice::new(seed), Parts { carrier, devices, budget, misleads: false }, false)
    }

    fn found(dice: Dice, parts: Parts, aloud: bool) -> Arc<Self> {
        let Parts { carrier, devices, budget, misleads } = parts;
        let socket = |(index, device): (usize, &Device)| Socket::new(device.clone(), dice.of("cable", index));
        let sockets = devices.iter().enumerate().map(socket).collect();
        let (ended, endings) = mpsc::unbounded_channel();
        let folder = memory::folder();
        std::fs::write(folder.path().join("pin"), PIN).unwrap();
        let ledger = Ledger { misleads, ..Ledger::default() };
        let modems = devices.len();
        let site = Arc::new(Self {
            clock: Clock::simulated(),
            app: "shop".parse().unwrap(),
            carrier,
            devices,
            sockets,
            budget,
            calm: CancellationToken::new(),
            misleads,
            folder,
            ledger: Mutex::new(ledger),
            diary: Mutex::new(Diary { aloud, ..Diary::default() }),
            life: tokio::sync::Mutex::default(),
            lives: Mutex::new(0),
            // Nobody listens yet.
            ways: Mutex::new(vec![(1, Moment::from_millis(0)); modems]),
            door: Mutex::default(),
            opened: Notify::new(),
            ended,
            dice,
        });
        tokio::spawn(watch_network(site.clone(), site.carrier.submitted()));
        tokio::spawn(watch_handsets(site.clone(), site.carrier.arrivals()));
        tokio::spawn(watch_endings(site.clone(), endings));
        for modem in 0..site.devices.len() {
            tokio::spawn(watch_card(site.clone(), modem));
        }
        site
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down that something happened. Nothing that chance of the system decides, such as ids and codes.
    pub(crate) fn note(&self, what: impl std::fmt::Display) {
        let now = self.clock.now();
        let mut diary = self.diary.lock().unwrap_or_else(PoisonError::into_inner);
        let seconds = now.as_millis() / 1000;
        let time = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
        if diary.aloud {
            eprintln!("{time}.{:03} {what}", now.as_millis() % 1000);
        }
        let _ = writeln!(diary.text, "{time}.{:03} {what}", now.as_millis() % 1000);
    }

    /// What makes this run another one than the next.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        hasher.write(self.diary.lock().unwrap_or_else(PoisonError::into_inner).text.as_bytes());
        hasher.finish()
    }

    pub(crate) fn blame(&self, what: String) {
        self.note(format_args!("VIOLATION: {what}"));
        self.ledger().blame(what);
    }

    /// Something gets in the way of what the network says through this modem, or out of it.
    pub(crate) fn obstruct(&self, modem: usize, obstructed: bool) {
        let now = self.clock.now();
        let mut ways = self.ways.lock().unwrap_or_else(PoisonError::into_inner);
        let (things, since) = &mut ways[modem];
        if *things == 0 {
            self.ledger().open.push((modem, *since, now));
        }
        *things = if obstructed { *things + 1 } else { *things - 1 };
        *since = now;
    }

    /// Nothing may have been sent through this modem since then.
    pub(crate) fn blame_sends(&self, modem: usize, since: Moment) {
        let number = &self.devices[modem].settings().number;
        let late = self.ledger().asked.iter().any(|(from, at)| from == number && *at > since);
        if late {
            self.blame(format!("m{modem} was out of use, and sent"));
        }
    }

    /// Another SIM comes into this modem: its serial number and subscriber.
    pub(crate) fn next_card(&self, modem: usize) -> (String, String) {
        let mut ledger = self.ledger();
        let number = self.devices[modem].settings().number.clone();
        ledger.cards.push((number, self.clock.now()));
        // Two SIMs, in turn.
        let swaps = ledger.cards.iter().filter(|(at, _)| *at == self.devices[modem].settings().number).count();
        let spare = DeviceSettings::numbered(if swaps % 2 == 1 { 100 } else { 0 } + modem as u16);
        (spare.iccid.to_string(), spare.imsi.to_string())
    }

    pub(crate) fn obstruct_all(&self, obstructed: bool) {
        (0..self.devices.len()).for_each(|modem| self.obstruct(modem, obstructed));
    }

    /// Starts the daemon, unless it runs.
    pub(crate) async fn start(&self) {
        let mut life = self.life.lock().await;
        if life.is_some() {
            return;
        }
        let number = {
            let mut lives = self.lives.lock().unwrap_or_else(PoisonError::into_inner);
            *lives += 1;
            *lives
        };
        let ground = Ground {
            folder: self.folder.path(),
            clock: &self.clock,
            sockets: &self.sockets,
            budget: &self.budget,
            disk: self.dice.of("disk", number),
            ended: self.ended.clone(),
        };
        match Life::begin(ground).await {
            Ok(begun) => {
                self.note(format_args!("the daemon starts, with {} in doubt", begun.in_doubt));
                let (store, modems) = (begun.store.clone(), begun.modems.clone());
                *self.lock_door() = Some(Door { store, modems });
                self.opened.notify_waiters();
                self.obstruct_all(false);
                *life = Some(begun);
            }
            Err(error) => self.blame(format!("the daemon does not start: {error}")),
        }
    }

    /// Ends the daemon, softly or at once.
    pub(crate) async fn end(&self, softly: bool) {
        let Some(life) = self.life.lock().await.take() else { return };
        self.note(if softly { "the daemon is asked to stop" } else { "the daemon is killed" });
        *self.lock_door() = None;
        self.obstruct_all(true);
        let panics = if softly { life.stop().await } else { life.kill().await };
        panics.into_iter().for_each(|panic| self.blame(panic));
    }

    /// The daemon, once it lives.
    pub(crate) async fn door(&self) -> Door {
        loop {
            let opened = self.opened.notified();
            if let Some(door) = self.open_door() {
                return door;
            }
            opened.await;
        }
    }

    /// The daemon, if it lives.
    pub(crate) fn open_door(&self) -> Option<Door> {
        self.lock_door().clone()
    }

    fn lock_door(&self) -> MutexGuard<'_, Option<Door>> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets time pass; tells whether the bad times go on.
    pub(crate) async fn pass(&self, time: Duration) -> bool {
        self.calm.run_until_cancelled(tokio::time::sleep(time)).await.is_some()
    }

    pub(crate) fn moment(&self, at: Instant) -> Moment {
        self.clock.now() - at.elapsed()
    }
}

fn modem(index: u16, dice: &mut Dice) -> DeviceSettings {
    if dice.percent(50) {
        DeviceSettings::numbered(index)
    } else {
        DeviceSettings::of(*dice.one_of(&Family::ALL), index)
    }
}

fn budget(dice: &mut Dice) -> BudgetSettings {
    let limit = |dice: &mut Dice, least, most| if dice.percent(30) { 0 } else { dice.from(least, most) };
    let (minute, hour, day) = (limit(dice, 2, 15), limit(dice, 10, 200), limit(dice, 40, 1000));
    let share = dice.from(0, 50);
    let toml = format!("per-minute = {minute}\nper-hour = {hour}\nper-day = {day}\ncodes-share-percent = {share}");
    toml::from_str(&toml).unwrap()
}

async fn watch_network(site: Arc<Site>, mut submitted: tokio::sync::broadcast::Receiver<Submitted>) {
    while let Ok(given) = submitted.recv().await {
        let moment = site.moment(given.at);
        let which = site.ledger().submitted(&given, moment);
        let Submitted { from, part, refused, .. } = given;
        let said = if refused.is_none() { "takes" } else { "refuses" };
        site.note(format_args!("the network {said} {which} as {} from {}", part.reference, from.digits()));
    }
    site.blame("the world did not see all that was sent".to_owned());
}

/// No PIN is ever wrong here, so a card always has all its tries.
async fn watch_card(site: Arc<Site>, modem: usize) {
    let mut events = site.devices[modem].events();
    while !matches!(events.recv().await, Err(tokio::sync::broadcast::error::RecvError::Closed)) {
        let left = site.devices[modem].pin_tries();
        if left < 3 {
            return site.blame(format!("m{modem}'s SIM has only {left} tries of its PIN left"));
        }
    }
}

async fn watch_handsets(site: Arc<Site>, mut arrivals: tokio::sync::broadcast::Receiver<Arrival>) {
    while let Ok(Arrival { to, received }) = arrivals.recv().await {
        let which = site.ledger().arrived(&to, received.text.expose());
        site.note(format_args!("{which} arrives"));
    }
    site.blame("the world did not see all that arrived".to_owned());
}

async fn watch_endings(site: Arc<Site>, mut endings: mpsc::UnboundedReceiver<String>) {
    while let Some(ended) = endings.recv().await {
        site.blame(ended);
    }
}
