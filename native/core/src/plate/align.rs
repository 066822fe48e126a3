//! What it costs to have read one text where the plate says another, and how that came about.

use super::model::Model;
use super::price::{Place, Prices, Slip};
use super::symbol::{Class, LENGTH_MAX, OTHER, Symbol, class};
use super::text::Text;

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

/// Two texts of which one is read where the other stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair<'a> {
    pub truth: &'a Text,
    pub seen: &'a Text,
}

impl Pair<'_> {
    pub const fn slip(&self) -> Slip {
        match (self.truth.len(), self.seen.len()) {
            (8, 7) if self.truth.is_energy() => Slip::Loses,
            (7, 8) if self.seen.is_energy() => Slip::Gains,
            _ => Slip::None,
        }
    }
}

/// The cheapest way from the plate to the reading; nothing if it is sure to cost more than `most`.
pub(super) fn cost(model: &Model, pair: &Pair<'_>, most: i32) -> Option<i32> {
    let prices = model.prices(pair.slip());
    let (truth, seen) = (pair.truth.symbols(), pair.seen.symbols());
    let extra = extras(prices, seen);
    let mut row = first_row(&extra);
    let read = seen.len();
    let mut best = i32::MAX;
    for (at, &symbol) in truth.iter().enumerate() {
        best = best.min(end(&row, read) + prices.tail(truth.len() - at));
        let least = next_row(model, &mut row, (symbol, prices.missing(at).0), (seen, &extra));
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

fn extras(prices: &Prices, seen: &[Symbol]) -> Row {
    let mut extra = [0; CELLS];
    for (at, extra) in extra.iter_mut().enumerate().take(seen.len()) {
        *extra = prices.extra(seen, at).0;
    }
    extra
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

/// How the cheapest way goes, from the start to the end; where several cost the same, a character
/// is read rather than missing, and missing rather than too many.
pub(super) fn steps(model: &Model, pair: &Pair<'_>) -> Vec<Step> {
    let prices = model.prices(pair.slip());
    let (truth, seen) = (pair.truth.symbols(), pair.seen.symbols());
    let rows = all_rows(model, pair, prices);
    let at = |i: usize, j: usize| {
        rows.get(i).and_then(|row| row.get(j)).copied().unwrap_or(i32::MAX / 2)
    };
    let mut back = Vec::new();
    let ((mut i, mut j), place) = ending(prices, (truth.len(), seen.len()), at);
    back.extend((i..truth.len()).rev().filter_map(|at| missing(truth, place, at)));
    back.extend((j..seen.len()).rev().filter_map(|at| extra(seen, place, at)));
    while i > 0 || j > 0 {
        let here = at(i, j);
        if i > 0 && j > 0 && here == at(i - 1, j - 1) + price(model, pair, (i - 1, j - 1)) {
            (i, j) = (i - 1, j - 1);
            back.extend(read(model, pair, (i, j)));
        } else if i > 0 && here == at(i - 1, j) + prices.missing(i - 1).0 {
            i -= 1;
            back.extend(missing(truth, prices.missing(i).1, i));
        } else {
            j = j.saturating_sub(1);
            back.extend(extra(seen, prices.extra(seen, j).1, j));
        }
    }
    back.reverse();
    back
}

fn missing(truth: &[Symbol], place: Place, at: usize) -> Option<Step> {
    truth.get(at).map(|&symbol| Step::Missing(place, at, symbol))
}

fn extra(seen: &[Symbol], place: Place, at: usize) -> Option<Step> {
    seen.get(at).map(|&symbol| Step::Extra(place, at, symbol))
}

type Cell = (usize, usize);

/// Where the tail begins, and what it is.
fn ending(prices: &Prices, (i, j): Cell, at: impl Fn(usize, usize) -> i32) -> (Cell, Place) {
    let whole = (at(i, j), (i, j), Place::Tail);
    let lost = (1..=i)
        .map(|many| (at(i - many, j) + prices.tail(many), (i - many, j), prices.tail_place()));
    let gained = (1..=j).map(|many| {
        (at(i, j - many) + prices.extra_tail(many), (i, j - many), prices.extra_tail_place())
    });
    let cheapest =
        lost.chain(gained).fold(whole, |best, one| if one.0 < best.0 { one } else { best });
    (cheapest.1, cheapest.2)
}

fn all_rows(model: &Model, pair: &Pair<'_>, prices: &Prices) -> Vec<Row> {
    let seen = pair.seen.symbols();
    let extra = extras(prices, seen);
    let mut row = first_row(&extra);
    let mut rows = vec![row];
    for (at, &symbol) in pair.truth.symbols().iter().enumerate() {
        next_row(model, &mut row, (symbol, prices.missing(at).0), (seen, &extra));
        rows.push(row);
    }
    rows
}

fn price(model: &Model, pair: &Pair<'_>, (i, j): Cell) -> i32 {
    let both = pair.truth.symbols().get(i).zip(pair.seen.symbols().get(j));
    both.map_or(i32::MAX / 4, |(&truth, &seen)| model.reads(truth, seen))
}

fn read(model: &Model, pair: &Pair<'_>, cell: Cell) -> Option<Step> {
    let (truth, seen) = (*pair.truth.symbols().get(cell.0)?, *pair.seen.symbols().get(cell.1)?);
    if truth == seen && truth != OTHER {
        return None;
    }
    let both = (class(truth), class(seen));
    Some(if both == (Class::Province, Class::Province) {
        Step::Province(cell.0, truth, seen)
    } else if model.is_dissimilar(truth, seen) {
        Step::Dissimilar(cell.0, truth, seen)
    } else {
        Step::LookAlike(cell.0, truth, seen)
    })
}
