"""SQL of authenticators and recovery codes.

Owns: every statement on second factors.
Never: decides, or holds a secret in clear.
"""

from collections.abc import Sequence
from datetime import datetime

from onepark.contexts.access.model import Factor
from onepark.infra.db import Tx

LOCK = """
    SELECT sealed, last_step, wrong_codes, last_wrong_at, pending_sealed, pending_at
    FROM access.second_factor WHERE account_id = $1 FOR UPDATE
"""

OFFER = """
    INSERT INTO access.second_factor AS f (account_id, operator_id, pending_sealed, pending_at)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (account_id) DO UPDATE
    SET pending_sealed = excluded.pending_sealed, pending_at = excluded.pending_at
"""

CONFIRM = """
    UPDATE access.second_factor
    SET sealed = pending_sealed, confirmed_at = $2, last_step = $3, wrong_codes = 0,
        pending_sealed = NULL, pending_at = NULL
    WHERE account_id = $1
"""

TAKE_STEP = """
    UPDATE access.second_factor SET last_step = $2, wrong_codes = 0 WHERE account_id = $1
"""

NOTE_WRONG = """
    UPDATE access.second_factor SET wrong_codes = wrong_codes + 1, last_wrong_at = $2
    WHERE account_id = $1
"""

NOTE_RIGHT = "UPDATE access.second_factor SET wrong_codes = 0 WHERE account_id = $1"

FORGET_CODES = "DELETE FROM access.recovery_code WHERE account_id = $1"

ADD_CODES = """
    INSERT INTO access.recovery_code (account_id, operator_id, number, code_hash)
    SELECT $1, $2, number, code_hash
    FROM unnest($3::text[]) WITH ORDINALITY AS code (code_hash, number)
"""

RECOVERY_HASH = """
    SELECT code_hash FROM access.recovery_code
    WHERE account_id = $1 AND number = $2 AND used_at IS NULL
"""

USE_RECOVERY = """
    UPDATE access.recovery_code SET used_at = $3
    WHERE account_id = $1 AND number = $2 AND used_at IS NULL
    RETURNING true
"""

REMOVE = "DELETE FROM access.second_factor WHERE account_id = $1 RETURNING true"


async def lock(tx: Tx, account_id: int) -> Factor | None:
    """Lock the authenticator of an account: two codes at once are judged one after the other."""
    row = await tx.fetchrow(LOCK, account_id)
    return None if row is None else Factor(**dict(row))


async def offer(
    tx: Tx, account_id: int, *, operator_id: int | None, sealed: bytes, at: datetime
) -> None:
    """Keep a secret that the person has not proved to hold."""
    await tx.execute(OFFER, account_id, operator_id, sealed, at)


async def confirm(tx: Tx, account_id: int, *, step: int, at: datetime) -> None:
    """Let the offered secret be the authenticator."""
    await tx.execute(CONFIRM, account_id, at, step)


async def take_step(tx: Tx, account_id: int, step: int) -> None:
    """Keep the step of a code that was taken: neither it nor one before it comes again."""
    await tx.execute(TAKE_STEP, account_id, step)


async def note_wrong(tx: Tx, account_id: int, *, at: datetime) -> None:
    """Count a wrong code."""
    await tx.execute(NOTE_WRONG, account_id, at)


async def note_right(tx: Tx, account_id: int) -> None:
    """Forget the wrong codes."""
    await tx.execute(NOTE_RIGHT, account_id)


async def replace_recovery_codes(
    tx: Tx, account_id: int, *, operator_id: int | None, hashes: Sequence[str]
) -> None:
    """Put new recovery codes in the place of all the old ones."""
    await tx.execute(FORGET_CODES, account_id)
    await tx.execute(ADD_CODES, account_id, operator_id, list(hashes))


async def recovery_hash(tx: Tx, account_id: int, number: int) -> str | None:
    """Return the hash of a recovery code that was not used."""
    found: str | None = await tx.fetchval(RECOVERY_HASH, account_id, number)
    return found


async def use_recovery(tx: Tx, account_id: int, number: int, *, at: datetime) -> bool:
    """Use up a recovery code; False where somebody was faster."""
    return await tx.fetchval(USE_RECOVERY, account_id, number, at) is True


async def remove(tx: Tx, account_id: int) -> bool:
    """Take the authenticator and its recovery codes away; False where there was none."""
    return await tx.fetchval(REMOVE, account_id) is True
