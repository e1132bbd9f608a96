//! The driver and the simulated modem of each family, which share nothing: each must get along with the other. And every
//! fault that can pass by itself or by what the driver does: sending resumes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "support/port.rs"]
mod port;

use std::time::Duration;

use smsotpd::clock::Clock;
use smsotpd::ids::{MessageId, SimId};
use smsotpd::modem::{self, Event, Modem, Outcome, PinBook, Settings, Submission, Surroundings};
use smsotpd::pdu::Encoding;
use smsotpd::phone::PhoneNumber;
use smsotpd::secret::Text;
use smsotpd::sim::{Carrier, CarrierSettings, Device, DeviceSettings, EXAMPLES, Family, Faults, MemoryPort, Timed};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use port::Port;

/// Longer than any modem needs to be ready again.
const PATIENCE: Duration = Duration::from_secs(3600);

struct Bench {
    clock: Clock,
    device: Device,
    modem: Modem,
}

impl Bench {
    fn of(family: Family) -> Self {
        let clock = Clock::simulated();
        let device =
            Device::new(DeviceSettings::of(family, 0), Carrier::with_clock(CarrierSettings::default(), clock.clone()));
        let (events, mut heard) = mpsc::channel(64);
        // What comes in is for others to test; here it is only taken.
        tokio::spawn(async move {
            while let Some(Event { done, .. }) = heard.recv().await {
                done.acknowledge();
            }
        });
        let surroundings =
            Surroundings { clock: clock.clone(), events, stop: CancellationToken::new(), pins: PinBook::in_memory() };
        let settings = Settings::at_port("m1".parse().unwrap(), "in memory");
        let (modem, _) =
            modem::spawn(&settings, Box::new(Port::attended(MemoryPort::new(device.clone()))), surroundings);
        Self { clock, device, modem }
    }

    async fn until_ready(&self, what: &str) {
        let mut health = self.modem.health();
        let ready = tokio::time::timeout(PATIENCE, health.wait_for(|health| health.state.is_ready())).await.is_ok();
        assert!(ready, "{what}: never ready: {:?}", self.modem.health().borrow().state);
    }

    async fn send(&self) -> Outcome {
        let submission = Submission {
            message: MessageId::generate(),
            sim: self.modem.health().borrow().sim.clone().map_or(SimId::from_stored("none".to_owned()), |sim| sim.id),
            to: PhoneNumber::from_digits("15551234567").unwrap(),
            text: Text::new("Your code is 123456".to_owned()),
            encoding: Encoding::Gsm7,
            part: 0,
            concat_reference: 1,
            deadline: self.clock.now() + PATIENCE,
            class0: false,
            replace: None,
            waited_for: watch::channel(false).1,
        };
        self.modem.submit(submission).await
    }

    /// Sends as often as it takes, a minute apart; what came before the message that went.
    async fn until_sent(&self, what: &str) {
        let mut outcomes = Vec::new();
        for _ in 0..60 {
            self.until_ready(what).await;
            match self.send().await {
                Outcome::Sent { .. } => return,
                outcome => outcomes.push(outcome),
            }
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        panic!("{what}: nothing goes any more: {outcomes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_driver_knows_each_family_and_sends_with_it() {
    for family in Family::ALL {
        let bench = Bench::of(family);
        bench.until_ready(family.name()).await;
        assert_eq!(bench.modem.health().borrow().family, Some(family.name()));
        assert!(matches!(bench.send().await, Outcome::Sent { .. }), "{family:?}");
    }
}

/// What only somebody else can end: the carrier, or a hand at the modem.
const ENDED_BY_OTHERS: [&str; 5] = ["{\"barred\"", "standing", "card = \"removed\"", "wrong-baud", "longest-line"];

#[tokio::test(start_paused = true)]
async fn sending_resumes_after_each_fault() {
    for line in EXAMPLES {
        let bench = Bench::of(Family::Generic);
        bench.until_ready(line).await;
        bench.device.faults().queue(Timed::read(line).unwrap().fault);
        bench.send().await;
        tokio::time::sleep(Duration::from_secs(300)).await;
        if ENDED_BY_OTHERS.iter().any(|start| line.starts_with(start)) {
            bench.device.recover();
        }
        bench.until_sent(line).await;
    }
}

#[tokio::test(start_paused = true)]
async fn sending_resumes_after_each_silence_that_the_driver_can_end() {
    for until in ["\"escape\"", "\"reopened\"", "\"restart\"", "\"replugged\"", "{ after = 90 }"] {
        for fault in [format!("silent = {until}"), format!("mute = {{ commands = [\"+CMGS\"], until = {until} }}")] {
            let bench = Bench::of(Family::Generic);
            bench.until_ready(&fault).await;
            bench.device.faults().queue(Timed::read(&fault).unwrap().fault);
            bench.until_sent(&fault).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn sending_resumes_after_a_bad_day() {
    for seed in 0..3 {
        let bench = Bench::of(Family::Generic);
        let what = format!("seed {seed}");
        bench.until_ready(&what).await;
        let device = bench.device.clone();
        let trouble = tokio::spawn(async move { device.suffer(Faults::seeded(seed).take(40)).await });
        while !trouble.is_finished() {
            bench.send().await;
            tokio::time::sleep(Duration::from_secs(30)).await;
        }
        bench.device.recover();
        bench.until_sent(&what).await;
    }
}
