//! A plate in one machine word: seven bits a symbol, the first one lowest.

use super::symbol::{OTHER, SYMBOLS, Symbol};

const BITS: u32 = 7;
const LANE: u64 = (1 << BITS) - 1;
/// No plate has more characters, and no more fit into a word.
pub(super) const PLACES: usize = 9;

/// At most [`PLACES`] symbols, each one more than its number; 0 is the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Packed(u64);

impl Packed {
    /// Nothing where there are too many symbols.
    pub(super) fn of(symbols: &[Symbol]) -> Option<Self> {
        if symbols.len() > PLACES {
            return None;
        }
        let lane = |word, &symbol: &Symbol| word << BITS | (u64::from(symbol) + 1);
        Some(Self(symbols.iter().rev().fold(0, lane)))
    }

    /// The same, except that a character that stands on no plate differs from every other one.
    pub(super) fn asked(symbols: &[Symbol]) -> Option<Self> {
        let foreign = Symbol::try_from(SYMBOLS).unwrap_or(OTHER);
        let mut own = [0; PLACES];
        let own = own.get_mut(..symbols.len())?;
        for (own, &symbol) in own.iter_mut().zip(symbols) {
            *own = if symbol == OTHER { foreign } else { symbol };
        }
        Self::of(own)
    }

    /// The word, for whoever keeps it.
    #[must_use]
    pub const fn word(self) -> u64 {
        self.0
    }

    /// The plate of a word that was kept; nothing where no plate has that word.
    #[must_use]
    pub fn from_word(word: u64) -> Option<Self> {
        let symbols: Vec<Symbol> = Self(word).symbols().collect();
        Self::of(&symbols).filter(|same| same.0 == word)
    }

    /// How many symbols there are.
    pub(super) const fn len(self) -> u32 {
        (u64::BITS - self.0.leading_zeros()).div_ceil(BITS)
    }

    /// The symbols in their order.
    pub(super) fn symbols(self) -> impl Iterator<Item = Symbol> {
        let lane = move |place| (self.0 >> (BITS * place)) & LANE;
        (0..self.len())
            .map(move |place| Symbol::try_from(lane(place)).unwrap_or(OTHER))
            .map(|lane| lane.saturating_sub(1).min(OTHER))
    }

    /// The same without the symbol at a place.
    pub(super) const fn without(self, place: u32) -> Self {
        let below = (1 << (BITS * place)) - 1;
        Self(self.0 & below | (self.0 >> BITS) & !below)
    }

    /// Whether the symbol at a place is the same as the one before it.
    pub(super) const fn repeats(self, place: u32) -> bool {
        place > 0 && (self.0 >> (BITS * place)) & LANE == (self.0 >> (BITS * (place - 1))) & LANE
    }

    /// Whether the two are at most one misread, missing or extra character apart.
    pub(super) const fn is_near(self, other: Self) -> bool {
        if self.0 == other.0 {
            return true;
        }
        let (short, long) = if self.len() < other.len() { (self, other) } else { (other, self) };
        let differing = self.0 ^ other.0;
        let first = differing.trailing_zeros() / BITS;
        match long.len() - short.len() {
            0 => first == (u64::BITS - 1 - differing.leading_zeros()) / BITS,
            1 => long.without(first).0 == short.0,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::symbol::symbol;
    use super::*;

    fn packed(text: &str) -> Packed {
        let symbols: Vec<Symbol> = text.chars().map(symbol).collect();
        Packed::of(&symbols).unwrap_or_default()
    }

    #[test]
    fn a_plate_comes_back_from_its_word() {
        for text in ["", "苏", "苏B12345", "苏BD12345", "京X1234应急"] {
            let word = packed(text).word();
            let plate = Packed::from_word(word).unwrap_or_default();
            let symbols: Vec<Symbol> = plate.symbols().collect();
            assert_eq!(symbols, text.chars().map(symbol).collect::<Vec<Symbol>>(), "{text}");
        }
    }

    #[test]
    fn one_error_is_near_and_two_are_not() {
        let plate = packed("苏B12345");
        for near in
            ["苏B12345", "苏B1234", "苏B1245", "B12345", "苏BD12345", "苏B123455", "浙B12345"]
        {
            assert!(plate.is_near(packed(near)) && packed(near).is_near(plate), "{near}");
        }
        for far in ["苏B123", "苏B21345", "浙A12345", "苏BD1234", "", "苏B1234567"] {
            assert!(!plate.is_near(packed(far)) && !packed(far).is_near(plate), "{far}");
        }
    }

    #[test]
    fn a_word_that_is_no_plate_is_refused() {
        for word in [u64::MAX, 1 << 63, 1 << 7, 127] {
            assert_eq!(Packed::from_word(word), None, "{word:x}");
        }
    }
}
