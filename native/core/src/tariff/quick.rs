//! Fees of ordinary plans by table: what a stretch from a fresh clock costs, minute by minute,
//! worked out once by the walk itself. What a table cannot say is walked.

use std::sync::OnceLock;

use super::Span;
use super::compile::{CapKind, Plan};
use super::day::Schedule;
use super::price::units_up;
use super::sink::Silent;
use super::terms::PLAIN;
use super::time::{DAY_S, FIRST_S, LAST_S, MINUTE_S, midnight, second_of_day};
use super::walk::Walk;
use super::words::{Boundary, FreeMode, Grant, Restart, Rounding, TierClock, VEHICLES, Vehicle};

const DAY_MINUTES: usize = 1_440;
/// Rows of the table for one window; the first window's place is taken by free time.
const ROWS: usize = DAY_MINUTES + 1;

/// The tables of a plan, one for each vehicle class that was asked for; none for plans that are
/// always walked.
#[derive(Debug, Default)]
pub struct Quick(OnceLock<Option<Shape>>);

/// What does not depend on the class.
#[derive(Debug)]
struct Shape {
    pieces: Vec<Piece>,
    /// Which piece each minute of three days in a row lies in.
    piece_of_minute: Vec<u8>,
    billed_after_s: i64,
    cut: Cut,
    /// What to add to a time so that its minutes are counted as the plan rounds units.
    up: u32,
    /// The clock of the tiers runs on from one window into the next.
    clock_runs_on: bool,
    tables: [OnceLock<Table>; VEHICLES.len()],
}

/// A part of three days in a row, in seconds.
#[derive(Debug, Clone, Copy)]
struct Piece {
    start: u32,
    end: u32,
    /// Where its rows begin in the table.
    rows: u32,
    /// How many pieces before it are charged.
    charged_before: u32,
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
    fees: Vec<i32>,
    /// What all pieces before each one cost.
    before: Vec<i64>,
    caps: Vec<i64>,
}

/// A plan made ready for many plain stays of one class.
#[derive(Debug, Clone, Copy)]
pub struct Ready<'plan> {
    plan: &'plan Plan,
    shape: &'plan Shape,
    table: &'plan Table,
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

const DAY: u32 = 86_400;
const MINUTE: u32 = 60;
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
            return self.shape.fee_fen(self.table, entered_s, until_s);
        }
        let sum = self.shape.sum(self.table, (second + self.billed_after_s, second + stay))?;
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
        let shape = self.quick.0.get_or_init(|| self.shape()).as_ref()?;
        let table = shape.tables.get(vehicle as usize)?;
        let table = table.get_or_init(|| self.table(shape, vehicle));
        let free_s = self.free.s - i64::from(!self.is_free(self.free.s, self.free.s));
        let pack = self.night_pack.as_ref();
        let pack = pack.map_or((0, 0), |pack| (DAY_S - pack.enter_from_s, pack.length_s));
        Some(Ready {
            plan: self,
            shape,
            table,
            vehicle,
            free_s: u32::try_from(free_s).ok()?,
            billed_after_s: u32::try_from(shape.billed_after_s).ok()?,
            pack: (u32::try_from(pack.0).ok()?, u32::try_from(pack.1).ok()?),
            first_cap_fen: table.caps.first().copied().unwrap_or(i64::MAX),
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

    /// None if a stay's price is more than the sum of its stretches, each from a fresh clock.
    fn shape(&self) -> Option<Shape> {
        let schedule = self.layout.schedules.first()?;
        let counts = self.layout.windows.iter().any(|window| window.counts.is_some());
        let fits = self.layout.days.are_alike()
            && self.boundary == Boundary::Split
            && self.crossing.is_none()
            && self.free.grant == Grant::Stay
            && !(counts && self.rounding == Rounding::Down);
        let cut = self.cut()?;
        if !fits {
            return None;
        }
        let goes_on = schedule.last_window() == schedule.first_window();
        let ends_at_midnight = matches!(cut, Cut::Midnight { .. });
        if goes_on && cut == (Cut::Midnight { is_fresh: false }) {
            return None; // a window runs on over midnight, and so does its clock
        }
        let pieces = three_days(schedule, goes_on && !ends_at_midnight);
        let of_minute = |minute: u32| {
            let found = pieces.iter().position(|piece| minute * MINUTE < piece.end);
            u8::try_from(found.unwrap_or_default()).unwrap_or_default()
        };
        Some(Shape {
            piece_of_minute: (0..3 * DAY / MINUTE).map(of_minute).collect(),
            pieces,
            billed_after_s: if self.free.mode == FreeMode::Deduct { self.free.s } else { 0 },
            cut,
            up: if self.rounding == Rounding::Down { 0 } else { MINUTE - 1 },
            clock_runs_on: self.tier_clock == TierClock::Stay,
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
    fn table(&self, shape: &Shape, vehicle: Vehicle) -> Table {
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
        let mut so_far = 0;
        let mut before = Vec::with_capacity(shape.pieces.len() + 1);
        for piece in &shape.pieces {
            before.push(so_far);
            let whole = (piece.end - piece.start).min(DAY);
            so_far += shape.row(&fees, piece.rows, whole).unwrap_or_default();
        }
        let caps = self.cap.amounts.iter().map(|amount| amount.of(vehicle)).collect();
        Table { fees, before, caps }
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
    fn fee_fen(&self, table: &Table, entered_s: i64, until_s: i64) -> Option<i64> {
        let start_s = entered_s + self.billed_after_s;
        let first_end_s = match self.cut {
            Cut::Nowhere | Cut::Every24h => entered_s + DAY_S,
            Cut::Midnight { .. } => midnight(entered_s) + DAY_S,
        };
        if until_s <= first_end_s {
            return Some(table.capped(self.sum_of(table, start_s, until_s)?, 0));
        }
        self.periods(table, start_s, (first_end_s, until_s))
    }

    /// A stay of more than one period: the first, whole ones and the rest.
    fn periods(
        &self,
        table: &Table,
        start_s: i64,
        (first_end_s, until_s): (i64, i64),
    ) -> Option<i64> {
        if self.cut == Cut::Nowhere {
            return None;
        }
        let (days, rest_s) = ((until_s - first_end_s) / DAY_S, (until_s - first_end_s) % DAY_S);
        let is_fresh = self.cut != (Cut::Midnight { is_fresh: false });
        if !is_fresh && (days > 0 || self.clock_runs_on) {
            return None;
        }
        let mut fee_fen = 0;
        let mut rest_from_s = first_end_s;
        if start_s < first_end_s {
            fee_fen = table.capped(self.sum_of(table, start_s, first_end_s)?, 0);
        } else if start_s > first_end_s {
            if days > 0 {
                return None; // free time that ends on another day: walked
            }
            rest_from_s = start_s;
        }
        if days > 0 {
            let day_fen = self.sum_of(table, first_end_s, first_end_s + DAY_S)?;
            fee_fen += table.capped_periods(day_fen, days);
        }
        let rest_end_s = first_end_s + rest_s;
        if rest_from_s < rest_end_s {
            fee_fen += table.capped(self.sum_of(table, rest_from_s, rest_end_s)?, days + 1);
        }
        Some(fee_fen)
    }

    /// As [`Self::sum`], for instants.
    fn sum_of(&self, table: &Table, start_s: i64, end_s: i64) -> Option<i64> {
        let from = u32::try_from(second_of_day(start_s)).ok()?;
        let length = u32::try_from((end_s - start_s).max(0)).ok()?;
        self.sum(table, (from, from + length))
    }

    /// Add up the stretches of at most 24 hours from a fresh clock, in seconds of the first of three
    /// days; none if one of them does not begin with a fresh clock.
    #[inline]
    fn sum(&self, table: &Table, (from, to): (u32, u32)) -> Option<i64> {
        if from >= to {
            return Some(0);
        }
        let (first_at, last_at) = (self.index(from)?, self.index(to - 1)?);
        let first = self.pieces.get(first_at)?;
        if first_at == last_at {
            return self.row(&table.fees, first.rows, to - from);
        }
        let last = self.pieces.get(last_at)?;
        if self.clock_runs_on {
            let charged = last.charged_before + u32::from(last.rows > 0) - first.charged_before;
            if charged > 1 {
                return None;
            }
        }
        let whole_fen = table.before.get(last_at)? - table.before.get(first_at + 1)?;
        Some(
            self.row(&table.fees, first.rows, first.end - from)?
                + whole_fen
                + self.row(&table.fees, last.rows, to - last.start)?,
        )
    }

    #[inline]
    fn index(&self, second: u32) -> Option<usize> {
        self.piece_of_minute.get((second / MINUTE) as usize).map(|&index| usize::from(index))
    }

    /// The fee of a stretch; a part of a minute counts as one, or as none where parts are dropped.
    #[inline]
    fn row(&self, fees: &[i32], rows: u32, stretch: u32) -> Option<i64> {
        let minutes = (stretch + self.up) / MINUTE;
        fees.get((rows + minutes) as usize).map(|&fen| i64::from(fen))
    }
}

/// Lay the pieces of a day out three times; at midnight, what goes on is one piece.
fn three_days(schedule: &Schedule, goes_on: bool) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut charged = 0;
    for day in [0, DAY, 2 * DAY] {
        for piece in schedule.pieces() {
            let second = |of_day: i64| day + u32::try_from(of_day).unwrap_or_default();
            let (start, end) = (second(piece.start_s), second(piece.end_s));
            if let Some(last) = pieces.last_mut().filter(|_| goes_on && piece.start_s == 0) {
                last.end = end;
                continue;
            }
            let rows = piece.window.map_or(0, |window| (window + 1) * ROWS);
            let rows = u32::try_from(rows).unwrap_or_default();
            pieces.push(Piece { start, end, rows, charged_before: charged });
            charged += u32::from(rows > 0);
        }
    }
    pieces
}
