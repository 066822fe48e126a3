"""Cars that went in at two lanes within a moment.

Owns: looking for them; a second look by a camera of the same lane is ordinary.
Never: changes a stay: a person voids or corrects the passage, or leaves it.
"""

from datetime import timedelta

from onepark.contexts.stays import oddity_store
from onepark.contexts.stays.moments import DECIDED_IN
from onepark.infra.clock import Clock
from onepark.infra.db import Database

LOOKS_BACK = timedelta(hours=1)  # many rounds: what is kept late is seen by a later one
FORGETS_FOR = timedelta(days=7)
NOTED_AT_ONCE = 500


class EnteredAgain:
    """Looks for second entries that one car cannot have made."""

    def __init__(self, service_db: Database, clock: Clock) -> None:
        self._db, self._clock = service_db, clock

    async def note(self) -> int:
        """Note those that were heard of since; return how many."""
        now = self._clock.now()
        async with self._db.transaction() as tx:
            await oddity_store.forget_entered_again(tx, seen_after=now - FORGETS_FOR)
            return await oddity_store.note_entered_again(
                tx, now, due_in=DECIDED_IN, received_after=now - LOOKS_BACK, limit=NOTED_AT_ONCE
            )
