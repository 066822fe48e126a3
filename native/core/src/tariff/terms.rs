//! What decides a price beside the time: who drives, where in the lot, and what is handed in.

use super::SpanError;
use super::time::{DAY_S, MINUTE_S};
use super::words::Traits;

const COUPONS_MAX: usize = 8;
const OVERRIDES_MAX: usize = 8;
const OVERRIDE_DAYS_MAX: i64 = 92;
const PERMILLE_MAX: i64 = 10_000;
const COUPON_MINUTES_MAX: i64 = 10_080;
const COUPON_FEN_MAX: i64 = 100_000_000;

/// The terms of one stay.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Terms {
    /// What the driver or the car is entitled to.
    pub traits: Traits,
    /// The counted part of the lot that the car stood in, if the plan has prices of its own for it.
    pub zone: Option<String>,
    /// How many earlier visits within the quota's time were given free minutes.
    pub free_visits_used: i64,
    /// What merchants and campaigns gave.
    pub coupons: Vec<Coupon>,
    /// Emergency instructions, in order of time.
    pub overrides: Vec<Override>,
}

/// The terms of a stay of which nothing is known but its time.
pub static PLAIN: Terms = Terms {
    traits: Traits::NONE,
    zone: None,
    free_visits_used: 0,
    coupons: Vec::new(),
    overrides: Vec::new(),
};

/// Something handed in that lowers the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coupon {
    /// Minutes that are not billed, after the free ones.
    Minutes(i64),
    /// Thousandths of the amount.
    OffPermille(i64),
    /// Fen of the amount, as far as it goes.
    AmountFen(i64),
    /// All of it.
    Full,
}

/// The public names of the kinds of coupon.
pub const COUPON_KINDS: [&str; 4] = ["minutes", "off_permille", "amount_fen", "full"];

impl Coupon {
    /// Read a coupon by the name of its kind.
    #[must_use]
    pub fn parse(kind: &str, value: i64) -> Option<Self> {
        match kind {
            "minutes" => Some(Self::Minutes(value)),
            "off_permille" => Some(Self::OffPermille(value)),
            "amount_fen" => Some(Self::AmountFen(value)),
            "full" => Some(Self::Full),
            _ => None,
        }
    }

    fn is_sound(self) -> bool {
        match self {
            Self::Minutes(minutes) => (0..=COUPON_MINUTES_MAX).contains(&minutes),
            Self::OffPermille(permille) => (0..=1_000).contains(&permille),
            Self::AmountFen(fen) => (0..=COUPON_FEN_MAX).contains(&fen),
            Self::Full => true,
        }
    }
}

/// An emergency instruction: from one instant to another, prices are multiplied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Override {
    /// When it begins.
    pub from_s: i64,
    /// When it ends.
    pub until_s: i64,
    /// Thousandths of the price; 0: parking is free.
    pub price_permille: i64,
}

impl Terms {
    /// The time that coupons take off.
    pub(super) fn coupon_s(&self) -> i64 {
        let minutes = self.coupons.iter().map(|coupon| match coupon {
            Coupon::Minutes(minutes) => *minutes,
            _ => 0,
        });
        minutes.sum::<i64>() * MINUTE_S
    }

    /// Check what no plan could price.
    ///
    /// # Errors
    /// A [`SpanError`] that names the guilty field.
    pub fn check(&self, coupons_max: i64) -> Result<(), SpanError> {
        let broken = |field, rule, detail| Err(SpanError { field, rule, detail });
        let coupons = i64::try_from(self.coupons.len()).unwrap_or(i64::MAX);
        if self.coupons.len() > COUPONS_MAX || coupons > coupons_max {
            return broken("coupons", "count", "are more than the plan takes");
        }
        if !self.coupons.iter().all(|coupon| coupon.is_sound()) {
            return broken("coupons", "range", "have a value out of bounds");
        }
        if self.overrides.len() > OVERRIDES_MAX {
            return broken("overrides", "count", "are more than 8");
        }
        let apart = self.overrides.iter().zip(self.overrides.iter().skip(1));
        if apart.into_iter().any(|(one, next)| next.from_s < one.until_s) {
            return broken("overrides", "order", "must follow each other in time");
        }
        if !self.overrides.iter().all(Override::is_sound) {
            return broken("overrides", "range", "last at most 92 days, at 0 to 10000 thousandths");
        }
        if self.free_visits_used < 0 {
            return broken("free_visits_used", "range", "must not be negative");
        }
        Ok(())
    }
}

impl Override {
    fn is_sound(&self) -> bool {
        let length = self.until_s.checked_sub(self.from_s);
        length.is_some_and(|s| (1..=OVERRIDE_DAYS_MAX * DAY_S).contains(&s))
            && (0..=PERMILLE_MAX).contains(&self.price_permille)
    }

    pub(super) const fn meets(&self, from_s: i64, until_s: i64) -> bool {
        self.from_s < until_s && from_s < self.until_s
    }
}
