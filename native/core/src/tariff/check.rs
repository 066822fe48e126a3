//! The checks that every part of a plan goes through; each names the field and the rule.

use std::fmt::Display;
use std::ops::RangeInclusive;

use super::PlanError;
use super::file::PlanFile;
use super::time;

const BODY_BYTES_MAX: usize = 65_536;
const DETAIL_CHARS_MAX: usize = 200;
const NAME_CHARS_MAX: usize = 40;

/// Build the refusal of one field.
pub fn broken(field: impl Display, rule: &'static str, detail: impl Display) -> PlanError {
    PlanError {
        field: field.to_string(),
        rule,
        detail: detail.to_string().chars().take(DETAIL_CHARS_MAX).collect(),
    }
}

/// Read the JSON, refusing unknown fields and wrong types by their path.
pub fn parse(body: &str) -> Result<PlanFile, PlanError> {
    if body.len() > BODY_BYTES_MAX {
        return Err(broken(".", "size", format!("a plan has at most {BODY_BYTES_MAX} bytes")));
    }
    let mut reader = serde_json::Deserializer::from_str(body);
    let file: PlanFile = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let inner = error.inner();
        if inner.is_data() {
            broken(error.path(), "shape", inner)
        } else {
            broken(".", "json", inner)
        }
    })?;
    reader.end().map_err(|error| broken(".", "json", error))?;
    Ok(file)
}

/// A whole number within its bounds.
pub fn range(field: &str, value: i64, bounds: RangeInclusive<i64>) -> Result<i64, PlanError> {
    if bounds.contains(&value) {
        return Ok(value);
    }
    let detail = format!("must be {} to {}, not {value}", bounds.start(), bounds.end());
    Err(broken(field, "range", detail))
}

/// A list with a bounded number of entries.
pub fn count<T>(field: &str, list: &[T], bounds: RangeInclusive<usize>) -> Result<(), PlanError> {
    if bounds.contains(&list.len()) {
        return Ok(());
    }
    let detail =
        format!("must have {} to {} entries, not {}", bounds.start(), bounds.end(), list.len());
    Err(broken(field, "count", detail))
}

/// A name that people read.
pub fn name(field: &str, text: &str) -> Result<(), PlanError> {
    let fits = (1..=NAME_CHARS_MAX).contains(&text.chars().count());
    if fits && !text.chars().any(char::is_control) {
        return Ok(());
    }
    let detail = format!("must be 1 to {NAME_CHARS_MAX} characters without control characters");
    Err(broken(field, "text", detail))
}

/// A time of day as seconds.
pub fn clock(field: &str, text: &str) -> Result<i64, PlanError> {
    time::parse_clock(text)
        .ok_or_else(|| broken(field, "time_of_day", "must be HH:MM between 00:00 and 24:00"))
}
