//! The rows that both languages read: `tests/vectors/*.tsv`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use onepark_core::plate::{self, Color};
use onepark_core::tariff::{Calendar, Carry, PLAIN, Plan, Span, Vehicle};

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

#[test]
fn every_worked_fee_comes_out() {
    let calendar = Calendar::of_weekdays();
    for row in rows("tariff.tsv") {
        let plan =
            Plan::compile(&fs::read_to_string(root().join(&row[0])).unwrap(), &calendar).unwrap();
        let quote = plan
            .price(&Span {
                vehicle: Vehicle::parse(&row[1]).unwrap(),
                entered_s: instant(&row[2]),
                until_s: instant(&row[3]),
                carry: carry(&row[4], &row[5]),
                terms: &PLAIN,
            })
            .unwrap();
        let found = (quote.amount_fen, quote.carry);
        assert_eq!(found, (row[6].parse().unwrap(), carry(&row[7], &row[8])), "{row:?}");
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
