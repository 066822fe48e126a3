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
    try:
        pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except ValueError:
        raise invalid(f"The query has more than {FIELDS_MAX} fields.", field=None) from None
    given = dict(pairs)
    if len(given) != len(pairs):
        twice = next(name for i, (name, _) in enumerate(pairs) if name in dict(pairs[:i]))[:32]
        raise invalid(f"{twice} is given more than once.", field=twice)
    try:
        return msgspec.convert(given, into, strict=False)
    except msgspec.ValidationError as error:
        found = _FIELD.search(str(error))
        field = (found[1] or found[2]) if found else None
        raise invalid(f"{error}.", field=field) from None
