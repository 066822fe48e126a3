//! `onepark_core::nearby` for Python.
#![allow(clippy::needless_pass_by_value, reason = "PyO3 hands over lists as values")]

use onepark_core::nearby::{Question, Seats, tell};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};

/// Latitude, longitude, radius in metres, and how many are enough.
type Asked = (f64, f64, f64, usize);

/// An index of seats.
#[pyclass(frozen, module = "onepark._native", name = "Seats")]
pub struct PySeats(Seats);

#[pymethods]
impl PySeats {
    #[new]
    fn new(positions: Vec<(f64, f64)>) -> Self {
        Self(Seats::new(&positions))
    }

    fn nearest(&self, asked: Asked) -> Vec<(f64, usize)> {
        let found = self.0.nearest(&question(asked));
        found.iter().map(|one| (one.away_m, one.place)).collect()
    }

    fn tell<'py>(
        &self,
        asked: Asked,
        objects: &Bound<'py, PyList>,
        before: &[u8],
        after: &[u8],
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let mut told = Vec::with_capacity(32);
        for one in self.0.nearest(&question(asked)) {
            let object = objects.get_item(one.place)?;
            if object.is_none() {
                return Ok(None);
            }
            told.push((one.away_m, object.cast_into::<PyBytes>()?));
        }
        let length: usize = told.iter().map(|(_, object)| object.as_bytes().len() + 32).sum();
        let mut text = Vec::with_capacity(before.len() + length + after.len());
        text.extend_from_slice(before);
        tell(&mut text, told.iter().map(|(away_m, object)| (*away_m, object.as_bytes())));
        text.extend_from_slice(after);
        Ok(Some(PyBytes::new(objects.py(), &text)))
    }
}

const fn question((lat, lon, radius_m, limit): Asked) -> Question {
    Question { lat, lon, radius_m, limit }
}
