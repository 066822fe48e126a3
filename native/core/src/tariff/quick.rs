//! Short stays of ordinary plans by table: what a stretch from a fresh clock costs, minute by
//! minute, worked out once by the walk itself. Everything else is walked.

use std::sync::OnceLock;

use super::Span;
use super::compile::{CapKind, Plan};
use super::price::units_up;
use super::sink::Silent;
use super::terms::PLAIN;
use super::time::{DAY_S, FIRST_S, LAST_S, MINUTE_S, second_of_day};
use super::walk::Walk;
use super::words::{Boundary, FreeMode, Grant, Restart, Rounding, TierClock, VEHICLES, Vehicle};

const DAY_MINUTES: usize = 1_440;

/// The tables of a plan, one for each vehicle class that was asked for; none for plans that are
/// always walked.
#[derive(Debug, Default)]
pub struct Quick(OnceLock<Option<Shape>>);

/// What does not depend on the class.
#[derive(Debug)]
struct Shape {
    pieces: Vec<Piece>,
    piece_of_minute: Vec<u8>,
    billed_after_s: i64,
    drops_parts: bool,
    tables: [OnceLock<Table>; VEHICLES.len()],
}

/// A part of the day; the end of one that goes on over midnight lies in the next day.
#[derive(Debug)]
struct Piece {
    end_s: i64,
    next: usize,
    /// Where the fees of its window begin in the table; none: it is free.
    fees: Option<usize>,
    /// The tiers begin anew with the next piece, whatever went before.
    is_fresh_after: bool,
    /// A cap's day ends with it.
    ends_day: bool,
}

/// Fees of each window by minutes, and the caps of the class.
#[derive(Debug)]
struct Table {
    /// Whole fen.
    fees: Vec<i32>,
    first_cap_fen: i64,
    second_cap_fen: i64,
}

impl Plan {
    /// The fee of a plain stay of at most 24 hours, if it can be looked up.
    #[inline]
    pub(super) fn quick_fee_fen(&self, span: &Span<'_>) -> Option<i64> {
        let stay_s = span.until_s - span.entered_s;
        let is_plain = std::ptr::eq(span.terms, &raw const PLAIN) && span.carry.is_none();
        let is_short = (0..=DAY_S).contains(&stay_s);
        if !is_plain || !is_short || span.entered_s < FIRST_S || span.until_s >= LAST_S {
            return None;
        }
        if self.is_free(stay_s, self.free.s) {
            return (self.free.grant == Grant::Stay).then_some(0);
        }
        let shape = self.quick.0.get_or_init(|| self.shape()).as_ref()?;
        if self.night_pack.as_ref().is_some_and(|pack| pack.covers(span)) {
            return None;
        }
        let table = shape.tables.get(span.vehicle as usize)?;
        let table = table.get_or_init(|| self.table(span.vehicle));
        shape.look_up(table, span)
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
        if !fits {
            return None;
        }
        let pieces = schedule.pieces();
        let cuts = self.restart == Restart::EveryDay || self.cap.kind == CapKind::NaturalDay;
        let goes_on = schedule.last_window() == schedule.first_window();
        let beyond_s = pieces.first().filter(|_| goes_on && !cuts).map_or(0, |piece| piece.end_s);
        let compiled = pieces.iter().enumerate().map(|(index, piece)| {
            let is_last = index + 1 == pieces.len();
            let is_merged = is_last && beyond_s > 0 && !schedule.is_whole();
            let begins = !is_last || !goes_on || is_merged;
            Piece {
                end_s: piece.end_s + if is_last { beyond_s } else { 0 },
                next: if is_last { usize::from(is_merged) } else { index + 1 },
                fees: piece.window.map(|window| window * (DAY_MINUTES + 1)),
                is_fresh_after: (begins && self.tier_clock == TierClock::Window)
                    || (is_last && self.restart == Restart::EveryDay),
                ends_day: is_last && self.cap.kind == CapKind::NaturalDay,
            }
        });
        let of_minute = |minute: usize| {
            let second = i64::try_from(minute).unwrap_or_default() * MINUTE_S;
            let found = pieces.iter().position(|piece| second < piece.end_s);
            u8::try_from(found.unwrap_or_default()).unwrap_or_default()
        };
        Some(Shape {
            pieces: compiled.collect(),
            piece_of_minute: (0..DAY_MINUTES).map(of_minute).collect(),
            billed_after_s: if self.free.mode == FreeMode::Deduct { self.free.s } else { 0 },
            drops_parts: self.rounding == Rounding::Down,
            tables: std::array::from_fn(|_| OnceLock::new()),
        })
    }

    /// Walk every number of minutes in every window.
    fn table(&self, vehicle: Vehicle) -> Table {
        let until_s = FIRST_S + DAY_S;
        let span = Span { entered_s: FIRST_S, until_s, vehicle, carry: None, terms: &PLAIN };
        let mut fees = Vec::with_capacity(self.layout.windows.len() * (DAY_MINUTES + 1));
        for window in &self.layout.windows {
            for minutes in 0..=DAY_MINUTES {
                let end_s = FIRST_S + i64::try_from(minutes).unwrap_or_default() * MINUTE_S;
                let walked =
                    Walk::new(self, &span, Silent).stretch(window, FIRST_S, (end_s, end_s));
                let fen = walked.map_or(0, |(fen, _)| fen);
                fees.push(i32::try_from(fen).unwrap_or(i32::MAX));
            }
        }
        let cap = |index| {
            let amount = self.cap.amounts.get(index).or(self.cap.amounts.last());
            amount.map_or(i64::MAX, |amount| amount.of(vehicle))
        };
        Table { fees, first_cap_fen: cap(0), second_cap_fen: cap(1) }
    }
}

impl Shape {
    /// Add up the stretches; none if one of them does not begin with a fresh clock.
    #[inline]
    fn look_up(&self, table: &Table, span: &Span<'_>) -> Option<i64> {
        let mut at_s = span.entered_s + self.billed_after_s;
        let second = second_of_day(at_s);
        let mut day_s = at_s - second;
        let minute = usize::try_from(second / MINUTE_S).ok()?;
        let mut index = usize::from(*self.piece_of_minute.get(minute)?);
        let (mut total_fen, mut day_fen, mut cap_fen) = (0, 0, table.first_cap_fen);
        let (mut is_fresh, mut is_charged) = (true, false);
        loop {
            let piece = self.pieces.get(index)?;
            let end_s = (day_s + piece.end_s).min(span.until_s);
            if let Some(fees) = piece.fees {
                if !is_fresh {
                    return None;
                }
                let minutes = self.minutes(end_s - at_s)?;
                day_fen += i64::from(*table.fees.get(fees + minutes)?);
                is_charged = true;
            }
            if end_s == span.until_s {
                return Some(total_fen + day_fen.min(cap_fen));
            }
            if piece.ends_day {
                total_fen += day_fen.min(cap_fen);
                (day_fen, cap_fen) = (0, table.second_cap_fen);
            }
            is_fresh = piece.is_fresh_after || !is_charged;
            day_s += if piece.end_s >= DAY_S { DAY_S } else { 0 };
            (at_s, index) = (end_s, piece.next);
        }
    }

    /// Which row of the table: a part of a minute counts as one, or as none where parts are dropped.
    #[inline]
    fn minutes(&self, stretch_s: i64) -> Option<usize> {
        let minutes =
            if self.drops_parts { stretch_s / MINUTE_S } else { units_up(stretch_s, MINUTE_S) };
        usize::try_from(minutes).ok()
    }
}
