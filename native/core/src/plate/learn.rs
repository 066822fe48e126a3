//! What people's decisions teach: counts of what was read for what.

use super::ModelError;
use super::align::{self, Pair, Step};
use super::bound;
use super::file::{COUNT_MAX, Count, Learned, ModelFile, Shapes, Sign, broken, parse};
use super::model::Model;
use super::price::Place;
use super::symbol::{OTHER, Symbol, character};
use super::text::Text;

/// How many decisions are learned at once.
pub const PAIRS_MAX: usize = 10_000;
/// A pair that costs more is no misreading: somebody chose another car.
const COST_MAX: i32 = 26_000;

/// Fold decisions, each a reading and the plate that it was of, into the next version of a model.
///
/// The new model is no larger than its alphabet allows, however much was learned: it counts, and
/// halves every count when one grows too large, so that a camera that changes is learned anew.
///
/// # Errors
///
/// Names the field of the model that is no good, or `pairs` where there are too many.
pub fn learn(body: &str, pairs: &[(&str, &str)]) -> Result<String, ModelError> {
    let mut file = parse(body)?;
    if pairs.len() > PAIRS_MAX {
        return Err(broken("pairs", "count", "at most 10000 decisions are learned at once"));
    }
    let model = Model::of(&file);
    for (seen, truth) in pairs {
        fold(&model, &mut file, seen, truth);
    }
    file.version = file.version.saturating_add(1);
    serde_json::to_string(&file).map_err(|error| broken(".", "json", &error.to_string()))
}

fn fold(model: &Model, file: &mut ModelFile, seen: &str, truth: &str) {
    let (Some(seen), Some(truth)) = (Text::of(seen), Text::of(truth)) else { return };
    let pair = Pair { truth: &truth, seen: &seen };
    let cost = bound::cost(model, &pair, COST_MAX);
    if cost.is_none_or(|cost| cost == 0) {
        return;
    }
    let learned = &mut file.learned;
    add(&mut learned.pairs);
    for &symbol in truth.symbols() {
        if let Some(sign) = sign(symbol) {
            add(learned.seen.entry(sign).or_default());
        }
    }
    for step in align::steps(model, &pair) {
        count(learned, &step);
    }
    if is_full(learned) {
        halve(learned);
    }
}

fn sign(symbol: Symbol) -> Option<Sign> {
    (symbol != OTHER).then(|| Sign(character(symbol)))
}

fn add(count: &mut Count) {
    count.0 = count.0.saturating_add(1).min(COUNT_MAX);
}

fn count(learned: &mut Learned, step: &Step) {
    match *step {
        Step::LookAlike(_, truth, seen)
        | Step::Dissimilar(_, truth, seen)
        | Step::Province(_, truth, seen) => {
            if let (Some(truth), Some(seen)) = (sign(truth), sign(seen)) {
                add(learned.read.entry(truth).or_default().entry(seen).or_default());
            }
        }
        Step::Missing(place, ..) => add(shape(&mut learned.missing, place)),
        Step::Extra(place, ..) => add(shape(&mut learned.extra, place)),
    }
}

const fn shape(shapes: &mut Shapes, place: Place) -> &mut Count {
    match place {
        Place::Head => &mut shapes.head,
        Place::Middle => &mut shapes.middle,
        Place::Tail => &mut shapes.tail,
        Place::Double => &mut shapes.double,
        Place::Energy => &mut shapes.energy,
    }
}

fn is_full(learned: &Learned) -> bool {
    learned.pairs.0 >= COUNT_MAX || learned.seen.values().any(|count| count.0 >= COUNT_MAX)
}

fn halve(learned: &mut Learned) {
    let Learned { pairs, seen, read, missing, extra, .. } = learned;
    let shapes = [missing, extra];
    let of_shapes = shapes.into_iter().flat_map(|shapes| {
        [
            &mut shapes.tail,
            &mut shapes.middle,
            &mut shapes.head,
            &mut shapes.double,
            &mut shapes.energy,
        ]
    });
    let of_signs = seen.values_mut().chain(read.values_mut().flat_map(|row| row.values_mut()));
    for count in of_shapes.chain(of_signs).chain([pairs]) {
        count.0 /= 2;
    }
}
