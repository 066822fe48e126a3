//! What the visits of a span add up to: the sums behind turnover, mean stay and utilisation.

use super::columns::same_length;
use super::{ColumnError, Group, STILL_INSIDE, Visits, check_groups};

/// What became of a visit's order; a visit that has not ended, or whose end nobody saw, has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// No order is fixed: the car is inside, or nobody saw it leave.
    Unknown,
    /// It owed nothing.
    Free,
    /// It owed something.
    Charged,
}

impl Ended {
    /// Read the number of a column: 0 unknown, 1 free, 2 charged.
    #[must_use]
    pub const fn parse(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Unknown),
            1 => Some(Self::Free),
            2 => Some(Self::Charged),
            _ => None,
        }
    }
}

/// Sums of one group over a span.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Cars that went in during the span.
    pub entries: u64,
    /// Cars that went out during the span.
    pub exits: u64,
    /// Orders, free and charged, of visits that ended during the span.
    pub orders: u64,
    /// Those of them that owed something.
    pub charged: u64,
    /// Seconds that the visits of these orders lasted, whenever they began.
    pub stayed_s: u64,
    /// Seconds of the span that cars stood in a bay, all added up.
    pub bay_seconds: u64,
}

/// Add up the visits of each group from `from_s` up to, not including, `until_s`.
///
/// # Errors
/// Refuses too many groups, another number of ends than visits, an unknown end, and a span that ends
/// before it begins.
pub fn tally<G: Group>(
    groups: u32,
    visits: &Visits<'_, G>,
    ended: &[u8],
    from_s: u32,
    until_s: u32,
) -> Result<Vec<Tally>, ColumnError> {
    check_groups(groups)?;
    same_length("ended", ended.len(), visits.group.len())?;
    if until_s < from_s {
        let detail = format!("the span ends at {until_s}, before it begins at {from_s}");
        return Err(ColumnError::new("until_s", "forward", detail));
    }
    let mut tallies = vec![Tally::default(); groups as usize];
    for (row, ((group, entered_s, left_s), &number)) in visits.rows().zip(ended).enumerate() {
        let unknown = || format!("0, 1 or 2, not {number}");
        let ended = Ended::parse(number)
            .ok_or_else(|| ColumnError::at(row, "ended", "known", unknown()))?;
        if let Some(tally) = tallies.get_mut(group as usize) {
            tally.take(Visit { entered_s, left_s, ended }, from_s, until_s);
        }
    }
    Ok(tallies)
}

#[derive(Clone, Copy)]
struct Visit {
    entered_s: u32,
    left_s: u32,
    ended: Ended,
}

impl Tally {
    fn take(&mut self, visit: Visit, from_s: u32, until_s: u32) {
        let Visit { entered_s, left_s, ended } = visit;
        let span = from_s..until_s;
        self.entries += u64::from(span.contains(&entered_s));
        let inside_s = left_s.min(until_s).saturating_sub(entered_s.max(from_s));
        self.bay_seconds += u64::from(inside_s);
        if left_s == STILL_INSIDE || !span.contains(&left_s) {
            return;
        }
        self.exits += 1;
        if ended != Ended::Unknown {
            self.orders += 1;
            self.charged += u64::from(ended == Ended::Charged);
            self.stayed_s += u64::from(left_s - entered_s);
        }
    }
}
