//! From a filed plan to one that can be priced: checked once, true for ever after.

use super::PlanError;
use super::check::{broken, clock, count, name, parse, range, scaled};
use super::day::{Piece, pieces};
use super::file::{
    Caps, FreeMode, NightPackFile, PlanFile, PriceForm, Restart, Scale, TierClock, TierFile,
    Vehicle, Vehicles,
};
use super::time::{DAY_S, MIDNIGHT_S, MINUTE_S};

const WINDOWS_MAX: usize = 24;
const TIERS_MAX: usize = 12;
const DAY_MINUTES: i64 = 1_440;
const TIER_UNTIL_MINUTES_MAX: i64 = 10_080;
const TIER_REACH_DAYS_MAX: i64 = 31;
const PRICE_FEN_MAX: i64 = 1_000_000;
const CAP_FEN_MAX: i64 = 100_000_000;
const PERMILLE_MAX: i64 = 10_000;
const GRACE_MINUTES_MAX: i64 = 120;
const PACK_UNITS_MAX: i64 = 1_440;
const SOURCE_CHARS_MAX: usize = 500;

/// A compiled plan. It cannot be changed and every span of sense has a price under it.
#[derive(Debug)]
pub struct Plan {
    pub(super) price_form: PriceForm,
    pub(super) exit_grace_s: i64,
    pub(super) free_s: i64,
    pub(super) free_mode: FreeMode,
    pub(super) tier_clock: TierClock,
    pub(super) restart: Restart,
    pub(super) cap: Cap,
    pub(super) across_visits: bool,
    pub(super) period: Period,
    pub(super) windows: Vec<Window>,
    pub(super) pieces: Vec<Piece>,
    pub(super) night_pack: Option<NightPack>,
    /// Elapsed time beyond which every window is in its open tier.
    pub(super) settled_s: i64,
}

/// One amount for each vehicle class.
#[derive(Debug, Clone, Copy)]
pub struct PerVehicle {
    small: i64,
    medium: i64,
    large: i64,
    motorcycle: i64,
}

impl PerVehicle {
    pub const fn of(&self, vehicle: Vehicle) -> i64 {
        match vehicle {
            Vehicle::Small => self.small,
            Vehicle::Medium => self.medium,
            Vehicle::Large => self.large,
            Vehicle::Motorcycle => self.motorcycle,
        }
    }
}

#[derive(Debug)]
pub enum Cap {
    None,
    NaturalDay(PerVehicle),
    Rolling24h(PerVehicle),
}

/// How a long stay is cut into spans of 24 hours of which equal ones are multiplied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// From the anchor of the stay.
    Cycle,
    /// From an instant of the local day, at which units end anyhow.
    Local(i64),
    /// Not at all: one unbroken window, whose open tier is multiplied by itself.
    Whole,
}

#[derive(Debug)]
pub struct Window {
    pub name: String,
    pub tiers: Vec<Tier>,
}

#[derive(Debug)]
pub struct Tier {
    pub until_s: i64,
    pub unit_s: i64,
    pub price_fen: PerVehicle,
}

#[derive(Debug)]
pub struct NightPack {
    pub name: String,
    pub enter_from_s: i64,
    pub length_s: i64,
    pub unit_s: i64,
    pub price_fen: PerVehicle,
    pub max_units: i64,
    pub after_free: bool,
}

impl Plan {
    /// Read, check and compile a plan.
    ///
    /// # Errors
    /// A [`PlanError`] for the first field that breaks a rule.
    pub fn compile(body: &str) -> Result<Self, PlanError> {
        let file = parse(body)?;
        check_source(&file.source)?;
        check_scales(&file.vehicles)?;
        let windows = windows(&file)?;
        let pieces = pieces(&file.windows)?;
        let cap = cap(&file.caps, &file.vehicles)?;
        let settled_s = settled_s(&windows);
        check_reach(&file, &pieces, settled_s)?;
        Ok(Self {
            price_form: file.price_form,
            exit_grace_s: minutes(
                "exit_grace_minutes",
                file.exit_grace_minutes,
                GRACE_MINUTES_MAX,
            )?,
            free_s: minutes("free.minutes", file.free.minutes, DAY_MINUTES)?,
            free_mode: file.free.mode,
            tier_clock: file.tier_clock,
            restart: file.restart,
            night_pack: night_pack(&file, &cap)?,
            across_visits: file.caps.across_visits,
            period: period(&cap, file.restart, &pieces),
            cap,
            windows,
            pieces,
            settled_s,
        })
    }

    /// How long after paying a car may leave, in seconds.
    #[must_use]
    pub const fn exit_grace_s(&self) -> i64 {
        self.exit_grace_s
    }

    /// Who set the price.
    #[must_use]
    pub const fn price_form(&self) -> PriceForm {
        self.price_form
    }
}

fn minutes(field: &str, value: i64, most: i64) -> Result<i64, PlanError> {
    Ok(range(field, value, 0..=most)? * MINUTE_S)
}

fn check_source(source: &str) -> Result<(), PlanError> {
    let fits = source.chars().count() <= SOURCE_CHARS_MAX;
    if fits && !source.chars().any(char::is_control) {
        return Ok(());
    }
    let detail = format!("must be at most {SOURCE_CHARS_MAX} characters, none of control");
    Err(broken("source", "text", detail))
}

fn check_scales(vehicles: &Vehicles) -> Result<(), PlanError> {
    for (class, scale) in each(vehicles) {
        let field = |what| format!("vehicles.{class}.{what}");
        range(&field("price_permille"), scale.price_permille, 0..=PERMILLE_MAX)?;
        range(&field("cap_permille"), scale.cap_permille, 0..=PERMILLE_MAX)?;
    }
    Ok(())
}

const fn each(vehicles: &Vehicles) -> [(&'static str, Scale); 4] {
    [
        ("small", vehicles.small),
        ("medium", vehicles.medium),
        ("large", vehicles.large),
        ("motorcycle", vehicles.motorcycle),
    ]
}

fn prices(field: &str, fen: i64, vehicles: &Vehicles) -> Result<PerVehicle, PlanError> {
    let price = |scale: Scale| scaled(field, fen, scale.price_permille);
    per_vehicle(vehicles, price)
}

fn per_vehicle(
    vehicles: &Vehicles,
    amount: impl Fn(Scale) -> Result<i64, PlanError>,
) -> Result<PerVehicle, PlanError> {
    Ok(PerVehicle {
        small: amount(vehicles.small)?,
        medium: amount(vehicles.medium)?,
        large: amount(vehicles.large)?,
        motorcycle: amount(vehicles.motorcycle)?,
    })
}

fn windows(file: &PlanFile) -> Result<Vec<Window>, PlanError> {
    count("windows", &file.windows, 0..=WINDOWS_MAX)?;
    let compiled = file.windows.iter().enumerate().map(|(index, window)| {
        let field = format!("windows[{index}]");
        name(&format!("{field}.name"), &window.name)?;
        let tiers = tiers(&format!("{field}.tiers"), &window.tiers, &file.vehicles)?;
        Ok(Window { name: window.name.clone(), tiers })
    });
    compiled.collect()
}

fn tiers(field: &str, given: &[TierFile], vehicles: &Vehicles) -> Result<Vec<Tier>, PlanError> {
    count(field, given, 1..=TIERS_MAX)?;
    let mut before_minutes = 0;
    let mut tiers = Vec::with_capacity(given.len());
    for (index, tier) in given.iter().enumerate() {
        let field = format!("{field}[{index}]");
        let unit_field = format!("{field}.unit_minutes");
        let price_field = format!("{field}.price_fen");
        let unit_minutes = range(&unit_field, tier.unit_minutes, 1..=DAY_MINUTES)?;
        range(&price_field, tier.price_fen, 0..=PRICE_FEN_MAX)?;
        let is_last = index + 1 == given.len();
        let until_s = tier_until_s(&field, tier, before_minutes, is_last)?;
        before_minutes = tier.until_minutes.unwrap_or(before_minutes);
        let price_fen = prices(&price_field, tier.price_fen, vehicles)?;
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

fn cap(caps: &Caps, vehicles: &Vehicles) -> Result<Cap, PlanError> {
    let amounts = |field: &str, fen: i64| {
        range(field, fen, 0..=CAP_FEN_MAX)?;
        per_vehicle(vehicles, |scale| scaled(field, fen, scale.cap_permille))
    };
    if caps.across_visits && caps.rolling_24h_fen.is_none() {
        let detail = "only a rolling cap spans visits; give caps.rolling_24h_fen";
        return Err(broken("caps.across_visits", "cap_across_visits", detail));
    }
    match (caps.natural_day_fen, caps.rolling_24h_fen) {
        (None, None) => Ok(Cap::None),
        (Some(fen), None) => Ok(Cap::NaturalDay(amounts("caps.natural_day_fen", fen)?)),
        (None, Some(fen)) => Ok(Cap::Rolling24h(amounts("caps.rolling_24h_fen", fen)?)),
        (Some(_), Some(_)) => {
            Err(broken("caps", "cap_one", "a plan has a cap per natural day or per 24 hours"))
        }
    }
}

fn night_pack(file: &PlanFile, cap: &Cap) -> Result<Option<NightPack>, PlanError> {
    let Some(pack) = &file.night_pack else { return Ok(None) };
    if file.caps.across_visits {
        let detail = "a night pack is priced apart from a cap that spans visits";
        return Err(broken("night_pack", "night_pack_visits", detail));
    }
    name("night_pack.name", &pack.name)?;
    let (enter_from_s, length_s) = night(pack)?;
    let unit_minutes = range("night_pack.unit_minutes", pack.unit_minutes, 1..=DAY_MINUTES)?;
    range("night_pack.price_fen", pack.price_fen, 0..=PRICE_FEN_MAX)?;
    let compiled = NightPack {
        name: pack.name.clone(),
        enter_from_s,
        length_s,
        unit_s: unit_minutes * MINUTE_S,
        price_fen: prices("night_pack.price_fen", pack.price_fen, &file.vehicles)?,
        max_units: range("night_pack.max_units", pack.max_units, 1..=PACK_UNITS_MAX)?,
        after_free: pack.after_free,
    };
    check_pack_under_cap(&compiled, cap)?;
    Ok(Some(compiled))
}

fn night(pack: &NightPackFile) -> Result<(i64, i64), PlanError> {
    let enter_from_s = clock("night_pack.enter_from", &pack.enter_from)?.rem_euclid(DAY_S);
    let leave_by_s = clock("night_pack.leave_by", &pack.leave_by)?;
    let length_s = (leave_by_s - enter_from_s).rem_euclid(DAY_S);
    if length_s == 0 {
        let detail = "must differ from night_pack.enter_from";
        return Err(broken("night_pack.leave_by", "window_empty", detail));
    }
    Ok((enter_from_s, length_s))
}

fn check_pack_under_cap(pack: &NightPack, cap: &Cap) -> Result<(), PlanError> {
    let (Cap::NaturalDay(cap_fen) | Cap::Rolling24h(cap_fen)) = cap else { return Ok(()) };
    for vehicle in [Vehicle::Small, Vehicle::Medium, Vehicle::Large, Vehicle::Motorcycle] {
        if pack.price_fen.of(vehicle) * pack.max_units > cap_fen.of(vehicle) {
            let detail = "a whole night must not cost more than the cap";
            return Err(broken("night_pack.max_units", "night_pack_cap", detail));
        }
    }
    Ok(())
}

fn settled_s(windows: &[Window]) -> i64 {
    let ends = windows.iter().flat_map(|window| &window.tiers).map(|tier| tier.until_s);
    ends.filter(|&until_s| until_s < i64::MAX).max().unwrap_or(0)
}

/// A tier that takes months of parking to reach would make long stays slow and long to explain.
fn check_reach(file: &PlanFile, pieces: &[Piece], settled_s: i64) -> Result<(), PlanError> {
    let charged = pieces.iter().filter(|piece| piece.window.is_some());
    let charged_s: i64 = charged.map(|piece| piece.end_s.min(DAY_S) - piece.start_s).sum();
    if file.restart == Restart::Never && settled_s > charged_s * TIER_REACH_DAYS_MAX {
        let detail = format!("every tier must be reached within {TIER_REACH_DAYS_MAX} days");
        return Err(broken("windows", "tier_reach", detail));
    }
    Ok(())
}

fn period(cap: &Cap, restart: Restart, pieces: &[Piece]) -> Period {
    match (cap, restart) {
        (Cap::Rolling24h(_), _) | (Cap::None, Restart::Every24h) => Period::Cycle,
        (Cap::NaturalDay(_), _) | (Cap::None, Restart::EveryDay) => Period::Local(MIDNIGHT_S),
        (Cap::None, Restart::Never) => pieces
            .iter()
            .find(|piece| !piece.continues)
            .map_or(Period::Whole, |piece| Period::Local(MIDNIGHT_S + piece.start_s)),
    }
}
