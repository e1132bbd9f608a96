//! `/v1/modems/{name}/ussd`: ask the network what is dialled, and look what it said.

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::{IntoParams, ToSchema};

use crate::clock::Timestamp;
use crate::ids::{ModemName, UssdId};
use crate::phone::UssdCode;
use crate::ussd::{AskError, Outcome, Question};

use super::answers::{EveryCall, NoSuch, Refusals, WithBody};
use super::api::Shared;
use super::auth::{self, Caller};
use super::body::JsonBody;
use super::fields::{Named, parameter};
use super::problem::{Kind, Problem};

/// What is to be asked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UssdRequest, example = json!({"code": "*100#"}))]
pub(super) struct AskBody {
    /// What is dialled: digits, `*`, `#` and `+`.
    #[schema(value_type = String, pattern = r"^[0-9*#+]{1,160}$", example = "*100#")]
    code: UssdCode,
}

/// A question to the network, and what became of it.
#[derive(Serialize, ToSchema)]
#[schema(as = Ussd)]
pub(super) struct UssdAnswer {
    /// Its name in all other calls.
    #[schema(pattern = "^ussd_[0-9a-f]{32}$")]
    id: String,
    /// The modem that asks.
    modem: String,
    #[schema(inline)]
    status: UssdStatus,
    /// What the network said; null while it has not.
    #[schema(required = true)]
    text: Option<String>,
    /// Whether it wanted a choice among several. None is made: ask for the longer code that leads there.
    is_menu: bool,
    /// Why there is no answer; null unless there is none.
    #[schema(required = true)]
    reason: Option<String>,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    asked_at: Timestamp,
}

/// Where a question is in its life.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum UssdStatus {
    /// The answer is waited for, three minutes at most once the modem has asked.
    Pending,
    /// The network answered.
    Done,
    /// There is no answer.
    Failed,
}

impl From<Question> for UssdAnswer {
    fn from(question: Question) -> Self {
        let (status, text, is_menu, reason) = match question.outcome {
            None => (UssdStatus::Pending, None, false, None),
            Some(Outcome::Answered { text, is_menu }) => {
                (UssdStatus::Done, Some(text.expose().to_owned()), is_menu, None)
            }
            Some(Outcome::Failed { reason }) => (UssdStatus::Failed, None, false, Some(reason)),
        };
        let (id, modem) = (question.id.to_string(), question.modem.to_string());
        Self { id, modem, status, text, is_menu, reason, asked_at: question.asked_at }
    }
}

impl From<AskError> for Problem {
    fn from(error: AskError) -> Self {
        Self::new(match error {
            AskError::NoSuchModem => Kind::NoSuchThing,
            AskError::TooMany => Kind::Busy,
        })
    }
}

/// A question in the path, with the modem that asks.
pub(super) struct QuestionOf(ModemName, UssdId);

impl<S: Send + Sync> FromRequestParts<S> for QuestionOf {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let named = Path::<(String, String)>::from_request_parts(parts, state).await.ok();
        let read = named.and_then(|Path((name, id))| Some(Self(name.parse().ok()?, id.parse().ok()?)));
        read.ok_or_else(|| Problem::new(Kind::NoSuchThing))
    }
}

impl IntoParams for QuestionOf {
    fn into_params(within: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let mut parameters = <Named<ModemName>>::into_params(within);
        let example = "ussd_01998b6a0c1e7d3e8f5a4b3c2d1e0f9d";
        parameters.push(parameter("id", "The question's id", "^ussd_[0-9a-f]{32}$", example));
        parameters
    }
}

/// Ask the network (USSD)
///
/// Codes such as `*100#` ask for the balance; others divert calls or move money, so this needs the scope `admin`. Messages go
/// first, and none waits for the answer. Answers are kept in memory for an hour.
#[utoipa::path(
    post, path = "/v1/modems/{name}/ussd", operation_id = "ask_ussd", tag = "site", request_body = AskBody,
    params(Named<ModemName>),
    responses(
        (status = 202, description = "It will be asked", body = UssdAnswer,
         example = json!(super::openapi::example_ussd("pending"))),
        Refusals<(EveryCall<auth::Admin>, WithBody, NoSuch)>
    )
)]
pub(super) async fn ask(
    State(shared): State<Shared>,
    _: Caller<auth::Admin>,
    Named(modem): Named<ModemName>,
    JsonBody { value: body, .. }: JsonBody<AskBody>,
) -> Result<(StatusCode, Json<UssdAnswer>), Problem> {
    Ok((StatusCode::ACCEPTED, Json(shared.ussd().ask(&modem, body.code)?.into())))
}

/// Look what the network said
///
/// For an hour after it was asked. Needs the scope `admin`.
#[utoipa::path(
    get, path = "/v1/modems/{name}/ussd/{id}", operation_id = "get_ussd", tag = "site",
    params(QuestionOf),
    responses(
        (status = 200, description = "The question", body = UssdAnswer,
         example = json!(super::openapi::example_ussd("done"))),
        Refusals<(EveryCall<auth::Admin>, NoSuch)>
    )
)]
pub(super) async fn get(
    State(shared): State<Shared>,
    _: Caller<auth::Admin>,
    QuestionOf(modem, id): QuestionOf,
) -> Result<Json<UssdAnswer>, Problem> {
    let question = shared.ussd().look(&modem, id).ok_or_else(|| Problem::new(Kind::NoSuchThing))?;
    Ok(Json(question.into()))
}
