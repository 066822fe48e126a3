"""SQL of accounts and of the audit trail.

Owns: every statement on accounts and on the trail.
Never: decides.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec.json import decode, encode

from onepark.contexts.access.model import Account, AccountView, AuditEntry, AuditQuery
from onepark.infra.db import Record, Tx
from onepark.kernel.staff import Change, StaffRole

FIND_ACCOUNT = """
    SELECT account_id, login, name, role, operator_id FROM access.account WHERE account_id = $1
"""

ADD_ACCOUNT = """
    INSERT INTO access.account (login, name, role, operator_id, password_hash, created_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT DO NOTHING
    RETURNING account_id, login, name, role, operator_id
"""

VIEW_ACCOUNTS = """
    SELECT account_id, login, name, role, operator_id, created_at, disabled_at,
        EXISTS (SELECT FROM access.second_factor AS f
            WHERE f.account_id = a.account_id AND confirmed_at IS NOT NULL) AS second_factor
    FROM access.account AS a
    WHERE account_id > $1 AND ($2::text IS NULL OR login = $2)
    ORDER BY account_id LIMIT $3
"""

SET_DISABLED = """
    UPDATE access.account SET disabled_at = $2, token_version = token_version + 1
    WHERE account_id = $1
"""

REPLACE_HASH = """
    UPDATE access.account
    SET password_hash = $2, password_changed_at = $3, token_version = token_version + 1
    WHERE account_id = $1
    RETURNING token_version
"""

END_SESSIONS = """
    UPDATE access.account SET token_version = token_version + 1 WHERE account_id = $1
"""

TRAIL = """
    SELECT audit_id, changed_at, actor, action, subject, operator_id, before, after
    FROM access.audit
    WHERE audit_id < $1
      AND ($2 = '' OR actor = $2)
      AND ($3 = '' OR action = $3 OR right($3, 1) = '.' AND starts_with(action, $3))
      AND ($4 = '' OR subject = $4)
      AND ($5::bigint IS NULL OR operator_id = $5)
      AND ($6::timestamptz IS NULL OR changed_at >= $6)
      AND ($7::timestamptz IS NULL OR changed_at < $7)
    ORDER BY audit_id DESC LIMIT $8
"""

APPEND_CHANGES = """
    INSERT INTO access.audit (changed_at, actor, action, subject, operator_id, before, after)
    SELECT $1, actor, action, subject, operator_id, before::jsonb, after::jsonb
    FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[])
        AS change (actor, action, subject, operator_id, before, after)
"""


async def find_account(tx: Tx, account_id: int) -> Account | None:
    row = await tx.fetchrow(FIND_ACCOUNT, account_id)
    return None if row is None else _account(row)


async def add_account(
    tx: Tx, account: Account, *, password_hash: str, at: datetime
) -> Account | None:
    """Return the account with its number, or None when the login is taken."""
    row = await tx.fetchrow(
        ADD_ACCOUNT,
        account.login,
        account.name,
        account.role,
        account.operator_id,
        password_hash,
        at,
    )
    return None if row is None else _account(row)


async def append_changes(tx: Tx, changes: Sequence[Change], *, at: datetime) -> None:
    """Write the trail of what this transaction did."""
    await tx.execute(
        APPEND_CHANGES,
        at,
        [change.actor for change in changes],
        [change.action for change in changes],
        [change.subject for change in changes],
        [change.operator_id for change in changes],
        [_json(change.before) for change in changes],
        [_json(change.after) for change in changes],
    )


async def view_accounts(
    tx: Tx, *, after: int, limit: int, login: str | None = None
) -> list[AccountView]:
    """Return accounts that the scope sees, oldest first: all of them, or the one of a login."""
    rows = await tx.fetch(VIEW_ACCOUNTS, after, login, limit)
    return [AccountView(**{**dict(row), "role": StaffRole(row["role"])}) for row in rows]


async def set_disabled(tx: Tx, account_id: int, *, disabled_at: datetime | None) -> None:
    """Disable an account or enable it; either way its sessions are over."""
    await tx.execute(SET_DISABLED, account_id, disabled_at)


async def set_password(tx: Tx, account_id: int, *, password_hash: str, at: datetime) -> int:
    """Return the token version under which the new password's sessions begin."""
    version: int = await tx.fetchval(REPLACE_HASH, account_id, password_hash, at)
    return version


async def end_sessions(tx: Tx, account_id: int) -> None:
    """End every session of an account."""
    await tx.execute(END_SESSIONS, account_id)


async def trail(tx: Tx, wanted: AuditQuery) -> list[AuditEntry]:
    """Return lines of the trail that the scope sees, newest first, and one more than a page."""
    rows = await tx.fetch(
        TRAIL,
        wanted.before,
        wanted.actor,
        wanted.action,
        wanted.subject,
        wanted.operator_id,
        wanted.since,
        wanted.until,
        wanted.limit + 1,
    )
    return [_entry(row) for row in rows]


def _entry(row: Record) -> AuditEntry:
    told = {key: _told(row[key]) for key in ("before", "after")}
    return AuditEntry(**{**dict(row), **told})


def _told(text: str | None) -> Any:
    return None if text is None else decode(text)


def _json(value: object) -> str | None:
    return None if value is None else encode(value).decode()


def _account(row: Record) -> Account:
    return Account(
        account_id=row["account_id"],
        login=row["login"],
        name=row["name"],
        role=StaffRole(row["role"]),
        operator_id=row["operator_id"],
    )
