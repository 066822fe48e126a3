"""What the calendar needs of access.

Owns: the one thing that it asks for.
Never: knows where the trail is kept.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from onepark.infra.db import Tx
from onepark.kernel.staff import Change


class AuditTrail(Protocol):
    """Where changes by people are written down."""

    async def append(self, tx: Tx, changes: Sequence[Change], *, at: datetime) -> None:
        """Write the changes in the transaction that makes them."""
        ...
