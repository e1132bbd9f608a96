//! What the API shows of each modem, kept true: its health, whether it is sending, and what is left of its budget.

use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::dispatch::{Budgets, Lanes};
use crate::http::{self, ModemState, ModemView, SimView};
use crate::limits::BudgetLeft;
use crate::modem::{self, Health, Modem, State};

/// A budget's windows slide by themselves; no event tells so. This is how old what is shown of them may be.
const BUDGET_SHOWN_FOR: Duration = Duration::from_secs(60);

/// The views of all modems, and what is needed to keep one of them true.
pub(super) struct Views {
    shown: watch::Sender<Vec<ModemView>>,
    modems: Vec<Modem>,
    lanes: Lanes,
    budgets: Budgets,
    clock: Clock,
}

impl Views {
    pub(super) fn new(modems: &[Modem], lanes: Lanes, budgets: Budgets, clock: Clock) -> Self {
        let shown = modems.iter().map(|modem| view(&modem.health().borrow(), BudgetLeft::default(), false)).collect();
        Self { shown: watch::Sender::new(shown), modems: modems.to_vec(), lanes, budgets, clock }
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Vec<ModemView>> {
        self.shown.subscribe()
    }

    /// Keeps all views true until stopped.
    pub(super) async fn follow(self, stop: CancellationToken) {
        let each = (0..self.modems.len()).map(|index| self.follow_one(index));
        let all = each.collect::<tokio::task::JoinSet<()>>();
        stop.run_until_cancelled(all.join_all()).await;
    }

    fn follow_one(&self, index: usize) -> impl Future<Output = ()> + Send + 'static {
        let mut health = self.modems[index].health();
        let mut sending = self.lanes.sending(index);
        let (shown, budgets, clock) = (self.shown.clone(), self.budgets.clone(), self.clock.clone());
        async move {
            loop {
                let now = clock.now();
                let fresh = {
                    let health = health.borrow_and_update();
                    let left = health.sim.as_ref().map(|sim| budgets.left(&sim.id, now)).unwrap_or_default();
                    view(&health, left, *sending.borrow_and_update())
                };
                shown.send_if_modified(|views| {
                    let changed = views[index] != fresh;
                    views[index] = fresh;
                    changed
                });
                let changed = tokio::select! {
                    changed = health.changed() => changed,
                    changed = sending.changed() => changed,
                    () = tokio::time::sleep(BUDGET_SHOWN_FOR) => Ok(()),
                };
                if changed.is_err() {
                    return;
                }
            }
        }
    }
}

fn view(health: &Health, budget_left: BudgetLeft, sending: bool) -> ModemView {
    let (state, reason, advice) = match &health.state {
        State::Absent { reason } => (ModemState::Absent, Some(reason.clone()), Some(PLUG_IT_IN.to_owned())),
        State::Starting => (ModemState::Starting, Some("it is being set up".to_owned()), None),
        State::Ready => (ModemState::Ready, None, None),
        State::NotReady { reason, advice } => (ModemState::NotReady, Some(reason.clone()), Some(advice.clone())),
    };
    ModemView {
        name: health.name.clone(),
        state,
        reason,
        advice,
        since: health.since,
        manufacturer: health.manufacturer.clone(),
        model: health.model.clone(),
        firmware: health.firmware.clone(),
        imei: health.imei.clone(),
        sim: health.sim.as_ref().map(|sim| SimView { iccid: sim.iccid.clone(), imsi: sim.imsi.clone() }),
        registration: registration(health.registration),
        operator: health.operator.clone(),
        signal_dbm: health.signal.map(|signal| signal.dbm),
        service_centre: health.service_centre.clone(),
        port: health.port.clone(),
        budget_left,
        in_flight: u32::from(sending),
    }
}

const PLUG_IT_IN: &str = "Is the modem plugged in, and is its `port` in the configuration right? \
                          `ls -l /dev/smsotpd /dev/serial/by-id` shows what is there.";

fn registration(registration: modem::Registration) -> http::Registration {
    match registration {
        modem::Registration::Home => http::Registration::Home,
        modem::Registration::Roaming => http::Registration::Roaming,
        modem::Registration::Searching => http::Registration::Searching,
        modem::Registration::Denied | modem::Registration::EmergencyOnly => http::Registration::Denied,
        modem::Registration::Idle => http::Registration::NotRegistered,
        modem::Registration::Unknown => http::Registration::Unknown,
    }
}
