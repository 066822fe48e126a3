//! Where the lines of a quote go: into a list, or nowhere when only the amount is asked for.

use super::{Line, Rule};

/// Takes lines one after the other.
pub trait Sink<'plan> {
    /// Take a line; it is only made if somebody reads it.
    fn push(&mut self, line: impl FnOnce() -> Line<'plan>);
}

/// Nobody reads the lines.
pub struct Silent;

impl<'plan> Sink<'plan> for Silent {
    #[inline]
    fn push(&mut self, _: impl FnOnce() -> Line<'plan>) {}
}

impl<'plan> Sink<'plan> for Vec<Line<'plan>> {
    fn push(&mut self, line: impl FnOnce() -> Line<'plan>) {
        Vec::push(self, line());
    }
}

/// Say that a stretch of time costs nothing, and why.
pub fn push_nothing<'plan>(sink: &mut impl Sink<'plan>, rule: Rule, (from_s, until_s): (i64, i64)) {
    if from_s < until_s {
        sink.push(|| Line {
            window: None,
            rule,
            from_s,
            until_s,
            units: 0,
            unit_price_fen: 0,
            amount_fen: 0,
        });
    }
}

/// Change the amount of a stretch of time; nothing if it changes nothing.
pub fn push_change<'plan>(
    sink: &mut impl Sink<'plan>,
    (rule, window): (Rule, Option<&'plan str>),
    (from_s, until_s): (i64, i64),
    amount_fen: i64,
) {
    if amount_fen != 0 {
        sink.push(|| Line {
            window,
            rule,
            from_s,
            until_s,
            units: 1,
            unit_price_fen: amount_fen,
            amount_fen,
        });
    }
}
