//! What OnePark decides in native code: the price of a stay, the shape of a plate, the count of cars, the
//! seats near a position.
//!
//! Everything here is a pure function of its arguments: no I/O, no clock, no panic.
#![deny(unsafe_code)]

pub mod nearby;
pub mod occupancy;
pub mod plate;
pub mod tariff;
