"""What every use case of staff in stays begins and ends with.

Owns: the lot that a code names, and a transaction that is tried until it meets no other.
Never: decides anything.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from onepark.contexts.registry.model import Lot
from onepark.contexts.stays.errors import LotUnknown, StoreUnavailable
from onepark.contexts.stays.ports import Archive
from onepark.infra.db import Trouble, trouble_of
from onepark.kernel.errors import Refusal
from onepark.kernel.types import LotCode

TRIES = 4

Done = TypeVar("Done")


def lot_named(archive: Archive, code: LotCode) -> Lot:
    """Return the lot that a code names; LotUnknown if none does."""
    lot = archive.lot(code)
    if lot is None:
        raise LotUnknown("No lot has this code.", field="lot")
    return lot


async def settled(once: Callable[[], Awaitable[Done]]) -> Done:
    """Do something in a transaction of its own, again if it met another one.

    Raises StoreUnavailable when it met one each time: nothing was kept.
    """
    for tries in range(TRIES, 0, -1):
        try:
            return await once()
        except Exception as error:
            if isinstance(error, Refusal) or trouble_of(error) != Trouble.AGAIN:
                raise
            if tries == 1:
                raise StoreUnavailable("It was not kept; send it again.") from error
    raise AssertionError("the last try returns or raises")
