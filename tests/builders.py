"""Small things that tests are made of; each names only what differs."""

from collections.abc import Callable, Generator
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from onepark.contexts.stays.case import CarCase, Folded, PriceOf
from onepark.contexts.stays.model import (
    Car,
    Kind,
    Order,
    OrderState,
    Passage,
    Stay,
    StayAndOrder,
    StayState,
)
from onepark.contexts.tariffs.model import Quote
from onepark.kernel.types import CHINA, Fen, LotId, OrderNo, PlanId, Pool, StayId

EIGHT = datetime(2026, 11, 20, 8, 0, tzinfo=CHINA)
LOT = LotId(42)
numbers = count(1)
fresh_numbers = count(100)


def minutes(n: float) -> timedelta:
    return timedelta(minutes=n)


def a_passage(kind: Kind = Kind.ENTRY, at: datetime = EIGHT, **changes: Any) -> Passage:
    """A blue car that came at eight, told to us two seconds later."""
    number = next(numbers)
    plate = changes.pop("plate", "苏B12345")
    values: dict[str, Any] = {
        "lot_id": LOT,
        "operator_id": 7,
        "device_id": "cam",
        "passage_id": f"p{number}",
        "lane": "L1",
        "confirms_exit": True,
        "kind": kind,
        "car_key": f"{plate}/blue",
        "plate": plate,
        "plate_raw": plate,
        "plate_color": "blue",
        "vehicle": "small",
        "seen_at": at,
        "received_at": at + timedelta(seconds=2),
        "fingerprint": number.to_bytes(16, "big"),
    }
    return Passage(**(values | changes))


def a_stay(**changes: Any) -> Stay:
    """An open stay since eight."""
    values: dict[str, Any] = {
        "lot_id": LOT,
        "stay_id": StayId(1),
        "operator_id": 7,
        "car_key": "苏B12345/blue",
        "plate": "苏B12345",
        "plate_color": "blue",
        "vehicle": "small",
        "pool": Pool.SHORT_STAY,
        "plan_id": PlanId(1),
        "state": StayState.OPEN,
        "marks": [],
        "entered_at": EIGHT,
        "entry_lane": "L1",
    }
    return Stay(**(values | changes))


def an_order(**changes: Any) -> Order:
    """The order of that stay, nothing paid."""
    values: dict[str, Any] = {
        "lot_id": LOT,
        "order_no": OrderNo("P0000042" + "A" * 24),
        "stay_id": StayId(1),
        "operator_id": 7,
        "car_key": "苏B12345/blue",
        "plate": "苏B12345",
        "state": OrderState.OPEN,
        "opened_at": EIGHT,
    }
    return Order(**(values | changes))


def a_case(*passages: Passage, **changes: Any) -> CarCase:
    """A car that nothing is known of."""
    values: dict[str, Any] = {"car": Car(LOT, "苏B12345/blue"), "passages": list(passages)}
    return CarCase(**(values | changes))


def inside(**changes: Any) -> dict[str, Any]:
    """A car that is inside since eight: what a_case() takes."""
    stay = a_stay()
    car = Car(LOT, stay.car_key, open_stay_id=stay.stay_id)
    return {"car": car, "open": StayAndOrder(stay, an_order(**changes))}


def five_an_hour(ask: PriceOf) -> Quote:
    """Price at 5 yuan a begun hour, plainly."""
    assert ask.stay.entered_at is not None
    hours = -((ask.stay.entered_at - ask.until_at) // timedelta(hours=1))
    return Quote(Fen(500 * hours), (), None)


def run(
    folding: Generator[PriceOf, Quote, Folded], price: Callable[[PriceOf], Quote] = five_an_hour
) -> Folded:
    """Drive a fold to its end, answering its questions."""
    try:
        ask = next(folding)
        while True:
            ask = folding.send(price(ask))
    except StopIteration as done:
        folded: Folded = done.value
        return folded


class NewIds:
    """Numbers from 100 on, never twice in a run."""

    def stay_id(self) -> StayId:
        return StayId(next(fresh_numbers))

    def order_no(self, lot_id: LotId) -> OrderNo:
        letters = "".join("ABCDEFGHIJ"[int(digit)] for digit in str(next(fresh_numbers)))
        return OrderNo(f"P{lot_id:07d}{letters:A>24}")
