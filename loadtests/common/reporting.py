"""How the books of workers come together.

Owns: handing a worker's sums to the process that leads, and writing all of them at the end.
Never: counts.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from locust.env import Environment
from locust.runners import WorkerRunner

from loadtests.common.books import BOOKS, Books

KEY = "onepark_books"


def keep(environment: Environment, file: Path | None) -> None:
    """Let workers report their sums, and the process that leads write all of them at the end."""
    if isinstance(environment.runner, WorkerRunner):
        environment.events.report_to_master.add_listener(_report)
        return
    environment.events.worker_report.add_listener(_add)
    if file is not None:
        environment.events.quitting.add_listener(lambda **_: file.write_bytes(_encoded()))


def _encoded() -> bytes:
    return msgspec.json.encode(BOOKS)


def _report(data: dict[str, Any], **_: object) -> None:
    data[KEY] = msgspec.to_builtins(BOOKS.taken())


def _add(data: Mapping[str, Any], **_: object) -> None:
    if KEY in data:
        BOOKS.add(msgspec.convert(data[KEY], type=Books))
