"""What a cycle comes to beside its payments, and what a statement says of it.

Owns: the lines of tiers and guarantees as they fall due day by day, and the text of a statement.
Never: awaits, or knows where the numbers come from: from what was cleared, or anew from the books.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import msgspec
from msgspec import Struct

from onepark.contexts.settlement.model import CycleLine, LineKind, StatementKey, VersionRow
from onepark.contexts.settlement.rules import (
    NOTHING,
    Amounts,
    Sums,
    cycle_of,
    days_within,
    guarantee_lines,
    plus,
    tier_lines,
    total_of,
)
from onepark.kernel.types import OperatorId


class StatementLine(Struct, frozen=True):
    """What a day's facts gave a party under one version; a late one names the day it was of."""

    day: date
    original_day: date
    contract_no: str
    version: int
    facts: int
    gross_fen: int
    fee_fen: int
    coupon_fen: int
    share_fen: int


class StatementExtra(Struct, frozen=True):
    """What a tier or a guarantee gave a party, or took."""

    day: date
    contract_no: str
    version: int
    kind: LineKind
    amount_fen: int


class Statement(Struct, frozen=True):
    """What one party was given in one cycle; its JSON is what is kept, byte for byte."""

    operator_id: int
    party: str
    cycle: str
    first_day: date
    last_day: date
    lines: tuple[StatementLine, ...]
    extras: tuple[StatementExtra, ...]
    total_fen: int


class DaySum(Struct, frozen=True, kw_only=True):
    """What a day's facts came to under one version, all lots together."""

    version_id: int
    day: date
    original_day: date
    facts: int
    sums: Sums
    amounts: Amounts


def lines_due(
    version: VersionRow,
    day: date,
    *,
    totals: Iterable[tuple[Sums, Amounts]],
    moved: Iterable[Amounts],
) -> list[CycleLine]:
    """Return what a version moves between its parties on a day, beside its payments.

    ``totals`` and ``moved`` are those of its cycle up to and with that day.
    """
    sums, parties = NOTHING, len(version.terms.parties)
    given = total_of(moved, parties)
    for more, amounts in totals:
        sums, given = sums.plus(more), plus(given, amounts)
    span = cycle_of(version.terms.cycle, day)
    found = {LineKind.TIER: tier_lines(version.terms, sums, given)}
    if day == span.last:
        valid_days = days_within(span, version.valid_from, version.valid_until)
        found[LineKind.GUARANTEE] = guarantee_lines(
            version.terms,
            plus(given, found[LineKind.TIER]),
            valid_days=valid_days,
            cycle_days=span.days,
        )
    return [
        CycleLine(day, version.version_id, kind, version.operator_id, amounts)
        for kind, amounts in found.items()
        if any(amounts)
    ]


def statements(
    versions: Mapping[int, VersionRow], sums: Iterable[DaySum], lines: Iterable[CycleLine]
) -> dict[StatementKey, Statement]:
    """Return the statement of every party and cycle that these days and lines belong to."""
    of_lines: dict[StatementKey, list[StatementLine]] = defaultdict(list)
    of_extras: dict[StatementKey, list[StatementExtra]] = defaultdict(list)
    for one in sums:
        version = versions[one.version_id]
        for key, fen in _keys(version, one.day, one.amounts):
            of_lines[key].append(_line(one, version, share_fen=fen))
    for line in lines:
        version = versions[line.version_id]
        for key, fen in _keys(version, line.day, line.amounts):
            if fen:
                of_extras[key].append(_extra(line, version, amount_fen=fen))
    return {
        key: _statement(key, of_lines[key], of_extras[key])
        for key in sorted(of_lines.keys() | of_extras.keys())
    }


def text_of(statement: Statement) -> str:
    """Return the JSON that is kept and hashed."""
    return msgspec.json.encode(statement).decode()


def _keys(
    version: VersionRow, day: date, amounts: Sequence[int]
) -> Iterable[tuple[StatementKey, int]]:
    cycle = version.terms.cycle
    first = cycle_of(cycle, day).first
    for share, fen in zip(version.terms.parties, amounts, strict=True):
        yield StatementKey(OperatorId(version.operator_id), share.party, cycle, first), fen


def _line(one: DaySum, version: VersionRow, *, share_fen: int) -> StatementLine:
    return StatementLine(
        day=one.day,
        original_day=one.original_day,
        contract_no=version.contract_no,
        version=version.number,
        facts=one.facts,
        gross_fen=one.sums.gross_fen,
        fee_fen=one.sums.fee_fen,
        coupon_fen=one.sums.coupon_fen,
        share_fen=share_fen,
    )


def _extra(line: CycleLine, version: VersionRow, *, amount_fen: int) -> StatementExtra:
    return StatementExtra(line.day, version.contract_no, version.number, line.kind, amount_fen)


def _statement(
    key: StatementKey, lines: list[StatementLine], extras: list[StatementExtra]
) -> Statement:
    lines.sort(key=lambda one: (one.day, one.original_day, one.contract_no, one.version))
    extras.sort(key=lambda one: (one.day, one.contract_no, one.version, one.kind))
    return Statement(
        operator_id=key.operator_id,
        party=key.party,
        cycle=key.cycle,
        first_day=key.first_day,
        last_day=cycle_of(key.cycle, key.first_day).last,
        lines=tuple(lines),
        extras=tuple(extras),
        total_fen=sum(one.share_fen for one in lines) + sum(one.amount_fen for one in extras),
    )
