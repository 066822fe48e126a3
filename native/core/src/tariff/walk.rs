//! A stay's way through the days: a few periods priced one by one, the equal ones multiplied.
//!
//! A period is 24 hours long and ends where units end anyhow. What it costs depends on nothing but
//! the clock of the tiers at its start, so a whole period that leaves that clock as it found it
//! costs the same every time.

use super::compile::{Cap, Period, Plan, Window};
use super::day::{Piece, piece_at};
use super::file::{Restart, TierClock};
use super::price::{covering, plus, push_free, times, units_up};
use super::time::{DAY_S, MIDNIGHT_S, is_edge, next_edge, second_of_day};
use super::{Carry, Line, Quote, Rule, Span, SpanError};

/// One stay on its way.
pub struct Walk<'plan> {
    plan: &'plan Plan,
    span: Span,
    /// What the 24 hours of caps and restarts are counted from.
    anchor_s: i64,
    /// What earlier visits have charged in the period at hand.
    used_fen: i64,
    /// Elapsed time of the tiers.
    clock_s: i64,
    lines: Vec<Line<'plan>>,
}

impl<'plan> Walk<'plan> {
    pub fn new(plan: &'plan Plan, span: &Span) -> Self {
        let carry = covering(span).filter(|_| plan.across_visits);
        Self {
            plan,
            span: *span,
            anchor_s: carry.map_or(span.entered_s, |carry| carry.anchor_s),
            used_fen: carry.map_or(0, |carry| carry.charged_fen),
            clock_s: 0,
            lines: Vec::with_capacity(8),
        }
    }

    pub fn run(mut self) -> Result<Quote<'plan>, SpanError> {
        let mut at_s = self.plan.billed_from_s(&self.span);
        push_free(&mut self.lines, self.span.entered_s, at_s);
        if at_s >= self.anchor_s + DAY_S {
            self.used_fen = 0;
        }
        let (mut amount_fen, mut charged_fen) = (0, 0);
        while at_s < self.span.until_s {
            let clock_before_s = self.clock_at(at_s);
            let end_s = self.period_end_s(at_s);
            let period_fen = self.period(at_s, end_s)?;
            charged_fen = plus(self.used_fen, period_fen)?;
            let repeats = end_s - at_s == DAY_S
                && self.used_fen == 0
                && self.clock_at(end_s) == clock_before_s;
            let days = if repeats { (self.span.until_s - end_s) / DAY_S } else { 0 };
            let repeat_fen = self.repeat(end_s, days, period_fen)?;
            amount_fen = plus(plus(amount_fen, period_fen)?, repeat_fen)?;
            at_s = end_s + days * DAY_S;
            self.used_fen = 0;
        }
        let carry = self.carry_out(charged_fen);
        Ok(Quote { amount_fen, lines: self.lines, carry })
    }

    fn period_end_s(&self, at_s: i64) -> i64 {
        let end_s = match self.plan.period {
            Period::Cycle => next_edge(at_s, self.anchor_s),
            Period::Local(edge_s) => next_edge(at_s, edge_s),
            Period::Whole => i64::MAX,
        };
        end_s.min(self.span.until_s)
    }

    /// The clock of the tiers for time that begins here: set back where it is, and cut off where
    /// more of it changes nothing.
    fn clock_at(&self, at_s: i64) -> i64 {
        let restarts = match self.plan.restart {
            Restart::Never => false,
            Restart::Every24h => is_edge(at_s, self.anchor_s),
            Restart::EveryDay => is_edge(at_s, MIDNIGHT_S),
        };
        if restarts || (self.plan.tier_clock == TierClock::Window && self.window_begins(at_s)) {
            return 0;
        }
        self.clock_s.min(self.plan.settled_s)
    }

    fn window_begins(&self, at_s: i64) -> bool {
        let second = second_of_day(at_s);
        self.piece(at_s).is_some_and(|piece| piece.start_s == second && !piece.continues)
    }

    fn piece(&self, at_s: i64) -> Option<&'plan Piece> {
        piece_at(&self.plan.pieces, second_of_day(at_s))
    }

    /// Price a period or what the stay has of it, its cap included.
    fn period(&mut self, from_s: i64, until_s: i64) -> Result<i64, SpanError> {
        let mut gross_fen = 0;
        let mut at_s = from_s;
        while at_s < until_s {
            self.clock_s = self.clock_at(at_s);
            let piece = self.piece(at_s);
            let end_s = self.segment_end_s(at_s, piece).min(until_s);
            let window = piece.and_then(|piece| self.plan.windows.get(piece.window?));
            gross_fen = plus(gross_fen, self.segment(window, at_s, end_s)?)?;
            at_s = end_s;
        }
        Ok(gross_fen + self.cap(from_s, until_s, gross_fen))
    }

    /// Where units end early: at the edge of a window and where the tiers begin again.
    fn segment_end_s(&self, at_s: i64, piece: Option<&Piece>) -> i64 {
        let restart_s = match self.plan.restart {
            Restart::Never => i64::MAX,
            Restart::Every24h => next_edge(at_s, self.anchor_s),
            Restart::EveryDay => next_edge(at_s, MIDNIGHT_S),
        };
        let unbroken = |piece: &&Piece| piece.end_s - piece.start_s < DAY_S;
        let window_s = piece
            .filter(unbroken)
            .map_or(i64::MAX, |piece| at_s - second_of_day(at_s) + piece.end_s);
        window_s.min(restart_s)
    }

    fn segment(
        &mut self,
        window: Option<&'plan Window>,
        from_s: i64,
        until_s: i64,
    ) -> Result<i64, SpanError> {
        if let Some(window) = window {
            return self.tiers(window, from_s, until_s);
        }
        push_free(&mut self.lines, from_s, until_s);
        Ok(0)
    }

    /// Price a segment: a unit belongs to the tier in which it begins, and the segment's end cuts
    /// the last one short.
    fn tiers(
        &mut self,
        window: &'plan Window,
        from_s: i64,
        until_s: i64,
    ) -> Result<i64, SpanError> {
        let mut gross_fen = 0;
        let mut at_s = from_s;
        for tier in &window.tiers {
            let elapsed_s = self.clock_s + (at_s - from_s);
            let left_s = until_s - at_s;
            if left_s == 0 || elapsed_s >= tier.until_s {
                continue;
            }
            let units = units_up(left_s.min(tier.until_s - elapsed_s), tier.unit_s);
            let end_s = at_s + left_s.min(units * tier.unit_s);
            let unit_price_fen = tier.price_fen.of(self.span.vehicle);
            let amount_fen = times(units, unit_price_fen)?;
            self.lines.push(Line {
                window: Some(&window.name),
                rule: Rule::Tier,
                from_s: at_s,
                until_s: end_s,
                units,
                unit_price_fen,
                amount_fen,
            });
            gross_fen = plus(gross_fen, amount_fen)?;
            at_s = end_s;
        }
        self.clock_s += until_s - from_s;
        Ok(gross_fen)
    }

    /// Take away what is over the cap, as a line of its own.
    fn cap(&mut self, from_s: i64, until_s: i64, gross_fen: i64) -> i64 {
        let (rule, cap) = match &self.plan.cap {
            Cap::None => return 0,
            Cap::NaturalDay(cap) => (Rule::CapDay, cap),
            Cap::Rolling24h(cap) => (Rule::Cap24h, cap),
        };
        let room_fen = (cap.of(self.span.vehicle) - self.used_fen).max(0);
        let amount_fen = (room_fen - gross_fen).min(0);
        if amount_fen < 0 {
            self.lines.push(Line {
                window: None,
                rule,
                from_s,
                until_s,
                units: 1,
                unit_price_fen: amount_fen,
                amount_fen,
            });
        }
        amount_fen
    }

    /// Charge whole days that equal the one before them.
    fn repeat(&mut self, from_s: i64, days: i64, day_fen: i64) -> Result<i64, SpanError> {
        if days == 0 {
            return Ok(0);
        }
        let amount_fen = times(days, day_fen)?;
        self.lines.push(Line {
            window: None,
            rule: Rule::Repeat,
            from_s,
            until_s: from_s + days * DAY_S,
            units: days,
            unit_price_fen: day_fen,
            amount_fen,
        });
        Ok(amount_fen)
    }

    /// What the next visit is told: the 24 hours in which this one ended, if anything was charged.
    fn carry_out(&self, charged_fen: i64) -> Option<Carry> {
        if !self.plan.across_visits || charged_fen == 0 {
            return None;
        }
        let anchor_s = next_edge(self.span.until_s - 1, self.anchor_s) - DAY_S;
        Some(Carry { anchor_s, charged_fen })
    }
}
