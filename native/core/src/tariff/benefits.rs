//! What is taken off the whole amount: the best discount, then coupons.

use super::sink::{Sink, push_change};
use super::terms::{Coupon, Terms};
use super::words::{RoundingMode, Traits};
use super::{Rule, Span};

const WHOLE: i64 = 1_000;

/// The discounts of a plan and how their result is rounded.
#[derive(Debug)]
pub struct Benefits {
    pub discounts: Vec<Discount>,
    pub to_fen: i64,
    pub mode: RoundingMode,
    pub coupons_max: i64,
}

#[derive(Debug)]
pub struct Discount {
    pub name: String,
    pub traits: Traits,
    pub off_permille: i64,
}

impl Benefits {
    /// The amount after the best discount and all coupons, each with its line.
    pub fn apply<'plan>(
        &'plan self,
        amount_fen: i64,
        span: &Span<'_>,
        sink: &mut impl Sink<'plan>,
    ) -> i64 {
        let whole = (span.entered_s, span.until_s);
        let mut left_fen = amount_fen;
        if let Some(best) = self.best(span.terms.traits) {
            left_fen = self.rounded(amount_fen, best.off_permille);
            let why = (Rule::Discount, Some(best.name.as_str()));
            push_change(sink, why, whole, left_fen - amount_fen);
        }
        for coupon in coupons_in_order(span.terms) {
            let after_fen = after(coupon, left_fen);
            push_change(sink, (Rule::Coupon, None), whole, after_fen - left_fen);
            left_fen = after_fen;
        }
        left_fen
    }

    /// Discounts do not add up: the best one counts.
    fn best(&self, traits: Traits) -> Option<&Discount> {
        let open = self.discounts.iter().filter(|discount| discount.traits.meets(traits));
        open.max_by_key(|discount| discount.off_permille)
    }

    /// Round to a multiple of `to_fen`, never above the amount itself.
    fn rounded(&self, amount_fen: i64, off_permille: i64) -> i64 {
        let (exact, step) = (
            i128::from(amount_fen) * i128::from(WHOLE - off_permille),
            i128::from(self.to_fen * WHOLE),
        );
        let up = match self.mode {
            RoundingMode::Down => 0,
            RoundingMode::HalfUp => step / 2,
            RoundingMode::Up => step - 1,
        };
        let kept = (exact + up).div_euclid(step) * i128::from(self.to_fen);
        i64::try_from(kept).unwrap_or(amount_fen).min(amount_fen)
    }
}

/// Percentages before amounts, and these before what takes all; minutes are time, not money.
fn coupons_in_order(terms: &Terms) -> Vec<Coupon> {
    let mut coupons = terms.coupons.clone();
    coupons.sort_by_key(|coupon| match coupon {
        Coupon::Minutes(_) => 0,
        Coupon::OffPermille(_) => 1,
        Coupon::AmountFen(_) => 2,
        Coupon::Full => 3,
    });
    coupons
}

fn after(coupon: Coupon, amount_fen: i64) -> i64 {
    match coupon {
        Coupon::Minutes(_) => amount_fen,
        Coupon::OffPermille(permille) => part(amount_fen, WHOLE - permille),
        Coupon::AmountFen(off_fen) => (amount_fen - off_fen).max(0),
        Coupon::Full => 0,
    }
}

/// Thousandths of an amount; a part of a fen is dropped in favour of the driver.
pub fn part(amount_fen: i64, permille: i64) -> i64 {
    let exact = i128::from(amount_fen) * i128::from(permille) / i128::from(WHOLE);
    i64::try_from(exact).unwrap_or(amount_fen)
}
