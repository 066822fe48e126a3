//! The price of a span: what needs no walk through the days, and what every price shares.

use super::compile::{NightPack, Plan};
use super::file::FreeMode;
use super::time::{DAY_S, FIRST_S, LAST_S, second_of_day};
use super::walk::Walk;
use super::{Carry, Line, Quote, Rule, Span, SpanError};

impl Plan {
    /// Price a span of time.
    ///
    /// # Errors
    /// A [`SpanError`] for a span that ends before it begins or leaves the years 2000 to 2100.
    pub fn price(&self, span: &Span) -> Result<Quote<'_>, SpanError> {
        check(span)?;
        if span.until_s - span.entered_s <= self.free_s {
            return Ok(self.free_stay(span));
        }
        match self.night_pack.as_ref().filter(|pack| pack.covers(span)) {
            Some(pack) => self.night(pack, span),
            None => Walk::new(self, span).run(),
        }
    }

    fn free_stay(&self, span: &Span) -> Quote<'_> {
        let mut lines = Vec::new();
        push_free(&mut lines, span.entered_s, span.until_s);
        let alive = |carry: &Carry| self.across_visits && span.until_s < carry.anchor_s + DAY_S;
        Quote { amount_fen: 0, lines, carry: covering(span).filter(alive) }
    }

    fn night<'plan>(&self, pack: &'plan NightPack, span: &Span) -> Result<Quote<'plan>, SpanError> {
        let from_s = if pack.after_free { self.billed_from_s(span) } else { span.entered_s };
        let units = units_up(span.until_s - from_s, pack.unit_s).min(pack.max_units);
        let unit_price_fen = pack.price_fen.of(span.vehicle);
        let amount_fen = times(units, unit_price_fen)?;
        let mut lines = Vec::with_capacity(2);
        push_free(&mut lines, span.entered_s, from_s);
        lines.push(Line {
            window: Some(&pack.name),
            rule: Rule::NightPack,
            from_s,
            until_s: span.until_s,
            units,
            unit_price_fen,
            amount_fen,
        });
        Ok(Quote { amount_fen, lines, carry: None })
    }

    pub(super) const fn billed_from_s(&self, span: &Span) -> i64 {
        match self.free_mode {
            FreeMode::Deduct => span.entered_s + self.free_s,
            FreeMode::Absorb => span.entered_s,
        }
    }
}

impl NightPack {
    /// Both ends lie in one night, its edges included.
    const fn covers(&self, span: &Span) -> bool {
        let into_s = (second_of_day(span.entered_s) - self.enter_from_s).rem_euclid(DAY_S);
        into_s + (span.until_s - span.entered_s) <= self.length_s
    }
}

fn check(span: &Span) -> Result<(), SpanError> {
    for (field, at_s) in [("entered_at", span.entered_s), ("until_at", span.until_s)] {
        if !(FIRST_S..LAST_S).contains(&at_s) {
            return Err(SpanError { field, rule: "years", detail: "must lie in 2000 to 2100" });
        }
    }
    if span.until_s < span.entered_s {
        let detail = "must not be before entered_at";
        return Err(SpanError { field: "until_at", rule: "order", detail });
    }
    if span.carry.is_some_and(|carry| carry.charged_fen < 0) {
        let detail = "must not be negative";
        return Err(SpanError { field: "carry", rule: "range", detail });
    }
    Ok(())
}

/// The carry, if the car came within its 24 hours.
pub fn covering(span: &Span) -> Option<Carry> {
    let newest_s = span.entered_s - DAY_S;
    span.carry.filter(|carry| newest_s < carry.anchor_s && carry.anchor_s <= span.entered_s)
}

pub fn push_free(lines: &mut Vec<Line<'_>>, from_s: i64, until_s: i64) {
    if from_s < until_s {
        let rule = Rule::Free;
        let (units, unit_price_fen, amount_fen) = (0, 0, 0);
        lines.push(Line { window: None, rule, from_s, until_s, units, unit_price_fen, amount_fen });
    }
}

/// How many units a time fills; a part of one counts as one.
pub const fn units_up(time_s: i64, unit_s: i64) -> i64 {
    time_s / unit_s + (time_s % unit_s != 0) as i64
}

const AMOUNT: SpanError =
    SpanError { field: "until_at", rule: "amount", detail: "the amount is too large" };

pub fn times(units: i64, price_fen: i64) -> Result<i64, SpanError> {
    units.checked_mul(price_fen).ok_or(AMOUNT)
}

pub fn plus(one_fen: i64, other_fen: i64) -> Result<i64, SpanError> {
    one_fen.checked_add(other_fen).ok_or(AMOUNT)
}
