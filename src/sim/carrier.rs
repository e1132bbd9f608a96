//! The network: takes messages from modems, carries them to handsets and back, and reports what became of them.
//!
//! It runs on tokio's time, so a paused clock pauses it, and draws its losses from a seed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{broadcast, oneshot};
use tokio::time::Instant;

use super::air::{Air, Inbound};
use super::dice::Dice;
use super::fault::ReportFault;
use super::handset::{Handset, Phone, Received};
use super::settings::CarrierSettings;
use super::ussd::UssdAnswer;
use crate::clock::Clock;
use crate::ids::MessageReference;
use crate::pdu::{
    self, Address, Deliver, DeliveryStatus, EncodeError, EnhancedPeriod, ProtocolId, ServiceCentreTime, StatusReport,
    Submit, Validity,
};
use crate::phone::PhoneNumber;

/// The network's cause for a number that nobody has (3GPP TS 24.011 §8.2.5.4).
const UNIDENTIFIED_SUBSCRIBER: u16 = 28;
const ARRIVALS_KEPT: usize = 1_024;

/// A message that arrived at a handset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// The handset's number.
    pub to: PhoneNumber,
    /// The message.
    pub received: Received,
}

/// A part that a modem gave to the network, and what the network said.
#[derive(Debug, Clone)]
pub struct Submitted {
    /// The modem's number.
    pub from: PhoneNumber,
    /// The part, with the TP-MR that the modem gave it.
    pub part: Submit,
    /// When the modem gave it.
    pub at: Instant,
    /// The network's cause when it refused (3GPP TS 24.011 §8.2.5.4).
    pub refused: Option<u16>,
    /// What befalls the report on it.
    pub report: ReportFault,
}

/// A simulated network for any number of modems and handsets. Cheap to clone; every clone is the same network.
#[derive(Debug, Clone)]
pub struct Carrier(Arc<Network>);

#[derive(Debug)]
struct Network {
    settings: CarrierSettings,
    clock: Clock,
    state: Mutex<State>,
    arrivals: broadcast::Sender<Arrival>,
    submitted: broadcast::Sender<Submitted>,
}

#[derive(Debug)]
struct State {
    phones: HashMap<PhoneNumber, Arc<Phone>>,
    modems: HashMap<PhoneNumber, Arc<Air>>,
    dice: Dice,
    concatenation_reference: u8,
    ussd: HashMap<String, UssdAnswer>,
    barred: HashMap<PhoneNumber, u16>,
}

impl Carrier {
    /// A network whose time stamps follow the system's wall clock.
    #[must_use]
    pub fn new(settings: CarrierSettings) -> Self {
        Self::with_clock(settings, Clock::resume(None))
    }

    /// A network whose time stamps follow this clock's wall time. Waiting is always by tokio's time.
    #[must_use]
    pub fn with_clock(settings: CarrierSettings, clock: Clock) -> Self {
        let state = State {
            phones: HashMap::new(),
            modems: HashMap::new(),
            dice: Dice::new(settings.seed),
            concatenation_reference: 0,
            ussd: HashMap::from([("*100#".to_owned(), UssdAnswer::plain("Your balance is 12.34 EUR."))]),
            barred: HashMap::new(),
        };
        let arrivals = broadcast::Sender::new(ARRIVALS_KEPT);
        let submitted = broadcast::Sender::new(ARRIVALS_KEPT);
        Self(Arc::new(Network { settings, clock, state: Mutex::new(state), arrivals, submitted }))
    }

    /// The phone with this number. Every number has one.
    #[must_use]
    pub fn handset(&self, number: &PhoneNumber) -> Handset {
        Handset::new(number.clone(), self.phone(number), self.clone())
    }

    /// Every phone that anybody has asked for or written to, by number.
    #[must_use]
    pub fn handsets(&self) -> Vec<Handset> {
        let mut numbers: Vec<PhoneNumber> = self.lock().phones.keys().cloned().collect();
        numbers.sort_by_key(PhoneNumber::e164);
        numbers.iter().map(|number| self.handset(number)).collect()
    }

    /// Every message that arrives at any handset from now on.
    #[must_use]
    pub fn arrivals(&self) -> broadcast::Receiver<Arrival> {
        self.0.arrivals.subscribe()
    }

    /// Lets the network answer this code so from now on. At first it answers `*100#` with a balance of 12.34 EUR.
    pub fn answer_ussd(&self, code: &str, answer: UssdAnswer) {
        self.lock().ussd.insert(code.to_owned(), answer);
    }

    pub(super) fn ussd_answer(&self, code: &str) -> Option<UssdAnswer> {
        self.lock().ussd.get(code).cloned()
    }

    /// Lets the network refuse everything to this number from now on, with this cause (3GPP TS 24.011 §8.2.5.4).
    pub fn bar(&self, number: &PhoneNumber, cause: u16) {
        self.lock().barred.insert(number.clone(), cause);
    }

    /// Lets it take what goes to this number again.
    pub fn unbar(&self, number: &PhoneNumber) {
        self.lock().barred.remove(number);
    }

    /// Every part that the network takes from a modem or refuses from now on, as it says so.
    #[must_use]
    pub fn submitted(&self) -> broadcast::Receiver<Submitted> {
        self.0.submitted.subscribe()
    }

    /// What a modem's clock shows (NITZ).
    pub(super) fn time(&self) -> ServiceCentreTime {
        ServiceCentreTime::new(self.0.clock.wall())
    }

    /// Joins a modem to the network: what comes for its number is put there.
    pub(super) fn subscribe(&self, number: &PhoneNumber) -> Arc<Air> {
        Arc::clone(self.lock().modems.entry(number.clone()).or_default())
    }

    /// Takes a part from a modem. The answer comes after the submit time; the network has the part even if nobody
    /// waits for the answer.
    pub(super) fn submit(
        &self,
        from: &PhoneNumber,
        part: Submit,
        fault: ReportFault,
    ) -> oneshot::Receiver<Result<(), u16>> {
        let (answer, receiver) = oneshot::channel();
        if fault == ReportFault::Early && part.status_report {
            self.report(from, &part, self.time(), DeliveryStatus::RECEIVED);
        }
        let (carrier, from, at) = (self.clone(), from.clone(), Instant::now());
        tokio::spawn(async move {
            tokio::time::sleep(carrier.0.settings.submit_time).await;
            let to = carrier.admit(&part.destination);
            let refused = to.as_ref().err().copied();
            // Nobody needs to be watching.
            let submitted = Submitted { from: from.clone(), part: part.clone(), at, refused, report: fault };
            let _ = carrier.0.submitted.send(submitted);
            match to {
                Ok(to) => {
                    let _ = answer.send(Ok(()));
                    carrier.carry(&from, &to, part, fault).await;
                }
                Err(cause) => drop(answer.send(Err(cause))),
            }
        });
        receiver
    }

    /// Takes a whole text from a handset.
    pub(super) fn send(&self, from: &PhoneNumber, to: &PhoneNumber, text: &str) -> Result<(), EncodeError> {
        let reference = {
            let mut state = self.lock();
            state.concatenation_reference = state.concatenation_reference.wrapping_add(1);
            state.concatenation_reference
        };
        let parts = pdu::segment(text, u16::from(reference))?;
        let (carrier, from, to) = (self.clone(), from.clone(), to.clone());
        tokio::spawn(async move {
            let part_to = Address::from(&to);
            tokio::time::sleep(carrier.0.settings.delivery_time).await;
            for user_data in parts {
                let part = Submit {
                    reject_duplicates: false,
                    status_report: false,
                    reply_path: false,
                    reference: MessageReference::default(),
                    destination: part_to.clone(),
                    protocol: ProtocolId::ORDINARY,
                    class: None,
                    validity: None,
                    user_data,
                };
                carrier.deliver(&from, &to, &part);
            }
        });
        Ok(())
    }

    /// Carries an accepted part: it arrives after the delivery time, unless it is lost or its validity ends before.
    async fn carry(&self, from: &PhoneNumber, to: &PhoneNumber, part: Submit, fault: ReportFault) {
        let submitted = self.time();
        let life = part.validity.and_then(|validity| self.life(validity));
        let journey = self.0.settings.delivery_time;
        let lost = self.is_lost();
        let status = match life {
            Some(life) if lost || life < journey => {
                tokio::time::sleep(life).await;
                DeliveryStatus::EXPIRED
            }
            None if lost => return,
            _ => {
                tokio::time::sleep(journey).await;
                self.deliver(from, to, &part);
                DeliveryStatus::RECEIVED
            }
        };
        if !part.status_report {
            return;
        }
        match fault {
            ReportFault::Early | ReportFault::Never => return,
            ReportFault::Late(time) => tokio::time::sleep(time).await,
            ReportFault::OutOfOrder => self.delay_next_report(from),
            ReportFault::Twice => self.report(from, &part, submitted, status),
            ReportFault::None => {}
        }
        self.report(from, &part, submitted, status);
    }

    fn delay_next_report(&self, to: &PhoneNumber) {
        if let Some(modem) = self.lock().modems.get(to) {
            modem.delay_next_report();
        }
    }

    fn deliver(&self, from: &PhoneNumber, to: &PhoneNumber, part: &Submit) {
        let modem = self.lock().modems.get(to).cloned();
        if let Some(modem) = modem {
            modem.push(Inbound::Deliver(as_deliver(from, part, self.time())));
        } else if let Some(received) = self.phone(to).receive(from, part, self.0.clock.wall()) {
            // Nobody needs to be watching.
            let _ = self.0.arrivals.send(Arrival { to: to.clone(), received });
        }
    }

    fn report(&self, to: &PhoneNumber, part: &Submit, submitted: ServiceCentreTime, status: DeliveryStatus) {
        let modem = self.lock().modems.get(to).cloned();
        if let Some(modem) = modem {
            let report = StatusReport {
                more_to_come: false,
                of_command: false,
                reference: part.reference,
                recipient: part.destination.clone(),
                submitted,
                discharged: self.time(),
                status,
                protocol: None,
                coding: None,
                user_data: None,
            };
            modem.push(Inbound::Report(report));
        }
    }

    /// How long a part that was accepted now may live; none leaves it to the network, which keeps it.
    fn life(&self, validity: Validity) -> Option<Duration> {
        match validity {
            Validity::Relative(period) => Some(period.duration()),
            Validity::Absolute(end) => {
                let left = end.timestamp()?.duration_since(self.0.clock.wall());
                Some(Duration::try_from(left).unwrap_or_default())
            }
            Validity::Enhanced(enhanced) => match enhanced.period {
                EnhancedPeriod::Unspecified => None,
                EnhancedPeriod::Relative(period) => Some(period.duration()),
                EnhancedPeriod::Seconds(seconds) => Some(Duration::from_secs(seconds.into())),
                EnhancedPeriod::Clock(period) => Some(period.duration()),
            },
        }
    }

    /// The number that a part goes to, or the cause for which the network refuses it.
    fn admit(&self, destination: &Address) -> Result<PhoneNumber, u16> {
        let to = reachable(destination).ok_or(UNIDENTIFIED_SUBSCRIBER)?;
        self.lock().barred.get(&to).map_or(Ok(to.clone()), |cause| Err(*cause))
    }

    fn is_lost(&self) -> bool {
        self.lock().dice.share() < self.0.settings.loss
    }

    fn phone(&self, number: &PhoneNumber) -> Arc<Phone> {
        Arc::clone(self.lock().phones.entry(number.clone()).or_insert_with(|| Arc::new(Phone::new())))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The number that the network connects this address to. It takes a number without `+` for an international one.
fn reachable(address: &Address) -> Option<PhoneNumber> {
    address.to_phone().or_else(|| PhoneNumber::from_digits(address.digits()?).ok())
}

fn as_deliver(from: &PhoneNumber, part: &Submit, timestamp: ServiceCentreTime) -> Deliver {
    Deliver {
        more_to_come: false,
        status_report: false,
        reply_path: part.reply_path,
        originator: Address::from(from),
        protocol: part.protocol,
        coding: part.user_data.coding(part.class),
        timestamp,
        user_data: part.user_data.clone(),
    }
}
