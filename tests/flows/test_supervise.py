"""What is started together ends together, whoever ends it and however."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from onepark.app.data_dir import DataDirBusy, hold, is_held
from onepark.app.supervise import Requests, Supervisor
from onepark.infra.embedded import Child, ChildFailed

pytestmark = pytest.mark.flow

PATIENCE_S = 20.0

CHILD = """
import os, signal, sys, time
from pathlib import Path
folder, name = Path(sys.argv[1]), sys.argv[2]
def end(*_):
    with (folder / "ended").open("a") as ended:
        ended.write(name + " ")
    sys.exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if name == "stubborn" else end)
(folder / f"{name}.new").write_text(str(os.getpid()))
(folder / f"{name}.new").rename(folder / f"{name}.pid")
time.sleep(600)
"""

DRIVER = """
import sys
from pathlib import Path
from onepark.app.supervise import AskedToEnd, Requests, Supervisor
from onepark.infra.embedded import Child
folder, names = Path(sys.argv[1]), sys.argv[2:]
with Requests() as requests:
    try:
        with Supervisor(requests) as supervisor:
            for name in names:
                command = [sys.executable, str(folder / "child.py"), str(folder), name]
                supervisor.start(Child(name, command, folder / f"{name}.log"))
            supervisor.watch(for_s=None)
    except AskedToEnd:
        pass
"""


def alive(pid: int) -> bool:
    """A zombie that nobody has buried yet is dead."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def pid_in(file: Path) -> int:
    wait_for(file.exists)
    return int(file.read_text())


@contextmanager
def household(folder: Path, *names: str) -> Iterator[tuple["subprocess.Popen[bytes]", list[int]]]:
    """A supervisor in a process of its own, and the ids of its children."""
    (folder / "child.py").write_text(CHILD)
    command = [sys.executable, "-c", DRIVER, str(folder), *names]
    with subprocess.Popen(command, start_new_session=True) as driver:
        try:
            yield driver, [pid_in(folder / f"{name}.pid") for name in names]
        finally:
            driver.kill()


def python(name: str, code: str, folder: Path) -> Child:
    return Child(name, [sys.executable, "-c", code], folder / f"{name}.log")


@pytest.mark.parametrize("request_", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_request_ends_the_youngest_first_and_counts_as_success(tmp_path, request_):
    with household(tmp_path, "oldest", "middle", "youngest") as (driver, pids):
        driver.send_signal(request_)
        assert driver.wait(PATIENCE_S) == 0
        assert (tmp_path / "ended").read_text().split() == ["youngest", "middle", "oldest"]
        assert not any(map(alive, pids))


def test_a_second_request_does_not_wait_for_a_child_that_will_not_end(tmp_path):
    with household(tmp_path, "polite", "stubborn") as (driver, pids):
        driver.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert all(map(alive, pids)), "the first request is patient"
        driver.send_signal(signal.SIGTERM)
        assert driver.wait(5) == 0
        assert not any(map(alive, pids))


def test_nothing_outlives_a_supervisor_that_was_killed(tmp_path):
    with household(tmp_path, "one", "two") as (driver, pids):
        driver.kill()
        driver.wait(PATIENCE_S)
        wait_for(lambda: not any(map(alive, pids)))
        assert sorted((tmp_path / "ended").read_text().split()) == ["one", "two"]


def test_a_child_that_dies_ends_the_others_and_its_last_words_are_told(tmp_path):
    well = python("well", "import time; time.sleep(600)", tmp_path)
    ill = python("ill", "raise SystemExit('the disk is full')", tmp_path)
    told = pytest.raises(ChildFailed, match="ill ended with 1:\nthe disk is full")
    with told, Supervisor(Requests()) as supervisor:
        supervisor.start(well)
        supervisor.start(ill)
        supervisor.watch(for_s=PATIENCE_S)
    assert not alive(well.pid)


def test_a_grandchild_does_not_outlive_the_household(tmp_path):
    file = tmp_path / "grandchild"
    code = (
        "import pathlib, subprocess, time\n"
        "grandchild = subprocess.Popen(['sleep', '600'])\n"
        f"pathlib.Path({str(file)!r}).write_text(str(grandchild.pid))\n"
        "time.sleep(600)\n"
    )
    with Supervisor(Requests()) as supervisor:
        supervisor.start(python("parent", code, tmp_path))
        wait_for(lambda: file.exists() and file.read_text() != "")
        grandchild = int(file.read_text())
        assert alive(grandchild)
    wait_for(lambda: not alive(grandchild))


def test_a_household_with_a_time_ends_by_itself(tmp_path):
    child = python("child", "import time; time.sleep(600)", tmp_path)
    with Supervisor(Requests()) as supervisor:
        supervisor.start(child)
        supervisor.watch(for_s=0.3)
        assert alive(child.pid)
    assert not alive(child.pid)


def test_a_step_that_fails_says_why(tmp_path):
    told = pytest.raises(ChildFailed, match="load ended with 1:\nno such city")
    with told, Supervisor(Requests()) as supervisor:
        supervisor.run(python("load", "raise SystemExit('no such city')", tmp_path), within_s=20)


def test_a_step_that_hangs_is_given_up(tmp_path):
    child = python("load", "import time; time.sleep(600)", tmp_path)
    told = pytest.raises(ChildFailed, match="load was not ready in 1 s")
    with told, Supervisor(Requests()) as supervisor:
        supervisor.run(child, within_s=1)
    assert not alive(child.pid)


def test_a_second_city_on_one_folder_is_told_who_has_it(tmp_path):
    with hold(tmp_path):
        assert is_held(tmp_path)
        with pytest.raises(DataDirBusy, match=f"in use by process {os.getpid()}"), hold(tmp_path):
            pass
    assert not is_held(tmp_path)


def test_the_secret_key_is_made_once_and_is_nobody_elses(tmp_path):
    with hold(tmp_path / "city") as data:
        key = data.secret_key()
        assert data.secret_key() == key
        assert (data.root / "secret.key").stat().st_mode & 0o777 == 0o600
