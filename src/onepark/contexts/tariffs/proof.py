"""How anybody computes an amount again from what is public.

Owns: the hashes of a plan and of a quote, and the comparison of a quote with its plan.
Never: asks a database, a clock or a network: a quote and a plan are all it looks at.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec
from msgspec.structs import replace

from onepark import _native
from onepark.contexts.calendar.model import Ruling
from onepark.contexts.calendar.rules import engine as calendar_engine
from onepark.contexts.tariffs.model import Line, PriceRequest, QuoteAnswer
from onepark.contexts.tariffs.rules import native_terms, plan_of_asker, price
from onepark.kernel.types import CHINA


def canonical(value: object) -> bytes:
    """Return the one JSON text of a value: keys sorted, no blanks, UTF-8, no escape but JSON's."""
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def plan_hash(body: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a plan: equal for equal plans, however they are written down."""
    return sha256(canonical(body)).hexdigest()


def differences(quote: QuoteAnswer, body: Mapping[str, Any]) -> Iterator[str]:
    """Yield, in words, each way in which a quote is not what its plan says; nothing if it is."""
    if quote.plan_hash != plan_hash(body):
        yield f"plan_hash: the quote names {quote.plan_hash}, the plan given is {plan_hash(body)}"
        return
    plan = plan_of_asker(body, quote.entered_at, _calendar_of(quote))
    span = (quote.entered_at, quote.until_at, quote.vehicle)
    [again] = price([PriceRequest(plan, *span, terms=native_terms(quote.terms))])
    if again.amount_fen != quote.amount_fen:
        yield f"amount_fen: the quote says {quote.amount_fen}, the plan gives {again.amount_fen}"
    yield from _differing_lines(quote.lines, again.lines)
    if (total := sum(line.amount_fen for line in quote.lines)) != quote.amount_fen:
        yield f"lines: they add up to {total}, not to {quote.amount_fen}"
    if quote.quote_hash != hash_of(quote):
        yield f"quote_hash: the quote says {quote.quote_hash}, its content gives {hash_of(quote)}"


def sealed(quote: QuoteAnswer) -> QuoteAnswer:
    """Return the quote with its own hash."""
    return replace(quote, quote_hash=hash_of(quote))


def hash_of(quote: QuoteAnswer) -> str:
    """Return the SHA-256 of a quote: what was asked, by which plan, and all that follows."""
    told = {
        "plan_hash": quote.plan_hash,
        "entered_at": _whole_second(quote.entered_at),
        "until_at": _whole_second(quote.until_at),
        "vehicle": quote.vehicle,
        "terms": quote.terms,
        "ruled_days": quote.ruled_days,
        "amount_fen": quote.amount_fen,
        "lines": quote.lines,
    }
    return sha256(canonical(msgspec.to_builtins(told))).hexdigest()


def _differing_lines(told: Sequence[Line], again: Sequence[Line]) -> Iterator[str]:
    if len(told) != len(again):
        yield f"lines: the quote has {len(told)}, the plan gives {len(again)}"
    for number, (ours, theirs) in enumerate(zip(told, again, strict=False)):
        for name in Line.__struct_fields__:
            said, given = getattr(ours, name), getattr(theirs, name)
            if said != given:
                yield f"lines[{number}].{name}: the quote says {said}, the plan gives {given}"


def _calendar_of(quote: QuoteAnswer) -> _native.Calendar:
    """Return the published calendar with the rulings that the quote names."""
    at = quote.entered_at
    return calendar_engine([Ruling(one.day, one.kind, "", at) for one in quote.ruled_days])


def _whole_second(at: datetime) -> str:
    """Return an instant as the engine sees it: at +08:00, parts of a second dropped."""
    return at.astimezone(CHINA).replace(microsecond=0).isoformat()
