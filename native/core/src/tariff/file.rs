//! A plan as it is filed: the JSON language, field by field, with its defaults.

use serde::Deserialize;

/// The whole plan.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanFile {
    #[serde(default)]
    pub source: String,
    #[serde(default)]
    pub price_form: PriceForm,
    #[serde(default)]
    pub free: Free,
    pub windows: Vec<WindowFile>,
    #[serde(default, rename = "boundary")]
    pub _boundary: Boundary,
    #[serde(default, rename = "rounding")]
    pub _rounding: Rounding,
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
    #[serde(default = "exit_grace_minutes")]
    pub exit_grace_minutes: i64,
}

const fn exit_grace_minutes() -> i64 {
    15
}

/// Who sets the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceForm {
    /// 政府定价
    GovernmentFixed,
    /// 政府指导价
    GovernmentGuided,
    /// 市场调节价
    #[default]
    Market,
}

impl PriceForm {
    /// The form's public name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GovernmentFixed => "government_fixed",
            Self::GovernmentGuided => "government_guided",
            Self::Market => "market",
        }
    }
}

/// Free minutes at the start of a stay.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Free {
    #[serde(default)]
    pub minutes: i64,
    #[serde(default)]
    pub mode: FreeMode,
    #[serde(default, rename = "grant")]
    pub _grant: Grant,
}

/// What becomes of the free minutes of a stay that is longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FreeMode {
    /// 扣除: they are taken off; time is billed from their end.
    #[default]
    Deduct,
    /// 计入: they are billed as well.
    Absorb,
}

/// How often the free minutes are given.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    #[default]
    Stay,
}

/// Where units end early.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Boundary {
    #[default]
    Split,
}

/// What a part of a unit costs.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    #[default]
    Up,
}

/// What the elapsed time of the tiers counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TierClock {
    /// Billed time of the stay, whichever window it lay in.
    #[default]
    Stay,
    /// Billed time since the window began.
    Window,
}

/// When the tiers begin again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum Restart {
    /// Not within a stay.
    #[serde(rename = "never")]
    Never,
    /// 24 hours after entry, and so on.
    #[default]
    #[serde(rename = "every_24h")]
    Every24h,
    /// At local midnight.
    #[serde(rename = "every_day")]
    EveryDay,
}

/// A part of the local day that is charged.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowFile {
    pub name: String,
    pub from: String,
    pub to: String,
    pub tiers: Vec<TierFile>,
}

/// A unit price up to some elapsed time.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TierFile {
    #[serde(default)]
    pub until_minutes: Option<i64>,
    pub unit_minutes: i64,
    pub price_fen: i64,
}

/// The most that is charged.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caps {
    #[serde(default)]
    pub natural_day_fen: Option<i64>,
    #[serde(default)]
    pub rolling_24h_fen: Option<i64>,
    #[serde(default)]
    pub across_visits: bool,
}

/// One price for a night spent wholly inside.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NightPackFile {
    pub name: String,
    pub enter_from: String,
    pub leave_by: String,
    pub unit_minutes: i64,
    pub price_fen: i64,
    pub max_units: i64,
    #[serde(default = "yes")]
    pub after_free: bool,
}

const fn yes() -> bool {
    true
}

/// Class of a vehicle as a tariff sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vehicle {
    /// 小型车
    Small,
    /// 中型车
    Medium,
    /// 大型车
    Large,
    /// 摩托车
    Motorcycle,
}

impl Vehicle {
    /// Read the class by its public name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "small" => Some(Self::Small),
            "medium" => Some(Self::Medium),
            "large" => Some(Self::Large),
            "motorcycle" => Some(Self::Motorcycle),
            _ => None,
        }
    }
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
