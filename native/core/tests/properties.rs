//! What holds for every plan and every span.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use onepark_core::tariff::{Calendar, Carry, FIRST_S, LAST_S, PLAIN, Plan, Quote, Span, Vehicle};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

const DAY_S: i64 = 86_400;

/// Tiers of whole units: (units, unit minutes, price fen), the last one open.
fn tiers() -> impl Strategy<Value = Value> {
    let tier = (1_i64..4, select(vec![15_i64, 20, 30, 45, 60, 120]), 0_i64..1_000);
    prop::collection::vec(tier, 1..5).prop_map(|tiers| {
        let (last, mut until) = (tiers.len() - 1, 0);
        let tier = |(index, (units, unit, price)): (usize, (i64, i64, i64))| {
            until += units * unit;
            let end = if index == last { Value::Null } else { json!(until) };
            json!({"until_minutes": end, "unit_minutes": unit, "price_fen": price * 10})
        };
        tiers.into_iter().enumerate().map(tier).collect()
    })
}

fn clock(minutes: i64) -> String {
    format!("{:02}:{:02}", minutes / 60 % 24, minutes % 60)
}

/// Windows that do not overlap, some of them over midnight; or one that never ends.
fn windows() -> impl Strategy<Value = Value> {
    let edges = subsequence((0..96).map(|quarter| quarter * 15).collect::<Vec<i64>>(), 2..=6);
    let some = (edges, prop::collection::vec(tiers(), 6), any::<bool>()).prop_map(
        |(mut edges, tiers, over_midnight)| {
            if over_midnight {
                edges.rotate_left(1);
            }
            let pair = |(pair, tiers): (&[i64], Value)| match pair {
                [from, to] => Some(json!(
                    {"name": "w", "from": clock(*from), "to": clock(*to), "tiers": tiers}
                )),
                _ => None,
            };
            edges.chunks(2).zip(tiers).filter_map(pair).collect()
        },
    );
    let whole = tiers()
        .prop_map(|tiers| json!([{"name": "w", "from": "00:00", "to": "24:00", "tiers": tiers}]));
    prop_oneof![3 => some, 1 => whole]
}

fn caps() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({})),
        (0_i64..9_000).prop_map(|fen| json!({"natural_day_fen": fen * 10})),
        (0_i64..9_000, any::<bool>()).prop_map(
            |(fen, across)| json!({"rolling_24h_fen": fen * 10, "across_visits": across})
        ),
    ]
}

fn plan() -> impl Strategy<Value = Plan> {
    let free = (select(vec![0_i64, 15, 30, 60, 1_440]), select(vec!["deduct", "absorb"]));
    let restart = select(vec!["never", "every_24h", "every_day"]);
    (windows(), caps(), free, restart, select(vec!["stay", "window"])).prop_filter_map(
        "a tier that parking never reaches",
        |(windows, caps, (minutes, mode), restart, tier_clock)| {
            let body = json!({
                "windows": windows, "caps": caps, "restart": restart, "tier_clock": tier_clock,
                "free": {"minutes": minutes, "mode": mode},
                "vehicles": {"large": {"price_permille": 1500, "cap_permille": 1500}},
            });
            match Plan::compile(&body.to_string(), &Calendar::of_weekdays()) {
                Err(error) if error.rule == "tier_reach" => None,
                compiled => Some(compiled.unwrap()),
            }
        },
    )
}

/// Any JSON made of the words of the language.
fn plan_like_json() -> impl Strategy<Value = Value> {
    const WORDS: &[&str] = &[
        "source",
        "price_form",
        "free",
        "minutes",
        "mode",
        "grant",
        "windows",
        "name",
        "from",
        "to",
        "tiers",
        "until_minutes",
        "unit_minutes",
        "price_fen",
        "boundary",
        "rounding",
        "restart",
        "tier_clock",
        "caps",
        "natural_day_fen",
        "rolling_24h_fen",
        "across_visits",
        "night_pack",
        "enter_from",
        "leave_by",
        "max_units",
        "after_free",
        "vehicles",
        "large",
        "price_permille",
        "cap_permille",
        "exit_grace_minutes",
        "outside",
        "days",
        "season",
        "steps",
        "total_fen",
        "cap_fen",
        "counts",
        "over_minutes",
        "as_minutes",
        "crossing",
        "inclusive",
        "part",
        "tail_minutes",
        "quota",
        "visits",
        "per",
        "then_minutes",
        "electric_minutes",
        "zones",
        "exempt",
        "discounts",
        "traits",
        "off_permille",
        "discount_rounding",
        "to_fen",
        "uncapped",
        "small",
        "workday",
        "golden_week",
        "holiday",
        "03-15",
        "unit_start",
        "tail",
        "24h",
        "day",
        "electric",
        "half_up",
        "00:00",
        "24:00",
        "never",
        "window",
        "absorb",
        "up",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0_i64..2_000).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        select(WORDS).prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        let object = prop::collection::vec((select(WORDS), inner.clone()), 0..8);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            object.prop_map(|entries| {
                entries.into_iter().map(|(key, value)| (String::from(key), value)).collect()
            }),
        ]
    })
}

fn span() -> impl Strategy<Value = Span<'static>> {
    let stay = prop_oneof![0..3_600_i64, 0..3 * DAY_S, 0..4_000 * DAY_S];
    let carry = prop::option::of((-2 * DAY_S..2 * DAY_S, 0..20_000_i64));
    let vehicle = select(vec![Vehicle::Small, Vehicle::Large]);
    (FIRST_S..LAST_S - 4_000 * DAY_S, stay, carry, vehicle).prop_map(
        |(entered_s, stay_s, carry, vehicle)| {
            let carry = carry
                .map(|(ago_s, charged_fen)| Carry { anchor_s: entered_s - ago_s, charged_fen });
            Span { entered_s, until_s: entered_s + stay_s, vehicle, carry, terms: &PLAIN }
        },
    )
}

fn explains_itself(quote: &Quote<'_>, span: &Span<'_>) {
    assert_eq!(quote.lines.iter().map(|line| line.amount_fen).sum::<i64>(), quote.amount_fen);
    assert!(quote.amount_fen >= 0);
    for line in &quote.lines {
        assert_eq!(line.units * line.unit_price_fen, line.amount_fen);
        assert!(span.entered_s <= line.from_s && line.until_s <= span.until_s);
        assert!(line.from_s < line.until_s);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn lines_add_up_and_no_amount_is_negative(plan in plan(), span in span()) {
        explains_itself(&plan.price(&span).unwrap(), &span);
    }

    #[test]
    fn who_stays_longer_never_pays_less(plan in plan(), span in span(), more_s in 0..2 * DAY_S) {
        let longer = Span { until_s: span.until_s + more_s, ..span };
        let amount_fen = |span| plan.price(span).unwrap().amount_fen;
        prop_assert!(amount_fen(&span) <= amount_fen(&longer));
    }

    #[test]
    fn a_day_later_costs_the_same(plan in plan(), span in span(), days in 0..30_i64) {
        let shift_s = days * DAY_S;
        let carry = span.carry.map(|c| Carry { anchor_s: c.anchor_s + shift_s, ..c });
        let entered_s = span.entered_s + shift_s;
        let later = Span { entered_s, until_s: span.until_s + shift_s, carry, ..span };
        prop_assume!(later.until_s < LAST_S);
        let amount_fen = |span| plan.price(span).unwrap().amount_fen;
        prop_assert_eq!(amount_fen(&span), amount_fen(&later));
    }

    #[test]
    fn a_day_that_begins_anew_costs_the_same_in_two_visits(
        windows in windows(), entered_s in FIRST_S..LAST_S - 100 * DAY_S, days in 1..40_i64,
        more_s in 1..2 * DAY_S,
    ) {
        let body = json!({"windows": windows, "restart": "every_day", "tier_clock": "window"});
        let plan = Plan::compile(&body.to_string(), &Calendar::of_weekdays()).unwrap();
        let midnight_s = entered_s - (entered_s - FIRST_S).rem_euclid(DAY_S) + days * DAY_S;
        let until_s = midnight_s + more_s;
        let fee = |entered_s, until_s| {
            let vehicle = Vehicle::Small;
            plan.fee_fen(&Span { entered_s, until_s, vehicle, carry: None, terms: &PLAIN }).unwrap()
        };
        let (first, second) = (fee(entered_s, midnight_s), fee(midnight_s, until_s));
        prop_assert_eq!(first + second, fee(entered_s, until_s));
    }

    #[test]
    fn what_a_table_says_is_what_the_walk_says(plan in plan(), span in span()) {
        let span = Span { carry: None, ..span };
        prop_assert_eq!(plan.fee_fen(&span).unwrap(), plan.price(&span).unwrap().amount_fen);
    }

    #[test]
    fn the_next_change_is_the_first_second_that_costs_more(plan in plan(), span in span()) {
        prop_assume!(span.until_s + 40 * DAY_S < LAST_S);
        let fee = |until_s| plan.fee_fen(&Span { until_s, ..span }).unwrap();
        let now_fen = fee(span.until_s);
        let Some(next) = plan.next_change(&span).unwrap() else {
            prop_assert_eq!(fee(span.until_s + 31 * DAY_S), now_fen);
            return Ok(());
        };
        prop_assert!(next.amount_fen > now_fen && next.at_s > span.until_s);
        prop_assert_eq!((fee(next.at_s - 1), fee(next.at_s)), (now_fen, next.amount_fen));
    }

    #[test]
    fn a_quote_stays_short_however_long_the_stay(plan in plan(), span in span()) {
        prop_assert!(plan.price(&span).unwrap().lines.len() <= 1_000);
    }

    #[test]
    fn no_text_makes_the_compiler_panic(body in any::<String>()) {
        let _ = Plan::compile(&body, &Calendar::of_weekdays());
    }

    #[test]
    fn no_json_makes_the_compiler_panic(value in plan_like_json()) {
        let _ = Plan::compile(&value.to_string(), &Calendar::of_weekdays());
    }

    #[test]
    fn no_span_makes_the_engine_panic(
        plan in plan(), entered_s in any::<i64>(), until_s in any::<i64>(),
        carry in prop::option::of((any::<i64>(), any::<i64>())),
    ) {
        let carry = carry.map(|(anchor_s, charged_fen)| Carry { anchor_s, charged_fen });
        for (entered_s, until_s) in [(entered_s, until_s), (FIRST_S, until_s), (FIRST_S, LAST_S - 1)] {
            let _ = plan.price(&Span { entered_s, until_s, vehicle: Vehicle::Small, carry, terms: &PLAIN });
        }
    }
}
