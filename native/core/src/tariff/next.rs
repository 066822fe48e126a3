//! When an amount rises next: what a driver at the gate wants to know.

use super::compile::Plan;
use super::time::{DAY_S, LAST_S, MINUTE_S};
use super::{Span, SpanError};

const HORIZON_S: i64 = 31 * DAY_S;

/// The next rise of an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextChange {
    /// The first second at which leaving costs more.
    pub at_s: i64,
    /// What it costs then.
    pub amount_fen: i64,
}

impl Plan {
    /// When the amount rises next and to what; none within 31 days, or none that can be priced.
    ///
    /// # Errors
    /// As [`Plan::price`].
    pub fn next_change(&self, span: &Span<'_>) -> Result<Option<NextChange>, SpanError> {
        let now_fen = self.fee_fen(span)?;
        let end_s = (span.until_s + HORIZON_S).min(LAST_S - 1);
        let fee_at = |until_s| self.fee_fen(&Span { until_s, ..*span });
        let (mut low_s, mut step_s) = (span.until_s, MINUTE_S);
        let mut high_s = low_s;
        while high_s < end_s {
            high_s = (low_s + step_s).min(end_s);
            if fee_at(high_s)? > now_fen {
                break;
            }
            (low_s, step_s) = (high_s, (step_s * 2).min(DAY_S / 4));
        }
        if fee_at(high_s)? <= now_fen {
            return Ok(None);
        }
        while high_s - low_s > 1 {
            let middle_s = low_s + (high_s - low_s) / 2;
            if fee_at(middle_s)? > now_fen {
                high_s = middle_s;
            } else {
                low_s = middle_s;
            }
        }
        Ok(Some(NextChange { at_s: high_s, amount_fen: fee_at(high_s)? }))
    }
}
