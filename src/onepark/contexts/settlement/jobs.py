"""What settlement does by itself.

Owns: days that are over, and what people must be reminded of.
Never: clears a day before the providers' bills are in.
"""

from onepark.contexts.settlement.contracts import Contracts
from onepark.contexts.settlement.service import Clearing
from onepark.infra.schedule import Job

CLEAR_EVERY_S = 60.0
REMIND_EVERY_S = 3_600.0


def jobs(clearing: Clearing, contracts: Contracts, *, after_hours: int) -> list[Job]:
    """Return the recurring work of settlement."""

    async def clear() -> int:
        return await clearing.due_step(after_hours=after_hours)

    async def remind() -> int:
        await contracts.remind()
        return 0

    return [
        Job("settlement.clear", CLEAR_EVERY_S, clear),
        Job("settlement.remind", REMIND_EVERY_S, remind),
    ]
