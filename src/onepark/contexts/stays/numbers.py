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


def lot_of(order_no: str) -> LotId:
    """Return the lot that an order number names; OrderUnknown for what is no order number."""
    if re.fullmatch(ORDER_NO_PATTERN, order_no) is None:
        raise OrderUnknown("No order has this number.")
    return LotId(int(order_no[LOT_DIGITS]))


class FreshIds:
    """Stay numbers of one block, and order numbers that nobody can guess."""

    def __init__(self, block: int) -> None:
        self._numbers = count(block)

    def stay_id(self) -> StayId:
        return StayId(next(self._numbers))

    def order_no(self, lot_id: LotId) -> OrderNo:
        random = base64.b32encode(secrets.token_bytes(ORDER_NO_RANDOM_BYTES)).decode()
        return OrderNo(f"P{lot_id:07d}{random}")
