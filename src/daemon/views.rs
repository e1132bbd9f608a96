//! What the API shows of each modem, kept true: its health, whether it is sending, and what is left of its budget.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::told::Told;
use crate::clock::{Clock, Timestamp};
use crate::dispatch::{Budgets, LaneState, Member, Pool};
use crate::http::{self, ModemState, ModemView, RecoveryView, SimView};
use crate::limits::BudgetLeft;
use crate::modem::{self, Health, State};
use crate::store::{DrainedModems, Store};

/// A budget's windows slide by themselves; no event tells so. This is how old what is shown of them may be.
const BUDGET_SHOWN_FOR: Duration = Duration::from_secs(60);

/// The views of the pool's modems, in its order, and what is needed to keep them true.
pub(super) struct Views {
    shown: watch::Sender<Vec<ModemView>>,
    members: watch::Receiver<Vec<Member>>,
    drained: watch::Receiver<DrainedModems>,
    budgets: Budgets,
    clock: Clock,
    store: Store,
}

impl Views {
    pub(super) fn new(pool: &Pool, store: &Store) -> Self {
        let (members, budgets) = (pool.members(), pool.budgets().clone());
        let (drained, clock) = (store.drained(), store.clock().clone());
        let (shown, store) = (watch::Sender::default(), store.clone());
        let views = Self { shown, members, drained, budgets, clock, store };
        let fresh = views.members.borrow().iter().map(|member| views.of(member).show()).collect();
        views.shown.send_replace(fresh);
        views
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Vec<ModemView>> {
        self.shown.subscribe()
    }

    /// Keeps all views true until stopped.
    pub(super) async fn follow(mut self, stop: CancellationToken) {
        let (mut followed, mut followers) = (0, JoinSet::new());
        loop {
            // A member stays where it is in the list: it only grows.
            let members = self.members.borrow_and_update().clone();
            for member in &members[followed..] {
                let mut one = self.of(member);
                let fresh = one.show();
                self.shown.send_if_modified(|views| {
                    let is_new = followed == views.len();
                    if is_new {
                        views.push(fresh);
                    }
                    is_new
                });
                followers.spawn(one.follow(followed, self.shown.clone(), Told::new(self.store.clone())));
                followed += 1;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                Ok(()) = self.members.changed() => {}
                Some(Err(error)) = followers.join_next() => if error.is_panic() {
                    std::panic::resume_unwind(error.into_panic());
                },
            }
        }
    }

    fn of(&self, member: &Member) -> One {
        One {
            health: member.modem().health(),
            lane: member.lane(),
            drained: self.drained.clone(),
            budgets: self.budgets.clone(),
            clock: self.clock.clone(),
            service: Service::In(None),
        }
    }
}

/// What one modem's view is made of.
struct One {
    health: watch::Receiver<Health>,
    lane: watch::Receiver<LaneState>,
    drained: watch::Receiver<DrainedModems>,
    budgets: Budgets,
    clock: Clock,
    service: Service,
}

/// Whether a person lets the modem be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// It is in use; since when, if it was out of use before and the daemon saw it put back.
    In(Option<Timestamp>),
    /// It is out of use since then.
    Out(Timestamp),
}

impl One {
    fn show(&mut self) -> ModemView {
        let health = self.health.borrow_and_update();
        let left = health.sim.as_ref().map(|sim| self.budgets.left(&sim.id, self.clock.now())).unwrap_or_default();
        self.service = match (self.drained.borrow_and_update().get(&health.name), self.service) {
            (Some(since), _) => Service::Out(*since),
            (None, Service::Out(_)) => Service::In(Some(self.clock.wall())),
            (None, service) => service,
        };
        view(&health, left, &self.lane.borrow_and_update(), self.service)
    }

    /// Keeps this view, the one at `index`, true, and what happens to the modem written down. Its end is the modem's.
    async fn follow(mut self, index: usize, shown: watch::Sender<Vec<ModemView>>, mut told: Told) {
        loop {
            let fresh = self.show();
            shown.send_if_modified(|views| {
                let changed = views[index] != fresh;
                views[index] = fresh.clone();
                changed
            });
            told.tell(&fresh).await;
            tokio::select! {
                changed = self.health.changed() => if changed.is_err() { return },
                // A lane that has ended, which it only does at the end of everything, tells nothing new.
                Ok(()) = self.lane.changed() => {}
                Ok(()) = self.drained.changed() => {}
                () = tokio::time::sleep(BUDGET_SHOWN_FOR) => {}
            }
        }
    }
}

/// What the API shows of a modem.
#[must_use]
pub fn view(health: &Health, budget_left: BudgetLeft, lane: &LaneState, service: Service) -> ModemView {
    let draining = matches!(service, Service::Out(_));
    let (state, reason, advice) = state(health, lane, draining);
    let (since, until) = match (state, &lane.resting, service) {
        (ModemState::Resting, Some(resting), _) => (resting.since, resting.until),
        (ModemState::Draining, _, Service::Out(since)) | (ModemState::Ready, _, Service::In(Some(since))) => {
            (health.since.max(since), None)
        }
        _ => (health.since, None),
    };
    ModemView {
        name: health.name.clone(),
        state,
        reason,
        advice,
        since,
        until,
        draining,
        refused: lane.refused.clone(),
        manufacturer: health.manufacturer.clone(),
        model: health.model.clone(),
        firmware: health.firmware.clone(),
        family: health.family,
        imei: health.imei.clone(),
        sim: health.sim.as_ref().map(|sim| SimView { iccid: sim.iccid.clone(), imsi: sim.imsi.clone() }),
        registration: registration(health.registration),
        operator: health.operator.clone(),
        signal_dbm: health.signal.map(|signal| signal.dbm),
        service_centre: health.service_centre.clone(),
        phone_number: health.phone_number.clone(),
        port: health.port.clone(),
        recovery: health.recovery.map(recovery),
        budget_left,
        in_flight: u32::from(lane.sending),
    }
}

/// What the modem says of itself comes first; then what its lane holds against it.
fn state(health: &Health, lane: &LaneState, draining: bool) -> (ModemState, Option<String>, Option<String>) {
    let told = |state, reason: &str, advice: &str| (state, Some(reason.to_owned()), Some(advice.to_owned()));
    match (&health.state, &lane.resting) {
        (State::Absent { reason }, _) => told(ModemState::Absent, reason, how_to_find(&health.port)),
        (State::Starting, _) => (ModemState::Starting, Some("it is being set up".to_owned()), None),
        (State::NotReady { reason, advice }, _) => told(ModemState::NotReady, reason, advice),
        (State::Ready, _) if draining => {
            let back = format!("`POST /v1/modems/{}/resume` puts it back into use.", health.name);
            told(ModemState::Draining, "somebody has taken it out of use", &back)
        }
        (State::Ready, Some(resting)) => told(ModemState::Resting, &resting.reason, &resting.advice),
        (State::Ready, None) => {
            let concern = health.concern.as_ref();
            let words = concern.map(|concern| (concern.reason.clone(), concern.advice.clone()));
            let (reason, advice) = words.unzip();
            (ModemState::Ready, reason, advice)
        }
    }
}

fn recovery(recovery: modem::Recovery) -> RecoveryView {
    RecoveryView { rung: recovery.rung.as_str(), at: recovery.at, helped: recovery.helped }
}

fn how_to_find(port: &str) -> &'static str {
    if port.starts_with("tcp://") { START_THE_SERVER } else { PLUG_IT_IN }
}

const START_THE_SERVER: &str =
    "Is the serial server on, is its address right, is the modem plugged into it, and does nobody else use the line?";

const PLUG_IT_IN: &str = "Is the modem plugged in, and is its `port` or `imei` in the configuration, if it stands there, right? \
                          `ls -l /dev/smsotpd /dev/serial/by-id` shows what is there.";

fn registration(registration: modem::Registration) -> http::Registration {
    match registration {
        modem::Registration::Home => http::Registration::Home,
        modem::Registration::Roaming => http::Registration::Roaming,
        modem::Registration::Searching => http::Registration::Searching,
        modem::Registration::Denied => http::Registration::Denied,
        modem::Registration::EmergencyOnly => http::Registration::EmergencyOnly,
        modem::Registration::Idle => http::Registration::NotRegistered,
        modem::Registration::Unknown => http::Registration::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::Resting;

    #[test]
    fn what_is_held_against_a_modem_shows_only_while_it_says_that_it_is_ready() {
        let clock = Clock::resume(None);
        let mut health = Health::new("m1".parse().unwrap(), "/dev/m1".to_owned(), clock.wall());
        let resting = Resting {
            reason: "messages through this SIM are refused".to_owned(),
            advice: "Look at its contract.".to_owned(),
            since: clock.wall(),
            until: Some(clock.wall()),
        };
        let idle = LaneState::default();
        let rests = LaneState { resting: Some(resting.clone()), ..LaneState::default() };
        let later = clock.wall() + Duration::from_secs(60);
        let (used, out_of_use) = (Service::In(None), Service::Out(later));
        let shown = |health: &Health, lane, service| view(health, BudgetLeft::default(), lane, service);
        assert_eq!(shown(&health, &rests, out_of_use).state, ModemState::Starting);
        health.state = State::Ready;
        assert_eq!(shown(&health, &idle, used).state, ModemState::Ready);
        let back = shown(&health, &idle, Service::In(Some(later)));
        assert_eq!((back.state, back.since), (ModemState::Ready, later));
        let barred = shown(&health, &rests, used);
        assert_eq!(
            (barred.state, barred.reason, barred.advice),
            (ModemState::Resting, Some(resting.reason), Some(resting.advice))
        );
        assert_eq!((barred.since, barred.until), (resting.since, resting.until));
        let out = shown(&health, &rests, out_of_use);
        assert_eq!((out.state, out.since, out.until, out.draining), (ModemState::Draining, later, None, true));
        assert!(out.advice.unwrap().contains("/v1/modems/m1/resume"));
        health.state = State::Absent { reason: "the port does not open".to_owned() };
        let absent = shown(&health, &rests, Service::In(Some(later)));
        assert_eq!((absent.state, absent.since), (ModemState::Absent, health.since));
    }

    #[test]
    fn nobody_is_sent_to_look_for_a_serial_server_among_the_devices() {
        let clock = Clock::resume(None);
        for (port, wanted) in [("tcp://192.0.2.7:3001", "serial server"), ("/dev/m1", "/dev/smsotpd")] {
            let mut health = Health::new("m1".parse().unwrap(), port.to_owned(), clock.wall());
            health.state = State::Absent { reason: "no answer".to_owned() };
            let advice = view(&health, BudgetLeft::default(), &LaneState::default(), Service::In(None)).advice.unwrap();
            assert!(advice.contains(wanted), "{advice}");
            assert_ne!(advice.contains("/dev"), port.starts_with("tcp"), "{advice}");
        }
    }
}
