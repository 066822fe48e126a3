//! Amounts as plans write them: one for all classes or one for each, once or as a list.

use std::fmt;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::PlanError;
use super::check::{broken, count, range};
use super::file::{Scale, Vehicles};
use super::words::{VEHICLES, Vehicle};

/// Whole fen: one number that the class scales, or numbers of classes.
#[derive(Debug, Clone, Copy)]
pub enum Price {
    Scaled(i64),
    Each(EachClass),
}

/// Whole fen of each class; one that is not named is the small car's, scaled.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EachClass {
    pub small: i64,
    #[serde(default)]
    pub medium: Option<i64>,
    #[serde(default)]
    pub large: Option<i64>,
    #[serde(default)]
    pub motorcycle: Option<i64>,
    #[serde(default)]
    pub oversize: Option<i64>,
    #[serde(default)]
    pub tricycle: Option<i64>,
}

impl EachClass {
    const fn of(&self, vehicle: Vehicle) -> Option<i64> {
        match vehicle {
            Vehicle::Small => Some(self.small),
            Vehicle::Medium => self.medium,
            Vehicle::Large => self.large,
            Vehicle::Motorcycle => self.motorcycle,
            Vehicle::Oversize => self.oversize,
            Vehicle::Tricycle => self.tricycle,
        }
    }
}

/// A price, or one for each period after the other; the last goes on.
#[derive(Debug, Clone)]
pub struct Amounts(pub Vec<Price>);

struct PriceVisitor;

impl<'de> Visitor<'de> for PriceVisitor {
    type Value = Price;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("whole fen, or an object of whole fen with `small` and other classes")
    }

    fn visit_i64<E: Error>(self, fen: i64) -> Result<Price, E> {
        Ok(Price::Scaled(fen))
    }

    fn visit_u64<E: Error>(self, fen: u64) -> Result<Price, E> {
        i64::try_from(fen).map(Price::Scaled).map_err(|_| E::custom("this amount is too large"))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Price, A::Error> {
        EachClass::deserialize(MapAccessDeserializer::new(map)).map(Price::Each)
    }
}

impl<'de> Deserialize<'de> for Price {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PriceVisitor)
    }
}

struct AmountsVisitor;

impl<'de> Visitor<'de> for AmountsVisitor {
    type Value = Amounts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("whole fen, an object of whole fen, or a list of these")
    }

    fn visit_i64<E: Error>(self, fen: i64) -> Result<Amounts, E> {
        PriceVisitor.visit_i64(fen).map(|one| Amounts(vec![one]))
    }

    fn visit_u64<E: Error>(self, fen: u64) -> Result<Amounts, E> {
        PriceVisitor.visit_u64(fen).map(|one| Amounts(vec![one]))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Amounts, A::Error> {
        PriceVisitor.visit_map(map).map(|one| Amounts(vec![one]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Amounts, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Amounts)
    }
}

impl<'de> Deserialize<'de> for Amounts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AmountsVisitor)
    }
}

/// One amount for each vehicle class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerVehicle([i64; VEHICLES.len()]);

impl PerVehicle {
    #[inline]
    pub fn of(&self, vehicle: Vehicle) -> i64 {
        self.0.get(vehicle as usize).copied().unwrap_or_default()
    }

    /// What each class pays in `self` beyond `less`; none if that is negative for any.
    pub fn minus(&self, less: &Self) -> Option<Self> {
        let mut rest = *self;
        for (fen, less_fen) in rest.0.iter_mut().zip(less.0) {
            *fen -= less_fen;
        }
        rest.0.iter().all(|&fen| fen >= 0).then_some(rest)
    }

    pub const NOTHING: Self = Self([0; VEHICLES.len()]);
}

/// Which multiplier of a class applies.
#[derive(Debug, Clone, Copy)]
pub enum Which {
    Price,
    Cap,
}

/// Work an amount out for each class; it must come out in whole fen, so that nothing is rounded.
pub fn per_vehicle(
    field: &str,
    price: Price,
    vehicles: &Vehicles,
    (which, most_fen): (Which, i64),
) -> Result<PerVehicle, PlanError> {
    let mut amounts = PerVehicle::NOTHING;
    for (fen, (class, vehicle)) in amounts.0.iter_mut().zip(VEHICLES) {
        *fen = match price {
            Price::Scaled(base_fen) => {
                range(field, base_fen, 0..=most_fen)?;
                scaled(field, base_fen, permille(vehicles, vehicle, which))?
            }
            Price::Each(each) => match each.of(vehicle) {
                Some(own_fen) => range(&format!("{field}.{class}"), own_fen, 0..=most_fen)?,
                None => scaled(field, each.small, permille(vehicles, vehicle, which))?,
            },
        };
    }
    Ok(amounts)
}

const AMOUNTS_MAX: usize = 8;

/// Work out a list of amounts.
pub fn each_period(
    field: &str,
    amounts: &Amounts,
    vehicles: &Vehicles,
    rule: (Which, i64),
) -> Result<Vec<PerVehicle>, PlanError> {
    count(field, &amounts.0, 1..=AMOUNTS_MAX)?;
    amounts.0.iter().map(|&price| per_vehicle(field, price, vehicles, rule)).collect()
}

/// The multipliers of every class, with their public names.
pub const fn scales(vehicles: &Vehicles) -> [(&'static str, Scale); VEHICLES.len()] {
    [
        ("small", vehicles.small),
        ("medium", vehicles.medium),
        ("large", vehicles.large),
        ("motorcycle", vehicles.motorcycle),
        ("oversize", vehicles.oversize),
        ("tricycle", vehicles.tricycle),
    ]
}

fn permille(vehicles: &Vehicles, vehicle: Vehicle, which: Which) -> i64 {
    let scale = match vehicle {
        Vehicle::Small => vehicles.small,
        Vehicle::Medium => vehicles.medium,
        Vehicle::Large => vehicles.large,
        Vehicle::Motorcycle => vehicles.motorcycle,
        Vehicle::Oversize => vehicles.oversize,
        Vehicle::Tricycle => vehicles.tricycle,
    };
    match which {
        Which::Price => scale.price_permille,
        Which::Cap => scale.cap_permille,
    }
}

fn scaled(field: &str, price_fen: i64, permille: i64) -> Result<i64, PlanError> {
    price_fen
        .checked_mul(permille)
        .filter(|product| product % 1_000 == 0)
        .map(|product| product / 1_000)
        .ok_or_else(|| {
            let detail = format!("{price_fen} fen times {permille} ‰ is no whole fen");
            broken(field, "whole_fen", detail)
        })
}
