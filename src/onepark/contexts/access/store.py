"""SQL of accounts and of the audit trail.

Owns: every statement on the schema access.
Never: decides.
"""

from collections.abc import Sequence
from datetime import datetime

from msgspec.json import encode

from onepark.contexts.access.model import Account
from onepark.infra.db import Record, Tx
from onepark.kernel.staff import Change, StaffRole

FIND_LOGIN = """
    SELECT account_id, login, name, role, operator_id, password_hash
    FROM access.account WHERE login = $1
"""

FIND_ACCOUNT = """
    SELECT account_id, login, name, role, operator_id FROM access.account WHERE account_id = $1
"""

ADD_ACCOUNT = """
    INSERT INTO access.account (login, name, role, operator_id, password_hash, created_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT DO NOTHING
    RETURNING account_id, login, name, role, operator_id
"""

APPEND_CHANGES = """
    INSERT INTO access.audit (changed_at, actor, action, subject, operator_id, before, after)
    SELECT $1, actor, action, subject, operator_id, before::jsonb, after::jsonb
    FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[])
        AS change (actor, action, subject, operator_id, before, after)
"""


async def find_login(tx: Tx, login: str) -> tuple[Account, str] | None:
    """Return the account of a login and its password hash."""
    row = await tx.fetchrow(FIND_LOGIN, login)
    return None if row is None else (_account(row), row["password_hash"])


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
