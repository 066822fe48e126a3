//! The full recount: one pass over all columns.
//!
//! Every group has a cell for its exits and one for its entries, so that a row costs one step of one
//! cell. Vector code makes the cells' numbers of a block of rows from group and delta, and notices
//! bad rows on the way; a row after the end gets a cell of nobody. Cells are so small that those of
//! thousands of groups stay in the first-level cache, and are emptied before one can overflow. While
//! the cells of one block are stepped, which leaves memory idle, what comes some blocks later is
//! asked for.
#![allow(
    clippy::inline_always,
    reason = "what is not inlined is compiled for the oldest processor"
)]

use pulp::{Arch, NullaryFnOnce};

use super::fetch::fetch;
use super::{Flow, Group, Passages};

/// Rows of a block: long enough to number them in one go, short beside the second-level cache.
const BLOCK: usize = 2048;
/// Rows that are counted between two requests to memory.
const STRIDE: usize = 32;
/// Rows from those that are counted to those that memory is asked for.
const AHEAD: usize = 4 * BLOCK;
/// Blocks after which cells are emptied: a cell cannot overflow before.
const FLUSH: usize = u16::MAX as usize / BLOCK;
/// Cells that every number of a cell has one of: no row can miss the table.
const CELLS: usize = 1 << 16;
/// The first of the last cells, which take the rows that do not count: one cell alone would make
/// each row wait for the one before it.
const NOBODY: u16 = 0xFFC0;
/// Groups that have both their cells below those of nobody.
pub(super) const NARROW_MAX: u32 = NOBODY as u32 / 2;

/// Count by narrow group numbers, of at most `NARROW_MAX` groups; `None` if a row is bad.
pub(super) fn narrow(passages: &Passages<'_, u16>, groups: u32, until_s: u32) -> Option<Vec<Flow>> {
    let rows = Rows { group: passages.group, delta: passages.delta, at_s: passages.at_s };
    let mut table = Table::new(groups)?;
    let seen = Arch::new().dispatch(Narrow { rows, until_s, table: &mut table });
    (u32::from(seen.top) < groups && seen.odd == 0).then(|| table.flows())
}

/// Count row by row, by group numbers of any width; `None` if a row is bad.
pub(super) fn wide<G: Group>(
    passages: &Passages<'_, G>,
    groups: u32,
    until_s: u32,
) -> Option<Vec<Flow>> {
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

/// The cells, and beside them what they held before they were last emptied.
struct Table {
    cells: Box<[u16; CELLS]>,
    totals: Vec<u64>,
}

impl Table {
    fn new(groups: u32) -> Option<Self> {
        let cells = vec![0; CELLS].into_boxed_slice().try_into().ok()?;
        Some(Self { cells, totals: vec![0; 2 * groups as usize] })
    }

    #[inline(always)]
    fn step(&mut self, number: u16) {
        if let Some(cell) = self.cells.get_mut(usize::from(number)) {
            *cell = cell.wrapping_add(1);
        }
    }

    #[inline(always)]
    fn empty(&mut self) {
        for (total, cell) in self.totals.iter_mut().zip(self.cells.iter_mut()) {
            *total = total.wrapping_add(u64::from(std::mem::take(cell)));
        }
    }

    fn flows(&self) -> Vec<Flow> {
        let pairs = self.totals.as_chunks().0.iter();
        pairs.map(|&[exits, entries]| Flow { entries, exits }).collect()
    }
}

/// Columns side by side.
#[derive(Clone, Copy)]
struct Rows<'a> {
    group: &'a [u16],
    delta: &'a [i8],
    at_s: &'a [u32],
}

impl<'a> Rows<'a> {
    /// Blocks of these rows; the last may be shorter.
    #[inline(always)]
    fn blocks(self) -> impl Iterator<Item = Self> {
        let columns = self.group.chunks(BLOCK).zip(self.delta.chunks(BLOCK));
        let columns = columns.zip(self.at_s.chunks(BLOCK));
        columns.map(|((group, delta), at_s)| Self { group, delta, at_s })
    }

    /// As many rows as are counted between two requests to memory, again and again.
    #[inline(always)]
    fn strides(
        self,
    ) -> impl Iterator<Item = (&'a [u16; STRIDE], &'a [i8; STRIDE], &'a [u32; STRIDE])> {
        let columns = self.group.as_chunks().0.iter().zip(self.delta.as_chunks().0);
        columns.zip(self.at_s.as_chunks().0).map(|((group, delta), at_s)| (group, delta, at_s))
    }
}

/// One pass, compiled for each kind of processor.
struct Narrow<'a> {
    rows: Rows<'a>,
    until_s: u32,
    table: &'a mut Table,
}

impl NullaryFnOnce for Narrow<'_> {
    type Output = Seen;

    #[inline(always)]
    fn call(self) -> Seen {
        let Self { rows, until_s, table } = self;
        let mut seen = Seen::default();
        let mut numbers = [0; BLOCK];
        for (block, rows) in (1..).zip(rows.blocks()) {
            if let Some(numbers) = numbers.get_mut(..rows.group.len()) {
                number(numbers, rows, until_s, &mut seen);
                count(table, numbers, rows);
            }
            if block % FLUSH == 0_usize {
                table.empty();
            }
        }
        table.empty();
        seen
    }
}

/// What is noticed on the way: the largest group, and the bits of a delta that is no car.
#[derive(Clone, Copy, Default)]
struct Seen {
    top: u16,
    odd: i8,
}

impl Seen {
    #[inline(always)]
    fn take(&mut self, group: u16, delta: i8) {
        self.top = self.top.max(group);
        self.odd |= odd(delta);
    }
}

/// Number the cells of a block's rows. Plain, for the compiler makes vector code of it.
#[inline(always)]
fn number(numbers: &mut [u16], rows: Rows<'_>, until_s: u32, seen: &mut Seen) {
    let mut here = *seen; // a copy of its own can live in registers
    let columns = rows.group.iter().zip(rows.delta).zip(rows.at_s);
    for (number, ((&group, &delta), &at_s)) in numbers.iter_mut().zip(columns) {
        here.take(group, delta);
        *number = if at_s <= until_s { cell(group, delta) } else { group | NOBODY };
    }
    *seen = here;
}

/// Count a block's rows by their cells' numbers, and ask for the rows of a later block.
#[inline(always)]
fn count(table: &mut Table, numbers: &[u16], rows: Rows<'_>) {
    let (strides, rest) = numbers.as_chunks::<STRIDE>();
    for (numbers, (group, delta, at_s)) in strides.iter().zip(rows.strides()) {
        fetch::<AHEAD, _, STRIDE>(group);
        fetch::<AHEAD, _, STRIDE>(delta);
        fetch::<AHEAD, _, STRIDE>(at_s);
        for &number in numbers {
            table.step(number);
        }
    }
    for &number in rest {
        table.step(number);
    }
}

/// The cell of a group's exits, and after it that of its entries.
#[inline(always)]
fn cell(group: u16, delta: i8) -> u16 {
    group.wrapping_mul(2) | u16::from(delta > 0)
}

/// Zero for 1 and -1, something else for every other delta.
#[inline(always)]
fn odd(delta: i8) -> i8 {
    delta.wrapping_add(1) & !2
}
