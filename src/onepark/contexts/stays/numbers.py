"""Numbers of stays and orders.

Owns: where fresh ones come from, and which lot an order's number names.
Never: hands out one twice, or one that can be guessed.
"""

import base64
import re
import secrets
from itertools import count

from onepark.contexts.stays.errors import OrderUnknown
from onepark.kernel.types import ORDER_NO_PATTERN, LotId, OrderNo, StayId

LOT_DIGITS = slice(1, 8)
ORDER_NO_RANDOM_BYTES = 15  # 120 bits
ORDER_NO_RANDOM_DIGITS = 24  # in base 32
DRAWN_AT_ONCE = 32  # order numbers; drawing and encoding them one by one costs four times as much


def lot_of(order_no: str) -> LotId:
    """Return the lot that an order number names; OrderUnknown for what is no order number."""
    if re.fullmatch(ORDER_NO_PATTERN, order_no) is None:
        raise OrderUnknown("No order has this number.")
    return LotId(int(order_no[LOT_DIGITS]))


class FreshIds:
    """Stay numbers of one block, and order numbers that nobody can guess."""

    def __init__(self, block: int) -> None:
        self._numbers = count(block)
        self._random: list[str] = []

    def stay_id(self) -> StayId:
        return StayId(next(self._numbers))

    def order_no(self, lot_id: LotId) -> OrderNo:
        if not self._random:
            self._random = _random_parts(DRAWN_AT_ONCE)
        return OrderNo(f"P{lot_id:07d}{self._random.pop()}")


def _random_parts(many: int) -> list[str]:
    drawn = base64.b32encode(secrets.token_bytes(many * ORDER_NO_RANDOM_BYTES)).decode()
    begins = range(0, len(drawn), ORDER_NO_RANDOM_DIGITS)
    return [drawn[at : at + ORDER_NO_RANDOM_DIGITS] for at in begins]
