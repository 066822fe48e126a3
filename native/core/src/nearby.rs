//! Which seats lie near a position, and the JSON that tells of them.
//!
//! A seat is a latitude and a longitude; its place is its number in the list, and orders seats at
//! one distance. Distances are those of a plane whose degree of longitude is measured at the asked
//! latitude: right to a quarter of a percent within a city.
//!
//! Seats lie in bands from west to east, each in the order of its longitudes. A search opens bands
//! from the asked latitude outwards and ends where none can hold a nearer seat, so that it measures
//! little more than it finds, however large the city or its radius.

use std::cmp::Ordering;

/// Metres of a degree of latitude, on a sphere of 6,371.0088 km.
pub const METRES_PER_DEG: f64 = 111_194.93;
const SHRINK_MIN: f64 = 0.01;
const BAND_DEG: f64 = 0.01;
// A bound is left only by what is beyond it for sure, whatever the last bits are.
const SLACK: f64 = 1.0 + 1e-9;
const SLACK_M: f64 = 1e-6;

/// A seat that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// How far it is.
    pub away_m: f64,
    /// Its number in the list of seats.
    pub place: usize,
}

impl Found {
    fn order(&self, other: &Self) -> Ordering {
        self.away_m.total_cmp(&other.away_m).then(self.place.cmp(&other.place))
    }
}

/// Where to look, and for how much.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// Degrees to the north.
    pub lat: f64,
    /// Degrees to the east.
    pub lon: f64,
    /// How far a seat may be.
    pub radius_m: f64,
    /// How many are enough.
    pub limit: usize,
}

#[derive(Debug)]
struct Seat {
    lat: f64,
    lon: f64,
    place: usize,
}

#[derive(Debug)]
struct Band {
    south: f64,
    north: f64,
    seats: Vec<Seat>,
}

/// An immutable index of seats.
#[derive(Debug)]
pub struct Seats {
    bands: Vec<Band>,
}

impl Seats {
    /// Index seats; a position that is no number is at no place, and is never found.
    #[must_use]
    pub fn new(positions: &[(f64, f64)]) -> Self {
        let mut seats: Vec<Seat> = positions
            .iter()
            .enumerate()
            .filter(|(_, (lat, lon))| lat.is_finite() && lon.is_finite())
            .map(|(place, &(lat, lon))| Seat { lat, lon, place })
            .collect();
        seats.sort_by(|one, other| one.lat.total_cmp(&other.lat));
        let mut bands: Vec<Band> = Vec::new();
        for seat in seats {
            match bands.last_mut() {
                Some(band) if seat.lat - band.south <= BAND_DEG => {
                    band.north = seat.lat;
                    band.seats.push(seat);
                }
                _ => bands.push(Band { south: seat.lat, north: seat.lat, seats: vec![seat] }),
            }
        }
        for band in &mut bands {
            band.seats.sort_by(|one, other| one.lon.total_cmp(&other.lon));
        }
        Self { bands }
    }

    /// Find the nearest seats within the radius, the nearest first.
    #[must_use]
    pub fn nearest(&self, asked: &Question) -> Vec<Found> {
        let mut search = Search::new(asked);
        let middle = self.bands.partition_point(|band| band.north < asked.lat);
        let (south, north) = self.bands.split_at_checked(middle).unwrap_or_default();
        let (mut south, mut north) = (south.iter().rev().peekable(), north.iter().peekable());
        loop {
            let below_m = south.peek().map(|band| METRES_PER_DEG * (asked.lat - band.north));
            let above_m = north.peek().map(|band| METRES_PER_DEG * (band.south - asked.lat));
            let (is_below, gap_m) = match (below_m, above_m) {
                (Some(below_m), Some(above_m)) if below_m < above_m => (true, below_m),
                (_, Some(above_m)) => (false, above_m),
                (Some(below_m), None) => (true, below_m),
                (None, None) => break,
            };
            if gap_m > search.bound_m() {
                break;
            }
            if let Some(band) = if is_below { south.next() } else { north.next() } {
                search.open(band);
            }
        }
        search.end()
    }
}

struct Search<'a> {
    asked: &'a Question,
    shrink: f64, // how much shorter a degree of longitude is
    reach_m: f64,
    found: Vec<Found>,
}

impl<'a> Search<'a> {
    fn new(asked: &'a Question) -> Self {
        let shrink = asked.lat.to_radians().cos().max(SHRINK_MIN);
        let reach_m = if asked.limit == 0 { f64::NEG_INFINITY } else { asked.radius_m };
        Self { asked, shrink, reach_m, found: Vec::with_capacity(64) }
    }

    fn bound_m(&self) -> f64 {
        self.reach_m * SLACK + SLACK_M
    }

    fn open(&mut self, band: &Band) {
        let span = self.bound_m() / (METRES_PER_DEG * self.shrink);
        let (west, east) = (self.asked.lon - span, self.asked.lon + span);
        let first = band.seats.partition_point(|seat| seat.lon < west);
        let seats = band.seats.get(first..).unwrap_or_default();
        for seat in seats.iter().take_while(|seat| seat.lon <= east) {
            let north = seat.lat - self.asked.lat;
            let aside = (seat.lon - self.asked.lon) * self.shrink;
            let away_m = METRES_PER_DEG * (north * north + aside * aside).sqrt();
            if away_m <= self.reach_m {
                self.found.push(Found { away_m, place: seat.place });
            }
        }
        self.keep_the_nearest();
    }

    /// Drop what is too far now that there is enough, and look no further than the last that stays.
    fn keep_the_nearest(&mut self) {
        let limit = self.asked.limit;
        if self.found.len() > limit && limit > 0 {
            let (_, last, _) = self.found.select_nth_unstable_by(limit - 1, Found::order);
            self.reach_m = last.away_m;
            self.found.truncate(limit);
        }
    }

    fn end(mut self) -> Vec<Found> {
        self.found.sort_unstable_by(Found::order);
        self.found
    }
}

/// Join JSON objects into a list's inner text, each with its whole metres put before its members.
///
/// An object is at least `{"member":…}`; of `{}` nothing sensible can be told.
pub fn tell<'a>(into: &mut Vec<u8>, told: impl Iterator<Item = (f64, &'a [u8])>) {
    for (number, (away_m, object)) in told.enumerate() {
        if number > 0 {
            into.push(b',');
        }
        into.extend_from_slice(br#"{"distance_m":"#);
        push_whole(into, away_m);
        into.push(b',');
        into.extend_from_slice(object.get(1..).unwrap_or_default());
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole metres are meant; a distance is never negative"
)]
fn push_whole(into: &mut Vec<u8>, away_m: f64) {
    let mut rest = away_m as u64;
    let start = into.len();
    loop {
        into.push(b'0' + (rest % 10) as u8);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if let Some(digits) = into.get_mut(start..) {
        digits.reverse();
    }
}
