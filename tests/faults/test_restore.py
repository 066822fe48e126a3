"""The short drill of CI: two moments of a backed up city, one by name and one by time."""

import tempfile
from pathlib import Path

import pytest

from tests.faults.restore import CONTROLS, drilled


@pytest.mark.timeout(300)
def test_a_restored_city_is_what_it_was_and_no_redis_is_believed_about_what_was_undone():
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        folder.chmod(0o711)  # PostgreSQL may run under an account of its own
        line, broken = drilled(folder, seed=2, number=2)
    assert not broken
    assert line["controls_caught"] == CONTROLS
    assert line["acknowledged"] > 1_000
