"""What the door asks of others.

Owns: whether a session still holds, and whether a person may ask again so soon.
Never: says how either is known.
"""

from datetime import datetime
from typing import Protocol


class LiveSessions(Protocol):
    """Knows which logins hold."""

    async def is_live(self, session_id: int, account_id: int, *, at: datetime) -> bool:
        """Tell whether the session is of this account, and neither of them has ended."""
        ...


class Pace(Protocol):
    """Counts what one person asks for."""

    async def wait_s(self, account_id: int) -> int:
        """Count one request: 0 when it may be answered, else the seconds until the next may."""
        ...
