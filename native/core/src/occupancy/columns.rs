//! Columns of passages and of visits: one row a car, all columns of one length.

use super::{ColumnError, Flow, recount};

/// What a visit that has not ended holds as its end.
pub const STILL_INSIDE: u32 = u32::MAX;

/// The number of a group as it stands in a column: `u16` or `u32`.
pub trait Group: Copy + Into<u32> {
    /// Count the rows up to `until_s` by group, or say that some row is no passage of `groups`.
    #[doc(hidden)]
    fn recount(passages: &Passages<'_, Self>, groups: u32, until_s: u32) -> Option<Vec<Flow>>;
}

impl Group for u16 {
    fn recount(passages: &Passages<'_, Self>, groups: u32, until_s: u32) -> Option<Vec<Flow>> {
        if groups <= recount::NARROW_MAX {
            recount::narrow(passages, groups, until_s)
        } else {
            recount::wide(passages, groups, until_s)
        }
    }
}

impl Group for u32 {
    fn recount(passages: &Passages<'_, Self>, groups: u32, until_s: u32) -> Option<Vec<Flow>> {
        recount::wide(passages, groups, until_s)
    }
}

/// Passages as columns: one car more (1) or less (-1) in a group, at an instant.
#[derive(Debug, Clone, Copy)]
pub struct Passages<'a, G> {
    pub(super) group: &'a [G],
    pub(super) delta: &'a [i8],
    pub(super) at_s: &'a [u32],
}

impl<'a, G: Group> Passages<'a, G> {
    /// Put columns side by side.
    ///
    /// # Errors
    /// Refuses columns of different lengths.
    pub fn new(group: &'a [G], delta: &'a [i8], at_s: &'a [u32]) -> Result<Self, ColumnError> {
        same_length("delta", delta.len(), group.len())?;
        same_length("at_s", at_s.len(), group.len())?;
        Ok(Self { group, delta, at_s })
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.group.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.group.is_empty()
    }

    /// Refuse the first row that is no passage of `groups` groups.
    pub(super) fn check(&self, groups: u32) -> Result<(), ColumnError> {
        for (row, (&group, &delta)) in self.group.iter().zip(self.delta).enumerate() {
            check_group(row, group, groups)?;
            if delta != 1 && delta != -1 {
                let detail = format!("a passage is one car more or less, not {delta}");
                return Err(ColumnError::at(row, "delta", "one_car", detail));
            }
        }
        Ok(())
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = (u32, i8, u32)> {
        let rows = self.group.iter().zip(self.delta).zip(self.at_s);
        rows.map(|((&group, &delta), &at_s)| (group.into(), delta, at_s))
    }
}

/// Visits as columns: a car in a group from one instant until another.
#[derive(Debug, Clone, Copy)]
pub struct Visits<'a, G> {
    pub(super) group: &'a [G],
    pub(super) entered_s: &'a [u32],
    pub(super) left_s: &'a [u32],
}

impl<'a, G: Group> Visits<'a, G> {
    /// Put columns side by side; `left_s` is [`STILL_INSIDE`] for a car that has not left.
    ///
    /// # Errors
    /// Refuses columns of different lengths, a group out of range and an end before its beginning.
    pub fn new(
        groups: u32,
        group: &'a [G],
        entered_s: &'a [u32],
        left_s: &'a [u32],
    ) -> Result<Self, ColumnError> {
        same_length("entered_s", entered_s.len(), group.len())?;
        same_length("left_s", left_s.len(), group.len())?;
        let visits = Self { group, entered_s, left_s };
        for (row, (group, entered_s, left_s)) in visits.rows().enumerate() {
            check_group(row, group, groups)?;
            if left_s < entered_s {
                let detail = format!("a visit ends at {left_s}, before it begins at {entered_s}");
                return Err(ColumnError::at(row, "left_s", "forward", detail));
            }
        }
        Ok(visits)
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = (u32, u32, u32)> {
        let rows = self.group.iter().zip(self.entered_s).zip(self.left_s);
        rows.map(|((&group, &entered_s), &left_s)| (group.into(), entered_s, left_s))
    }
}

pub(super) fn same_length(
    field: &'static str,
    length: usize,
    rows: usize,
) -> Result<(), ColumnError> {
    if length == rows {
        return Ok(());
    }
    let detail = format!("{length} rows, but group has {rows}");
    Err(ColumnError::new(field, "same_length", detail))
}

pub(super) fn check_group<G: Into<u32>>(
    row: usize,
    group: G,
    groups: u32,
) -> Result<(), ColumnError> {
    let group = group.into();
    if group < groups {
        return Ok(());
    }
    let detail = format!("group {group} is not one of {groups}");
    Err(ColumnError::at(row, "group", "range", detail))
}
