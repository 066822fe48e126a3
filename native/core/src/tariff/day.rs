//! The local day, cut into charged windows and the free time between them.

use super::PlanError;
use super::calendar::{Calendar, Days, Selector};
use super::check::{broken, clock};
use super::file::WindowFile;
use super::time::{CALENDAR_DAYS, DAY_S, civil};

const SCHEDULES_MAX: usize = 16;

/// A stretch of the local day with one window or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub start_s: i64,
    pub end_s: i64,
    pub window: Option<usize>,
}

/// One kind of day that a plan knows: its pieces cover it from midnight to midnight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule(Vec<Piece>);

impl Schedule {
    /// The piece that an instant of the day lies in.
    #[inline]
    pub fn piece_at(&self, second_of_day: i64) -> Option<&Piece> {
        self.0.iter().find(|piece| second_of_day < piece.end_s)
    }

    pub fn pieces(&self) -> &[Piece] {
        &self.0
    }

    pub fn first_window(&self) -> Option<usize> {
        self.0.first().and_then(|piece| piece.window)
    }

    pub fn last_window(&self) -> Option<usize> {
        self.0.last().and_then(|piece| piece.window)
    }

    /// Whether one window fills the day.
    pub fn is_whole(&self) -> bool {
        self.0.len() == 1
    }

    pub fn charged_s(&self) -> i64 {
        let charged = self.0.iter().filter(|piece| piece.window.is_some());
        charged.map(|piece| piece.end_s - piece.start_s).sum()
    }

    /// Whether a window or free time begins at that second of the day, none of them at midnight.
    pub fn has_edge(&self, second_of_day: i64) -> bool {
        second_of_day > 0 && self.0.iter().any(|piece| piece.start_s == second_of_day)
    }
}

/// When a window is charged: seconds of the day, the end after the start.
#[derive(Clone, Copy)]
struct WindowSpan {
    from_s: i64,
    to_s: i64,
}

/// Work out the different days of a plan, and which of them each date is.
pub fn schedules(
    field: &str,
    windows: &[WindowFile],
    calendar: &Calendar,
) -> Result<(Vec<Schedule>, Days), PlanError> {
    let mut spans = Vec::with_capacity(windows.len());
    let mut selectors = Vec::with_capacity(windows.len());
    for (index, window) in windows.iter().enumerate() {
        let field = format!("{field}[{index}]");
        spans.push(window_span(&field, window)?);
        selectors.push(Selector::compile(&field, window)?);
    }
    if selectors.iter().all(Selector::is_every_day) {
        let every = u32::MAX;
        return Ok((vec![schedule(field, &spans, every, None)?], Days::all_alike()));
    }
    by_date(field, &spans, &selectors, calendar)
}

fn by_date(
    field: &str,
    spans: &[WindowSpan],
    selectors: &[Selector],
    calendar: &Calendar,
) -> Result<(Vec<Schedule>, Days), PlanError> {
    let mut kinds: Vec<u32> = Vec::new();
    let mut schedules = Vec::new();
    let mut class_of_day = Vec::with_capacity(CALENDAR_DAYS);
    for day in 0..CALENDAR_DAYS {
        let kind = calendar.kind(day);
        let takes =
            |(index, selector): (usize, &Selector)| u32::from(selector.takes(kind, day)) << index;
        let active = selectors.iter().enumerate().map(takes).fold(0, |all, one| all | one);
        let known = kinds.iter().position(|&kind| kind == active);
        if known.is_none() {
            kinds.push(active);
            schedules.push(schedule(field, spans, active, Some(day))?);
        }
        let class = known.unwrap_or(kinds.len() - 1);
        class_of_day.push(u8::try_from(class).unwrap_or_default());
        if kinds.len() > SCHEDULES_MAX {
            let detail = format!("at most {SCHEDULES_MAX} different kinds of day can be made");
            return Err(broken(field, "days_many", detail));
        }
    }
    let classes = schedules.len();
    if classes == 1 {
        return Ok((schedules, Days::all_alike()));
    }
    Ok((schedules, Days::of_classes(class_of_day, classes)))
}

fn window_span(field: &str, window: &WindowFile) -> Result<WindowSpan, PlanError> {
    let from_s = clock(&format!("{field}.from"), &window.from)?;
    let to_s = clock(&format!("{field}.to"), &window.to)?;
    if from_s == DAY_S {
        return Err(broken(format!("{field}.from"), "time_of_day", "24:00 only ends a window"));
    }
    if from_s == to_s {
        let detail = "an empty window; a whole day is 00:00 to 24:00";
        return Err(broken(format!("{field}.to"), "window_empty", detail));
    }
    let to_s = if to_s < from_s { to_s + DAY_S } else { to_s };
    Ok(WindowSpan { from_s, to_s })
}

/// Cut one kind of day at the edges of the windows that it has.
fn schedule(
    field: &str,
    spans: &[WindowSpan],
    active: u32,
    day: Option<usize>,
) -> Result<Schedule, PlanError> {
    let mut pieces = Vec::with_capacity(spans.len() * 2 + 1);
    for (index, span) in spans.iter().enumerate().filter(|(index, _)| active >> index & 1 == 1) {
        let mut add = |start_s, end_s| pieces.push(Piece { start_s, end_s, window: Some(index) });
        add(span.from_s, span.to_s.min(DAY_S));
        if span.to_s > DAY_S {
            add(0, span.to_s - DAY_S);
        }
    }
    pieces.sort_unstable_by_key(|piece| (piece.start_s, piece.window));
    check_overlap(field, &pieces, day)?;
    Ok(Schedule(with_free_time(pieces)))
}

fn check_overlap(field: &str, pieces: &[Piece], day: Option<usize>) -> Result<(), PlanError> {
    for (one, next) in pieces.iter().zip(pieces.iter().skip(1)) {
        if next.start_s < one.end_s {
            let guilty = next.window.unwrap_or_default();
            let when = day.map(civil).map_or_else(String::new, |(year, month, date)| {
                format!(", on {year}-{month:02}-{date:02} for one")
            });
            let detail = format!("begins before another window has ended{when}");
            return Err(broken(format!("{field}[{guilty}].from"), "windows_overlap", detail));
        }
    }
    Ok(())
}

fn with_free_time(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut whole = Vec::with_capacity(pieces.len() * 2 + 1);
    let mut at_s = 0;
    let free = |start_s, end_s| Piece { start_s, end_s, window: None };
    for piece in pieces {
        if at_s < piece.start_s {
            whole.push(free(at_s, piece.start_s));
        }
        at_s = piece.end_s;
        whole.push(piece);
    }
    if at_s < DAY_S {
        whole.push(free(at_s, DAY_S));
    }
    whole
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const HOUR_S: i64 = 3_600;

    fn cut(windows: &str) -> Result<(Vec<Schedule>, Days), PlanError> {
        let windows: Vec<WindowFile> = serde_json::from_str(windows).unwrap();
        schedules("windows", &windows, &Calendar::of_weekdays())
    }

    fn piece(start_h: i64, end_h: i64, window: Option<usize>) -> Piece {
        Piece { start_s: start_h * HOUR_S, end_s: end_h * HOUR_S, window }
    }

    #[test]
    fn a_window_over_midnight_is_at_both_ends_of_the_day() {
        let (days, _) = cut(r#"[{"name": "w", "from": "20:00", "to": "07:00"}]"#).unwrap();
        let expected = vec![piece(0, 7, Some(0)), piece(7, 20, None), piece(20, 24, Some(0))];
        assert_eq!(days, [Schedule(expected)]);
    }

    #[test]
    fn a_day_without_windows_is_one_free_piece() {
        let (days, _) = cut("[]").unwrap();
        assert_eq!(days, [Schedule(vec![piece(0, 24, None)])]);
        assert!(days.iter().all(Schedule::is_whole));
    }

    #[test]
    fn workdays_and_weekends_have_schedules_of_their_own() {
        let windows = r#"[
            {"name": "w", "days": ["workday"], "from": "07:00", "to": "20:00"},
            {"name": "e", "days": ["non_workday"], "from": "10:00", "to": "20:00"}
        ]"#;
        let (schedules, days) = cut(windows).unwrap();
        assert_eq!(schedules.len(), 2);
        // 2000-01-01 was a Saturday.
        let first_of_month: Vec<_> = (0..4).map(|day| days.class(day)).collect();
        assert_eq!(first_of_month, [0, 0, 1, 1]);
        assert_eq!(schedules.first().and_then(|day| day.piece_at(9 * HOUR_S)?.window), None);
    }

    #[test]
    fn an_overlap_on_a_few_days_of_the_year_names_one_of_them() {
        let windows = r#"[
            {"name": "all", "from": "07:00", "to": "20:00"},
            {"name": "may", "season": [{"from": "05-01", "to": "05-03"}], "from": "19:00", "to": "21:00"}
        ]"#;
        let error = cut(windows).unwrap_err();
        assert_eq!((error.field.as_str(), error.rule), ("windows[1].from", "windows_overlap"));
        assert!(error.detail.contains("2000-05-01"), "{}", error.detail);
    }
}
