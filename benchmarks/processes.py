"""What processes cost the machine.

Owns: the CPU seconds of a process with all that it started, from /proc.
Never: ends or starts a process.
"""

import os
from pathlib import Path

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
PARENT, USER, SYSTEM, USER_OF_ENDED, SYSTEM_OF_ENDED = 1, 11, 12, 13, 14


def cpu_s(*pids: int) -> float:
    """Return the CPU seconds of these processes, their descendants, and those that ended."""
    every = {int(file.parent.name): _stat(file) for file in Path("/proc").glob("[0-9]*/stat")}
    counted, left = set(pids), set(pids)
    while left:
        left = {pid for pid, stat in every.items() if stat and int(stat[PARENT]) in left} - counted
        counted |= left
    return sum(_ticks(every.get(pid)) for pid in counted) / TICKS_A_SECOND


def _stat(file: Path) -> list[str]:
    """Return the fields after the name; nothing of a process that has just ended."""
    try:
        return file.read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _ticks(stat: list[str] | None) -> int:
    wanted = (USER, SYSTEM, USER_OF_ENDED, SYSTEM_OF_ENDED)
    return sum(int(stat[at]) for at in wanted) if stat else 0
