//! Asks memory for what will be read soon; nothing but time depends on it.
#![allow(
    clippy::inline_always,
    reason = "what is not inlined is compiled for the oldest processor"
)]

/// Bytes that memory hands out at once.
const LINE: usize = 64;

/// Ask for the lines of the values that lie so many values behind these.
#[inline(always)]
pub(super) fn fetch<const AHEAD: usize, T, const N: usize>(values: &[T; N]) {
    let first = values.as_ptr().wrapping_add(AHEAD).cast::<u8>();
    for line in 0..size_of::<[T; N]>().div_ceil(LINE) {
        hint(first.wrapping_add(line * LINE));
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[allow(unsafe_code, reason = "a hint: it reads nothing, and no address makes it fail")]
fn hint(line: *const u8) {
    use core::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
    // SAFETY: the instruction never faults, whatever the address, and every x86-64 has it.
    unsafe { _mm_prefetch::<_MM_HINT_T1>(line.cast()) }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn hint(_line: *const u8) {}
