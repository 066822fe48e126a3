//! A model as it is kept: JSON, field by field. Prices are thousandths of a nat.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ModelError;
use super::symbol::{OTHER, symbol};

const BODY_BYTES_MAX: usize = 262_144;
const DETAIL_CHARS_MAX: usize = 200;
const NAME_CHARS_MAX: usize = 40;
const STEPS_MAX: usize = 32;
/// No price, prior, threshold or margin is larger.
pub(super) const MILLI_MAX: i32 = 30_000;
/// No learned count is larger; beyond it everything is halved.
pub(super) const COUNT_MAX: u32 = 100_000;

/// What reading an event costs: `-1000 ln P`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i32")]
pub(super) struct Cost(pub i32);

/// Evidence for or against a stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i32")]
pub(super) struct Milli(pub i32);

/// How often something was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u32")]
pub(super) struct Count(pub u32);

/// A character that stands on plates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "char", into = "char")]
pub(super) struct Sign(pub char);

impl TryFrom<i64> for Cost {
    type Error = String;

    fn try_from(value: i64) -> Result<Self, String> {
        within(value, 1, MILLI_MAX).map(Self)
    }
}

impl TryFrom<i64> for Milli {
    type Error = String;

    fn try_from(value: i64) -> Result<Self, String> {
        within(value, -MILLI_MAX, MILLI_MAX).map(Self)
    }
}

impl TryFrom<u64> for Count {
    type Error = String;

    fn try_from(value: u64) -> Result<Self, String> {
        let fits = u32::try_from(value).ok().filter(|&count| count <= COUNT_MAX);
        fits.map(Self).ok_or_else(|| format!("must be 0 to {COUNT_MAX}, not {value}"))
    }
}

impl TryFrom<char> for Sign {
    type Error = String;

    fn try_from(value: char) -> Result<Self, String> {
        let stands = symbol(value) != OTHER && value != 'I' && value != 'O';
        if stands { Ok(Self(value)) } else { Err(format!("{value:?} stands on no plate")) }
    }
}

impl From<Cost> for i32 {
    fn from(cost: Cost) -> Self {
        cost.0
    }
}

impl From<Milli> for i32 {
    fn from(milli: Milli) -> Self {
        milli.0
    }
}

impl From<Count> for u32 {
    fn from(count: Count) -> Self {
        count.0
    }
}

impl From<Sign> for char {
    fn from(sign: Sign) -> Self {
        sign.0
    }
}

fn within(value: i64, least: i32, most: i32) -> Result<i32, String> {
    let fits = i32::try_from(value).ok().filter(|value| (least..=most).contains(value));
    fits.ok_or_else(|| format!("must be {least} to {most}, not {value}"))
}

/// For each true character, something for each character that it was read as.
pub(super) type Table<T> = BTreeMap<Sign, BTreeMap<Sign, T>>;

/// The whole model.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelFile {
    pub name: String,
    pub version: u32,
    pub misread: Cost,
    pub look_alike: Table<Cost>,
    pub dissimilar: Dissimilar,
    pub missing: Missing,
    pub extra: Extra,
    pub background: Background,
    pub prior: Prior,
    pub threshold: Milli,
    pub margin: Cost,
    pub learned: Learned,
}

/// One character read as another that it does not look like.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dissimilar {
    pub serial: Cost,
    pub province: Cost,
    pub mark: Cost,
    pub unreadable: Cost,
}

/// Characters of the plate that the reading lacks.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Missing {
    pub tail: Cost,
    pub tail_again: Cost,
    pub middle: Cost,
    pub head: Cost,
    pub energy: Cost,
}

/// Characters of the reading that the plate lacks.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Extra {
    pub tail: Cost,
    pub tail_again: Cost,
    pub middle: Cost,
    pub double: Cost,
    pub energy: Cost,
}

/// How rare a reading is among cars that are not inside.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Background {
    pub digit: Cost,
    pub letter: Cost,
    pub mark: Cost,
    pub ordinary: [Cost; 3],
    pub energy_small: Cost,
    pub energy_large: Cost,
    pub rare: Cost,
    pub no_plate: Cost,
    pub prefixes: Count,
}

/// What else speaks for a stay or against it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Prior {
    pub stranger: Cost,
    pub color_same: Milli,
    pub color_alike: Milli,
    pub color_differs: Milli,
    pub vehicle_same: Milli,
    pub vehicle_differs: Milli,
    pub before_entry: Milli,
    pub stay: Vec<Step>,
    pub stay_longer: Milli,
}

/// The evidence of a stay that lasted less than this and no less than the step before.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    pub until_s: i64,
    pub milli: Milli,
}

/// What people's decisions have taught.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Learned {
    /// How many decisions the prior is worth.
    pub weight: Count,
    pub pairs: Count,
    pub seen: BTreeMap<Sign, Count>,
    pub read: Table<Count>,
    pub missing: Shapes,
    pub extra: Shapes,
}

/// How often characters were missing or extra, by place.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shapes {
    pub tail: Count,
    pub middle: Count,
    pub head: Count,
    pub double: Count,
    pub energy: Count,
}

pub(super) fn broken(field: &str, rule: &'static str, detail: &str) -> ModelError {
    let detail = detail.chars().take(DETAIL_CHARS_MAX).collect();
    ModelError { field: String::from(field), rule, detail }
}

/// Read the JSON; what serde cannot hold is refused by its path.
pub(super) fn parse(body: &str) -> Result<ModelFile, ModelError> {
    if body.len() > BODY_BYTES_MAX {
        let detail = format!("a model has at most {BODY_BYTES_MAX} bytes");
        return Err(broken(".", "size", &detail));
    }
    let mut reader = serde_json::Deserializer::from_str(body);
    let file: ModelFile = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let (path, inner) = (error.path().to_string(), error.inner());
        if inner.is_data() {
            broken(&path, "value", &inner.to_string())
        } else {
            broken(".", "json", &inner.to_string())
        }
    })?;
    reader.end().map_err(|error| broken(".", "json", &error.to_string()))?;
    checked(file)
}

fn checked(file: ModelFile) -> Result<ModelFile, ModelError> {
    let name_chars = file.name.chars().count();
    if !(1..=NAME_CHARS_MAX).contains(&name_chars) || file.name.chars().any(char::is_control) {
        return Err(broken(
            "name",
            "text",
            "must be 1 to 40 characters without control characters",
        ));
    }
    let steps = &file.prior.stay;
    if steps.len() > STEPS_MAX {
        return Err(broken("prior.stay", "count", "must have at most 32 steps"));
    }
    let rises = steps.iter().zip(steps.iter().skip(1)).all(|(a, b)| a.until_s < b.until_s);
    if !rises || steps.first().is_some_and(|step| step.until_s <= 0) {
        return Err(broken("prior.stay", "order", "each step must end later than the one before"));
    }
    if file.learned.weight.0 == 0 {
        return Err(broken("learned.weight", "value", "must be at least 1"));
    }
    Ok(file)
}
