"""Plates: the native grammar against rows that both languages read, and against expressions."""

import csv
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onepark import _native
from onepark.kernel.types import PlateColor
from tests.reference.plate_oracle import FORMS, is_plausible, normalise

VECTORS = Path(__file__).parents[1] / "vectors" / "plate.tsv"

with VECTORS.open(encoding="utf-8") as file:
    ROWS = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))

colors = st.sampled_from([color.value for color in PlateColor])
# Nearly right, so that both answers occur.
nearly = st.one_of(
    st.from_regex(FORMS["unknown"].replace(r"\d", "[0-9]"), fullmatch=True),
    st.lists(
        st.sampled_from([*"苏粤京使领警学挂港澳临试应急民航WJABDKIO0123456789·- ＡＢ１２ab"]),
        max_size=9,
    ).map("".join),
    st.tuples(
        st.sampled_from(["苏B", "粤Z", "WJ", "民航"]), st.text("ABDKZO0123456789警", max_size=7)
    ).map("".join),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['text']} {row['color']}")
def test_a_plate_is_spelled_and_judged(row):
    text = _native.normalise_plate(row["text"])
    assert text == row["normalised"] == normalise(row["text"])
    expected = row["plausible"] == "yes"
    assert _native.plate_is_plausible(text, row["color"]) is expected
    assert is_plausible(text, row["color"]) is expected


@settings(max_examples=3_000, deadline=None)
@given(nearly, colors)
def test_grammar_and_expressions_agree(text, color):
    spelled = _native.normalise_plate(text)
    assert _native.plate_is_plausible(spelled, color) == is_plausible(spelled, color)


@settings(max_examples=2_000, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])) | nearly)
def test_one_spelling_in_both_languages(text):
    assert _native.normalise_plate(text) == normalise(text)


def test_a_colour_that_is_none_is_refused():
    with pytest.raises(ValueError, match="colour"):
        _native.plate_is_plausible("苏B12345", "pink")
