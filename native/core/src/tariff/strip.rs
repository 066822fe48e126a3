//! Days laid out as pieces, so that the price of a stretch of them is looked up and not walked.

use super::day::Schedule;

pub const DAY: u32 = 86_400;
pub const MINUTE: u32 = 60;
/// Rows of the table for one window; the first window's place is taken by free time.
pub const ROWS: usize = 1_441;

/// Three days in a row.
#[derive(Debug)]
pub struct Strip {
    pieces: Vec<Piece>,
    /// Which piece each minute lies in.
    piece_of_minute: Vec<u8>,
    /// What to add to a time so that its minutes are counted as the plan rounds units.
    up: u32,
    /// The clock of the tiers runs on from one window into the next.
    clock_runs_on: bool,
}

/// A part of them, in seconds.
#[derive(Debug, Clone, Copy)]
struct Piece {
    start: u32,
    end: u32,
    /// Where its rows begin in the table.
    rows: u32,
    /// How many pieces before it are charged.
    charged_before: u32,
}

/// How a plan counts.
#[derive(Debug, Clone, Copy)]
pub struct Counting {
    pub drops_parts: bool,
    pub clock_runs_on: bool,
    /// A window that runs on over midnight is one piece.
    pub joins_midnight: bool,
}

impl Strip {
    pub fn new(days: [&Schedule; 3], counting: Counting) -> Self {
        let pieces = pieces(days, counting.joins_midnight);
        let of_minute = |minute: u32| {
            let found = pieces.iter().position(|piece| minute * MINUTE < piece.end);
            u8::try_from(found.unwrap_or_default()).unwrap_or_default()
        };
        Self {
            piece_of_minute: (0..3 * DAY / MINUTE).map(of_minute).collect(),
            pieces,
            up: if counting.drops_parts { 0 } else { MINUTE - 1 },
            clock_runs_on: counting.clock_runs_on,
        }
    }

    /// Whether the clock of the tiers runs on from one window into the next.
    pub const fn clock_runs_on(&self) -> bool {
        self.clock_runs_on
    }

    /// What all pieces before each one cost.
    pub fn before(&self, fees: &[i32]) -> Vec<i64> {
        let mut so_far = 0;
        let cost = |piece: &Piece| {
            let before_fen = so_far;
            let whole = (piece.end - piece.start).min(DAY);
            so_far += self.row(fees, piece.rows, whole).unwrap_or_default();
            before_fen
        };
        self.pieces.iter().map(cost).collect()
    }

    /// Add up the stretches of at most 24 hours from a fresh clock, in seconds of the first of three
    /// days; none if one of them does not begin with a fresh clock.
    #[inline]
    pub fn sum(&self, fees: &[i32], before: &[i64], (from, to): (u32, u32)) -> Option<i64> {
        if from >= to {
            return Some(0);
        }
        let (first_at, last_at) = (self.index(from)?, self.index(to - 1)?);
        let first = self.pieces.get(first_at)?;
        if first_at == last_at {
            return self.row(fees, first.rows, to - from);
        }
        let last = self.pieces.get(last_at)?;
        if self.clock_runs_on {
            let charged = last.charged_before + u32::from(last.rows > 0) - first.charged_before;
            if charged > 1 {
                return None;
            }
        }
        let whole_fen = before.get(last_at)? - before.get(first_at + 1)?;
        Some(
            self.row(fees, first.rows, first.end - from)?
                + whole_fen
                + self.row(fees, last.rows, to - last.start)?,
        )
    }

    #[inline]
    fn index(&self, second: u32) -> Option<usize> {
        self.piece_of_minute.get((second / MINUTE) as usize).map(|&index| usize::from(index))
    }

    /// The fee of a stretch; a part of a minute counts as one, or as none where parts are dropped.
    #[inline]
    fn row(&self, fees: &[i32], rows: u32, stretch: u32) -> Option<i64> {
        let minutes = (stretch + self.up) / MINUTE;
        fees.get((rows + minutes) as usize).map(|&fen| i64::from(fen))
    }
}

/// Lay the pieces of the days out.
fn pieces(days: [&Schedule; 3], joins_midnight: bool) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let (mut charged, mut window_before) = (0, None);
    for (day, schedule) in (0..).zip(days) {
        for piece in schedule.pieces() {
            let second = |of_day: i64| day * DAY + u32::try_from(of_day).unwrap_or_default();
            let (start, end) = (second(piece.start_s), second(piece.end_s));
            let goes_on = joins_midnight && piece.start_s == 0 && piece.window == window_before;
            window_before = piece.window;
            if let Some(last) = pieces.last_mut().filter(|_| goes_on) {
                last.end = end;
                continue;
            }
            let rows = piece.window.map_or(0, |window| (window + 1) * ROWS);
            let rows = u32::try_from(rows).unwrap_or_default();
            pieces.push(Piece { start, end, rows, charged_before: charged });
            charged += u32::from(rows > 0);
        }
    }
    pieces
}
