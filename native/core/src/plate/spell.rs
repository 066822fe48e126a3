//! One spelling for each plate.

use super::color::Color;
use super::grammar::is_plausible;

/// Bring a plate into its one spelling: half width, upper case, no spaces, dots or hyphens; and
/// with 0 for O and 1 for I where the text is a plate with the digit and none with the letter.
///
/// The repair is part of the spelling, because no plate has an I or an O: whoever writes or reads
/// one means the digit. It is made only where a plate comes out, so that nonsense stays as it was
/// read, and a second time it changes nothing. What a device sent is kept beside it.
#[must_use]
pub fn normalise(text: &str) -> String {
    let spelled = spelled(text);
    if !spelled.contains(['I', 'O']) {
        return spelled;
    }
    let repaired = repaired(&spelled);
    if is_plausible(&repaired, Color::Unknown) { repaired } else { spelled }
}

fn spelled(text: &str) -> String {
    text.chars()
        .map(half_width)
        .filter(|&c| !is_separator(c))
        .map(|c| c.to_ascii_uppercase())
        .collect()
}

/// The first two places hold the province and the letter of its authority, where no digit stands.
fn repaired(spelled: &str) -> String {
    let digit = |(place, c)| match c {
        'O' if place >= 2 => '0',
        'I' if place >= 2 => '1',
        _ => c,
    };
    spelled.chars().enumerate().map(digit).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_car_has_one_spelling() {
        for text in [
            "苏B·12345",
            "苏b12345",
            "苏Ｂ１２３４５",
            " 苏B-123 45",
            "苏B・１２３４５\u{3000}",
            "苏BI2345",
        ] {
            assert_eq!(normalise(text), "苏B12345", "{text}");
        }
    }

    #[test]
    fn what_is_no_separator_stays() {
        assert_eq!(normalise("苏B\u{0}1"), "苏B\u{0}1");
        assert_eq!(normalise(""), "");
    }

    #[test]
    fn a_letter_is_repaired_only_where_a_plate_comes_out() {
        assert_eq!(normalise("苏BOOOO1"), "苏B00001");
        assert_eq!(normalise("使22O578"), "使220578");
        assert_eq!(normalise("苏O12345"), "苏O12345");
        assert_eq!(normalise("AUDI"), "AUDI");
    }
}
