//! `onepark_core::occupancy` for Python.

use std::sync::{Mutex, MutexGuard, PoisonError};

use onepark_core::occupancy::{
    self, Anchor, Flow, Group, Level, Passages, Step, Tally, Visits, Window,
};
use pyo3::prelude::*;

use crate::columns::{Column, Groups, refused};

type LevelTuple = (i64, i64, i64, i64, i64);
type StepTuple = (u64, u64, LevelTuple, Option<LevelTuple>);
type TallyTuple = (u64, u64, u64, u64, u64, u64);
type Refused = occupancy::ColumnError;

/// The flow of every group, kept by deltas.
#[pyclass(frozen, module = "onepark._native")]
pub struct Counters(Mutex<occupancy::Counters>);

#[pymethods]
impl Counters {
    #[new]
    fn new(groups: u32) -> PyResult<Self> {
        occupancy::Counters::new(groups).map(Self::of).map_err(refused)
    }

    fn apply(
        &self,
        py: Python<'_>,
        group: &Bound<'_, PyAny>,
        delta: &Bound<'_, PyAny>,
        at_s: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let columns = Columns::read(group, delta, at_s)?;
        py.detach(|| columns.applied_to(&mut *self.lock())).map_err(refused)
    }

    fn rollup(&self, parents: &Bound<'_, PyAny>, groups: u32) -> PyResult<Self> {
        let parents = Column::<u32>::read(parents, "parents")?;
        self.lock().rollup(parents.values(), groups).map(Self::of).map_err(refused)
    }

    fn occupied(&self) -> Vec<i64> {
        self.lock().flows().iter().map(|flow| flow.occupied()).collect()
    }

    fn entries(&self) -> Vec<u64> {
        self.lock().flows().iter().map(|flow| flow.entries).collect()
    }

    fn exits(&self) -> Vec<u64> {
        self.lock().flows().iter().map(|flow| flow.exits).collect()
    }
}

impl Counters {
    fn of(counters: occupancy::Counters) -> Self {
        Self(Mutex::new(counters))
    }

    fn lock(&self) -> MutexGuard<'_, occupancy::Counters> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The flow of every group in every step of a window.
#[pyclass(frozen, module = "onepark._native")]
pub struct Series(Mutex<occupancy::Series>);

#[pymethods]
impl Series {
    #[new]
    fn new(groups: u32, window: (u32, u32, u32)) -> PyResult<Self> {
        let series = occupancy::Series::new(groups, read_window(window)?);
        series.map(|series| Self(Mutex::new(series))).map_err(refused)
    }

    fn apply(
        &self,
        py: Python<'_>,
        group: &Bound<'_, PyAny>,
        delta: &Bound<'_, PyAny>,
        at_s: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let columns = Columns::read(group, delta, at_s)?;
        py.detach(|| columns.applied_to(&mut *self.lock())).map_err(refused)
    }

    fn flows(&self, group: u32) -> Vec<(u64, u64)> {
        let pair = |flow: &Flow| (flow.entries, flow.exits);
        self.lock().flows(group).iter().map(pair).collect()
    }

    fn occupied(&self, group: u32) -> Vec<i64> {
        self.lock().occupied(group)
    }

    fn peak(&self, group: u32) -> i64 {
        self.lock().peak(group)
    }
}

impl Series {
    fn lock(&self) -> MutexGuard<'_, occupancy::Series> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Count all passages up to and including a second, from nothing.
#[pyfunction]
#[pyo3(signature = (groups, group, delta, at_s, until_s = 4_294_967_295))]
pub fn recount(
    groups: u32,
    group: &Bound<'_, PyAny>,
    delta: &Bound<'_, PyAny>,
    at_s: &Bound<'_, PyAny>,
    until_s: u32,
) -> PyResult<Counters> {
    let py = group.py();
    let columns = Columns::read(group, delta, at_s)?;
    py.detach(|| columns.recount(groups, until_s)).map(Counters::of).map_err(refused)
}

/// What groups held through each step of a window.
#[pyfunction]
pub fn timeline(
    groups: u32,
    group: &Bound<'_, PyAny>,
    entered_s: &Bound<'_, PyAny>,
    left_s: &Bound<'_, PyAny>,
    anchors: Vec<(u32, u32, u32)>,
    window: (u32, u32, u32),
) -> PyResult<Vec<StepTuple>> {
    let py = group.py();
    let columns = VisitColumns::read(group, entered_s, left_s)?;
    let anchors: Vec<Anchor> = anchors.into_iter().map(anchor).collect();
    let window = read_window(window)?;
    let steps = py.detach(|| columns.timeline(groups, &anchors, window)).map_err(refused)?;
    Ok(steps.into_iter().map(step_tuple).collect())
}

/// What the visits of a span add up to, for each group.
#[pyfunction]
pub fn tally(
    groups: u32,
    group: &Bound<'_, PyAny>,
    entered_s: &Bound<'_, PyAny>,
    left_s: &Bound<'_, PyAny>,
    ended: &Bound<'_, PyAny>,
    span: (u32, u32),
) -> PyResult<Vec<TallyTuple>> {
    let py = group.py();
    let columns = VisitColumns::read(group, entered_s, left_s)?;
    let ended = Column::<u8>::read(ended, "ended")?;
    let tallies = py.detach(|| columns.tally(groups, ended.values(), span)).map_err(refused)?;
    Ok(tallies.into_iter().map(tally_tuple).collect())
}

/// What passages can be counted into.
trait Counts {
    fn count<G: Group>(&mut self, passages: &Passages<'_, G>) -> Result<(), Refused>;
}

impl Counts for occupancy::Counters {
    fn count<G: Group>(&mut self, passages: &Passages<'_, G>) -> Result<(), Refused> {
        self.apply(passages)
    }
}

impl Counts for occupancy::Series {
    fn count<G: Group>(&mut self, passages: &Passages<'_, G>) -> Result<(), Refused> {
        self.apply(passages)
    }
}

struct Columns {
    group: Groups,
    delta: Column<i8>,
    at_s: Column<u32>,
}

impl Columns {
    fn read(
        group: &Bound<'_, PyAny>,
        delta: &Bound<'_, PyAny>,
        at_s: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let delta = Column::<i8>::read(delta, "delta")?;
        let at_s = Column::read(at_s, "at_s")?;
        Ok(Self { group: Groups::read(group, delta.values().len())?, delta, at_s })
    }

    fn applied_to(&self, counts: &mut impl Counts) -> Result<(), Refused> {
        let (delta, at_s) = (self.delta.values(), self.at_s.values());
        match &self.group {
            Groups::Narrow(group) => counts.count(&Passages::new(group.values(), delta, at_s)?),
            Groups::Wide(group) => counts.count(&Passages::new(group.values(), delta, at_s)?),
        }
    }

    fn recount(&self, groups: u32, until_s: u32) -> Result<occupancy::Counters, Refused> {
        let (delta, at_s) = (self.delta.values(), self.at_s.values());
        match &self.group {
            Groups::Narrow(group) => {
                let passages = Passages::new(group.values(), delta, at_s)?;
                occupancy::Counters::recount(groups, &passages, until_s)
            }
            Groups::Wide(group) => {
                let passages = Passages::new(group.values(), delta, at_s)?;
                occupancy::Counters::recount(groups, &passages, until_s)
            }
        }
    }
}

struct VisitColumns {
    group: Groups,
    entered_s: Column<u32>,
    left_s: Column<u32>,
}

impl VisitColumns {
    fn read(
        group: &Bound<'_, PyAny>,
        entered_s: &Bound<'_, PyAny>,
        left_s: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let entered_s = Column::<u32>::read(entered_s, "entered_s")?;
        let left_s = Column::read(left_s, "left_s")?;
        Ok(Self { group: Groups::read(group, entered_s.values().len())?, entered_s, left_s })
    }

    fn timeline(
        &self,
        groups: u32,
        anchors: &[Anchor],
        window: Window,
    ) -> Result<Vec<Step>, Refused> {
        let (entered_s, left_s) = (self.entered_s.values(), self.left_s.values());
        match &self.group {
            Groups::Narrow(group) => {
                let visits = Visits::new(groups, group.values(), entered_s, left_s)?;
                occupancy::timeline(groups, &visits, anchors, window)
            }
            Groups::Wide(group) => {
                let visits = Visits::new(groups, group.values(), entered_s, left_s)?;
                occupancy::timeline(groups, &visits, anchors, window)
            }
        }
    }

    fn tally(&self, groups: u32, ended: &[u8], span: (u32, u32)) -> Result<Vec<Tally>, Refused> {
        let (entered_s, left_s) = (self.entered_s.values(), self.left_s.values());
        match &self.group {
            Groups::Narrow(group) => {
                let visits = Visits::new(groups, group.values(), entered_s, left_s)?;
                occupancy::tally(groups, &visits, ended, span.0, span.1)
            }
            Groups::Wide(group) => {
                let visits = Visits::new(groups, group.values(), entered_s, left_s)?;
                occupancy::tally(groups, &visits, ended, span.0, span.1)
            }
        }
    }
}

fn read_window((from_s, length_s, steps): (u32, u32, u32)) -> PyResult<Window> {
    Window::new(from_s, length_s, steps).map_err(refused)
}

fn anchor((group, at_s, occupied): (u32, u32, u32)) -> Anchor {
    Anchor { group, at_s, occupied }
}

fn step_tuple(step: Step) -> StepTuple {
    (step.entries, step.exits, level_tuple(step.raw), step.calibrated.map(level_tuple))
}

fn level_tuple(level: Level) -> LevelTuple {
    (level.first, level.last, level.min, level.max, level.bay_seconds)
}

fn tally_tuple(tally: Tally) -> TallyTuple {
    let Tally { entries, exits, orders, charged, stayed_s, bay_seconds } = tally;
    (entries, exits, orders, charged, stayed_s, bay_seconds)
}
