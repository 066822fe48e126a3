//! A plan as it is filed: the JSON language, field by field, with its defaults.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::amounts::{Amounts, Price};
use super::words::{
    Boundary, CrossingPart, DayWord, FreeMode, Grant, Outside, PriceForm, QuotaPer, Restart,
    Rounding, RoundingMode, TierClock, Trait,
};

/// The whole plan.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanFile {
    #[serde(default)]
    pub source: String,
    #[serde(default)]
    pub price_form: PriceForm,
    #[serde(default)]
    pub outside: Option<Outside>,
    #[serde(default)]
    pub free: Free,
    pub windows: Vec<WindowFile>,
    #[serde(default)]
    pub zones: BTreeMap<String, Vec<WindowFile>>,
    #[serde(default)]
    pub boundary: Boundary,
    #[serde(default)]
    pub crossing: Option<CrossingFile>,
    #[serde(default)]
    pub rounding: Rounding,
    #[serde(default)]
    pub tail_minutes: Option<i64>,
    #[serde(default)]
    pub tier_clock: TierClock,
    #[serde(default)]
    pub restart: Restart,
    #[serde(default)]
    pub caps: Caps,
    #[serde(default)]
    pub night_pack: Option<NightPackFile>,
    #[serde(default)]
    pub vehicles: Vehicles,
    #[serde(default)]
    pub exempt: Vec<Trait>,
    #[serde(default)]
    pub discounts: Vec<DiscountFile>,
    #[serde(default)]
    pub discount_rounding: DiscountRounding,
    #[serde(default = "coupons_max")]
    pub coupons_max: i64,
    #[serde(default)]
    pub longer_may_cost_less: bool,
    #[serde(default = "exit_grace_minutes")]
    pub exit_grace_minutes: i64,
}

const fn exit_grace_minutes() -> i64 {
    15
}

const fn coupons_max() -> i64 {
    8
}

const fn yes() -> bool {
    true
}

/// Free minutes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Free {
    #[serde(default)]
    pub minutes: i64,
    #[serde(default)]
    pub electric_minutes: Option<i64>,
    #[serde(default)]
    pub disabled_minutes: Option<i64>,
    #[serde(default)]
    pub mode: FreeMode,
    #[serde(default = "yes")]
    pub inclusive: bool,
    #[serde(default)]
    pub grant: Grant,
    #[serde(default)]
    pub quota: Option<QuotaFile>,
}

impl Default for Free {
    fn default() -> Self {
        Self {
            minutes: 0,
            electric_minutes: None,
            disabled_minutes: None,
            mode: FreeMode::default(),
            inclusive: true,
            grant: Grant::default(),
            quota: None,
        }
    }
}

/// How many visits of a car get the free minutes.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuotaFile {
    pub visits: i64,
    pub per: QuotaPer,
    #[serde(default)]
    pub then_minutes: i64,
}

/// A stay that has a short part on the other side of one edge is priced by the window of its entry.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrossingFile {
    pub minutes: i64,
    #[serde(default = "yes")]
    pub inclusive: bool,
    #[serde(default)]
    pub part: CrossingPart,
}

/// A part of the local day that is charged, on the days that it names.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowFile {
    pub name: String,
    #[serde(default)]
    pub days: Vec<DayWord>,
    #[serde(default)]
    pub season: Vec<SeasonFile>,
    pub from: String,
    pub to: String,
    #[serde(default)]
    pub tiers: Vec<TierFile>,
    #[serde(default)]
    pub steps: Vec<StepFile>,
    #[serde(default)]
    pub cap_fen: Option<Price>,
    #[serde(default)]
    pub counts: Option<CountsFile>,
}

/// From one day of the year to another, both included; over the year's end if `to` is earlier.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeasonFile {
    pub from: String,
    pub to: String,
}

/// A unit price up to some elapsed time.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TierFile {
    #[serde(default)]
    pub until_minutes: Option<i64>,
    pub unit_minutes: i64,
    pub price_fen: Price,
}

/// What a stay costs in all up to some elapsed time.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepFile {
    pub until_minutes: i64,
    pub total_fen: Price,
}

/// More than so many minutes of a window count as so many.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountsFile {
    pub over_minutes: i64,
    pub as_minutes: i64,
}

/// The most that is charged.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caps {
    #[serde(default)]
    pub natural_day_fen: Option<Amounts>,
    #[serde(default)]
    pub rolling_24h_fen: Option<Amounts>,
    #[serde(default)]
    pub across_visits: bool,
    #[serde(default)]
    pub uncapped: bool,
}

/// One price for a night spent wholly inside.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NightPackFile {
    pub name: String,
    pub enter_from: String,
    pub leave_by: String,
    pub unit_minutes: i64,
    pub price_fen: Price,
    pub max_units: i64,
    #[serde(default = "yes")]
    pub after_free: bool,
}

/// How the prices of a class relate to those of the tiers.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vehicles {
    #[serde(default)]
    pub small: Scale,
    #[serde(default)]
    pub medium: Scale,
    #[serde(default)]
    pub large: Scale,
    #[serde(default)]
    pub motorcycle: Scale,
    #[serde(default)]
    pub oversize: Scale,
    #[serde(default)]
    pub tricycle: Scale,
}

/// Exact multipliers in thousandths.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    #[serde(default = "one")]
    pub price_permille: i64,
    #[serde(default = "one")]
    pub cap_permille: i64,
}

const fn one() -> i64 {
    1_000
}

impl Default for Scale {
    fn default() -> Self {
        Self { price_permille: one(), cap_permille: one() }
    }
}

/// A part of the amount that some do not pay.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiscountFile {
    pub name: String,
    pub traits: Vec<Trait>,
    pub off_permille: i64,
}

/// How a discounted amount is rounded.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiscountRounding {
    #[serde(default = "one_fen")]
    pub to_fen: i64,
    #[serde(default)]
    pub mode: RoundingMode,
}

const fn one_fen() -> i64 {
    1
}

impl Default for DiscountRounding {
    fn default() -> Self {
        Self { to_fen: one_fen(), mode: RoundingMode::default() }
    }
}
