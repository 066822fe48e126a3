//! Prices a span of time under a plan, in whole seconds and whole fen.
//!
//! A plan is JSON. [`Plan::compile`] checks it once and refuses it with the path of the field and
//! the rule that it breaks; [`Plan::price`] then only ever refuses a span that makes no sense.
//! `docs/tariffs.md` is the guide to the language.

mod amounts;
mod audit;
mod benefits;
mod calendar;
mod check;
mod columns;
mod compile;
mod day;
mod file;
mod layout;
mod moments;
mod next;
mod price;
mod quick;
mod sink;
mod strip;
mod terms;
mod time;
mod walk;
mod words;

pub use audit::{Example, Finding, Severity};
pub use calendar::{Calendar, CalendarError, DayKind};
pub use columns::{ColumnError, Columns};
pub use compile::Plan;
pub use next::NextChange;
pub use terms::{COUPON_KINDS, Coupon, Override, PLAIN, Terms};
pub use time::{CALENDAR_DAYS, FIRST_S, LAST_S};
pub use words::{PriceForm, QuotaPer, TRAITS, Trait, Traits, VEHICLES, Vehicle};

/// A plan that cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {detail}")]
pub struct PlanError {
    /// JSON path of the guilty field, such as `windows[1].tiers[0].unit_minutes`; `.` is the root.
    pub field: String,
    /// Name of the broken rule; stable.
    pub rule: &'static str,
    /// What the rule asks for, for people.
    pub detail: String,
}

/// A span of time that no plan can price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {detail}")]
pub struct SpanError {
    /// The guilty field of the request.
    pub field: &'static str,
    /// Name of the broken rule; stable.
    pub rule: &'static str,
    /// What the rule asks for, for people.
    pub detail: &'static str,
}

/// What is to be priced; instants are epoch seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span<'terms> {
    /// When the car came.
    pub entered_s: i64,
    /// When it left, or the moment that the price is stated for.
    pub until_s: i64,
    /// Its class.
    pub vehicle: Vehicle,
    /// What earlier visits have used of a cap that spans visits.
    pub carry: Option<Carry>,
    /// What else decides.
    pub terms: &'terms Terms,
}

/// How far a cap that spans visits is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Carry {
    /// When the day or the 24 hours of the cap began.
    pub anchor_s: i64,
    /// What has been charged in them.
    pub charged_fen: i64,
}

/// Why a line has its amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Units of one tier inside one window.
    Tier,
    /// Free minutes, or time outside every window.
    Free,
    /// The part of a unit that is not charged.
    PartDropped,
    /// Time of a window beyond what it counts as.
    NotCounted,
    /// What a stretch inside a window costs less because of the window's cap.
    CapWindow,
    /// What a natural day costs less because of its cap.
    CapDay,
    /// What 24 hours cost less because of their cap.
    Cap24h,
    /// One price for a night spent wholly inside.
    NightPack,
    /// Whole days that cost what an equal day costs.
    Repeat,
    /// What an emergency instruction changes.
    Override,
    /// What a discount takes off.
    Discount,
    /// What a coupon takes off, or its minutes.
    Coupon,
    /// The car never pays.
    Exempt,
}

impl Rule {
    /// The rule's public name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tier => "tier",
            Self::Free => "free",
            Self::PartDropped => "part_dropped",
            Self::NotCounted => "not_counted",
            Self::CapWindow => "cap_window",
            Self::CapDay => "cap_day",
            Self::Cap24h => "cap_24h",
            Self::NightPack => "night_pack",
            Self::Repeat => "repeat",
            Self::Override => "override",
            Self::Discount => "discount",
            Self::Coupon => "coupon",
            Self::Exempt => "exempt",
        }
    }
}

/// One reason of an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'plan> {
    /// Name of the window, night pack or discount, where the line belongs to one.
    pub window: Option<&'plan str>,
    /// Why.
    pub rule: Rule,
    /// Where the line begins.
    pub from_s: i64,
    /// Where it ends.
    pub until_s: i64,
    /// How many units; for `repeat`, how many days.
    pub units: i64,
    /// Price of one unit; for `repeat`, of one day.
    pub unit_price_fen: i64,
    /// What the line adds, or, for a cap or a discount, takes away.
    pub amount_fen: i64,
}

/// A plan applied to a span of time. The lines add up to the amount exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote<'plan> {
    /// What is owed.
    pub amount_fen: i64,
    /// Why, in order of time; what follows from the whole amount stands last.
    pub lines: Vec<Line<'plan>>,
    /// What the car's next visit is told.
    pub carry: Option<Carry>,
}
