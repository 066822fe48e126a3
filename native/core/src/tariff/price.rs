//! The price of a span: what outranks the walk through the days, and what every price shares.

use super::compile::{CapKind, Crossing, NightPack, Plan};
use super::layout::Layout;
use super::sink::{Silent, Sink, push_nothing};
use super::time::{DAY_S, FIRST_S, LAST_S, midnight, second_of_day};
use super::walk::Walk;
use super::words::{CrossingPart, FreeMode, Grant, Trait};
use super::{Carry, Line, Quote, Rule, Span, SpanError};

type Priced<S> = Result<(i64, S, Option<Carry>), SpanError>;

impl Plan {
    /// Price a span of time, with the lines that explain it.
    ///
    /// # Errors
    /// A [`SpanError`] for a span that ends before it begins, leaves the years 2000 to 2100 or has
    /// terms out of bounds.
    pub fn price(&self, span: &Span<'_>) -> Result<Quote<'_>, SpanError> {
        let (amount_fen, lines, carry) = self.run(span, Vec::with_capacity(8))?;
        Ok(Quote { amount_fen, lines, carry })
    }

    /// Price a span of time without saying why.
    ///
    /// # Errors
    /// As [`Plan::price`].
    pub fn fee_fen(&self, span: &Span<'_>) -> Result<i64, SpanError> {
        if let Some(fee_fen) = self.quick_fee_fen(span) {
            return Ok(fee_fen);
        }
        self.run(span, Silent).map(|(amount_fen, ..)| amount_fen)
    }

    fn run<'plan, S: Sink<'plan>>(&'plan self, span: &Span<'_>, mut sink: S) -> Priced<S> {
        check(span)?;
        span.terms.check(self.benefits.coupons_max)?;
        let whole = (span.entered_s, span.until_s);
        if self.exempt.meets(span.terms.traits) {
            push_nothing(&mut sink, Rule::Exempt, whole);
            return Ok((0, sink, self.carry_on(span)));
        }
        let stay_s = span.until_s - span.entered_s;
        if self.free.grant == Grant::Stay && self.is_free(stay_s, self.free_s(span)) {
            push_nothing(&mut sink, Rule::Free, whole);
            return Ok((0, sink, self.carry_on(span)));
        }
        let (amount_fen, mut sink, carry) = self.by_time(span, sink)?;
        let amount_fen = self.benefits.apply(amount_fen, span, &mut sink);
        Ok((amount_fen, sink, carry))
    }

    /// The price of the time alone.
    fn by_time<'plan, S: Sink<'plan>>(&'plan self, span: &Span<'_>, sink: S) -> Priced<S> {
        let disturbed =
            span.terms.overrides.iter().any(|one| one.meets(span.entered_s, span.until_s));
        if let Some(pack) = self.night_pack.as_ref().filter(|pack| pack.covers(span)) {
            let walked = if disturbed { Walk::new(self, span, Silent).run()?.0 } else { i64::MAX };
            if self.pack_fen(pack, span)?.2 <= walked {
                return self.night(pack, span, sink);
            }
        }
        let walk = Walk::new(self, span, sink);
        match self.crossed(span).filter(|_| !disturbed) {
            Some(window) => walk.inside(window).run(),
            None => walk.run(),
        }
    }

    /// When the pack is billed from, its units and its amount.
    fn pack_fen(&self, pack: &NightPack, span: &Span<'_>) -> Result<(i64, i64, i64), SpanError> {
        let free_s = if pack.after_free { self.free_s(span) } else { 0 };
        let from_s = self.billed_from_s(span, free_s) + span.terms.coupon_s();
        let units = units_up((span.until_s - from_s).max(0), pack.unit_s).min(pack.max_units);
        Ok((from_s, units, times(units, pack.price_fen.of(span.vehicle))?))
    }

    fn night<'plan, S: Sink<'plan>>(
        &self,
        pack: &'plan NightPack,
        span: &Span<'_>,
        mut sink: S,
    ) -> Priced<S> {
        let (from_s, units, amount_fen) = self.pack_fen(pack, span)?;
        push_nothing(&mut sink, Rule::Free, (span.entered_s, from_s.min(span.until_s)));
        sink.push(|| Line {
            window: Some(&pack.name),
            rule: Rule::NightPack,
            from_s: from_s.min(span.until_s),
            until_s: span.until_s,
            units,
            unit_price_fen: pack.price_fen.of(span.vehicle),
            amount_fen,
        });
        Ok((amount_fen, sink, None))
    }

    /// The window of the entry, if a stay of at most 24 hours has a short part beyond one edge.
    fn crossed(&self, span: &Span<'_>) -> Option<usize> {
        let crossing = self.crossing.filter(|_| span.until_s - span.entered_s <= DAY_S)?;
        let layout = self.layout_of(span.terms.zone.as_deref());
        let (window, edge_s) = layout.window_at(span.entered_s);
        let (next, end_s) = layout.window_at(edge_s);
        let one_edge = edge_s < span.until_s && span.until_s <= end_s && next.is_some();
        window.filter(|_| one_edge && crossing.is_short(span, edge_s))
    }

    /// The carry, if the car came within its time.
    pub(super) fn covering(&self, span: &Span<'_>) -> Option<Carry> {
        let carry = span.carry.filter(|_| self.cap.across_visits)?;
        let covers = match self.cap.kind {
            CapKind::NaturalDay => midnight(span.entered_s) == carry.anchor_s,
            CapKind::None | CapKind::Rolling24h => {
                span.entered_s - DAY_S < carry.anchor_s && carry.anchor_s <= span.entered_s
            }
        };
        covers.then_some(carry)
    }

    /// A visit that was charged nothing leaves the carry as it was.
    pub(super) fn carry_on(&self, span: &Span<'_>) -> Option<Carry> {
        self.covering(span).filter(|carry| span.until_s < carry.anchor_s + DAY_S)
    }

    /// The free time of this stay: the most that its traits give, or what is left beyond the quota.
    pub(super) fn free_s(&self, span: &Span<'_>) -> i64 {
        let quota = self.free.quota;
        if let Some(quota) = quota.filter(|quota| span.terms.free_visits_used >= quota.visits) {
            return quota.then_s;
        }
        let own = |one, s| if span.terms.traits.has(one) { s } else { 0 };
        let most = self.free.s.max(own(Trait::Electric, self.free.electric_s));
        most.max(own(Trait::Disabled, self.free.disabled_s))
    }

    /// Whether time of that length is free as a whole.
    pub(super) const fn is_free(&self, length_s: i64, free_s: i64) -> bool {
        length_s < free_s || (length_s == free_s && (self.free.inclusive || free_s == 0))
    }

    pub(super) const fn billed_from_s(&self, span: &Span<'_>, free_s: i64) -> i64 {
        match (self.free.grant, self.free.mode) {
            (Grant::Stay, FreeMode::Deduct) => span.entered_s + free_s,
            _ => span.entered_s,
        }
    }
}

impl NightPack {
    /// Both ends lie in one night, its edges included.
    pub(super) const fn covers(&self, span: &Span<'_>) -> bool {
        let into_s = (second_of_day(span.entered_s) - self.enter_from_s).rem_euclid(DAY_S);
        into_s + (span.until_s - span.entered_s) <= self.length_s
    }
}

impl Crossing {
    fn is_short(self, span: &Span<'_>, edge_s: i64) -> bool {
        let (before_s, after_s) = (edge_s - span.entered_s, span.until_s - edge_s);
        match self.part {
            CrossingPart::Either => before_s.min(after_s) <= self.part_s,
            CrossingPart::Later => after_s <= self.part_s,
        }
    }
}

impl Layout {
    /// The window at an instant and where it ends, at most two days on.
    fn window_at(&self, at_s: i64) -> (Option<usize>, i64) {
        let second = second_of_day(at_s);
        let day = super::time::day_of(at_s);
        let today = self.schedule(self.days.class(day));
        let Some(piece) = today.and_then(|day| day.piece_at(second)) else { return (None, at_s) };
        let end_s = at_s - second + piece.end_s;
        let next = self.schedule(self.days.class(day + 1)).and_then(|day| day.pieces().first());
        let goes_on =
            |next: &&super::day::Piece| piece.end_s == DAY_S && next.window == piece.window;
        (piece.window, end_s + next.filter(goes_on).map_or(0, |next| next.end_s))
    }
}

fn check(span: &Span<'_>) -> Result<(), SpanError> {
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

/// How many units a time fills; a part of one counts as one.
#[inline]
pub const fn units_up(time_s: i64, unit_s: i64) -> i64 {
    (time_s + unit_s - 1) / unit_s
}

const AMOUNT: SpanError =
    SpanError { field: "until_at", rule: "amount", detail: "the amount is too large" };

pub fn times(units: i64, price_fen: i64) -> Result<i64, SpanError> {
    units.checked_mul(price_fen).ok_or(AMOUNT)
}

pub fn plus(one_fen: i64, other_fen: i64) -> Result<i64, SpanError> {
    one_fen.checked_add(other_fen).ok_or(AMOUNT)
}
