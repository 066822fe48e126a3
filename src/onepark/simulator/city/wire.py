"""What the simulated city reads and is told: the public API's own words.

Owns: the parts of answers that the simulator looks at, and the description of a served city.
Never: shares a type with the platform, whose words these must match.
"""

from datetime import datetime
from typing import Any

from msgspec import Struct, field


class Gate(Struct, frozen=True):
    """A lane, the device that stands at it, and the device's key."""

    device: str
    lane: str
    secret: str


class DemoLot(Struct, frozen=True):
    """A lot with one way in and one way out that may be driven."""

    lot: str
    capacity: int
    entry: Gate
    exit: Gate


class Demo(Struct, frozen=True):
    """A served demo city, as `onepark up` describes it."""

    base_url: str
    lots: list[DemoLot]
    provider_url: str = ""


class Report(Struct, frozen=True):
    """One passage, as a device sends it."""

    passage_id: str
    lot: str
    lane: str
    kind: str
    plate: str
    plate_color: str
    vehicle: str
    seen_at: datetime


class Decision(Struct, frozen=True):
    """What the barrier does."""

    type: str
    reason: str | None = None
    valid_until: datetime | None = None


class Answer(Struct, frozen=True):
    """The answer to one passage."""

    passage_id: str | None
    outcome: str
    decision: Decision
    stay_id: int | None = None
    order_no: str | None = None
    due_fen: int | None = None
    lines: Any = None
    reason: str | None = None
    detail: str | None = None


class Answers(Struct, frozen=True):
    results: list[Answer]


class Command(Struct, frozen=True):
    """An order of the platform to a device."""

    command_id: int
    kind: str
    lane: str
    passage_id: str
    plate: str
    order_no: str


class Commands(Struct, frozen=True):
    commands: list[Command]


class Payment(Struct, frozen=True):
    """A payment that was begun; the provider knows it by the same number."""

    payment_no: str
    order_no: str
    channel: str
    amount_fen: int


class OrderStanding(Struct, frozen=True):
    """How an order stands."""

    order_no: str
    state: str
    paid_fen: int
    inside: bool = False


class DueLine(Struct, frozen=True):
    order_no: str


class Dues(Struct, frozen=True):
    dues: list[DueLine]


class Bays(Struct, frozen=True):
    """One pool; ``raw``, what passages add up to, is null as long as nothing was counted."""

    capacity: int
    raw: int | None


class Vacancy(Struct, frozen=True):
    """The live counts of one lot."""

    lot: str
    pools: dict[str, Bays]

    @property
    def short_stay(self) -> Bays:
        """Return the pool that the simulated cars take."""
        return self.pools.get("short_stay", Bays(0, 0))


class Trade(Struct, frozen=True):
    """A trade in the books of a payment provider."""

    out_trade_no: str
    amount_fen: int
    state: str
    refunded_fen: int = 0


class ProviderBooks(Struct, frozen=True):
    trades: list[Trade]


class Problem(Struct, frozen=True):
    """A refusal."""

    code: str = field(default="unknown")
