"""Jobs with a calendar: what is done when, in China's time.

Owns: the list of them; each may be lost from the queue, for PostgreSQL says what is due.
Never: carries a fact or money: those go through outboxes.
"""

from collections.abc import Mapping
from datetime import timedelta

import asyncpg

from onepark.app.ledger_audit import audit
from onepark.app.outboxes import Outboxes
from onepark.infra import runs
from onepark.infra.clock import Clock
from onepark.infra.db import Database, Role
from onepark.infra.queue import Planned, Queue
from onepark.infra.settings import Settings

CALENDAR: Mapping[str, str] = {
    "outbox.forget": "40 3 * * *",
    "jobs.forget": "50 3 * * *",
    "ledger.verify": "20 4 * * *",
}
KEEP_RUNS = timedelta(days=90)
VERIFY_S = 7_200.0


class BooksWrong(Exception):
    """The books do not prove what they say; ``onepark ledger verify`` tells where."""


def queue_of(settings: Settings, service_db: Database, clock: Clock, outboxes: Outboxes) -> Queue:
    """Assemble the queue with every job that has a calendar."""

    async def forget_facts(_key: str) -> None:
        await outboxes.forget()

    async def forget_runs(_key: str) -> None:
        async with service_db.transaction() as tx:
            await runs.forget(tx, clock.now() - KEEP_RUNS)

    async def verify_books(_key: str) -> None:
        await _verify_books(settings.database_url)

    planned = [
        Planned("outbox.forget", forget_facts, CALENDAR["outbox.forget"]),
        Planned("jobs.forget", forget_runs, CALENDAR["jobs.forget"]),
        Planned("ledger.verify", verify_books, CALENDAR["ledger.verify"], limit_s=VERIFY_S),
    ]
    return Queue(service_db, settings.redis_url, planned, clock=clock)


async def _verify_books(database_url: str) -> None:
    server = {"role": Role.SERVICE.value, "timezone": "UTC"}
    connection = await asyncpg.connect(database_url, server_settings=server)
    try:
        found = await audit(connection, [])
    finally:
        await connection.close()
    if found.faults:
        raise BooksWrong(f"{len(found.faults)} faults")
