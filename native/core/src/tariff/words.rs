//! The closed vocabularies of the plan language and of what is asked of it.

use serde::Deserialize;

/// Who sets the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceForm {
    /// 政府定价
    GovernmentFixed,
    /// 政府指导价
    GovernmentGuided,
    /// 市场调节价
    #[default]
    Market,
}

impl PriceForm {
    /// The form's public name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GovernmentFixed => "government_fixed",
            Self::GovernmentGuided => "government_guided",
            Self::Market => "market",
        }
    }
}

/// What time outside every window costs: said, so that a forgotten hour is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outside {
    Free,
}

/// In which time they are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum QuotaPer {
    /// Any 24 hours before the entry.
    #[serde(rename = "24h")]
    Hours24,
    /// The local day of the entry.
    #[serde(rename = "day")]
    Day,
}

impl QuotaPer {
    /// The public name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hours24 => "24h",
            Self::Day => "day",
        }
    }
}

/// What becomes of the free minutes of a stay that is longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FreeMode {
    /// 扣除: they are taken off; time is billed from their end.
    #[default]
    Deduct,
    /// 计入: they are billed as well.
    Absorb,
}

/// How often the free minutes are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// Once a stay.
    #[default]
    Stay,
    /// Anew in each local day.
    Day,
    /// Anew in each stretch inside a window.
    Window,
    /// Anew every 24 hours from entry.
    #[serde(rename = "24h")]
    Hours24,
}

/// What becomes of a unit at the edge of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Boundary {
    /// It ends there.
    #[default]
    Split,
    /// It runs on at the price at which it began.
    UnitStart,
}

/// Which part of the stay is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CrossingPart {
    /// The shorter one.
    #[default]
    Either,
    /// The one after the edge.
    Later,
}

/// What a part of a unit costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// A whole unit.
    #[default]
    Up,
    /// Nothing.
    Down,
    /// Nothing up to `tail_minutes`, a whole unit beyond.
    Tail,
}

/// What the elapsed time of the tiers counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TierClock {
    /// Billed time of the stay, whichever window it lay in.
    #[default]
    Stay,
    /// Billed time since the window began.
    Window,
}

/// When the tiers begin again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum Restart {
    /// Not within a stay.
    #[serde(rename = "never")]
    Never,
    /// 24 hours after entry, and so on.
    #[default]
    #[serde(rename = "every_24h")]
    Every24h,
    /// At local midnight.
    #[serde(rename = "every_day")]
    EveryDay,
}

/// Kinds of day, as plans name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DayWord {
    /// Monday to Friday, less holidays, and the weekend days on which work is made up.
    Workday,
    MakeupWorkday,
    Weekend,
    ShortHoliday,
    GoldenWeek,
    SpringFestival,
    /// Short holidays, the golden week and the Spring Festival.
    Holiday,
    /// Weekends and holidays.
    NonWorkday,
}

/// What a driver or a car is entitled to; a plan says what follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trait {
    /// 新能源汽车
    Electric,
    /// 残疾人驾驶
    Disabled,
    /// 居民
    Resident,
    /// 市民卡
    CitizenCard,
    /// 军车, 武警
    Military,
    /// 警车
    Police,
    /// 消防车
    Fire,
    /// 救护车
    Ambulance,
    /// 抢险救援车
    Rescue,
    /// 环卫车
    Sanitation,
    /// 市政维修车
    Municipal,
    /// 殡葬车
    Hearse,
}

/// Every trait with its public name.
pub const TRAITS: [(&str, Trait); 12] = [
    ("electric", Trait::Electric),
    ("disabled", Trait::Disabled),
    ("resident", Trait::Resident),
    ("citizen_card", Trait::CitizenCard),
    ("military", Trait::Military),
    ("police", Trait::Police),
    ("fire", Trait::Fire),
    ("ambulance", Trait::Ambulance),
    ("rescue", Trait::Rescue),
    ("sanitation", Trait::Sanitation),
    ("municipal", Trait::Municipal),
    ("hearse", Trait::Hearse),
];

/// A set of traits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traits(u16);

impl Traits {
    /// The empty set.
    pub const NONE: Self = Self(0);

    /// The set with one trait more.
    #[must_use]
    pub const fn with(self, one: Trait) -> Self {
        Self(self.0 | 1 << one as u16)
    }

    /// Read a trait by its public name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Trait> {
        TRAITS.iter().find(|(known, _)| *known == name).map(|&(_, found)| found)
    }

    /// Whether the set has a trait.
    #[must_use]
    pub const fn has(self, one: Trait) -> bool {
        self.0 & 1 << one as u16 != 0
    }

    /// Whether two sets share a trait.
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl FromIterator<Trait> for Traits {
    fn from_iter<I: IntoIterator<Item = Trait>>(traits: I) -> Self {
        traits.into_iter().fold(Self::default(), Self::with)
    }
}

/// To what a discounted amount is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoundingMode {
    /// In favour of the driver.
    #[default]
    Down,
    HalfUp,
    Up,
}

/// Class of a vehicle as a tariff sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vehicle {
    /// 小型车
    Small,
    /// 中型车
    Medium,
    /// 大型车
    Large,
    /// 摩托车
    Motorcycle,
    /// 超长车, 12 m and longer
    Oversize,
    /// 三轮车
    Tricycle,
}

/// Every class with its public name, in the order of its number in columns.
pub const VEHICLES: [(&str, Vehicle); 6] = [
    ("small", Vehicle::Small),
    ("medium", Vehicle::Medium),
    ("large", Vehicle::Large),
    ("motorcycle", Vehicle::Motorcycle),
    ("oversize", Vehicle::Oversize),
    ("tricycle", Vehicle::Tricycle),
];

impl Vehicle {
    /// Read the class by its public name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        VEHICLES.iter().find(|(known, _)| *known == name).map(|&(_, found)| found)
    }

    /// Read the class by its number in columns.
    #[must_use]
    pub fn of_code(code: u8) -> Option<Self> {
        VEHICLES.get(usize::from(code)).map(|&(_, found)| found)
    }
}
