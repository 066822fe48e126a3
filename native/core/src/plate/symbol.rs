//! The alphabet of plates as small numbers.

use super::grammar::PROVINCES;

/// Marks that end or begin plates of their own kind.
const MARKS: [char; 14] =
    ['警', '学', '挂', '港', '澳', '使', '领', '临', '试', '超', '应', '急', '民', '航'];
const LETTERS: [char; 24] = [
    'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'J', 'K', 'L', 'M', 'N', 'P', 'Q', 'R', 'S', 'T', 'U',
    'V', 'W', 'X', 'Y', 'Z',
];
const DIGITS: [char; 10] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];

/// One character of a plate.
pub(super) type Symbol = u8;

pub(super) const FIRST_LETTER: Symbol = 31;
pub(super) const FIRST_DIGIT: Symbol = 55;
pub(super) const FIRST_MARK: Symbol = 65;
/// Every character that stands on no plate; it equals nothing, not even itself.
pub(super) const OTHER: Symbol = 79;
/// How many there are.
pub(super) const SYMBOLS: usize = 80;

/// The longest text that is held against plates; no plate has more than nine characters.
pub(super) const LENGTH_MAX: usize = 12;

/// What a character is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Province,
    Letter,
    Digit,
    Mark,
    Other,
}

pub(super) const fn class(symbol: Symbol) -> Class {
    match symbol {
        0..FIRST_LETTER => Class::Province,
        FIRST_LETTER..FIRST_DIGIT => Class::Letter,
        FIRST_DIGIT..FIRST_MARK => Class::Digit,
        FIRST_MARK..OTHER => Class::Mark,
        _ => Class::Other,
    }
}

/// The symbol of a character. No plate has an I or an O, so they are the digits that they look like.
pub(super) fn symbol(c: char) -> Symbol {
    match c {
        '0'..='9' => FIRST_DIGIT + (c as u8 - b'0'),
        'O' => FIRST_DIGIT,
        'I' => FIRST_DIGIT + 1,
        'A'..='Z' => FIRST_LETTER + place(&LETTERS, c).unwrap_or(0),
        _ => place(&PROVINCES, c)
            .or_else(|| place(&MARKS, c).map(|mark| FIRST_MARK + mark))
            .unwrap_or(OTHER),
    }
}

fn place(alphabet: &[char], c: char) -> Option<Symbol> {
    alphabet.iter().position(|&one| one == c).and_then(|place| Symbol::try_from(place).ok())
}

/// The character of a symbol, for people.
pub(super) fn character(symbol: Symbol) -> char {
    let at = |alphabet: &[char], first: Symbol| alphabet.get(usize::from(symbol - first)).copied();
    match class(symbol) {
        Class::Province => at(&PROVINCES, 0),
        Class::Letter => at(&LETTERS, FIRST_LETTER),
        Class::Digit => at(&DIGITS, FIRST_DIGIT),
        Class::Mark => at(&MARKS, FIRST_MARK),
        Class::Other => None,
    }
    .unwrap_or('?')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_symbol_has_one_character() {
        for each in 0..OTHER {
            assert_eq!(symbol(character(each)), each);
        }
        assert_eq!(symbol('😀'), OTHER);
        assert_eq!((symbol('O'), symbol('I')), (symbol('0'), symbol('1')));
    }
}
