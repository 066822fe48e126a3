//! Plates: one spelling, what a text can be, and which car inside a reading was meant for.
//!
//! [`normalise`] gives a plate its one spelling, [`classify`] judges it by GA 36-2018. A reading
//! that is no plate of a car inside is held against those that are inside by [`Model`]: every
//! reading error has a price in thousandths of a nat, so that a score says how much likelier it is
//! that this car left than that the reading is of a car which never came in. Scores are integers:
//! the same answer comes on every machine. `docs/plates.md` tells how well it works.

mod align;
mod bound;
mod color;
mod file;
mod fixed;
mod grammar;
mod index;
mod learn;
mod matching;
mod model;
mod packed;
mod price;
mod score;
mod spell;
mod symbol;
mod text;
mod verdict;

pub use color::{Color, ColorSystem};
pub use grammar::{Kind, is_plausible};
pub use index::{Index, Near};
pub use learn::{PAIRS_MAX, learn};
pub use matching::{Answer, Inside, Observation, Ranked, Stay, Verdict};
pub use model::{Model, prior};
pub use packed::Packed;
pub use spell::normalise;
pub use verdict::{Fault, Judged, classify};

/// A model that cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {detail}")]
pub struct ModelError {
    /// JSON path of the guilty field; `.` is the root.
    pub field: String,
    /// Name of the broken rule; stable.
    pub rule: &'static str,
    /// What the rule asks for, for people.
    pub detail: String,
}
