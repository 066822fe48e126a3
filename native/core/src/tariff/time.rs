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

/// Seconds since local midnight.
pub const fn second_of_day(at_s: i64) -> i64 {
    (at_s - MIDNIGHT_S).rem_euclid(DAY_S)
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
    fn a_clock_has_two_digits_on_both_sides() {
        assert_eq!(parse_clock("07:05"), Some(25_500));
        assert_eq!(parse_clock("24:00"), Some(DAY_S));
        for wrong in ["7:05", "24:01", "12:60", "12", "12:00:00", "-1:00", "１２:00", ""] {
            assert_eq!(parse_clock(wrong), None, "{wrong}");
        }
    }
}
