//! `/v1/balance`: what the SIMs have left to spend, as their carriers told last.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::ussd::Balance;

use super::answers::{EveryCall, Refusals};
use super::api::Shared;
use super::auth::{self, Caller};

/// What one SIM has left to spend.
#[derive(Serialize, ToSchema)]
#[schema(as = Balance)]
pub(super) struct BalanceAnswer {
    /// The modem the SIM is in.
    modem: String,
    /// How much is left, in what the carrier counts in; null when that is not known.
    #[schema(required = true)]
    amount: Option<f64>,
    /// The carrier's words; null when it did not answer.
    #[schema(required = true)]
    text: Option<String>,
    /// Why the amount is not known; null when it is.
    #[schema(required = true)]
    reason: Option<String>,
    /// When it was asked.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Whether it is below `low` of the configuration.
    low: bool,
}

/// The balances.
#[derive(Serialize, ToSchema)]
#[schema(as = Balances)]
pub(super) struct ListAnswer {
    balances: Vec<BalanceAnswer>,
}

impl From<Balance> for BalanceAnswer {
    fn from(balance: Balance) -> Self {
        Self {
            modem: balance.modem.to_string(),
            amount: balance.amount.map(crate::ussd::Amount::as_f64),
            text: balance.text.map(|text| text.expose().to_owned()),
            reason: balance.problem,
            at: balance.at,
            low: balance.is_low,
        }
    }
}

/// The balances
///
/// What each SIM has left, as the configured code told last; empty when none is configured or nothing was asked yet.
#[utoipa::path(
    get, path = "/v1/balance", operation_id = "list_balances", tag = "site",
    responses(
        (status = 200, description = "The balance of each modem's SIM", body = ListAnswer,
         example = json!({"balances": [super::openapi::example_balance()]})),
        Refusals<EveryCall<auth::Read>>
    )
)]
pub(super) async fn list(State(shared): State<Shared>, _: Caller<auth::Read>) -> Json<ListAnswer> {
    Json(ListAnswer { balances: shared.ussd().balances().into_iter().map(BalanceAnswer::from).collect() })
}
