"""The log of a test, as lines of JSON."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import structlog

from onepark.infra.log import configure_logging


@contextmanager
def kept_log() -> Iterator[io.StringIO]:
    """Where the log goes while the block runs."""
    root, handlers, level = logging.getLogger(), logging.getLogger().handlers[:], logging.root.level
    out = io.StringIO()
    configure_logging(stream=out)
    try:
        yield out
    finally:
        structlog.reset_defaults()
        root.handlers[:] = handlers
        root.setLevel(level)


def written(out: io.StringIO) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in out.getvalue().splitlines()]
