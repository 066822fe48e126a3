//! A stay's way through the days: a few periods priced one by one, the equal ones multiplied.
//!
//! A period is 24 hours long and ends where units end anyhow. What it costs depends on nothing but
//! the kinds of its days and the clock of the tiers at its start, so whole periods that begin with
//! the same clock are priced once for each kind and counted.

mod stretch;
mod when;

use super::compile::{CapKind, Plan};
use super::layout::Layout;
use super::price::{plus, times};
use super::sink::{Sink, push_change, push_nothing};
use super::time::{DAY_S, day_of, midnight, next_edge};
use super::words::{Boundary, Grant, Restart, TierClock};
use super::{Carry, Line, Rule, Span, SpanError};

/// Two days in a row that stand for all such pairs: (the first day, its class, the next one's).
type Pair = (i64, usize, usize);

/// One stay on its way.
pub struct Walk<'plan, 'span, S> {
    plan: &'plan Plan,
    layout: &'plan Layout,
    span: &'span Span<'span>,
    free_s: i64,
    /// What the 24 hours of caps and restarts are counted from.
    anchor_s: i64,
    /// What earlier visits have charged in the period at hand.
    used_fen: i64,
    /// Elapsed time of the tiers.
    clock_s: i64,
    /// The one window that prices all of the stay, whatever the time.
    only: Option<usize>,
    assumed: Option<Pair>,
    sink: S,
    is_muted: bool,
}

impl<'plan, 'span, S: Sink<'plan>> Walk<'plan, 'span, S> {
    pub fn new(plan: &'plan Plan, span: &'span Span<'span>, sink: S) -> Self {
        let carry = plan.covering(span);
        let rolling = carry.filter(|_| plan.cap.kind == CapKind::Rolling24h);
        Self {
            plan,
            layout: plan.layout_of(span.terms.zone.as_deref()),
            span,
            free_s: plan.free_s(span),
            anchor_s: rolling.map_or(span.entered_s, |carry| carry.anchor_s),
            used_fen: carry.map_or(0, |carry| carry.charged_fen),
            clock_s: 0,
            only: None,
            assumed: None,
            sink,
            is_muted: false,
        }
    }

    /// Price all of the stay by one window.
    pub const fn inside(mut self, window: usize) -> Self {
        self.only = Some(window);
        self
    }

    /// The amount, the lines and what the next visit is told.
    pub fn run(mut self) -> Result<(i64, S, Option<Carry>), SpanError> {
        let mut at_s = self.skip_free_minutes();
        if at_s >= self.cap_begins_s(self.span.entered_s) + DAY_S {
            self.used_fen = 0;
        }
        let is_charged = at_s < self.span.until_s;
        let (mut amount_fen, mut charged_fen) = (0, 0);
        while at_s < self.span.until_s {
            let clock_before_s = self.clock_at(at_s);
            let end_s = self.period_end_s(at_s);
            let period_fen = self.period(at_s, end_s)?;
            charged_fen = plus(self.used_fen, period_fen)?;
            amount_fen = plus(amount_fen, period_fen)?;
            let is_whole = end_s - at_s == DAY_S && self.used_fen == 0;
            self.used_fen = 0;
            let days = if is_whole { self.days_alike(end_s, clock_before_s) } else { 0 };
            if days > 0 {
                amount_fen = plus(amount_fen, self.repeat(end_s, days, period_fen)?)?;
            }
            at_s = end_s + days * DAY_S;
        }
        let carry =
            if is_charged { self.carry_out(charged_fen) } else { self.plan.carry_on(self.span) };
        Ok((amount_fen, self.sink, carry))
    }

    fn skip_free_minutes(&mut self) -> i64 {
        let span = self.span;
        let from_s = self.plan.billed_from_s(span, self.free_s);
        self.push_nothing(Rule::Free, span.entered_s, from_s.min(span.until_s));
        let coupon_s = from_s + span.terms.coupon_s();
        self.push_nothing(Rule::Coupon, from_s, coupon_s.min(span.until_s));
        coupon_s
    }

    fn push_nothing(&mut self, rule: Rule, from_s: i64, until_s: i64) {
        if !self.is_muted {
            push_nothing(&mut self.sink, rule, (from_s, until_s));
        }
    }

    fn push_change(&mut self, rule: Rule, (from_s, until_s): (i64, i64), amount_fen: i64) {
        if !self.is_muted {
            push_change(&mut self.sink, (rule, None), (from_s, until_s), amount_fen);
        }
    }

    /// How many whole periods from here on can be counted instead of walked.
    fn days_alike(&self, from_s: i64, clock_before_s: i64) -> i64 {
        let same_clock = self.clock_at(from_s) == clock_before_s;
        let settled = self.plan.restart != Restart::Never
            || self.plan.tier_clock == TierClock::Window
            || self.clock_at(from_s) == self.layout.settled_s;
        let is_steady = if self.layout.days.are_alike() { same_clock } else { settled };
        let last_cap = i64::try_from(self.plan.cap.amounts.len()).unwrap_or_default() - 1;
        let is_typical = self.cap_index(from_s - 1) >= last_cap
            && !self.is_first_grant(from_s)
            && !self.span.terms.overrides.iter().any(|one| one.meets(from_s - DAY_S, from_s));
        if !is_steady || !is_typical {
            return 0;
        }
        let ahead = self.span.terms.overrides.iter().filter(|one| one.until_s > from_s);
        let until_s = ahead.map(|one| one.from_s).fold(self.last_grant_s(), i64::min);
        if self.layout.days.are_alike() {
            return (until_s - from_s).max(0) / DAY_S;
        }
        // The last period is walked, so that what it was charged is known.
        (until_s - from_s - 1).max(0) / DAY_S
    }

    /// Whether the period that ended there saw the first grant, which begins with the stay and not
    /// with its day or 24 hours.
    fn is_first_grant(&self, end_s: i64) -> bool {
        let is_given_anew = matches!(self.plan.free.grant, Grant::Day | Grant::Hours24);
        is_given_anew && self.free_s > 0 && end_s - DAY_S < self.span.entered_s + DAY_S
    }

    /// Free minutes that are given anew look at what the stay has of their day or 24 hours: the
    /// last of these is unlike those before it.
    fn last_grant_s(&self) -> i64 {
        match self.plan.free.grant {
            Grant::Day | Grant::Hours24 if self.free_s > 0 => self.span.until_s - DAY_S,
            _ => self.span.until_s,
        }
    }

    /// Charge whole days that equal one that is priced.
    fn repeat(&mut self, from_s: i64, days: i64, day_fen: i64) -> Result<i64, SpanError> {
        if self.layout.days.are_alike() {
            return self.repeat_line((from_s, days), days, day_fen);
        }
        let (first, classes) = (day_of(from_s), self.layout.days.classes());
        let counts = self.layout.days.counts(first, first + days);
        let mut amount_fen = 0;
        for (pair, count) in counts.into_iter().enumerate().filter(|&(_, count)| count > 0) {
            let pair = (pair / classes, pair % classes);
            let quick = self.quick_period(pair, from_s);
            let day_fen =
                quick.map_or_else(|| self.assumed_period(from_s, (first, pair.0, pair.1)), Ok)?;
            let repeat_fen = self.repeat_line((from_s, days), count, day_fen)?;
            amount_fen = plus(amount_fen, repeat_fen)?;
        }
        Ok(amount_fen)
    }

    /// The price of a period by table, if the plan has one for this stay.
    fn quick_period(&self, pair: (usize, usize), from_s: i64) -> Option<i64> {
        let is_plain =
            std::ptr::eq(self.layout, &raw const self.plan.layout) && self.only.is_none();
        is_plain.then(|| self.plan.quick_period_fen(self.span.vehicle, pair, from_s)).flatten()
    }

    /// Price a period as if its days were of these classes; nothing is written down.
    fn assumed_period(&mut self, from_s: i64, pair: Pair) -> Result<i64, SpanError> {
        let (clock_s, was_muted) = (self.clock_s, self.is_muted);
        (self.assumed, self.is_muted) = (Some(pair), true);
        let period_fen = self.period(from_s, from_s + DAY_S);
        (self.assumed, self.is_muted, self.clock_s) = (None, was_muted, clock_s);
        period_fen
    }

    fn repeat_line(
        &mut self,
        (from_s, days): (i64, i64),
        count: i64,
        day_fen: i64,
    ) -> Result<i64, SpanError> {
        let amount_fen = times(count, day_fen)?;
        self.sink.push(|| Line {
            window: None,
            rule: Rule::Repeat,
            from_s,
            until_s: from_s + days * DAY_S,
            units: count,
            unit_price_fen: day_fen,
            amount_fen,
        });
        Ok(amount_fen)
    }

    /// Price a period or what the stay has of it, its cap included.
    fn period(&mut self, from_s: i64, until_s: i64) -> Result<i64, SpanError> {
        let mut gross_fen = 0;
        let mut at_s = from_s;
        while at_s < until_s {
            self.clock_s = self.clock_at(at_s);
            if let Some(free_until_s) = self.granted_until_s(at_s) {
                let end_s = free_until_s.min(self.next_cut_s(at_s)).min(until_s);
                self.push_nothing(Rule::Free, at_s, end_s);
                at_s = end_s;
                continue;
            }
            let cut_s = self.next_cut_s(at_s).min(until_s);
            let (window, edge_s) = self.here(at_s, cut_s);
            let Some(window) = window.and_then(|index| self.layout.windows.get(index)) else {
                self.push_nothing(Rule::Free, at_s, edge_s);
                at_s = edge_s;
                continue;
            };
            let hard_s = if self.plan.boundary == Boundary::Split { edge_s } else { cut_s };
            let (fen, end_s) = self.stretch(window, at_s, (edge_s, hard_s))?;
            gross_fen = plus(gross_fen, fen)?;
            self.clock_s += end_s - at_s;
            at_s = end_s;
        }
        Ok(gross_fen + self.cap(from_s, until_s, gross_fen))
    }

    /// Take away what is over the cap, as a line of its own.
    fn cap(&mut self, from_s: i64, until_s: i64, gross_fen: i64) -> i64 {
        let rule = match self.plan.cap.kind {
            CapKind::None => return 0,
            CapKind::NaturalDay => Rule::CapDay,
            CapKind::Rolling24h => Rule::Cap24h,
        };
        let cap = usize::try_from(self.cap_index(from_s)).unwrap_or_default();
        let amounts = &self.plan.cap.amounts;
        let Some(cap) = amounts.get(cap).or(amounts.last()) else { return 0 };
        let room_fen = (cap.of(self.span.vehicle) - self.used_fen).max(0);
        let amount_fen = (room_fen - gross_fen).min(0);
        self.push_change(rule, (from_s, until_s), amount_fen);
        amount_fen
    }

    /// Which of the stay's days or 24 hours an instant lies in.
    const fn cap_index(&self, at_s: i64) -> i64 {
        match self.plan.cap.kind {
            CapKind::NaturalDay => day_of(at_s) - day_of(self.span.entered_s),
            CapKind::None | CapKind::Rolling24h => (at_s - self.anchor_s).div_euclid(DAY_S),
        }
    }

    /// When the day or the 24 hours of the cap began that an instant lies in.
    const fn cap_begins_s(&self, at_s: i64) -> i64 {
        match self.plan.cap.kind {
            CapKind::NaturalDay => midnight(at_s),
            CapKind::None | CapKind::Rolling24h => next_edge(at_s, self.anchor_s) - DAY_S,
        }
    }

    /// What the next visit is told: the time of the cap in which this one ended, if anything was
    /// charged.
    fn carry_out(&self, charged_fen: i64) -> Option<Carry> {
        if !self.plan.cap.across_visits || charged_fen == 0 {
            return None;
        }
        Some(Carry { anchor_s: self.cap_begins_s(self.span.until_s - 1), charged_fen })
    }
}
