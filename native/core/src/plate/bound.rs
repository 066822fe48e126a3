//! The price of a reading, without an alignment where it can be told without one.

use super::align::{self, Pair};
use super::model::Model;

/// The cheapest way from the plate to the reading, or nothing if it costs more than `most`.
pub(super) fn cost(model: &Model, pair: &Pair<'_>, most: i32) -> Option<i32> {
    let (truth, seen) = (pair.truth.len(), pair.seen.len());
    let detour = detour(model, pair);
    if truth != seen {
        return if detour > most { None } else { align::cost(model, pair, most) };
    }
    let straight = straight(model, pair);
    if straight <= detour {
        return (straight <= most).then_some(straight);
    }
    if detour > most && straight > most { None } else { align::cost(model, pair, most) }
}

/// Every character read where it stands.
fn straight(model: &Model, pair: &Pair<'_>) -> i32 {
    let both = pair.truth.symbols().iter().zip(pair.seen.symbols());
    both.map(|(&truth, &seen)| model.reads(truth, seen)).sum()
}

/// What any way costs at least on which a character is missing or too many.
///
/// A symbol that only one of the texts has was misread, or is missing or too many; each step
/// explains one of them.
fn detour(model: &Model, pair: &Pair<'_>) -> i32 {
    let prices = model.prices(pair.slip());
    let (truth, seen) = (pair.truth.len(), pair.seen.len());
    let missing = truth.saturating_sub(seen);
    let extra = seen.saturating_sub(truth);
    let (missing, extra) = if truth == seen { (1, 1) } else { (missing, extra) };
    let unexplained = |lone: u128, explained: usize| {
        usize::try_from(lone.count_ones()).unwrap_or(0).saturating_sub(explained)
    };
    let gained = unexplained(pair.seen.set & !pair.truth.set, extra);
    let lost = unexplained(pair.truth.set & !pair.seen.set, missing);
    let rest_gained = times(gained, model.least_read().min(prices.least_extra_again()));
    let rest_lost = times(lost, model.least_read().min(prices.least_missing_again()));
    row(missing, prices.least_missing(), prices.least_missing_again())
        + row(extra, prices.least_extra(), prices.least_extra_again())
        + rest_gained.max(rest_lost)
}

fn row(many: usize, first: i32, again: i32) -> i32 {
    if many == 0 { 0 } else { first + times(many - 1, again) }
}

fn times(many: usize, price: i32) -> i32 {
    i32::try_from(many).unwrap_or(i32::MAX / 65_536) * price
}
