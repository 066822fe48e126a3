"""Payment notices verified and settled, beside pgbench's own bank.

Owns: the alternation of both sides on one server, and what must be true of the books after each.
Never: counts an attempt that has no journal, or a notice whose signature nobody had to verify.

M1: notices of WeChat Pay and Alipay in turn, each of another order, over HTTP; an attempt counts
when it has succeeded, its charge is settled and its journal is in the books. The peer is
`pgbench -s 50 -c 16 -j 2 -M prepared`, a transfer between accounts a transaction.

usage: nox -s bench -- --only M1
"""

import asyncio
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from random import Random
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import uvloop

from benchmarks.big_city import City, served
from benchmarks.durable import MICRO, Reached, alternated, both, pids
from benchmarks.processes import cpu_s
from benchmarks.side_by_side import Measurement
from benchmarks.single_rows import TPS, durability, psql, words
from benchmarks.trades import PUBLIC_URL, OpenTrade, Providers, open_trades, posted, trade_of
from benchmarks.wire import sent
from onepark.app.ledger_audit import audit
from onepark.infra.embedded.postgres import binaries

NOTICES = 20_000  # of a round
CONNECTIONS = 128
SCALE, CLIENTS, TRANSFERS = 50, 16, 20_000
DATABASE = "bank"
SETTLED_WITHIN_S, LOOK_EVERY_S = 60.0, 0.005
WAITING = "SELECT EXISTS (SELECT FROM payments.notice WHERE handled_at IS NULL)"
COUNTED = """
    SELECT count(*) FROM payments.attempt AS paid
    JOIN ledger.journal ON business_key = 'attempt:' || attempt_no
    JOIN stays.charge ON charge.lot_id = paid.lot_id AND charge.order_no = paid.order_no
        AND charge.charge_no = paid.charge_no AND settled_by = attempt_no
    WHERE paid.state = 'success' AND NOT surplus
"""
# What was paid, settled, counted in and posted: all of it the same sum, and nothing off balance.
SUMS = """
    SELECT (SELECT sum(amount_fen) FROM payments.attempt WHERE state = 'success'),
        (SELECT sum(amount_fen) FROM stays.charge WHERE state = 'settled'),
        (SELECT sum(paid_fen) FROM stays.stay_order),
        (SELECT sum(amount_fen) FROM ledger.posting WHERE account = 'channel_receivable'),
        (SELECT sum(amount_fen) FROM ledger.posting)
"""


class Bank:
    """pgbench on a database of its own on the city's server."""

    def __init__(self, city: City) -> None:
        psql(city.database_url, f"CREATE DATABASE {DATABASE}")
        self._city = city
        self._url = urlunsplit(urlsplit(city.database_url)._replace(path=f"/{DATABASE}"))
        self._pgbench("-i", "-q", "-s", str(SCALE))

    def run(self) -> Reached:
        """Make the transfers of a round."""
        before_s = cpu_s(self._city.postgres.pid)
        each = TRANSFERS // CLIENTS
        told = self._pgbench("-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-t", str(each))
        assert "failed transactions: 0 " in told, told
        found = TPS.search(told)
        assert found is not None, told
        spent_s = cpu_s(self._city.postgres.pid) - before_s
        return Reached(float(found[1]), spent_s / (each * CLIENTS) * MICRO)

    def _pgbench(self, *options: str) -> str:
        command = [str(binaries() / "pgbench"), *options, self._url]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


class Told:
    """The platform being told of payments."""

    def __init__(self, city: City, providers: Providers) -> None:
        self._city, self._providers = city, providers
        self._chance, self._cars = Random(1), 0
        self.settled = 0

    def run(self) -> Reached:
        """Tell of as many payments as a round has; each must be settled and posted."""
        requests = self._requests(open_trades(self._city.database_url, NOTICES, first=self._cars))
        self._cars += NOTICES
        asyncio.run(self._city.rest())
        before_s, began = cpu_s(*pids(self._city)), time.perf_counter()
        _, tally = sent(self._city.port, requests, connections=CONNECTIONS)
        uvloop.run(_handled(self._city.database_url))
        took_s = time.perf_counter() - began
        cpu_us = (cpu_s(*pids(self._city)) - before_s) / NOTICES * MICRO
        assert set(tally.statuses) == {b"200"}, tally.statuses
        counted = int(psql(self._city.database_url, COUNTED))
        assert counted - self.settled == NOTICES, f"{counted - self.settled} of {NOTICES} settled"
        self.settled = counted
        return Reached(NOTICES / took_s, cpu_us)

    def _requests(self, trades: list[OpenTrade]) -> list[bytes]:
        self._chance.shuffle(trades)
        return [
            posted(one.channel, self._providers.notice(trade_of(one)), port=self._city.port)
            for one in trades
        ]


async def _handled(url: str) -> None:
    """Wait until nothing that was kept waits."""
    tx = await asyncpg.connect(url)
    async with asyncio.timeout(SETTLED_WITHIN_S):
        while await tx.fetchval(WAITING):  # noqa: ASYNC110  nobody tells when they end
            await asyncio.sleep(LOOK_EVERY_S)
    await tx.close()


def check_books(url: str) -> None:
    """Hold that what was paid, settled, counted and posted is one sum, and the books are right."""
    *sums, rest = map(int, psql(url, SUMS).split("|"))
    assert len(set(sums)) == 1, sums
    assert rest == 0, f"the books are off by {rest} fen"
    faults = asyncio.run(_audited(url))
    assert not faults, faults


async def _audited(url: str) -> list[str]:
    tx = await asyncpg.connect(url)
    faults = [fault.what for fault in (await audit(tx)).faults]
    await tx.close()
    return faults


def beside_a_bank(name: str) -> Iterator[Measurement]:
    """Alternate notices with transfers; the books are looked at before and after they count."""
    with tempfile.TemporaryDirectory() as kept:
        providers = Providers(Path(kept))
        given = {"payments_file": str(providers.payments_file), "public_url": PUBLIC_URL}
        with served(**given) as city:
            settings, bank, told = durability(city.database_url), Bank(city), Told(city, providers)
            told.run()
            check_books(city.database_url)
            rounds = alternated(told.run, bank.run)
            check_books(city.database_url)
            unit = f"notices/s settled and posted; TPC-B-like transfers/s; {words(settings)}"
            yield from both(name, rounds, unit, one="a notice")


CASES: Mapping[str, Callable[[], Iterator[Measurement]]] = {"M1": partial(beside_a_bank, "M1")}
