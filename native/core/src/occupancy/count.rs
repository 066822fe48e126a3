//! Counters of groups, kept by deltas or made anew from everything: both come to the same.

use super::columns::{check_group, same_length};
use super::{ColumnError, Group, Passages, check_groups};

/// How many cars went in and out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flow {
    /// Cars that went in.
    pub entries: u64,
    /// Cars that went out.
    pub exits: u64,
}

impl Flow {
    /// The cars inside; below zero where entries were missed, and never clamped.
    #[must_use]
    pub fn occupied(self) -> i64 {
        self.entries.wrapping_sub(self.exits).cast_signed()
    }

    /// Count one passage; without a branch, because nobody can foresee the way of the next car.
    pub(super) fn take(&mut self, delta: i8) {
        self.entries += u64::from(delta > 0);
        self.exits += u64::from(delta < 0);
    }

    pub(super) fn add(&mut self, other: Self) {
        self.entries += other.entries;
        self.exits += other.exits;
    }
}

/// The flow of every group since the first passage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counters {
    flows: Vec<Flow>,
}

impl Counters {
    /// Counters of groups through which nobody has passed.
    ///
    /// # Errors
    /// Refuses no group, and more than [`super::GROUPS_MAX`].
    pub fn new(groups: u32) -> Result<Self, ColumnError> {
        check_groups(groups)?;
        Ok(Self { flows: vec![Flow::default(); groups as usize] })
    }

    /// Count all passages up to and including the second `until_s`, from nothing.
    ///
    /// # Errors
    /// Names the first row that is no passage of these groups.
    pub fn recount<G: Group>(
        groups: u32,
        passages: &Passages<'_, G>,
        until_s: u32,
    ) -> Result<Self, ColumnError> {
        check_groups(groups)?;
        if let Some(flows) = G::recount(passages, groups, until_s) {
            return Ok(Self { flows });
        }
        passages.check(groups)?;
        Self::new(groups)
    }

    /// Count more passages: all of them, or, if one row is bad, none.
    ///
    /// # Errors
    /// Names the first row that is no passage of these groups.
    pub fn apply<G: Group>(&mut self, passages: &Passages<'_, G>) -> Result<(), ColumnError> {
        passages.check(self.groups())?;
        for (group, delta, _) in passages.rows() {
            if let Some(flow) = self.flows.get_mut(group as usize) {
                flow.take(delta);
            }
        }
        Ok(())
    }

    /// Add groups up to larger ones, as pools to their zone or lot: `parents` names one for each.
    ///
    /// # Errors
    /// Refuses another number of parents than groups, and a parent out of range.
    pub fn rollup(&self, parents: &[u32], groups: u32) -> Result<Self, ColumnError> {
        same_length("parents", parents.len(), self.flows.len())?;
        let mut sums = Self::new(groups)?;
        for (row, (&parent, &flow)) in parents.iter().zip(&self.flows).enumerate() {
            check_group(row, parent, groups)
                .map_err(|error| ColumnError { field: "parents", ..error })?;
            if let Some(sum) = sums.flows.get_mut(parent as usize) {
                sum.add(flow);
            }
        }
        Ok(sums)
    }

    /// How many groups.
    #[must_use]
    pub fn groups(&self) -> u32 {
        u32::try_from(self.flows.len()).unwrap_or(super::GROUPS_MAX)
    }

    /// The flow of each group.
    #[must_use]
    pub fn flows(&self) -> &[Flow] {
        &self.flows
    }
}
