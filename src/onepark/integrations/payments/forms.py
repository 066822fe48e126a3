"""Forms as providers post them, and the plain text that some of them answer.

Owns: how strictly a form is read, and how fields are joined to be signed.
Never: decodes twice, or lets a field come twice.
"""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote_to_bytes

from onepark.integrations.payments.keys import Unproven

FIELDS_MAX = 100

_NO_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def read_form(body: bytes) -> dict[bytes, bytes]:
    """Split a form and undo its escapes once; anything out of form is refused."""
    parts = body.split(b"&")
    if len(parts) > FIELDS_MAX:
        raise Unproven("form", "The form has too many fields.")
    if _NO_ESCAPE.search(body) is not None:
        raise Unproven("form", "The body is no form.")
    fields: dict[bytes, bytes] = {}
    for part in parts:
        name, equals, value = part.partition(b"=")
        if not (name and equals):
            raise Unproven("form", "The body is no form.")
        name = _plain(name)
        if name in fields:
            raise Unproven("form", "The form gives a field twice.")
        fields[name] = _plain(value)
    return fields


def read_text_form(body: bytes) -> dict[str, str]:
    """Read a form whose every name and value is UTF-8."""
    try:
        return {name.decode(): value.decode() for name, value in read_form(body).items()}
    except UnicodeDecodeError as error:
        raise Unproven("charset", "The form is not in UTF-8.") from error


def read_bare(body: bytes) -> dict[str, str]:
    """Read ``name=value&…`` whose values stand there as they are, unescaped."""
    try:
        parts = [part.partition("=") for part in body.decode().strip().split("&")]
    except UnicodeDecodeError as error:
        raise Unproven("charset", "The answer is not in UTF-8.") from error
    fields = {name: value for name, _, value in parts}
    if len(fields) != len(parts) or not all(name and equals for name, equals, _ in parts):
        raise Unproven("form", "The answer is not in form.")
    return fields


def joined(fields: Mapping[str, str], *, but: Iterable[str], empty: bool) -> str:
    """Join fields in the order of their names; ``empty`` says whether empty values take part."""
    left_out = frozenset(but)
    taken = (name for name in sorted(fields) if name not in left_out and (empty or fields[name]))
    return "&".join(f"{name}={fields[name]}" for name in taken)


def _plain(escaped: bytes) -> bytes:
    spaced = escaped.replace(b"+", b" ")
    return unquote_to_bytes(spaced) if b"%" in spaced else spaced
