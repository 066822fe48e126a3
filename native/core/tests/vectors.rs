//! The rows that both languages read: `tests/vectors/*.tsv`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use onepark_core::plate::{self, Color, ColorSystem, Model, Observation, Stay};
use onepark_core::tariff::{Calendar, Carry, Coupon, FIRST_S, Plan, Span, Terms, Traits, Vehicle};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn rows(file: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(root().join("tests/vectors").join(file)).unwrap();
    let cells = |line: &str| line.split('\t').map(String::from).collect();
    text.lines().skip(1).map(cells).collect()
}

/// Read `YYYY-MM-DDTHH:MM:SS+08:00` as epoch seconds.
fn instant(text: &str) -> i64 {
    assert!(text.ends_with("+08:00"), "{text}");
    let number = |range: std::ops::Range<usize>| text[range].parse::<i64>().unwrap();
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    let (shifted, year) = ((month + 9) % 12, year - i64::from(month < 3));
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (shifted * 306 + 5) / 10 + day - 1;
    let seconds = number(11..13) * 3_600 + number(14..16) * 60 + number(17..19);
    (days - 719_468) * 86_400 + seconds - 28_800
}

fn carry(anchor: &str, fen: &str) -> Option<Carry> {
    (anchor != "-").then(|| Carry { anchor_s: instant(anchor), charged_fen: fen.parse().unwrap() })
}

/// `electric+zone=side+used=1+minutes:240`: traits, zone, free visits used, coupons.
fn terms(words: &str) -> Terms {
    let mut terms = Terms::default();
    for word in words.split('+').filter(|&word| word != "-") {
        if let Some(zone) = word.strip_prefix("zone=") {
            terms.zone = Some(String::from(zone));
        } else if let Some(used) = word.strip_prefix("used=") {
            terms.free_visits_used = used.parse().unwrap();
        } else if let Some((kind, value)) = word.split_once(':') {
            terms.coupons.push(Coupon::parse(kind, value.parse().unwrap()).unwrap());
        } else {
            terms.traits = terms.traits.with(Traits::parse(word).unwrap());
        }
    }
    terms
}

/// `golden_week:2025-10-01..2025-10-08`: weekdays, but for those days.
fn calendar(words: &str) -> Calendar {
    const KINDS: [&str; 6] =
        ["workday", "makeup_workday", "weekend", "short_holiday", "golden_week", "spring_festival"];
    let usual = Calendar::of_weekdays();
    let Some((kind, (first, last))) =
        words.split_once(':').map(|(kind, days)| (kind, days.split_once("..").unwrap()))
    else {
        return usual;
    };
    let day = |date: &str| {
        let midnight_s = instant(&format!("{date}T00:00:00+08:00"));
        usize::try_from((midnight_s - FIRST_S) / 86_400).unwrap()
    };
    let own = u8::try_from(KINDS.iter().position(|&known| known == kind).unwrap()).unwrap();
    let code = |n| if n >= day(first) { own } else { usual.kind(n) as u8 };
    Calendar::published(&(0..=day(last)).map(code).collect::<Vec<u8>>()).unwrap()
}

#[test]
fn every_worked_fee_comes_out() {
    for row in rows("tariff.tsv") {
        let body = fs::read_to_string(root().join(&row[0])).unwrap();
        let plan = Plan::compile(&body, &calendar(&row[10])).unwrap();
        let span = Span {
            vehicle: Vehicle::parse(&row[1]).unwrap(),
            entered_s: instant(&row[2]),
            until_s: instant(&row[3]),
            carry: carry(&row[4], &row[5]),
            terms: &terms(&row[9]),
        };
        let quote = plan.price(&span).unwrap();
        let found = (quote.amount_fen, quote.carry);
        assert_eq!(found, (row[6].parse().unwrap(), carry(&row[7], &row[8])), "{row:?}");
        assert_eq!(plan.fee_fen(&span), Ok(quote.amount_fen), "{row:?}");
        let sum: i64 = quote.lines.iter().map(|line| line.amount_fen).sum();
        assert_eq!(sum, quote.amount_fen, "{row:?}");
    }
}

#[test]
fn every_broken_plan_is_refused_by_field_and_rule() {
    for row in rows("tariff_invalid.tsv") {
        let error = Plan::compile(&row[2], &Calendar::of_weekdays()).unwrap_err();
        assert_eq!(
            (error.field.as_str(), error.rule),
            (row[0].as_str(), row[1].as_str()),
            "{row:?}"
        );
    }
}

#[test]
fn every_plate_is_spelled_and_judged() {
    for row in rows("plate.tsv") {
        let text = plate::normalise(&row[0]);
        assert_eq!(text, row[1], "{row:?}");
        let color = Color::parse(&row[2]).unwrap();
        assert_eq!(plate::is_plausible(&text, color), row[3] == "yes", "{row:?}");
    }
}

fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| String::from("-"))
}

#[test]
fn every_plate_is_classified_with_a_reason() {
    for row in rows("plate_class.tsv") {
        let judged = plate::classify(&row[0], Color::parse(&row[1]).unwrap());
        let found = [
            String::from(judged.kind.as_str()),
            or_dash(judged.province.map(String::from)),
            or_dash(judged.authority.map(String::from)),
            String::from(judged.color.as_str()),
            or_dash(judged.fault.map(|fault| String::from(fault.rule))),
            or_dash(judged.fault.and_then(|fault| fault.place).map(|place| place.to_string())),
        ];
        assert_eq!(found, row[2..8], "{row:?}");
    }
}

#[test]
fn every_vendors_colour_is_one_of_ours() {
    for row in rows("plate_color.tsv") {
        let system = ColorSystem::parse(&row[0]);
        let color = system.and_then(|system| system.color(row[1].parse().unwrap()));
        let name = color.map(|color| plate::classify(&row[2], color).color.as_str());
        assert_eq!(or_dash(name.map(String::from)), row[3], "{row:?}");
    }
}

type Report = (String, Color, Option<Vehicle>, i64);

fn stay((plate, color, vehicle, entered_s): &Report) -> Stay<'_> {
    Stay { plate, color: *color, vehicle: *vehicle, entered_s: *entered_s }
}

/// Read `plate,colour,vehicle,seconds from noon`.
fn report(text: &str) -> Report {
    let cells: Vec<&str> = text.split(',').collect();
    let color = Color::parse(cells[1]).unwrap();
    (String::from(cells[0]), color, Vehicle::parse(cells[2]), cells[3].parse().unwrap())
}

#[test]
fn every_reading_finds_its_car() {
    let model = Model::compile(plate::prior()).unwrap();
    for row in rows("plate_match.tsv") {
        let inside: Vec<_> =
            row[2].split(';').filter(|text| !text.is_empty()).map(report).collect();
        let stays: Vec<Stay<'_>> = inside.iter().map(stay).collect();
        let (plate, color, vehicle, seen_s) = report(&row[1]);
        let seen = Observation { plate: &plate, color, vehicle, seen_s };
        let answer = model.match_one(&seen, &stays);
        let best = answer.ranked.first();
        let why = best.map(|best| best.reasons.join(" ")).filter(|why| !why.is_empty());
        let found = [
            String::from(answer.verdict.as_str()),
            or_dash(best.map(|best| best.index.to_string())),
            or_dash(why),
        ];
        assert_eq!(found, row[3..6], "{row:?}");
    }
}
