//! Moments of entry at which a tariff most likely stumbles.

use super::compile::NightPack;
use super::day::Schedule;
use super::layout::Layout;
use super::time::{CALENDAR_DAYS, DAY_S, FIRST_S, MINUTE_S, civil};

const YEAR_DAYS: i64 = 366;
const GRID_S: i64 = 15 * MINUTE_S;
pub const DATES_MAX: usize = 10;

/// Moments of entry that show what a plan does, date by date: every quarter of an hour and around
/// the edges of windows and of the night pack.
pub fn entries(layout: &Layout, pack: Option<&NightPack>, today_s: i64) -> Vec<Vec<i64>> {
    let edges_s = edges_s(layout, pack);
    let of_date = |day_s: i64| {
        let quarters = (0..DAY_S / GRID_S).map(|quarter| day_s + quarter * GRID_S);
        let beside = |edge_s| [-61, -1, 1].map(|beside_s| day_s + edge_s + beside_s);
        let moments = quarters.chain(edges_s.iter().copied().flat_map(beside));
        moments.filter(|&at_s| at_s >= FIRST_S).collect()
    };
    telling_dates(layout, today_s).into_iter().map(of_date).collect()
}

fn edges_s(layout: &Layout, pack: Option<&NightPack>) -> Vec<i64> {
    let pieces = layout.schedules.iter().flat_map(Schedule::pieces);
    let night = |pack: &NightPack| [pack.enter_from_s, pack.enter_from_s + pack.length_s];
    let nights = pack.into_iter().flat_map(night).map(|edge_s| edge_s.rem_euclid(DAY_S));
    let mut edges: Vec<i64> = pieces.map(|piece| piece.start_s).chain(nights).collect();
    edges.sort_unstable();
    edges.dedup();
    edges
}

/// One date for each way in which days of different kinds follow each other, and the year's end.
fn telling_dates(layout: &Layout, today_s: i64) -> Vec<i64> {
    let last = i64::try_from(CALENDAR_DAYS).unwrap_or_default() - YEAR_DAYS - 8;
    let today = (today_s - FIRST_S).div_euclid(DAY_S).clamp(0, last);
    let mut seen = Vec::new();
    let mut dates = Vec::new();
    for day in today..today + YEAR_DAYS {
        let pair = (layout.days.class(day), layout.days.class(day + 1));
        let (_, month, date) = civil(usize::try_from(day).unwrap_or_default());
        if !seen.contains(&pair) || (month, date) == (12, 31) {
            seen.push(pair);
            dates.push(FIRST_S + day * DAY_S);
        }
    }
    dates.truncate(DATES_MAX);
    dates
}
