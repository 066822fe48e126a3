//! From a filed plan to one that can be priced: checked once, true for ever after.

use super::PlanError;
use super::amounts::{PerVehicle, Which, each_period, per_vehicle, scales};
use super::benefits::{Benefits, Discount};
use super::calendar::Calendar;
use super::check::{broken, clock, count, name, parse, range};
use super::file::{Caps, NightPackFile, PlanFile, QuotaFile, Vehicles};
use super::layout::Layout;
use super::quick::Quick;
use super::time::{DAY_S, MINUTE_S};
use super::words::{
    Boundary, CrossingPart, FreeMode, Grant, PriceForm, QuotaPer, Restart, Rounding, TierClock,
    Traits, VEHICLES,
};

const DAY_MINUTES: i64 = 1_440;
pub const PRICE_FEN_MAX: i64 = 1_000_000;
pub const CAP_FEN_MAX: i64 = 100_000_000;
const PERMILLE_MAX: i64 = 10_000;
const GRACE_MINUTES_MAX: i64 = 120;
const PACK_UNITS_MAX: i64 = 1_440;
const SOURCE_CHARS_MAX: usize = 500;
const ZONES_MAX: usize = 16;
const QUOTA_VISITS_MAX: i64 = 100;

/// A compiled plan. It cannot be changed and every span of sense has a price under it.
#[derive(Debug)]
pub struct Plan {
    pub(super) price_form: PriceForm,
    pub(super) exit_grace_s: i64,
    pub(super) free: FreeTime,
    pub(super) boundary: Boundary,
    pub(super) crossing: Option<Crossing>,
    pub(super) rounding: Rounding,
    pub(super) tail_s: i64,
    pub(super) tier_clock: TierClock,
    pub(super) restart: Restart,
    pub(super) cap: Cap,
    pub(super) night_pack: Option<NightPack>,
    pub(super) exempt: Traits,
    pub(super) benefits: Benefits,
    pub(super) layout: Layout,
    pub(super) zones: Vec<(String, Layout)>,
    /// Time outside every window is free because the plan says so.
    pub(super) says_outside: bool,
    pub(super) says_uncapped: bool,
    pub(super) longer_may_cost_less: bool,
    pub(super) quick: Quick,
}

/// Free minutes.
#[derive(Debug)]
pub struct FreeTime {
    pub s: i64,
    pub electric_s: i64,
    pub disabled_s: i64,
    pub mode: FreeMode,
    /// A stay of exactly the free minutes is free.
    pub inclusive: bool,
    pub grant: Grant,
    pub quota: Option<Quota>,
}

/// So many visits get the free minutes; later ones get fewer, or none.
#[derive(Debug, Clone, Copy)]
pub struct Quota {
    pub visits: i64,
    pub per: QuotaPer,
    pub then_s: i64,
}

#[derive(Debug, Clone, Copy)]
pub struct Crossing {
    pub part_s: i64,
    pub part: CrossingPart,
}

/// The most of a period; the amounts follow each other, the last one goes on.
#[derive(Debug)]
pub struct Cap {
    pub kind: CapKind,
    pub amounts: Vec<PerVehicle>,
    pub across_visits: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CapKind {
    None,
    NaturalDay,
    Rolling24h,
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
    pub fn compile(body: &str, calendar: &Calendar) -> Result<Self, PlanError> {
        let file = parse(body)?;
        check_source(&file.source)?;
        check_scales(&file.vehicles)?;
        let cap = cap(&file.caps, &file.vehicles)?;
        let layout = Layout::compile("windows", &file.windows, (&file, &cap), calendar)?;
        let zones = zones(&file, &cap, calendar)?;
        check_boundary(&file)?;
        let grace = minutes("exit_grace_minutes", file.exit_grace_minutes, GRACE_MINUTES_MAX)?;
        Ok(Self {
            price_form: file.price_form,
            exit_grace_s: grace,
            free: free_time(&file)?,
            boundary: file.boundary,
            crossing: crossing(&file)?,
            rounding: file.rounding,
            tail_s: tail_s(&file)?,
            tier_clock: file.tier_clock,
            restart: file.restart,
            night_pack: night_pack(&file, &cap)?,
            cap,
            exempt: file.exempt.iter().copied().collect(),
            benefits: benefits(&file)?,
            layout,
            zones,
            says_outside: file.outside.is_some(),
            says_uncapped: file.caps.uncapped,
            longer_may_cost_less: file.longer_may_cost_less,
            quick: Quick::default(),
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

    /// How many visits of a car get free minutes, and in which time they are counted.
    #[must_use]
    pub const fn free_quota(&self) -> Option<(i64, QuotaPer)> {
        match self.free.quota {
            Some(quota) => Some((quota.visits, quota.per)),
            None => None,
        }
    }

    pub(super) fn layout_of(&self, zone: Option<&str>) -> &Layout {
        let own = zone.and_then(|zone| self.zones.iter().find(|(name, _)| name == zone));
        own.map_or(&self.layout, |(_, layout)| layout)
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
    for (class, scale) in scales(vehicles) {
        let field = |what| format!("vehicles.{class}.{what}");
        range(&field("price_permille"), scale.price_permille, 0..=PERMILLE_MAX)?;
        range(&field("cap_permille"), scale.cap_permille, 0..=PERMILLE_MAX)?;
    }
    Ok(())
}

fn zones(
    file: &PlanFile,
    cap: &Cap,
    calendar: &Calendar,
) -> Result<Vec<(String, Layout)>, PlanError> {
    if file.zones.len() > ZONES_MAX {
        return Err(broken("zones", "count", format!("must have at most {ZONES_MAX} entries")));
    }
    let compiled = file.zones.iter().map(|(zone, windows)| {
        name("zones", zone)?;
        let field = format!("zones.{zone}");
        Ok((zone.clone(), Layout::compile(&field, windows, (file, cap), calendar)?))
    });
    compiled.collect()
}

fn free_time(file: &PlanFile) -> Result<FreeTime, PlanError> {
    let free = &file.free;
    let s = minutes("free.minutes", free.minutes, DAY_MINUTES)?;
    let own =
        |field, given: Option<i64>| given.map_or(Ok(s), |value| minutes(field, value, DAY_MINUTES));
    let quota = |given: QuotaFile| {
        let visits = range("free.quota.visits", given.visits, 1..=QUOTA_VISITS_MAX)?;
        let then_s = minutes("free.quota.then_minutes", given.then_minutes, DAY_MINUTES)?;
        Ok(Quota { visits, per: given.per, then_s })
    };
    Ok(FreeTime {
        s,
        electric_s: own("free.electric_minutes", free.electric_minutes)?,
        disabled_s: own("free.disabled_minutes", free.disabled_minutes)?,
        mode: free.mode,
        inclusive: free.inclusive,
        grant: free.grant,
        quota: free.quota.map(quota).transpose()?,
    })
}

/// Units that run over the edge of a window must end somewhere for sure.
fn check_boundary(file: &PlanFile) -> Result<(), PlanError> {
    if file.boundary == Boundary::UnitStart && file.restart == Restart::Never {
        let detail = "units that run over an edge need tiers that restart every_24h or every_day";
        return Err(broken("boundary", "unit_start_restart", detail));
    }
    Ok(())
}

fn crossing(file: &PlanFile) -> Result<Option<Crossing>, PlanError> {
    let Some(given) = file.crossing else { return Ok(None) };
    if file.caps.across_visits {
        let detail = "is priced apart from a cap that spans visits";
        return Err(broken("crossing", "crossing_visits", detail));
    }
    let part_s = range("crossing.minutes", given.minutes, 1..=DAY_MINUTES)? * MINUTE_S;
    let part_s = if given.inclusive { part_s } else { part_s - 1 };
    Ok(Some(Crossing { part_s, part: given.part }))
}

fn tail_s(file: &PlanFile) -> Result<i64, PlanError> {
    match (file.rounding, file.tail_minutes) {
        (Rounding::Tail, Some(value)) => {
            Ok(range("tail_minutes", value, 1..=DAY_MINUTES)? * MINUTE_S)
        }
        (Rounding::Up | Rounding::Down, None) => Ok(0),
        _ => {
            Err(broken("tail_minutes", "tail", "goes with the rounding `tail`, and with no other"))
        }
    }
}

fn cap(caps: &Caps, vehicles: &Vehicles) -> Result<Cap, PlanError> {
    let (kind, field, amounts) = match (&caps.natural_day_fen, &caps.rolling_24h_fen) {
        (None, None) => (CapKind::None, "caps", None),
        (Some(amounts), None) => (CapKind::NaturalDay, "caps.natural_day_fen", Some(amounts)),
        (None, Some(amounts)) => (CapKind::Rolling24h, "caps.rolling_24h_fen", Some(amounts)),
        (Some(_), Some(_)) => {
            let detail = "a plan has a cap per natural day or per 24 hours";
            return Err(broken("caps", "cap_one", detail));
        }
    };
    if caps.uncapped && amounts.is_some() {
        return Err(broken(
            "caps.uncapped",
            "cap_one",
            "a plan has a cap or says that it has none",
        ));
    }
    let amounts = amounts.map_or(Ok(Vec::new()), |amounts| {
        each_period(field, amounts, vehicles, (Which::Cap, CAP_FEN_MAX))
    })?;
    if caps.across_visits && amounts.len() != 1 {
        let detail = "one cap, and no list of them, spans visits";
        return Err(broken("caps.across_visits", "cap_across_visits", detail));
    }
    Ok(Cap { kind, amounts, across_visits: caps.across_visits })
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
    let most = (Which::Price, PRICE_FEN_MAX);
    let price_fen = per_vehicle("night_pack.price_fen", pack.price_fen, &file.vehicles, most)?;
    let compiled = NightPack {
        name: pack.name.clone(),
        enter_from_s,
        length_s,
        unit_s: unit_minutes * MINUTE_S,
        price_fen,
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
    for amounts in &cap.amounts {
        let over = |&(_, vehicle): &(&str, _)| {
            pack.price_fen.of(vehicle) * pack.max_units > amounts.of(vehicle)
        };
        if VEHICLES.iter().any(over) {
            let detail = "a whole night must not cost more than the cap";
            return Err(broken("night_pack.max_units", "night_pack_cap", detail));
        }
    }
    Ok(())
}

fn benefits(file: &PlanFile) -> Result<Benefits, PlanError> {
    const DISCOUNTS_MAX: usize = 12;
    count("discounts", &file.discounts, 0..=DISCOUNTS_MAX)?;
    let discount = |(index, given): (usize, &super::file::DiscountFile)| {
        let field = format!("discounts[{index}]");
        name(&format!("{field}.name"), &given.name)?;
        count(&format!("{field}.traits"), &given.traits, 1..=super::words::TRAITS.len())?;
        let off_permille = range(&format!("{field}.off_permille"), given.off_permille, 1..=1_000)?;
        let traits = given.traits.iter().copied().collect();
        Ok(Discount { name: given.name.clone(), traits, off_permille })
    };
    let discounts = file.discounts.iter().enumerate().map(discount).collect::<Result<_, _>>()?;
    Ok(Benefits {
        discounts,
        to_fen: range("discount_rounding.to_fen", file.discount_rounding.to_fen, 1..=1_000)?,
        mode: file.discount_rounding.mode,
        coupons_max: range("coupons_max", file.coupons_max, 0..=8)?,
    })
}
