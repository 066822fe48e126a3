//! The full recount: one pass over all columns, a few cycles a row.
//!
//! A cell holds passages in its upper half and entries less exits in its lower, so that a row costs
//! one addition. Rows come in blocks; while one block is counted, the seconds of the next are looked
//! at, so that a block that lies wholly before the end needs no test a row and memory never rests.
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
        let seen = arch.dispatch(Narrow { group, delta, at_s, until_s, table });
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

/// One pass, compiled for each kind of processor.
struct Narrow<'a> {
    group: &'a [u16],
    delta: &'a [i8],
    at_s: &'a [u32],
    until_s: u32,
    table: &'a mut [u64; CELLS],
}

impl NullaryFnOnce for Narrow<'_> {
    type Output = Seen;

    #[inline(always)]
    fn call(self) -> Seen {
        let Self { group, delta, at_s, until_s, table } = self;
        let mut tops = [0; LANES];
        let mut odds = [0; LANES];
        let mut latest_s = latest(at_s.get(..BLOCK).unwrap_or(at_s));
        let mut ahead = at_s.chunks(BLOCK).skip(1);
        let blocks = group.chunks(BLOCK).zip(delta.chunks(BLOCK)).zip(at_s.chunks(BLOCK));
        for ((group, delta), at_s) in blocks {
            let next = ahead.next().unwrap_or_default();
            let whole = group.len() == BLOCK && next.len() == BLOCK;
            if whole && latest_s <= until_s {
                let block = Block { group, delta, next };
                latest_s = block.count(table, &mut tops, &mut odds);
            } else {
                notice(group, delta, &mut tops, &mut odds);
                for ((&group, &delta), &at_s) in group.iter().zip(delta).zip(at_s) {
                    if at_s <= until_s {
                        add(table, group, delta);
                    }
                }
                latest_s = latest(next);
            }
        }
        Seen { top: tops.into_iter().fold(0, u16::max), odd: odds.into_iter().any(|odd| odd != 0) }
    }
}

/// A block of which every row counts, and the seconds of the block after it.
struct Block<'a> {
    group: &'a [u16],
    delta: &'a [i8],
    next: &'a [u32],
}

impl Block<'_> {
    #[inline(always)]
    fn count(
        self,
        table: &mut [u64; CELLS],
        tops: &mut [u16; LANES],
        odds: &mut [i8; LANES],
    ) -> u32 {
        let mut latest_s = [0; LANES];
        let (groups, _) = self.group.as_chunks::<LANES>();
        let (deltas, _) = self.delta.as_chunks::<LANES>();
        let (nexts, _) = self.next.as_chunks::<LANES>();
        for ((group, delta), next) in groups.iter().zip(deltas).zip(nexts) {
            for (latest_s, &at_s) in latest_s.iter_mut().zip(next) {
                *latest_s = (*latest_s).max(at_s);
            }
            notice(group, delta, tops, odds);
            for (&group, &delta) in group.iter().zip(delta) {
                add(table, group, delta);
            }
        }
        latest_s.into_iter().fold(0, u32::max)
    }
}

#[inline(always)]
fn notice(group: &[u16], delta: &[i8], tops: &mut [u16; LANES], odds: &mut [i8; LANES]) {
    for group in group.chunks(LANES) {
        for (top, &group) in tops.iter_mut().zip(group) {
            *top = (*top).max(group);
        }
    }
    for delta in delta.chunks(LANES) {
        for (seen, &delta) in odds.iter_mut().zip(delta) {
            *seen |= odd(delta);
        }
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
