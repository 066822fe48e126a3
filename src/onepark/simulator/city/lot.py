"""A lot with its two gates, and the life of a car in it.

Owns: what a car does on its way in and out, and when that counts as an entry or an exit.
Never: chooses when a car comes or leaves.
"""

import asyncio
from datetime import datetime
from enum import Enum
from typing import NamedTuple
from uuid import uuid4

from onepark.kernel.types import CHINA
from onepark.simulator.city.books import Books
from onepark.simulator.city.car import ENTRY, EXIT, EXIT_REQUEST, Car
from onepark.simulator.city.device import Device
from onepark.simulator.city.driver import Drivers
from onepark.simulator.city.profile import Kind
from onepark.simulator.city.wire import Answer, Payment, Report

FULL_SHARE = 0.95  # of the bays, for somebody else may drive in as well
ASKS_MAX = 8
HOLDS_MAX = 2
ANSWERED = {"accepted", "duplicate"}


class Patience(NamedTuple):
    """How long people wait."""

    ask_again_s: float = 3.0  # at a barrier that stays down
    pay_within_s: float = 60.0


class Paid(Enum):
    """What became of a driver who was asked to pay."""

    OPENED = "opened"
    ASK_AGAIN = "ask_again"  # paid, or nothing due, but the barrier was not told
    GAVE_UP = "gave_up"


class Lot:
    """One lot of the simulated city."""

    def __init__(
        self,
        code: str,
        *,
        kind: Kind,
        bays: int,
        gates: tuple[Device, Device],
        drivers: Drivers,
        books: Books,
        patience: Patience,
    ) -> None:
        self.code, self.kind, self.bays = code, kind, bays
        self.entry, self.exit = gates
        self._drivers, self._books, self._patience = drivers, books, patience
        self.others = 0  # cars inside that are not ours
        self.present = 0  # ours: inside, or on their way in

    @property
    def room(self) -> int:
        """Return how many cars more may come."""
        return int(self.bays * FULL_SHARE) - self.others - self.present

    async def enter(self, car: Car, seen_at: datetime | None = None) -> bool:
        """Let a car in, now or in the past; True when the platform counts it."""
        self.present += 1
        answer = await self._report(self.entry, ENTRY, car, seen_at=seen_at)
        if not _counts(answer):
            self._books.anomalies[f"entry_{answer.outcome}:{answer.reason}"] += 1
            self.present -= 1
            return False
        car.stay_id = answer.stay_id
        self._books.entries[self.code] += 1
        return True

    async def leave(self, car: Car) -> bool:
        """Bring a car out; False when its driver gave up paying and it stays inside."""
        holds = 0
        for _ in range(ASKS_MAX):
            said = await self._report(self.exit, EXIT_REQUEST, car)
            if said.decision.type == "open":
                return await self._drive_off(car)
            if said.decision.type == "pay":
                paid = await self._pay(car, said)
                if paid != Paid.ASK_AGAIN:
                    return paid == Paid.OPENED and await self._drive_off(car)
            holds += said.decision.type == "hold"
            if holds == HOLDS_MAX:
                break
            await asyncio.sleep(self._patience.ask_again_s)
        self._books.anomalies[f"held:{said.decision.reason or said.decision.type}"] += 1
        return await self._drive_off(car)

    async def _drive_off(self, car: Car) -> bool:
        """Tell that the car has gone; it counts when it ends the stay that it began."""
        answer = await self._report(self.exit, EXIT, car)
        if _counts(answer) and answer.stay_id == car.stay_id:
            self._books.exits[self.code] += 1
        else:
            self._books.anomalies[f"exit_{answer.outcome}:{answer.decision.reason}"] += 1
        self.present -= 1
        return True

    async def _pay(self, car: Car, said: Answer) -> Paid:
        """Pay at the barrier, which opens by the platform's command and by nothing else."""
        request, order_no = said.passage_id or "", said.order_no or ""
        opened = self.exit.await_open(request, car.plate)
        payment: Payment | None = None
        try:
            async with asyncio.timeout(self._patience.pay_within_s):
                if car.looks_up:
                    await self._drivers.look_up(car, order_no)
                payment = await self._drivers.begin(car, order_no)
                if payment is None:
                    return Paid.ASK_AGAIN
                await opened
        except TimeoutError:
            return await self._after_waiting(payment)
        finally:
            self.exit.give_up(request)
        self._books.paid(payment)
        return Paid.OPENED

    async def _after_waiting(self, payment: Payment | None) -> Paid:
        if payment is not None and await self._drivers.is_paid(payment):
            self._books.errors["paid_but_not_opened"] += 1
            self._books.paid(payment)
            return Paid.ASK_AGAIN
        self._books.errors["gave_up_paying"] += 1
        return Paid.GAVE_UP

    async def _report(
        self, device: Device, kind: str, car: Car, *, seen_at: datetime | None = None
    ) -> Answer:
        """Report a passage, twice when the car's habits say so."""
        report = Report(
            passage_id=uuid4().hex,
            lot=self.code,
            lane=device.gate.lane,
            kind=kind,
            plate=car.plate,
            plate_color=car.color,
            vehicle="small",
            seen_at=seen_at or datetime.now(CHINA),
        )
        first = device.report(report)
        if kind not in car.repeats:
            return await first
        again = device.report(report) if car.together else None
        answer = await first
        repeated = await (again or device.report(report))
        if answer.outcome in ANSWERED:
            self._books.repeated(answer, repeated)
        return answer


def _counts(answer: Answer) -> bool:
    """Say whether a passage moved a stay: late, held and refused ones did not."""
    moved = answer.outcome in ANSWERED and answer.decision.type in {"none", "open"}
    return moved and answer.stay_id is not None and answer.reason is None
