"""Numbers of orders that are of no lot.

Owns: fresh order numbers of passes, and which orders are members'.
Never: hands out one twice, or one that can be guessed.
"""

from onepark.contexts.membership.model import EVERY_LOT
from onepark.infra.tokens import random_text
from onepark.kernel.types import LotId, OrderNo

PREFIX = f"P{EVERY_LOT:07d}"
RANDOM_BYTES = 15  # 120 bits


def order_no() -> OrderNo:
    """Return a new number."""
    return OrderNo(PREFIX + random_text(RANDOM_BYTES))


def is_members(number: str) -> bool:
    """Tell whether an order is of a pass, not of a stay."""
    return number.startswith(PREFIX)


KEY_LOT: LotId = EVERY_LOT
