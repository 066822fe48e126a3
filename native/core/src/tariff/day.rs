//! The local day, cut into charged windows and the free time between them.

use super::PlanError;
use super::check::{broken, clock};
use super::file::WindowFile;
use super::time::DAY_S;

/// A stretch of the local day with one window or none; `end_s` may lie in the next day.
#[derive(Debug, PartialEq, Eq)]
pub struct Piece {
    pub start_s: i64,
    pub end_s: i64,
    pub window: Option<usize>,
    /// It goes on from before `start_s`, so that no window begins there.
    pub continues: bool,
}

/// Cut the local day at the edges of the windows; time outside them becomes pieces of its own.
pub fn pieces(windows: &[WindowFile]) -> Result<Vec<Piece>, PlanError> {
    let mut spans = Vec::with_capacity(windows.len());
    for (index, window) in windows.iter().enumerate() {
        let (from_s, length_s) = window_span(index, window)?;
        spans.push((from_s, from_s + length_s, index));
    }
    spans.sort_unstable();
    check_overlap(&spans)?;
    Ok(around_the_day(&spans))
}

fn window_span(index: usize, window: &WindowFile) -> Result<(i64, i64), PlanError> {
    let from_s = clock(&format!("windows[{index}].from"), &window.from)?;
    let to_s = clock(&format!("windows[{index}].to"), &window.to)?;
    let field = format!("windows[{index}]");
    if from_s == DAY_S {
        return Err(broken(format!("{field}.from"), "time_of_day", "24:00 only ends a window"));
    }
    if from_s == to_s {
        let detail = "an empty window; a whole day is 00:00 to 24:00";
        return Err(broken(format!("{field}.to"), "window_empty", detail));
    }
    let length_s = (to_s - from_s).rem_euclid(DAY_S);
    Ok((from_s, if length_s == 0 { DAY_S } else { length_s }))
}

fn check_overlap(spans: &[(i64, i64, usize)]) -> Result<(), PlanError> {
    let following = spans.iter().skip(1).copied();
    let first_again = spans.first().map(|&(from_s, to_s, index)| (from_s + DAY_S, to_s, index));
    for (&(_, to_s, _), (next_from_s, _, next)) in spans.iter().zip(following.chain(first_again)) {
        if next_from_s < to_s {
            let detail = "begins before another window has ended";
            return Err(broken(format!("windows[{next}].from"), "windows_overlap", detail));
        }
    }
    Ok(())
}

fn around_the_day(spans: &[(i64, i64, usize)]) -> Vec<Piece> {
    let Some(&(first_s, _, _)) = spans.first() else {
        return vec![Piece { start_s: 0, end_s: DAY_S, window: None, continues: true }];
    };
    let mut circle = Vec::with_capacity(spans.len() * 2 + 1);
    let ends = spans.iter().skip(1).map(|span| span.0).chain([first_s + DAY_S]);
    for (&(from_s, to_s, index), next_s) in spans.iter().zip(ends) {
        circle.push(piece(from_s, to_s, Some(index)));
        if to_s < next_s {
            circle.push(piece(to_s, next_s, None));
        }
    }
    from_midnight(circle)
}

const fn piece(start_s: i64, end_s: i64, window: Option<usize>) -> Piece {
    Piece { start_s, end_s, window, continues: end_s - start_s == DAY_S }
}

/// Let the pieces begin within one day and repeat, at midnight, the one that goes over it.
fn from_midnight(mut circle: Vec<Piece>) -> Vec<Piece> {
    for late in circle.iter_mut().filter(|piece| piece.start_s >= DAY_S) {
        late.start_s -= DAY_S;
        late.end_s -= DAY_S;
    }
    circle.sort_unstable_by_key(|piece| piece.start_s);
    if let Some(over) = circle.last().filter(|piece| piece.end_s > DAY_S) {
        let (end_s, window) = (over.end_s - DAY_S, over.window);
        circle.insert(0, Piece { start_s: 0, end_s, window, continues: true });
    }
    circle
}

/// The piece that an instant of the day lies in.
pub fn piece_at(pieces: &[Piece], second_of_day: i64) -> Option<&Piece> {
    pieces.iter().rev().find(|piece| piece.start_s <= second_of_day)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_S: i64 = 3_600;

    fn cut(windows: &[(&str, &str)]) -> Vec<Piece> {
        let file = |&(from, to): &(&str, &str)| WindowFile {
            name: String::from("w"),
            from: String::from(from),
            to: String::from(to),
            tiers: Vec::new(),
        };
        let windows: Vec<_> = windows.iter().map(file).collect();
        pieces(&windows).unwrap_or_default()
    }

    #[test]
    fn a_window_over_midnight_goes_on_and_does_not_begin_there() {
        let night =
            |start_s, end_s, continues| Piece { start_s, end_s, window: Some(0), continues };
        let expected = [
            night(0, 7 * HOUR_S, true),
            Piece { start_s: 7 * HOUR_S, end_s: 20 * HOUR_S, window: None, continues: false },
            night(20 * HOUR_S, 31 * HOUR_S, false),
        ];
        assert_eq!(cut(&[("20:00", "07:00")]), expected);
    }

    #[test]
    fn a_whole_day_has_no_edge() {
        let whole = Piece { start_s: 0, end_s: DAY_S, window: Some(0), continues: true };
        assert_eq!(cut(&[("00:00", "24:00")]), [whole]);
    }

    #[test]
    fn a_day_without_windows_is_one_free_piece() {
        let free = Piece { start_s: 0, end_s: DAY_S, window: None, continues: true };
        assert_eq!(cut(&[]), [free]);
    }
}
