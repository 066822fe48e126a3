//! `onepark_core::plate` for Python.
#![allow(clippy::needless_pass_by_value, reason = "PyO3 hands over lists as values")]

use onepark_core::plate::{self, Answer, Color, ColorSystem, Inside, Observation, Packed, Stay};
use onepark_core::tariff::Vehicle;
use pyo3::create_exception;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::PyBytes;

create_exception!(
    onepark._native,
    PlateModelError,
    PyValueError,
    "A model of misreadings that cannot be compiled."
);

type FaultTuple = (&'static str, &'static str, Option<usize>);
type JudgedTuple = (&'static str, Option<char>, Option<char>, &'static str, Option<FaultTuple>);
type AnswerTuple = (&'static str, Vec<(usize, i32, Vec<String>)>);
type FoundTuple = (&'static str, Vec<(usize, i32)>);
/// Plate, colour, vehicle, epoch second.
type Report = (PyBackedStr, PyBackedStr, PyBackedStr, i64);

/// Bring a plate into its one spelling.
#[pyfunction]
pub fn normalise_plate(text: &str) -> String {
    plate::normalise(text)
}

/// Whether a normalised text can be a plate of that colour.
#[pyfunction]
pub fn plate_is_plausible(text: &str, color: &str) -> PyResult<bool> {
    Ok(plate::is_plausible(text, parsed(color)?))
}

/// Judge a normalised text that was reported in that colour.
#[pyfunction]
pub fn classify_plate(text: &str, color: &str) -> PyResult<JudgedTuple> {
    let judged = plate::classify(text, parsed(color)?);
    let fault = judged.fault.map(|fault| (fault.rule, fault.sentence, fault.place));
    Ok((judged.kind.as_str(), judged.province, judged.authority, judged.color.as_str(), fault))
}

/// Say in our words which colour a vendor's code means on that plate.
#[pyfunction]
pub fn plate_color(system: &str, code: i64, text: &str) -> PyResult<&'static str> {
    let unknown = |what| move || PyValueError::new_err(what);
    let system = ColorSystem::parse(system).ok_or_else(unknown("no such system of colours"))?;
    let color = system.color(code).ok_or_else(unknown("the system has no such colour"))?;
    Ok(plate::classify(text, color).color.as_str())
}

/// The model that ships with the platform.
#[pyfunction]
pub const fn prior_plate_model() -> &'static str {
    plate::prior()
}

/// Fold decisions, each a reading and the plate that it was of, into the next version of a model.
#[pyfunction]
pub fn learn_plate_model(body: &str, pairs: Vec<(PyBackedStr, PyBackedStr)>) -> PyResult<String> {
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(seen, truth)| (&**seen, &**truth)).collect();
    plate::learn(body, &pairs).map_err(refused)
}

/// A compiled model.
#[pyclass(frozen, module = "onepark._native")]
pub struct PlateModel(plate::Model);

#[pymethods]
impl PlateModel {
    #[new]
    fn new(body: &str) -> PyResult<Self> {
        plate::Model::compile(body).map(Self).map_err(refused)
    }

    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }

    #[getter]
    const fn version(&self) -> u32 {
        self.0.version()
    }

    #[pyo3(name = "match")]
    fn match_one(
        &self,
        observed: &str,
        color: &str,
        vehicle: &str,
        seen_s: i64,
        candidates: Vec<Report>,
    ) -> PyResult<AnswerTuple> {
        let stays = stays(&candidates)?;
        let (color, vehicle) = (parsed(color)?, Vehicle::parse(vehicle));
        let seen = Observation { plate: observed, color, vehicle, seen_s };
        Ok(answered(self.0.match_one(&seen, &stays)))
    }

    /// Detaches: even one reading in a full car park is worth it.
    fn match_many(
        &self,
        py: Python<'_>,
        observations: Vec<Report>,
        candidates: Vec<Report>,
    ) -> PyResult<Vec<AnswerTuple>> {
        let (stays, seen) = (stays(&candidates)?, observations.iter().map(observation));
        let seen = seen.collect::<PyResult<Vec<Observation<'_>>>>()?;
        Ok(py.detach(|| {
            let inside = Inside::new(&self.0, &stays);
            seen.iter().map(|seen| answered(inside.find(seen))).collect()
        }))
    }
}

/// A list of a whole city.
#[pyclass(frozen, module = "onepark._native")]
pub struct PlateIndex(plate::Index);

#[pymethods]
impl PlateIndex {
    #[new]
    fn new(py: Python<'_>, plates: Vec<PyBackedStr>) -> PyResult<Self> {
        built(py.detach(|| plate::Index::new(plates.iter().map(|plate| &**plate))))
    }

    #[staticmethod]
    fn from_packed(py: Python<'_>, words: &[u8]) -> PyResult<Self> {
        let (words, rest) = words.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(PyValueError::new_err("a packed plate has eight bytes"));
        }
        let plate = |word: &[u8; 8]| Packed::from_word(u64::from_le_bytes(*word));
        let plates = words.iter().map(plate).collect::<Option<Vec<Packed>>>();
        let plates = plates.ok_or_else(|| PyValueError::new_err("a word holds no plate"))?;
        built(py.detach(|| plate::Index::from_packed(plates)))
    }

    fn packed<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let words = self.0.plates().iter().flat_map(|plate| plate.word().to_le_bytes());
        PyBytes::new(py, &words.collect::<Vec<u8>>())
    }

    fn __len__(&self) -> usize {
        self.0.plates().len()
    }

    fn near_many(&self, py: Python<'_>, observed: Vec<PyBackedStr>) -> Vec<Vec<u32>> {
        py.detach(|| observed.iter().map(|seen| self.0.near(seen)).collect())
    }

    fn lookup_many(
        &self,
        py: Python<'_>,
        model: &PlateModel,
        observed: Vec<PyBackedStr>,
    ) -> Vec<FoundTuple> {
        py.detach(|| observed.iter().map(|seen| found(self.0.find(&model.0, seen))).collect())
    }
}

fn built(index: Option<plate::Index>) -> PyResult<PlateIndex> {
    index.map(PlateIndex).ok_or_else(|| PyValueError::new_err("the list is too long"))
}

fn found((verdict, near): (plate::Verdict, Vec<plate::Near>)) -> FoundTuple {
    let near = near.into_iter().map(|one| (one.index, one.score_milli)).collect();
    (verdict.as_str(), near)
}

fn parsed(color: &str) -> PyResult<Color> {
    Color::parse(color).ok_or_else(|| PyValueError::new_err("no such plate colour"))
}

fn refused(error: plate::ModelError) -> PyErr {
    PlateModelError::new_err((error.field, error.rule, error.detail))
}

fn stays(candidates: &[Report]) -> PyResult<Vec<Stay<'_>>> {
    candidates.iter().map(stay).collect()
}

fn stay((plate, color, vehicle, entered_s): &Report) -> PyResult<Stay<'_>> {
    let vehicle = Vehicle::parse(vehicle);
    Ok(Stay { plate, color: parsed(color)?, vehicle, entered_s: *entered_s })
}

fn observation((plate, color, vehicle, seen_s): &Report) -> PyResult<Observation<'_>> {
    let vehicle = Vehicle::parse(vehicle);
    Ok(Observation { plate, color: parsed(color)?, vehicle, seen_s: *seen_s })
}

fn answered(answer: Answer) -> AnswerTuple {
    let ranked = answer.ranked.into_iter();
    let ranked = ranked.map(|one| (one.index, one.score_milli, one.reasons)).collect();
    (answer.verdict.as_str(), ranked)
}
