"""Balances of random journals beside a plain sum."""

from collections import defaultdict
from datetime import date
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onepark.contexts.ledger.model import Account, AccountKind, Posting
from onepark.contexts.ledger.service import Ledger
from onepark.infra.db import Database
from onepark.kernel.types import Fen, OperatorId
from tests.store.ledger.conftest import a_journal, operators

ACCOUNTS = [Account(kind, owner) for kind in list(AccountKind)[:4] for owner in ("a", "b")]
DAYS = [date(2026, 5, day) for day in range(1, 5)]


class Told(NamedTuple):
    """What one journal is to say; the last line balances the others."""

    key: int
    operator: int
    day: date
    lines: list[tuple[Account, int]]
    rest: Account


def lines() -> st.SearchStrategy[list[tuple[Account, int]]]:
    amounts = st.one_of(st.integers(-900, 900), st.integers(-(2**53), 2**53)).filter(bool)
    made = st.lists(st.tuples(st.sampled_from(ACCOUNTS), amounts), min_size=1, max_size=5)
    return made.filter(lambda rows: sum(fen for _, fen in rows) != 0)


TOLD = st.builds(
    Told,
    st.integers(1, 12),
    st.integers(0, 2),
    st.sampled_from(DAYS),
    lines(),
    st.sampled_from(ACCOUNTS),
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(told=st.lists(TOLD, min_size=1, max_size=12), split=st.integers(1, 12))
async def test_the_books_and_a_plain_sum_agree(service_db: Database, told: list[Told], split: int):
    """Each key is told once or more, in one or several transactions; it counts once."""
    numbers = [OperatorId(next(operators)) for _ in range(3)]
    run = numbers[0]
    first = {one.key: one for one in reversed(told)}
    plain: dict[tuple[int, date], dict[Account, int]] = defaultdict(lambda: defaultdict(int))
    for one in first.values():
        for account, fen in [*one.lines, (one.rest, -sum(fen for _, fen in one.lines))]:
            for day in DAYS:
                if one.day <= day:
                    plain[numbers[one.operator], day][account] += fen
    journals = [
        a_journal(
            business_key=f"random:{run}:{one.key}",
            operator_id=numbers[one.operator],
            clearing_day=one.day,
            postings=tuple(
                Posting(account, Fen(fen))
                for account, fen in [*one.lines, (one.rest, -sum(fen for _, fen in one.lines))]
            ),
        )
        for one in (first[again.key] for again in told)
    ]
    for start in range(0, len(journals), split):
        async with service_db.transaction() as tx:
            await Ledger().post(tx, journals[start : start + split])
    async with service_db.connection() as tx:
        for number in numbers:
            for day in DAYS:
                found = await Ledger().balances(tx, number, until=day)
                assert found == plain[number, day]
                assert sum(found.values()) == 0
            assert await Ledger().balances(tx, number) == plain[number, DAYS[-1]]
