"""The platform's connections, one pool a role.

Owns: which roles there are and how many connections each holds.
Never: runs a statement.
"""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from onepark.infra.db import Database, Role, open_database
from onepark.infra.settings import Settings


@dataclass(frozen=True)
class Databases:
    """One pool a role."""

    batch: Database
    service: Database
    staff: Database


async def open_databases(settings: Settings, stack: AsyncExitStack) -> Databases:
    """Connect every role; leaving the stack closes them."""
    sizes = {
        Role.BATCH: settings.gate_connections + settings.gate_backlog_connections,
        Role.SERVICE: settings.service_connections + 2 * settings.notice_connections,
        Role.STAFF: settings.staff_connections,
    }
    opened: dict[Role, Database] = {}
    for role, size in sizes.items():
        opened[role] = await open_database(settings.database_url, role, connections=size)
        stack.push_async_callback(opened[role].close)
    return Databases(opened[Role.BATCH], opened[Role.SERVICE], opened[Role.STAFF])
