"""What the gate does by itself.

Owns: telling of open barriers, forgetting old commands.
Never: decides.
"""

from datetime import timedelta

from onepark.contexts.gate.barriers import OnLeftOpen
from onepark.contexts.gate.service import Gate
from onepark.infra.clock import Clock
from onepark.infra.schedule import Job

LEFT_OPEN_EVERY_S = 60
FORGET_EVERY_S = 600
KEEP_COMMANDS = timedelta(days=1)


def jobs(gate: Gate, clock: Clock, *, on_left_open: OnLeftOpen) -> list[Job]:
    """Return the gate's recurring work."""

    async def forget() -> int:
        await gate.drop_commands(before=clock.now() - KEEP_COMMANDS)
        return 0

    async def tell_left_open() -> int:
        await gate.barriers.tell_left_open(on_left_open)
        return 0

    return [
        Job("gate.tell_left_open", LEFT_OPEN_EVERY_S, tell_left_open),
        Job("gate.forget_commands", FORGET_EVERY_S, forget),
    ]
