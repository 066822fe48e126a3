"""What webhooks need of their neighbours.

Owns: one Protocol a neighbour: whoever posts a message, and the audit trail.
Never: knows HTTP.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from onepark.infra.db import Tx
from onepark.kernel.staff import Change


class Posts(Protocol):
    """Posts a signed message to a URL."""

    def why_not(self, url: str) -> str | None:
        """Say why a URL is never called; None if it may be."""
        ...

    async def post(
        self, url: str, body: bytes, *, message_id: str, secrets: Sequence[bytes], at: datetime
    ) -> int:
        """Return the status of the answer; raise ``Unusable`` when there is none."""
        ...


class AuditTrail(Protocol):
    """Where changes by people are written."""

    async def append(self, tx: Tx, changes: Sequence[Change], *, at: datetime) -> None: ...
