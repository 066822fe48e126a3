"""Numbers under which providers know what we ask of them.

Owns: their form: 32 characters, of which the first seven tell when the number was made.
Never: gives one out twice, or one that can be guessed.
"""

import base64
import binascii
import secrets
from datetime import UTC, datetime

SECOND_BYTES = 5
RANDOM_BYTES = 15  # 120 bits
CHARACTERS = 32  # what WeChat Pay allows
SECONDS = range(946_684_800, 4_102_444_800)  # of 2000 to 2099; others are numbers of old times


def fresh_number(now: datetime) -> str:
    """Return a number that tells its second, for providers who key trades by both."""
    second = int(now.timestamp()).to_bytes(SECOND_BYTES, "big")
    return base64.b32encode(second + secrets.token_bytes(RANDOM_BYTES)).decode()


def made_at(number: str) -> datetime | None:
    """Return the second that a number tells; None for what is no number of ours."""
    try:
        raw = base64.b32decode(number)
    except (binascii.Error, ValueError):
        return None
    second = int.from_bytes(raw[:SECOND_BYTES], "big")
    if len(number) != CHARACTERS or second not in SECONDS:
        return None
    return datetime.fromtimestamp(second, UTC)
