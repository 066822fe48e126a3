"""What the books do by themselves.

Owns: how soon a committed journal is sealed, and that every day has its anchor.
Never: posts.
"""

from onepark.contexts.ledger.service import Sealer
from onepark.infra.schedule import Job

SEAL_EVERY_S = 5.0
ANCHOR_EVERY_S = 60.0


def jobs(sealer: Sealer) -> list[Job]:
    """Return the recurring work of the books."""

    async def anchor() -> int:
        await sealer.anchor_today()
        return 0

    return [
        Job("ledger.seal", SEAL_EVERY_S, sealer.seal_waiting),
        Job("ledger.anchor", ANCHOR_EVERY_S, anchor),
    ]
