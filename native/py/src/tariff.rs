//! `onepark_core::tariff` for Python.

use onepark_core::tariff::{self, Carry, Line, NextChange, PLAIN, Quote, Span, Terms, Vehicle};
use pyo3::create_exception;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;

use crate::terms::{PyCalendar, PyTerms};

create_exception!(onepark._native, PlanError, PyValueError, "A plan that cannot be compiled.");
create_exception!(onepark._native, SpanError, PyValueError, "A request that cannot be priced.");

type CarryTuple = (i64, i64);
type LineTuple<'plan> = (Option<&'plan str>, &'static str, i64, i64, i64, i64, i64);
type QuoteTuple<'plan> = (i64, Vec<LineTuple<'plan>>, Option<CarryTuple>);
type ExampleTuple = (&'static str, i64, i64, i64, i64, i64);
type FindingTuple = (bool, &'static str, String, String, String, Option<ExampleTuple>);
type Request<'py> =
    (Bound<'py, Plan>, i64, i64, PyBackedStr, Option<CarryTuple>, Option<Bound<'py, PyTerms>>);

/// Below this many quotes a batch is done sooner than the interpreter is let go and taken again.
const DETACH_FROM: usize = 256;

/// A compiled plan.
#[pyclass(frozen, module = "onepark._native")]
pub struct Plan(pub tariff::Plan);

#[pymethods]
impl Plan {
    #[new]
    #[pyo3(signature = (body, calendar=None))]
    fn new(body: &str, calendar: Option<&PyCalendar>) -> PyResult<Self> {
        let refused =
            |error: tariff::PlanError| PlanError::new_err((error.field, error.rule, error.detail));
        let compiled = match calendar {
            Some(calendar) => tariff::Plan::compile(body, &calendar.0),
            None => tariff::Plan::compile(body, &tariff::Calendar::of_weekdays()),
        };
        compiled.map(Self).map_err(refused)
    }

    #[getter]
    fn exit_grace_s(&self) -> i64 {
        self.0.exit_grace_s()
    }

    #[getter]
    fn price_form(&self) -> &'static str {
        self.0.price_form().as_str()
    }

    #[getter]
    fn free_quota(&self) -> Option<(i64, &'static str)> {
        self.0.free_quota().map(|(visits, per)| (visits, per.as_str()))
    }

    #[pyo3(signature = (entered_s, until_s, vehicle, carry=None, terms=None))]
    fn price(
        &self,
        entered_s: i64,
        until_s: i64,
        vehicle: &str,
        carry: Option<CarryTuple>,
        terms: Option<&PyTerms>,
    ) -> PyResult<QuoteTuple<'_>> {
        let vehicle = class(0, vehicle)?;
        let span = Span { entered_s, until_s, vehicle, carry: carried(carry), terms: of(terms) };
        self.0.price(&span).map(quote).map_err(|error| refused(0, error))
    }

    #[pyo3(signature = (entered_s, until_s, vehicle="small"))]
    fn fee_fen(&self, entered_s: i64, until_s: i64, vehicle: &str) -> PyResult<i64> {
        let vehicle = class(0, vehicle)?;
        let span = Span { entered_s, until_s, vehicle, carry: None, terms: &PLAIN };
        self.0.fee_fen(&span).map_err(|error| refused(0, error))
    }

    #[pyo3(signature = (entered_s, until_s, vehicle, carry=None, terms=None))]
    fn next_change(
        &self,
        entered_s: i64,
        until_s: i64,
        vehicle: &str,
        carry: Option<CarryTuple>,
        terms: Option<&PyTerms>,
    ) -> PyResult<Option<(i64, i64)>> {
        let vehicle = class(0, vehicle)?;
        let span = Span { entered_s, until_s, vehicle, carry: carried(carry), terms: of(terms) };
        let found = self.0.next_change(&span).map_err(|error| refused(0, error))?;
        Ok(found.map(|NextChange { at_s, amount_fen }| (at_s, amount_fen)))
    }

    fn audit(&self, py: Python<'_>, today_s: i64) -> Vec<FindingTuple> {
        py.detach(|| self.0.audit(today_s).into_iter().map(finding).collect())
    }
}

/// Price a whole batch; the first request that makes no sense is named by its index.
#[pyfunction]
pub fn price_many<'py>(
    py: Python<'py>,
    requests: Vec<Request<'py>>,
) -> PyResult<Bound<'py, PyAny>> {
    let asked = requests.into_iter().enumerate().map(asked);
    let asked = asked.collect::<PyResult<Vec<Asked>>>()?;
    let quotes =
        if asked.len() < DETACH_FROM { priced(&asked) } else { py.detach(|| priced(&asked)) };
    let quotes = quotes.map_err(|(index, error)| refused(index, error))?;
    Ok(quotes.into_pyobject(py)?.into_any())
}

struct Asked {
    plan: Py<Plan>,
    entered_s: i64,
    until_s: i64,
    vehicle: Vehicle,
    carry: Option<Carry>,
    terms: Option<Py<PyTerms>>,
}

type Priced<'plan> = Result<Vec<QuoteTuple<'plan>>, (usize, tariff::SpanError)>;

fn priced(asked: &[Asked]) -> Priced<'_> {
    asked.iter().enumerate().map(priced_one).collect()
}

fn priced_one(
    (index, asked): (usize, &Asked),
) -> Result<QuoteTuple<'_>, (usize, tariff::SpanError)> {
    let Asked { entered_s, until_s, vehicle, carry, .. } = *asked;
    let terms = of(asked.terms.as_ref().map(Py::get));
    let span = Span { entered_s, until_s, vehicle, carry, terms };
    asked.plan.get().0.price(&span).map(quote).map_err(|error| (index, error))
}

fn asked((index, request): (usize, Request<'_>)) -> PyResult<Asked> {
    let (plan, entered_s, until_s, vehicle, carry, terms) = request;
    Ok(Asked {
        plan: plan.unbind(),
        entered_s,
        until_s,
        vehicle: class(index, &vehicle)?,
        carry: carried(carry),
        terms: terms.map(Bound::unbind),
    })
}

fn class(index: usize, name: &str) -> PyResult<Vehicle> {
    let unknown = || SpanError::new_err((index, "vehicle", "known", "no such vehicle class"));
    Vehicle::parse(name).ok_or_else(unknown)
}

fn of(terms: Option<&PyTerms>) -> &Terms {
    terms.map_or(&PLAIN, |terms| &terms.0)
}

fn carried(carry: Option<CarryTuple>) -> Option<Carry> {
    carry.map(|(anchor_s, charged_fen)| Carry { anchor_s, charged_fen })
}

pub fn refused(index: usize, error: tariff::SpanError) -> PyErr {
    SpanError::new_err((index, error.field, error.rule, error.detail))
}

fn quote(quote: Quote<'_>) -> QuoteTuple<'_> {
    let carry = quote.carry.map(|carry| (carry.anchor_s, carry.charged_fen));
    (quote.amount_fen, quote.lines.into_iter().map(line).collect(), carry)
}

fn line(line: Line<'_>) -> LineTuple<'_> {
    let Line { window, rule, from_s, until_s, units, unit_price_fen, amount_fen } = line;
    (window, rule.as_str(), from_s, until_s, units, unit_price_fen, amount_fen)
}

fn finding(found: tariff::Finding) -> FindingTuple {
    let is_error = found.severity == tariff::Severity::Error;
    let example = found.example.map(|example| {
        let tariff::Example { vehicle, entered_s, until_s, amount_fen, .. } = example;
        let later = (example.later_until_s, example.later_amount_fen);
        (vehicle, entered_s, until_s, amount_fen, later.0, later.1)
    });
    (is_error, found.rule, found.field, found.detail, found.detail_zh, example)
}
