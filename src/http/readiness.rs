//! Whether a code would go out now, else why not, and what will be in the way soon.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use crate::ids::ModemName;
use crate::limits::BudgetSettings;
use crate::route::{Bound, Routes};
use crate::store::{App, CallbackCounts};
use crate::ussd::Balance;

use super::api::Shared;
use super::budget;
use super::modems::{ModemState, ModemView, UnusableView};
use super::waiting::{can_send, why_closed};

/// How long the store may take to say how the site is, and to show that it can write. Well within what an answer may take.
const STORE_WITHIN: Duration = Duration::from_millis(500);
/// So many policies that are missing are told of.
const MOST_POLICIES: usize = 10;

/// Whether a code would be sent now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Readiness {
    /// Whether a code would be sent now.
    pub(super) ready: bool,
    /// Why not. Empty when ready.
    reasons: Vec<Reason>,
    /// What will be a reason soon, and what keeps messages waiting meanwhile.
    warnings: Vec<Reason>,
}

/// Something that keeps codes from being sent.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Reason {
    /// The kind: `store`, `no_modem`, `modem`, `route`, `budget`, `balance`, `callbacks`, `policy` or `config`.
    #[schema(pattern = "^(store|no_modem|modem|route|budget|balance|callbacks|policy|config)$")]
    pub(super) code: &'static str,
    /// The modem it is about; null when it is about the site.
    #[schema(required = true)]
    pub(super) modem: Option<String>,
    /// What is wrong.
    pub(super) reason: String,
    /// What to do about it.
    #[schema(required = true)]
    pub(super) advice: Option<String>,
}

/// Whether the store can do its part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StoreState {
    Good,
    NotWritable,
    Unreadable,
    Slow,
}

impl Readiness {
    /// How it is now, with these modems. Known within [`STORE_WITHIN`], whatever the store does.
    pub(super) async fn now(shared: &Shared, modems: &[ModemView]) -> Self {
        let store = shared.store();
        let read = async { tokio::try_join!(store.callback_counts(), shared.lost_apps()) };
        let (read, is_writable) = tokio::join!(timeout(STORE_WITHIN, read), timeout(STORE_WITHIN, store.writable()));
        let state = match (&read, is_writable) {
            (Err(_), _) => {
                tracing::warn!(within = ?STORE_WITHIN, "the store has not said in time how the site is");
                StoreState::Slow
            }
            (Ok(Err(error)), _) => {
                tracing::error!(error = %error, "the store does not say how the site is");
                StoreState::Unreadable
            }
            (Ok(Ok(_)), Ok(true)) => StoreState::Good,
            // What waits for another program that holds the database is no more written than what is refused.
            (Ok(Ok(_)), Ok(false) | Err(_)) => StoreState::NotWritable,
        };
        let (callbacks, lost) = read.ok().and_then(Result::ok).unwrap_or_default();
        Self::of(modems, &shared.unusable(), shared.budget(), &store.routes(), state)
            .with_balances(&shared.ussd().balances())
            .with_callbacks(&callbacks)
            .with_lost(&lost)
            .with_reload(shared.policies().are_outdated())
    }

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
            StoreState::Unreadable => Some("The database cannot be read."),
            StoreState::Slow => Some("The database does not answer in time."),
        };
        reasons.extend(wrong.map(|reason| Reason {
            code: "store",
            modem: None,
            reason: reason.to_owned(),
            advice: Some("See the daemon's log; is the disk full?".to_owned()),
        }));
        let mut warnings: Vec<Reason> = modems.iter().flat_map(|modem| budget::warnings(modem, budget)).collect();
        warnings.extend(modems.iter().filter_map(why_it_is_refused));
        warnings.extend(modems.iter().filter_map(what_concerns));
        if !modems.is_empty() {
            warnings.extend(unusable.iter().map(why_it_is_unusable));
        }
        if modems.iter().any(can_send) {
            let out = modems.iter().filter(|modem| !matches!(modem.state, ModemState::Ready | ModemState::Starting));
            warnings.extend(out.map(why_it_does_not_send));
            warnings.extend(closed_routes(modems, routes));
        } else {
            reasons.extend(why_none_sends(modems, unusable));
        }
        Self { ready: reasons.is_empty(), reasons, warnings }
    }

    /// The same with a warning for each SIM that has little left to spend, or of which that is not known.
    fn with_balances(mut self, balances: &[Balance]) -> Self {
        self.warnings.extend(balances.iter().filter_map(why_it_may_be_spent));
        self
    }

    /// The same with a warning for each policy of these apps, which can issue and send nothing since it is not there.
    /// Which apps they are is not told to everybody.
    fn with_lost(mut self, apps: &[App]) -> Self {
        let policies: BTreeSet<&str> = apps.iter().map(|app| app.policy.as_str()).collect();
        self.warnings.extend(policies.into_iter().take(MOST_POLICIES).map(|policy| Reason {
            code: "policy",
            modem: None,
            reason: format!("An app goes by the policy {policy}, which is not in the configuration."),
            advice: Some(format!(
                "Put [policy.{policy}] into it and reload the daemon, or remove the app (`smsotpd app list` tells which)."
            )),
        }));
        self
    }

    /// The same with a warning when the configuration file could not be taken on. Why is not told to everybody.
    fn with_reload(mut self, outdated: bool) -> Self {
        self.warnings.extend(outdated.then(|| Reason {
            code: "config",
            modem: None,
            reason:
                "The configuration file was changed and could not be taken on; the one before is in force.".to_owned(),
            advice: Some("The daemon's log says why. Mend the file, and reload the daemon again.".to_owned()),
        }));
        self
    }

    /// The same with a warning for callbacks that do not arrive.
    fn with_callbacks(mut self, counts: &CallbackCounts) -> Self {
        let failing = counts.failing.as_ref().map(|(receiver, reason)| {
            (
                format!("Callbacks to {receiver} have failed for more than ten minutes: {reason}."),
                "They are tried for a day. `GET /v1/callbacks?status=waiting` shows them.",
            )
        });
        let dead = (counts.dead_lately > 0).then(|| {
            (
                format!("{} callbacks were given up in the last day.", counts.dead_lately),
                "`GET /v1/callbacks?status=dead` shows them, `POST /v1/callbacks/replay` with the body {} tries them again.",
            )
        });
        self.warnings.extend([failing, dead].into_iter().flatten().map(|(reason, advice)| Reason {
            code: "callbacks",
            modem: None,
            reason,
            advice: Some(advice.to_owned()),
        }));
        self
    }
}

/// The routes by which nothing goes out now.
fn closed_routes(modems: &[ModemView], routes: &Routes) -> Vec<Reason> {
    let closed = routes.all().filter_map(|route| Some((routes.get(route)?, why_closed(modems, routes, route)?)));
    let reason = |((bound, _), reason): ((Bound<'_>, &[ModemName]), String)| Reason {
        code: "route",
        modem: None,
        reason,
        advice: Some(match bound {
            Bound::Prefix(prefix) => {
                format!("Bring one of them back, or let others take {} in [[route]].", prefix.masked())
            }
            Bound::Policies(policies) => {
                format!(
                    "Bring one of them back, or name others in `modems` of [policy.{}].",
                    policies.join("] and [policy.")
                )
            }
        }),
    };
    closed.map(reason).collect()
}

/// Without the carrier's words and the amount, which are not for everybody.
fn why_it_may_be_spent(balance: &Balance) -> Option<Reason> {
    let (reason, advice) = match &balance.problem {
        None if !balance.is_low => return None,
        None => {
            let reason = "The SIM has little left to spend.".to_owned();
            (reason, "Top it up; `/v1/balance` shows what the carrier says.")
        }
        Some(problem) => {
            let reason = format!("What the SIM has left to spend is not known: {problem}.");
            (reason, "`/v1/balance` shows what the carrier says; see `code` and `pattern` in [balance].")
        }
    };
    Some(Reason { code: "balance", modem: Some(balance.modem.to_string()), reason, advice: Some(advice.to_owned()) })
}

fn why_it_is_unusable(UnusableView { reason, advice }: &UnusableView) -> Reason {
    Reason { code: "no_modem", modem: None, reason: reason.clone(), advice: advice.clone() }
}

fn why_none_sends(modems: &[ModemView], unusable: &[UnusableView]) -> Vec<Reason> {
    if modems.is_empty() && !unusable.is_empty() {
        return unusable.iter().map(why_it_is_unusable).collect();
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

/// The modem sends, and something else is the matter.
fn what_concerns(modem: &ModemView) -> Option<Reason> {
    let reason = modem.reason.clone().filter(|_| modem.state == ModemState::Ready)?;
    Some(Reason { code: "modem", modem: Some(modem.name.to_string()), reason, advice: modem.advice.clone() })
}

/// The modem does its work, and the network takes nothing that it is given.
fn why_it_is_refused(modem: &ModemView) -> Option<Reason> {
    let said = modem.refused.as_deref()?;
    Some(Reason {
        code: "modem",
        modem: Some(modem.name.to_string()),
        reason: format!("The network refuses one message after the other, the last because {said}."),
        advice: Some(
            "Try the SIM in a phone; look at its credit, and at its service centre in `/v1/modems`.".to_owned(),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::http::Registration;
    use crate::limits::BudgetLeft;
    use crate::route::Route;

    fn modem(name: &str, state: ModemState, hour: u32) -> ModemView {
        ModemView {
            name: name.parse().unwrap(),
            state,
            reason: (state == ModemState::NotReady).then(|| "The SIM asks for its PIN.".to_owned()),
            advice: (state == ModemState::NotReady).then(|| "Put the PIN into pin-file.".to_owned()),
            since: Clock::resume(None).wall(),
            until: None,
            refused: None,
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
    fn what_is_plugged_in_and_cannot_be_used_is_told_of_beside_a_modem_that_can() {
        let unusable = [UnusableView { reason: "the stick has no port for commands".to_owned(), advice: None }];
        let of = |modems: &[ModemView]| {
            Readiness::of(modems, &unusable, &BudgetSettings::default(), &Routes::default(), StoreState::Good)
        };
        let told = |reasons: &[Reason]| reasons.iter().filter(|told| told.reason == unusable[0].reason).count();
        for (modems, reasons, warnings) in [
            (vec![modem("m1", ModemState::Ready, 200)], 0, 1),
            (vec![modem("m1", ModemState::Absent, 200)], 0, 1),
            (vec![], 1, 0),
        ] {
            let readiness = of(&modems);
            assert_eq!((told(&readiness.reasons), told(&readiness.warnings)), (reasons, warnings), "{readiness:?}");
        }
    }

    #[test]
    fn a_route_by_which_nothing_goes_out_is_told_of() {
        let route = |prefix: &str, modems: &[&str]| Route {
            prefix: prefix.parse().unwrap(),
            modems: modems.iter().map(|name| name.parse().unwrap()).collect(),
        };
        let routes =
            Routes::new(vec![route("+49", &["m1", "m3"]), route("+1", &["m1", "m2"]), route("+447700900123", &["m1"])]);
        let modems = [modem("m1", ModemState::Resting, 200), modem("m2", ModemState::Ready, 200)];
        let readiness = Readiness::of(&modems, &[], &BudgetSettings::default(), &routes, StoreState::Good);
        assert!(readiness.ready);
        let told: Vec<&str> = readiness.warnings.iter().skip(1).map(|warning| warning.reason.as_str()).collect();
        let closed = [
            "Numbers that begin with +49 go through m1 and m3 only, and none of these can send now.",
            "Numbers that begin with +4477*** go through m1 only, and that cannot send now.",
        ];
        assert_eq!(told, closed);
    }

    #[test]
    fn a_policy_whose_modems_cannot_send_is_told_of() {
        let m1 = ["m1".parse().unwrap()];
        let routes = Routes::default().with_policies([("staff", m1.as_slice()), ("yard", m1.as_slice())]);
        let modems = [modem("m1", ModemState::Resting, 200), modem("m2", ModemState::Ready, 200)];
        let readiness = Readiness::of(&modems, &[], &BudgetSettings::default(), &routes, StoreState::Good);
        let warning = readiness.warnings.last().unwrap();
        let reason = "Messages by the policy staff and yard go through m1 only, and that cannot send now.";
        assert_eq!((warning.code, warning.reason.as_str()), ("route", reason));
        assert!(warning.advice.as_deref().is_some_and(|advice| advice.ends_with("[policy.staff] and [policy.yard].")));
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
    fn a_network_that_refuses_one_message_after_the_other_is_told_of_while_the_modem_is_ready() {
        let mut modem = modem("m1", ModemState::Ready, 200);
        modem.refused = Some("the network is congested".to_owned());
        let readiness = readiness(&[modem]);
        assert!(readiness.ready);
        let [warning] = readiness.warnings.as_slice() else { panic!("{readiness:?}") };
        let reason = "The network refuses one message after the other, the last because the network is congested.";
        assert_eq!((warning.modem.as_deref(), warning.reason.as_str()), (Some("m1"), reason));
        assert!(warning.advice.as_deref().is_some_and(|advice| advice.contains("credit")));
    }

    #[test]
    fn what_is_the_matter_with_a_modem_that_sends_is_a_warning() {
        let mut modem = modem("m1", ModemState::Ready, 200);
        (modem.reason, modem.advice) = (Some("somebody is calling the modem".to_owned()), Some("Wait.".to_owned()));
        let readiness = readiness(&[modem]);
        assert!(readiness.ready);
        let [Reason { code: "modem", reason, advice, .. }] = readiness.warnings.as_slice() else {
            panic!("{readiness:?}")
        };
        assert_eq!((reason.as_str(), advice.as_deref()), ("somebody is calling the modem", Some("Wait.")));
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
    fn callbacks_that_do_not_arrive_are_warned_of_and_the_site_is_ready() {
        let ready = [modem("m1", ModemState::Ready, 200)];
        let warned = |counts: &CallbackCounts| readiness(&ready).with_callbacks(counts);
        assert!(warned(&CallbackCounts { waiting: 5, dead: 2, ..CallbackCounts::default() }).warnings.is_empty());
        let failing = Some(("https://app.example.org".to_owned(), "the receiver answered 500".to_owned()));
        let trouble = warned(&CallbackCounts { dead_lately: 2, failing, ..CallbackCounts::default() });
        assert!(trouble.ready && trouble.warnings.iter().all(|warning| warning.code == "callbacks"));
        let said: Vec<&str> = trouble.warnings.iter().map(|warning| warning.reason.as_str()).collect();
        assert_eq!(
            said,
            [
                "Callbacks to https://app.example.org have failed for more than ten minutes: the receiver answered 500.",
                "2 callbacks were given up in the last day.",
            ]
        );
    }

    #[test]
    fn a_store_that_cannot_do_its_part_is_a_reason() {
        let ready = [modem("m1", ModemState::Ready, 200)];
        for store in [StoreState::Unreadable, StoreState::NotWritable] {
            let readiness = Readiness::of(&ready, &[], &BudgetSettings::default(), &Routes::default(), store);
            assert_eq!((readiness.ready, readiness.reasons[0].code), (false, "store"), "{store:?}");
        }
    }
}
