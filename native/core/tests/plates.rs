//! What holds for every plate, every reading and every model of misreadings.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::sync::LazyLock;

use onepark_core::plate::{
    self, Color, Index, Model, Observation, PAIRS_MAX, Packed, Stay, Verdict,
};
use onepark_core::tariff::Vehicle;
use proptest::prelude::*;
use proptest::sample::{Index as Pick, select};
use serde_json::{Value, json};

fn model() -> &'static Model {
    static PRIOR: LazyLock<Model> = LazyLock::new(|| Model::compile(plate::prior()).unwrap());
    &PRIOR
}

/// Plates of one city: nearly all begin alike, and few characters make them close neighbours.
fn skewed() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "苏B[0-3A8]{5}",
        2 => "苏BD[01AB][0-3]{4}",
        1 => "[苏浙]E[0-2]{5}",
        1 => "苏B[0-9]{4}[警学挂]",
        1 => "京S[0-9]{5}应急",
    ]
}

fn reading() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (skewed(), any::<Pick>(), select(vec!["", "8", "B", "苏", "?", "00"])).prop_map(
            |(plate, at, put)| {
                let mut chars: Vec<String> = plate.chars().map(String::from).collect();
                let at = at.index(chars.len());
                chars[at] = String::from(put);
                chars.concat()
            }
        ),
        2 => (skewed(), "[0-3AB?苏]").prop_map(|(plate, more)| plate + &more),
        1 => skewed(),
        1 => any::<String>(),
        1 => select(vec![String::new(), "😀".repeat(200), "苏".repeat(12), "1".repeat(10)]),
    ]
}

fn color() -> impl Strategy<Value = Color> {
    select(vec![Color::Blue, Color::Yellow, Color::Green, Color::YellowGreen, Color::Unknown])
}

type Car = (String, Color, i64);

fn car() -> impl Strategy<Value = Car> {
    (prop_oneof![4 => skewed(), 1 => reading()], color(), -400_000_i64..1_000)
}

fn stays(cars: &[Car]) -> Vec<Stay<'_>> {
    cars.iter().map(stay).collect()
}

fn stay((plate, color, entered_s): &Car) -> Stay<'_> {
    let vehicle = Some(Vehicle::Small);
    Stay { plate, color: *color, vehicle, entered_s: *entered_s }
}

fn seen(plate: &str, color: Color) -> Observation<'_> {
    Observation { plate, color, vehicle: Some(Vehicle::Small), seen_s: 0 }
}

/// The characters as a lookup sees them: O is 0, I is 1, a foreign character is like no other.
fn signs(text: &str) -> Vec<(char, Option<usize>)> {
    const KNOWN: &str = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新\
        警学挂港澳使领临试超应急民航0123456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    let sign = |(place, c): (usize, char)| match c {
        'O' => ('0', None),
        'I' => ('1', None),
        c if KNOWN.contains(c) => (c, None),
        c => (c, Some(place)),
    };
    text.chars().enumerate().map(sign).collect()
}

/// Levenshtein's distance, plainly; a foreign character of one text never equals one of the other.
fn distance(one: &str, other: &str) -> usize {
    let (one, other) = (signs(one), signs(other));
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let is_same = a == b && a.1.is_none();
            let best = (diagonal + usize::from(!is_same)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = row[j + 1];
            row[j + 1] = best;
        }
    }
    row[other.len()]
}

fn near_by_hand(plates: &[String], seen: &str) -> Vec<u32> {
    let is_near = |plate: &String| {
        let length = plate.chars().count();
        (1..=9).contains(&length) && !seen.is_empty() && distance(plate, seen) <= 1
    };
    (0_u32..).zip(plates).filter(|(_, plate)| is_near(plate)).map(|(id, _)| id).collect()
}

/// Any JSON with the fields of a model.
fn model_like_json() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        any::<i64>().prop_map(Value::from),
        (-40_000_i64..40_000).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(Value::Null),
        Just(json!({})),
        Just(json!([])),
        Just(json!("")),
    ];
    let paths = vec![
        "/name",
        "/version",
        "/misread",
        "/look_alike",
        "/look_alike/8",
        "/look_alike/8/B",
        "/dissimilar/serial",
        "/missing/tail",
        "/extra",
        "/background/ordinary",
        "/background/ordinary/1",
        "/background/prefixes",
        "/prior/stay",
        "/prior/stay/0/until_s",
        "/prior/stay_longer",
        "/threshold",
        "/margin",
        "/learned/weight",
        "/learned/pairs",
        "/learned/seen",
        "/learned/missing/tail",
    ];
    prop::collection::vec((select(paths), number), 1..4).prop_map(|changes| {
        let mut body: Value = serde_json::from_str(plate::prior()).unwrap();
        for (path, value) in changes {
            if let Some(place) = body.pointer_mut(path) {
                *place = value;
            }
        }
        body
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_normalised_plate_is_its_own_spelling(text in prop_oneof![any::<String>(), reading(), "[苏浙]B[OI0-3]{5}"]) {
        let once = plate::normalise(&text);
        prop_assert_eq!(plate::normalise(&once), once.clone());
        let judged = plate::classify(&once, Color::Unknown);
        prop_assert_eq!(judged.fault.is_none(), plate::is_plausible(&once, Color::Unknown));
    }

    #[test]
    fn a_lookup_finds_what_a_search_of_the_whole_list_finds(
        plates in prop::collection::vec(prop_oneof![9 => skewed(), 1 => reading()], 0..120),
        asked in prop::collection::vec(reading(), 1..12),
    ) {
        let index = Index::new(plates.iter().map(String::as_str)).unwrap();
        for seen in &asked {
            prop_assert_eq!(index.near(seen), near_by_hand(&plates, seen), "{}", seen);
        }
        let words = index.plates().iter().map(|plate| Packed::from_word(plate.word()).unwrap());
        let again = Index::from_packed(words.collect()).unwrap();
        for seen in &asked {
            prop_assert_eq!(again.near(seen), index.near(seen));
        }
    }

    #[test]
    fn a_lookup_ranks_as_an_exit_does(
        plates in prop::collection::vec(skewed(), 1..40), plate in reading(),
    ) {
        let (model, index) = (model(), Index::new(plates.iter().map(String::as_str)).unwrap());
        let (verdict, found) = index.find(model, &plate);
        prop_assert!(found.is_sorted_by(|a, b| a.score_milli >= b.score_milli));
        let own = plates.iter().filter(|own| distance(own, &plate) == 0).count();
        prop_assert_eq!(verdict == Verdict::Exact, own == 1);
        if let Some(best) = found.first() {
            let cars: Vec<Car> =
                plates.iter().map(|plate| (plate.clone(), Color::Unknown, -7_200)).collect();
            let answer = model.match_one(&seen(&plate, Color::Unknown), &stays(&cars));
            // The stay speaks for itself, as the list does not: the same car, the same vehicle.
            let own = answer.ranked.iter().find(|one| one.index == best.index);
            prop_assert!(own.is_none_or(|own| own.score_milli == best.score_milli + 400));
        }
    }

    #[test]
    fn nothing_that_is_read_makes_the_matcher_panic(
        plate in reading(), color in color(), cars in prop::collection::vec(car(), 0..8),
        seen_s in any::<i64>(), entered_s in any::<i64>(),
    ) {
        let mut stays = stays(&cars);
        if let Some(stay) = stays.first_mut() {
            stay.entered_s = entered_s;
        }
        let answer = model().match_one(&Observation { seen_s, ..seen(&plate, color) }, &stays);
        prop_assert!(answer.ranked.len() <= 5);
        prop_assert!(answer.ranked.is_sorted_by(|a, b| a.score_milli >= b.score_milli));
        prop_assert!(answer.ranked.iter().all(|one| one.index < stays.len()));
    }

    #[test]
    fn a_crowd_of_others_never_makes_a_car_likelier(
        plate in reading(), color in color(), cars in prop::collection::vec(car(), 1..8), more in car(),
    ) {
        let model = model();
        let before = model.match_one(&seen(&plate, color), &stays(&cars));
        let mut crowd = cars.clone();
        crowd.push((String::from("琼A") + "99999", more.1, more.2));
        let after = model.match_one(&seen(&plate, color), &stays(&crowd));
        if before.verdict == Verdict::None && plate != "琼A99999" {
            prop_assert_ne!(after.verdict, Verdict::Exact);
        }
        if before.verdict == Verdict::Exact {
            prop_assert_eq!(after.ranked[0].index, before.ranked[0].index);
        }
    }

    #[test]
    fn no_text_makes_a_model_panic(body in any::<String>(), value in model_like_json()) {
        let _ = Model::compile(&body);
        if let Ok(model) = Model::compile(&value.to_string()) {
            let cars = [(String::from("苏B12345"), Color::Blue, i64::MIN)];
            let _ = model.match_one(&seen("苏B12B4", Color::Green), &stays(&cars));
        }
    }

    #[test]
    fn what_was_learned_is_a_model_again(pairs in prop::collection::vec((reading(), skewed()), 0..60)) {
        let pairs: Vec<(&str, &str)> =
            pairs.iter().map(|(seen, truth)| (&**seen, &**truth)).collect();
        let once = plate::learn(plate::prior(), &pairs).unwrap();
        let twice = plate::learn(&once, &pairs).unwrap();
        prop_assert_eq!(Model::compile(&twice).unwrap().version(), 3);
        prop_assert_eq!(&plate::learn(plate::prior(), &pairs).unwrap(), &once);
    }
}

#[test]
fn what_is_misread_again_and_again_becomes_cheap_and_stays_bounded() {
    let cars = [(String::from("苏B1K345"), Color::Blue, -7_200)];
    let score = |body: &str| {
        let model = Model::compile(body).unwrap();
        model.match_one(&seen("苏B1M345", Color::Blue), &stays(&cars)).ranked[0].score_milli
    };
    let mut body = String::from(plate::prior());
    let before = score(&body);
    let pairs = vec![("苏B1M345", "苏B1K345"); PAIRS_MAX];
    let mut after = before;
    for _ in 0..25 {
        body = plate::learn(&body, &pairs).unwrap();
        assert!(score(&body) >= after - 50, "more of the same hardly makes it dearer");
        after = score(&body);
    }
    assert!(after >= before + 5_000, "{before} became {after}");
    assert!(body.len() < 10_000, "{} bytes", body.len());
    let file: Value = serde_json::from_str(&body).unwrap();
    assert!(file["learned"]["pairs"].as_u64().unwrap() <= 100_000);
    assert_eq!(file["version"], 26);
}

#[test]
fn somebody_elses_car_teaches_nothing() {
    let body = plate::learn(plate::prior(), &[("苏B12345", "浙A98KK0"), ("", "苏B1")]).unwrap();
    let file: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(file["learned"]["pairs"], 0);
}

#[test]
fn too_many_decisions_at_once_are_refused() {
    let pairs = vec![("苏B1M345", "苏B1K345"); PAIRS_MAX + 1];
    assert_eq!(plate::learn(plate::prior(), &pairs).unwrap_err().field, "pairs");
}
