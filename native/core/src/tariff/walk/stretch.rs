//! What a stretch inside one window costs: its units, its own cap, and what instructions change.

use super::Walk;
use crate::tariff::benefits::part;
use crate::tariff::layout::Window;
use crate::tariff::price::{plus, times, units_up};
use crate::tariff::sink::Sink;
use crate::tariff::words::{Grant, Rounding};
use crate::tariff::{Line, Rule, SpanError};

impl<'plan, S: Sink<'plan>> Walk<'plan, '_, S> {
    /// Price a stretch inside a window, in which units begin before `edge_s` and end by `hard_s`:
    /// the amount and where its last unit ends.
    pub(in crate::tariff) fn stretch(
        &mut self,
        window: &'plan Window,
        from_s: i64,
        (edge_s, hard_s): (i64, i64),
    ) -> Result<(i64, i64), SpanError> {
        let mut at_s = from_s;
        if self.plan.free.grant == Grant::Window {
            at_s = self.free_until_s(from_s, edge_s).min(edge_s);
            self.push_nothing(Rule::Free, from_s, at_s);
        }
        let counts = window.counts.filter(|counts| hard_s - at_s > counts.over_s);
        let counted_s = counts.map_or(hard_s, |counts| at_s + counts.as_s);
        let edge_s = if counts.is_some() { counted_s } else { edge_s };
        let (gross_fen, end_s) = self.tiers(window, at_s, (edge_s, counted_s))?;
        let end_s = if counts.is_some() { hard_s } else { end_s };
        self.push_nothing(Rule::NotCounted, counted_s, end_s);
        let amount_fen = self.window_cap(window, (from_s, end_s), gross_fen);
        Ok((self.overridden((from_s, end_s), amount_fen), end_s))
    }

    /// Fill a stretch with units: a unit belongs to the tier in which it begins.
    fn tiers(
        &mut self,
        window: &'plan Window,
        from_s: i64,
        (edge_s, hard_s): (i64, i64),
    ) -> Result<(i64, i64), SpanError> {
        let mut gross_fen = 0;
        let mut at_s = from_s;
        for tier in &window.tiers {
            let elapsed_s = self.clock_s + (at_s - from_s);
            if at_s >= edge_s {
                break;
            }
            if elapsed_s >= tier.until_s {
                continue;
            }
            let begun = units_up((edge_s - at_s).min(tier.until_s - elapsed_s), tier.unit_s);
            let full_s = at_s + begun * tier.unit_s;
            let is_dropped = full_s > hard_s && self.drops(hard_s - (full_s - tier.unit_s));
            let units = begun - i64::from(is_dropped);
            let end_s = hard_s.min(at_s + units * tier.unit_s);
            let unit_price_fen = tier.price_fen.of(self.span.vehicle);
            let amount_fen = times(units, unit_price_fen)?;
            if units > 0 && !self.is_muted {
                self.sink.push(|| Line {
                    window: Some(&window.name),
                    rule: Rule::Tier,
                    from_s: at_s,
                    until_s: end_s,
                    units,
                    unit_price_fen,
                    amount_fen,
                });
            }
            if is_dropped {
                self.push_nothing(Rule::PartDropped, end_s, hard_s);
            }
            gross_fen = plus(gross_fen, amount_fen)?;
            at_s = if is_dropped { hard_s } else { end_s };
        }
        Ok((gross_fen, at_s))
    }

    /// Whether a part of a unit costs nothing.
    const fn drops(&self, part_s: i64) -> bool {
        match self.plan.rounding {
            Rounding::Up => false,
            Rounding::Down => true,
            Rounding::Tail => part_s <= self.plan.tail_s,
        }
    }

    /// What a stretch costs at most.
    fn window_cap(&mut self, window: &Window, at_s: (i64, i64), gross_fen: i64) -> i64 {
        let Some(cap) = &window.cap_fen else { return gross_fen };
        let capped_fen = gross_fen.min(cap.of(self.span.vehicle));
        self.push_change(Rule::CapWindow, at_s, capped_fen - gross_fen);
        capped_fen
    }

    /// What an instruction makes of the price of a stretch that begins under it.
    fn overridden(&mut self, (from_s, until_s): (i64, i64), amount_fen: i64) -> i64 {
        let mut overrides = self.span.terms.overrides.iter();
        let now = overrides.find(|one| one.from_s <= from_s && from_s < one.until_s);
        let Some(now) = now else { return amount_fen };
        let changed_fen = part(amount_fen, now.price_permille);
        self.push_change(Rule::Override, (from_s, until_s), changed_fen - amount_fen);
        changed_fen
    }
}
