//! The modem as a thing: what it keeps while it is unplugged, and the handles by which a test reaches it.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;

use super::air::Air;
use super::card::Card;
use super::carrier::Carrier;
use super::event::{Event, EventKind};
use super::fault::{BrownOut, CardFault, End, Fault, Faults, Standing, Timed};
use super::session::Session;
use super::settings::DeviceSettings;
use super::storage::{Storage, StorageName};
use crate::ids::MessageReference;

const EVENTS_KEPT: usize = 1_024;
/// As many as common SIM cards hold.
const SIM_PLACES: usize = 30;
const EQUIPMENT_PLACES: usize = 255;
const REPORT_PLACES: usize = 100;

/// Whether the network has taken the modem in: `<stat>` of `+CREG` (3GPP TS 27.007 §7.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Registration {
    /// Not registered and not searching.
    Off = 0,
    /// Registered at home.
    Home = 1,
    /// Searching.
    Searching = 2,
    /// The network refuses this SIM or modem.
    Denied = 3,
    /// Out of coverage, or not known.
    Unknown = 4,
    /// Registered abroad.
    Roaming = 5,
    /// At home, for messages only.
    SmsOnly = 6,
    /// Abroad, for messages only.
    SmsOnlyRoaming = 7,
    /// Emergency calls only: the SIM is rejected.
    EmergencyOnly = 8,
    /// At home, without the fallback to circuits.
    NoFallback = 9,
    /// Abroad, without the fallback to circuits.
    NoFallbackRoaming = 10,
    /// Limited access.
    Limited = 11,
}

impl Registration {
    /// Whether messages can be sent and received.
    #[must_use]
    pub fn is_registered(self) -> bool {
        is_registered(self as u8)
    }
}

/// Whether messages can be sent and received in this `<stat>`.
pub(super) fn is_registered(stat: u8) -> bool {
    matches!(stat, 1 | 5 | 6 | 7 | 9 | 10)
}

/// What the network says of the modem: `<stat>` of circuits, packets and LTE, and the cause of a denial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Network {
    pub(super) stats: [u8; 3],
    pub(super) cause: Option<u8>,
}

impl Network {
    const HOME: Self = Self { stats: [1; 3], cause: None };

    fn follow(&mut self, standing: Standing) {
        let told = [standing.creg, standing.cgreg, standing.cereg];
        for (stat, told) in self.stats.iter_mut().zip(told) {
            *stat = told.unwrap_or(*stat);
        }
        self.cause = standing.cause;
    }
}

/// A simulated modem with its SIM. Cheap to clone; every clone is the same modem.
///
/// Unplugging it (the end of [`Device::serve`]) cuts its power: AT settings are lost; storages, the TP-MR counter and
/// what the network holds for it stay.
#[derive(Debug, Clone)]
pub struct Device(Arc<Modem>);

#[derive(Debug)]
struct Modem {
    settings: DeviceSettings,
    carrier: Carrier,
    air: Arc<Air>,
    memory: Mutex<Memory>,
    network: watch::Sender<Network>,
    /// How long the port will be gone, when the modem itself took it away.
    absence: Mutex<Option<Duration>>,
    prompts_held: watch::Sender<bool>,
    faults: Faults,
    events: broadcast::Sender<Event>,
    port: tokio::sync::Mutex<()>,
}

/// What survives a power cut.
#[derive(Debug)]
pub(super) struct Memory {
    sim: Storage,
    equipment: Storage,
    reports: Storage,
    pub(super) next_reference: u8,
    pub(super) card: Card,
    /// As `AT+CSCA` sets it: digits with or without `+`.
    pub(super) service_centre: String,
}

impl Memory {
    /// The storage with this name.
    pub(super) fn storage(&mut self, name: StorageName) -> &mut Storage {
        match name {
            StorageName::Sim => &mut self.sim,
            StorageName::Equipment => &mut self.equipment,
            StorageName::Reports => &mut self.reports,
        }
    }

    /// The TP-MR for the next message. It wraps at 256.
    pub(super) fn next_reference(&mut self) -> MessageReference {
        let reference = MessageReference(self.next_reference);
        self.next_reference = self.next_reference.wrapping_add(1);
        reference
    }
}

impl Device {
    /// A modem that belongs to this carrier, registered at home.
    #[must_use]
    pub fn new(settings: DeviceSettings, carrier: Carrier) -> Self {
        let memory = Memory {
            sim: Storage::new(SIM_PLACES),
            equipment: Storage::new(EQUIPMENT_PLACES),
            reports: Storage::new(REPORT_PLACES),
            next_reference: 0,
            card: Card::new(settings.iccid.to_string(), settings.imsi.to_string()),
            service_centre: settings.service_centre.e164(),
        };
        Self(Arc::new(Modem {
            air: carrier.subscribe(&settings.number),
            settings,
            carrier,
            memory: Mutex::new(memory),
            network: watch::Sender::new(Network::HOME),
            absence: Mutex::default(),
            prompts_held: watch::Sender::new(false),
            faults: Faults::default(),
            events: broadcast::Sender::new(EVENTS_KEPT),
            port: tokio::sync::Mutex::default(),
        }))
    }

    /// Plugs the modem in at this port: it powers up and answers until the other side is gone or a fault unplugs it.
    ///
    /// One port at a time: a second call waits for the end of the first. Dropping the future unplugs the modem.
    ///
    /// # Errors
    /// Those of the port.
    pub async fn serve<T>(&self, port: T) -> io::Result<()>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let _one_port = self.0.port.lock().await;
        self.absence().take();
        Session::power_up(self.clone()).run(port).await
    }

    /// What the modem is like.
    #[must_use]
    pub fn settings(&self) -> &DeviceSettings {
        &self.0.settings
    }

    /// The carrier it belongs to.
    #[must_use]
    pub fn carrier(&self) -> &Carrier {
        &self.0.carrier
    }

    /// The door for faults.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// Everything that happens at the modem from now on. A reader that falls 1,024 events behind misses the oldest.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.0.events.subscribe()
    }

    /// How many tries of its PIN the SIM gives before it asks for the PUK.
    #[must_use]
    pub fn pin_tries(&self) -> u8 {
        self.memory().card.pin_tries
    }

    /// Holds status reports back in the network, or lets those held go on their way in the order they came.
    pub fn hold_reports(&self, on: bool) {
        self.0.air.hold_reports(on);
    }

    /// Lets whoever sends wait for the prompt from now on, or lets a prompt that is held appear.
    pub fn hold_prompts(&self, on: bool) {
        self.0.prompts_held.send_replace(on);
    }

    /// Takes the modem into the network or out of it.
    pub fn register(&self, registration: Registration) {
        self.stand(Standing::all(registration as u8));
    }

    /// Lets the network think this of the modem.
    pub fn stand(&self, standing: Standing) {
        self.0.network.send_modify(|network| network.follow(standing));
    }

    /// Cuts the modem's power for so long. For no time at all the port stays and only the boot is seen.
    ///
    /// This ends every silence; a modem whose power is not cut may stay silent through unplugging.
    pub fn cut_power(&self, gone_for: Duration) {
        self.0.faults.change(|condition| condition.end_silence(End::PowerCut));
        self.0.faults.queue(Fault::BrownOut(BrownOut { at: None, gone_for }));
    }

    /// Lets these faults happen, each at its time from now. An endless row never ends.
    pub async fn suffer(&self, faults: impl IntoIterator<Item = Timed> + Send) {
        let start = Instant::now();
        for Timed { after, fault } in faults {
            tokio::time::sleep_until(start + after).await;
            self.0.faults.queue(fault);
        }
    }

    /// Ends every fault: nothing waits or lasts, the SIM is inside, whole and without a PIN, the network takes the modem in.
    /// Storages and the TP-MR counter stay as they are.
    pub fn recover(&self) {
        self.0.faults.clear();
        self.0.faults.queue(Fault::Card(CardFault::Sound));
        self.hold_prompts(false);
        self.hold_reports(false);
        self.register(Registration::Home);
    }

    /// How long the port is to be gone; none when nobody knows. Taken once, after the end of [`Device::serve`].
    #[must_use]
    pub fn take_absence(&self) -> Option<Duration> {
        self.absence().take()
    }

    pub(super) fn leave_for(&self, time: Duration) {
        *self.absence() = Some(time);
    }

    fn absence(&self) -> MutexGuard<'_, Option<Duration>> {
        self.0.absence.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn network(&self) -> &watch::Sender<Network> {
        &self.0.network
    }

    pub(super) fn prompts_held(&self) -> &watch::Sender<bool> {
        &self.0.prompts_held
    }

    pub(super) fn air(&self) -> &Arc<Air> {
        &self.0.air
    }

    pub(super) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells whoever watches.
    pub(super) fn tell(&self, kind: EventKind) {
        // Nobody needs to be watching.
        let _ = self.0.events.send(Event { at: Instant::now(), kind });
    }
}
