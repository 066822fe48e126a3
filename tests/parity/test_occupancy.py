"""Counts of cars: the native core against an oracle that looks at every second."""

from array import array
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onepark import _native
from tests.reference import occupancy_oracle as oracle

GROUPS = 3
STILL_INSIDE = 2**32 - 1
Columns: TypeAlias = "tuple[array[int], array[int], array[int]]"
ORDERS = ("unknown", "free", "charged")

seconds = st.integers(0, 120)
groups = st.integers(0, GROUPS - 1)
passages = st.lists(st.tuples(groups, st.sampled_from([1, -1]), seconds), max_size=60)
visits = st.lists(
    st.tuples(groups, seconds, st.none() | st.integers(0, 90)).map(
        lambda one: (one[0], one[1], None if one[2] is None else one[1] + one[2])
    ),
    max_size=30,
)
snapshots = st.lists(st.tuples(groups, seconds, st.integers(0, 9)), max_size=8)
windows = st.tuples(st.integers(0, 60), st.integers(1, 25), st.integers(1, 5))


def columns(rows: list[oracle.Passage], width: str = "H") -> Columns:
    return (
        array(width, [group for group, _, _ in rows]),
        array("b", [delta for _, delta, _ in rows]),
        array("I", [at_s for _, _, at_s in rows]),
    )


def visit_columns(rows: list[oracle.Visit]) -> Columns:
    return (
        array("H", [group for group, _, _ in rows]),
        array("I", [entered_s for _, entered_s, _ in rows]),
        array("I", [STILL_INSIDE if left_s is None else left_s for _, _, left_s in rows]),
    )


def told(counters: _native.Counters) -> list[tuple[int, int, int]]:
    return list(zip(counters.entries(), counters.exits(), counters.occupied(), strict=True))


def counted(rows: list[oracle.Passage], until_s: int) -> list[tuple[int, int, int]]:
    return [
        (
            oracle.entries(rows, group, until_s),
            oracle.exits(rows, group, until_s),
            oracle.occupied(rows, group, until_s),
        )
        for group in range(GROUPS)
    ]


@pytest.mark.parametrize("many", [1, 32_736, 32_737, 2**15, 2**16, 2**16 + 1])
def test_the_last_group_counts_however_many_there_are(many):
    last = many - 1
    rows = [(last, 1, 1), (0, 1, 2), (last, -1, 3), (last // 2, 1, 3), (last, 1, 9)]
    counters = _native.recount(many, *columns(rows, "H" if many <= 2**16 else "I"), 3)
    for group in {0, last // 2, last}:
        assert counters.occupied()[group] == oracle.occupied(rows, group, 3)
    assert (sum(counters.entries()), sum(counters.exits())) == (3, 1)


@pytest.mark.parametrize("rows", [2_047, 2_048, 2_049, 70_000, 200_001])
def test_one_pool_that_takes_every_row_is_counted_to_the_last(rows):
    group, at_s = array("H", [1]) * rows, array("I", range(rows))
    for delta, want in ((1, (rows, 0, rows)), (-1, (0, rows, -rows))):
        assert told(_native.recount(GROUPS, group, array("b", [delta]) * rows, at_s))[1] == want
    half = _native.recount(GROUPS, group, array("b", [1]) * rows, at_s, rows // 2)
    assert told(half)[1] == (rows // 2 + 1, 0, rows // 2 + 1)


@pytest.mark.parametrize("width", ["H", "I"])
@pytest.mark.parametrize("bad", [0, 2_047, 2_048, 4_999])
def test_a_bad_row_is_named_however_deep_it_lies_and_even_after_the_end(width, bad):
    for column, value, refused in ((0, GROUPS, "group"), (1, 2, "delta"), (1, 0, "delta")):
        given_columns = columns([(row % GROUPS, 1, row) for row in range(5_000)], width)
        given_columns[column][bad] = value
        with pytest.raises(_native.ColumnError) as error:
            _native.recount(GROUPS, *given_columns, 1_000)
        assert (error.value.args[0], error.value.args[2]) == (refused, bad)


@settings(max_examples=400, deadline=None)
@given(passages, seconds, st.data())
def test_deltas_a_recount_and_the_oracle_agree_however_the_passages_come(rows, until_s, data):
    assert told(_native.recount(GROUPS, *columns(rows), until_s)) == counted(rows, until_s)
    assert told(_native.recount(GROUPS, *columns(rows, "I"), until_s)) == counted(rows, until_s)
    kept = _native.Counters(GROUPS)
    coming = data.draw(st.permutations(rows))
    while coming:
        many = data.draw(st.integers(1, len(coming)))
        kept.apply(*columns(coming[:many]))
        coming = coming[many:]
    assert told(kept) == told(_native.recount(GROUPS, *columns(rows))) == counted(rows, 10_000)


@settings(max_examples=200, deadline=None)
@given(passages, windows)
def test_a_series_holds_at_the_end_of_each_step_what_the_oracle_counts(rows, window):
    from_s, step_s, steps = window
    series = _native.Series(GROUPS, window)
    series.apply(*columns(rows))
    ends = [from_s + step_s * (step + 1) - 1 for step in range(steps)]
    for group in range(GROUPS):
        held = [oracle.occupied(rows, group, end_s) for end_s in ends]
        assert series.occupied(group) == held
        assert series.peak(group) == max(oracle.occupied(rows, group, from_s - 1), *held)
        ins = [
            oracle.entries(rows, group, end_s) - oracle.entries(rows, group, end_s - step_s)
            for end_s in ends
        ]
        assert [came for came, _ in series.flows(group)] == ins


@settings(max_examples=400, deadline=None)
@given(visits, snapshots, windows)
def test_every_step_is_what_its_seconds_say(rows, counts, window):
    from_s, step_s, steps = window
    shown = _native.timeline(GROUPS, *visit_columns(rows), counts, window)
    expected = [
        oracle.step(rows, counts, group, range(at_s, at_s + step_s))
        for group in range(GROUPS)
        for at_s in range(from_s, from_s + step_s * steps, step_s)
    ]
    assert shown == expected


@settings(max_examples=300, deadline=None)
@given(visits, st.tuples(seconds, seconds).map(sorted), st.data())
def test_the_sums_of_a_span_are_those_of_its_seconds(rows, span, data):
    orders = {at: data.draw(st.sampled_from(ORDERS)) for at in range(len(rows))}
    ended = array("B", [ORDERS.index(orders[at]) for at in range(len(rows))])
    from_s, until_s = span
    assert _native.tally(GROUPS, *visit_columns(rows), ended, (from_s, until_s)) == [
        oracle.sums(rows, orders, group, range(from_s, until_s)) for group in range(GROUPS)
    ]


@settings(max_examples=100, deadline=None)
@given(visits, st.tuples(groups, seconds, st.integers(1, 60)), windows)
def test_a_late_visit_from_before_a_snapshot_moves_raw_and_drift_alone(rows, late, window):
    group, entered_s, stayed_s = late
    counts = [(group, entered_s + stayed_s, 4)]
    window = (entered_s + stayed_s, window[1], window[2])
    before = _native.timeline(GROUPS, *visit_columns(rows), counts, window)
    more = [*rows, (group, entered_s, None)]
    after = _native.timeline(GROUPS, *visit_columns(more), counts, window)
    of_group = slice(group * window[2], (group + 1) * window[2])
    for was, now in zip(before[of_group], after[of_group], strict=True):
        assert now[3] == was[3]
        assert (now[2][0], now[2][1]) == (was[2][0] + 1, was[2][1] + 1)


def test_pools_add_up_to_their_zone():
    counters = _native.recount(4, *columns([(0, 1, 1), (1, 1, 2), (2, -1, 3), (3, 1, 4)]))
    zones = counters.rollup(array("I", [0, 0, 1, 1]), 2)
    assert told(zones) == [(2, 0, 2), (1, 1, 0)]


FIVE = ([0, 1, 2, 0, 1], [1, 1, -1, 1, 1], [5, 6, 7, 8, 9])


def test_a_column_may_be_bytes_an_array_or_any_buffer():
    group, delta, at_s = array("H", FIVE[0]), array("b", FIVE[1]), array("I", FIVE[2])
    wide = array("I", FIVE[0])
    arrays = told(_native.recount(GROUPS, group, delta, at_s))
    for column in (group, wide, group.tobytes(), wide.tobytes(), memoryview(group),
                   memoryview(wide.tobytes()), bytearray(group.tobytes())):  # fmt: skip
        assert told(_native.recount(GROUPS, column, delta.tobytes(), at_s.tobytes())) == arrays
    every_other = array("H", [0, 9, 1, 9, 2, 9, 0, 9, 1, 9])
    assert told(_native.recount(GROUPS, memoryview(every_other)[::2], delta, at_s)) == arrays


@pytest.mark.parametrize(
    ("group", "delta", "at_s", "refused"),
    [
        (array("H", [0, 3]), array("b", [1, 1]), array("I", [1, 2]), ("group", "range", 1)),
        (array("I", [0, 3]), array("b", [1, 1]), array("I", [1, 2]), ("group", "range", 1)),
        (array("H", [0, 0]), array("b", [1, 0]), array("I", [1, 2]), ("delta", "one_car", 1)),
        (array("H", [0, 0]), array("b", [-128, 1]), array("I", [1, 2]), ("delta", "one_car", 0)),
        (array("H", [0]), array("b", [1, 1]), array("I", [1, 2]), ("delta", "same_length", None)),
        (array("H", [0]), array("b", [1]), array("I", [1, 2]), ("at_s", "same_length", None)),
        (array("H", [0]), array("b", [1]), b"abc", ("at_s", "whole", None)),
        (array("H", [0]), array("b", [1]), array("d", [1.0]), ("at_s", "type", None)),
        (array("H", [0]), array("b", [1]), array("q", [1]), ("at_s", "type", None)),
        (array("d", [0.0]), array("b", [1]), array("I", [1]), ("group", "type", None)),
        ([0], array("b", [1]), array("I", [1]), ("group", "type", None)),
        (array("H", [0]), "no buffer", array("I", [1]), ("delta", "type", None)),
    ],
)
def test_a_column_that_means_nothing_is_refused_by_name(group, delta, at_s, refused):
    for count in (lambda *given: _native.recount(GROUPS, *given), _native.Counters(GROUPS).apply,
                  _native.Series(GROUPS, (0, 1, 9)).apply):  # fmt: skip
        with pytest.raises(_native.ColumnError) as error:
            count(group, delta, at_s)
        assert error.value.args[:3] == refused


def test_a_refused_batch_leaves_the_counters_as_they_were():
    counters = _native.Counters(GROUPS)
    with pytest.raises(_native.ColumnError):
        counters.apply(array("H", [0, 7]), array("b", [1, 1]), array("I", [1, 1]))
    assert told(counters) == [(0, 0, 0)] * GROUPS


@pytest.mark.parametrize(
    ("window", "field"),
    [((0, 0, 1), "step_s"), ((0, 1, 0), "steps"), ((0, 1, 200_000), "steps"),
     ((2**32 - 10, 5, 2), "steps"), ((0, 2**32 - 1, 100_000), "steps")],
)  # fmt: skip
def test_a_window_that_means_nothing_is_refused_by_name(window, field):
    with pytest.raises(_native.ColumnError) as error:
        _native.Series(1, window)
    assert error.value.args[0] == field


def test_more_groups_times_steps_than_memory_is_meant_for_are_refused():
    empty = array("H"), array("I"), array("I")
    with pytest.raises(_native.ColumnError) as error:
        _native.Series(1_000, (0, 1, 2_000))
    assert error.value.args[:2] == ("steps", "cells")
    with pytest.raises(_native.ColumnError) as error:
        _native.timeline(1_000, *empty, [], (0, 1, 2_000))
    assert error.value.args[:2] == ("steps", "cells")


@pytest.mark.parametrize("many", [0, 2**20 + 1])
def test_too_many_groups_or_none_are_refused(many):
    with pytest.raises(_native.ColumnError) as error:
        _native.Counters(many)
    assert error.value.args[0] == "groups"


def test_a_visit_that_ends_before_it_begins_is_refused():
    group, entered_s, left_s = array("H", [0]), array("I", [9]), array("I", [8])
    with pytest.raises(_native.ColumnError) as error:
        _native.timeline(1, group, entered_s, left_s, [], (0, 1, 1))
    assert error.value.args[:3] == ("left_s", "forward", 0)
    with pytest.raises(_native.ColumnError) as error:
        _native.tally(1, group, entered_s, left_s, array("B", [1]), (0, 1))
    assert error.value.args[:3] == ("left_s", "forward", 0)
