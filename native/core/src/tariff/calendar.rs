//! Kinds of day: which days are workdays, weekends and holidays, and which windows a day has.

use super::PlanError;
use super::check::{broken, count};
use super::file::{SeasonFile, WindowFile};
use super::time::{CALENDAR_DAYS, civil, first_weekday};
use super::words::DayWord;

const SEASONS_MAX: usize = 8;
const DAY_WORDS_MAX: usize = 8;
const FEBRUARY: u8 = 2;

/// What kind of day a date is; the discriminant is its code in a calendar's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayKind {
    /// Monday to Friday.
    Workday,
    /// A weekend day on which work is made up (调休上班).
    MakeupWorkday,
    /// Saturday or Sunday.
    Weekend,
    /// A holiday of a few days.
    ShortHoliday,
    /// The National Day holiday (国庆).
    GoldenWeek,
    /// The Spring Festival holiday (春节).
    SpringFestival,
}

const KINDS: [DayKind; 6] = [
    DayKind::Workday,
    DayKind::MakeupWorkday,
    DayKind::Weekend,
    DayKind::ShortHoliday,
    DayKind::GoldenWeek,
    DayKind::SpringFestival,
];

/// A calendar that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CalendarError(pub &'static str);

/// The kind of every day from 2000 to 2100; beyond what is published, weekdays decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar(Vec<u8>);

impl Calendar {
    /// A calendar in which weekdays alone decide.
    #[must_use]
    pub fn of_weekdays() -> Self {
        Self((0..CALENDAR_DAYS).map(|day| of_weekday(day) as u8).collect())
    }

    /// Take the published kinds of the days from 2000-01-01 on, one code a day; later days are
    /// decided by their weekday.
    ///
    /// # Errors
    /// [`CalendarError`] for too many days or an unknown code.
    pub fn published(kinds: &[u8]) -> Result<Self, CalendarError> {
        if kinds.len() > CALENDAR_DAYS {
            return Err(CalendarError("a calendar ends with the year 2100"));
        }
        if kinds.iter().any(|&code| usize::from(code) >= KINDS.len()) {
            return Err(CalendarError("a day has a code that means no kind of day"));
        }
        let mut days = Self::of_weekdays();
        for (day, &code) in days.0.iter_mut().zip(kinds) {
            *day = code;
        }
        Ok(days)
    }

    /// The kind of the day that many days after 2000-01-01.
    #[must_use]
    pub fn kind(&self, day: usize) -> DayKind {
        let code = self.0.get(day).copied().unwrap_or_default();
        KINDS.get(usize::from(code)).copied().unwrap_or(DayKind::Workday)
    }
}

const fn of_weekday(day: usize) -> DayKind {
    if (day + first_weekday()) % 7 < 5 { DayKind::Workday } else { DayKind::Weekend }
}

/// On which days a window is charged.
pub struct Selector {
    kinds: u8,
    /// Pairs of (month, day), both ends included; empty: the whole year.
    seasons: Vec<((u8, u8), (u8, u8))>,
}

impl Selector {
    pub fn compile(field: &str, window: &WindowFile) -> Result<Self, PlanError> {
        count(&format!("{field}.days"), &window.days, 0..=DAY_WORDS_MAX)?;
        count(&format!("{field}.season"), &window.season, 0..=SEASONS_MAX)?;
        let kinds = window.days.iter().fold(0, |kinds, &word| kinds | mask(word));
        let season = |(index, season): (usize, &SeasonFile)| {
            let field = format!("{field}.season[{index}]");
            let from = month_day(&format!("{field}.from"), &season.from)?;
            Ok((from, month_day(&format!("{field}.to"), &season.to)?))
        };
        let seasons = window.season.iter().enumerate().map(season).collect::<Result<_, _>>()?;
        Ok(Self { kinds: if window.days.is_empty() { u8::MAX } else { kinds }, seasons })
    }

    pub fn is_every_day(&self) -> bool {
        self.kinds == u8::MAX && self.seasons.is_empty()
    }

    pub fn takes(&self, kind: DayKind, day: usize) -> bool {
        let (_, month, date) = civil(day);
        let within = |&(from, to): &((u8, u8), (u8, u8))| {
            let today = (month, date);
            if from <= to { from <= today && today <= to } else { today >= from || today <= to }
        };
        self.kinds & (1 << kind as u8) != 0
            && (self.seasons.is_empty() || self.seasons.iter().any(within))
    }
}

const fn mask(word: DayWord) -> u8 {
    const fn of(kind: DayKind) -> u8 {
        1 << kind as u8
    }
    let holiday = of(DayKind::ShortHoliday) | of(DayKind::GoldenWeek) | of(DayKind::SpringFestival);
    match word {
        DayWord::Workday => of(DayKind::Workday) | of(DayKind::MakeupWorkday),
        DayWord::MakeupWorkday => of(DayKind::MakeupWorkday),
        DayWord::Weekend => of(DayKind::Weekend),
        DayWord::ShortHoliday => of(DayKind::ShortHoliday),
        DayWord::GoldenWeek => of(DayKind::GoldenWeek),
        DayWord::SpringFestival => of(DayKind::SpringFestival),
        DayWord::Holiday => holiday,
        DayWord::NonWorkday => holiday | of(DayKind::Weekend),
    }
}

/// Read `MM-DD`.
fn month_day(field: &str, text: &str) -> Result<(u8, u8), PlanError> {
    let number = |text: &str| {
        (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| text.parse::<u8>().ok())
            .flatten()
    };
    let read = || {
        let (month, day) = text.split_once('-')?;
        let (month, day) = (number(month)?, number(day)?);
        let last = match month {
            FEBRUARY => 29,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        (1..=last).contains(&day).then_some((month, day))
    };
    read().ok_or_else(|| broken(field, "month_day", "must be a day of the year, MM-DD"))
}

/// Which of a plan's few different days each date is, and how often one follows another.
#[derive(Debug)]
pub struct Days {
    class_of_day: Vec<u8>,
    classes: usize,
    /// How often each pair of classes begins before every 64th day.
    counts: Vec<u16>,
}

const STRIDE: usize = 64;

impl Days {
    /// Every day is of the one class.
    pub const fn all_alike() -> Self {
        Self { class_of_day: Vec::new(), classes: 1, counts: Vec::new() }
    }

    pub fn of_classes(class_of_day: Vec<u8>, classes: usize) -> Self {
        let pairs = classes * classes;
        let mut so_far = vec![0_u16; pairs];
        let mut counts = Vec::with_capacity((class_of_day.len() / STRIDE + 1) * pairs);
        for (day, pair) in class_of_day.windows(2).enumerate() {
            if day % STRIDE == 0 {
                counts.extend_from_slice(&so_far);
            }
            if let [one, next] = pair
                && let Some(count) =
                    so_far.get_mut(usize::from(*one) * classes + usize::from(*next))
            {
                *count += 1;
            }
        }
        Self { class_of_day, classes, counts }
    }

    pub const fn are_alike(&self) -> bool {
        self.classes == 1
    }

    pub const fn classes(&self) -> usize {
        self.classes
    }

    #[inline]
    pub fn class(&self, day: i64) -> usize {
        let class = usize::try_from(day).ok().and_then(|day| self.class_of_day.get(day));
        class.copied().map_or(0, usize::from)
    }

    /// How many of the days from `first` up to, but not including, `end` are of each class with a
    /// day of each class after them: rows of classes, one row after the other.
    pub fn counts(&self, first: i64, end: i64) -> Vec<i64> {
        let (before, mut until) = (self.before(first), self.before(end));
        until.iter_mut().zip(before).for_each(|(count, less)| *count -= less);
        until
    }

    fn before(&self, day: i64) -> Vec<i64> {
        let pairs = self.classes * self.classes;
        let whole = usize::try_from(day).unwrap_or_default() / STRIDE;
        let kept = self.counts.iter().skip(whole * pairs).take(pairs).copied().map(i64::from);
        let mut counts: Vec<i64> = kept.collect();
        counts.resize(pairs, 0);
        let begin = i64::try_from(whole * STRIDE).unwrap_or_default();
        let mut class = self.class(begin);
        for next_day in begin + 1..=day {
            let next = self.class(next_day);
            if let Some(count) = counts.get_mut(class * self.classes + next) {
                *count += 1;
            }
            class = next;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_day_of_2000_is_a_saturday_and_the_calendar_ends_in_2100() {
        let calendar = Calendar::of_weekdays();
        assert_eq!(calendar.kind(0), DayKind::Weekend);
        assert_eq!(calendar.kind(2), DayKind::Workday);
        assert_eq!(civil(CALENDAR_DAYS - 1), (2100, 12, 31));
    }

    #[test]
    fn pairs_of_days_are_counted_as_one_by_one() {
        let classes: Vec<u8> = (0..1_000_u32).map(|day| u8::from(day * day % 7 == 2)).collect();
        let days = Days::of_classes(classes, 2);
        for (first, end) in [(0, 0), (0, 999), (5, 64), (63, 65), (64, 700), (130, 131)] {
            let slow = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|pair| {
                let found = (first..end).filter(|&d| (days.class(d), days.class(d + 1)) == pair);
                i64::try_from(found.count()).unwrap_or(-1)
            });
            assert_eq!(days.counts(first, end), slow, "{first} {end}");
        }
    }

    #[test]
    fn a_calendar_of_unknown_codes_or_too_many_days_is_refused() {
        assert!(Calendar::published(&[6]).is_err());
        assert!(Calendar::published(&vec![0; CALENDAR_DAYS + 1]).is_err());
        let one = Calendar::published(&[5]);
        assert_eq!(one.map(|calendar| calendar.kind(0)), Ok(DayKind::SpringFestival));
    }
}
