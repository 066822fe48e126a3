"""SQL of sessions.

Owns: every statement on logins that hold, and on who logs in.
Never: decides.
"""

from datetime import datetime

from onepark.contexts.access.model import Account, LoginFound, OpenSession
from onepark.infra.db import Record, Tx
from onepark.kernel.staff import StaffRole

FIND_LOGIN = """
    SELECT account_id, login, name, role, operator_id, password_hash, token_version,
        disabled_at IS NOT NULL AS disabled,
        EXISTS (SELECT FROM access.second_factor AS f
            WHERE f.account_id = a.account_id AND confirmed_at IS NOT NULL) AS enrolled,
        EXISTS (SELECT FROM access.session AS s
            WHERE s.account_id = a.account_id AND address_hash = $2 AND started_at > $3)
            AS known_here
    FROM access.account AS a WHERE login = $1
"""

# Only for the password that was checked: another one may have been set meanwhile.
BEGIN_SESSION = """
    INSERT INTO access.session (account_id, operator_id, token_version, address_hash, started_at,
        ends_at, second_factor_at, refresh_hash)
    SELECT account_id, operator_id, token_version, $3, $4, $5, $6, $7
    FROM access.account
    WHERE account_id = $1 AND token_version = $2 AND disabled_at IS NULL
    RETURNING session_id
"""

IS_LIVE = """
    SELECT true FROM access.session AS s JOIN access.account AS a USING (account_id)
    WHERE session_id = $1 AND account_id = $2 AND ended_at IS NULL AND ends_at > $3
      AND disabled_at IS NULL AND a.token_version = s.token_version
"""

LOCK_LIVE = """
    SELECT session_id, account_id, login, name, role, a.operator_id, ends_at, second_factor_at,
        refresh_hash, spent_hash,
        EXISTS (SELECT FROM access.second_factor AS f
            WHERE f.account_id = a.account_id AND confirmed_at IS NOT NULL) AS enrolled
    FROM access.session AS s JOIN access.account AS a USING (account_id)
    WHERE session_id = $1 AND ended_at IS NULL AND ends_at > $2 AND disabled_at IS NULL
      AND a.token_version = s.token_version
    FOR UPDATE OF s
"""

RENEW = (
    "UPDATE access.session SET spent_hash = refresh_hash, refresh_hash = $2 WHERE session_id = $1"
)

END = "UPDATE access.session SET ended_at = $2 WHERE session_id = $1 AND ended_at IS NULL"

NOTE_SECOND_FACTOR = "UPDATE access.session SET second_factor_at = $2 WHERE session_id = $1"

END_ALL_BUT_NEWEST = """
    UPDATE access.session SET ended_at = $3
    WHERE session_id IN (
        SELECT session_id FROM access.session
        WHERE account_id = $1 AND ended_at IS NULL AND ends_at > $3
        ORDER BY session_id DESC OFFSET $2)
"""

FORGET_OLD = "DELETE FROM access.session WHERE account_id = $1 AND ends_at < $2"


async def find_login(
    tx: Tx, login: str, *, address_hash: bytes, since: datetime
) -> LoginFound | None:
    """Return the account of a login, and whether it has come from this address since then."""
    row = await tx.fetchrow(FIND_LOGIN, login, address_hash, since)
    if row is None:
        return None
    return LoginFound(
        account=_account(row),
        password_hash=row["password_hash"],
        token_version=row["token_version"],
        disabled=row["disabled"],
        enrolled=row["enrolled"],
        known_here=row["known_here"],
    )


async def begin(
    tx: Tx,
    found: LoginFound,
    *,
    address_hash: bytes,
    started_at: datetime,
    ends_at: datetime,
    second_factor_at: datetime | None,
    refresh_hash: bytes,
) -> int | None:
    """Return the number of a new session, or None where the account has changed meanwhile."""
    session_id: int | None = await tx.fetchval(
        BEGIN_SESSION,
        found.account.account_id,
        found.token_version,
        address_hash,
        started_at,
        ends_at,
        second_factor_at,
        refresh_hash,
    )
    return session_id


async def is_live(tx: Tx, session_id: int, account_id: int, *, at: datetime) -> bool:
    """Tell whether a session of this account still holds."""
    return await tx.fetchval(IS_LIVE, session_id, account_id, at) is True


async def lock_live(tx: Tx, session_id: int, *, at: datetime) -> OpenSession | None:
    """Lock a session that still holds."""
    row = await tx.fetchrow(LOCK_LIVE, session_id, at)
    if row is None:
        return None
    return OpenSession(
        session_id=row["session_id"],
        account=_account(row),
        enrolled=row["enrolled"],
        ends_at=row["ends_at"],
        second_factor_at=row["second_factor_at"],
        refresh_hash=row["refresh_hash"],
        spent_hash=row["spent_hash"],
    )


async def renew(tx: Tx, session_id: int, *, refresh_hash: bytes) -> None:
    """Put the next refresh token in the place of the one that was shown."""
    await tx.execute(RENEW, session_id, refresh_hash)


async def end(tx: Tx, session_id: int, *, at: datetime) -> None:
    """End one session."""
    await tx.execute(END, session_id, at)


async def note_second_factor(tx: Tx, session_id: int, *, at: datetime) -> None:
    """Keep when a code was given in the session."""
    await tx.execute(NOTE_SECOND_FACTOR, session_id, at)


async def end_all_but_newest(tx: Tx, account_id: int, kept: int, *, at: datetime) -> None:
    """End the oldest sessions of an account that has too many."""
    await tx.execute(END_ALL_BUT_NEWEST, account_id, kept, at)


async def forget_old(tx: Tx, account_id: int, *, before: datetime) -> None:
    """Forget sessions of an account that ended long ago."""
    await tx.execute(FORGET_OLD, account_id, before)


def _account(row: Record) -> Account:
    return Account(
        account_id=row["account_id"],
        login=row["login"],
        name=row["name"],
        role=StaffRole(row["role"]),
        operator_id=row["operator_id"],
    )
