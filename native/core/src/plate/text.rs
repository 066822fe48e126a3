//! A text, made ready to be held against others.

use super::grammar::{Kind, kind_of};
use super::symbol::{LENGTH_MAX, OTHER, Symbol, character, symbol};

/// Symbols in a row, with the kind of plate that they are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text {
    symbols: [Symbol; LENGTH_MAX],
    length: usize,
    pub kind: Kind,
    /// One bit for each symbol that occurs.
    pub set: u128,
}

impl Text {
    /// Nothing where the text is empty or longer than any plate.
    pub fn of(text: &str) -> Option<Self> {
        Self::of_chars(text.chars())
    }

    /// The text of some symbols.
    pub fn of_symbols(symbols: impl Iterator<Item = Symbol>) -> Option<Self> {
        Self::of_chars(symbols.map(character))
    }

    fn of_chars(text: impl Iterator<Item = char>) -> Option<Self> {
        let mut chars = ['\0'; LENGTH_MAX];
        let mut length = 0;
        for c in text {
            *chars.get_mut(length)? = c;
            length += 1;
        }
        let kind = kind_of(chars.get(..length).filter(|chars| !chars.is_empty())?);
        let mut symbols = [OTHER; LENGTH_MAX];
        let mut set = 0;
        for (place, &c) in symbols.iter_mut().zip(chars.iter().take(length)) {
            *place = symbol(c);
            set |= 1 << *place;
        }
        Some(Self { symbols, length, kind, set })
    }

    pub fn symbols(&self) -> &[Symbol] {
        self.symbols.get(..self.length).unwrap_or_default()
    }

    pub const fn len(&self) -> usize {
        self.length
    }

    pub const fn is_energy(&self) -> bool {
        matches!(self.kind, Kind::EnergySmall | Kind::EnergyLarge)
    }

    pub fn is_plate(&self) -> bool {
        self.kind != Kind::None
    }
}
