"""What `nox -s bench` runs: every case, or the ones that are named.

Owns: which cases there are, and the machine and versions beside their ratios.
Never: measures.

usage: nox -s bench [-- --only F1a,P0] [--json FILE]
"""

import argparse
import importlib
import json
import os
import platform
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

MODULES = {
    "tariffs": ("F1a", "F1b", "F2", "F3"),
    "plates": ("P0", "P1a", "P1b"),
    "occupancy": ("A1", "A2"),
    "durable": ("D1", "D2", "D3"),
    "efficiency": ("E1a", "E1b"),
    "readers": ("H1",),
    "boards": ("R1",),
    "overload": ("OVERLOAD", "OVERLOAD_16", "LATENCY"),
    "backlog": ("BACKLOG",),
    "notices": ("M1",),
    "clearing": ("M2",),
}
LIBRARIES = (
    "onepark",
    "numpy",
    "duckdb",
    "polars",
    "pyarrow",
    "rapidfuzz",
    "asyncpg",
    "fastapi",
    "sqlalchemy",
    "uvicorn",
)


def machine() -> dict[str, Any]:
    """Return what the ratios were reached on and with."""
    return {
        "cpu": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
    }


def measured(wanted: set[str]) -> Iterator[dict[str, Any]]:
    """Yield a measurement of each wanted case, one module after the other."""
    for name, ids in MODULES.items():
        for case in ids:
            if case in wanted:
                yield from importlib.import_module(f"benchmarks.{name}").CASES[case]()


def main() -> None:
    """Measure, print a line of JSON each and, if asked, keep them all."""
    known = [case for ids in MODULES.values() for case in ids]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(known), help="ids with commas between them")
    parser.add_argument("--json", type=Path, help="where to keep the measurements")
    given = parser.parse_args()
    wanted = set(given.only.split(","))
    if unknown := wanted - set(known):
        parser.error(f"no such case: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    print(json.dumps(machine()))
    found = []
    for measurement in measured(wanted):
        print(json.dumps(measurement), flush=True)
        found.append(measurement)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
