//! `onepark_core::plate` for Python.

use onepark_core::plate::{self, Color};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// Bring a plate into its one spelling.
#[pyfunction]
pub fn normalise_plate(text: &str) -> String {
    plate::normalise(text)
}

/// Whether a normalised text can be a plate of that colour.
#[pyfunction]
pub fn plate_is_plausible(text: &str, color: &str) -> PyResult<bool> {
    let color = Color::parse(color).ok_or_else(|| PyValueError::new_err("no such plate colour"))?;
    Ok(plate::is_plausible(text, color))
}
