//! Which car inside a reading was meant for.

use std::cmp::Reverse;

use super::align::{self, Pair, Step};
use super::bound;
use super::color::Color;
use super::fixed::ln_milli;
use super::model::Model;
use super::price::Place;
use super::score::{Beginnings, Meeting, circumstances, objections, rarity};
use super::symbol::character;
use super::text::Text;
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
    /// The plates that can be held against a reading; one that is no plate has a rarity.
    entered: Vec<Option<(Text, Option<i32>)>>,
    beginnings: Beginnings,
    crowd: i32,
}

impl Model {
    /// Hold one reading against the open stays of its lot.
    #[must_use]
    pub fn match_one(&self, seen: &Observation<'_>, stays: &[Stay<'_>]) -> Answer {
        Inside::new(self, stays).find(seen)
    }

    /// What is to be done, by the scores from the highest on: the first must be likely enough and
    /// the second far enough away.
    pub(super) fn verdict(&self, mut scores: impl Iterator<Item = i32>) -> Verdict {
        let Some(best) = scores.next().filter(|&best| best >= self.threshold) else {
            return Verdict::None;
        };
        let is_clear = scores.next().is_none_or(|second| best - second >= self.margin);
        if is_clear { Verdict::Accepted } else { Verdict::Ambiguous }
    }
}

impl<'a> Inside<'a> {
    /// Make the stays ready.
    #[must_use]
    pub fn new(model: &'a Model, stays: &'a [Stay<'a>]) -> Self {
        let texts: Vec<Option<Text>> = stays.iter().map(|stay| Text::of(stay.plate)).collect();
        let beginnings = Beginnings::of(texts.iter().flatten());
        let crowd = ln_milli(u64::try_from(stays.len()).unwrap_or(u64::MAX));
        let ready = |text: Text| {
            let rarity = (!text.is_plate()).then(|| rarity(model, &text, &beginnings));
            (text, rarity)
        };
        let entered = texts.into_iter().map(|text| text.map(ready)).collect();
        Self { model, stays, entered, beginnings, crowd }
    }

    /// Find the stay that a reading was meant for.
    #[must_use]
    pub fn find(&self, seen: &Observation<'_>) -> Answer {
        let Some(text) = Text::of(seen.plate) else {
            return Answer { verdict: Verdict::None, ranked: Vec::new() };
        };
        let reading = Reading { seen, text, rarity: rarity(self.model, &text, &self.beginnings) };
        let same = self.same(seen);
        if same.is_empty() {
            let found = self.scored(&reading, 0..self.stays.len(), self.floor());
            return self.answer(
                &reading,
                self.model.verdict(found.iter().map(|one| one.score)),
                found,
            );
        }
        // Whatever else comes near: a plate that is inside is never taken for another.
        let found = self.scored(&reading, same.into_iter(), i32::MIN);
        let verdict = if found.len() == 1 { Verdict::Exact } else { Verdict::Ambiguous };
        self.answer(&reading, verdict, found)
    }

    /// The stays whose car has this very plate, as far as its colour was seen.
    fn same(&self, seen: &Observation<'_>) -> Vec<usize> {
        let is_same = |stay: &Stay<'_>| stay.plate == seen.plate && stay.color.agrees(seen.color);
        let same = self.stays.iter().enumerate().filter(|(_, stay)| is_same(stay));
        same.map(|(index, _)| index).collect()
    }

    /// Nothing below this can change a verdict: it is too unlikely, and too far from the likely.
    const fn floor(&self) -> i32 {
        self.model.threshold - self.model.margin
    }

    /// The likeliest of some stays, none of them below the floor.
    fn scored(
        &self,
        reading: &Reading<'_>,
        stays: impl Iterator<Item = usize>,
        floor: i32,
    ) -> Vec<Found> {
        let found = stays.filter_map(|index| self.score(reading, index, floor));
        let mut found: Vec<Found> = found.collect();
        let key = |one: &Found| {
            let stay = self.stays.get(one.index);
            let (entered_s, plate) = stay.map_or((i64::MAX, ""), |s| (s.entered_s, s.plate));
            (Reverse(one.score), entered_s, plate, one.index)
        };
        found.sort_unstable_by(|a, b| key(a).cmp(&key(b)));
        found.truncate(RANKED_MAX);
        found
    }

    fn score(&self, reading: &Reading<'_>, index: usize, floor: i32) -> Option<Found> {
        let (stay, (entered, entry_rarity)) =
            (self.stays.get(index)?, self.entered.get(index)?.as_ref()?);
        let (pair, is_entry_misread) = pair(&reading.text, entered);
        let rarity = entry_rarity.filter(|_| is_entry_misread).unwrap_or(reading.rarity);
        let evidence = rarity
            + circumstances(self.model, &meeting(reading.seen, stay))
            + self.model.prior.stranger.0
            - self.crowd;
        let cost = bound::cost(self.model, &pair, evidence.saturating_sub(floor))?;
        Some(Found { index, score: evidence - cost })
    }

    fn answer(&self, reading: &Reading<'_>, verdict: Verdict, found: Vec<Found>) -> Answer {
        let ranked = found.into_iter().map(|one| self.ranked(reading, one)).collect();
        Answer { verdict, ranked }
    }

    fn ranked(&self, reading: &Reading<'_>, Found { index, score }: Found) -> Ranked {
        let mut reasons = Vec::new();
        let entered = self.entered.get(index).and_then(Option::as_ref);
        if let Some((stay, (entered, _))) = self.stays.get(index).zip(entered) {
            let (pair, is_entry_misread) = pair(&reading.text, entered);
            reasons.extend(is_entry_misread.then(|| String::from("entry_misread")));
            reasons.extend(align::steps(self.model, &pair).iter().map(words));
            let against = objections(self.model, &meeting(reading.seen, stay));
            reasons.extend(against.into_iter().map(String::from));
        }
        Ranked { index, score_milli: score, reasons }
    }
}

/// What was read, made ready.
struct Reading<'a> {
    seen: &'a Observation<'a>,
    text: Text,
    rarity: i32,
}

#[derive(Debug, Clone, Copy)]
struct Found {
    index: usize,
    score: i32,
}

/// Which of two texts is believed: that of the stay, unless it is no plate and the reading is one.
pub(super) fn pair<'a>(seen: &'a Text, entered: &'a Text) -> (Pair<'a>, bool) {
    if seen.is_plate() && !entered.is_plate() {
        (Pair { truth: seen, seen: entered }, true)
    } else {
        (Pair { truth: entered, seen }, false)
    }
}

fn meeting(seen: &Observation<'_>, stay: &Stay<'_>) -> Meeting {
    Meeting {
        colors: (seen.color, stay.color),
        vehicles: (seen.vehicle, stay.vehicle),
        stay_s: seen.seen_s.saturating_sub(stay.entered_s),
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
