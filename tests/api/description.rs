//! The description of the API, as a judge: whether a value is what a schema says, and whether an answer is one that its
//! call describes. Knows as much of JSON Schema as the description uses, and panics at more.
//!
//! The description is that of the snapshot, which a test compares with what is served.

use std::sync::LazyLock;

use hyper::Method;
use regex_lite::Regex;
use serde_json::Value;

use super::Reply;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let snapshot = include_str!("../http/snapshots/http__openapi__openapi.snap");
    let (_, document) = snapshot.trim_start_matches("---\n").split_once("\n---\n").unwrap();
    serde_json::from_str(document).unwrap()
});

/// Whether the answer to this request is described; what is asked of no call of the API is not looked at.
pub(crate) fn judge(method: &Method, path: &str, reply: &Reply) {
    let path = path.split('?').next().unwrap_or(path);
    let Some(call) = call(path).and_then(|calls| calls.get(method.as_str().to_ascii_lowercase())) else { return };
    let status = reply.status.as_str();
    let Some(answer) = call["responses"].get(status) else { panic!("{method} {path}: {status} is not described") };
    let kind = reply.header("content-type").split(';').next().unwrap_or_default();
    let Some(contents) = answer["content"].as_object() else {
        assert!(reply.body.is_empty(), "{method} {path}: a body of {status} is not described");
        return;
    };
    let content = contents.iter().find(|(described, _)| described.split(';').next() == Some(kind));
    let Some((_, content)) = content else { panic!("{method} {path}: {status} is {kind}, which is not described") };
    if kind.ends_with("json")
        && let Err(fault) = fits(&content["schema"], &reply.json())
    {
        panic!("{method} {path}: {status} is not as it is described: {fault}: {}", reply.json());
    }
}

/// The calls of this path.
fn call(path: &str) -> Option<&'static Value> {
    let is_it = |described: &str| {
        let (described, asked) = (described.split('/'), path.split('/'));
        described.clone().count() == asked.clone().count()
            && described.zip(asked).all(|(described, asked)| described.starts_with('{') || described == asked)
    };
    let mut found: Vec<_> = DOCUMENT["paths"].as_object().unwrap().iter().filter(|(path, _)| is_it(path)).collect();
    // `/v1/otp/verify` is not the otp `verify`.
    found.sort_by_key(|(path, _)| path.contains('{'));
    found.first().map(|(_, calls)| *calls)
}

/// Whether the schema of this name takes the value.
///
/// # Errors
/// What does not fit, and where.
pub(crate) fn fits_named(name: &str, value: &Value) -> Result<(), String> {
    fits(&DOCUMENT["components"]["schemas"][name], value)
}

/// Whether the schema takes the value.
///
/// # Errors
/// What does not fit, and where.
pub(crate) fn fits(schema: &Value, value: &Value) -> Result<(), String> {
    let members = schema.as_object().unwrap_or_else(|| panic!("{schema} is no schema"));
    for (keyword, rule) in members {
        let is_kept = match keyword.as_str() {
            "description" | "example" | "examples" | "default" | "title" => true,
            "$ref" => {
                let name = rule.as_str().and_then(|name| name.strip_prefix("#/components/schemas/")).unwrap();
                fits_named(name, value).map_err(|fault| format!("{name}: {fault}"))?;
                true
            }
            "type" => each(rule).any(|name| is_of(name, value)),
            "enum" => each(rule).any(|one| one == value),
            "oneOf" => each(rule).filter(|one| fits(one, value).is_ok()).count() == 1,
            "anyOf" => each(rule).any(|one| fits(one, value).is_ok()),
            "allOf" => {
                each(rule).try_for_each(|one| fits(one, value))?;
                true
            }
            "format" => is_formatted(rule.as_str().unwrap(), value),
            "pattern" => value.as_str().is_none_or(|text| matches(rule, text)),
            "minLength" => value.as_str().is_none_or(|text| rule.as_u64().unwrap() <= text.chars().count() as u64),
            "maxLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 <= rule.as_u64().unwrap()),
            "minimum" => value.as_f64().is_none_or(|number| rule.as_f64().unwrap() <= number),
            "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
            "maxProperties" => value.as_object().is_none_or(|object| object.len() as u64 <= rule.as_u64().unwrap()),
            "required" => each(rule).all(|name| value.get(name.as_str().unwrap()).is_some()),
            "items" => {
                each_item(value)
                    .try_for_each(|(at, item)| fits(rule, item).map_err(|fault| format!("[{at}]{fault}")))?;
                true
            }
            "propertyNames" => value
                .as_object()
                .is_none_or(|object| object.keys().all(|name| fits(rule, &name.as_str().into()).is_ok())),
            "properties" | "additionalProperties" => {
                fits_members(members, value)?;
                true
            }
            other => panic!("{other} is not known here"),
        };
        if !is_kept {
            return Err(format!(": {value} against {keyword} {rule}"));
        }
    }
    Ok(())
}

fn fits_members(schema: &serde_json::Map<String, Value>, value: &Value) -> Result<(), String> {
    let others = schema.get("additionalProperties");
    for (name, member) in value.as_object().into_iter().flatten() {
        let fault = |fault: String| format!(".{name}{fault}");
        match (schema.get("properties").and_then(|named| named.get(name)), others) {
            (Some(rule), _) => fits(rule, member).map_err(fault)?,
            (None, Some(Value::Bool(false))) => return Err(fault(" is not described".to_owned())),
            (None, Some(rule @ Value::Object(_))) => fits(rule, member).map_err(fault)?,
            (None, _) => {}
        }
    }
    Ok(())
}

/// The values of a list, or the one there is.
fn each(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().map_or(std::slice::from_ref(list), Vec::as_slice).iter()
}

fn each_item(value: &Value) -> impl Iterator<Item = (usize, &Value)> {
    value.as_array().into_iter().flatten().enumerate()
}

fn is_of(name: &Value, value: &Value) -> bool {
    match name.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type"),
    }
}

fn is_formatted(format: &str, value: &Value) -> bool {
    let Some(text) = value.as_str() else { return true };
    match format {
        "date-time" => text.parse::<jiff::Timestamp>().is_ok(),
        "date" => text.parse::<jiff::civil::Date>().is_ok(),
        "ipv4" => text.parse::<std::net::Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<std::net::Ipv6Addr>().is_ok(),
        other => panic!("{other} is no format for a text that is known here"),
    }
}

/// Whether the pattern, which is written for JavaScript, is found in the text.
fn matches(pattern: &Value, text: &str) -> bool {
    Regex::new(pattern.as_str().unwrap()).unwrap_or_else(|error| panic!("{pattern}: {error}")).is_match(text)
}
