//! The query of a call that lists something: each parameter once, a page at a time.

use std::borrow::Cow;

use axum::extract::Query;
use axum::http::Uri;
use utoipa::IntoParams;

use crate::country;
use crate::phone::PhoneNumber;
use crate::store::{Cursor, Kind, PageSize};

use super::problem::Problem;

/// The parameters in their order; one that is there twice is refused.
pub(super) fn parameters(uri: &Uri) -> Result<Vec<(String, String)>, Problem> {
    let Ok(Query(pairs)) = Query::<Vec<(String, String)>>::try_from_uri(uri) else {
        return Err(Problem::invalid("", "the query cannot be read"));
    };
    match pairs.iter().enumerate().find(|(at, (name, _))| pairs[..*at].iter().any(|(before, _)| before == name)) {
        Some((_, (name, _))) => Err(Problem::invalid(name, "is there twice")),
        None => Ok(pairs),
    }
}

/// The parameters that ask for a page of a list, for the description of the API; [`limit`] and [`cursor`] read them.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only described by it")]
pub(super) struct Page {
    /// At most so many; default 50
    #[param(minimum = 1, maximum = 200, example = 50)]
    limit: Option<u8>,
    /// `next_cursor` of the page before
    #[param(pattern = "^c[1-9a-f][0-9a-f]{0,14}$", example = "c1f")]
    cursor: Option<String>,
}

/// What is asked of a call that takes nothing else.
pub(super) fn page(uri: &Uri) -> Result<(PageSize, Option<Cursor>), Problem> {
    let (mut size, mut behind) = (PageSize::default(), None);
    for (name, value) in parameters(uri)? {
        match name.as_str() {
            "limit" => size = limit(&value)?,
            "cursor" => behind = Some(cursor(&value)?),
            other => return Err(unknown(other)),
        }
    }
    Ok((size, behind))
}

pub(super) fn limit(value: &str) -> Result<PageSize, Problem> {
    let most = PageSize::LARGEST.get();
    let limit = value.parse().ok().and_then(PageSize::new);
    limit.ok_or_else(|| Problem::invalid("limit", format!("expected a whole number from 1 to {most}")))
}

pub(super) fn cursor(value: &str) -> Result<Cursor, Problem> {
    value.parse().map_err(|_| Problem::invalid("cursor", "expected the `next_cursor` of a page"))
}

/// The types of events that are named, by name or as `otp.*`.
pub(super) fn kinds(name: &str, value: &str) -> Result<Vec<Kind>, Problem> {
    Kind::matching(value).map_err(|unknown| {
        let unknown: String = unknown.chars().take(64).collect();
        Problem::invalid(name, format!("`{unknown}` is no type of event"))
    })
}

pub(super) fn number(name: &str, value: &str) -> Result<PhoneNumber, Problem> {
    let number = PhoneNumber::parse(&with_plus(value));
    number.map(country::as_one_number).map_err(|error| Problem::invalid(name, error.to_string()))
}

/// A `+` that was not escaped arrives as a space.
pub(super) fn with_plus(value: &str) -> Cow<'_, str> {
    value.strip_prefix(' ').map_or(Cow::Borrowed(value), |rest| Cow::Owned(format!("+{rest}")))
}

pub(super) fn unknown(name: &str) -> Problem {
    let name: String = name.chars().take(64).collect();
    Problem::invalid(name, "is not a parameter of this call")
}
