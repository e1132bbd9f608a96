//! What `/readyz` says of SIMs that have little left to send. How much that is, is counted in `dispatch`.

use crate::limits::BudgetSettings;

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
    let share = u64::from(budget.codes_share_percent);
    windows
        .into_iter()
        .filter_map(|(window, left, most)| {
            let (left, most) = (u64::from(left?), u64::from(most));
            Some(Reason {
                code: "budget",
                modem: Some(modem.name.to_string()),
                reason: warning(window, left, most, most * share / 100)?,
                advice: Some(format!("Raise per-{window} in [sim-budget] if the contract allows it.")),
            })
        })
        .collect()
}

/// A minute that is nearly used up is worth no word, as it is free again so soon; one in which messages wait is.
fn warning(window: &str, left: u64, most: u64, kept_for_codes: u64) -> Option<String> {
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
