//! Translates between Python and `onepark-core`; it decides nothing.

mod columns;
mod fees;
mod nearby;
mod occupancy;
mod plate;
mod tariff;
mod terms;

use pyo3::prelude::*;

/// The module `onepark._native`.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::columns::ColumnError;
    #[pymodule_export]
    use super::fees::price_columns;
    #[pymodule_export]
    use super::nearby::PySeats;
    #[pymodule_export]
    use super::occupancy::{Counters, Series, recount, tally, timeline};
    #[pymodule_export]
    use super::plate::{
        PlateIndex, PlateModel, PlateModelError, classify_plate, learn_plate_model,
        normalise_plate, plate_color, plate_is_plausible, prior_plate_model,
    };
    #[pymodule_export]
    use super::tariff::{Plan, PlanError, SpanError, price_many};
    #[pymodule_export]
    use super::terms::{PyCalendar, PyTerms};

    #[pymodule_export]
    #[allow(non_upper_case_globals, reason = "the name that Python expects")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
