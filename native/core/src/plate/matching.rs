//! Which car inside a reading was meant for.

use std::cmp::Reverse;

use super::align::{self, Pair, Place, Step};
use super::color::Color;
use super::fixed::ln_milli;
use super::model::Model;
use super::score::{Beginnings, Circumstances, Meeting, Text, circumstances, rarity};
use super::symbol::character;
use crate::tariff::Vehicle;

/// How many candidates an answer holds.
pub const RANKED_MAX: usize = 5;

/// A reading at an exit; the plate is spelled by `normalise`.
#[derive(Debug, Clone, Copy)]
pub struct Observation<'a> {
    /// What was read.
    pub plate: &'a str,
    /// The colour that was seen.
    pub color: Color,
    /// The class that was seen, if it is one of ours.
    pub vehicle: Option<Vehicle>,
    /// When, in epoch seconds.
    pub seen_s: i64,
}

/// An open stay of the lot; the plate is spelled by `normalise`.
#[derive(Debug, Clone, Copy)]
pub struct Stay<'a> {
    /// The plate that it was opened with.
    pub plate: &'a str,
    /// Its colour.
    pub color: Color,
    /// Its class, if it is one of ours.
    pub vehicle: Option<Vehicle>,
    /// When it began, in epoch seconds.
    pub entered_s: i64,
}

/// What the matcher says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The reading is the plate of one stay, letter by letter.
    Exact,
    /// One stay is likely enough, and likelier than any other by the margin.
    Accepted,
    /// One stay is likely enough, but another comes too near.
    Ambiguous,
    /// No stay is likely enough.
    None,
}

impl Verdict {
    /// The verdict's public name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Accepted => "accepted",
            Self::Ambiguous => "ambiguous",
            Self::None => "none",
        }
    }
}

/// A stay with what speaks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranked {
    /// Which of the stays it is.
    pub index: usize,
    /// `1000 ln` of the odds that it is this car and none that never came in.
    pub score_milli: i32,
    /// Why, in words that `docs/plates.md` lists.
    pub reasons: Vec<String>,
}

/// A verdict and the stays that come into question, the likeliest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What is to be done.
    pub verdict: Verdict,
    /// At most [`RANKED_MAX`] stays.
    pub ranked: Vec<Ranked>,
}

/// The open stays of one lot, made ready once for many readings.
pub struct Inside<'a> {
    model: &'a Model,
    stays: &'a [Stay<'a>],
    texts: Vec<Option<Text>>,
    beginnings: Beginnings,
    crowd: i32,
}

impl Model {
    /// Hold one reading against the open stays of its lot.
    #[must_use]
    pub fn match_one(&self, seen: &Observation<'_>, stays: &[Stay<'_>]) -> Answer {
        Inside::new(self, stays).find(seen)
    }
}

impl<'a> Inside<'a> {
    /// Make the stays ready.
    #[must_use]
    pub fn new(model: &'a Model, stays: &'a [Stay<'a>]) -> Self {
        let texts: Vec<Option<Text>> = stays.iter().map(|stay| Text::of(stay.plate)).collect();
        let beginnings = Beginnings::of(texts.iter().flatten());
        let crowd = ln_milli(u64::try_from(stays.len()).unwrap_or(u64::MAX));
        Self { model, stays, texts, beginnings, crowd }
    }

    /// Find the stay that a reading was meant for.
    #[must_use]
    pub fn find(&self, seen: &Observation<'_>) -> Answer {
        let Some(text) = Text::of(seen.plate) else {
            return Answer { verdict: Verdict::None, ranked: Vec::new() };
        };
        let same = self.same(seen);
        if !same.is_empty() {
            return self.exact(seen, &text, &same);
        }
        let found = self.best(seen, &text);
        let verdict = self.verdict(&found);
        let ranked = found.into_iter().map(|one| self.ranked(seen, &text, one)).collect();
        Answer { verdict, ranked }
    }

    /// The stays whose car has this very plate, as far as its colour was seen.
    fn same(&self, seen: &Observation<'_>) -> Vec<usize> {
        let is_same = |stay: &Stay<'_>| stay.plate == seen.plate && stay.color.agrees(seen.color);
        let same = self.stays.iter().enumerate().filter(|(_, stay)| is_same(stay));
        same.map(|(index, _)| index).collect()
    }

    /// Whatever else comes near: a plate that is inside is never taken for another.
    fn exact(&self, seen: &Observation<'_>, text: &Text, same: &[usize]) -> Answer {
        let mut found: Vec<Found> =
            same.iter().filter_map(|&index| self.score(seen, text, index, i32::MIN)).collect();
        self.rank(&mut found);
        let verdict = if found.len() == 1 { Verdict::Exact } else { Verdict::Ambiguous };
        let ranked = found.into_iter().map(|one| self.ranked(seen, text, one)).collect();
        Answer { verdict, ranked }
    }

    fn verdict(&self, found: &[Found]) -> Verdict {
        match found {
            [best, ..] if best.score < self.model.threshold => Verdict::None,
            [best, second, ..] if best.score - second.score < self.model.margin => {
                Verdict::Ambiguous
            }
            [_, ..] => Verdict::Accepted,
            [] => Verdict::None,
        }
    }

    /// Nothing below this can change a verdict: it is too unlikely, and too far from the likely.
    const fn floor(&self) -> i32 {
        self.model.threshold - self.model.margin
    }

    fn best(&self, seen: &Observation<'_>, text: &Text) -> Vec<Found> {
        let mut found: Vec<Found> = (0..self.stays.len())
            .filter_map(|index| self.score(seen, text, index, self.floor()))
            .collect();
        self.rank(&mut found);
        found
    }

    fn rank(&self, found: &mut Vec<Found>) {
        let key = |one: &Found| {
            let stay = self.stays.get(one.index);
            let (entered_s, plate) = stay.map_or((i64::MAX, ""), |s| (s.entered_s, s.plate));
            (Reverse(one.score), entered_s, plate, one.index)
        };
        found.sort_unstable_by(|a, b| key(a).cmp(&key(b)));
        found.truncate(RANKED_MAX);
    }

    /// The score of one stay, or nothing if it is below the floor.
    fn score(
        &self,
        seen: &Observation<'_>,
        text: &Text,
        index: usize,
        floor: i32,
    ) -> Option<Found> {
        let (stay, entered) = (self.stays.get(index)?, self.texts.get(index)?.as_ref()?);
        let case = Case::of(text, entered);
        let evidence = rarity(self.model, case.misread, &self.beginnings)
            + self.circumstances(seen, stay).milli
            + self.model.prior.stranger.0
            - self.crowd;
        let cost = align::cost(self.model, &case.pair(), evidence.saturating_sub(floor))?;
        Some(Found { index, score: evidence - cost })
    }

    fn circumstances(&self, seen: &Observation<'_>, stay: &Stay<'_>) -> Circumstances {
        let meeting = Meeting {
            colors: (seen.color, stay.color),
            vehicles: (seen.vehicle, stay.vehicle),
            stay_s: seen.seen_s.saturating_sub(stay.entered_s),
        };
        circumstances(self.model, &meeting)
    }

    fn ranked(&self, seen: &Observation<'_>, text: &Text, found: Found) -> Ranked {
        let Found { index, score } = found;
        let mut reasons = Vec::new();
        let stay = self.stays.get(index).zip(self.texts.get(index).and_then(Option::as_ref));
        if let Some((stay, entered)) = stay {
            let case = Case::of(text, entered);
            if case.is_entry_misread {
                reasons.push(String::from("entry_misread"));
            }
            reasons.extend(align::steps(self.model, &case.pair()).iter().rev().map(words));
            reasons.extend(self.circumstances(seen, stay).reasons.into_iter().map(String::from));
        }
        Ranked { index, score_milli: score, reasons }
    }
}

#[derive(Debug, Clone, Copy)]
struct Found {
    index: usize,
    score: i32,
}

/// Who of two texts is believed: the stay's, unless it is no plate and the reading is one.
struct Case<'a> {
    truth: &'a Text,
    misread: &'a Text,
    is_entry_misread: bool,
}

impl<'a> Case<'a> {
    fn of(seen: &'a Text, entered: &'a Text) -> Self {
        if seen.is_plate() && !entered.is_plate() {
            Self { truth: seen, misread: entered, is_entry_misread: true }
        } else {
            Self { truth: entered, misread: seen, is_entry_misread: false }
        }
    }

    fn pair(&self) -> Pair<'a> {
        Pair {
            truth: &self.truth.symbols,
            seen: &self.misread.symbols,
            is_energy_truth: self.truth.is_energy(),
            is_energy_seen: self.misread.is_energy(),
        }
    }
}

/// A step in words: what, the place in the text that has the character, the character, its reading.
fn words(step: &Step) -> String {
    let both = |what: &str, place: &usize, truth: u8, seen: u8| {
        format!("{what}:{place}:{}:{}", character(truth), character(seen))
    };
    match step {
        Step::LookAlike(place, truth, seen) => both("look_alike", place, *truth, *seen),
        Step::Dissimilar(place, truth, seen) => both("dissimilar", place, *truth, *seen),
        Step::Province(place, truth, seen) => both("province", place, *truth, *seen),
        Step::Missing(kind, place, truth) => {
            format!("missing_{}:{place}:{}", place_words(*kind), character(*truth))
        }
        Step::Extra(kind, place, seen) => {
            format!("extra_{}:{place}:{}", place_words(*kind), character(*seen))
        }
    }
}

const fn place_words(place: Place) -> &'static str {
    match place {
        Place::Head => "head",
        Place::Middle => "middle",
        Place::Tail => "tail",
        Place::Double => "double",
        Place::Energy => "energy",
    }
}
