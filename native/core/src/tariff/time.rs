//! Plain arithmetic on epoch seconds at +08:00: China has one offset and no summer time.

/// Seconds of a minute.
pub const MINUTE_S: i64 = 60;
/// Seconds of a day.
pub const DAY_S: i64 = 86_400;
/// An instant at which a local day begins; every other one is whole days away.
pub const MIDNIGHT_S: i64 = -8 * 3_600;
/// 2000-01-01T00:00:00+08:00, the first second that can be priced.
pub const FIRST_S: i64 = 946_656_000;
/// 2101-01-01T00:00:00+08:00, the first second that cannot.
pub const LAST_S: i64 = 4_133_952_000;

/// Days from 2000-01-01 to 2100-12-31.
pub const CALENDAR_DAYS: usize = 36_890;
/// Days from 1970-01-01 to 2000-01-01.
const FIRST_DAY: i64 = 10_957;

/// Whole days since 2000-01-01 in China.
#[inline]
pub const fn day_of(at_s: i64) -> i64 {
    (at_s - FIRST_S).div_euclid(DAY_S)
}

/// 2000-01-01 was a Saturday; Monday is 0.
pub const fn first_weekday() -> usize {
    5
}

/// Year, month and day of the date that many days after 2000-01-01, by the era arithmetic of the
/// Gregorian calendar: 400 years are 146,097 days, counted from a first of March.
pub fn civil(day: usize) -> (i64, u8, u8) {
    let shifted = i64::try_from(day).unwrap_or_default() + FIRST_DAY + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let date = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, u8::try_from(month).unwrap_or_default(), u8::try_from(date).unwrap_or_default())
}

/// Seconds since local midnight.
pub const fn second_of_day(at_s: i64) -> i64 {
    (at_s - MIDNIGHT_S).rem_euclid(DAY_S)
}

/// When the local day of an instant began.
pub const fn midnight(at_s: i64) -> i64 {
    at_s - second_of_day(at_s)
}

/// The first instant after `at_s` that is whole days away from `anchor_s`.
pub const fn next_edge(at_s: i64, anchor_s: i64) -> i64 {
    at_s + DAY_S - (at_s - anchor_s).rem_euclid(DAY_S)
}

/// Whether the two instants are whole days apart.
pub const fn is_edge(at_s: i64, anchor_s: i64) -> bool {
    (at_s - anchor_s).rem_euclid(DAY_S) == 0
}

/// Read `HH:MM` as seconds of the day; `24:00` is the end of the day.
pub fn parse_clock(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let seconds = two_digits(hours)? * 3_600 + two_digits(minutes)? * MINUTE_S;
    (two_digits(minutes)? < 60 && seconds <= DAY_S).then_some(seconds)
}

fn two_digits(text: &str) -> Option<i64> {
    (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_in_china() {
        assert_eq!(second_of_day(FIRST_S), 0);
        assert_eq!(second_of_day(FIRST_S - 1), DAY_S - 1);
        assert_eq!(next_edge(FIRST_S, MIDNIGHT_S), FIRST_S + DAY_S);
        assert!(is_edge(LAST_S, MIDNIGHT_S));
    }

    #[test]
    fn a_date_is_known_by_its_day() {
        for (at_s, expected) in [
            (FIRST_S, (2000, 1, 1)),
            (FIRST_S + 59 * DAY_S, (2000, 2, 29)),
            (FIRST_S + 60 * DAY_S, (2000, 3, 1)),
            (1_772_000_000, (2026, 2, 25)),
            (LAST_S - 1, (2100, 12, 31)),
        ] {
            let day = usize::try_from(day_of(at_s)).unwrap_or_default();
            assert_eq!(civil(day), expected, "{at_s}");
        }
    }

    #[test]
    fn a_clock_has_two_digits_on_both_sides() {
        assert_eq!(parse_clock("07:05"), Some(25_500));
        assert_eq!(parse_clock("24:00"), Some(DAY_S));
        for wrong in ["7:05", "24:01", "12:60", "12", "12:00:00", "-1:00", "１２:00", ""] {
            assert_eq!(parse_clock(wrong), None, "{wrong}");
        }
    }
}
