//! How the site is: `/healthz` (the process answers), `/readyz` (a code would go out now, else why not), `/v1/status`.
//!
//! The first two need no key, so that a supervisor or a load balancer can ask; they tell of modems and budgets, never
//! of recipients.

use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::ids::ModemName;
use crate::limits::BudgetSettings;
use crate::route::{Route, Routes};
use crate::store::{Counts, Store};
use crate::ussd::Balance;

use super::api::Shared;
use super::auth::{self, Caller};
use super::gate::NotReady;
use super::modems::{ModemState, ModemView, UnusableView};
use super::openapi::{EveryCall, Open};
use super::problem::{Document, Problem};

/// What a load balancer is told to wait before it asks again, in seconds.
const ASK_AGAIN: &str = "5";

/// How long the store may take to show that it can write. Well within what an answer may take.
const STORE_WITHIN: Duration = Duration::from_millis(500);

/// The process answers.
#[derive(Serialize, ToSchema)]
pub(super) struct Alive {
    /// Always true.
    alive: bool,
}

/// Whether a code would be sent now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Readiness {
    /// Whether a code would be sent now.
    ready: bool,
    /// Why not. Empty when ready.
    reasons: Vec<Reason>,
    /// What will be a reason soon, and what keeps messages waiting meanwhile.
    warnings: Vec<Reason>,
}

/// Something that keeps codes from being sent.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Reason {
    /// The kind: `store`, `no_modem`, `modem`, `route`, `budget` or `balance`.
    #[schema(pattern = "^(store|no_modem|modem|route|budget|balance)$")]
    code: &'static str,
    /// The modem it is about; null when it is about the site.
    #[schema(required = true)]
    modem: Option<String>,
    /// What is wrong.
    reason: String,
    /// What to do about it.
    #[schema(required = true)]
    advice: Option<String>,
}

/// How the site is.
#[derive(Serialize, ToSchema)]
pub(super) struct Status {
    /// The daemon's version.
    version: &'static str,
    /// For how long it has run, in seconds.
    uptime_seconds: u64,
    /// Its clock.
    #[schema(value_type = String, format = DateTime)]
    now: Timestamp,
    #[schema(inline)]
    queue: Queue,
    /// How many codes can be verified.
    pending_otps: u64,
    /// The modems, in short.
    modems: Vec<ModemSummary>,
    #[schema(inline)]
    readiness: Readiness,
}

/// How many messages are not finished.
#[derive(Serialize, ToSchema)]
struct Queue {
    /// Waiting for a modem.
    queued: u64,
    /// With a modem.
    sending: u64,
    /// Given to a modem that did not answer.
    in_doubt: u64,
}

/// A modem in short.
#[derive(Serialize, ToSchema)]
struct ModemSummary {
    /// Its name.
    name: String,
    #[schema(inline)]
    state: ModemState,
    /// Why it is not ready.
    #[schema(required = true)]
    reason: Option<String>,
    /// What to do about that.
    #[schema(required = true)]
    advice: Option<String>,
}

/// The counts by the names that messages' states have in the API.
pub(super) fn by_status(counts: &Counts) -> [(&'static str, u64); 3] {
    [("queued", counts.queued), ("sending", counts.sending), ("in_doubt", counts.in_doubt)]
}

/// Whether the store can do its part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StoreState {
    Good,
    NotWritable,
    Silent,
}

impl StoreState {
    async fn of(store: &Store) -> Self {
        match tokio::time::timeout(STORE_WITHIN, store.writable()).await {
            Ok(true) => Self::Good,
            // What waits for another program that holds the database is no more written than what is refused.
            Ok(false) | Err(_) => Self::NotWritable,
        }
    }
}

impl Readiness {
    fn of(
        modems: &[ModemView],
        unusable: &[UnusableView],
        budget: &BudgetSettings,
        routes: &Routes,
        store: StoreState,
    ) -> Self {
        let mut reasons = Vec::new();
        let wrong = match store {
            StoreState::Good => None,
            StoreState::NotWritable => Some("The database cannot be written, and nothing is accepted."),
            StoreState::Silent => Some("The database does not answer."),
        };
        reasons.extend(wrong.map(|reason| Reason {
            code: "store",
            modem: None,
            reason: reason.to_owned(),
            advice: Some("See the daemon's log; is the disk full?".to_owned()),
        }));
        let mut warnings: Vec<Reason> = modems.iter().flat_map(|modem| budget_warnings(modem, budget)).collect();
        if modems.iter().any(can_send) {
            let out = modems.iter().filter(|modem| !matches!(modem.state, ModemState::Ready | ModemState::Starting));
            warnings.extend(out.map(why_it_does_not_send));
            warnings.extend(closed_routes(modems, routes));
        } else {
            reasons.extend(why_none_sends(modems, unusable));
        }
        Self { ready: reasons.is_empty(), reasons, warnings }
    }
}

/// The routes by which nothing goes out now.
fn closed_routes(modems: &[ModemView], routes: &Routes) -> Vec<Reason> {
    let closed = routes.all().filter_map(|route| Some((routes.get(route)?, why_closed(modems, routes, route)?)));
    let reason = |(route, reason): (&Route, String)| Reason {
        code: "route",
        modem: None,
        reason,
        advice: Some(format!("Bring one of them back, or let others take {} in [[route]].", route.prefix)),
    };
    closed.map(reason).collect()
}

/// Why nothing goes out by this route now, if so.
pub(super) fn why_closed(modems: &[ModemView], routes: &Routes, route: usize) -> Option<String> {
    if modems.iter().any(|modem| can_send(modem) && routes.lets(route, &modem.name)) {
        return None;
    }
    let Some(Route { prefix, modems }) = routes.get(route) else {
        return Some("No modem can send now; /readyz says why.".to_owned());
    };
    let names: Vec<&str> = modems.iter().map(ModemName::as_str).collect();
    let names = names.join(" and ");
    let can = if modems.len() == 1 { "and that cannot send now" } else { "and none of these can send now" };
    Some(format!("Numbers that begin with {prefix} go through {names} only, {can}."))
}

impl Readiness {
    /// The same with a warning for each SIM that has little left to spend.
    fn with_balances(mut self, balances: &[Balance]) -> Self {
        self.warnings.extend(balances.iter().filter(|balance| balance.is_low).map(|balance| Reason {
            code: "balance",
            modem: Some(balance.modem.to_string()),
            reason: "The SIM has little left to spend.".to_owned(),
            advice: Some("Top it up; `/v1/balance` shows what the carrier says.".to_owned()),
        }));
        self
    }
}

fn can_send(modem: &ModemView) -> bool {
    modem.state == ModemState::Ready && modem.budget_left.hour != Some(0) && modem.budget_left.day != Some(0)
}

fn why_none_sends(modems: &[ModemView], unusable: &[UnusableView]) -> Vec<Reason> {
    if modems.is_empty() && !unusable.is_empty() {
        let reason = |UnusableView { reason, advice }: &UnusableView| Reason {
            code: "no_modem",
            modem: None,
            reason: reason.clone(),
            advice: advice.clone(),
        };
        return unusable.iter().map(reason).collect();
    }
    if modems.is_empty() {
        return vec![Reason {
            code: "no_modem",
            modem: None,
            reason: "No modem was found.".to_owned(),
            advice: Some("Plug one in, or name its port in the configuration.".to_owned()),
        }];
    }
    modems.iter().map(why_it_does_not_send).collect()
}

fn why_it_does_not_send(modem: &ModemView) -> Reason {
    let name = Some(modem.name.to_string());
    if modem.state == ModemState::Ready {
        let window = if modem.budget_left.day == Some(0) { "day" } else { "hour" };
        return Reason {
            code: "budget",
            modem: name,
            reason: format!("The SIM has sent all that it may in this {window}."),
            advice: Some(format!("Wait, or raise per-{window} in [sim-budget] if the contract allows it.")),
        };
    }
    let reason = match (&modem.reason, modem.state) {
        (Some(reason), _) => reason.clone(),
        (None, ModemState::Starting) => "The modem is being set up.".to_owned(),
        (None, ModemState::Absent) => "The modem is not plugged in.".to_owned(),
        (None, _) => "The modem is not ready.".to_owned(),
    };
    Reason { code: "modem", modem: name, reason, advice: modem.advice.clone() }
}

/// What a SIM's budget keeps back, or soon will.
fn budget_warnings(modem: &ModemView, budget: &BudgetSettings) -> Vec<Reason> {
    let left = &modem.budget_left;
    let windows = [
        ("minute", left.minute, budget.per_minute),
        ("hour", left.hour, budget.per_hour),
        ("day", left.day, budget.per_day),
    ];
    let share = u64::from(budget.codes_share_percent);
    windows
        .into_iter()
        .filter_map(|(window, left, most)| {
            let (left, most) = (u64::from(left?), u64::from(most));
            Some(Reason {
                code: "budget",
                modem: Some(modem.name.to_string()),
                reason: budget_warning(window, left, most, most * share / 100)?,
                advice: Some(format!("Raise per-{window} in [sim-budget] if the contract allows it.")),
            })
        })
        .collect()
}

/// A minute that is nearly used up is worth no word, as it is free again so soon; one in which messages wait is.
fn budget_warning(window: &str, left: u64, most: u64, kept_for_codes: u64) -> Option<String> {
    match (window, left) {
        ("minute", 0) => Some(
            "The SIM has sent all that it may in this minute; codes wait up to a minute, others longer.".to_owned(),
        ),
        (_, 1..) if left <= kept_for_codes => Some(format!(
            "The SIM may send {left} more SMS in this {window}, of {most}, all kept for codes; other messages wait."
        )),
        ("hour" | "day", _) if left * 10 < most => {
            Some(format!("The SIM may send {left} more SMS in this {window}, of {most}."))
        }
        _ => None,
    }
}

/// Does the process answer?
///
/// For a supervisor. Needs no key.
#[utoipa::path(
    get, path = "/healthz", tag = "site", security(()),
    responses((status = 200, description = "It does", body = Alive, example = json!({"alive": true})), Open)
)]
pub(super) async fn healthz() -> Json<Alive> {
    Json(Alive { alive: true })
}

/// Would a code be sent now?
///
/// If not, why, in words, and what to do. Needs no key.
#[utoipa::path(
    get, path = "/readyz", tag = "site", security(()),
    responses(
        Open,
        (status = 200, description = "It would", body = Readiness,
         example = json!({"ready": true, "reasons": [], "warnings": []})),
        (status = 503, description = "It would not", content(
            (Readiness = "application/json", example = json!(super::openapi::example_not_ready())),
            (Document<'static> = "application/problem+json", example = json!(super::openapi::example_busy())),
        ), headers(("Retry-After" = u64, description = "Seconds after which to ask again"))),
    )
)]
pub(super) async fn readyz(State(shared): State<Shared>) -> Response {
    let store = match shared.store().counts().await {
        Ok(_) => StoreState::of(shared.store()).await,
        Err(_) => StoreState::Silent,
    };
    let readiness =
        Readiness::of(&shared.modems(), &shared.unusable(), shared.budget(), &shared.store().routes(), store)
            .with_balances(&shared.ussd().balances());
    if readiness.ready {
        Json(readiness).into_response()
    } else {
        let head = (Extension(NotReady), [(header::RETRY_AFTER, ASK_AGAIN)]);
        (StatusCode::SERVICE_UNAVAILABLE, head, Json(readiness)).into_response()
    }
}

/// How is the site?
///
/// Version, queue and modems at one glance.
#[utoipa::path(
    get, path = "/v1/status", operation_id = "site_status", tag = "site",
    responses(
        (status = 200, description = "How it is", body = Status, example = json!(super::openapi::example_status())),
        EveryCall
    )
)]
pub(super) async fn status(State(shared): State<Shared>, _: Caller<auth::Read>) -> Result<Json<Status>, Problem> {
    let counts = shared.store().counts().await?;
    let store = StoreState::of(shared.store()).await;
    let modems = shared.modems();
    Ok(Json(Status {
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: shared.uptime().as_secs(),
        now: shared.store().clock().wall(),
        queue: Queue { queued: counts.queued, sending: counts.sending, in_doubt: counts.in_doubt },
        pending_otps: counts.pending_otps,
        readiness: Readiness::of(&modems, &shared.unusable(), shared.budget(), &shared.store().routes(), store)
            .with_balances(&shared.ussd().balances()),
        modems: modems.into_iter().map(ModemSummary::from).collect(),
    }))
}

impl From<ModemView> for ModemSummary {
    fn from(view: ModemView) -> Self {
        Self { name: view.name.to_string(), state: view.state, reason: view.reason, advice: view.advice }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::http::Registration;
    use crate::limits::BudgetLeft;

    fn modem(name: &str, state: ModemState, hour: u32) -> ModemView {
        ModemView {
            name: name.parse().unwrap(),
            state,
            reason: (state == ModemState::NotReady).then(|| "The SIM asks for its PIN.".to_owned()),
            advice: (state == ModemState::NotReady).then(|| "Put the PIN into pin-file.".to_owned()),
            since: Clock::resume(None).wall(),
            until: None,
            draining: false,
            manufacturer: None,
            model: None,
            firmware: None,
            family: None,
            imei: None,
            sim: None,
            registration: Registration::Home,
            operator: None,
            signal_dbm: None,
            service_centre: None,
            phone_number: None,
            port: "/dev/smsotpd/m1".to_owned(),
            recovery: None,
            budget_left: BudgetLeft { minute: Some(15), hour: Some(hour), day: None },
            in_flight: 0,
        }
    }

    fn readiness(modems: &[ModemView]) -> Readiness {
        Readiness::of(modems, &[], &BudgetSettings::default(), &Routes::default(), StoreState::Good)
    }

    #[test]
    fn one_ready_modem_is_enough() {
        let readiness = readiness(&[modem("m1", ModemState::NotReady, 200), modem("m2", ModemState::Ready, 200)]);
        assert!(readiness.ready && readiness.reasons.is_empty(), "{readiness:?}");
        let [out] = readiness.warnings.as_slice() else { panic!("{readiness:?}") };
        assert_eq!((out.modem.as_deref(), out.reason.as_str()), (Some("m1"), "The SIM asks for its PIN."));
    }

    #[test]
    fn a_route_by_which_nothing_goes_out_is_told_of() {
        let route = |prefix: &str, modems: &[&str]| Route {
            prefix: prefix.parse().unwrap(),
            modems: modems.iter().map(|name| name.parse().unwrap()).collect(),
        };
        let routes = Routes::new(vec![route("+49", &["m1", "m3"]), route("+1", &["m1", "m2"]), route("+44", &["m1"])]);
        let modems = [modem("m1", ModemState::Resting, 200), modem("m2", ModemState::Ready, 200)];
        let readiness = Readiness::of(&modems, &[], &BudgetSettings::default(), &routes, StoreState::Good);
        assert!(readiness.ready);
        let told: Vec<&str> = readiness.warnings.iter().skip(1).map(|warning| warning.reason.as_str()).collect();
        let closed = [
            "Numbers that begin with +49 go through m1 and m3 only, and none of these can send now.",
            "Numbers that begin with +44 go through m1 only, and that cannot send now.",
        ];
        assert_eq!(told, closed);
        assert_eq!(why_closed(&modems, &routes, routes.of("15551234567")), None);
        assert!(why_closed(&modems[..1], &routes, Routes::NONE).unwrap().starts_with("No modem can send now"));
    }

    #[test]
    fn the_modem_that_keeps_codes_from_going_out_is_named_with_its_advice() {
        let readiness = readiness(&[modem("m1", ModemState::NotReady, 200)]);
        assert!(!readiness.ready);
        let [reason] = readiness.reasons.as_slice() else { panic!("{readiness:?}") };
        assert_eq!((reason.code, reason.modem.as_deref()), ("modem", Some("m1")));
        assert_eq!(reason.reason, "The SIM asks for its PIN.");
        assert_eq!(reason.advice.as_deref(), Some("Put the PIN into pin-file."));
    }

    #[test]
    fn a_site_without_modem_is_not_ready() {
        assert_eq!(readiness(&[]).reasons[0].code, "no_modem");
    }

    #[test]
    fn what_is_plugged_in_and_cannot_be_used_explains_why_there_is_no_modem() {
        let stick = UnusableView { reason: "It has no AT port.".to_owned(), advice: Some("Use another.".to_owned()) };
        let readiness = Readiness::of(&[], &[stick], &BudgetSettings::default(), &Routes::default(), StoreState::Good);
        let told: Vec<&str> = readiness.reasons.iter().map(|reason| reason.reason.as_str()).collect();
        assert_eq!((readiness.ready, told), (false, vec!["It has no AT port."]));
    }

    #[test]
    fn a_budget_is_told_of_before_it_is_used_up() {
        let low = readiness(&[modem("m1", ModemState::Ready, 19)]);
        assert!(low.ready);
        let kept = "The SIM may send 19 more SMS in this hour, of 200, all kept for codes; other messages wait.";
        assert_eq!(low.warnings[0].reason, kept);
        assert_eq!(readiness(&[modem("m1", ModemState::Ready, 41)]).warnings, []);
        let nothing_kept = BudgetSettings { codes_share_percent: 0.try_into().unwrap(), ..BudgetSettings::default() };
        let low = Readiness::of(
            &[modem("m1", ModemState::Ready, 19)],
            &[],
            &nothing_kept,
            &Routes::default(),
            StoreState::Good,
        );
        assert_eq!(low.warnings[0].reason, "The SIM may send 19 more SMS in this hour, of 200.");
        let empty = readiness(&[modem("m1", ModemState::Ready, 0)]);
        assert!(!empty.ready);
        assert_eq!(empty.reasons[0].code, "budget");
    }

    #[test]
    fn messages_that_wait_for_the_next_minute_are_explained_and_the_site_is_ready() {
        for (left, told) in [(0, "codes wait up to a minute"), (3, "other messages wait")] {
            let mut modem = modem("m1", ModemState::Ready, 200);
            modem.budget_left.minute = Some(left);
            let readiness = readiness(&[modem]);
            assert!(readiness.ready && readiness.warnings[0].reason.contains(told), "{readiness:?}");
        }
    }

    #[test]
    fn a_store_that_cannot_do_its_part_is_a_reason() {
        let ready = [modem("m1", ModemState::Ready, 200)];
        for store in [StoreState::Silent, StoreState::NotWritable] {
            let readiness = Readiness::of(&ready, &[], &BudgetSettings::default(), &Routes::default(), store);
            assert_eq!((readiness.ready, readiness.reasons[0].code), (false, "store"), "{store:?}");
        }
    }
}
