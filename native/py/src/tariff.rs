//! `onepark_core::tariff` for Python.

use onepark_core::tariff::{self, Carry, Line, Quote, Span, Vehicle};
use pyo3::create_exception;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;

create_exception!(onepark._native, PlanError, PyValueError, "A plan that cannot be compiled.");
create_exception!(onepark._native, SpanError, PyValueError, "A request that cannot be priced.");

type CarryTuple = (i64, i64);
type LineTuple<'plan> = (Option<&'plan str>, &'static str, i64, i64, i64, i64, i64);
type QuoteTuple<'plan> = (i64, Vec<LineTuple<'plan>>, Option<CarryTuple>);
type Request<'py> = (Bound<'py, Plan>, i64, i64, PyBackedStr, Option<CarryTuple>);

/// Below this many quotes a batch is done sooner than the interpreter is let go and taken again.
const DETACH_FROM: usize = 256;

/// A compiled plan.
#[pyclass(frozen, module = "onepark._native")]
pub struct Plan(tariff::Plan);

#[pymethods]
impl Plan {
    #[new]
    fn new(body: &str) -> PyResult<Self> {
        let refused =
            |error: tariff::PlanError| PlanError::new_err((error.field, error.rule, error.detail));
        tariff::Plan::compile(body).map(Self).map_err(refused)
    }

    #[getter]
    fn exit_grace_s(&self) -> i64 {
        self.0.exit_grace_s()
    }

    #[getter]
    fn price_form(&self) -> &'static str {
        self.0.price_form().as_str()
    }

    #[pyo3(signature = (entered_s, until_s, vehicle, carry=None))]
    fn price(
        &self,
        entered_s: i64,
        until_s: i64,
        vehicle: &str,
        carry: Option<CarryTuple>,
    ) -> PyResult<QuoteTuple<'_>> {
        let span = span(0, entered_s, until_s, vehicle, carry)?;
        self.0.price(&span).map(quote).map_err(|error| refused(0, error))
    }
}

/// Price a whole batch; the first request that makes no sense is named by its index.
#[pyfunction]
pub fn price_many<'py>(
    py: Python<'py>,
    requests: Vec<Request<'py>>,
) -> PyResult<Bound<'py, PyAny>> {
    let asked = requests.into_iter().enumerate().map(asked);
    let asked = asked.collect::<PyResult<Vec<(Py<Plan>, Span)>>>()?;
    let quotes =
        if asked.len() < DETACH_FROM { priced(&asked) } else { py.detach(|| priced(&asked)) };
    let quotes = quotes.map_err(|(index, error)| refused(index, error))?;
    Ok(quotes.into_pyobject(py)?.into_any())
}

type Priced<'plan> = Result<Vec<QuoteTuple<'plan>>, (usize, tariff::SpanError)>;

fn priced(asked: &[(Py<Plan>, Span)]) -> Priced<'_> {
    asked.iter().enumerate().map(priced_one).collect()
}

fn priced_one(
    (index, (plan, span)): (usize, &(Py<Plan>, Span)),
) -> Result<QuoteTuple<'_>, (usize, tariff::SpanError)> {
    plan.get().0.price(span).map(quote).map_err(|error| (index, error))
}

fn asked((index, request): (usize, Request<'_>)) -> PyResult<(Py<Plan>, Span)> {
    let (plan, entered_s, until_s, vehicle, carry) = request;
    Ok((plan.unbind(), span(index, entered_s, until_s, &vehicle, carry)?))
}

fn span(
    index: usize,
    entered_s: i64,
    until_s: i64,
    vehicle: &str,
    carry: Option<CarryTuple>,
) -> PyResult<Span> {
    let unknown = || SpanError::new_err((index, "vehicle", "known", "no such vehicle class"));
    let vehicle = Vehicle::parse(vehicle).ok_or_else(unknown)?;
    let carry = carry.map(|(anchor_s, charged_fen)| Carry { anchor_s, charged_fen });
    Ok(Span { entered_s, until_s, vehicle, carry })
}

fn refused(index: usize, error: tariff::SpanError) -> PyErr {
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
