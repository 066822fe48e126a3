"""The ledger of fault runs, faults.jsonl: one line a run, whatever it found.

Owns: what every line says of its run.
Never: takes a line back.
"""

import json
import subprocess
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

LEDGER = Path(__file__).parents[2] / "faults.jsonl"


def line_of(*, seed: int, began: float, faults: Mapping[str, int], **found: Any) -> dict[str, Any]:
    """Return a line; ``began`` is a moment of the monotonic clock."""
    return {
        "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "commit": _commit(),
        "seed": seed,
        "seconds": round(time.monotonic() - began),
        "faults": dict(sorted(faults.items())),
        **found,
    }


def append(line: Mapping[str, Any]) -> None:
    """Add a line."""
    with LEDGER.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def _commit() -> str:
    told = subprocess.run(
        ["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False
    )
    return told.stdout.strip() or "unknown"
