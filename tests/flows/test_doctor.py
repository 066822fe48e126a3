"""`onepark doctor` says in plain words what is missing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.flow


def doctor(folder: Path, **settings: str) -> tuple[int, str]:
    """The exit status and the words of a doctor in an environment of its own."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("ONEPARK_")}
    done = subprocess.run(
        [sys.executable, "-m", "onepark.app.cli", "doctor", "--data-dir", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=env | {f"ONEPARK_{name.upper()}": value for name, value in settings.items()},
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_a_machine_with_all_that_is_needed_is_well(tmp_path):
    status, said = doctor(tmp_path)
    assert (status, "MISSING" in said) == (0, False), said
    assert "no city runs here" in said


async def test_servers_that_are_up_to_date_are_well(tmp_path, database_url, servers):
    status, said = doctor(tmp_path, database_url=database_url, redis_url=servers[1])
    assert (status, "MISSING" in said) == (0, False), said
    assert "PostgreSQL answers" in said
    assert "Redis answers" in said


def test_a_database_without_migrations_is_told_what_it_lacks(tmp_path, servers):
    status, said = doctor(tmp_path, database_url=servers[0], redis_url=servers[1])
    assert status == 1
    assert "pending migrations 0001" in said
    assert "onepark migrate" in said


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"prot": "1"}, "the settings are wrong: unknown variable ONEPARK_PROT"),
        ({"port": "many"}, "the settings are wrong"),
        ({"database_url": "postgresql://127.0.0.1:1/city"}, "the database does not answer"),
        ({"redis_url": "redis://127.0.0.1:1"}, "Redis does not answer"),
        ({"redis_url": "nowhere"}, "ONEPARK_REDIS_URL is no address"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, settings, told):
    status, said = doctor(tmp_path, **settings)
    assert status == 1
    assert f"MISSING  {told}" in said
