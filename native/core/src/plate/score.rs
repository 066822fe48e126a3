//! How rare a reading is, and what colour, vehicle and time say for a stay.

use super::color::Color;
use super::file::{Background, Cost};
use super::fixed::ln_milli;
use super::grammar::Kind;
use super::model::Model;
use super::packed::Packed;
use super::symbol::{Class, SYMBOLS, Symbol, class};
use super::text::Text;
use crate::tariff::Vehicle;

/// How often each beginning occurs among the cars inside.
pub(super) struct Beginnings {
    counts: Vec<u32>,
    all: u32,
}

impl Beginnings {
    pub fn of<'a>(inside: impl Iterator<Item = &'a Text>) -> Self {
        let mut counts = vec![0; SYMBOLS * SYMBOLS];
        let mut all = 0;
        for text in inside {
            all += 1;
            if let Some(count) = counts.get_mut(beginning(text)) {
                *count += 1;
            }
        }
        Self { counts, all }
    }

    pub fn of_packed(plates: &[Packed]) -> Self {
        let mut counts = vec![0; SYMBOLS * SYMBOLS];
        for &plate in plates {
            let mut symbols = plate.symbols().map(usize::from);
            let at = symbols.next().unwrap_or(0) * SYMBOLS + symbols.next().unwrap_or(0);
            if let Some(count) = counts.get_mut(at) {
                *count += 1;
            }
        }
        Self { counts, all: u32::try_from(plates.len()).unwrap_or(u32::MAX) }
    }

    fn cost(&self, text: &Text, prefixes: u32) -> i32 {
        let same = self.counts.get(beginning(text)).copied().unwrap_or(0);
        ln_milli(u64::from(self.all) + u64::from(prefixes)) - ln_milli(u64::from(same) + 1)
    }
}

fn beginning(text: &Text) -> usize {
    let at = |place: usize| text.symbols().get(place).copied().map_or(0, usize::from);
    at(0) * SYMBOLS + at(1)
}

/// `-1000 ln P` of reading this text from a car that is not inside.
pub(super) fn rarity(model: &Model, text: &Text, beginnings: &Beginnings) -> i32 {
    let background = &model.background;
    let serial = text.symbols().iter().skip(2);
    let chars: i32 = serial.map(|&symbol| char_cost(background, symbol)).sum();
    let form = form_cost(background, text);
    beginnings.cost(text, background.prefixes.0) + chars + form
}

fn char_cost(background: &Background, symbol: Symbol) -> i32 {
    match class(symbol) {
        Class::Digit => background.digit.0,
        Class::Letter => background.letter.0,
        Class::Province | Class::Mark | Class::Other => background.mark.0,
    }
}

fn form_cost(background: &Background, text: &Text) -> i32 {
    let [none, one, two] = background.ordinary;
    let letters = || text.symbols().iter().skip(2).filter(|&&s| class(s) == Class::Letter).count();
    let Cost(cost) = match text.kind {
        Kind::Ordinary => match letters() {
            0 => none,
            1 => one,
            _ => two,
        },
        Kind::EnergySmall => background.energy_small,
        Kind::EnergyLarge => background.energy_large,
        Kind::None => background.no_plate,
        _ => background.rare,
    };
    cost
}

/// Two reports of what may be one car.
pub(super) struct Meeting {
    pub colors: (Color, Color),
    pub vehicles: (Option<Vehicle>, Option<Vehicle>),
    pub stay_s: i64,
}

/// What colour, vehicle class and time say together.
pub(super) fn circumstances(model: &Model, meeting: &Meeting) -> i32 {
    color(model, meeting).0 + vehicle(model, meeting).0 + time(model, meeting.stay_s).0
}

/// A word for each of them that says something against the stay.
pub(super) fn objections(model: &Model, meeting: &Meeting) -> Vec<&'static str> {
    let parts = [color(model, meeting), vehicle(model, meeting), time(model, meeting.stay_s)];
    parts.iter().filter_map(|(_, reason)| *reason).collect()
}

type Part = (i32, Option<&'static str>);

fn color(model: &Model, meeting: &Meeting) -> Part {
    let (seen, entered) = meeting.colors;
    if seen == Color::Unknown || entered == Color::Unknown {
        (0, None)
    } else if seen == entered {
        (model.prior.color_same.0, None)
    } else if seen.agrees(entered) {
        (model.prior.color_alike.0, None)
    } else {
        (model.prior.color_differs.0, Some("color_differs"))
    }
}

fn vehicle(model: &Model, meeting: &Meeting) -> Part {
    match meeting.vehicles {
        (Some(seen), Some(entered)) if seen == entered => (model.prior.vehicle_same.0, None),
        (Some(_), Some(_)) => (model.prior.vehicle_differs.0, Some("vehicle_differs")),
        _ => (0, None),
    }
}

fn time(model: &Model, stay_s: i64) -> Part {
    if stay_s < 0 {
        return (model.prior.before_entry.0, Some("before_entry"));
    }
    let step = model.prior.stay.iter().find(|step| stay_s < step.until_s);
    let milli = step.map_or(model.prior.stay_longer.0, |step| step.milli.0);
    let reason = match (milli < 0, model.prior.stay.first()) {
        (false, _) => None,
        (true, Some(first)) if stay_s < first.until_s => Some("short_stay"),
        (true, _) => Some("unusual_stay"),
    };
    (milli, reason)
}
