"""What a load run must reach."""

import pytest

from loadtests.common.thresholds import FILE, Reached, breaches, read
from loadtests.run import SCENARIOS

GOOD = Reached("/v1/x", requests=200, failed=0, per_s=20.0, p50_ms=5, p95_ms=20, p99_ms=90)
LIMITS = {
    "failed_share_max": 0.0,
    "p50_ms_max": 10.0,
    "p95_ms_max": 20.0,
    "p99_ms_max": 100.0,
    "per_s_min": 20.0,
    "requests_min": 200.0,
}


def test_what_is_reached_to_the_dot_is_enough():
    assert breaches({"/v1/x": LIMITS}, [GOOD]) == []


@pytest.mark.parametrize(
    ("worse", "limit"),
    [
        ({"failed": 1}, "failed_share_max"),
        ({"p50_ms": 11}, "p50_ms_max"),
        ({"p95_ms": 21}, "p95_ms_max"),
        ({"p99_ms": 101}, "p99_ms_max"),
        ({"per_s": 19.9}, "per_s_min"),
        ({"requests": 199}, "requests_min"),
    ],
)
def test_a_breach_is_named_with_what_was_reached(worse, limit):
    [told] = breaches({"/v1/x": LIMITS}, [GOOD._replace(**worse)])
    assert told.startswith(f"/v1/x: {limit} is {LIMITS[limit]:g}, reached ")


def test_a_request_that_nobody_made_breaks_what_asks_for_it():
    assert breaches({"/v1/y": {"requests_min": 1.0, "p99_ms_max": 5.0}}, [GOOD]) == [
        "/v1/y: requests_min is 1, reached 0"
    ]


def test_a_scenario_adds_to_what_holds_for_all_and_replaces_it(tmp_path):
    file = tmp_path / "t.toml"
    file.write_text(
        "[all.a]\np50_ms_max = 1\np99_ms_max = 2\n[mine.a]\np99_ms_max = 3\n[mine.b]\nper_s_min = 4"
    )
    assert read("mine", file) == {"a": {"p50_ms_max": 1, "p99_ms_max": 3}, "b": {"per_s_min": 4}}
    assert read("other", file) == {"a": {"p50_ms_max": 1, "p99_ms_max": 2}}


def test_a_word_that_is_no_limit_is_refused(tmp_path):
    file = tmp_path / "t.toml"
    file.write_text("[all.a]\np90_ms_max = 1")
    with pytest.raises(ValueError, match=r"t\.toml: a has no limit p90_ms_max"):
        read("mine", file)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_file_of_the_project_is_right_for_every_scenario(scenario):
    limits = read(scenario, FILE)
    assert limits["total"]["failed_share_max"] < 0.01
