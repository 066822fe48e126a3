"""The envelope of a published fact.

Owns: what every fact in every outbox looks like.
Never: knows a particular fact, or how it travels.
"""

from msgspec import Struct
from msgspec.json import Encoder

_ENCODER = Encoder()


class Fact(Struct, frozen=True, tag_field="fact"):
    """Something that happened; tagged ``context.fact.v1`` and only ever followed by a v2."""


def name_of_kind(kind: type[Fact]) -> str:
    """Return the tag under which facts of a kind are published."""
    return str(kind.__struct_config__.tag)


def name_of(fact: Fact) -> str:
    """Return the tag under which a fact is published."""
    return name_of_kind(type(fact))


def encode(fact: Fact) -> str:
    """Return the fact as JSON text, its tag included."""
    return _ENCODER.encode(fact).decode()
