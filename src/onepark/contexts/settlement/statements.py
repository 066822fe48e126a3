"""Statements: what each party was given in each cycle, and the proof that the books say the same.

Owns: showing and exporting statements, and making all of them anew from the books.
Never: changes one, or believes what was kept.
"""

import csv
import io
from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from onepark.contexts.settlement import contract_store, statement_store
from onepark.contexts.settlement.cycles import DaySum, Statement, lines_due, statements, text_of
from onepark.contexts.settlement.errors import StatementUnknown
from onepark.contexts.settlement.model import CycleLine, StatementKey, VersionRow
from onepark.contexts.settlement.rules import NOTHING, Amounts, Sums, cycle_of, lines, plus
from onepark.infra.db import Database, Record, StaffScope, Tx
from onepark.kernel.staff import Principal

DayKey = tuple[int, date, date]  # version, day, original day
CSV_MARK = "\ufeff"  # spreadsheets take the file for another encoding without it


class StatementRow(Struct, frozen=True):
    """A statement in a list."""

    operator_id: int
    party: str
    cycle: str
    first_day: date
    last_day: date
    total_fen: int
    digest: str


class StatementPage(Struct, frozen=True):
    """Statements, newest first."""

    statements: tuple[StatementRow, ...]


class DetailLine(Struct, frozen=True):
    """One fact behind a statement, and what it gave the party."""

    journal_id: int
    day: date
    original_day: date
    contract_no: str
    version: int
    lot: str
    order: str
    kind: str
    occurred_at: str
    gross_fen: int
    fee_fen: int
    coupon_fen: int
    share_fen: int


class DetailPage(Struct, frozen=True):
    """Facts behind a statement; ``next_after`` asks for the page after, null is the end."""

    lines: tuple[DetailLine, ...]
    next_after: str | None


class Difference(NamedTuple):
    """A statement or balance that the books tell otherwise."""

    what: str
    kept: str
    rebuilt: str


class Rebuilt(NamedTuple):
    """What came of making every statement anew."""

    statements: int
    facts: int
    differences: tuple[Difference, ...]


class Statements:
    """Statements as they were kept, and as the books tell them."""

    def __init__(self, service_db: Database, staff_db: Database) -> None:
        self._db, self._staff_db = service_db, staff_db

    # -- showing -------------------------------------------------------------------------------

    async def page(
        self, *, party: str | None, until: date, limit: int, by: Principal
    ) -> StatementPage:
        """Return statements that this person may see."""
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            rows = await statement_store.page(
                tx, operator_id=by.operator_id, party=party, until=until, limit=limit
            )
        return StatementPage(tuple(StatementRow(*row) for row in rows))

    async def show(self, key: StatementKey, *, by: Principal) -> Statement:
        """Return one statement as it was kept."""
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            body = await statement_store.find(tx, key)
        if body is None:
            raise StatementUnknown("No such statement.")
        return msgspec.json.decode(body, type=Statement)

    async def details(
        self, key: StatementKey, *, after: tuple[date, int] | None, limit: int, by: Principal
    ) -> DetailPage:
        """Return the next facts behind a statement."""
        last_day = cycle_of(key.cycle, key.first_day).last
        async with self._staff_db.transaction(StaffScope.of(by.operator_id)) as tx:
            if await statement_store.find(tx, key) is None:
                raise StatementUnknown("No such statement.")
            rows = await statement_store.details(
                tx, key, last_day, after=after or (date.min, 0), limit=limit
            )
        found = tuple(_detail(row) for row in rows)
        more = f"{found[-1].day}.{found[-1].journal_id}" if len(found) == limit else None
        return DetailPage(found, more)

    async def export(self, key: StatementKey, *, by: Principal) -> str:
        """Return a statement as CSV, its lines and then what tiers and guarantees moved."""
        statement = await self.show(key, by=by)
        rows = [msgspec.to_builtins(line) | {"kind": "payments"} for line in statement.lines]
        rows += [
            msgspec.to_builtins(extra) | {"share_fen": extra.amount_fen}
            for extra in statement.extras
        ]
        return csv_of(CSV_FIELDS, rows)

    async def export_details(
        self, key: StatementKey, *, after: tuple[date, int] | None, limit: int, by: Principal
    ) -> str:
        """Return facts behind a statement as CSV."""
        page = await self.details(key, after=after, limit=limit, by=by)
        return csv_of(DetailLine.__struct_fields__, map(msgspec.to_builtins, page.lines))

    # -- anew ----------------------------------------------------------------------------------

    async def rebuild(self) -> Rebuilt:
        """Make every statement anew from the books and compare, byte for byte; change nothing."""
        async with self._db.transaction() as tx:
            await statement_store.one_moment(tx)
            days = await statement_store.closed_days(tx)
            sums, versions = await _sums_anew(tx)
            if days:
                versions |= await contract_store.versions_held(tx, days[0], days[-1])
            moved = _lines_anew(versions, sums, days)
            made = {
                key: text_of(one)
                for key, one in statements(versions, sums.values(), moved).items()
                if days and cycle_of(key.cycle, key.first_day).last <= days[-1]
            }
            kept = {key: body async for key, body in statement_store.kept(tx)}
            written = await statement_store.written(tx)
            posted = await statement_store.posted(tx)
        differences = [
            *_compare(kept, made),
            *_compare_written(written, sums),
            *_compare_books(posted, versions, sums, moved),
        ]
        facts = sum(one.facts for one in sums.values())
        return Rebuilt(len(made), facts, tuple(differences))


CSV_FIELDS = (
    *("day", "original_day", "contract_no", "version", "kind", "facts", "gross_fen", "fee_fen"),
    *("coupon_fen", "share_fen"),
)


def csv_of(fields: tuple[str, ...], rows: Any) -> str:
    """Return rows as CSV that a spreadsheet opens."""
    out = io.StringIO()
    out.write(CSV_MARK)
    writer = csv.DictWriter(out, fields, extrasaction="ignore", restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _detail(row: Record) -> DetailLine:
    return DetailLine(**{**row, "occurred_at": row["occurred_at"].isoformat()})


async def _sums_anew(tx: Tx) -> tuple[dict[DayKey, DaySum], dict[int, VersionRow]]:
    """Share every fact again, alike ones at once, and add up by day."""
    versions: dict[int, VersionRow] = {}
    found: dict[DayKey, DaySum] = {}
    rows = [row async for row in statement_store.anew(tx)]
    versions = await contract_store.versions(tx, list({row.version_id for row in rows}))
    for row in rows:
        terms = versions[row.version_id].terms
        given = lines(terms, row.before, row.before.plus(row.moved))
        key = row.version_id, row.day, row.original_day
        before = found.get(key) or _no_sum(key, len(given))
        found[key] = DaySum(
            version_id=row.version_id,
            day=row.day,
            original_day=row.original_day,
            facts=before.facts + row.facts,
            sums=before.sums.plus(_times(row.moved, row.facts)),
            amounts=plus(before.amounts, tuple(fen * row.facts for fen in given)),
        )
    return found, versions


def _no_sum(key: DayKey, parties: int) -> DaySum:
    version_id, day, original_day = key
    return DaySum(
        version_id=version_id,
        day=day,
        original_day=original_day,
        facts=0,
        sums=NOTHING,
        amounts=(0,) * parties,
    )


def _times(sums: Sums, count: int) -> Sums:
    return Sums(*(fen * count for fen in sums))


def _lines_anew(
    versions: Mapping[int, VersionRow], sums: Mapping[DayKey, DaySum], days: list[date]
) -> list[CycleLine]:
    """Go through the closed days again for the tiers and guarantees of each version."""
    found: list[CycleLine] = []
    by_version: dict[int, list[DaySum]] = defaultdict(list)
    for one in sums.values():
        by_version[one.version_id].append(one)
    for number, version in versions.items():
        if version.terms.tiers or version.terms.guarantees:
            found += _lines_of_version(version, by_version[number], days)
    return found


def _lines_of_version(version: VersionRow, sums: list[DaySum], days: list[date]) -> list[CycleLine]:
    found: list[CycleLine] = []
    for day in days:
        first = cycle_of(version.terms.cycle, day).first
        totals = [(one.sums, one.amounts) for one in sums if first <= one.day <= day]
        moved = [line.amounts for line in found if first <= line.day <= day]
        found += lines_due(version, day, totals=totals, moved=moved)
    return found


def _compare(
    kept: Mapping[StatementKey, str], made: Mapping[StatementKey, str]
) -> list[Difference]:
    return [
        Difference(
            f"{key.party} of operator {key.operator_id}, {key.cycle} of {key.first_day}",
            kept.get(key, ""),
            made.get(key, ""),
        )
        for key in sorted(kept.keys() | made.keys())
        if kept.get(key) != made.get(key)
    ]


def _compare_written(
    written: Mapping[tuple[str, int, date, date], Amounts], sums: Mapping[DayKey, DaySum]
) -> list[Difference]:
    """Compare the lines and totals that clearing wrote down with the books."""
    anew = {(kept, *key): one.amounts for kept in ("lines", "totals") for key, one in sums.items()}
    return [
        Difference(
            f"{key[0]} of version {key[1]} on {key[2]}, of {key[3]}",
            str(written.get(key)),
            str(anew.get(key)),
        )
        for key in sorted(written.keys() | anew.keys())
        if written.get(key) != anew.get(key)
    ]


def _compare_books(
    posted: Mapping[tuple[int, str], int],
    versions: Mapping[int, VersionRow],
    sums: Mapping[DayKey, DaySum],
    moved: list[CycleLine],
) -> list[Difference]:
    """Compare what every party was given with what was posted for it."""
    given: dict[tuple[int, str], int] = defaultdict(int)
    amounts: list[tuple[int, Amounts]] = [
        *((one.version_id, one.amounts) for one in sums.values()),
        *((line.version_id, line.amounts) for line in moved),
    ]
    for number, parts in amounts:
        version = versions[number]
        for share, fen in zip(version.terms.parties, parts, strict=True):
            given[version.operator_id, share.party] += fen
    return [
        Difference(
            f"what the books gave {key[1]} of operator {key[0]}",
            str(posted.get(key, 0)),
            str(given.get(key, 0)),
        )
        for key in sorted(posted.keys() | given.keys())
        if posted.get(key, 0) != given.get(key, 0)
    ]
