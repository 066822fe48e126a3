//! Many stays at once, column by column: a city's year is priced without an object for each.

use super::compile::Plan;
use super::quick::Ready;
use super::terms::PLAIN;
use super::words::{VEHICLES, Vehicle};
use super::{Span, SpanError};

/// Stays as columns of equal length.
#[derive(Debug, Clone, Copy)]
pub struct Columns<'data> {
    /// Which of the plans prices the stay.
    pub plan: &'data [u32],
    /// Epoch seconds of the entries.
    pub entered_s: &'data [i64],
    /// Epoch seconds of the exits.
    pub until_s: &'data [i64],
    /// Numbers of the vehicle classes, in the order of [`super::VEHICLES`].
    pub vehicle: &'data [u8],
}

/// A column that cannot be priced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("row {row}: {error}")]
pub struct ColumnError {
    /// The guilty row.
    pub row: usize,
    /// What is wrong with it.
    pub error: SpanError,
}

const LENGTH: SpanError =
    SpanError { field: "columns", rule: "length", detail: "must be of one length" };
const PLAN: SpanError = SpanError { field: "plan", rule: "known", detail: "no such plan" };
const VEHICLE: SpanError =
    SpanError { field: "vehicle", rule: "known", detail: "no such vehicle class" };

impl Columns<'_> {
    /// Price every row by its plan into `fees_fen`.
    ///
    /// # Errors
    /// A [`ColumnError`] for the first row that no plan can price.
    pub fn price(&self, plans: &[&Plan], fees_fen: &mut [i64]) -> Result<(), ColumnError> {
        let rows = fees_fen.len();
        let lengths =
            [self.plan.len(), self.entered_s.len(), self.until_s.len(), self.vehicle.len()];
        if lengths.iter().any(|&length| length != rows) {
            return Err(ColumnError { row: 0, error: LENGTH });
        }
        let ready = each_class(plans);
        let spans = self.entered_s.iter().zip(self.until_s).zip(self.plan.iter().zip(self.vehicle));
        for (row, (fee_fen, (times, (&plan, &code)))) in fees_fen.iter_mut().zip(spans).enumerate()
        {
            let code_at = usize::from(code).min(VEHICLES.len());
            let ready = ready.get(plan as usize * (VEHICLES.len() + 1) + code_at);
            let quick = ready.and_then(Option::as_ref);
            *fee_fen = match quick.and_then(|ready| ready.fee_fen(*times.0, *times.1)) {
                Some(fen) => fen,
                None => {
                    one(plans, plan, code, times).map_err(|error| ColumnError { row, error })?
                }
            };
        }
        Ok(())
    }
}

/// The tables of each plan and class; one place more stands for codes that mean no class.
fn each_class<'plan>(plans: &[&'plan Plan]) -> Vec<Option<Ready<'plan>>> {
    let classes = |plan: &&'plan Plan| {
        let known = VEHICLES.map(|(_, vehicle)| plan.ready(vehicle));
        known.into_iter().chain([None])
    };
    plans.iter().flat_map(classes).collect()
}

#[cold]
fn one(
    plans: &[&Plan],
    plan: u32,
    code: u8,
    (&entered_s, &until_s): (&i64, &i64),
) -> Result<i64, SpanError> {
    let plan = usize::try_from(plan).ok().and_then(|plan| plans.get(plan)).ok_or(PLAN)?;
    let vehicle = Vehicle::of_code(code).ok_or(VEHICLE)?;
    plan.fee_fen(&Span { entered_s, until_s, vehicle, carry: None, terms: &PLAIN })
}
