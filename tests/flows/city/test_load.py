"""A load run against a served city, from the command line."""

import subprocess
import sys

import pytest

TOO_MUCH = '[all."/v1/gate/passages"]\nrequests_min = 1000000\n'


def run(city, tmp_path, *arguments):
    command = [sys.executable, "-m", "loadtests.run", "--city", str(city.data / "demo.json")]
    command += ["--minutes", "0.05", "--users", "4", "--reports", str(tmp_path), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("processes", ["1", "2"])
def test_gates_drive_and_the_books_add_up(city, tmp_path, processes):
    few = _few(tmp_path)
    done = run(city, tmp_path, "--scenario", "gate", "--processes", processes, "--thresholds", few)
    assert "Traceback" not in done.stderr
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok     counts" in done.stdout
    assert "ok     repeats: 0 passages" not in done.stdout
    [report] = tmp_path.glob("gate-*/report.html")
    assert report.stat().st_size > 1_000
    assert list(tmp_path.glob("gate-*/requests_stats.csv"))


@pytest.mark.timeout(180)
def test_a_threshold_that_breaks_is_named_and_the_run_fails(city, tmp_path):
    file = tmp_path / "much.toml"
    file.write_text(TOO_MUCH)
    done = run(city, tmp_path, "--scenario", "gate", "--thresholds", str(file))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "threshold broken: /v1/gate/passages: requests_min is 1e+06, reached" in done.stdout


def _few(tmp_path):
    file = tmp_path / "few.toml"
    file.write_text('[all."/v1/gate/passages"]\nrequests_min = 4\nfailed_share_max = 0.0\n')
    return str(file)
