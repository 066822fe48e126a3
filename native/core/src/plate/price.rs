//! The price of each step that leaves the plate or its reading alone.

use super::file::{Cost, Extra, Missing};
use super::symbol::Symbol;

/// Whether a reading may have slipped between the two lengths of ordinary and new-energy plates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slip {
    None,
    /// A new-energy plate of 8 characters, read by a camera that expects 7.
    Loses,
    /// A plate of 7 characters, read as one of new energy.
    Gains,
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

/// What characters cost that are missing or too many.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prices {
    head: Priced,
    middle: Priced,
    tail: Priced,
    tail_again: i32,
    extra_middle: Priced,
    extra_double: Priced,
    extra_tail: Priced,
    extra_tail_again: i32,
}

type Priced = (i32, Place);

impl Prices {
    pub fn of(missing: &Missing, extra: &Extra, slip: Slip) -> Self {
        let cheaper = |cost: Cost, place, slips: bool, energy: Cost| {
            if slips && energy.0 < cost.0 { (energy.0, Place::Energy) } else { (cost.0, place) }
        };
        let lost = |cost, place| cheaper(cost, place, slip == Slip::Loses, missing.energy);
        let gained = |cost, place| cheaper(cost, place, slip == Slip::Gains, extra.energy);
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

    /// A character of the plate that is not the tail.
    pub const fn missing(&self, at: usize) -> Priced {
        if at == 0 { self.head } else { self.middle }
    }

    /// A character of the reading that is not the tail.
    pub fn extra(&self, seen: &[Symbol], at: usize) -> Priced {
        let before = at.checked_sub(1).and_then(|before| seen.get(before));
        let is_double = before.is_some_and(|before| seen.get(at) == Some(before));
        if is_double && self.extra_double.0 < self.extra_middle.0 {
            self.extra_double
        } else {
            self.extra_middle
        }
    }

    /// The last so many characters of the plate.
    pub fn tail(&self, many: usize) -> i32 {
        self.tail.0 + self.tail_again * again(many)
    }

    /// The last so many characters of the reading.
    pub fn extra_tail(&self, many: usize) -> i32 {
        self.extra_tail.0 + self.extra_tail_again * again(many)
    }

    pub const fn tail_place(&self) -> Place {
        self.tail.1
    }

    pub const fn extra_tail_place(&self) -> Place {
        self.extra_tail.1
    }

    /// The cheapest way to lose one character, wherever it stands.
    pub fn least_missing(&self) -> i32 {
        self.head.0.min(self.middle.0).min(self.tail.0)
    }

    /// The cheapest way to gain one, wherever it stands.
    pub fn least_extra(&self) -> i32 {
        self.extra_middle.0.min(self.extra_double.0).min(self.extra_tail.0)
    }

    pub fn least_missing_again(&self) -> i32 {
        self.least_missing().min(self.tail_again)
    }

    pub fn least_extra_again(&self) -> i32 {
        self.least_extra().min(self.extra_tail_again)
    }
}

fn again(many: usize) -> i32 {
    i32::try_from(many.saturating_sub(1)).unwrap_or(i32::MAX / 65_536)
}
