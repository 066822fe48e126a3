//! Flows by group and step of time: what minutes and hours are drawn from.

use super::{ColumnError, Flow, Group, Passages, STEPS_MAX, check_cells};

/// Equal steps of time, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    from_s: u32,
    each_s: u32,
    steps: u32,
}

impl Window {
    /// `steps` steps of `each_s` seconds from `from_s` on.
    ///
    /// # Errors
    /// Refuses an empty step, no step or too many, and an end beyond what a second's number holds.
    pub fn new(from_s: u32, each_s: u32, steps: u32) -> Result<Self, ColumnError> {
        if each_s == 0 {
            return Err(ColumnError::new("step_s", "range", "a step has at least a second".into()));
        }
        if !(1..=STEPS_MAX).contains(&steps) {
            let detail = format!("1 to {STEPS_MAX} steps, not {steps}");
            return Err(ColumnError::new("steps", "range", detail));
        }
        let window = Self { from_s, each_s, steps };
        if window.starts_s(steps) >= u64::from(u32::MAX) {
            let detail = "the last step ends beyond the year 2105".into();
            return Err(ColumnError::new("steps", "end", detail));
        }
        Ok(window)
    }

    /// How many steps.
    #[must_use]
    pub fn steps(self) -> u32 {
        self.steps
    }

    /// When a step begins; that of the step after the last is the end.
    pub(super) fn starts_s(self, step: u32) -> u64 {
        u64::from(self.from_s) + u64::from(self.each_s) * u64::from(step)
    }

    fn step_of(self, at_s: u32) -> Option<u32> {
        let step = at_s.checked_sub(self.from_s)? / self.each_s;
        (step < self.steps).then_some(step)
    }
}

/// The flow of every group in every step, and what each group held before the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    window: Window,
    groups: u32,
    before: Vec<Flow>,
    cells: Vec<Flow>,
}

impl Series {
    /// A series in which nobody has passed.
    ///
    /// # Errors
    /// Refuses too many groups, and more than [`super::CELLS_MAX`] groups times steps.
    pub fn new(groups: u32, window: Window) -> Result<Self, ColumnError> {
        check_cells(groups, window)?;
        let flows = |many: usize| vec![Flow::default(); many];
        let many = groups as usize * window.steps as usize;
        Ok(Self { window, groups, before: flows(groups as usize), cells: flows(many) })
    }

    /// Count more passages, in any order: all of them, or, if one row is bad, none.
    ///
    /// # Errors
    /// Names the first row that is no passage of these groups.
    pub fn apply<G: Group>(&mut self, passages: &Passages<'_, G>) -> Result<(), ColumnError> {
        passages.check(self.groups)?;
        for (group, delta, at_s) in passages.rows() {
            let flow = match self.window.step_of(at_s) {
                Some(step) => {
                    let cell = self.cell(group, step);
                    self.cells.get_mut(cell)
                }
                None if at_s < self.window.from_s => self.before.get_mut(group as usize),
                None => None,
            };
            if let Some(flow) = flow {
                flow.take(delta);
            }
        }
        Ok(())
    }

    fn cell(&self, group: u32, step: u32) -> usize {
        group as usize * self.window.steps as usize + step as usize
    }

    /// The flow of a group in each step.
    #[must_use]
    pub fn flows(&self, group: u32) -> &[Flow] {
        let first = self.cell(group, 0);
        self.cells.get(first..first + self.window.steps as usize).unwrap_or_default()
    }

    /// What a group held at the end of each step: the running sum of its flows.
    #[must_use]
    pub fn occupied(&self, group: u32) -> Vec<i64> {
        let mut held = self.before.get(group as usize).copied().unwrap_or_default().occupied();
        let flows = self.flows(group).iter();
        flows
            .map(|flow| {
                held += flow.occupied();
                held
            })
            .collect()
    }

    /// The most that a group held at the end of any step, or before the first.
    #[must_use]
    pub fn peak(&self, group: u32) -> i64 {
        let before = self.before.get(group as usize).copied().unwrap_or_default().occupied();
        self.occupied(group).into_iter().fold(before, i64::max)
    }
}
