//! Fees of stays as columns, for Python.

use onepark_core::tariff::{self, ColumnError, Columns};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::columns::Column;
use crate::tariff::{Plan, refused};

/// Price columns of equal length; the fees come as the bytes of 64-bit numbers.
#[pyfunction]
pub fn price_columns<'py>(
    py: Python<'py>,
    plans: Vec<Bound<'py, Plan>>,
    plan: &Bound<'py, PyAny>,
    entered_s: &Bound<'py, PyAny>,
    until_s: &Bound<'py, PyAny>,
    vehicle: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyBytes>> {
    let plan = Column::<u32>::read(plan, "plan")?;
    let entered_s = Column::<i64>::read(entered_s, "entered_s")?;
    let until_s = Column::<i64>::read(until_s, "until_s")?;
    let vehicle = Column::<u8>::read(vehicle, "vehicle")?;
    let plans: Vec<Py<Plan>> = plans.into_iter().map(Bound::unbind).collect();
    let bytes = size_of_val(entered_s.values());
    // The bytes of a Python object begin at a multiple of eight: they are written as they are.
    PyBytes::new_with(py, bytes, |fees_fen| {
        let priced = py.detach(|| {
            let plans: Vec<&tariff::Plan> = plans.iter().map(|plan| &plan.get().0).collect();
            let columns = Columns {
                plan: plan.values(),
                entered_s: entered_s.values(),
                until_s: until_s.values(),
                vehicle: vehicle.values(),
            };
            columns.price(&plans, bytemuck::cast_slice_mut(fees_fen))
        });
        priced.map_err(|ColumnError { row, error }| refused(row, error))
    })
}
