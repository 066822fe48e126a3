//! Where a stay is at an instant: in which window and until when, and where every unit ends.

use super::Walk;
use crate::tariff::compile::{CapKind, Period};
use crate::tariff::day::Schedule;
use crate::tariff::sink::Sink;
use crate::tariff::time::{DAY_S, MIDNIGHT_S, day_of, is_edge, midnight, next_edge, second_of_day};
use crate::tariff::words::{FreeMode, Grant, Restart, TierClock};

impl<'plan, S: Sink<'plan>> Walk<'plan, '_, S> {
    pub(super) fn class(&self, day: i64) -> usize {
        match self.assumed {
            Some((first, one, next)) => {
                if day == first {
                    one
                } else {
                    next
                }
            }
            None => self.layout.days.class(day),
        }
    }

    pub(super) fn period_end_s(&self, at_s: i64) -> i64 {
        let end_s = match self.layout.period {
            Period::Cycle => next_edge(at_s, self.anchor_s),
            Period::Local(edge_s) => next_edge(at_s, edge_s),
            Period::Whole => i64::MAX,
        };
        end_s.min(self.span.until_s)
    }

    /// The clock of the tiers for time that begins here: set back where it is, and cut off where
    /// more of it changes nothing.
    pub(super) fn clock_at(&self, at_s: i64) -> i64 {
        let restarts = match self.plan.restart {
            Restart::Never => false,
            Restart::Every24h => is_edge(at_s, self.anchor_s),
            Restart::EveryDay => is_edge(at_s, MIDNIGHT_S),
        };
        if restarts || (self.plan.tier_clock == TierClock::Window && self.window_begins(at_s)) {
            return 0;
        }
        self.clock_s.min(self.layout.settled_s)
    }

    pub(super) fn window_begins(&self, at_s: i64) -> bool {
        if self.only.is_some() {
            return false;
        }
        let (day, second) = (day_of(at_s), second_of_day(at_s));
        let Some(today) = self.layout.schedule(self.class(day)) else { return false };
        if second > 0 {
            return today.piece_at(second).is_some_and(|piece| piece.start_s == second);
        }
        let before = self.layout.schedule(self.class(day - 1));
        before.and_then(Schedule::last_window) != today.first_window()
    }

    /// The window at an instant, and where it ends, as far as `limit_s`.
    #[inline]
    pub(super) fn here(&self, at_s: i64, limit_s: i64) -> (Option<usize>, i64) {
        if self.only.is_some() {
            return (self.only, limit_s);
        }
        let day = day_of(at_s);
        let Some(today) = self.layout.schedule(self.class(day)) else { return (None, limit_s) };
        if self.layout.days.are_alike() && today.is_whole() {
            return (today.first_window(), limit_s);
        }
        let second = second_of_day(at_s);
        let Some(piece) = today.piece_at(second) else { return (None, limit_s) };
        let mut end_s = at_s - second + piece.end_s;
        if piece.end_s == DAY_S {
            end_s = self.over_midnight(day + 1, piece.window, (end_s, limit_s));
        }
        (piece.window, end_s.min(limit_s))
    }

    /// Where a window ends that reaches midnight.
    pub(super) fn over_midnight(
        &self,
        mut day: i64,
        window: Option<usize>,
        (mut end_s, limit_s): (i64, i64),
    ) -> i64 {
        while end_s < limit_s {
            let next = self.layout.schedule(self.class(day)).and_then(|day| day.pieces().first());
            let Some(piece) = next.filter(|piece| piece.window == window) else { break };
            end_s += piece.end_s;
            if piece.end_s < DAY_S {
                break;
            }
            day += 1;
        }
        end_s
    }

    /// Where every unit ends, whatever its window: where tiers begin again, a cap's time ends,
    /// free minutes are given anew or an instruction begins or ends.
    pub(super) fn next_cut_s(&self, at_s: i64) -> i64 {
        let plan = self.plan;
        let by_24h = plan.restart == Restart::Every24h
            || plan.cap.kind == CapKind::Rolling24h
            || (plan.free.grant == Grant::Hours24 && self.free_s > 0);
        let by_day = plan.restart == Restart::EveryDay
            || plan.cap.kind == CapKind::NaturalDay
            || (plan.free.grant == Grant::Day && self.free_s > 0);
        let mut cut_s = i64::MAX;
        if by_24h {
            cut_s = next_edge(at_s, self.anchor_s);
        }
        if by_day {
            cut_s = cut_s.min(next_edge(at_s, MIDNIGHT_S));
        }
        for one in &self.span.terms.overrides {
            for edge_s in [one.from_s, one.until_s] {
                if edge_s > at_s {
                    cut_s = cut_s.min(edge_s);
                }
            }
        }
        cut_s
    }

    /// Until when the free minutes of this day or these 24 hours last, if they do.
    pub(super) fn granted_until_s(&self, at_s: i64) -> Option<i64> {
        let from_s = match self.plan.free.grant {
            Grant::Stay | Grant::Window => return None,
            Grant::Day => midnight(at_s),
            Grant::Hours24 => next_edge(at_s, self.anchor_s) - DAY_S,
        };
        let until_s = (from_s + DAY_S).min(self.span.until_s);
        let from_s = from_s.max(self.span.entered_s);
        let free_until_s = self.free_until_s(from_s, until_s);
        (at_s < free_until_s).then_some(free_until_s)
    }

    /// Where free minutes end that begin here, for time that ends there.
    pub(super) fn free_until_s(&self, from_s: i64, until_s: i64) -> i64 {
        if self.plan.is_free(until_s - from_s, self.free_s) {
            until_s
        } else if self.plan.free.mode == FreeMode::Deduct {
            from_s + self.free_s
        } else {
            from_s
        }
    }
}
