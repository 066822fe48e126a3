"""One question of a command to the database, in one transaction.

Owns: the connection of such a command, and how its trouble is told.
Never: knows what is asked.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
import click

from onepark.infra.db import Role, Tx, open_database
from onepark.infra.settings import SettingsError, from_env

Answer = TypeVar("Answer")


def asked(ask: Callable[[Tx], Awaitable[Answer]]) -> Answer:
    """Return the answer; a database that cannot be asked is told in a sentence."""
    try:
        return asyncio.run(_ask(from_env(os.environ).database_url, ask))
    except (SettingsError, OSError, asyncpg.PostgresError) as error:
        raise click.ClickException(str(error)) from error


async def _ask(database_url: str, ask: Callable[[Tx], Awaitable[Answer]]) -> Answer:
    database = await open_database(database_url, Role.SERVICE, connections=1)
    try:
        async with database.transaction() as tx:
            return await ask(tx)
    finally:
        await database.close()
