"""The named points: each is in the code and in the list of the runs, and none is hit by chance."""

import re
import signal
import subprocess
import sys

import pytest

from onepark.infra.settings import SettingsError, from_env
from tests.architecture.source import modules
from tests.faults.faults import KILLED_ELSEWHERE, POINTS

NAMED = re.compile(r'faults\.point\("([^"]+)"\)')
ENV = {
    "ONEPARK_DATABASE_URL": "postgresql://127.0.0.1/onepark",
    "ONEPARK_REDIS_URL": "redis://127.0.0.1/0",
    "ONEPARK_SECRET_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
}
PASSES = """
from onepark.infra import faults
faults.arm({spec!r})
for number in range(1, 4):
    faults.point("stays.locked")
    faults.point("stays.loaded")
    print(number, flush=True)
"""


def test_the_points_of_the_code_are_the_points_of_the_runs():
    named = [name for module in modules() for name in NAMED.findall(module.text)]
    assert sorted(named) == sorted([*POINTS, *KILLED_ELSEWHERE]), "each stands in one place"


@pytest.mark.parametrize(
    ("spec", "passed", "ended_by"),
    [
        ("", "123", 0),
        ("stays.saved", "123", 0),
        ("stays.loaded", "", -signal.SIGKILL),
        ("stays.loaded:3", "12", -signal.SIGKILL),
        ("stays.loaded:4", "123", 0),
    ],
)
def test_a_process_ends_at_its_point_and_in_its_turn_alone(spec, passed, ended_by):
    program = [sys.executable, "-c", PASSES.format(spec=spec)]
    done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=30)
    assert (done.stdout.replace("\n", ""), done.returncode) == (passed, ended_by)


def test_a_city_that_is_no_demonstration_never_kills_itself():
    point = {"ONEPARK_FAULT_POINT": "stays.saved:2"}
    assert from_env(ENV | point | {"ONEPARK_DEMO": "true"}).fault_point == "stays.saved:2"
    with pytest.raises(SettingsError, match="ONEPARK_DEMO"):
        from_env(ENV | point)


@pytest.mark.parametrize("spec", ["saved", "stays.saved:", "stays.saved:0", "Stays.Saved", "a.b c"])
def test_a_point_without_a_form_stops_the_start(spec):
    with pytest.raises(SettingsError):
        from_env(ENV | {"ONEPARK_DEMO": "true", "ONEPARK_FAULT_POINT": spec})
