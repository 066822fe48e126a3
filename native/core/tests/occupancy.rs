//! What holds for every set of passages and visits.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use onepark_core::occupancy::{
    Anchor, Counters, Ended, Flow, Passages, STILL_INSIDE, Series, Visits, Window, tally, timeline,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

type Row = (u16, i8, u32);

fn rows(groups: u16, most: usize) -> impl Strategy<Value = Vec<Row>> {
    vec((0..groups, select(vec![1_i8, -1]), 0_u32..5_000), 0..most)
}

struct Columns(Vec<u16>, Vec<i8>, Vec<u32>);

fn columns(rows: &[Row]) -> Columns {
    let pick = rows.iter().copied();
    Columns(
        pick.clone().map(|row| row.0).collect(),
        pick.clone().map(|row| row.1).collect(),
        pick.map(|row| row.2).collect(),
    )
}

impl Columns {
    fn passages(&self) -> Passages<'_, u16> {
        Passages::new(&self.0, &self.1, &self.2).unwrap()
    }
}

/// Row by row, plainly.
fn plain(groups: u16, rows: &[Row], until_s: u32) -> Vec<Flow> {
    let of = |group: u16, sign: i8| {
        let is_one = |row: &&Row| row.0 == group && row.1 == sign && row.2 <= until_s;
        u64::try_from(rows.iter().filter(is_one).count()).unwrap()
    };
    (0..groups).map(|group| Flow { entries: of(group, 1), exits: of(group, -1) }).collect()
}

proptest! {
    #[test]
    fn deltas_in_any_split_and_a_recount_come_to_the_same(
        rows in rows(5, 3_000), cut in any::<prop::sample::Index>(), until_s in 0_u32..5_200,
    ) {
        let whole = columns(&rows);
        let recounted = Counters::recount(5, &whole.passages(), u32::MAX).unwrap();
        let (first, second) = rows.split_at(cut.index(rows.len() + 1));
        let mut kept = Counters::new(5).unwrap();
        kept.apply(&columns(second).passages()).unwrap();
        kept.apply(&columns(first).passages()).unwrap();
        prop_assert_eq!(&kept, &recounted);
        let wide: Vec<u32> = whole.0.iter().map(|&group| u32::from(group)).collect();
        let passages = Passages::new(&wide, &whole.1, &whole.2).unwrap();
        for end in [until_s, u32::MAX] {
            let narrow = Counters::recount(5, &whole.passages(), end).unwrap();
            prop_assert_eq!(narrow.flows(), plain(5, &rows, end));
            prop_assert_eq!(narrow, Counters::recount(5, &passages, end).unwrap());
        }
    }

    #[test]
    fn a_series_runs_up_to_what_a_recount_holds_at_the_end_of_each_step(
        rows in rows(3, 200), from_s in 0_u32..3_000, step_s in 1_u32..400, steps in 1_u32..20,
    ) {
        let window = Window::new(from_s, step_s, steps).unwrap();
        let mut series = Series::new(3, window).unwrap();
        series.apply(&columns(&rows).passages()).unwrap();
        for group in 0_u16..3 {
            let held: Vec<i64> = (1..=steps)
                .map(|step| plain(3, &rows, from_s + step * step_s - 1)[usize::from(group)])
                .map(Flow::occupied)
                .collect();
            prop_assert_eq!(series.occupied(u32::from(group)), held);
        }
    }

    #[test]
    fn pools_add_up_to_their_lot(rows in rows(6, 300)) {
        let counters = Counters::recount(6, &columns(&rows).passages(), u32::MAX).unwrap();
        let lots = counters.rollup(&[0, 0, 1, 1, 1, 2], 3).unwrap();
        let sum = |from: usize, until: usize| {
            counters.flows()[from..until].iter().fold(Flow::default(), |sum, flow| Flow {
                entries: sum.entries + flow.entries,
                exits: sum.exits + flow.exits,
            })
        };
        prop_assert_eq!(lots.flows(), [sum(0, 2), sum(2, 5), sum(5, 6)]);
    }

    #[test]
    fn nothing_in_columns_makes_it_panic(
        group in vec(any::<u32>(), 0..40), delta in vec(any::<i8>(), 0..40),
        at_s in vec(any::<u32>(), 0..40), groups in any::<u32>(),
        window in (any::<u32>(), any::<u32>(), any::<u32>()),
    ) {
        let groups = groups % 2_000_000;
        if let Ok(passages) = Passages::new(&group, &delta, &at_s) {
            let _ = Counters::recount(groups, &passages, u32::MAX);
        }
        let windows = Window::new(window.0, window.1, window.2 % 1_000);
        if let (Ok(visits), Ok(window)) = (Visits::new(groups, &group, &at_s, &at_s), windows) {
            let _ = timeline(groups % 64, &visits, &[], window);
            let _ = tally(groups % 64, &visits, &vec![1; group.len()], window.steps(), u32::MAX);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn many_blocks_are_counted_row_for_row(
        rows in vec((0_u16..40, select(vec![1_i8, -1]), 0_u32..50), 4_000..14_000),
        until_s in 0_u32..60, bad in any::<prop::sample::Index>(),
    ) {
        let columns = columns(&rows);
        for end in [until_s, u32::MAX] {
            let counted = Counters::recount(40, &columns.passages(), end).unwrap();
            prop_assert_eq!(counted.flows(), plain(40, &rows, end));
        }
        let row = bad.index(rows.len());
        let mut group = columns.0.clone();
        group[row] = 40;
        let passages = Passages::new(&group, &columns.1, &columns.2).unwrap();
        let refused = Counters::recount(40, &passages, until_s).unwrap_err();
        prop_assert_eq!((refused.field, refused.row), ("group", Some(row)));
        let mut delta = columns.1.clone();
        delta[row] = 3;
        let passages = Passages::new(&columns.0, &delta, &columns.2).unwrap();
        let refused = Counters::recount(40, &passages, until_s).unwrap_err();
        prop_assert_eq!((refused.field, refused.row), ("delta", Some(row)));
    }
}

#[test]
fn a_bad_row_far_down_is_named_and_nothing_of_the_batch_is_counted() {
    let rows = vec![(1_u16, 1_i8, 7_u32); 5_000];
    for (row, bad, field) in [(4_999, (2, 1, 7), "group"), (2_048, (1, 2, 7), "delta")] {
        let mut rows = rows.clone();
        rows[row] = bad;
        let columns = columns(&rows);
        let refused = Counters::recount(2, &columns.passages(), u32::MAX).unwrap_err();
        assert_eq!((refused.field, refused.row), (field, Some(row)));
        let mut counters = Counters::new(2).unwrap();
        assert_eq!(counters.apply(&columns.passages()).unwrap_err(), refused);
        assert_eq!(counters, Counters::new(2).unwrap());
    }
    for delta in (i8::MIN..=i8::MAX).filter(|delta| delta.abs_diff(0) != 1) {
        let columns = columns(&[(0, delta, 7)]);
        assert!(Counters::recount(1, &columns.passages(), 0).is_err(), "{delta}");
    }
}

#[test]
fn columns_of_different_lengths_are_refused_by_name() {
    let refused = Passages::new(&[0_u16], &[], &[1]).unwrap_err();
    assert_eq!((refused.field, refused.rule), ("delta", "same_length"));
    let refused = Passages::new(&[0_u16], &[1], &[]).unwrap_err();
    assert_eq!((refused.field, refused.rule), ("at_s", "same_length"));
    let refused = Visits::new(1, &[0_u16], &[5], &[4]).unwrap_err();
    assert_eq!((refused.field, refused.rule), ("left_s", "forward"));
    assert_eq!(Counters::new(0).unwrap_err().field, "groups");
    assert_eq!(Window::new(0, 0, 1).unwrap_err().field, "step_s");
    assert_eq!(Window::new(u32::MAX - 5, 3, 2).unwrap_err().field, "steps");
}

#[test]
fn a_snapshot_shifts_what_is_calibrated_and_leaves_what_was_counted() {
    let visits = Visits::new(1, &[0_u16, 0], &[10, 25], &[30, STILL_INSIDE]).unwrap();
    let anchors = [Anchor { group: 0, at_s: 20, occupied: 5 }];
    let steps = timeline(1, &visits, &anchors, Window::new(10, 10, 3).unwrap()).unwrap();
    let raw: Vec<_> =
        steps.iter().map(|step| (step.raw.first, step.raw.max, step.raw.last)).collect();
    assert_eq!(raw, [(1, 1, 1), (1, 2, 2), (1, 1, 1)]);
    let calibrated: Vec<_> = steps
        .iter()
        .map(|step| step.calibrated.map(|level| (level.last, level.bay_seconds)))
        .collect();
    assert_eq!(calibrated, [None, Some((6, 55)), Some((5, 50))]);
}

#[test]
fn sums_of_a_span_know_where_a_visit_lies_in_it() {
    let (group, entered_s) = ([0_u16; 4], [5, 10, 12, 19]);
    let visits = Visits::new(1, &group, &entered_s, &[15, 12, STILL_INSIDE, 25]).unwrap();
    let [sums] = tally(1, &visits, &[2, 1, 0, 2], 10, 20).unwrap()[..] else { panic!("one group") };
    assert_eq!((sums.entries, sums.exits, sums.orders, sums.charged), (3, 2, 2, 1));
    assert_eq!((sums.stayed_s, sums.bay_seconds), (10 + 2, 5 + 2 + 8 + 1));
    assert_eq!(Ended::parse(3), None);
    assert_eq!(tally(1, &visits, &[2, 1, 0, 3], 10, 20).unwrap_err().row, Some(3));
}
