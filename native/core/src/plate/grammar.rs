//! The forms that plates have (GA 36-2018).
//!
//! The grammar is wide enough for every plate that is in use and exists to mark a reading as
//! suspect; it never says that a plate was issued.

use super::color::Color;

pub(super) const PROVINCES: [char; 31] = [
    '京', '津', '冀', '晋', '蒙', '辽', '吉', '黑', '沪', '苏', '浙', '皖', '闽', '赣', '鲁', '豫',
    '鄂', '湘', '粤', '桂', '琼', '渝', '川', '贵', '云', '藏', '陕', '甘', '青', '宁', '新',
];
const ENERGY_LETTERS: &str = "ABCDEFGHJK";
pub(super) const SERIAL: usize = 5;
pub(super) const ORDINARY_LETTERS_MAX: usize = 2;

/// What a plate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// 普通
    Ordinary,
    /// 小型新能源
    EnergySmall,
    /// 大型新能源
    EnergyLarge,
    /// 警
    Police,
    /// 挂
    Trailer,
    /// 学
    Learner,
    /// 使
    Embassy,
    /// 领
    Consulate,
    /// 港
    HongKong,
    /// 澳
    Macao,
    /// WJ
    ArmedPolice,
    /// 军
    Military,
    /// 民航
    CivilAviation,
    /// 应急
    Emergency,
    /// 临
    Temporary,
    /// 试
    Trial,
    /// 超
    Oversize,
    /// No form of a plate.
    None,
}

impl Kind {
    /// The kind's public name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ordinary => "ordinary",
            Self::EnergySmall => "energy_small",
            Self::EnergyLarge => "energy_large",
            Self::Police => "police",
            Self::Trailer => "trailer",
            Self::Learner => "learner",
            Self::Embassy => "embassy",
            Self::Consulate => "consulate",
            Self::HongKong => "hong_kong",
            Self::Macao => "macao",
            Self::ArmedPolice => "armed_police",
            Self::Military => "military",
            Self::CivilAviation => "civil_aviation",
            Self::Emergency => "emergency",
            Self::Temporary => "temporary",
            Self::Trial => "trial",
            Self::Oversize => "oversize",
            Self::None => "none",
        }
    }

    /// The colours that plates of the kind have; some interfaces know one green only.
    #[must_use]
    pub const fn colors(self) -> &'static [Color] {
        match self {
            Self::Ordinary | Self::Temporary | Self::Trial | Self::Oversize => {
                &[Color::Blue, Color::Yellow]
            }
            Self::EnergySmall | Self::CivilAviation => &[Color::Green],
            Self::EnergyLarge => &[Color::YellowGreen, Color::Green],
            Self::Police | Self::ArmedPolice | Self::Military | Self::Emergency => &[Color::White],
            Self::Trailer | Self::Learner => &[Color::Yellow],
            Self::Embassy | Self::Consulate | Self::HongKong | Self::Macao => &[Color::Black],
            Self::None => &[],
        }
    }
}

/// Whether a text, as `normalise` returns it, can be a plate of that colour.
#[must_use]
pub fn is_plausible(text: &str, color: Color) -> bool {
    let plate: Vec<char> = text.chars().collect();
    let colors = kind_of(&plate).colors();
    !colors.is_empty() && (color == Color::Unknown || colors.contains(&color))
}

/// The kind whose form the characters have.
pub(super) fn kind_of(plate: &[char]) -> Kind {
    special(plate).or_else(|| local(plate)).unwrap_or(Kind::None)
}

/// Plates that do not begin with a province and a letter.
fn special(plate: &[char]) -> Option<Kind> {
    match plate {
        ['使', digits @ ..] | [digits @ .., '使'] if digits.len() == 6 && all_digits(digits) => {
            Some(Kind::Embassy)
        }
        ['民', '航', serial @ ..] if is_serial(serial, SERIAL..=SERIAL) => {
            Some(Kind::CivilAviation)
        }
        ['W', 'J', rest @ ..] if is_armed_police(rest) => Some(Kind::ArmedPolice),
        [first, second, digits @ ..]
            if is_letter(*first)
                && is_letter(*second)
                && digits.len() == SERIAL
                && all_digits(digits) =>
        {
            Some(Kind::Military)
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
fn local(plate: &[char]) -> Option<Kind> {
    let [province, letter, rest @ ..] = plate else { return None };
    if !is_province(*province) || !is_letter(*letter) {
        return None;
    }
    let is_border = (*province, *letter) == ('粤', 'Z');
    match rest {
        [serial @ .., '应', '急'] => of_length(serial, 4..=SERIAL, Kind::Emergency),
        [serial @ .., '警'] => of_length(serial, 4..=4, Kind::Police),
        [serial @ .., '学'] => of_length(serial, 4..=4, Kind::Learner),
        [serial @ .., '挂'] => of_length(serial, 4..=4, Kind::Trailer),
        [serial @ .., '领'] => of_length(serial, 4..=4, Kind::Consulate),
        [serial @ .., '港'] if is_border => of_length(serial, 4..=4, Kind::HongKong),
        [serial @ .., '澳'] if is_border => of_length(serial, 4..=4, Kind::Macao),
        [serial @ .., '试'] => of_length(serial, 4..=SERIAL, Kind::Trial),
        [serial @ .., '超'] => of_length(serial, 4..=SERIAL, Kind::Oversize),
        [serial @ .., '临'] | ['临', serial @ ..] => {
            of_length(serial, 4..=SERIAL, Kind::Temporary)
        }
        _ => unmarked(rest),
    }
}

fn of_length(
    serial: &[char],
    lengths: std::ops::RangeInclusive<usize>,
    kind: Kind,
) -> Option<Kind> {
    is_serial(serial, lengths).then_some(kind)
}

fn unmarked(serial: &[char]) -> Option<Kind> {
    let is_energy = |c: char| ENERGY_LETTERS.contains(c);
    match serial {
        [kind, second, digits @ ..] if serial.len() == 6 && is_energy(*kind) => {
            (is_serial_char(*second) && all_digits(digits)).then_some(Kind::EnergySmall)
        }
        [digits @ .., kind] if serial.len() == 6 && is_energy(*kind) => {
            all_digits(digits).then_some(Kind::EnergyLarge)
        }
        _ => {
            let letters = serial.iter().filter(|c| c.is_ascii_uppercase()).count();
            (is_serial(serial, SERIAL..=SERIAL) && letters <= ORDINARY_LETTERS_MAX)
                .then_some(Kind::Ordinary)
        }
    }
}

pub(super) fn is_province(c: char) -> bool {
    PROVINCES.contains(&c)
}

/// A letter of a plate; there is no I and no O.
pub(super) const fn is_letter(c: char) -> bool {
    c.is_ascii_uppercase() && c != 'I' && c != 'O'
}

pub(super) const fn is_serial_char(c: char) -> bool {
    c.is_ascii_digit() || is_letter(c)
}

fn is_serial(chars: &[char], lengths: std::ops::RangeInclusive<usize>) -> bool {
    lengths.contains(&chars.len()) && chars.iter().all(|&c| is_serial_char(c))
}

pub(super) fn all_digits(chars: &[char]) -> bool {
    chars.iter().all(char::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_colour_takes_any_shape_but_no_nonsense() {
        assert!(is_plausible("苏BD12345", Color::Unknown));
        assert!(is_plausible("WJ京1234J", Color::Unknown));
        assert!(!is_plausible("车牌", Color::Unknown));
    }
}
