"""Structured logs: one JSON line an event.

Owns: the shape of a line, the ids of the request in hand and of its trace, and the masking of
plates and of telephone numbers.
Never: decides what is worth a line.

A plate's way through the city is sensitive personal data. Code does not log plates; the last
processor masks whatever still looks like one, or like a mobile number, wherever it stands: in the
event, in a value, in a key, in the text of an exception, also when it is escaped for JSON or for a
URL.
"""

import logging
import re
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, TextIO, cast

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from onepark.infra.traces import trace_id

PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
TAILS = "学警挂港澳领使试超临应急"
DEPTH_MAX = 6

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


def _escaped(characters: str) -> str:
    """Return a pattern of these characters plain, as JSON and as a URL would escape them."""
    json = "|".join(rf"\\u{ord(one):04x}" for one in characters)
    url = "|".join("".join(f"%{byte:02X}" for byte in one.encode()) for one in characters)
    return f"(?:[{characters}]|{json}|{url})"


_GAP = r"(?:[·•.\s-]|%C2%B7|%20|\+)?"
_TAIL = _escaped(TAILS)
PLATE = re.compile(
    rf"(?:WJ{_GAP})?{_escaped(PROVINCES + '使领')}{_GAP}[A-Z0-9]{_GAP}"
    rf"[A-Z0-9]{{3,6}}(?:{_TAIL}|[A-Z0-9])?{_TAIL}?"
    r"|(?<![A-Z0-9])[A-Z]{2}\d{5}(?![A-Z0-9])",
    re.IGNORECASE,
)
PHONE = re.compile(
    r"(?<![A-Z0-9])(?:\+?86[ -]?)?1[3-9]\d([ -]?)\d{4}\1\d{4}(?![A-Z0-9])",
    re.IGNORECASE,
)
SUSPECT = re.compile(r"\d{4}|[%\\]")  # what any plate or number in plain characters has
MASK = "‹plate›"
PHONE_MASK = "‹phone›"


def mask_plates(text: str) -> str:
    """Return the text without what looks like a plate or like a mobile number of the mainland."""
    if text.isascii() and SUSPECT.search(text) is None:
        return text
    return PHONE.sub(PHONE_MASK, PLATE.sub(MASK, text))


def configure_logging(level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Send every log of this process, our own and of libraries, to ``stream`` as JSON lines."""
    out = stream or sys.stdout
    structlog.configure(
        processors=[*_shared(), _as_json],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=stream is None,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *_shared()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _as_json],
        )
    )
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler], force=True)


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_ids,
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]


def _add_ids(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    current = request_id.get()
    if current is not None:
        event["request_id"] = current
    trace = trace_id()
    if trace is not None:
        event["trace_id"] = trace
    return event


def _as_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    try:
        line = orjson.dumps(masked(event), default=_text, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:  # a number beyond 64 bits, or text that is no UTF-8: say it all the same
        line = orjson.dumps({_text(key): _text(value) for key, value in event.items()})
    return line.decode()


def _text(value: object) -> str:
    return mask_plates(repr(value))


def masked(value: object, depth: int = 0) -> object:
    """Return the value with every text in it masked, as deep as a line may go."""
    kind = next((one for one in _MASKERS if isinstance(value, one)), None)
    if kind is None:
        return value
    if depth > DEPTH_MAX:
        return "…"
    return _MASKERS[kind](value, depth + 1)


def _masked_mapping(value: Mapping[Any, object], depth: int) -> dict[object, object]:
    return {masked(key, depth): masked(one, depth) for key, one in value.items()}


def _masked_items(value: Any, depth: int) -> list[object]:
    return [masked(one, depth) for one in value]


def _masked_bytes(value: bytes, _depth: int) -> str:
    return mask_plates(value.decode(errors="replace"))


_MASKERS = cast(
    "dict[type, Callable[[object, int], object]]",
    {
        str: lambda value, _depth: mask_plates(value),
        bytes: _masked_bytes,
        dict: _masked_mapping,
        list: _masked_items,
        tuple: _masked_items,
        set: _masked_items,
        frozenset: _masked_items,
    },
)
