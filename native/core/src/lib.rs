//! What OnePark decides in native code: the price of a stay and the shape of a plate.
//!
//! Everything here is a pure function of its arguments: no I/O, no clock, no panic.
#![forbid(unsafe_code)]

pub mod plate;
pub mod tariff;
