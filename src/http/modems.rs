//! `/v1/modems`: the radios as the API shows them, and taking one out of use.
//!
//! The daemon fills these views from what the modems tell; nothing here asks a modem anything.

use axum::extract::State;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::ids::{Iccid, Imei, Imsi, ModemName};
use crate::limits::BudgetLeft;
use crate::phone::PhoneNumber;

use super::answers::{EveryCall, NoSuch, Refusals, WithoutBody};
use super::api::Shared;
use super::auth::{Admin, Caller, Read};
use super::body::NoBody;
use super::fields::Named;
use super::problem::{Kind, Problem};

/// Something that is plugged in, should be a modem, and cannot be used as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusableView {
    /// Why, in one sentence.
    pub reason: String,
    /// What to do about it, in one sentence.
    pub advice: Option<String>,
}

/// One modem and how it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ModemView {
    /// Its name, from the configuration or given at discovery.
    #[schema(value_type = String)]
    pub name: ModemName,
    /// Whether it can be given a message now.
    pub state: ModemState,
    /// Why it is not ready, or what else is the matter while it is; null when nothing is.
    #[schema(required = true)]
    pub reason: Option<String>,
    /// What to do about that; null when nothing is to be done.
    #[schema(required = true)]
    pub advice: Option<String>,
    /// Since when it is in this state.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// When a modem that rests is tried again; null when it does not rest, or rests until something changes.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    pub until: Option<Timestamp>,
    /// Whether somebody has taken it out of use.
    pub draining: bool,
    /// What the network said to the last message, once it has refused five tries in a row; null when it takes them.
    #[schema(required = true)]
    pub refused: Option<String>,
    /// Who made it, as it says itself.
    #[schema(required = true)]
    pub manufacturer: Option<String>,
    /// What it is, as it says itself.
    #[schema(required = true)]
    pub model: Option<String>,
    /// Its firmware, as it says itself.
    #[schema(required = true)]
    pub firmware: Option<String>,
    /// The family whose manners it is driven by, for instance `quectel`.
    #[schema(value_type = Option<String>, required = true)]
    pub family: Option<&'static str>,
    /// The radio's number.
    #[schema(value_type = Option<String>, required = true)]
    pub imei: Option<Imei>,
    /// The card in it.
    #[schema(required = true)]
    pub sim: Option<SimView>,
    /// Its standing with the network.
    pub registration: Registration,
    /// The network it is with.
    #[schema(required = true)]
    pub operator: Option<String>,
    /// Received signal strength, in dBm: -50 is excellent, below -105 is poor.
    #[schema(required = true)]
    pub signal_dbm: Option<i16>,
    /// The service centre that takes its messages.
    #[schema(required = true)]
    pub service_centre: Option<String>,
    /// The card's own telephone number, masked; many cards do not hold it.
    #[serde(serialize_with = "masked_number")]
    #[schema(value_type = Option<String>, required = true)]
    pub phone_number: Option<PhoneNumber>,
    /// The port it is driven through.
    pub port: String,
    /// What was last tried to bring it back; null when that was never needed.
    #[schema(required = true)]
    pub recovery: Option<RecoveryView>,
    /// How many more parts its SIM may send; null = no limit.
    pub budget_left: BudgetLeft,
    /// How many parts it is sending now.
    pub in_flight: u32,
}

/// What can be said about a modem's readiness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ModemState {
    /// It can be given a message now.
    Ready,
    /// It is being set up.
    Starting,
    /// It says that it is ready, and yet nothing comes of it for now: it is left alone after its last messages, its SIM is
    /// barred, or another modem has that SIM.
    Resting,
    /// Somebody has taken it out of use: it is given nothing new.
    Draining,
    /// It is there and cannot send.
    NotReady,
    /// Its port is not there.
    Absent,
}

impl ModemState {
    /// Every state, in the order of usefulness.
    pub(super) const ALL: [Self; 6] =
        [Self::Ready, Self::Starting, Self::Resting, Self::Draining, Self::NotReady, Self::Absent];

    /// The state as the API writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Starting => "starting",
            Self::Resting => "resting",
            Self::Draining => "draining",
            Self::NotReady => "not_ready",
            Self::Absent => "absent",
        }
    }
}

/// A modem's standing with the network (3GPP TS 27.007 §7.2, `<stat>`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    /// At home in the SIM's own network.
    Home,
    /// A guest in another network.
    Roaming,
    /// Looking for a network.
    Searching,
    /// Turned away by the network.
    Denied,
    /// Allowed emergency calls only.
    EmergencyOnly,
    /// Not looking for one.
    NotRegistered,
    /// Not known (yet).
    Unknown,
}

/// The card in a modem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SimView {
    /// The card's number, as printed on it.
    #[schema(value_type = Option<String>, required = true)]
    pub iccid: Option<Iccid>,
    /// The subscription's number: country and network, the rest masked.
    #[serde(serialize_with = "masked")]
    #[schema(value_type = Option<String>, required = true)]
    pub imsi: Option<Imsi>,
}

/// `23415***`: an IMSI has at least six digits; the first five are country and network, the rest is the subscriber.
fn masked<S: Serializer>(imsi: &Option<Imsi>, to: S) -> Result<S::Ok, S::Error> {
    imsi.as_ref().map(|imsi| format!("{}***", &imsi.as_str()[..5])).serialize(to)
}

fn masked_number<S: Serializer>(number: &Option<PhoneNumber>, to: S) -> Result<S::Ok, S::Error> {
    number.as_ref().map(ToString::to_string).serialize(to)
}

/// What was tried with a modem that did not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Recovery)]
pub struct RecoveryView {
    /// What was done: `wake`, `reopen`, `restart`, `usb_reset` or `power_cycle`.
    #[schema(value_type = String, pattern = "^(wake|reopen|restart|usb_reset|power_cycle)$")]
    pub rung: &'static str,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Whether the modem could send after it; null while that is not known.
    #[schema(required = true)]
    pub helped: Option<bool>,
}

/// All modems.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Modems {
    modems: Vec<ModemView>,
}

/// The modems
///
/// What is plugged in, whether it can send, and if not, why and what to do.
#[utoipa::path(
    get, path = "/v1/modems", operation_id = "list_modems", tag = "site",
    responses(
        (status = 200, description = "All modems: those of the configuration in its order, then those found", body = Modems,
         example = json!({"modems": [super::openapi::example_modem()]})),
        Refusals<EveryCall<Read>>
    )
)]
pub(super) async fn list(State(shared): State<Shared>, _: Caller<Read>) -> axum::Json<Modems> {
    axum::Json(Modems { modems: shared.modems() })
}

/// Whether a modem is out of use.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Drain {
    /// The modem.
    name: String,
    /// Whether it is out of use: it is given nothing new.
    draining: bool,
}

/// Take a modem out of use
///
/// It ends what it is at and is given nothing new, until it is put back; a restart changes nothing about that. Taking out
/// one that is out changes nothing.
#[utoipa::path(
    post, path = "/v1/modems/{name}/drain", operation_id = "drain_modem", tag = "site", params(Named<ModemName>),
    responses(
        (status = 200, description = "It is out of use", body = Drain,
         example = json!({"name": "m1", "draining": true})),
        Refusals<(EveryCall<Admin>, NoSuch, WithoutBody)>
    )
)]
pub(super) async fn drain(
    State(shared): State<Shared>,
    caller: Caller<Admin>,
    Named(name): Named<ModemName>,
    _: NoBody,
) -> Result<axum::Json<Drain>, Problem> {
    must_be_there(&shared, &name)?;
    if shared.store().drain(&name, &caller.app.name).await? {
        tracing::info!(modem.name = %name, "somebody has taken the modem out of use");
    }
    Ok(axum::Json(Drain { name: name.to_string(), draining: true }))
}

/// Put a modem back into use
///
/// Putting back one that is in use changes nothing.
#[utoipa::path(
    post, path = "/v1/modems/{name}/resume", operation_id = "resume_modem", tag = "site", params(Named<ModemName>),
    responses(
        (status = 200, description = "It is in use", body = Drain,
         example = json!({"name": "m1", "draining": false})),
        Refusals<(EveryCall<Admin>, NoSuch, WithoutBody)>
    )
)]
pub(super) async fn resume(
    State(shared): State<Shared>,
    caller: Caller<Admin>,
    Named(name): Named<ModemName>,
    _: NoBody,
) -> Result<axum::Json<Drain>, Problem> {
    must_be_there(&shared, &name)?;
    if shared.store().resume(&name, &caller.app.name).await? {
        tracing::info!(modem.name = %name, "somebody has put the modem back into use");
    }
    Ok(axum::Json(Drain { name: name.to_string(), draining: false }))
}

fn must_be_there(shared: &Shared, name: &ModemName) -> Result<(), Problem> {
    let is_there = shared.modems().iter().any(|modem| modem.name == *name);
    let unknown = || Problem::new(Kind::NoSuchThing).saying("No modem has this name; /v1/modems lists them.");
    is_there.then_some(()).ok_or_else(unknown)
}
