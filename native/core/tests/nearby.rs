//! What holds for every set of seats and every question.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use onepark_core::nearby::{Found, METRES_PER_DEG, Question, Seats, tell};
use proptest::collection::vec;
use proptest::prelude::*;

/// A look at every seat, plainly.
fn plain(positions: &[(f64, f64)], asked: &Question) -> Vec<Found> {
    let shrink = asked.lat.to_radians().cos().max(0.01);
    let away_m = |&(lat, lon): &(f64, f64)| {
        let (north, aside) = (lat - asked.lat, (lon - asked.lon) * shrink);
        METRES_PER_DEG * (north * north + aside * aside).sqrt()
    };
    let seats = positions.iter().enumerate();
    let mut found: Vec<Found> = seats
        .map(|(place, seat)| Found { away_m: away_m(seat), place })
        .filter(|one| one.away_m <= asked.radius_m)
        .collect();
    found.sort_by(|a, b| a.away_m.total_cmp(&b.away_m).then(a.place.cmp(&b.place)));
    found.truncate(asked.limit);
    found
}

/// Degrees in a coarse raster, so that distances are often equal, or anywhere.
fn degrees(from: f64, to: f64) -> impl Strategy<Value = f64> {
    let steps = (0_u32..=20).prop_map(move |n| from + (to - from) * f64::from(n) / 20.0);
    prop_oneof![steps, from..to]
}

fn positions(most: usize) -> impl Strategy<Value = Vec<(f64, f64)>> {
    prop_oneof![
        vec((degrees(31.6, 32.1), degrees(119.9, 120.7)), 0..most),
        vec((degrees(31.90, 31.93), degrees(120.20, 120.24)), 0..most),
        vec((degrees(-90.0, 90.0), degrees(-180.0, 180.0)), 0..most),
    ]
}

proptest! {
    #[test]
    fn a_search_finds_what_a_look_at_every_seat_finds(
        positions in positions(200), lat in degrees(31.6, 32.1), lon in degrees(119.9, 120.7),
        radius_m in prop_oneof![0.0..30_000.0, 0.0..1e8], limit in 0_usize..40,
    ) {
        let asked = Question { lat, lon, radius_m, limit };
        prop_assert_eq!(Seats::new(&positions).nearest(&asked), plain(&positions, &asked));
    }

    #[test]
    fn a_seat_is_found_from_where_it_is(positions in positions(60), at in any::<prop::sample::Index>()) {
        prop_assume!(!positions.is_empty());
        let (lat, lon) = positions[at.index(positions.len())];
        let asked = Question { lat, lon, radius_m: 0.0, limit: usize::MAX };
        prop_assert_eq!(Seats::new(&positions).nearest(&asked), plain(&positions, &asked));
        prop_assert!(!Seats::new(&positions).nearest(&asked).is_empty());
    }

    #[test]
    fn whole_metres_stand_before_the_members(away_m in vec(0.0..1e7, 0..5)) {
        let mut text = b"[".to_vec();
        tell(&mut text, away_m.iter().map(|&away_m| (away_m, br#"{"a":1}"#.as_slice())));
        text.push(b']');
        let told: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let want: Vec<_> = away_m
            .iter()
            .map(|away_m| serde_json::json!({ "distance_m": away_m.trunc().to_string().parse::<u64>().unwrap(), "a": 1 }))
            .collect();
        prop_assert_eq!(told, serde_json::Value::Array(want));
    }
}

#[test]
fn what_is_no_number_finds_nothing_and_is_never_found() {
    let seats = Seats::new(&[(f64::NAN, 1.0), (1.0, f64::INFINITY), (1.0, 1.0)]);
    let asked = |lat, lon, radius_m| seats.nearest(&Question { lat, lon, radius_m, limit: 9 });
    assert_eq!(asked(1.0, 1.0, f64::INFINITY), [Found { away_m: 0.0, place: 2 }]);
    for strange in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(asked(strange, 1.0, 1e9), []);
        assert_eq!(asked(1.0, strange, 1e9), []);
    }
    assert_eq!(asked(1.0, 1.0, f64::NAN), []);
    assert_eq!(asked(1.0, 1.0, -1.0), []);
}
