from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis.strategies import binary, lists, sampled_from
from msgspec import Struct

from onepark.infra.query import FIELDS_MAX, decode_query, plain_fields
from onepark.kernel.errors import Refusal


class Asked(Struct):
    a: int
    b: str = ""


class Wrong(Refusal):
    pass


PIECES = [b"a", b"b", b"=", b"&", b"%", b"+", b"%41", b";", b"1", b"\xe8\x8b\x8f", b"\x00", b"?"]


@given(binary(max_size=40) | lists(sampled_from(PIECES), max_size=12).map(b"".join))
def test_a_query_that_needs_no_decoding_says_what_the_library_reads(raw):
    plain = plain_fields(raw)
    if plain is not None:
        pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=True)
        assert [*plain.items()] == pairs


@pytest.mark.parametrize("raw", [b"", b"a", b"a=1&", b"a=%31", b"a=1+1", b"a=1&a=2", b"=&="])
def test_any_other_is_left_to_the_library(raw):
    assert plain_fields(raw) is None


@pytest.mark.parametrize(
    "raw", [b"a=1&b=x", b"a=1&b=%78", b"&a=1&&b=x", b"b=x&a=1&c", b"a=1&b=x&c=+"]
)
def test_both_ways_read_the_same(raw):
    assert decode_query(raw, Asked, invalid=Wrong) == Asked(1, "x")


def test_a_field_has_a_value_that_may_be_empty_and_may_hold_equals_signs():
    assert decode_query(b"a=1&b=", Asked, invalid=Wrong) == Asked(1)
    assert decode_query(b"a=1&b=x=y=", Asked, invalid=Wrong) == Asked(1, "x=y=")


@pytest.mark.parametrize("end", [b"", b"&c%64=1"])
def test_more_fields_than_may_be_are_refused_either_way(end):
    fields = [b"a=1", *(b"x%d=1" % n for n in range(FIELDS_MAX - 1))]
    assert decode_query(b"&".join(fields), Asked, invalid=Wrong) == Asked(1)
    with pytest.raises(Wrong, match="more than 32 fields"):
        decode_query(b"&".join(fields) + (end or b"&y=1"), Asked, invalid=Wrong)


@pytest.mark.parametrize("raw", [b"a=1&a=1", b"%61=1&a=1"])
def test_a_field_that_is_given_twice_is_refused_by_name_either_way(raw):
    with pytest.raises(Wrong, match="a is given more than once"):
        decode_query(raw, Asked, invalid=Wrong)
