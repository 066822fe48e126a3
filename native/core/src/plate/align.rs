//! What it costs to have read one text where the plate says another, and how that came about.

use super::file::Cost;
use super::model::Model;
use super::symbol::{Class, LENGTH_MAX, Symbol, class};

const CELLS: usize = LENGTH_MAX + 1;
type Row = [i32; CELLS];

/// How one character came to be read, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Read as another that looks like it.
    LookAlike(usize, Symbol, Symbol),
    /// Read as another that does not.
    Dissimilar(usize, Symbol, Symbol),
    /// A province for a province.
    Province(usize, Symbol, Symbol),
    /// Not read: the first character, one in the middle, or from the end on.
    Missing(Place, usize, Symbol),
    /// Read, but not there.
    Extra(Place, usize, Symbol),
}

/// Where a character is missing or too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Head,
    Middle,
    Tail,
    /// The same character twice.
    Double,
    /// One character between the two lengths of ordinary and new-energy plates.
    Energy,
}

/// Two texts of which one is read where the other stands.
pub(super) struct Pair<'a> {
    pub truth: &'a [Symbol],
    pub seen: &'a [Symbol],
    /// Whether the true plate has the longer form of new energy.
    pub is_energy_truth: bool,
    /// Whether the text that was read has it.
    pub is_energy_seen: bool,
}

impl Pair<'_> {
    /// A new-energy plate of 8 characters, read by a camera that expects 7.
    const fn loses_one(&self) -> bool {
        self.is_energy_truth && self.truth.len() == 8 && self.seen.len() == 7
    }

    /// A plate of 7 characters, read as one of new energy.
    const fn gains_one(&self) -> bool {
        self.is_energy_seen && self.truth.len() == 7 && self.seen.len() == 8
    }
}

/// The price of each step that leaves one text or the other alone.
struct Prices {
    head: (i32, Place),
    middle: (i32, Place),
    tail: (i32, Place),
    tail_again: i32,
    extra_middle: (i32, Place),
    extra_double: (i32, Place),
    extra_tail: (i32, Place),
    extra_tail_again: i32,
}

impl Prices {
    fn of(model: &Model, pair: &Pair<'_>) -> Self {
        let (missing, extra) = (&model.missing, &model.extra);
        let cheaper = |cost: Cost, place, slips: bool, energy: Cost| {
            if slips && energy.0 < cost.0 { (energy.0, Place::Energy) } else { (cost.0, place) }
        };
        let lost = |cost, place| cheaper(cost, place, pair.loses_one(), missing.energy);
        let gained = |cost, place| cheaper(cost, place, pair.gains_one(), extra.energy);
        Self {
            head: (missing.head.0, Place::Head),
            middle: lost(missing.middle, Place::Middle),
            tail: lost(missing.tail, Place::Tail),
            tail_again: missing.tail_again.0,
            extra_middle: gained(extra.middle, Place::Middle),
            extra_double: gained(extra.double, Place::Double),
            extra_tail: gained(extra.tail, Place::Tail),
            extra_tail_again: extra.tail_again.0,
        }
    }

    const fn missing(&self, at: usize) -> (i32, Place) {
        if at == 0 { self.head } else { self.middle }
    }

    fn extra(&self, seen: &[Symbol], at: usize) -> (i32, Place) {
        let before = at.checked_sub(1).and_then(|before| seen.get(before));
        let doubled = before.is_some_and(|before| seen.get(at) == Some(before));
        if doubled && self.extra_double.0 < self.extra_middle.0 {
            self.extra_double
        } else {
            self.extra_middle
        }
    }

    fn tail(&self, many: usize) -> i32 {
        self.tail.0 + self.tail_again * again(many)
    }

    fn extra_tail(&self, many: usize) -> i32 {
        self.extra_tail.0 + self.extra_tail_again * again(many)
    }
}

fn again(many: usize) -> i32 {
    i32::try_from(many.saturating_sub(1)).unwrap_or(i32::MAX / 65_536)
}

/// The cheapest way from the plate to the reading, or nothing if it costs more than `most`.
pub(super) fn cost(model: &Model, pair: &Pair<'_>, most: i32) -> Option<i32> {
    let prices = Prices::of(model, pair);
    let mut extra = [0; CELLS];
    for (at, extra) in extra.iter_mut().enumerate().take(pair.seen.len()) {
        *extra = prices.extra(pair.seen, at).0;
    }
    let mut row = first_row(&extra);
    let read = pair.seen.len();
    let mut best = i32::MAX;
    for (at, &truth) in pair.truth.iter().enumerate() {
        best = best.min(end(&row, read) + prices.tail(pair.truth.len() - at));
        let least = next_row(model, &mut row, (truth, prices.missing(at).0), (pair.seen, &extra));
        if least > most && best > most {
            return None;
        }
    }
    best = best.min(end(&row, read));
    for (at, &cell) in row.iter().enumerate().take(read) {
        best = best.min(cell.saturating_add(prices.extra_tail(read - at)));
    }
    (best <= most).then_some(best)
}

fn end(row: &Row, read: usize) -> i32 {
    row.get(read).copied().unwrap_or(i32::MAX / 2)
}

fn first_row(extra: &Row) -> Row {
    let mut row = [0; CELLS];
    let mut sum = 0;
    for (cell, extra) in row.iter_mut().skip(1).zip(extra) {
        sum += extra;
        *cell = sum;
    }
    row
}

/// Go on by one character of the plate and return the least price so far.
fn next_row(
    model: &Model,
    row: &mut Row,
    (truth, missing): (Symbol, i32),
    (seen, extra): (&[Symbol], &Row),
) -> i32 {
    let prices = model.row(truth);
    let [first, rest @ ..] = row;
    let mut diagonal = *first;
    *first += missing;
    let (mut left, mut least) = (*first, *first);
    for (cell, (&seen, &extra)) in rest.iter_mut().zip(seen.iter().zip(extra)) {
        let read = prices.get(usize::from(seen)).map_or(i32::MAX / 4, |&price| i32::from(price));
        let best = (diagonal + read).min(*cell + missing).min(left + extra);
        diagonal = *cell;
        *cell = best;
        left = best;
        least = least.min(best);
    }
    least
}

/// How the cheapest way goes, from the end to the start; where several cost the same, a character
/// is read rather than missing, and missing rather than too many.
pub(super) fn steps(model: &Model, pair: &Pair<'_>) -> Vec<Step> {
    let prices = Prices::of(model, pair);
    let rows = all_rows(model, pair, &prices);
    let at = |i: usize, j: usize| {
        rows.get(i).and_then(|row| row.get(j)).copied().unwrap_or(i32::MAX / 2)
    };
    let (mut i, mut j) = (pair.truth.len(), pair.seen.len());
    let mut steps = Vec::new();
    let ((kept_i, kept_j), place) = ending(&prices, (i, j), at);
    while i > kept_i {
        i -= 1;
        steps.extend(pair.truth.get(i).map(|&truth| Step::Missing(place, i, truth)));
    }
    while j > kept_j {
        j -= 1;
        steps.extend(pair.seen.get(j).map(|&seen| Step::Extra(place, j, seen)));
    }
    while i > 0 || j > 0 {
        let here = at(i, j);
        let read = || i > 0 && j > 0 && here == at(i - 1, j - 1) + price(model, pair, i, j);
        if read() {
            (i, j) = (i - 1, j - 1);
            steps.extend(read_step(model, pair, i, j));
        } else if i > 0 && here == at(i - 1, j) + prices.missing(i - 1).0 {
            i -= 1;
            let place = prices.missing(i).1;
            steps.extend(pair.truth.get(i).map(|&truth| Step::Missing(place, i, truth)));
        } else if j > 0 {
            j -= 1;
            let place = prices.extra(pair.seen, j).1;
            steps.extend(pair.seen.get(j).map(|&seen| Step::Extra(place, j, seen)));
        } else {
            break;
        }
    }
    steps
}

type Cell = (usize, usize);

/// Where the tail begins, and what it is.
fn ending(prices: &Prices, (i, j): Cell, at: impl Fn(usize, usize) -> i32) -> (Cell, Place) {
    let whole = (at(i, j), (i, j), Place::Tail);
    let lost =
        (1..=i).map(|many| (at(i - many, j) + prices.tail(many), (i - many, j), prices.tail.1));
    let gained = (1..=j).map(|many| {
        (at(i, j - many) + prices.extra_tail(many), (i, j - many), prices.extra_tail.1)
    });
    let cheapest =
        lost.chain(gained).fold(whole, |best, one| if one.0 < best.0 { one } else { best });
    (cheapest.1, cheapest.2)
}

fn all_rows(model: &Model, pair: &Pair<'_>, prices: &Prices) -> Vec<Row> {
    let mut extra = [0; CELLS];
    for (at, extra) in extra.iter_mut().enumerate().take(pair.seen.len()) {
        *extra = prices.extra(pair.seen, at).0;
    }
    let mut row = first_row(&extra);
    let mut rows = vec![row];
    for (at, &truth) in pair.truth.iter().enumerate() {
        next_row(model, &mut row, (truth, prices.missing(at).0), (pair.seen, &extra));
        rows.push(row);
    }
    rows
}

fn price(model: &Model, pair: &Pair<'_>, i: usize, j: usize) -> i32 {
    let both = pair.truth.get(i - 1).zip(pair.seen.get(j - 1));
    both.and_then(|(&truth, &seen)| model.row(truth).get(usize::from(seen)))
        .map_or(i32::MAX / 4, |&price| i32::from(price))
}

fn read_step(model: &Model, pair: &Pair<'_>, i: usize, j: usize) -> Option<Step> {
    let (truth, seen) = (*pair.truth.get(i)?, *pair.seen.get(j)?);
    if price(model, pair, i + 1, j + 1) == 0 {
        return None;
    }
    let both = (class(truth), class(seen));
    Some(if both == (Class::Province, Class::Province) {
        Step::Province(i, truth, seen)
    } else if model.is_dissimilar(truth, seen) {
        Step::Dissimilar(i, truth, seen)
    } else {
        Step::LookAlike(i, truth, seen)
    })
}
