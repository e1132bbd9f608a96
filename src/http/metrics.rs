//! `GET /metrics`: numbers for Prometheus, in the OpenMetrics text format.
//!
//! Needs no key, as scrapers rarely have one: there are counts and modems' names here, and nothing of any recipient.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::guard::{Mode, Rule};
use crate::limits::Limit;
use crate::otp::{Reason, Verdict};
use crate::store::{CallbackCounts, SiteCounts};
use crate::webhook;

use super::answers::{Open, Refusals};
use super::api::Shared;
use super::modems::{ModemState, ModemView};
use super::problem::Problem;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByResult {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByStatus {
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByRule {
    rule: &'static str,
    mode: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByModem {
    modem: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByModemAndState {
    modem: String,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByModemAndWindow {
    modem: String,
    window: &'static str,
}

/// Everything that is counted as it happens, and the gauges that are read when somebody asks.
#[derive(Debug)]
pub(super) struct Metrics {
    issued: Counter,
    resent: Counter,
    refused: Family<ByResult, Counter>,
    guarded: Family<ByRule, Counter>,
    verifications: Family<ByResult, Counter>,
    accepted: Counter,
    answers: Family<ByStatus, Counter>,
    gauges: Mutex<(Gauges, Registry)>,
}

#[derive(Debug, Default, Clone)]
struct Gauges {
    uptime: Gauge,
    messages: Family<ByStatus, Gauge>,
    pending: Gauge,
    callbacks: Family<ByStatus, Gauge>,
    states: Family<ByModemAndState, Gauge>,
    in_flight: Family<ByModem, Gauge>,
    signal: Family<ByModem, Gauge>,
    budget: Family<ByModemAndWindow, Gauge>,
}

impl Metrics {
    /// Nothing counted yet.
    pub(super) fn new(callbacks: &webhook::Counters) -> Self {
        let mut registry = Registry::with_prefix("smsotpd");
        let gauges = Gauges::register(&mut registry);
        let metrics = Self {
            issued: Counter::default(),
            resent: Counter::default(),
            refused: Family::default(),
            guarded: Family::default(),
            verifications: Family::default(),
            accepted: Counter::default(),
            answers: Family::default(),
            gauges: Mutex::new((gauges, Registry::default())),
        };
        registry.register("otps_issued", "Codes issued", metrics.issued.clone());
        registry.register("otps_resent", "Codes sent again", metrics.resent.clone());
        registry.register("otps_refused", "Codes not issued, by the limit that was reached", metrics.refused.clone());
        let help = "Codes that the guard refused, or in mode report would have refused, by its rule";
        registry.register("guard_refusals", help, metrics.guarded.clone());
        registry.register("verifications", "Codes checked, by what came of it", metrics.verifications.clone());
        registry.register("messages_accepted", "Messages taken over /v1/messages", metrics.accepted.clone());
        registry.register("callbacks_delivered", "Callbacks that their receiver took", callbacks.delivered.clone());
        registry.register("callback_tries_failed", "Tries at callbacks that failed", callbacks.failed.clone());
        registry.register("http_answers", "Requests answered, by class of status", metrics.answers.clone());
        metrics.gauges.lock().unwrap_or_else(PoisonError::into_inner).1 = registry;
        metrics
    }

    pub(super) fn issued(&self) {
        self.issued.inc();
    }

    pub(super) fn resent(&self) {
        self.resent.inc();
    }

    pub(super) fn accepted(&self) {
        self.accepted.inc();
    }

    pub(super) fn refused(&self, limit: Limit) {
        self.refused.get_or_create(&ByResult { result: limit.as_str() }).inc();
    }

    /// What the guard has refused since the start: the store counts it.
    fn set_guarded(&self, counts: BTreeMap<(Rule, Mode), u64>) {
        for ((rule, mode), count) in counts {
            let labels = ByRule { rule: rule.as_str(), mode: mode.as_str() };
            self.guarded.get_or_create(&labels).inner().store(count, Ordering::Relaxed);
        }
    }

    pub(super) fn verified(&self, verdict: &Verdict) {
        let result = match verdict.reason {
            None => "verified",
            Some(Reason::WrongCode) => "wrong_code",
            Some(Reason::WrongContext) => "wrong_context",
            Some(Reason::Expired) => "expired",
            Some(Reason::Locked) => "locked",
            Some(Reason::AlreadyUsed) => "already_used",
            Some(Reason::Cancelled) => "cancelled",
            Some(Reason::Superseded) => "superseded",
        };
        self.verifications.get_or_create(&ByResult { result }).inc();
    }

    pub(super) fn approved(&self, verdict: &Verdict) {
        match verdict.verified {
            true => _ = self.verifications.get_or_create(&ByResult { result: "approved" }).inc(),
            false => self.verified(verdict),
        }
    }

    pub(super) fn answered(&self, status: StatusCode) {
        let status = match status.as_u16() {
            ..400 => "2xx",
            400..500 => "4xx",
            500.. => "5xx",
        };
        self.answers.get_or_create(&ByStatus { status }).inc();
    }

    /// All of it, as text.
    fn encode(
        &self,
        uptime: Duration,
        counts: &SiteCounts,
        callbacks: &CallbackCounts,
        modems: &[ModemView],
    ) -> String {
        let gauges = self.gauges.lock().unwrap_or_else(PoisonError::into_inner);
        for (status, count) in [("waiting", callbacks.waiting), ("dead", callbacks.dead)] {
            gauges.0.callbacks.get_or_create(&ByStatus { status }).set(gauge(count));
        }
        gauges.0.set(uptime, counts, modems);
        let mut text = String::new();
        // Writing to a string does not fail, and no metric here refuses to be written.
        let _ = text::encode(&mut text, &gauges.1);
        text
    }
}

impl Gauges {
    fn register(registry: &mut Registry) -> Self {
        let gauges = Self::default();
        registry.register("build", "The daemon's version", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        registry.register_with_unit("uptime", "Time since the daemon started", Unit::Seconds, gauges.uptime.clone());
        registry.register("messages", "Messages in the database, by status", gauges.messages.clone());
        registry.register("otps_pending", "Codes that can still be verified", gauges.pending.clone());
        registry.register("callbacks", "Callbacks that are not delivered, by status", gauges.callbacks.clone());
        registry.register("modem_state", "1 for the state that the modem is in", gauges.states.clone());
        registry.register("modem_in_flight", "Parts that the modem is sending now", gauges.in_flight.clone());
        registry.register("modem_signal_dbm", "Received signal strength in dBm", gauges.signal.clone());
        registry.register("sim_budget_left", "Parts that the SIM may still send in this window", gauges.budget.clone());
        gauges
    }

    fn set(&self, uptime: Duration, counts: &SiteCounts, modems: &[ModemView]) {
        self.uptime.set(i64::try_from(uptime.as_secs()).unwrap_or(i64::MAX));
        self.pending.set(gauge(counts.pending_otps));
        for (status, count) in super::status::by_status(counts) {
            self.messages.get_or_create(&ByStatus { status }).set(gauge(count));
        }
        // A modem that is gone from the site must not stay in the numbers.
        self.states.clear();
        self.in_flight.clear();
        self.signal.clear();
        self.budget.clear();
        for view in modems {
            self.set_modem(view);
        }
    }

    fn set_modem(&self, view: &ModemView) {
        let modem = view.name.to_string();
        for state in ModemState::ALL {
            let labels = ByModemAndState { modem: modem.clone(), state: state.as_str() };
            self.states.get_or_create(&labels).set(i64::from(state == view.state));
        }
        let left = &view.budget_left;
        for (window, left) in [("minute", left.minute), ("hour", left.hour), ("day", left.day)] {
            if let Some(left) = left {
                let labels = ByModemAndWindow { modem: modem.clone(), window };
                self.budget.get_or_create(&labels).set(i64::from(left));
            }
        }
        let labels = ByModem { modem };
        self.in_flight.get_or_create(&labels).set(i64::from(view.in_flight));
        if let Some(signal) = view.signal_dbm {
            self.signal.get_or_create(&labels).set(i64::from(signal));
        }
    }
}

fn gauge(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Numbers for Prometheus
///
/// Counts and gauges in the OpenMetrics text format. Needs no key; holds no number, code or text.
#[utoipa::path(
    get, path = "/metrics", tag = "site", security(()),
    responses(
        (status = 200, description = "All metrics", body = String, content_type = "application/openmetrics-text"),
        Refusals<Open>
    )
)]
pub(super) async fn metrics(State(shared): State<Shared>) -> Result<Response, Problem> {
    let counts = shared.store().counts().await?;
    let callbacks = shared.store().callback_counts().await?;
    shared.metrics.set_guarded(shared.store().guard_counts());
    let text = shared.metrics.encode(shared.uptime(), &counts, &callbacks, &shared.modems());
    Ok(([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}
