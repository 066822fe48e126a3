//! Plates: one spelling for each, and whether a text can be a plate at all (GA 36-2018).
//!
//! The grammar is wide enough for every plate that is in use and exists to mark a reading as
//! suspect; it never says that a plate was issued.

const PROVINCES: &str = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新";
const ENERGY_LETTERS: &str = "ABCDEFGHJK";
const SERIAL: usize = 5;
const ORDINARY_LETTERS_MAX: usize = 2;

/// Colour class of a plate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// Small cars.
    Blue,
    /// Large cars, trailers and driving schools.
    Yellow,
    /// Police, armed police, military, emergency.
    White,
    /// Embassies, consulates, Hong Kong and Macao.
    Black,
    /// New energy, small; civil aviation.
    Green,
    /// New energy, large.
    YellowGreen,
    /// The device could not tell.
    Unknown,
}

impl Color {
    /// Read the colour by its public name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "blue" => Some(Self::Blue),
            "yellow" => Some(Self::Yellow),
            "white" => Some(Self::White),
            "black" => Some(Self::Black),
            "green" => Some(Self::Green),
            "yellow_green" => Some(Self::YellowGreen),
            "unknown" => Some(Self::Unknown),
            _ => None,
        }
    }
}

/// Bring a plate into its one spelling: half width, upper case, no spaces, dots or hyphens.
#[must_use]
pub fn normalise(text: &str) -> String {
    text.chars()
        .map(half_width)
        .filter(|&c| !is_separator(c))
        .map(|c| c.to_ascii_uppercase())
        .collect()
}

fn half_width(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    }
}

fn is_separator(c: char) -> bool {
    let is_hyphen = matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}');
    let is_dot = matches!(
        c,
        '.' | '\u{b7}'
            | '\u{2022}'
            | '\u{2027}'
            | '\u{2219}'
            | '\u{22c5}'
            | '\u{30fb}'
            | '\u{ff65}'
    );
    c.is_whitespace() || is_hyphen || is_dot
}

/// Whether a text, as [`normalise`] returns it, can be a plate of that colour.
#[must_use]
pub fn is_plausible(text: &str, color: Color) -> bool {
    let plate: Vec<char> = text.chars().collect();
    special(&plate)
        .or_else(|| local(&plate))
        .is_some_and(|colors| color == Color::Unknown || colors.contains(&color))
}

/// The colours that plates of one shape have.
type Colors = &'static [Color];

const ORDINARY: Colors = &[Color::Blue, Color::Yellow];
const WHITE: Colors = &[Color::White];
const BLACK: Colors = &[Color::Black];
const YELLOW: Colors = &[Color::Yellow];
const GREEN: Colors = &[Color::Green];
/// Some interfaces know one green only.
const LARGE_ENERGY: Colors = &[Color::YellowGreen, Color::Green];

/// Plates that do not begin with a province and a letter.
fn special(plate: &[char]) -> Option<Colors> {
    match plate {
        ['使', digits @ ..] | [digits @ .., '使'] if digits.len() == 6 && all_digits(digits) => {
            Some(BLACK)
        }
        ['民', '航', serial @ ..] if is_serial(serial, SERIAL..=SERIAL) => Some(GREEN),
        ['W', 'J', rest @ ..] if is_armed_police(rest) => Some(WHITE),
        [first, second, digits @ ..]
            if is_letter(*first)
                && is_letter(*second)
                && digits.len() == SERIAL
                && all_digits(digits) =>
        {
            Some(WHITE)
        }
        _ => None,
    }
}

fn is_armed_police(rest: &[char]) -> bool {
    let serial = match rest {
        [first, serial @ ..] if *first == '警' || is_province(*first) => serial,
        serial => serial,
    };
    is_serial(serial, 4..=SERIAL)
}

/// Plates of a province and its letter, by what ends them.
fn local(plate: &[char]) -> Option<Colors> {
    let [province, letter, rest @ ..] = plate else { return None };
    if !is_province(*province) || !is_letter(*letter) {
        return None;
    }
    let four = |serial: &[char]| is_serial(serial, 4..=4);
    match rest {
        [serial @ .., '应', '急'] if is_serial(serial, 4..=SERIAL) => Some(WHITE),
        [serial @ .., '警'] if four(serial) => Some(WHITE),
        [serial @ .., '学' | '挂'] if four(serial) => Some(YELLOW),
        [serial @ .., '领'] if four(serial) => Some(BLACK),
        [serial @ .., '港' | '澳'] if four(serial) && (*province, *letter) == ('粤', 'Z') => {
            Some(BLACK)
        }
        [serial @ .., '试' | '超' | '临'] | ['临', serial @ ..]
            if is_serial(serial, 4..=SERIAL) =>
        {
            Some(ORDINARY)
        }
        _ => unmarked(rest),
    }
}

fn unmarked(serial: &[char]) -> Option<Colors> {
    let is_energy = |c: char| ENERGY_LETTERS.contains(c);
    match serial {
        [kind, second, digits @ ..] if serial.len() == 6 && is_energy(*kind) => {
            (is_serial_char(*second) && all_digits(digits)).then_some(GREEN)
        }
        [digits @ .., kind] if serial.len() == 6 && is_energy(*kind) => {
            all_digits(digits).then_some(LARGE_ENERGY)
        }
        _ => {
            let letters = serial.iter().filter(|c| c.is_ascii_uppercase()).count();
            (is_serial(serial, SERIAL..=SERIAL) && letters <= ORDINARY_LETTERS_MAX)
                .then_some(ORDINARY)
        }
    }
}

fn is_province(c: char) -> bool {
    PROVINCES.contains(c)
}

/// A letter of a plate; there is no I and no O.
const fn is_letter(c: char) -> bool {
    c.is_ascii_uppercase() && c != 'I' && c != 'O'
}

const fn is_serial_char(c: char) -> bool {
    c.is_ascii_digit() || is_letter(c)
}

fn is_serial(chars: &[char], lengths: std::ops::RangeInclusive<usize>) -> bool {
    lengths.contains(&chars.len()) && chars.iter().all(|&c| is_serial_char(c))
}

fn all_digits(chars: &[char]) -> bool {
    chars.iter().all(char::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_car_has_one_spelling() {
        for text in
            ["苏B·12345", "苏b12345", "苏Ｂ１２３４５", " 苏B-123 45", "苏B・１２３４５\u{3000}"]
        {
            assert_eq!(normalise(text), "苏B12345", "{text}");
        }
    }

    #[test]
    fn what_is_no_separator_stays() {
        assert_eq!(normalise("苏B\u{0}1"), "苏B\u{0}1");
        assert_eq!(normalise(""), "");
    }

    #[test]
    fn an_unknown_colour_takes_any_shape_but_no_nonsense() {
        assert!(is_plausible("苏BD12345", Color::Unknown));
        assert!(is_plausible("WJ京1234J", Color::Unknown));
        assert!(!is_plausible("车牌", Color::Unknown));
    }
}
