//! Colours: our words for them, and what the vendors' codes mean.

use super::grammar::Kind;

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

    /// The colour's public name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blue => "blue",
            Self::Yellow => "yellow",
            Self::White => "white",
            Self::Black => "black",
            Self::Green => "green",
            Self::YellowGreen => "yellow_green",
            Self::Unknown => "unknown",
        }
    }

    /// Whether one plate can be reported under both: some interfaces know one green, and a device
    /// that could not tell says nothing against any colour.
    #[must_use]
    pub fn agrees(self, other: Self) -> bool {
        let is_green = |color| matches!(color, Self::Green | Self::YellowGreen);
        self == other
            || self == Self::Unknown
            || other == Self::Unknown
            || (is_green(self) && is_green(other))
    }

    /// The colour of a plate of that kind that was reported in this one: a large new-energy plate
    /// is yellow-green, however few greens the reporting interface knows.
    #[must_use]
    pub fn of_kind(self, kind: Kind) -> Self {
        match (self, kind) {
            (Self::Green, Kind::EnergyLarge) => Self::YellowGreen,
            (Self::Unknown, kind) => match kind.colors() {
                [only] | [only, Self::Green] => *only,
                _ => Self::Unknown,
            },
            (color, _) => color,
        }
    }
}

/// Whose numbers a colour code is from. The same number means white in one and black in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColorSystem {
    /// City platforms (Hangzhou, P云): 1 to 5, -1 for unknown.
    CityPlatform,
    /// `HyperLPR`: -1 to 9, its plate types.
    HyperLpr,
    /// JT/T 697.7: 1 to 5, 9, 91 to 94.
    Jtt6977,
}

impl ColorSystem {
    /// Read the system by its public name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "city_platform" => Some(Self::CityPlatform),
            "hyperlpr" => Some(Self::HyperLpr),
            "jtt_697_7" => Some(Self::Jtt6977),
            _ => None,
        }
    }

    /// What a code says, or nothing where the system has no such code. The plate's text decides
    /// between the two greens where the system has one (`Color::of_kind`).
    #[must_use]
    pub const fn color(self, code: i64) -> Option<Color> {
        match self {
            Self::CityPlatform => city_platform(code),
            Self::HyperLpr => hyper_lpr(code),
            Self::Jtt6977 => jtt_697_7(code),
        }
    }
}

const fn city_platform(code: i64) -> Option<Color> {
    match code {
        -1 => Some(Color::Unknown),
        1 => Some(Color::Blue),
        2 => Some(Color::Yellow),
        3 => Some(Color::White),
        4 => Some(Color::Black),
        5 => Some(Color::Green),
        _ => None,
    }
}

const fn hyper_lpr(code: i64) -> Option<Color> {
    match code {
        -1 => Some(Color::Unknown),
        0 => Some(Color::Blue),
        1 | 9 => Some(Color::Yellow),
        2 => Some(Color::White),
        3 => Some(Color::Green),
        4..=8 => Some(Color::Black),
        _ => None,
    }
}

const fn jtt_697_7(code: i64) -> Option<Color> {
    match code {
        1 => Some(Color::Blue),
        2 | 91 => Some(Color::Yellow),
        3 => Some(Color::Black),
        4 => Some(Color::White),
        5 | 92 | 94 => Some(Color::Green),
        9 => Some(Color::Unknown),
        93 => Some(Color::YellowGreen),
        _ => None,
    }
}
