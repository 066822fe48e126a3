//! What a text is as a plate, and what is wrong with it if it is none.

use super::color::Color;
use super::grammar::{
    Kind, ORDINARY_LETTERS_MAX, SERIAL, all_digits, is_letter, is_province, is_serial_char, kind_of,
};
use super::symbol::{OTHER, symbol};

/// No plate has more characters.
const LENGTH_MAX: usize = 9;
/// What devices send where there is no plate.
const NO_PLATE: [&str; 4] = ["无牌", "无牌车", "未识别", "无车牌"];

/// Why a text is no good plate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Name of the broken rule; stable.
    pub rule: &'static str,
    /// What the rule asks for, for people.
    pub sentence: &'static str,
    /// The place of the guilty character, counted from 0, where there is one.
    pub place: Option<usize>,
}

/// A text as it was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    /// What the plate is for.
    pub kind: Kind,
    /// 省, where the plate names it.
    pub province: Option<char>,
    /// The letter of the issuing authority (发牌机关代号).
    pub authority: Option<char>,
    /// The colour, as far as report and form tell.
    pub color: Color,
    /// What is wrong with it.
    pub fault: Option<Fault>,
}

/// Judge a text, as `normalise` returns it, that was reported in a colour.
#[must_use]
pub fn classify(text: &str, color: Color) -> Judged {
    let plate: Vec<char> = text.chars().take(LENGTH_MAX + 1).collect();
    let kind = kind_of(&plate);
    let fault = match kind {
        Kind::None => Some(fault(text, &plate)),
        _ => color_fault(kind, color),
    };
    let province = province(&plate);
    let authority =
        plate.get(1).copied().filter(|&c| is_letter(c) && plate.first().copied() == province);
    Judged { kind, province, authority, color: color.of_kind(kind), fault }
}

/// The province of a local plate stands first, that of the armed police third.
fn province(plate: &[char]) -> Option<char> {
    match plate {
        ['W', 'J', third, ..] if is_province(*third) => Some(*third),
        [first, ..] if is_province(*first) => Some(*first),
        _ => None,
    }
}

const fn at(rule: &'static str, sentence: &'static str, place: usize) -> Fault {
    Fault { rule, sentence, place: Some(place) }
}

const fn whole(rule: &'static str, sentence: &'static str) -> Fault {
    Fault { rule, sentence, place: None }
}

fn color_fault(kind: Kind, color: Color) -> Option<Fault> {
    let fits = color == Color::Unknown || kind.colors().contains(&color);
    (!fits).then_some(whole("color", "a plate of this form has another colour"))
}

/// The first thing that is wrong, read from the left.
fn fault(text: &str, plate: &[char]) -> Fault {
    if plate.is_empty() {
        return whole("empty", "there is no text");
    }
    if NO_PLATE.contains(&text) {
        return whole("no_plate", "the device says that the car has no plate");
    }
    if plate.len() > LENGTH_MAX {
        return whole("too_long", "no plate has more than 9 characters");
    }
    let excluded = |&c: &char| c == 'I' || c == 'O';
    if let Some(place) = plate.iter().position(|&c| symbol(c) == OTHER) {
        return at("character", "this character stands on no plate", place);
    }
    if let Some(place) = plate.iter().position(excluded) {
        return at("excluded_letter", "no plate has an I or an O", place);
    }
    match plate {
        [first, ..] if !is_province(*first) => {
            at("province", "a plate begins with its province or with the mark of its kind", 0)
        }
        [_, second, ..] if is_letter(*second) => serial_fault(plate.get(2..).unwrap_or_default()),
        _ => at("authority", "after the province stands the letter of its authority", 1),
    }
}

fn serial_fault(serial: &[char]) -> Fault {
    let letters = serial.iter().filter(|&&c| is_letter(c)).count();
    if let Some(place) = serial.iter().position(|&c| !is_serial_char(c)) {
        return at("mark", "this mark stands elsewhere, or after another serial number", place + 2);
    }
    match serial.len() {
        0..SERIAL => whole("too_short", "a serial number has 5 characters, or 6 for new energy"),
        SERIAL if letters > ORDINARY_LETTERS_MAX => {
            whole("letters", "a serial number of 5 characters has at most 2 letters")
        }
        6 if all_digits(serial) => {
            whole("energy_letter", "a new-energy number of 6 has its letter first or last")
        }
        6 => whole("energy_form", "a new-energy number has A to K first or last, and digits"),
        _ => whole("too_long", "a serial number has 5 characters, or 6 for new energy"),
    }
}
