//! The full recount: one pass over all columns, a few cycles a row.
//!
//! A cell holds passages in its upper half and entries less exits in its lower, so that a row costs
//! one addition. Rows come in blocks; while one block is counted, the seconds of the next are looked
//! at, so that a block that lies wholly before the end needs no test a row and memory never rests.
//! Both halves of the columns are counted side by side: six streams keep more of memory on its way.
//! Bad rows are noticed by vector code beside the counting and are named by a slow second pass.
#![allow(
    clippy::inline_always,
    reason = "what is not inlined is compiled for the oldest processor"
)]

use pulp::{Arch, NullaryFnOnce};

use super::{Flow, Passages};

/// Rows of a block: its columns fit in the first-level cache beside the cells.
const BLOCK: usize = 1024;
/// Rows that the compiler handles side by side.
const LANES: usize = 16;
/// Rows after which cells are emptied, long before a half of one can overflow.
const FLUSH: usize = BLOCK << 18;
/// Cells that every `u16` has one of: no group can miss the table.
const CELLS: usize = 1 << 16;
/// One passage in the upper half of a cell.
const PASSAGE: u64 = 1 << 32;

/// Count by narrow group numbers; `None` if a row is bad.
pub(super) fn narrow(passages: &Passages<'_, u16>, groups: u32, until_s: u32) -> Option<Vec<Flow>> {
    let arch = Arch::new();
    let mut flows = vec![Flow::default(); groups as usize];
    let mut cells = vec![0; CELLS];
    let Ok(table) = <&mut [u64; CELLS]>::try_from(cells.as_mut_slice()) else { return None };
    let parts = passages.group.chunks(FLUSH).zip(passages.delta.chunks(FLUSH));
    for ((group, delta), at_s) in parts.zip(passages.at_s.chunks(FLUSH)) {
        let rows = Rows { group, delta, at_s };
        let seen = arch.dispatch(Narrow { rows, until_s, table });
        if u32::from(seen.top) >= groups || seen.odd {
            return None;
        }
        empty(table, &mut flows);
    }
    Some(flows)
}

/// Count by wide group numbers; `None` if a row is bad.
pub(super) fn wide(passages: &Passages<'_, u32>, groups: u32, until_s: u32) -> Option<Vec<Flow>> {
    let mut flows = vec![Flow::default(); groups as usize];
    for (group, delta, at_s) in passages.rows() {
        let flow = flows.get_mut(group as usize)?;
        if odd(delta) != 0 {
            return None;
        }
        if at_s <= until_s {
            flow.take(delta);
        }
    }
    Some(flows)
}

/// What a pass noticed beside the counts: the largest group, and whether a delta is no car.
struct Seen {
    top: u16,
    odd: bool,
}

/// Columns side by side.
#[derive(Clone, Copy)]
struct Rows<'a> {
    group: &'a [u16],
    delta: &'a [i8],
    at_s: &'a [u32],
}

impl<'a> Rows<'a> {
    #[inline(always)]
    fn halves(self) -> (Self, Self) {
        let middle = self.group.len() / 2 / BLOCK * BLOCK;
        let (group, later_group) = self.group.split_at(middle);
        let (delta, later_delta) = self.delta.split_at(middle);
        let (at_s, later_at_s) = self.at_s.split_at(middle);
        let later = Self { group: later_group, delta: later_delta, at_s: later_at_s };
        (Self { group, delta, at_s }, later)
    }

    /// The blocks of these rows, each with the seconds of the one after it.
    #[inline(always)]
    fn blocks(self) -> impl Iterator<Item = (Self, &'a [u32])> {
        let blocks = self.group.chunks(BLOCK).zip(self.delta.chunks(BLOCK));
        let next = self.at_s.chunks(BLOCK).skip(1).chain(std::iter::once::<&[u32]>(&[]));
        blocks
            .zip(self.at_s.chunks(BLOCK))
            .zip(next)
            .map(|(((group, delta), at_s), next)| (Self { group, delta, at_s }, next))
    }

    #[inline(always)]
    fn first_latest(self) -> u32 {
        latest(self.at_s.get(..BLOCK).unwrap_or(self.at_s))
    }
}

/// One pass, compiled for each kind of processor.
struct Narrow<'a> {
    rows: Rows<'a>,
    until_s: u32,
    table: &'a mut [u64; CELLS],
}

impl NullaryFnOnce for Narrow<'_> {
    type Output = Seen;

    #[inline(always)]
    fn call(self) -> Seen {
        let Self { rows, until_s, table } = self;
        let noticed = Noticed { tops: [0; LANES], odds: [0; LANES] };
        let mut count = Count { table, until_s, noticed };
        let (first, second) = rows.halves();
        let (mut one_s, mut two_s) = (first.first_latest(), second.first_latest());
        let mut seconds = second.blocks();
        for ((one, one_next), (two, two_next)) in first.blocks().zip(seconds.by_ref()) {
            let whole = one_next.len() == BLOCK && two_next.len() == BLOCK;
            if whole && one_s.max(two_s) <= until_s {
                (one_s, two_s) = count.both((one, one_next), (two, two_next));
            } else {
                count.some(one);
                count.some(two);
                (one_s, two_s) = (latest(one_next), latest(two_next));
            }
        }
        for (rest, _) in seconds {
            count.some(rest);
        }
        count.noticed.seen()
    }
}

/// What is noticed on the way.
#[derive(Clone, Copy)]
struct Noticed {
    tops: [u16; LANES],
    odds: [i8; LANES],
}

impl Noticed {
    #[inline(always)]
    fn take(&mut self, group: &[u16; LANES], delta: &[i8; LANES]) {
        for (top, &group) in self.tops.iter_mut().zip(group) {
            *top = (*top).max(group);
        }
        for (seen, &delta) in self.odds.iter_mut().zip(delta) {
            *seen |= odd(delta);
        }
    }

    #[inline(always)]
    fn seen(self) -> Seen {
        let top = self.tops.into_iter().fold(0, u16::max);
        Seen { top, odd: self.odds.into_iter().any(|odd| odd != 0) }
    }
}

/// The cells, and what is noticed on the way.
struct Count<'a> {
    table: &'a mut [u64; CELLS],
    until_s: u32,
    noticed: Noticed,
}

type Ahead<'a> = (Rows<'a>, &'a [u32]);

impl Count<'_> {
    /// Count two whole blocks of which every row counts, and look at the seconds of the next two.
    #[inline(always)]
    fn both(&mut self, one: Ahead<'_>, two: Ahead<'_>) -> (u32, u32) {
        let (mut one_s, mut two_s) = ([0; LANES], [0; LANES]);
        let mut noticed = self.noticed; // a copy of its own can live in registers
        let table = &mut *self.table;
        for (one, two) in lanes(one).zip(lanes(two)) {
            later(&mut one_s, one.2);
            later(&mut two_s, two.2);
            noticed.take(one.0, one.1);
            noticed.take(two.0, two.1);
            add_all(table, one.0, one.1);
            add_all(table, two.0, two.1);
        }
        self.noticed = noticed;
        (latest(&one_s), latest(&two_s))
    }

    /// Count those rows of a block that count.
    #[inline(always)]
    fn some(&mut self, rows: Rows<'_>) {
        let [top, ..] = &mut self.noticed.tops;
        *top = rows.group.iter().copied().fold(*top, u16::max);
        let [seen, ..] = &mut self.noticed.odds;
        *seen = rows.delta.iter().fold(*seen, |seen, &delta| seen | odd(delta));
        for ((&group, &delta), &at_s) in rows.group.iter().zip(rows.delta).zip(rows.at_s) {
            if at_s <= self.until_s {
                add(self.table, group, delta);
            }
        }
    }
}

#[inline(always)]
fn add_all(table: &mut [u64; CELLS], group: &[u16; LANES], delta: &[i8; LANES]) {
    for (&group, &delta) in group.iter().zip(delta) {
        add(table, group, delta);
    }
}

type Lanes<'a> = (&'a [u16; LANES], &'a [i8; LANES], &'a [u32; LANES]);

#[inline(always)]
fn lanes((rows, next): Ahead<'_>) -> impl Iterator<Item = Lanes<'_>> {
    let (groups, deltas) = (rows.group.as_chunks().0, rows.delta.as_chunks().0);
    groups
        .iter()
        .zip(deltas)
        .zip(next.as_chunks().0)
        .map(|((group, delta), next)| (group, delta, next))
}

#[inline(always)]
fn later(seen_s: &mut [u32; LANES], at_s: &[u32; LANES]) {
    for (seen_s, &at_s) in seen_s.iter_mut().zip(at_s) {
        *seen_s = (*seen_s).max(at_s);
    }
}

/// Zero for 1 and -1, something else for every other delta.
#[inline(always)]
fn odd(delta: i8) -> i8 {
    delta.wrapping_add(1) & !2
}

#[inline(always)]
fn add(table: &mut [u64; CELLS], group: u16, delta: i8) {
    if let Some(cell) = table.get_mut(usize::from(group)) {
        *cell = cell.wrapping_add(PASSAGE.wrapping_add(i64::from(delta).cast_unsigned()));
    }
}

#[inline(always)]
fn latest(at_s: &[u32]) -> u32 {
    at_s.iter().copied().fold(0, u32::max)
}

/// Move what the cells hold to the flows.
fn empty(table: &mut [u64; CELLS], flows: &mut [Flow]) {
    for (cell, flow) in table.iter_mut().zip(flows) {
        let (passages, occupied) = halves(std::mem::take(cell));
        let entries = i64::midpoint(passages, occupied);
        flow.add(Flow {
            entries: entries.unsigned_abs(),
            exits: (passages - entries).unsigned_abs(),
        });
    }
}

/// Passages, and entries less exits: a negative sum has borrowed from the upper half.
fn halves(cell: u64) -> (i64, i64) {
    let bytes = cell.to_le_bytes();
    let [a, b, c, d, ..] = bytes;
    let occupied = i64::from(i32::from_le_bytes([a, b, c, d]));
    (cell.wrapping_sub(occupied.cast_unsigned()).cast_signed() >> 32, occupied)
}
