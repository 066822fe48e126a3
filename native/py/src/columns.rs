//! Columns that Python hands over: `bytes` is read where it lies, anything else is copied once.
//!
//! `bytes` cannot change, so it may be read while other threads of Python run. An `array`, a
//! `memoryview` or an array of numpy can be written to meanwhile, and so is copied first.

use bytemuck::{Pod, pod_collect_to_vec, try_cast_slice};
use onepark_core::occupancy::ColumnError as Refused;
use pyo3::buffer::{Element, PyBuffer, PyUntypedBuffer};
use pyo3::create_exception;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

create_exception!(onepark._native, ColumnError, PyValueError, "Columns that mean nothing.");

/// One column.
pub enum Column<T> {
    /// It lies in a `bytes`, aligned for `T`.
    InPlace(PyBackedBytes),
    /// It was copied.
    Copied(Vec<T>),
}

impl<T: Element + Pod> Column<T> {
    /// Read an object that holds values of `T`, or their plain bytes.
    pub fn read(object: &Bound<'_, PyAny>, field: &'static str) -> PyResult<Self> {
        if let Ok(bytes) = object.cast::<PyBytes>() {
            return Self::from_bytes(bytes.clone().into(), field);
        }
        // A buffer of nothing may lie anywhere, so that it is aligned for no type.
        if PyUntypedBuffer::get(object).is_ok_and(|buffer| buffer.len_bytes() == 0) {
            return Ok(Self::Copied(Vec::new()));
        }
        if let Ok(buffer) = PyBuffer::<T>::get(object) {
            return Ok(Self::Copied(buffer.to_vec(object.py())?));
        }
        Self::copy_bytes(&plain_bytes(object, field)?, field)
    }

    fn from_bytes(bytes: PyBackedBytes, field: &'static str) -> PyResult<Self> {
        if try_cast_slice::<u8, T>(&bytes).is_ok() {
            return Ok(Self::InPlace(bytes));
        }
        Self::copy_bytes(&bytes, field)
    }

    fn copy_bytes(bytes: &[u8], field: &'static str) -> PyResult<Self> {
        if bytes.len().is_multiple_of(size_of::<T>()) {
            return Ok(Self::Copied(pod_collect_to_vec(bytes)));
        }
        let detail = format!("{} bytes are no whole number of values", bytes.len());
        Err(ColumnError::new_err((field, "whole", None::<usize>, detail)))
    }

    /// The values.
    pub fn values(&self) -> &[T] {
        match self {
            Self::InPlace(bytes) => try_cast_slice(bytes).unwrap_or_default(),
            Self::Copied(values) => values,
        }
    }
}

/// A column of group numbers, narrow or wide.
pub enum Groups {
    /// Of `u16`.
    Narrow(Column<u16>),
    /// Of `u32`.
    Wide(Column<u32>),
}

impl Groups {
    /// Read group numbers; of plain bytes, `rows` tells how wide they are.
    pub fn read(object: &Bound<'_, PyAny>, rows: usize) -> PyResult<Self> {
        if PyBuffer::<u32>::get(object).is_ok() {
            return Column::read(object, "group").map(Self::Wide);
        }
        let bytes = object.cast::<PyBytes>().map(|bytes| bytes.as_bytes().len());
        let bytes = match bytes {
            Ok(length) => Some(length),
            Err(_) => plain_bytes(object, "group").ok().map(|bytes| bytes.len()),
        };
        match bytes {
            Some(length) if length == rows * size_of::<u32>() && rows > 0 => {
                Column::read(object, "group").map(Self::Wide)
            }
            _ => Column::read(object, "group").map(Self::Narrow),
        }
    }
}

/// Copy an object of single bytes, such as a buffer of Arrow.
fn plain_bytes(object: &Bound<'_, PyAny>, field: &'static str) -> PyResult<Vec<u8>> {
    let py = object.py();
    if let Ok(buffer) = PyBuffer::<u8>::get(object) {
        return buffer.to_vec(py);
    }
    if let Ok(buffer) = PyBuffer::<i8>::get(object) {
        return Ok(pod_collect_to_vec(&buffer.to_vec(py)?));
    }
    let detail = "neither bytes nor a buffer of this column's type";
    Err(ColumnError::new_err((field, "type", None::<usize>, detail)))
}

/// Translate a refusal.
pub fn refused(error: Refused) -> PyErr {
    ColumnError::new_err((error.field, error.rule, error.row, error.detail))
}
