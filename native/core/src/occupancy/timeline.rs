//! What groups held at every second of a window: as counted, and as calibrated by snapshots.
//!
//! The level of a step's seconds, its maximum and its mean are exact. They come from a sparse
//! difference array: changes joined by second, then running sums.

use std::iter::Peekable;

use super::columns::check_group;
use super::{ColumnError, Group, STILL_INSIDE, Visits, Window, check_cells};

/// An absolute count of a group, as somebody took it at an instant; passages of that second are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// Which group.
    pub group: u32,
    /// When.
    pub at_s: u32,
    /// How many cars.
    pub occupied: u32,
}

/// What a group held through a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// In the first second.
    pub first: i64,
    /// In the last second.
    pub last: i64,
    /// The least.
    pub min: i64,
    /// The most.
    pub max: i64,
    /// The sum over all seconds: divided by the step's length, the mean.
    pub bay_seconds: i64,
}

/// One step of one group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Step {
    /// Cars that went in during the step.
    pub entries: u64,
    /// Cars that went out during the step.
    pub exits: u64,
    /// As counted.
    pub raw: Level,
    /// As counted on from the last snapshot; none where no snapshot stands at or before its start.
    pub calibrated: Option<Level>,
}

impl Default for Level {
    fn default() -> Self {
        Self { first: 0, last: 0, min: i64::MAX, max: i64::MIN, bay_seconds: 0 }
    }
}

impl Level {
    fn is_unheld(&self) -> bool {
        self.max == i64::MIN
    }

    fn hold(&mut self, level: i64, seconds: i64) {
        if self.is_unheld() {
            self.first = level;
        }
        self.last = level;
        self.min = self.min.min(level);
        self.max = self.max.max(level);
        self.bay_seconds = self.bay_seconds.saturating_add(level.saturating_mul(seconds));
    }
}

/// What happens to a group.
#[derive(Debug, Clone, Copy)]
enum Event {
    Enters,
    Leaves,
    Counted(u32),
}

/// Events of one group with their seconds.
type Events = Vec<(u32, Event)>;

/// Return the steps of each group, one group after the other.
///
/// Visits that end before the window and before every anchor may be left out. Of two anchors of one
/// group and second, the later in the list counts.
///
/// # Errors
/// Refuses too many groups, and an anchor of a group out of range.
pub fn timeline<G: Group>(
    groups: u32,
    visits: &Visits<'_, G>,
    anchors: &[Anchor],
    window: Window,
) -> Result<Vec<Step>, ColumnError> {
    check_cells(groups, window)?;
    let events = events_of(groups, visits, anchors)?;
    Ok(events.into_iter().flat_map(|events| Sweep::over(window, events)).collect())
}

fn events_of<G: Group>(
    groups: u32,
    visits: &Visits<'_, G>,
    anchors: &[Anchor],
) -> Result<Vec<Events>, ColumnError> {
    let mut events = vec![Events::new(); groups as usize];
    for (group, entered_s, left_s) in visits.rows() {
        if let Some(events) = events.get_mut(group as usize) {
            events.push((entered_s, Event::Enters));
            if left_s != STILL_INSIDE {
                events.push((left_s, Event::Leaves));
            }
        }
    }
    for (row, anchor) in anchors.iter().enumerate() {
        check_group(row, anchor.group, groups)
            .map_err(|error| ColumnError { field: "anchors", ..error })?;
        if let Some(events) = events.get_mut(anchor.group as usize) {
            events.push((anchor.at_s, Event::Counted(anchor.occupied)));
        }
    }
    // Cars before counts: a count holds the passages of its own second.
    let place = |&(at_s, event): &(u32, Event)| (at_s, matches!(event, Event::Counted(_)));
    for events in &mut events {
        events.sort_by_key(place);
    }
    Ok(events)
}

/// One group while its seconds pass.
#[derive(Default)]
struct Sweep {
    raw: i64,
    drift: Option<i64>,
}

impl Sweep {
    fn over(window: Window, events: Events) -> Vec<Step> {
        let mut sweep = Self::default();
        let mut coming = events.into_iter().peekable();
        while let Some((_, event)) =
            coming.next_if(|&(at_s, _)| u64::from(at_s) < window.starts_s(0))
        {
            sweep.take(event, &mut Step::default());
        }
        let through = |step| {
            let (from_s, until_s) = (window.starts_s(step), window.starts_s(step + 1));
            sweep.through(from_s, until_s, &mut coming)
        };
        (0..window.steps()).map(through).collect()
    }

    fn through(
        &mut self,
        from_s: u64,
        until_s: u64,
        coming: &mut Peekable<impl Iterator<Item = (u32, Event)>>,
    ) -> Step {
        let mut step = Step::default();
        let mut now_s = from_s;
        while let Some((at_s, event)) = coming.next_if(|&(at_s, _)| u64::from(at_s) < until_s) {
            self.hold(&mut step, now_s, u64::from(at_s));
            now_s = u64::from(at_s);
            self.take(event, &mut step);
        }
        self.hold(&mut step, now_s, until_s);
        step
    }

    fn take(&mut self, event: Event, step: &mut Step) {
        match event {
            Event::Enters => {
                step.entries += 1;
                self.raw += 1;
            }
            Event::Leaves => {
                step.exits += 1;
                self.raw -= 1;
            }
            Event::Counted(occupied) => self.drift = Some(i64::from(occupied) - self.raw),
        }
    }

    /// Nothing changes from one second to before another.
    fn hold(&self, step: &mut Step, from_s: u64, until_s: u64) {
        let seconds = i64::try_from(until_s - from_s).unwrap_or(i64::MAX);
        if seconds == 0 {
            return;
        }
        let is_first = step.raw.is_unheld();
        step.raw.hold(self.raw, seconds);
        if let Some(drift) = self.drift {
            if is_first {
                step.calibrated = Some(Level::default());
            }
            if let Some(calibrated) = &mut step.calibrated {
                calibrated.hold(self.raw + drift, seconds);
            }
        }
    }
}
