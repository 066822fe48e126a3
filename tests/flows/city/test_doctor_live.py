"""`onepark doctor --live` against a city that runs."""

import subprocess
import sys

from tests.flows.city.served import City, soon


def asked(city: City, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "onepark.app.cli", "doctor", "--data-dir", str(city.data)]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_a_city_that_is_served_is_asked_and_its_worker_is_found(city: City):
    for lot in city.lots:
        for gate in (lot.entry, lot.exit):
            assert gate.commands() == []
            gate.pass_by("exit", "")
    soon(lambda: "the worker works" in asked(city, "--live", city.base_url)[1])
    status, said = asked(city, "--live", city.base_url)
    assert f"OnePark runs at {city.base_url}" in said
    assert "it is ready" in said
    assert "the clock" in said
    assert (status, "WRONG" in said) in {(0, False), (1, True)}, said


def test_a_city_that_is_not_there_is_told(city: City):
    status, said = asked(city, "--live", "http://127.0.0.1:1")
    assert (status, said.count("\n")) == (1, 1)
    assert "does not answer" in said
