"""One run of the simulated city, from its first question to its last comparison.

Owns: the phases of a run, its signals and its exit status.
Never: knows what a car does.
"""

import asyncio
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import msgspec
from msgspec import Struct

from onepark.infra.http_client import open_http_client
from onepark.kernel.types import CHINA
from onepark.simulator.city.books import Books
from onepark.simulator.city.check import Check
from onepark.simulator.city.city import City
from onepark.simulator.city.client import Api, Failed
from onepark.simulator.city.crew import Crew
from onepark.simulator.city.device import Device, backoff_s
from onepark.simulator.city.driver import Drivers
from onepark.simulator.city.fill import fill
from onepark.simulator.city.line import Line
from onepark.simulator.city.lot import Lot, Patience
from onepark.simulator.city.memory import recall, remember
from onepark.simulator.city.profile import LotFacts, kind_of
from onepark.simulator.city.proof import Proof, ask_all
from onepark.simulator.city.wire import Bays, Demo, Gate

TIMEOUT_S = 15.0
PATIENT_S = 45.0
CONNECTIONS_MAX = 64
POLLS_MAX = 512
BOOKS_BYTES_MAX = 256 * 1024 * 1024
BEAT_EVERY_S = 45.0
BEATERS = 4
LEAVE_WITHIN_S = 3.0  # what running payments get when the run is told to end
SETTLE_MORE_S = 30.0  # than the patience of a payer
REMEMBER_EVERY_S = 15.0


class Options(Struct, frozen=True, kw_only=True):
    """What a run is told."""

    demo: Path
    rate: float
    seed: int
    for_s: float | None = None
    check: bool = False
    backfill: bool = True
    patience: Patience = Patience()
    shown_within_s: float = 10.0  # a count is shown seconds after its commit


async def run(options: Options, out: TextIO) -> bool:
    """Run the city until its time is over or a signal comes; False when a check failed."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    demo = msgspec.json.decode(options.demo.read_bytes(), type=Demo)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(
            open_http_client(timeout_s=TIMEOUT_S, connections_max=CONNECTIONS_MAX)
        )
        patient = await stack.enter_async_context(
            open_http_client(
                timeout_s=PATIENT_S, connections_max=POLLS_MAX, answer_bytes_max=BOOKS_BYTES_MAX
            )
        )
        api = Api(demo.base_url, http=http, patient=patient, provider_url=demo.provider_url)
        return await Run(options, demo, api=api, out=out).whole(stop)


class Start(NamedTuple):
    """The city as it was found."""

    facts: dict[str, LotFacts]
    bays: dict[str, Bays]
    proof: Proof | None

    @property
    def occupied(self) -> dict[str, int]:
        """Return how many cars the platform counted in each lot."""
        return {lot: bays.raw or 0 for lot, bays in self.bays.items()}


class Run:
    """The phases of one run."""

    def __init__(self, options: Options, demo: Demo, *, api: Api, out: TextIO) -> None:
        self._options, self._demo, self._api = options, demo, api
        self._books = Books(keeps_payments=options.check)
        self._line = Line(self._books, out)

    async def whole(self, stop: asyncio.Event) -> bool:
        """Look, fill, live, settle, compare."""
        looking = asyncio.ensure_future(self._look())
        await _first_of(stop, looking)
        if not looking.done():
            looking.cancel()
            return True
        start = looking.result()
        async with Crew() as crew:
            unfinished = await self._live(self._make_city(start, crew), crew, stop)
        if start.proof is None or stop.is_set():
            return True
        shown_within_s = self._options.shown_within_s
        proving = start.proof.checks(unfinished=unfinished, shown_within_s=shown_within_s)
        return self._tell(await proving)

    async def _live(self, city: City, crew: Crew, stop: asyncio.Event) -> int:
        """Let the city live for its time; return how many cars are left at a gate."""
        bays = sum(lot.bays for lot in city.lots.values())
        self._line.say(f"{len(city.lots)} lots with {bays:,} bays, seed {self._options.seed}")
        crew.start(_every(self._line.every_s, lambda: self._line.show(city.now())))
        self._start_heartbeats(crew)
        if self._options.backfill:
            await _first_of(stop, crew.drive(self._fill(city, stop)))
        self._line.begin()
        traffic = crew.start(city.live())
        remembering = crew.start(_every(REMEMBER_EVERY_S, lambda: self._remember(city)))
        await _first_of(stop, crew.start(_sleep(self._options.for_s)))
        traffic.cancel()
        remembering.cancel()
        settles = self._options.check and not stop.is_set()
        settle_s = self._options.patience.pay_within_s + SETTLE_MORE_S
        unfinished = await crew.settle(settle_s if settles else LEAVE_WITHIN_S)
        self._remember(city)
        self._line.show(city.now())
        self._line.say(self._summary(city))
        return unfinished

    # -- the beginning -------------------------------------------------------------------------

    async def _look(self) -> Start:
        """Ask what the lots are, how full they are, and what the providers know."""
        codes = [lot.lot for lot in self._demo.lots]
        facts = await ask_all(codes, self._facts)
        bays = {
            code: vacancy.short_stay
            for code, vacancy in (await ask_all(codes, self._api.vacancy)).items()
        }
        start = Start(facts, bays, proof=None)
        if not self._options.check:
            return start
        proof = Proof(self._api, self._books, occupied=start.occupied)
        await proof.begin()
        return start._replace(proof=proof)

    async def _facts(self, code: str) -> LotFacts:
        try:
            return await self._api.lot(code)
        except Failed:
            return LotFacts()  # then it is a public lot like any other

    def _make_city(self, start: Start, crew: Crew) -> City:
        drivers = Drivers(self._api, self._books)

        def device(gate: Gate) -> Device:
            return Device(gate, api=self._api, books=self._books, crew=crew)

        lots = {
            demo.lot: Lot(
                demo.lot,
                kind=kind_of(start.facts[demo.lot]),
                bays=start.bays[demo.lot].capacity,
                gates=(device(demo.entry), device(demo.exit)),
                drivers=drivers,
                books=self._books,
                patience=self._options.patience,
            )
            for demo in self._demo.lots
        }
        city = City(lots, rate=self._options.rate, seed=self._options.seed, crew=crew)
        city.take_up(recall(self._options.demo), start.occupied)
        return city

    async def _fill(self, city: City, stop: asyncio.Event) -> None:
        cars = await fill(city, stop)
        self._line.say(f"{cars:,} cars of the last hours were reported; the city lives")

    # -- beside the traffic --------------------------------------------------------------------

    def _start_heartbeats(self, crew: Crew) -> None:
        gates = [gate for lot in self._demo.lots for gate in (lot.entry, lot.exit)]
        for first in range(BEATERS):
            if share := gates[first::BEATERS]:
                crew.start(self._beat(share))

    async def _beat(self, gates: list[Gate]) -> None:
        """Let each of these devices give a sign of life, evenly over the time."""
        loop = asyncio.get_running_loop()
        due_at = loop.time()
        while True:
            for gate in gates:
                try:
                    await self._api.beat(gate, datetime.now(CHINA).isoformat())
                except Failed as failure:
                    self._books.errors[failure.kind] += 1
                    await asyncio.sleep(backoff_s(0))
                due_at += BEAT_EVERY_S / len(gates)
                await asyncio.sleep(max(due_at - loop.time(), 0.0))

    def _remember(self, city: City) -> None:
        try:
            remember(self._options.demo, city.inside())
        except OSError as error:
            self._line.say(f"the cars inside cannot be written down: {error}")

    # -- the end -------------------------------------------------------------------------------

    def _summary(self, city: City) -> str:
        books = self._books
        parts = [
            f"{books.entries.total():,} entries",
            f"{books.exits.total():,} exits",
            f"{city.turned_away:,} turned away",
            *(f"{kind} {n}" for kind, n in sorted((books.errors + books.anomalies).items())),
        ]
        return "simulated: " + ", ".join(parts)

    def _tell(self, checks: list[Check]) -> bool:
        for check in checks:
            self._line.say(str(check))
        return not any(check.differences for check in checks)


async def _every(seconds: float, do: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(seconds)
        do()


async def _sleep(seconds: float | None) -> None:
    await (asyncio.Event().wait() if seconds is None else asyncio.sleep(seconds))


async def _first_of(stop: asyncio.Event, work: "asyncio.Future[Any]") -> None:
    """Wait for the work or for the request to stop, whichever comes first."""
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait((stopping, work), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
