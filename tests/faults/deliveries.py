"""A long run of notices: repeated, reordered, forged, lost, and one a thousand times at once.

Owns: the order of such a run, what the providers know and what our books say at its end, and how
many payments were counted twice, missed or made up.
Never: asks a provider itself: whatever no notice told must be found out by the platform.
"""

import asyncio
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

import asyncpg
import msgspec
import uvloop

from benchmarks.big_city import City, is_ready, served
from benchmarks.trades import OpenTrade, Providers, open_trades
from onepark.app.ledger_audit import audit
from onepark.infra.embedded import Child
from onepark.infra.embedded.ports import free_port
from onepark.simulator.city.wire import ProviderBooks, Trade
from tests.faults import money, provider
from tests.faults.checker import Violation
from tests.faults.courier import Answers, deliver
from tests.faults.ledger import line_of
from tests.faults.money import Money
from tests.faults.post import COPIES_MEAN, FORGED_SHARE, LATE_SHARE, Fate, Letter, Post, fates

STORM, STORM_EVERY = 1_000, 50_000  # copies of one notice; a storm in so many deliveries
BAG = 20_000  # letters that are signed before they are sent: within the window of their stamps
CONNECTIONS, TWO_PAYERS_EACH = 64, 100
KILL_EVERY, KILL_AFTER_S, READY_S = 10, 0.3, 60.0  # every tenth bag, and the first
REST_S, ASKED_A_SECOND = 90.0, 50
# What is to come yet: payments that no notice told of, and money that is to go back.
OPEN = """
    SELECT (SELECT count(*) FROM payments.attempt WHERE state = 'success'),
        (SELECT count(*) FROM payments.attempt AS paid WHERE surplus AND NOT EXISTS (
            SELECT FROM payments.refund
            WHERE refund.attempt_no = paid.attempt_no AND refund.state = 'success')),
        (SELECT count(*) FROM payments.notice WHERE handled_at IS NULL)
"""
TIME_PASSES = """
    UPDATE payments.attempt SET next_query_at = now() WHERE state IN ('created', 'pending')
"""
POSTED = """
    SELECT attempt_no FROM payments.attempt JOIN ledger.journal AS posted
        ON business_key = 'attempt:' || attempt_no
        AND posted.kind IN ('receipt', 'duplicate_receipt')
"""


class Found(NamedTuple):
    """What a comparison of the providers' books with ours comes to."""

    doubled: list[str]
    missed: list[str]
    invented: list[str]

    def violations(self) -> list[Violation]:
        """Return it as any other run tells it."""
        return [
            Violation(name, what)
            for name, every in zip(("doubled", "missed", "invented"), self, strict=True)
            for what in every
        ]


def compared(books: Money, posted: Sequence[str]) -> Found:
    """Compare: each payment that a provider took stands in our books once, to the fen."""
    ours = {one.attempt_no: one.amount_fen for one in books.taken}
    journals = Counter(posted)
    doubled = [
        f"{number} is posted {times} times" for number, times in journals.items() if times > 1
    ]
    doubled += money.a_charge_is_settled_once((), books)
    doubled += money.paid_is_what_was_settled((), books)
    missed = [
        f"{number}: the provider took {amount} fen, we {ours.get(number)}"
        for number, amount in books.provider.items()
        if ours.get(number) != amount or not journals[number]
    ]
    invented = [f"{number} was paid to nobody" for number in ours.keys() - books.provider.keys()]
    return Found(doubled, missed, invented)


def delivered(
    folder: Path, *, seed: int, deliveries: int
) -> tuple[dict[str, Any], list[Violation]]:
    """Return the ledger's line of a run and everything that did not hold at its end."""
    began, chance = time.monotonic(), random.Random(seed)
    provider_port, port = free_port(), free_port()
    providers = Providers(folder / "keys", base_url=f"http://127.0.0.1:{provider_port}")
    settings: dict[str, int | str] = {
        "payments_file": str(providers.payments_file),
        "public_url": f"http://127.0.0.1:{port}",
        "port": port,
        "demo": "true",
    }
    with served(**settings) as city:
        cars = max(deliveries // int(COPIES_MEAN * (1 + FORGED_SHARE)), TWO_PAYERS_EACH)
        trades = open_trades(city.database_url, cars, two_payers_each=TWO_PAYERS_EACH)
        fate_of = fates(trades, chance)
        known = [(one, fate_of[one.attempt_no] != Fate.UNPAID) for one in trades]
        with _answering(folder, provider_port, known):
            run = Run(city, Post(providers, chance, port=port), chance)
            run.deliver(trades, fate_of, deliveries=deliveries)
            asked = asyncio.run(_rest(city.database_url, sum(paid for _, paid in known)))
            found, others = asyncio.run(_look(city.database_url, provider_port))
    line = line_of(
        seed=seed,
        began=began,
        faults={"kill_api": run.kills},
        deliveries=run.delivered,
        trades=len(trades),
        storms=run.storms,
        acknowledged=run.answers.acknowledged,
        refused=run.answers.refused,
        resent=run.answers.resent,
        asked=asked,
        **{name: len(every) for name, every in found._asdict().items()},
    )
    broken = [*found.violations(), *others, *_of_answers(run.answers)]
    return {**line, "violations": len(broken)}, broken


class Run:
    """The letters of a run on their way."""

    def __init__(self, city: City, post: Post, chance: random.Random) -> None:
        self._city, self._post, self._chance = city, post, chance
        self.answers = Answers()
        self.delivered = self.storms = self.kills = 0

    def deliver(
        self, trades: Sequence[OpenTrade], fate_of: Mapping[str, Fate], *, deliveries: int
    ) -> None:
        """Send bags of letters and, between them, storms, until so many were sent."""
        told = [one for one in trades if fate_of[one.attempt_no] == Fate.TOLD]
        storms = max(1, deliveries // STORM_EVERY)
        letters = self._letters(trades, fate_of)
        for number, bag in enumerate(self._bags(letters, deliveries - storms * STORM)):
            uvloop.run(self._send(bag, connections=CONNECTIONS, kill=number % KILL_EVERY == 0))
            while self.storms * STORM_EVERY < self.delivered and self.storms < storms:
                self._storm(told)

    def _letters(
        self, trades: Sequence[OpenTrade], fate_of: Mapping[str, Fate]
    ) -> Iterator[Letter]:
        """Return every trade's letters, and, when all are out, those of any of them again."""
        while True:
            for one in trades:
                yield from self._post.of(one, fate_of[one.attempt_no])

    def _bags(self, letters: Iterator[Letter], size: int) -> Iterator[list[Letter]]:
        """Mix letters within a bag, and keep some of them for the bag after."""
        late: list[Letter] = []
        while size > 0:
            bag = late + [next(letters) for _ in range(min(BAG, size) - len(late))]
            self._chance.shuffle(bag)
            kept = 0 if size <= BAG else int(len(bag) * LATE_SHARE)
            late, bag = bag[:kept], bag[kept:]
            size -= len(bag)
            yield bag

    def _storm(self, told: Sequence[OpenTrade]) -> None:
        """Send one letter a thousand times, over as many connections."""
        self.storms += 1
        letters = self._post.storm(self._chance.choice(told), STORM)
        uvloop.run(self._send(letters, connections=STORM, kill=False))

    async def _send(self, letters: list[Letter], *, connections: int, kill: bool) -> None:
        killing = asyncio.create_task(self._kill()) if kill else None
        await deliver(self._city.port, letters, connections=connections, answers=self.answers)
        self.delivered += len(letters)
        if killing is not None:
            await killing

    async def _kill(self) -> None:
        """End the API in the middle of it, and start it again; this thread outlives it."""
        await asyncio.sleep(KILL_AFTER_S)
        serve = self._city.serve
        os.kill(serve.pid, signal.SIGKILL)
        async with asyncio.timeout(READY_S):
            while serve.exit_code() is None:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            serve.start()
            while not await asyncio.to_thread(is_ready, self._city.port):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        self.kills += 1


@contextmanager
def _answering(folder: Path, port: int, known: list[provider.Known]) -> Iterator[None]:
    """Let providers who know these trades answer for them."""
    trades = folder / "trades.msgpack"
    provider.keep(known, trades)
    command = [sys.executable, "-m", "tests.faults.provider", "--data", str(folder / "keys")]
    command += ["--port", str(port), "--trades", str(trades)]
    child = Child(name="provider", command=command, log=folder / "provider.log")
    child.start()
    try:
        child.wait_until(lambda: is_ready(port, "/livez"), within_s=READY_S)
        yield
    finally:
        child.stop()


async def _rest(url: str, paid: int) -> int:
    """Let time pass until everything is known, within bounds; return how many were asked for."""
    connection = await asyncpg.connect(url)
    try:
        status: str = await connection.execute(TIME_PASSES)
        asked = int(status.removeprefix("UPDATE "))
        end = time.monotonic() + REST_S + asked / ASKED_A_SECOND
        while time.monotonic() < end:
            [still] = await connection.fetch(OPEN)
            if tuple(still) == (paid, 0, 0):
                break
            await asyncio.sleep(1.0)
        return asked
    finally:
        await connection.close()


async def _look(url: str, provider_port: int) -> tuple[Found, list[Violation]]:
    """Read both books, and have a stranger recompute ours."""
    connection = await asyncpg.connect(url)
    try:
        books = await _books(connection, _taken(provider_port))
        posted = [row["attempt_no"] for row in await connection.fetch(POSTED)]
        [(_, going_back, waiting)] = await connection.fetch(OPEN)
    finally:
        await connection.close()
    others = [Violation("I1", what) for what in books.books]
    if going_back:
        others.append(Violation("I4", f"{going_back} payments are to go back and have not"))
    if waiting:
        others.append(Violation("I2p", f"{waiting} notices wait"))
    return compared(books, posted), others


async def _books(connection: Any, trades: Sequence[Trade]) -> Money:
    return Money(
        [money.Order(**row) for row in await connection.fetch(money.ORDERS)],
        [money.Settled(*row) for row in await connection.fetch(money.SETTLED)],
        [money.Taken(*row) for row in await connection.fetch(money.TAKEN)],
        provider={one.out_trade_no: one.amount_fen for one in trades if one.state == "paid"},
        books=[fault.what for fault in (await audit(connection)).faults],
    )


def _taken(port: int) -> list[Trade]:
    with urlopen(f"http://127.0.0.1:{port}/_simulator/books", timeout=60) as answer:
        return msgspec.json.decode(answer.read(), type=ProviderBooks).trades


def _of_answers(answers: Answers) -> list[Violation]:
    said = {
        "letters were forged and believed": answers.forged_and_believed,
        "letters were true and refused": answers.true_and_refused,
        "letters were never answered": answers.given_up,
    }
    return [Violation("answers", f"{times} {what}") for what, times in said.items() if times]
