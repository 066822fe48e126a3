//! Calendars and the terms of a stay, for Python.

use onepark_core::tariff::{Calendar, Coupon, Override, SpanError as CoreSpanError, Terms, Traits};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::tariff::refused;

/// The kind of every day.
#[pyclass(frozen, module = "onepark._native", name = "Calendar")]
pub struct PyCalendar(pub Calendar);

#[pymethods]
impl PyCalendar {
    #[new]
    fn new(kinds: &[u8]) -> PyResult<Self> {
        let refused = |error: onepark_core::tariff::CalendarError| PyValueError::new_err(error.0);
        Calendar::published(kinds).map(Self).map_err(refused)
    }

    fn kind(&self, day: usize) -> u8 {
        self.0.kind(day) as u8
    }
}

/// What decides a price beside the time.
#[pyclass(frozen, module = "onepark._native", name = "Terms")]
pub struct PyTerms(pub Terms);

#[pymethods]
impl PyTerms {
    #[new]
    #[pyo3(signature = (traits=vec![], zone=None, free_visits_used=0, coupons=vec![], overrides=vec![]))]
    fn new(
        traits: Vec<String>,
        zone: Option<String>,
        free_visits_used: i64,
        coupons: Vec<(String, i64)>,
        overrides: Vec<(i64, i64, i64)>,
    ) -> PyResult<Self> {
        let one = |name: String| Traits::parse(&name).ok_or_else(|| unknown("traits"));
        let traits = traits.into_iter().map(one).collect::<PyResult<Traits>>()?;
        let coupon = |(kind, value): (String, i64)| {
            Coupon::parse(&kind, value).ok_or_else(|| unknown("coupons"))
        };
        let coupons = coupons.into_iter().map(coupon).collect::<PyResult<_>>()?;
        let instruction =
            |(from_s, until_s, price_permille)| Override { from_s, until_s, price_permille };
        let overrides = overrides.into_iter().map(instruction).collect();
        Ok(Self(Terms { traits, zone, free_visits_used, coupons, overrides }))
    }
}

fn unknown(field: &'static str) -> PyErr {
    refused(0, CoreSpanError { field, rule: "known", detail: "have a word that means nothing" })
}
