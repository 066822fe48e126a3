//! A model that is ready to score: every price in one table, what was learned folded in.

use super::ModelError;
use super::file::{
    Background, Cost, Count, Extra, Learned, Missing, ModelFile, Prior, Shapes, Sign, parse,
};
use super::fixed::{ONE, exp_neg_milli, ln_milli};
use super::price::{Prices, Slip};
use super::symbol::{Class, OTHER, SYMBOLS, Symbol, character, class};

/// The model that knows no camera yet.
const PRIOR: &str = include_str!("prior.json");
/// However often an error was seen, it costs at least this; however seldom, at most that.
const LEARNED_COST: std::ops::RangeInclusive<i32> = 1_500..=16_000;

/// What the reading of one camera model is worth. It never changes.
#[derive(Debug)]
pub struct Model {
    pub(super) name: String,
    pub(super) version: u32,
    substitute: Box<[[u16; SYMBOLS]; SYMBOLS]>,
    dissimilar: Box<[[bool; SYMBOLS]; SYMBOLS]>,
    least_read: i32,
    plain: Prices,
    loses: Prices,
    gains: Prices,
    pub(super) background: Background,
    pub(super) prior: Prior,
    pub(super) threshold: i32,
    pub(super) margin: i32,
}

/// The JSON of the model that ships with the platform.
#[must_use]
pub const fn prior() -> &'static str {
    PRIOR
}

impl Model {
    /// Read a model and check it.
    ///
    /// # Errors
    ///
    /// Names the field and the rule that it breaks.
    pub fn compile(body: &str) -> Result<Self, ModelError> {
        parse(body).map(|file| Self::of(&file))
    }

    pub(super) fn of(file: &ModelFile) -> Self {
        let learned = &file.learned;
        let shape = |base, count: Count| learned_cost(file.misread, base, learned, count);
        let Shapes { tail, middle, head, energy, .. } = learned.missing;
        let missing = Missing {
            tail: shape(file.missing.tail, tail),
            tail_again: file.missing.tail_again,
            middle: shape(file.missing.middle, middle),
            head: shape(file.missing.head, head),
            energy: shape(file.missing.energy, energy),
        };
        let Shapes { tail, middle, double, energy, .. } = learned.extra;
        let extra = Extra {
            tail: shape(file.extra.tail, tail),
            tail_again: file.extra.tail_again,
            middle: shape(file.extra.middle, middle),
            double: shape(file.extra.double, double),
            energy: shape(file.extra.energy, energy),
        };
        let (substitute, dissimilar) = substitutions(file);
        Self {
            name: file.name.clone(),
            version: file.version,
            least_read: least(&substitute),
            substitute,
            dissimilar,
            plain: Prices::of(&missing, &extra, Slip::None),
            loses: Prices::of(&missing, &extra, Slip::Loses),
            gains: Prices::of(&missing, &extra, Slip::Gains),
            background: file.background,
            prior: file.prior.clone(),
            threshold: file.threshold.0,
            margin: file.margin.0,
        }
    }

    /// The model's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version of the model, which rises with everything that it learns.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// What it costs to read each symbol where the plate has this one.
    pub(super) fn row(&self, truth: Symbol) -> &[u16; SYMBOLS] {
        let [first, ..] = &*self.substitute;
        self.substitute.get(usize::from(truth)).unwrap_or(first)
    }

    /// What it costs to read one symbol where the plate has another.
    pub(super) fn reads(&self, truth: Symbol, seen: Symbol) -> i32 {
        self.row(truth).get(usize::from(seen)).map_or(i32::MAX / 64, |&cost| i32::from(cost))
    }

    /// The cheapest misreading of one character.
    pub(super) const fn least_read(&self) -> i32 {
        self.least_read
    }

    pub(super) const fn prices(&self, slip: Slip) -> &Prices {
        match slip {
            Slip::None => &self.plain,
            Slip::Loses => &self.loses,
            Slip::Gains => &self.gains,
        }
    }

    /// Whether nobody knows the two for each other's look-alikes.
    pub(super) fn is_dissimilar(&self, truth: Symbol, seen: Symbol) -> bool {
        let row = self.dissimilar.get(usize::from(truth));
        row.and_then(|row| row.get(usize::from(seen))).copied().unwrap_or(true)
    }
}

fn least(costs: &[[u16; SYMBOLS]; SYMBOLS]) -> i32 {
    let misread = costs.iter().flatten().filter(|&&cost| cost > 0);
    misread.min().map_or(0, |&cost| i32::from(cost))
}

type Substitutions = (Box<[[u16; SYMBOLS]; SYMBOLS]>, Box<[[bool; SYMBOLS]; SYMBOLS]>);

fn substitutions(file: &ModelFile) -> Substitutions {
    let mut costs = Box::new([[0; SYMBOLS]; SYMBOLS]);
    let mut dissimilar = Box::new([[true; SYMBOLS]; SYMBOLS]);
    for (truth, (costs, dissimilar)) in (0..).zip(costs.iter_mut().zip(dissimilar.iter_mut())) {
        let sign = Sign(character(truth));
        let known = file.look_alike.get(&sign);
        for (seen, (cost, dissimilar)) in (0..).zip(costs.iter_mut().zip(dissimilar.iter_mut())) {
            if truth == seen && truth != OTHER {
                continue;
            }
            let known = known.and_then(|row| row.get(&Sign(character(seen)))).copied();
            *dissimilar = known.is_none();
            let base = known.unwrap_or_else(|| unlike(file, truth, seen));
            let price = read_cost(file, sign, Sign(character(seen)), base);
            *cost = u16::try_from(price).unwrap_or(u16::MAX);
        }
    }
    (costs, dissimilar)
}

fn unlike(file: &ModelFile, truth: Symbol, seen: Symbol) -> Cost {
    match (class(truth), class(seen)) {
        (_, Class::Other) | (Class::Other, _) => file.dissimilar.unreadable,
        (Class::Province, Class::Province) => file.dissimilar.province,
        (Class::Letter | Class::Digit, Class::Letter | Class::Digit) => file.dissimilar.serial,
        _ => file.dissimilar.mark,
    }
}

fn read_cost(file: &ModelFile, truth: Sign, seen: Sign, base: Cost) -> i32 {
    let learned = &file.learned;
    let Some(&exposed) = learned.seen.get(&truth) else { return base.0 };
    let read = learned.read.get(&truth).and_then(|row| row.get(&seen)).copied();
    posterior(file.misread.0, base.0, learned.weight, (read.unwrap_or_default(), exposed))
}

fn learned_cost(misread: Cost, base: Cost, learned: &Learned, count: Count) -> Cost {
    if learned.pairs.0 == 0 {
        return base;
    }
    Cost(posterior(misread.0, base.0, learned.weight, (count, learned.pairs)))
}

/// The price of an error that was seen so often among so many misreadings, when before anything was
/// seen it had the price `base`, and that belief weighs as much as `weight` misreadings.
fn posterior(misread: i32, base: i32, weight: Count, (count, of): (Count, Count)) -> i32 {
    let (weight, count, of) = (u64::from(weight.0), u64::from(count.0), u64::from(of.0));
    let believed = exp_neg_milli((base - misread).max(0));
    let hits = weight * believed + count * ONE;
    let cost = misread + ln_milli((weight + of) * ONE) - ln_milli(hits);
    cost.clamp(*LEARNED_COST.start(), *LEARNED_COST.end())
}
