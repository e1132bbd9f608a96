//! The description of the API for programs (OpenAPI 3.1): its heading, and examples.
//!
//! Everything else comes from the handlers and bodies themselves, so it cannot say what they do not do.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse as _;
use serde_json::{Value, json};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{OpenApi, RefOr};
use utoipa::{Modify, OpenApi as _};

use crate::store::Kind as EventKind;

use super::answers::{Open, Refusals};
use super::api::Shared;
use super::problem::{Document, FieldError, Kind, Problem};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "smsotpd",
        description = "One-time codes by SMS through your own modem.\n\n\
                       Errors are problem details (RFC 9457) with a stable `code`; only what cannot be read as HTTP, or has a head \
                       out of all proportion, gets a bare status. A wrong code is no error. \
                       Times are RFC 3339 in UTC. Numbers are masked in every answer; only the inbox shows an app with \
                       the scope `admin` who wrote.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "otp", description = "One-time codes"),
        (name = "messages", description = "Messages of the app's own wording"),
        (name = "inbox", description = "What comes in, and who wants no messages"),
        (name = "events", description = "What happens, and what happened"),
        (name = "guard", description = "Who is sent no codes, and why"),
        (name = "site", description = "How the site is")
    ),
    components(schemas(Document<'static>, FieldError)),
    security(("bearer" = []), ("api_key" = []), ("basic" = [])),
    modifiers(&Keys)
)]
struct Heading;

struct Keys;

impl Modify for Keys {
    fn modify(&self, document: &mut OpenApi) {
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
        components.add_security_scheme("basic", SecurityScheme::Http(Http::new(HttpAuthScheme::Basic)));
        let header = ApiKey::Header(ApiKeyValue::new("X-API-Key"));
        components.add_security_scheme("api_key", SecurityScheme::ApiKey(header));
    }
}

/// This description
///
/// The OpenAPI document of the API. Needs no key.
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "openapi", tag = "site", security(()),
    responses((status = 200, description = "OpenAPI 3.1", body = Object, example = json!({"openapi": "3.1.0"})), Refusals<Open>)
)]
pub(super) async fn description(State(shared): State<Shared>) -> axum::response::Response {
    ([(CONTENT_TYPE, "application/json")], shared.document()).into_response()
}

/// The document without its calls.
pub(super) fn heading() -> OpenApi {
    Heading::openapi()
}

/// The document with what only this site knows: the names of its policies.
pub(super) fn complete<'a>(mut document: OpenApi, policies: impl Iterator<Item = &'a str>) -> OpenApi {
    let names: Vec<Value> = policies.map(Value::from).chain([Value::Null]).collect();
    let schemas = document.components.as_mut().map(|components| &mut components.schemas);
    if let Some(RefOr::T(Schema::Object(request))) = schemas.and_then(|schemas| schemas.get_mut("OtpRequest"))
        && let Some(RefOr::T(Schema::Object(policy))) = request.properties.get_mut("policy")
    {
        policy.enum_values = Some(names);
    }
    name_event_types(&mut document);
    document.webhooks = Some(super::callbacks::described());
    document
}

/// Says which types of events a list of them can name.
fn name_event_types(document: &mut OpenApi) {
    let names: Vec<String> = EventKind::ALL.iter().map(|kind| kind.as_str().replace('.', r"\.")).collect();
    let mut rooms: Vec<&str> = EventKind::ALL.iter().filter_map(|kind| kind.as_str().split('.').next()).collect();
    rooms.dedup();
    let one = format!(r"({}|({})\.\*)", names.join("|"), rooms.join("|"));
    for (path, list) in [("/v1/events", "types"), ("/v1/audit", "kind")] {
        let call = document.paths.paths.get_mut(path).and_then(|calls| calls.get.as_mut());
        for parameter in call.and_then(|call| call.parameters.as_mut()).into_iter().flatten() {
            if let RefOr::T(parameter) = parameter
                && parameter.name == list
                && let Some(RefOr::T(Schema::Object(schema))) = &mut parameter.schema
            {
                schema.pattern = Some(format!("^{one}(,{one})*$"));
            }
        }
    }
}

pub(super) fn example_busy() -> Value {
    json!(Problem::new(Kind::Busy).document())
}

pub(super) fn example_otp(status: &str) -> Value {
    let (otp, message, delivered_at) = match status {
        "delivered" => ("pending", "delivered", Some("2026-05-04T10:00:07.412Z")),
        "cancelled" => ("cancelled", "cancelled", None),
        _ => ("pending", "queued", None),
    };
    json!({
        "id": "otp_01998b6a0c1e7d3e8f5a4b3c2d1e0f9a",
        "status": otp,
        "to": "+1555***4567",
        "expires_at": "2026-05-04T10:05:00.123Z",
        "resend_at": "2026-05-04T10:00:30.123Z",
        "attempts_left": 5,
        "message": {
            "id": "msg_01998b6a0c1e7d3e8f5a4b3c2d1e0f9b",
            "status": message,
            "parts": 1,
            "encoding": "gsm7",
            "delivered_at": delivered_at,
            "latency_ms": delivered_at.map(|_| 7_289),
            "reason": null,
        }
    })
}

pub(super) fn example_verdict(which: &str) -> Value {
    let (verified, status, reason) = match which {
        "right" | "approved" => (true, "verified", None),
        "used" => (false, "verified", Some("already_used")),
        "context" => (false, "pending", Some("wrong_context")),
        _ => (false, "pending", Some("wrong_code")),
    };
    // An approval is no guess.
    let attempts_left = if which == "approved" { 5 } else { 4 };
    json!({"verified": verified, "status": status, "reason": reason, "attempts_left": attempts_left})
}

pub(super) fn example_accepted() -> Value {
    json!({
        "id": "msg_01998b6a0c1e7d3e8f5a4b3c2d1e0f9b",
        "status": "queued",
        "to": "+1555***4567",
        "parts": 1,
        "encoding": "gsm7",
    })
}

pub(super) fn example_message() -> Value {
    with(
        example_accepted(),
        json!({
            "status": "cancelled",
            "priority": "transactional",
            "created_at": "2026-05-04T10:00:00.123Z",
            "deadline_at": "2026-05-05T10:00:00.123Z",
            "sent_at": null,
            "delivered_at": null,
            "latency_ms": null,
            "reason": null,
        }),
    )
}

pub(super) fn example_detail() -> Value {
    with(
        example_message(),
        json!({
            "status": "failed",
            "reason": "The number is not in use.",
            "otp": null,
            "why": null,
            "attempts": [{
                "modem": "m1",
                "part": 1,
                "started_at": "2026-05-04T10:00:00.130Z",
                "ended_at": "2026-05-04T10:00:02.871Z",
                "outcome": "failed",
                "code": "+CMS ERROR: 1",
                "reason": "The number is not in use."
            }]
        }),
    )
}

pub(super) fn example_inbox() -> Value {
    json!({
        "id": "in_01998b6a0c1e7d3e8f5a4b3c2d1e0f9c",
        "from": "+1555***4567",
        "text": "Is the gate open on Sunday?",
        "parts": 1,
        "missing": 0,
        "modem": "m1",
        "sent_at": "2026-05-04T10:00:00Z",
        "received_at": "2026-05-04T10:00:02.871Z",
    })
}

pub(super) fn example_event() -> Value {
    json!({
        "id": "evt_0000019a4e1f2c3b000000000000002a",
        "type": "otp.delivered",
        "timestamp": "2026-05-04T10:00:07.412Z",
        "data": {
            "app": "shop",
            "by": "network",
            "otp": {
                "id": "otp_01998b6a0c1e7d3e8f5a4b3c2d1e0f9a",
                "status": "pending",
                "to": "+1555***4567",
                "purpose": "login",
            },
            "message": {
                "id": "msg_01998b6a0c1e7d3e8f5a4b3c2d1e0f9b",
                "status": "delivered",
                "to": "+1555***4567",
                "delivered_at": "2026-05-04T10:00:07.412Z",
            },
        }
    })
}

pub(super) fn example_rotated() -> Value {
    json!({
        "id": "evt_0000019a4e1f4f10000000000000002b",
        "type": "app.rotated",
        "timestamp": "2026-05-04T10:00:16.336Z",
        "data": {"app": "shop", "by": "cli"}
    })
}

pub(super) fn example_stream() -> String {
    let event = example_event();
    format!("id: {}\nevent: otp.delivered\ndata: {event}\n\n", event["id"].as_str().unwrap_or_default())
}

pub(super) fn example_opt_out() -> Value {
    json!({"number": "+1555***4567", "source": "message", "since": "2026-05-04T10:00:02.871Z"})
}

pub(super) fn example_safe_number() -> Value {
    json!({"number": "+1555***4567", "since": "2026-05-04T10:00:02.871Z"})
}

pub(super) fn example_guard() -> Value {
    json!({
        "home": ["DE"],
        "knows_premium": false,
        "counted": 61,
        "countries": [
            {"country": "DE", "issued": 61, "verified": 41, "unverified": 14, "conversion_percent": 74, "warning": null}
        ],
        "prefixes": [{
            "prefix": "+4915551234",
            "issued": 10,
            "verified": 0,
            "unverified": 10,
            "conversion_percent": 0,
            "stopped_since": "2026-05-04T10:00:02.871Z",
            "stopped_until": "2026-05-04T22:00:02.871Z",
        }],
        "refused": [{"rule": "least-conversion-percent", "mode": "enforce", "count": 212}],
    })
}

pub(super) fn example_check() -> Value {
    json!({
        "country": "US",
        "allowed": false,
        "rule": "countries",
        "retry_after": null,
        "explanation": Kind::CountryNotAllowed.detail(),
    })
}

pub(super) fn example_callback() -> Value {
    json!({
        "id": "cb_0000000000000a110000000000000003",
        "event": "evt_0000019df3f5b0800000000000000a11",
        "type": "otp.delivered",
        "happened_at": "2026-05-04T10:00:07.412Z",
        "app": "shop",
        "url": "https://app.example.org",
        "status": "dead",
        "tries": 12,
        "next_try_at": null,
        "reason": "the receiver answered 500",
    })
}

pub(super) fn example_ussd(status: &str) -> Value {
    let text = (status == "done").then_some("Your balance is 7.35 EUR.");
    json!({
        "id": "ussd_01998b6a0c1e7d3e8f5a4b3c2d1e0f9d",
        "modem": "m1",
        "status": status,
        "text": text,
        "is_menu": false,
        "reason": null,
        "asked_at": "2026-05-04T10:00:00.123Z",
    })
}

pub(super) fn example_balance() -> Value {
    json!({
        "modem": "m1",
        "amount": 7.35,
        "text": "Your balance is 7.35 EUR.",
        "reason": null,
        "at": "2026-05-04T03:12:44.001Z",
        "low": false,
    })
}

pub(super) fn example_modem() -> Value {
    json!({
        "name": "m1",
        "state": "ready",
        "reason": null,
        "advice": null,
        "since": "2026-05-04T08:12:44.001Z",
        "until": null,
        "draining": false,
        "refused": null,
        "manufacturer": "QUECTEL",
        "model": "EC25",
        "firmware": "EC25EFAR06A03M4G",
        "family": "quectel",
        "imei": "490154203237518",
        "sim": {"iccid": "8988211000000000001", "imsi": "00101***"},
        "registration": "home",
        "operator": "Example Mobile",
        "signal_dbm": -71,
        "service_centre": "+15550000001",
        "phone_number": "+1555***0042",
        "port": "/dev/smsotpd/m1",
        "recovery": {"rung": "reopen", "at": "2026-05-04T08:12:40.512Z", "helped": true},
        "budget_left": {"minute": 14, "hour": 187, "day": 942},
        "in_flight": 1
    })
}

pub(super) fn example_not_ready() -> Value {
    let reason = json!({
        "code": "modem",
        "modem": "m1",
        "reason": "The SIM asks for its PIN.",
        "advice": "Put the PIN into pin-file.",
    });
    json!({"ready": false, "reasons": [reason], "warnings": []})
}

pub(super) fn example_status() -> Value {
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_seconds": 86_412,
        "now": "2026-05-04T10:00:00.123Z",
        "queue": {"queued": 2, "sending": 1, "in_doubt": 0},
        "pending_otps": 5,
        "modems": [{"name": "m1", "state": "ready", "reason": null, "advice": null}],
        "readiness": {"ready": true, "reasons": [], "warnings": []}
    })
}

/// The object with these members as well, or instead.
fn with(mut object: Value, more: Value) -> Value {
    if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
        object.extend(more);
    }
    object
}
