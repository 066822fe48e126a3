"""Gates under faults: every passage is sent until it is answered, and every answer is kept.

Owns: the cars, their order, the history of acknowledgements, and how a gate resends.
Never: looks into the platform; what it believes is what it was told.
"""

import asyncio
import json
import random
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from onepark.infra.signing import decode_secret, sign
from tests.faults.payer import Payer

ANSWER_S = 8.0  # a gate that hears nothing for so long asks again
PARKED = timedelta(hours=2)
TOGETHER_MAX = 20
PAYERS_MAX = 4
HANG_UP = 0.03  # of all requests are cut off by the client itself

Lot = Mapping[str, Any]


@dataclass
class Car:
    """One visit: what its gates sent, and what was acknowledged."""

    lot: str
    plate: str
    entered_at: datetime
    left_at: datetime
    answers: dict[str, Any] = field(default_factory=dict)  # by passage id
    order_no: str = ""
    asked_fen: int = 0
    is_paid: bool = False  # as far as its driver was told


class Traffic:
    """Gates of some lots in a thread; ``stop`` lets them finish what they began."""

    def __init__(
        self,
        base_url: str,
        lots: Sequence[Lot],
        *,
        seed: int,
        history: Path,
        paying: Sequence[Lot] = (),
        first: int = 0,
    ) -> None:
        """Take lots; the history is written line by line, as answers come.

        In ``paying`` lots a car leaves when its driver was told that it is paid, or stays. Plates
        of one ``first`` number are apart from those of another by the lots between them.
        """
        parts = urlsplit(base_url)
        self._host, self._port = str(parts.hostname), int(parts.port or 0)
        self._lots, self._paying, self._seed, self._first = lots, paying, seed, first
        self._history = history.open("a", buffering=1, encoding="utf-8")
        self.cars: list[Car] = []
        self.acknowledged = self.resent = self.repeated_wrong = 0
        self._stopping = threading.Event()
        self._began = datetime.now(UTC).replace(microsecond=0)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._all()), daemon=True)

    def start(self) -> None:
        """Begin to drive."""
        self._thread.start()

    def stop(self, *, within_s: float = 180.0) -> None:
        """Begin no car any more, and wait until every passage is answered."""
        self._stopping.set()
        self._thread.join(within_s)
        assert not self._thread.is_alive(), "gates still wait for an answer"
        self._history.close()

    async def _all(self) -> None:
        numbered = enumerate(self._lots, self._first)
        gates = [self._gate(number, lot) for number, lot in numbered]
        after = self._first + len(gates)
        paying = [self._exit(number, lot) for number, lot in enumerate(self._paying, after)]
        await asyncio.gather(*gates, *paying)

    async def _gate(self, number: int, lot: Lot) -> None:
        chance = random.Random(f"{self._seed} {number}")
        line = _Line(self._host, self._port, chance)
        made = 0
        while not self._stopping.is_set():
            cars = [
                self._car(lot, number, made + n) for n in range(chance.randint(1, TOGETHER_MAX))
            ]
            made += len(cars)
            await self._pass(line, lot, cars, "entry")
            staying = [car for car in cars if chance.random() < 0.05]
            await self._pass(line, lot, [car for car in cars if car not in staying], "exit")
        line.hang_up()

    async def _exit(self, number: int, lot: Lot) -> None:
        """Drive cars through a lot whose drivers pay at the exit."""
        chance = random.Random(f"{self._seed} {number} pays")
        line, payer = _Line(self._host, self._port, chance), Payer(self._host, self._port, chance)
        made = 0
        while not self._stopping.is_set():
            cars = [self._car(lot, number, made + n) for n in range(chance.randint(1, PAYERS_MAX))]
            made += len(cars)
            await self._pass(line, lot, cars, "entry")
            await self._pass(line, lot, cars, "exit_request")
            await asyncio.gather(*(_pay(payer, car) for car in cars))
            left = [car for car in cars if car.is_paid]
            for car in left:
                car.left_at = datetime.now(UTC)
            await self._pass(line, lot, left, "exit")
        line.hang_up()

    def _car(self, lot: Lot, number: int, count: int) -> Car:
        letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
        head, rest = divmod(count, 1_000)
        plate = f"苏{letters[head % 24]}{letters[number % 24]}{number // 24 % 10}{rest:03d}"
        left_at = self._began - timedelta(seconds=count % 600)
        car = Car(str(lot["lot"]), plate, left_at - PARKED, left_at)
        self.cars.append(car)
        return car

    async def _pass(self, line: "_Line", lot: Lot, cars: Sequence[Car], kind: str) -> None:
        """Report cars of one side until they are answered; now and then once more."""
        if not cars:
            return
        rows = [_row(lot, car, kind) for car in cars]
        answers = await self._until_answered(line, lot, kind, rows)
        for car, row, answer in zip(cars, rows, answers, strict=True):
            car.answers[row["passage_id"]] = answer
        self.acknowledged += len(rows)
        self._history.write(json.dumps([row["passage_id"] for row in rows]) + "\n")

    async def _until_answered(
        self, line: "_Line", lot: Lot, kind: str, rows: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        body = json.dumps({"passages": rows}).encode()
        while True:
            results = await line.ask(lot["entry" if kind == "entry" else "exit"], body)
            if results is not None and len(results) == len(rows):
                bad = [one for one in results if one["outcome"] not in {"accepted", "duplicate"}]
                if not bad:
                    return results
            self.resent += 1
            await asyncio.sleep(0.05)


async def _pay(payer: Payer, car: Car) -> None:
    """Pay what the exit asked for; a car that owes nothing may go."""
    asked = car.answers[f"exit_request-{car.plate}"]
    car.order_no, due_fen = asked["order_no"], asked.get("due_fen") or 0
    paid_fen = await payer.pay(car.order_no) if due_fen else 0
    car.asked_fen, car.is_paid = paid_fen or 0, paid_fen is not None


def _row(lot: Lot, car: Car, kind: str) -> dict[str, Any]:
    at = {"entry": car.entered_at, "exit": car.left_at}.get(kind, datetime.now(UTC))
    gate = lot["entry" if kind == "entry" else "exit"]
    return {
        "passage_id": f"{kind}-{car.plate}",
        "lot": lot["lot"],
        "lane": gate["lane"],
        "kind": kind,
        "plate": car.plate,
        "plate_color": "blue",
        "vehicle": "small",
        "seen_at": at.isoformat(),
    }


class _Line:
    """A kept connection that is opened anew whenever anything is wrong with it."""

    def __init__(self, host: str, port: int, chance: random.Random) -> None:
        self._where, self._chance = (host, port), chance
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._sent = 0

    async def ask(self, gate: Mapping[str, str], body: bytes) -> list[dict[str, Any]] | None:
        """Return the results, or None where it is not known what became of the request."""
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._ask(gate, body)
        except (OSError, EOFError, TimeoutError, ValueError, asyncio.LimitOverrunError):
            self.hang_up()
            return None

    async def _ask(self, gate: Mapping[str, str], body: bytes) -> list[dict[str, Any]] | None:
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(*self._where)
        assert self._reader is not None, "both are opened together"
        whole = self._request(gate, body)
        if self._chance.random() < HANG_UP:  # somewhere in the request, or before the answer
            self._writer.write(whole[: self._chance.randint(1, len(whole))])
            await self._writer.drain()
            await asyncio.sleep(self._chance.random() * 0.03)
            self.hang_up()
            return None
        self._writer.write(whole)
        await self._writer.drain()
        head = await self._reader.readuntil(b"\r\n\r\n")
        fields = dict(
            line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:] if b": " in line
        )
        content = await self._reader.readexactly(int(fields[b"content-length"]))
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            return None
        results: list[dict[str, Any]] = json.loads(content)["results"]
        return results

    def _request(self, gate: Mapping[str, str], body: bytes) -> bytes:
        self._sent += 1
        now_s, message_id = int(time.time()), f"msg_{gate['device']}_{self._sent}_{time.time_ns()}"
        secret = decode_secret(gate["secret"])
        signature = sign(body, secret, message_id=message_id[:100], timestamp_s=now_s)
        head = (
            "POST /v1/gate/passages HTTP/1.1\r\nHost: onepark\r\n"
            "Content-Type: application/json\r\n"
            f"onepark-device: {gate['device']}\r\nwebhook-id: {message_id[:100]}\r\n"
            f"webhook-timestamp: {now_s}\r\nwebhook-signature: {signature}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def hang_up(self) -> None:
        """Close the line; the next request opens another."""
        if self._writer is not None:
            with suppress(OSError, RuntimeError):
                self._writer.close()
        self._reader = self._writer = None
