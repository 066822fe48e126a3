"""A query string as a Struct.

Owns: strict reading: every field named once, in its type and within its bounds.
Never: knows what a query is about; the caller says which refusal a wrong one is.
"""

import re
from typing import TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

from onepark.kernel.errors import Refusal

FIELDS_MAX = 32

T = TypeVar("T", bound=Struct)

_FIELD = re.compile(r"`\$\.(\w+)`$|required field `(\w+)`$")


def decode_query(raw: bytes, into: type[T], *, invalid: type[Refusal]) -> T:
    """Read a raw query string; an unknown name is ignored, a wrong value is refused by name."""
    given = plain_fields(raw) or _fields(raw, invalid)
    try:
        return msgspec.convert(given, into, strict=False)
    except msgspec.ValidationError as error:
        found = _FIELD.search(str(error))
        field = (found[1] or found[2]) if found else None
        raise invalid(f"{error}.", field=field) from None


def plain_fields(raw: bytes) -> dict[str, str] | None:
    """Return the fields of a query with nothing to decode and none given twice; of others None."""
    text = raw.decode("latin-1")
    if "%" in text or "+" in text:
        return None
    fields = text.split("&")
    try:
        given = dict([field.split("=", 1) for field in fields])
    except ValueError:  # one of them has no value
        return None
    return given if len(given) == len(fields) <= FIELDS_MAX else None


def _fields(raw: bytes, invalid: type[Refusal]) -> dict[str, str]:
    try:
        pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except ValueError:
        raise invalid(f"The query has more than {FIELDS_MAX} fields.", field=None) from None
    given = dict(pairs)
    if len(given) != len(pairs):
        twice = next(name for i, (name, _) in enumerate(pairs) if name in dict(pairs[:i]))[:32]
        raise invalid(f"{twice} is given more than once.", field=twice)
    return given
