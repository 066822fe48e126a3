//! A list of a whole city, in which a reading finds what is at most one error away.
//!
//! Every plate stands in a table under its own text and under each text that it leaves when one
//! character is taken away. Two texts that are one misread, missing or extra character apart share
//! one of these keys, so a reading looks up its own few keys and compares what it finds. No key
//! needs a rare beginning: in one city nearly all plates begin alike.

use std::cmp::Reverse;

use super::bound;
use super::fixed::ln_milli;
use super::matching::{Verdict, pair};
use super::model::Model;
use super::packed::{PLACES, Packed};
use super::score::{Beginnings, rarity};
use super::text::Text;

/// The number of entries is kept in 32 bits.
const PLATES_MAX: usize = u32::MAX as usize / (PLACES + 1);
const KEYS_MAX: usize = PLACES + 1;
/// Buckets for each plate: more waste memory, fewer make lookups compare more.
const BUCKETS_EACH: usize = 4;
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// A list of plates that is ready for lookups. It never changes.
pub struct Index {
    plates: Vec<Packed>,
    beginnings: Beginnings,
    /// Where the entries of each bucket begin; one more than there are buckets.
    starts: Vec<u32>,
    /// Plates bucket by bucket; that they stand here again saves a wait for memory each.
    entries: Vec<Packed>,
    /// Their places in the list.
    owners: Vec<u32>,
    shift: u32,
}

/// A plate of the list, with its score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Near {
    /// Its place in the list.
    pub index: usize,
    /// As in `Ranked::score_milli`.
    pub score_milli: i32,
}

impl Index {
    /// Put a list of plates, spelled by `normalise`, in order; a text that is empty or longer than
    /// any plate is kept, so that places count, and never found. Nothing for more plates than the
    /// table can hold (429 million).
    #[must_use]
    pub fn new<'a>(plates: impl Iterator<Item = &'a str>) -> Option<Self> {
        let pack = |text| Text::of(text).and_then(|text| Packed::of(text.symbols()));
        Self::from_packed(plates.map(|text| pack(text).unwrap_or_default()).collect())
    }

    /// The same from words that were kept.
    #[must_use]
    pub fn from_packed(plates: Vec<Packed>) -> Option<Self> {
        if plates.len() > PLATES_MAX {
            return None;
        }
        let buckets = (plates.len() * BUCKETS_EACH).max(1).next_power_of_two();
        let shift = u64::BITS - buckets.ilog2().max(1);
        let mut starts = vec![0_u32; (1 << (u64::BITS - shift)) + 1];
        for key in plates.iter().flat_map(|&plate| Keys::of(plate)) {
            if let Some(count) = starts.get_mut(bucket(key, shift) + 1) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let beginnings = Beginnings::of_packed(&plates);
        let (entries, owners) = filled(&plates, &starts, shift);
        Some(Self { plates, beginnings, starts, entries, owners, shift })
    }

    /// The list, word by word.
    #[must_use]
    pub fn plates(&self) -> &[Packed] {
        &self.plates
    }

    /// The places of all plates that are at most one error away, in their order.
    #[must_use]
    pub fn near(&self, seen: &str) -> Vec<u32> {
        Text::of(seen).map_or_else(Vec::new, |text| self.near_text(&text))
    }

    fn near_text(&self, text: &Text) -> Vec<u32> {
        let mut near = Vec::with_capacity(32);
        match Packed::asked(text.symbols()) {
            Some(seen) => self.collect(seen, &mut near),
            None => self.longer_by_one(text, &mut near),
        }
        near.sort_unstable();
        near.dedup();
        near
    }

    fn collect(&self, seen: Packed, near: &mut Vec<u32>) {
        // All buckets are found before any is read, so that the waits for memory overlap.
        let mut ranges = [(0, 0); KEYS_MAX];
        for (range, key) in ranges.iter_mut().zip(Keys::of(seen)) {
            *range = self.range(key);
        }
        for range in ranges {
            near.extend(self.entries(range).filter(|(plate, _)| plate.is_near(seen)).map(|e| e.1));
        }
    }

    /// A reading of one character too many for a word is near only to what it leaves without one.
    fn longer_by_one(&self, text: &Text, near: &mut Vec<u32>) {
        for place in 0..text.len() {
            let symbols = text.symbols().iter().enumerate();
            let rest: Vec<u8> =
                symbols.filter(|(at, _)| *at != place).map(|(_, &symbol)| symbol).collect();
            let Some(rest) = Packed::asked(&rest) else { continue };
            let range = self.range(rest);
            near.extend(self.entries(range).filter(|(plate, _)| *plate == rest).map(|e| e.1));
        }
    }

    fn range(&self, key: Packed) -> (usize, usize) {
        let at = bucket(key, self.shift);
        let edge = |at: usize| self.starts.get(at).map_or(0, |&start| start as usize);
        (edge(at), edge(at + 1))
    }

    fn entries(&self, (from, to): (usize, usize)) -> impl Iterator<Item = (Packed, u32)> {
        let plates = self.entries.get(from..to).unwrap_or_default().iter().copied();
        plates.zip(self.owners.get(from..to).unwrap_or_default().iter().copied())
    }

    fn plate(&self, id: u32) -> Packed {
        self.plates.get(id as usize).copied().unwrap_or_default()
    }

    /// Rank what is at most one error away by the scores of a model, and judge as for an exit:
    /// a plate of the list itself is that plate, anything else needs the threshold and the margin.
    #[must_use]
    pub fn find(&self, model: &Model, seen: &str) -> (Verdict, Vec<Near>) {
        let Some(text) = Text::of(seen) else { return (Verdict::None, Vec::new()) };
        let own = Packed::asked(text.symbols());
        let mut exact = 0;
        let mut found: Vec<Near> = Vec::new();
        let crowd = ln_milli(u64::try_from(self.plates.len()).unwrap_or(u64::MAX));
        for id in self.near_text(&text) {
            let plate = self.plate(id);
            exact += usize::from(own == Some(plate));
            let Some(entered) = Text::of_symbols(plate.symbols()) else { continue };
            let (pair, _) = pair(&text, &entered);
            let evidence = rarity(model, pair.seen, &self.beginnings) + model.prior.stranger.0;
            let cost = bound::cost(model, &pair, i32::MAX).unwrap_or(i32::MAX / 2);
            found.push(Near { index: id as usize, score_milli: evidence - crowd - cost });
        }
        found.sort_unstable_by_key(|near| (Reverse(near.score_milli), near.index));
        (verdict(model, exact, &found), found)
    }
}

/// Put each plate into the bucket of each of its keys.
fn filled(plates: &[Packed], starts: &[u32], shift: u32) -> (Vec<Packed>, Vec<u32>) {
    let mut next = starts.to_vec();
    let all = starts.last().map_or(0, |&all| all as usize);
    let (mut entries, mut owners) = (vec![Packed::default(); all], vec![0; all]);
    for (id, &plate) in (0..).zip(plates) {
        for key in Keys::of(plate) {
            let Some(at) = next.get_mut(bucket(key, shift)) else { continue };
            let both = entries.get_mut(*at as usize).zip(owners.get_mut(*at as usize));
            if let Some((entry, owner)) = both {
                (*entry, *owner) = (plate, id);
            }
            *at += 1;
        }
    }
    (entries, owners)
}

fn verdict(model: &Model, exact: usize, found: &[Near]) -> Verdict {
    match (exact, found) {
        (1, _) => Verdict::Exact,
        (0, _) => model.verdict(found.iter().map(|near| near.score_milli)),
        _ => Verdict::Ambiguous,
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the shift leaves at most 33 bits")]
const fn bucket(key: Packed, shift: u32) -> usize {
    (key.word().wrapping_mul(SPREAD) >> shift) as usize
}

/// A text and every text that it leaves when one character is taken away, each once.
struct Keys {
    whole: Packed,
    next: u32,
    end: u32,
}

impl Keys {
    const fn of(whole: Packed) -> Self {
        Self { whole, next: 0, end: whole.len() + 1 }
    }
}

impl Iterator for Keys {
    type Item = Packed;

    fn next(&mut self) -> Option<Packed> {
        while self.next > 0 && self.next < self.end && self.whole.repeats(self.next - 1) {
            self.next += 1;
        }
        let step = self.next;
        if step >= self.end || self.end == 1 {
            return None;
        }
        self.next += 1;
        Some(step.checked_sub(1).map_or(self.whole, |place| self.whole.without(place)))
    }
}
