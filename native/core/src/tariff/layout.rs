//! The windows of a plan or of one of its zones: their prices, and the days that they make.

use super::PlanError;
use super::amounts::{PerVehicle, Which, per_vehicle};
use super::calendar::{Calendar, Days};
use super::check::{broken, count, name, range};
use super::compile::{Cap, CapKind, PRICE_FEN_MAX, Period};
use super::day::{Schedule, schedules};
use super::file::{CountsFile, PlanFile, StepFile, TierFile, Vehicles, WindowFile};
use super::time::{DAY_S, MIDNIGHT_S, MINUTE_S};
use super::words::{Boundary, Restart, TierClock};

pub const WINDOWS_MAX: usize = 24;
const TIERS_MAX: usize = 16;
const DAY_MINUTES: i64 = 1_440;
const TIER_UNTIL_MINUTES_MAX: i64 = 10_080;
const TIER_REACH_DAYS_MAX: i64 = 31;

/// The windows and days of a plan, compiled.
#[derive(Debug)]
pub struct Layout {
    pub windows: Vec<Window>,
    pub schedules: Vec<Schedule>,
    pub days: Days,
    pub period: Period,
    /// Elapsed time beyond which every window is in its open tier.
    pub settled_s: i64,
}

#[derive(Debug)]
pub struct Window {
    pub name: String,
    pub tiers: Vec<Tier>,
    pub cap_fen: Option<PerVehicle>,
    pub counts: Option<Counts>,
}

#[derive(Debug)]
pub struct Tier {
    pub until_s: i64,
    pub unit_s: i64,
    pub price_fen: PerVehicle,
}

/// More than so much time counts as so much.
#[derive(Debug, Clone, Copy)]
pub struct Counts {
    pub over_s: i64,
    pub as_s: i64,
}

impl Layout {
    pub fn compile(
        field: &str,
        given: &[WindowFile],
        (file, cap): (&PlanFile, &Cap),
        calendar: &Calendar,
    ) -> Result<Self, PlanError> {
        count(field, given, 0..=WINDOWS_MAX)?;
        let compiled = given
            .iter()
            .enumerate()
            .map(|(index, window)| Window::compile(&format!("{field}[{index}]"), window, file));
        let windows = compiled.collect::<Result<Vec<_>, _>>()?;
        let (schedules, days) = schedules(field, given, calendar)?;
        let settled_s = settled_s(&windows);
        check_reach(field, file.restart, &schedules, settled_s)?;
        let period = period(cap, file.restart, &schedules)
            .ok_or_else(|| days_of_different_kinds(field, "an edge that every kind of day has"))?;
        let layout = Self { windows, schedules, days, period, settled_s };
        layout.check_days(field, (file, cap))?;
        Ok(layout)
    }

    /// Days of different kinds must not depend on each other's clocks: only then can long stays
    /// be priced by counting days.
    fn check_days(&self, field: &str, (file, cap): (&PlanFile, &Cap)) -> Result<(), PlanError> {
        if self.days.are_alike() {
            return Ok(());
        }
        let natural = cap.kind == CapKind::NaturalDay;
        let by_24h = cap.kind == CapKind::Rolling24h;
        if (file.restart == Restart::Every24h && natural)
            || (file.restart == Restart::EveryDay && by_24h)
        {
            let detail = "tiers that restart when the time of the cap ends, or never";
            return Err(days_of_different_kinds("restart", detail));
        }
        if file.restart == Restart::Never && file.tier_clock == TierClock::Window {
            let over_midnight = self.schedules.iter().any(|one| {
                let last = one.last_window();
                last.is_some() && self.schedules.iter().any(|next| next.first_window() == last)
            });
            if by_24h || (natural && over_midnight) {
                let detail = "a restart, so that no window's clock runs from one into the next";
                return Err(days_of_different_kinds(field, detail));
            }
        }
        Ok(())
    }

    /// The schedule of a class of days.
    #[inline]
    pub fn schedule(&self, class: usize) -> Option<&Schedule> {
        self.schedules.get(class)
    }
}

fn days_of_different_kinds(field: &str, needed: &str) -> PlanError {
    broken(field, "days_apart", format!("days of different kinds need {needed}"))
}

impl Window {
    fn compile(field: &str, window: &WindowFile, file: &PlanFile) -> Result<Self, PlanError> {
        name(&format!("{field}.name"), &window.name)?;
        let cap_field = format!("{field}.cap_fen");
        let cap = |price| {
            per_vehicle(
                &cap_field,
                price,
                &file.vehicles,
                (Which::Cap, super::compile::CAP_FEN_MAX),
            )
        };
        Ok(Self {
            name: window.name.clone(),
            tiers: tiers_or_steps(field, window, file)?,
            cap_fen: window.cap_fen.map(cap).transpose()?,
            counts: window.counts.map(|given| counts(field, given, file.boundary)).transpose()?,
        })
    }
}

fn counts(field: &str, given: CountsFile, boundary: Boundary) -> Result<Counts, PlanError> {
    let field = format!("{field}.counts");
    if boundary != Boundary::Split {
        return Err(broken(field, "counts_split", "needs units that end at the edge of a window"));
    }
    let minutes =
        |name, value| Ok(range(&format!("{field}.{name}"), value, 1..=DAY_MINUTES)? * MINUTE_S);
    Ok(Counts {
        over_s: minutes("over_minutes", given.over_minutes)?,
        as_s: minutes("as_minutes", given.as_minutes)?,
    })
}

fn tiers_or_steps(
    field: &str,
    window: &WindowFile,
    file: &PlanFile,
) -> Result<Vec<Tier>, PlanError> {
    match (window.tiers.is_empty(), window.steps.is_empty()) {
        (false, true) => tiers(&format!("{field}.tiers"), &window.tiers, &file.vehicles),
        (true, false) => steps(&format!("{field}.steps"), &window.steps, file),
        (true, true) => Err(broken(field, "tiers_or_steps", "needs tiers or steps")),
        (false, false) => Err(broken(field, "tiers_or_steps", "has tiers or steps, not both")),
    }
}

fn tiers(field: &str, given: &[TierFile], vehicles: &Vehicles) -> Result<Vec<Tier>, PlanError> {
    count(field, given, 1..=TIERS_MAX)?;
    let mut before_minutes = 0;
    let mut tiers = Vec::with_capacity(given.len());
    for (index, tier) in given.iter().enumerate() {
        let field = format!("{field}[{index}]");
        let price_field = format!("{field}.price_fen");
        let unit_field = format!("{field}.unit_minutes");
        let unit_minutes = range(&unit_field, tier.unit_minutes, 1..=DAY_MINUTES)?;
        let price_fen =
            per_vehicle(&price_field, tier.price_fen, vehicles, (Which::Price, PRICE_FEN_MAX))?;
        let is_last = index + 1 == given.len();
        let until_s = tier_until_s(&field, tier, before_minutes, is_last)?;
        before_minutes = tier.until_minutes.unwrap_or(before_minutes);
        tiers.push(Tier { until_s, unit_s: unit_minutes * MINUTE_S, price_fen });
    }
    Ok(tiers)
}

fn tier_until_s(
    field: &str,
    tier: &TierFile,
    before_minutes: i64,
    is_last: bool,
) -> Result<i64, PlanError> {
    let field = format!("{field}.until_minutes");
    let Some(until_minutes) = tier.until_minutes.filter(|_| !is_last) else {
        return if is_last && tier.until_minutes.is_none() {
            Ok(i64::MAX)
        } else {
            Err(broken(field, "tier_open_end", "the last tier, and no other, has no end"))
        };
    };
    range(&field, until_minutes, 1..=TIER_UNTIL_MINUTES_MAX)?;
    if until_minutes <= before_minutes {
        return Err(broken(field, "tier_order", "must be later than the end of the tier before"));
    }
    if (until_minutes - before_minutes) % tier.unit_minutes != 0 {
        return Err(broken(field, "tier_whole_units", "a tier must hold a whole number of units"));
    }
    Ok(until_minutes * MINUTE_S)
}

/// Steps are tiers of one unit each, at what the total rises by.
fn steps(field: &str, given: &[StepFile], file: &PlanFile) -> Result<Vec<Tier>, PlanError> {
    count(field, given, 1..=TIERS_MAX)?;
    let mut tiers = Vec::with_capacity(given.len());
    let (mut before_minutes, mut before) = (0, PerVehicle::NOTHING);
    for (index, step) in given.iter().enumerate() {
        let field = format!("{field}[{index}]");
        let until_field = format!("{field}.until_minutes");
        let until_minutes = range(&until_field, step.until_minutes, 1..=DAY_MINUTES)?;
        if until_minutes <= before_minutes {
            let detail = "must be later than the end of the step before";
            return Err(broken(until_field, "tier_order", detail));
        }
        let total_field = format!("{field}.total_fen");
        let most = (Which::Price, PRICE_FEN_MAX);
        let total = per_vehicle(&total_field, step.total_fen, &file.vehicles, most)?;
        let price_fen = total
            .minus(&before)
            .ok_or_else(|| broken(&total_field, "step_falls", "must not be less than before"))?;
        let unit_s = (until_minutes - before_minutes) * MINUTE_S;
        tiers.push(Tier { until_s: until_minutes * MINUTE_S, unit_s, price_fen });
        (before_minutes, before) = (until_minutes, total);
    }
    if before_minutes != DAY_MINUTES || file.restart == Restart::Never {
        let detail = "steps must reach 1440 minutes, and tiers restart every_24h or every_day";
        return Err(broken(field, "steps_day", detail));
    }
    if let Some(last) = tiers.last_mut() {
        last.until_s = i64::MAX;
    }
    Ok(tiers)
}

fn settled_s(windows: &[Window]) -> i64 {
    let ends = windows.iter().flat_map(|window| &window.tiers).map(|tier| tier.until_s);
    ends.filter(|&until_s| until_s < i64::MAX).max().unwrap_or(0)
}

/// A tier that takes months of parking to reach would make long stays slow and long to explain.
fn check_reach(
    field: &str,
    restart: Restart,
    schedules: &[Schedule],
    settled_s: i64,
) -> Result<(), PlanError> {
    let charged = schedules.iter().map(Schedule::charged_s).filter(|&s| s > 0);
    let charged_s = charged.min().unwrap_or(0);
    if restart == Restart::Never && settled_s > charged_s * TIER_REACH_DAYS_MAX {
        let detail = format!("every tier must be reached within {TIER_REACH_DAYS_MAX} days");
        return Err(broken(field, "tier_reach", detail));
    }
    Ok(())
}

/// How long stays are cut; none if days of different kinds share no edge to cut them at.
fn period(cap: &Cap, restart: Restart, schedules: &[Schedule]) -> Option<Period> {
    match (cap.kind, restart) {
        (CapKind::Rolling24h, _) | (CapKind::None, Restart::Every24h) => Some(Period::Cycle),
        (CapKind::NaturalDay, _) | (CapKind::None, Restart::EveryDay) => {
            Some(Period::Local(MIDNIGHT_S))
        }
        (CapKind::None, Restart::Never) => unbroken_period(schedules),
    }
}

fn unbroken_period(schedules: &[Schedule]) -> Option<Period> {
    let first = schedules.first()?;
    if schedules.len() == 1 && first.is_whole() {
        return Some(Period::Whole);
    }
    if !schedules.iter().any(|one| {
        let goes_on = |next: &Schedule| next.first_window() == one.last_window();
        schedules.iter().any(goes_on)
    }) {
        return Some(Period::Local(MIDNIGHT_S));
    }
    let edges = first.pieces().iter().map(|piece| piece.start_s);
    let shared = |&edge_s: &i64| schedules.iter().all(|day| day.has_edge(edge_s));
    edges
        .filter(|edge_s| (1..DAY_S).contains(edge_s))
        .find(shared)
        .map(|s| Period::Local(MIDNIGHT_S + s))
}
