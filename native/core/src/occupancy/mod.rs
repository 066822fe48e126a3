//! Counts of cars: who went in and out of which group, and what that makes of every instant.
//!
//! A group is whatever is counted together: a pool of a lot, a zone, a lot. Instants are whole epoch
//! seconds, and the second is the resolution: what happens within one second happens at once. The
//! count *at* a second holds every passage up to and including that second.
//!
//! Sums are linear, so [`Counters`] and [`Series`] may be kept by deltas and still equal a recount
//! of all passages. A maximum is not: [`timeline`] makes it anew from changes and running sums.

mod columns;
mod count;
mod fetch;
mod recount;
mod series;
mod tally;
mod timeline;

pub use columns::{Group, Passages, STILL_INSIDE, Visits};
pub use count::{Counters, Flow};
pub use series::{Series, Window};
pub use tally::{Ended, Tally, tally};
pub use timeline::{Anchor, Level, Step, timeline};

/// The most groups that are counted in one go.
pub const GROUPS_MAX: u32 = 1 << 20;
/// The most cells (groups times steps) of one series or timeline.
pub const CELLS_MAX: u64 = 1 << 20;
/// The most steps of one window.
pub const STEPS_MAX: u32 = 100_000;

/// Columns that mean nothing; nothing of them was counted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {detail}")]
pub struct ColumnError {
    /// The guilty column or argument.
    pub field: &'static str,
    /// Name of the broken rule; stable.
    pub rule: &'static str,
    /// The first row that breaks it, where it is a row that does.
    pub row: Option<usize>,
    /// What the rule asks for, for people.
    pub detail: String,
}

impl ColumnError {
    fn new(field: &'static str, rule: &'static str, detail: String) -> Self {
        Self { field, rule, row: None, detail }
    }

    fn at(row: usize, field: &'static str, rule: &'static str, detail: String) -> Self {
        Self { field, rule, row: Some(row), detail }
    }
}

fn check_groups(groups: u32) -> Result<(), ColumnError> {
    if (1..=GROUPS_MAX).contains(&groups) {
        return Ok(());
    }
    Err(ColumnError::new("groups", "range", format!("1 to {GROUPS_MAX} groups, not {groups}")))
}

fn check_cells(groups: u32, window: Window) -> Result<(), ColumnError> {
    check_groups(groups)?;
    let cells = u64::from(groups) * u64::from(window.steps());
    if cells <= CELLS_MAX {
        return Ok(());
    }
    let detail = format!("at most {CELLS_MAX} groups times steps, not {cells}");
    Err(ColumnError::new("steps", "cells", detail))
}
