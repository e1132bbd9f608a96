//! Why a message waits, when there is more to it than its turn: nothing goes out by its route, or no SIM is let to send
//! more for now.

use crate::ids::ModemName;
use crate::limits::BudgetSettings;
use crate::message::Priority;
use crate::route::{Bound, Routes};

use super::modems::{ModemState, ModemView};

/// Why a message of this route and priority does not go out now, if so.
pub(super) fn why_it_waits(
    modems: &[ModemView],
    routes: &Routes,
    budget: &BudgetSettings,
    (route, priority): (usize, Priority),
) -> Option<String> {
    why_closed(modems, routes, route).or_else(|| {
        let mut open = modems.iter().filter(|modem| can_send(modem) && routes.lets(route, &modem.name));
        let held = !open.any(|modem| budget.lets(&modem.budget_left, priority));
        held.then(|| why_held(priority).to_owned())
    })
}

fn why_held(priority: Priority) -> &'static str {
    match priority {
        Priority::Otp => "Every SIM for it has sent all that it may in this minute, by [sim-budget].",
        Priority::Transactional | Priority::Bulk => {
            "Every SIM for it has sent all that it may for now, or keeps the rest for codes, by [sim-budget]."
        }
    }
}

/// Why nothing goes out by this route now, if so.
pub(super) fn why_closed(modems: &[ModemView], routes: &Routes, route: usize) -> Option<String> {
    if modems.iter().any(|modem| can_send(modem) && routes.lets(route, &modem.name)) {
        return None;
    }
    let Some((bound, modems)) = routes.get(route) else {
        return Some("No modem can send now; /readyz says why.".to_owned());
    };
    let names: Vec<&str> = modems.iter().map(ModemName::as_str).collect();
    let names = names.join(" and ");
    let can = if modems.len() == 1 { "and that cannot send now" } else { "and none of these can send now" };
    Some(match bound {
        Bound::Prefix(prefix) => {
            format!("Numbers that begin with {} go through {names} only, {can}.", prefix.masked())
        }
        Bound::Policies(policies) => {
            format!("Messages by the policy {} go through {names} only, {can}.", policies.join(" and "))
        }
    })
}

/// Whether what is given to it would go out, now or within a minute.
pub(super) fn can_send(modem: &ModemView) -> bool {
    modem.state == ModemState::Ready && modem.budget_left.hour != Some(0) && modem.budget_left.day != Some(0)
}
