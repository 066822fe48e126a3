//! Translates between Python and `onepark-core`; it decides nothing.

mod columns;
mod occupancy;
mod plate;
mod tariff;

use pyo3::prelude::*;

/// The module `onepark._native`.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::columns::ColumnError;
    #[pymodule_export]
    use super::occupancy::{Counters, Series, recount, tally, timeline};
    #[pymodule_export]
    use super::plate::{normalise_plate, plate_is_plausible};
    #[pymodule_export]
    use super::tariff::{Plan, PlanError, SpanError, price_many};

    #[pymodule_export]
    #[allow(non_upper_case_globals, reason = "the name that Python expects")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
