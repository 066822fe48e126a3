"""A process that could not be brought into service is not left behind."""

import sys

import pytest

from onepark.infra.embedded import Child, ChildFailed


def test_a_process_that_does_not_get_ready_is_ended():
    child = Child("sleeper", [sys.executable, "-c", "import time; time.sleep(60)"], None)
    child.start()
    with pytest.raises(ChildFailed), child.ended_on_failure():
        child.wait_until(lambda: False, within_s=0.1)
    assert child.exit_code() is not None


def test_a_process_that_is_ready_goes_on():
    child = Child("sleeper", [sys.executable, "-c", "import time; time.sleep(60)"], None)
    with child.ended_on_failure():
        child.start()
        child.wait_until(lambda: True, within_s=5)
    assert child.exit_code() is None
    child.stop()
