"""Misread plates: the native matcher against the book, row by row and at random."""

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onepark import _native
from onepark.kernel.types import PlateColor, Vehicle
from tests.reference import plate_match_oracle as oracle
from tests.reference.plate_match_oracle import Report
from tests.reference.plate_oracle import kind as kind_by_form

VECTORS = Path(__file__).parents[1] / "vectors"
PRIOR = json.loads(_native.prior_plate_model())
MODEL = _native.PlateModel(_native.prior_plate_model())
NOON = 1_800_000_000


def rows(name):
    with (VECTORS / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def report(text):
    plate, color, vehicle, at_s = text.split(",")
    return Report(plate, color, vehicle, NOON + int(at_s))


def matched(seen, inside, model=MODEL):
    plate, color, vehicle, at_s = seen
    return model.match(plate, color, vehicle, at_s, inside)


def answered(answer):
    """Verdict and scores, without the reasons."""
    verdict, ranked = answer
    return verdict, [(index, score) for index, score, _ in ranked]


SERIAL = "0123456789ABDEKQSTZIO"
plates = st.one_of(
    st.tuples(st.sampled_from(["苏B", "浙B", "苏E"]), st.text(SERIAL, min_size=5, max_size=5)),
    st.tuples(st.sampled_from(["苏BD", "苏BF"]), st.text("0123456789", min_size=5, max_size=5)),
    st.tuples(st.just("苏B"), st.from_regex("[0-9]{5}[DF]|[A-C0-9]{4}[警学挂]", fullmatch=True)),
).map("".join)


@st.composite
def misread(draw, plate):
    """The plate with up to three characters changed, lost or added."""
    text = list(plate)
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(text)))
        sign = draw(st.sampled_from([*SERIAL, *"苏浙京警领", "?", "😀", "B", "8"]))
        kept = draw(st.integers(0, 2))  # characters that stay: added, replaced, or lost
        text[place : place + (kept > 0)] = [sign] if kept < 2 else []
    return "".join(text)


readings = plates.flatmap(misread)
colors = st.sampled_from([color.value for color in PlateColor])
vehicles = st.sampled_from([*(vehicle.value for vehicle in Vehicle), "tank"])
times = st.integers(NOON - 400_000, NOON + 4_000)
stays = st.builds(Report, readings, colors, vehicles, times)
tiny = st.sampled_from(["", "苏", "B", "8", "无牌车", "苏B", "1" * 12, "1" * 13, "😀" * 200])


@st.composite
def lots(draw):
    """A lot with a reading that is near to one of its stays, mostly."""
    inside = draw(st.lists(stays | st.builds(Report, tiny, colors, vehicles, times), max_size=6))
    near = misread(draw(st.sampled_from(inside)).plate) if inside else readings
    seen = Report(draw(near | readings | tiny), draw(colors), draw(vehicles), NOON)
    return seen, inside


costs = st.integers(1, 12_000)


@st.composite
def models(draw):
    """A model with other prices than the one that ships."""
    body = json.loads(_native.prior_plate_model())
    for part in ("missing", "extra", "dissimilar"):
        body[part] = {name: draw(costs) for name in body[part]}
    body["look_alike"]["8"] = {"B": draw(costs), "3": draw(costs)}
    body["threshold"], body["margin"] = draw(st.integers(-9_000, 9_000)), draw(costs)
    return body


@pytest.mark.parametrize("row", rows("plate_match.tsv"), ids=lambda row: row["story"])
def test_a_reading_finds_its_car(row):
    seen = report(row["seen"])
    inside = [report(text) for text in row["inside"].split(";") if text]
    verdict, ranked = matched(seen, inside)
    best = str(ranked[0][0]) if ranked else "-"
    why = " ".join(ranked[0][2]) if ranked else ""
    assert (verdict, best, why or "-") == (row["verdict"], row["best"], row["why"])
    assert oracle.match(PRIOR, seen, inside) == answered((verdict, ranked))


@settings(max_examples=600, deadline=None)
@given(lots())
def test_the_matcher_goes_by_the_book(lot):
    seen, inside = lot
    assert answered(matched(seen, inside)) == oracle.match(PRIOR, seen, inside)


@settings(max_examples=200, deadline=None)
@given(models(), lots())
def test_the_book_holds_whatever_the_prices(body, lot):
    seen, inside = lot
    native = _native.PlateModel(json.dumps(body))
    assert answered(matched(seen, inside, native)) == oracle.match(body, seen, inside)


@settings(max_examples=250, deadline=None)
@given(lots())
def test_reasons_add_up_to_the_price_of_the_reading(lot):
    seen, inside = lot
    for index, _, reasons in matched(seen, inside)[1]:
        true, said = inside[index].plate, seen.plate
        if "entry_misread" in reasons:
            true, said = said, true
        assert priced(reasons) == oracle.alignment_cost(PRIOR, true, said)


def priced(reasons):
    """What the steps cost that the reasons name."""
    total, seen_tails = 0, set()
    for what, *rest in (reason.split(":") for reason in reasons):
        if what in {"look_alike", "dissimilar", "province"}:
            true, said = (sign if sign != "?" else "foreign" for sign in rest[1:])
            total += oracle.read_cost(PRIOR, true, said)
        elif what.startswith(("missing_", "extra_")):
            side, _, place = what.partition("_")
            again = place == "tail" and what in seen_tails
            seen_tails.add(what)
            total += PRIOR[side]["tail_again" if again else place]
    return total


@settings(max_examples=250, deadline=None)
@given(lots(), st.randoms(use_true_random=False))
def test_the_order_of_the_stays_changes_nothing(lot, random):
    seen, inside = lot
    order = list(range(len(inside)))
    random.shuffle(order)
    verdict, ranked = matched(seen, inside)
    other, mixed = matched(seen, [inside[index] for index in order])
    assert other == verdict
    found = [(score, inside[index].at_s, inside[index].plate) for index, score, _ in ranked]
    again = [(inside[order[index]], score) for index, score, _ in mixed]
    assert [(score, stay.at_s, stay.plate) for stay, score in again] == found


@given(lots())
def test_a_plate_that_is_inside_is_never_taken_for_another(lot):
    seen, inside = lot
    verdict, ranked = matched(seen, inside)
    same = {stay.plate for stay in inside if oracle.agrees(stay.color, seen.color)}
    if seen.plate in same and 0 < len(seen.plate) <= oracle.LENGTH_MAX:
        assert verdict in {"exact", "ambiguous"}
        assert {inside[index].plate for index, _, _ in ranked} == {seen.plate}
    else:
        assert verdict != "exact"


@given(lots())
def test_many_readings_are_matched_as_each_alone(lot):
    seen, inside = lot
    readings = [seen, *inside]
    assert MODEL.match_many(readings, inside) == [matched(one, inside) for one in readings]


@given(st.integers(1, 100_000), st.integers(0, 100_000), st.integers(0, 100_000))
def test_what_was_decided_moves_a_price_as_far_as_it_weighs(weight, made, possible):
    body = json.loads(_native.prior_plate_model())
    made = min(made, possible)
    body["learned"] |= {"weight": weight, "seen": {"8": possible}, "read": {"8": {"B": made}}}
    stay = Report("苏B18345", "blue", "small", NOON - 7_200)
    ranked = matched(stay._replace(plate="苏B1B345"), [stay], _native.PlateModel(json.dumps(body)))
    _, before, _ = matched(stay._replace(plate="苏B1B345"), [stay])[1][0]
    base = PRIOR["look_alike"]["8"]["B"]
    cost = oracle.learned_cost(base, PRIOR["misread"], weight, (made, possible))
    assert ranked[1][0][1] == pytest.approx(before + base - cost, abs=3)


def test_decisions_are_counted_by_what_was_read_for_what():
    pairs = [
        ("苏B1B345", "苏B18345"),
        ("苏B1834", "苏B18345"),
        ("苏B1345", "苏B18345"),
        ("苏BD1234", "苏BD12345"),
        ("苏B18345", "苏B18345"),
        ("京Z99999", "苏B18345"),
    ]
    learned = json.loads(_native.learn_plate_model(_native.prior_plate_model(), pairs))
    assert learned["version"] == PRIOR["version"] + 1
    counts = learned.pop("learned")
    assert counts["pairs"] == 4
    assert counts["read"] == {"8": {"B": 1}}
    assert (counts["missing"]["tail"], counts["missing"]["middle"]) == (2, 1)
    assert counts["seen"]["8"] == 3
    unchanged = PRIOR.keys() - {"version", "learned"}
    assert {name: learned[name] for name in unchanged} == {name: PRIOR[name] for name in unchanged}


@pytest.mark.parametrize(
    ("change", "field", "rule"),
    [
        ({"name": ""}, "name", "text"),
        ({"margin": 0}, "margin", "value"),
        ({"threshold": 30_001}, "threshold", "value"),
        ({"look_alike": {"O": {"0": 5}}}, "look_alike.O", "value"),
        ({"look_alike": {"0": {"DD": 5}}}, "look_alike.0.DD", "value"),
        ({"colour": 1}, "colour", "value"),
    ],
)
def test_a_broken_model_is_refused_by_field_and_rule(change, field, rule):
    with pytest.raises(_native.PlateModelError) as refused:
        _native.PlateModel(json.dumps(PRIOR | change))
    assert (refused.value.args[0], refused.value.args[1]) == (field, rule)


def test_a_city_is_found_again_from_its_packed_words():
    plates = ["苏B12345", "苏B12346", "", "苏BD12345", "无牌车无牌车无牌车"]
    index = _native.PlateIndex(plates)
    again = _native.PlateIndex.from_packed(index.packed())
    assert (len(again), again.packed()) == (5, index.packed())
    asked = ["苏B1234", "苏BI2345", "苏B12345D", "", "😀" * 200]
    assert index.near_many(asked) == again.near_many(asked) == [[0, 1], [0, 1, 3], [0], [], []]
    verdicts = [verdict for verdict, _ in index.lookup_many(MODEL, asked)]
    assert verdicts == ["ambiguous", "exact", "accepted", "none", "none"]


@pytest.mark.parametrize("words", [b"1234567", b"\xff" * 8])
def test_words_that_hold_no_plate_are_refused(words):
    with pytest.raises(ValueError, match="plate"):
        _native.PlateIndex.from_packed(words)


@pytest.mark.parametrize("row", rows("plate_class.tsv"), ids=lambda row: row["text"] or "nothing")
def test_a_plate_is_judged_with_a_reason(row):
    kind, province, authority, color, fault = _native.classify_plate(row["text"], row["color"])
    rule, place = ("-", "-") if fault is None else (fault[0], fault[2])
    found = (kind, province or "-", authority or "-", color, rule)
    names = ("kind", "province", "authority", "judged_color", "rule")
    assert found == tuple(row[name] for name in names)
    assert str("-" if place is None else place) == row["place"]
    assert kind == kind_by_form(row["text"])


@settings(max_examples=600, deadline=None)
@given(readings | tiny | st.text(max_size=20), colors)
def test_only_what_is_no_plate_or_has_another_colour_has_a_fault(text, color):
    kind, _, _, _, fault = _native.classify_plate(text, color)
    assert kind == kind_by_form(text)
    assert (fault is None) == _native.plate_is_plausible(text, color)
    assert fault is None or (fault[0] == "color") == (kind != "none")


@pytest.mark.parametrize("row", rows("plate_color.tsv"), ids=lambda row: " ".join(row.values()))
def test_a_vendors_colour_is_one_of_ours(row):
    code = int(row["code"])
    if row["color"] == "-":
        with pytest.raises(ValueError, match="colour"):
            _native.plate_color(row["system"], code, row["text"])
    else:
        assert _native.plate_color(row["system"], code, row["text"]) == row["color"]
