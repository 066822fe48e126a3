"""What is left of a plate or an instant where the whole of it is nobody's business.

Owns: how much is hidden.
Never: decides from whom.
"""

from datetime import datetime

from onepark.kernel.types import CHINA

SHOWN_AT_FRONT, SHOWN_AT_END = 2, 1


def mask_plate(plate: str) -> str:
    """Return a plate with its middle hidden: 苏B****5."""
    hidden = max(len(plate) - SHOWN_AT_FRONT - SHOWN_AT_END, 0)
    return plate[:SHOWN_AT_FRONT] + "*" * hidden + plate[SHOWN_AT_FRONT + hidden :]


def mask_minute(at: datetime) -> str:
    """Return an instant at Jiangyin's offset with its minutes hidden."""
    return at.astimezone(CHINA).strftime("%Y-%m-%dT%H:**+08:00")
