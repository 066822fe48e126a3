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
    let mut fees_fen = vec![0_i64; entered_s.values().len()];
    let priced = py.detach(|| {
        let plans: Vec<&tariff::Plan> = plans.iter().map(|plan| &plan.get().0).collect();
        let columns = Columns {
            plan: plan.values(),
            entered_s: entered_s.values(),
            until_s: until_s.values(),
            vehicle: vehicle.values(),
        };
        columns.price(&plans, &mut fees_fen)
    });
    priced.map_err(|ColumnError { row, error }| refused(row, error))?;
    Ok(PyBytes::new(py, bytemuck::cast_slice(&fees_fen)))
}
