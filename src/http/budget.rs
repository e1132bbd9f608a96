//! What `/readyz` says of SIMs that have little left to send. How much that is, is counted in `dispatch`.

use crate::limits::BudgetSettings;
use crate::message::Priority;

use super::modems::ModemView;
use super::readiness::Reason;

/// What a SIM's budget keeps back, or soon will.
pub(super) fn warnings(modem: &ModemView, budget: &BudgetSettings) -> Vec<Reason> {
    let left = &modem.budget_left;
    let windows = [
        ("minute", left.minute, budget.per_minute),
        ("hour", left.hour, budget.per_hour),
        ("day", left.day, budget.per_day),
    ];
    windows
        .into_iter()
        .filter_map(|(window, left, most)| {
            Some(Reason {
                code: "budget",
                modem: Some(modem.name.to_string()),
                reason: warning(window, left?, most, budget.kept_from(Priority::Bulk, most))?,
                advice: Some(format!("Raise per-{window} in [sim-budget] if the contract allows it.")),
            })
        })
        .collect()
}

/// A minute that is nearly used up is worth no word, as it is free again so soon; one in which messages wait is.
fn warning(window: &str, left: u32, most: u32, kept_for_codes: u32) -> Option<String> {
    match (window, left) {
        ("minute", 0) => Some(
            "The SIM has sent all that it may in this minute; codes wait up to a minute, others longer.".to_owned(),
        ),
        (_, 1..) if left <= kept_for_codes => Some(format!(
            "The SIM may send {left} more SMS in this {window}, of {most}, all kept for codes; other messages wait."
        )),
        ("hour" | "day", _) if left < most.div_ceil(10) => {
            Some(format!("The SIM may send {left} more SMS in this {window}, of {most}."))
        }
        _ => None,
    }
}
