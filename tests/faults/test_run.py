"""The short fault run of CI: processes die and commits are cut off, and nothing is lost."""

import tempfile
from pathlib import Path

import pytest

from tests.faults.run import injected

KINDS = ("kill_api", "kill_backend", "kill_postmaster", "kill_valkey", "flush_valkey")
POINT = "kill_at:stays.saved"


@pytest.mark.timeout(300)
def test_nothing_acknowledged_is_lost_or_doubled() -> None:
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        folder.chmod(0o711)  # PostgreSQL may run under an account of its own
        line, broken = injected(
            folder, seed=4, kinds=(*KINDS, "cut_commit", POINT), minutes=0.5, outage_s=1.0
        )
    assert not broken
    assert line["kills"] > 0
    assert line["commits_cut"] > 0, "no commit was cut: the proxy does not know one any more"
    assert line["acknowledged"] > 1_000
    assert line["paid"] > 0
    assert not line["points_never_reached"]
