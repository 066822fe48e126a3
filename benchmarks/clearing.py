"""A million orders cleared by one command, beside an ORM that takes them one after the other.

Owns: the books that both clear, the alternation of both, and the comparison of what parties get.
Never: lets either side see what the other wrote, or compares less than every party and day.

M2: `onepark settlement clear` over ten days, closed and with statements, a process of its own. The
peer shares the same journals of the books, a bounded number of every day, and is told per order.
Fees are in half yuan up to 200 yuan, as tariffs make them; a hundred contracts have three parties.

usage: nox -s bench -- --only M2
"""

import asyncio
import base64
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from benchmarks.peer.clearing import cleared
from benchmarks.side_by_side import Measurement, told
from benchmarks.single_rows import durability, psql, words
from onepark.infra.embedded import start_postgres
from onepark.infra.migrations import migrate

ROUNDS = 5
ORDERS, SAMPLE = 1_000_000, 20_000
DAYS, LOTS, CONTRACTS, OPERATORS = 10, 1_000, 100, 6
FIRST = date(2026, 5, 1)
MADE_S = 1_800.0

CONTRACTS_MADE = """
    INSERT INTO settlement.party (operator_id, party, name, registered_by, registered_at)
    SELECT operator_id, party, party, 'benchmarks', now()
    FROM generate_series(1, $1::integer) AS operator_id
    CROSS JOIN unnest('{group,town,investor}'::text[]) AS party;
"""
VERSIONS_MADE = """
    WITH version AS (
        INSERT INTO settlement.version (operator_id, kind, contract_no, number, title, form, terms,
            lots, valid_from, state, drafter_id, drafter, drafted_at, approver_id, approver,
            approved_at)
        SELECT 1 + contract % $3, 'contract', 'C-' || contract, 1, 'Benchmark', 'revenue_share',
            '{"parties": [{"party": "group", "share_ppm": 600000},
                {"party": "town", "share_ppm": ' || 250000 + contract || '},
                {"party": "investor", "share_ppm": ' || 150000 - contract || '}],
              "base": "net", "cycle": "month"}',
            ARRAY(SELECT lot FROM generate_series(contract, $2 - 1, $1) AS lot), '2026-01-01',
            'approved', 1, 'drafter', now(), 2, 'approver', now()
        FROM generate_series(0, $1::integer - 1) AS contract
        RETURNING version_id, operator_id, lots
    ), party AS (
        INSERT INTO settlement.version_party (version_id, position, operator_id, party)
        SELECT version_id, position, operator_id, party
        FROM version CROSS JOIN unnest('{group,town,investor}'::text[])
            WITH ORDINALITY AS named (party, position)
    )
    INSERT INTO settlement.version_lot (version_id, lot_id, operator_id, valid)
    SELECT version_id, lot, operator_id, daterange('2026-01-01', NULL)
    FROM version CROSS JOIN unnest(lots) AS lot
"""
JOURNALS_MADE = """
    INSERT INTO ledger.journal (journal_id, operator_id, kind, business_key, occurred_at,
        clearing_day, revenue_kind, order_no, lot_id, lines, posted_at)
    OVERRIDING SYSTEM VALUE
    SELECT n, 1 + lot % $4 % $5, 'receipt', 'attempt:B' || n, at,
        (at AT TIME ZONE 'Asia/Shanghai')::date, 'commercial',
        'P' || lpad(lot::text, 7, '0') || lpad(n::text, 24, '2'), lot, 2, at + interval '2 seconds'
    FROM (
        SELECT n, n * 7919 % $3 AS lot, $6::date::timestamp AT TIME ZONE 'Asia/Shanghai'
            + (n - 1) * ($2 * interval '1 day' / $1) AS at
        FROM generate_series(1::bigint, $1) AS n
    ) AS paid
"""
POSTINGS_MADE = """
    INSERT INTO ledger.posting (journal_id, line, lines, operator_id, account, owner, amount_fen)
    SELECT journal_id, line, 2, operator_id, account, owner, sign * 50 * (1 + journal_id * 31 % 400)
    FROM ledger.journal CROSS JOIN (
        VALUES (1, 'channel_receivable', 'wechat', 1), (2, 'parking_revenue', 'commercial', -1)
    ) AS one (line, account, owner, sign)
"""
LINES = """
    SELECT coalesce(string_agg(format('%s %s %s %s', day, operator_id, party, given), E'\\n'), '')
    FROM (
        SELECT day, operator_id, party, count(*) || ' ' || sum(amount_fen) AS given
        FROM {table} WHERE journal_id = ANY (ARRAY(
            SELECT generate_series(first, first + {each} - 1)
            FROM generate_series(1::bigint, {orders}, {a_day}) AS first))
        GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ) AS one
"""


def books(url: str) -> None:
    """Write the books that are cleared: set-wise, past the triggers that make each of them sure."""
    asyncio.run(_books(url))


async def _books(url: str) -> None:
    tx = await asyncpg.connect(url)
    try:
        await tx.execute("SET session_replication_role = replica")
        await tx.execute(CONTRACTS_MADE.replace("$1", str(OPERATORS)))
        await tx.execute(VERSIONS_MADE, CONTRACTS, LOTS, OPERATORS)
        given = (ORDERS, DAYS, LOTS, CONTRACTS, OPERATORS, FIRST)
        await tx.execute(JOURNALS_MADE, *given, timeout=MADE_S)
        await tx.execute(POSTINGS_MADE, timeout=MADE_S)
        await tx.execute(f"ALTER TABLE ledger.journal ALTER journal_id RESTART WITH {ORDERS + 1}")
        await tx.execute("VACUUM ANALYZE")
    finally:
        await tx.close()


class Round:
    """One copy of the books, cleared by both sides."""

    def __init__(self, url: str, number: int) -> None:
        name = f"books_{number}"
        template = urlsplit(url).path.removeprefix("/")
        self._server = urlunsplit(urlsplit(url)._replace(path="/postgres"))
        self.url = urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
        self._name = name
        psql(
            self._server,
            f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy",
        )
        psql(self._server, "CHECKPOINT")

    def ours(self) -> float:
        """Clear everything by the command, and return the orders a second."""
        last = FIRST + timedelta(days=DAYS - 1)
        command = [sys.executable, "-m", "onepark.app.cli", "settlement", "clear"]
        command += ["--day", last.isoformat()]
        began = time.perf_counter()
        done = subprocess.run(
            command, env=_environment(self.url), capture_output=True, text=True, check=False
        )
        took_s = time.perf_counter() - began
        assert done.returncode == 0, done.stderr
        assert f"{DAYS} days closed, {ORDERS} facts cleared" in done.stdout, done.stdout
        return ORDERS / took_s

    def peer(self) -> float:
        """Share a part of every day by the ORM, and return the orders a second."""
        a_day, each = ORDERS // DAYS, SAMPLE // DAYS
        blocks = [range(first, first + each) for first in range(1, ORDERS + 1, a_day)]
        took_s, orders = asyncio.run(cleared(self.url, blocks))
        assert orders == SAMPLE, f"{orders} of {SAMPLE} orders"
        return orders / took_s

    def check_equal(self) -> None:
        """Hold that every party got the same on every day from both, line by line counted."""
        given = {"each": SAMPLE // DAYS, "orders": ORDERS, "a_day": ORDERS // DAYS}
        ours = psql(self.url, LINES.format(table="settlement.clearing_line", **given))
        peer = psql(self.url, LINES.format(table="peer.line", **given))
        assert ours, "nothing was shared"
        assert ours == peer, _differences(ours, peer)

    def drop(self) -> None:
        """Make room for the next copy."""
        psql(self._server, f"DROP DATABASE {self._name}")


def _differences(ours: str, peer: str) -> list[str]:
    return sorted(set(ours.splitlines()) ^ set(peer.splitlines()))[:20]


def _environment(url: str) -> dict[str, str]:
    bare = {name: text for name, text in os.environ.items() if not name.startswith("ONEPARK_")}
    return bare | {
        "ONEPARK_DATABASE_URL": url,
        "ONEPARK_REDIS_URL": "redis://127.0.0.1:1/0",  # clearing asks it nothing
        "ONEPARK_SECRET_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
    }


def beside_orm(name: str) -> Iterator[Measurement]:
    """Let both clear copies of the same books in turn."""
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        folder.chmod(0o711)
        postgres = start_postgres(folder / "postgres")
        try:
            migrate(postgres.url)
            settings = durability(postgres.url)
            books(postgres.url)
            rates = [_round(postgres.url, number) for number in range(ROUNDS)]
        finally:
            postgres.stop()
    reached = median(ours for ours, _ in rates), median(peer for _, peer in rates)
    unit = f"orders/s; of the ORM over {SAMPLE:,} of {ORDERS:,}; {words(settings)}"
    yield told(name, [ours / peer for ours, peer in rates], reached, unit)


def _round(url: str, number: int) -> tuple[float, float]:
    one = Round(url, number)
    if number % 2:
        pair = (one.ours(), one.peer())
    else:
        peer = one.peer()
        pair = (one.ours(), peer)
    one.check_equal()
    one.drop()
    return pair


CASES: Mapping[str, Callable[[], Iterator[Measurement]]] = {"M2": partial(beside_orm, "M2")}
