//! Fees of ordinary plans by table: what a stretch from a fresh clock costs, minute by minute,
//! worked out once by the walk itself. What a table cannot say is walked.

use std::sync::OnceLock;

use super::Span;
use super::compile::{CapKind, Plan};
use super::day::Schedule;
use super::price::units_up;
use super::sink::Silent;
use super::strip::{Counting, DAY, ROWS, Strip};
use super::terms::PLAIN;
use super::time::{DAY_S, FIRST_S, LAST_S, MINUTE_S, midnight, second_of_day};
use super::walk::Walk;
use super::words::{Boundary, FreeMode, Grant, Restart, Rounding, TierClock, VEHICLES, Vehicle};

/// The tables of a plan; none for plans that are always walked.
#[derive(Debug, Default)]
pub struct Quick {
    shape: OnceLock<Option<Shape>>,
    /// For days of different kinds: each pair of kinds that can follow each other.
    pairs: OnceLock<Option<Vec<Shape>>>,
    /// What minutes of each window cost, for each vehicle class that was asked for, in whole fen.
    fees: [OnceLock<Vec<i32>>; VEHICLES.len()],
}

/// What does not depend on the class.
#[derive(Debug)]
struct Shape {
    strip: Strip,
    billed_after_s: i64,
    cut: Cut,
    tables: [OnceLock<Table>; VEHICLES.len()],
}

/// Where caps begin again and, if `is_fresh`, tiers too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// Nowhere within 24 hours of entry.
    Nowhere,
    /// Every 24 hours after entry.
    Every24h,
    /// At midnight; longer stays only if tiers begin again there.
    Midnight { is_fresh: bool },
}

/// What the stretches cost for one class, in whole fen.
#[derive(Debug)]
struct Table {
    /// What all pieces before each one cost.
    before: Vec<i64>,
    caps: Vec<i64>,
}

/// The tables of one class.
#[derive(Debug, Clone, Copy)]
struct Tables<'plan> {
    fees: &'plan [i32],
    own: &'plan Table,
}

/// A plan made ready for many plain stays of one class.
#[derive(Debug, Clone, Copy)]
pub struct Ready<'plan> {
    plan: &'plan Plan,
    shape: &'plan Shape,
    tables: Tables<'plan>,
    vehicle: Vehicle,
    /// The longest stay that is free.
    free_s: u32,
    billed_after_s: u32,
    /// What to add to the second of the day of the entry to count from the night pack's begin, and
    /// how long its night is; 0: there is none.
    pack: (u32, u32),
    first_cap_fen: i64,
    /// The first period ends at midnight, and not 24 hours after the entry.
    ends_at_midnight: bool,
}

const YEARS_S: i64 = LAST_S - FIRST_S;

impl Ready<'_> {
    /// The fee of a plain stay, if it can be looked up.
    #[inline]
    pub fn fee_fen(&self, entered_s: i64, until_s: i64) -> Option<i64> {
        let (after_s, stay_s) = (entered_s.wrapping_sub(FIRST_S), until_s.wrapping_sub(entered_s));
        if !(0..YEARS_S).contains(&after_s) || !(0..YEARS_S - after_s).contains(&stay_s) {
            return None;
        }
        let (after, stay) = (u32::try_from(after_s).ok()?, u32::try_from(stay_s).ok()?);
        if stay <= self.free_s {
            return Some(0);
        }
        let second = after % DAY;
        let (shift, night) = self.pack;
        if (second + shift) % DAY + stay.min(2 * DAY) <= night {
            return self.pack_fen(entered_s, until_s);
        }
        let begin = if self.ends_at_midnight { second } else { 0 };
        if begin + stay.min(2 * DAY) > DAY {
            return self.shape.fee_fen(self.tables, entered_s, until_s);
        }
        let billed = (second + self.billed_after_s, second + stay);
        let Tables { fees, own } = self.tables;
        let sum = self.shape.strip.sum(fees, &own.before, billed)?;
        Some(sum.min(self.first_cap_fen))
    }

    #[cold]
    fn pack_fen(&self, entered_s: i64, until_s: i64) -> Option<i64> {
        let vehicle = self.vehicle;
        self.plan.plain_pack_fen(&Span { entered_s, until_s, vehicle, carry: None, terms: &PLAIN })
    }
}

impl Plan {
    /// The fee of a plain stay, if it can be looked up.
    #[inline]
    pub(super) fn quick_fee_fen(&self, span: &Span<'_>) -> Option<i64> {
        if !std::ptr::eq(span.terms, &raw const PLAIN) || span.carry.is_some() {
            return None;
        }
        self.ready(span.vehicle)?.fee_fen(span.entered_s, span.until_s)
    }

    /// The tables of a class; none if this plan is always walked.
    #[inline]
    pub(super) fn ready(&self, vehicle: Vehicle) -> Option<Ready<'_>> {
        let shape = self.quick.shape.get_or_init(|| self.shape()).as_ref()?;
        let tables = self.tables(shape, vehicle)?;
        let free_s = self.free.s - i64::from(!self.is_free(self.free.s, self.free.s));
        let pack = self.night_pack.as_ref();
        let pack = pack.map_or((0, 0), |pack| (DAY_S - pack.enter_from_s, pack.length_s));
        Some(Ready {
            plan: self,
            shape,
            tables,
            vehicle,
            free_s: u32::try_from(free_s).ok()?,
            billed_after_s: u32::try_from(shape.billed_after_s).ok()?,
            pack: (u32::try_from(pack.0).ok()?, u32::try_from(pack.1).ok()?),
            first_cap_fen: tables.own.caps.first().copied().unwrap_or(i64::MAX),
            ends_at_midnight: matches!(shape.cut, Cut::Midnight { .. }),
        })
    }

    fn plain_pack_fen(&self, span: &Span<'_>) -> Option<i64> {
        let pack = self.night_pack.as_ref()?;
        let free_s = if pack.after_free { self.free.s } else { 0 };
        let from_s = self.billed_from_s(span, free_s);
        let units = units_up((span.until_s - from_s).max(0), pack.unit_s).min(pack.max_units);
        Some(units * pack.price_fen.of(span.vehicle))
    }

    /// What a whole period costs that begins at that second of a day, from a fresh clock, on days of
    /// these classes; none if it must be walked.
    pub(super) fn quick_period_fen(
        &self,
        vehicle: Vehicle,
        (one, next): (usize, usize),
        from_s: i64,
    ) -> Option<i64> {
        let pairs = self.quick.pairs.get_or_init(|| self.pairs()).as_ref()?;
        let shape = pairs.get(one * self.layout.days.classes() + next)?;
        let tables = self.tables(shape, vehicle)?;
        let fee_fen = shape.sum_of(tables, from_s, from_s + DAY_S)?;
        Some(tables.own.caps.last().map_or(fee_fen, |&cap_fen| fee_fen.min(cap_fen)))
    }

    fn tables<'plan>(&'plan self, shape: &'plan Shape, vehicle: Vehicle) -> Option<Tables<'plan>> {
        let fees = self.quick.fees.get(vehicle as usize)?;
        let fees = fees.get_or_init(|| self.fees(vehicle));
        let own = shape.tables.get(vehicle as usize)?.get_or_init(|| {
            let caps = self.cap.amounts.iter().map(|amount| amount.of(vehicle)).collect();
            Table { before: shape.strip.before(fees), caps }
        });
        Some(Tables { fees, own })
    }

    /// None if a stay's price is more than the sum of its stretches, each from a fresh clock.
    fn shape(&self) -> Option<Shape> {
        let schedule = self.layout.schedules.first()?;
        let cut = self.cut().filter(|_| self.layout.days.are_alike() && self.crossing.is_none())?;
        let goes_on = schedule.last_window() == schedule.first_window();
        if goes_on && cut == (Cut::Midnight { is_fresh: false }) {
            return None; // a window runs on over midnight, and so does its clock
        }
        self.shape_of([schedule; 3], cut)
    }

    /// None if days of different kinds are walked whatever follows what.
    fn pairs(&self) -> Option<Vec<Shape>> {
        let begins_fresh = self.restart != Restart::Never || self.tier_clock == TierClock::Window;
        let cut = self.cut().filter(|_| begins_fresh)?;
        let schedules = &self.layout.schedules;
        let pairs = schedules.iter().flat_map(|one| schedules.iter().map(move |next| (one, next)));
        pairs.map(|(one, next)| self.shape_of([one, next, next], cut)).collect()
    }

    fn shape_of(&self, days: [&Schedule; 3], cut: Cut) -> Option<Shape> {
        let counts = self.layout.windows.iter().any(|window| window.counts.is_some());
        let fits = self.boundary == Boundary::Split
            && self.free.grant == Grant::Stay
            && !(counts && self.rounding == Rounding::Down);
        let counting = Counting {
            drops_parts: self.rounding == Rounding::Down,
            clock_runs_on: self.tier_clock == TierClock::Stay,
            joins_midnight: !matches!(cut, Cut::Midnight { .. }),
        };
        fits.then(|| Shape {
            strip: Strip::new(days, counting),
            billed_after_s: if self.free.mode == FreeMode::Deduct { self.free.s } else { 0 },
            cut,
            tables: std::array::from_fn(|_| OnceLock::new()),
        })
    }

    fn cut(&self) -> Option<Cut> {
        match (self.cap.kind, self.restart) {
            (CapKind::None | CapKind::Rolling24h, Restart::Never) => Some(Cut::Nowhere),
            (CapKind::None | CapKind::Rolling24h, Restart::Every24h) => Some(Cut::Every24h),
            (CapKind::None | CapKind::NaturalDay, Restart::EveryDay) => {
                Some(Cut::Midnight { is_fresh: true })
            }
            (CapKind::NaturalDay, Restart::Never | Restart::Every24h) => {
                Some(Cut::Midnight { is_fresh: false })
            }
            (CapKind::Rolling24h, Restart::EveryDay) => None,
        }
    }

    /// Walk every number of minutes in every window.
    fn fees(&self, vehicle: Vehicle) -> Vec<i32> {
        let until_s = FIRST_S + DAY_S;
        let span = Span { entered_s: FIRST_S, until_s, vehicle, carry: None, terms: &PLAIN };
        let mut fees = vec![0; ROWS];
        for window in &self.layout.windows {
            for minutes in 0..ROWS {
                let end_s = FIRST_S + i64::try_from(minutes).unwrap_or_default() * MINUTE_S;
                let mut walk = Walk::new(self, &span, Silent);
                let walked = walk.stretch(window, FIRST_S, (end_s, end_s));
                let fen = walked.map_or(0, |(fen, _)| fen);
                fees.push(i32::try_from(fen).unwrap_or(i32::MAX));
            }
        }
        fees
    }
}

impl Table {
    /// What the n-th period costs at most.
    #[inline]
    fn capped(&self, fee_fen: i64, period: i64) -> i64 {
        let Some(&last) = self.caps.last() else { return fee_fen };
        let own = usize::try_from(period).ok().and_then(|period| self.caps.get(period));
        fee_fen.min(own.copied().unwrap_or(last))
    }

    /// What so many periods cost after the first one, each the same before its cap.
    fn capped_periods(&self, fee_fen: i64, periods: i64) -> i64 {
        let listed = i64::try_from(self.caps.len()).unwrap_or_default().min(periods);
        let own: i64 = (1..=listed).map(|period| self.capped(fee_fen, period)).sum();
        own + (periods - listed) * self.capped(fee_fen, periods)
    }
}

impl Shape {
    #[inline]
    fn fee_fen(&self, tables: Tables<'_>, entered_s: i64, until_s: i64) -> Option<i64> {
        let start_s = entered_s + self.billed_after_s;
        let first_end_s = match self.cut {
            Cut::Nowhere | Cut::Every24h => entered_s + DAY_S,
            Cut::Midnight { .. } => midnight(entered_s) + DAY_S,
        };
        if until_s <= first_end_s {
            return Some(tables.own.capped(self.sum_of(tables, start_s, until_s)?, 0));
        }
        self.periods(tables, start_s, (first_end_s, until_s))
    }

    /// A stay of more than one period: the first, whole ones and the rest.
    fn periods(
        &self,
        tables: Tables<'_>,
        start_s: i64,
        (first_end_s, until_s): (i64, i64),
    ) -> Option<i64> {
        if self.cut == Cut::Nowhere {
            return None;
        }
        let (days, rest_s) = ((until_s - first_end_s) / DAY_S, (until_s - first_end_s) % DAY_S);
        let is_fresh = self.cut != (Cut::Midnight { is_fresh: false });
        let entered_s = start_s - self.billed_after_s;
        let may_restart = until_s - entered_s > DAY_S; // 24 hours after entry, within a stretch
        if !is_fresh && (days > 0 || may_restart || self.strip.clock_runs_on()) {
            return None;
        }
        let mut fee_fen = 0;
        let mut rest_from_s = first_end_s;
        if start_s < first_end_s {
            fee_fen = tables.own.capped(self.sum_of(tables, start_s, first_end_s)?, 0);
        } else if start_s > first_end_s {
            if days > 0 {
                return None; // free time that ends on another day: walked
            }
            rest_from_s = start_s;
        }
        if days > 0 {
            let day_fen = self.sum_of(tables, first_end_s, first_end_s + DAY_S)?;
            fee_fen += tables.own.capped_periods(day_fen, days);
        }
        let rest_end_s = first_end_s + rest_s;
        if rest_from_s < rest_end_s {
            fee_fen += tables.own.capped(self.sum_of(tables, rest_from_s, rest_end_s)?, days + 1);
        }
        Some(fee_fen)
    }

    /// The sum of the stretches between two instants that are at most 24 hours apart.
    fn sum_of(&self, tables: Tables<'_>, start_s: i64, end_s: i64) -> Option<i64> {
        let from = u32::try_from(second_of_day(start_s)).ok()?;
        let length = u32::try_from((end_s - start_s).max(0)).ok()?;
        self.strip.sum(tables.fees, &tables.own.before, (from, from + length))
    }
}
