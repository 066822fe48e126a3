//! Stays as columns, for Python: any buffers of whole numbers in, a buffer of fen out.

use onepark_core::tariff::{self, ColumnError, Columns};
use pyo3::buffer::{Element, PyBuffer};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

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
    let plan: Vec<u32> = column(plan)?;
    let (entered_s, until_s): (Vec<i64>, Vec<i64>) = (column(entered_s)?, column(until_s)?);
    let vehicle: Vec<u8> = column(vehicle)?;
    let plans: Vec<Py<Plan>> = plans.into_iter().map(Bound::unbind).collect();
    let mut fees_fen = vec![0_i64; entered_s.len()];
    let columns =
        Columns { plan: &plan, entered_s: &entered_s, until_s: &until_s, vehicle: &vehicle };
    let priced = py.detach(|| {
        let plans: Vec<&tariff::Plan> = plans.iter().map(|plan| &plan.get().0).collect();
        columns.price(&plans, &mut fees_fen)
    });
    priced.map_err(|ColumnError { row, error }| refused(row, error))?;
    PyBytes::new_with(py, fees_fen.len() * size_of::<i64>(), |bytes| {
        for (place, fen) in bytes.chunks_exact_mut(size_of::<i64>()).zip(&fees_fen) {
            place.copy_from_slice(&fen.to_ne_bytes());
        }
        Ok(())
    })
}

fn column<T: Element>(buffer: &Bound<'_, PyAny>) -> PyResult<Vec<T>> {
    PyBuffer::<T>::get(buffer)?.to_vec(buffer.py())
}
