"""Handing on costs what waits, however many facts lie there that nobody acts on."""

from typing import Any

import asyncpg
import pytest

from onepark.app.outboxes import tables
from onepark.infra.outbox import FREE

MANY = """
    INSERT INTO stays.outbox (fact, payload, recorded_at)
    SELECT CASE n % 2 WHEN 0 THEN 'stays.entered.v1' ELSE 'stays.left.v1' END, '{}', now()
    FROM generate_series(1, 20000) AS n
"""
DELIVERED = """
    INSERT INTO payments.outbox (aggregate, fact, payload, delivered_at)
    SELECT n, 'payments.attempt_succeeded.v1', '{}', now() FROM generate_series(1, 20000) AS n
"""


@pytest.mark.parametrize(("table", "filled"), [("stays", MANY), ("payments", DELIVERED)])
async def test_facts_that_nobody_waits_for_are_not_read(database_url, table, filled):
    connection: Any = await asyncpg.connect(database_url)
    [outbox] = [one for one in tables() if one.table == f"{table}.outbox"]
    facts = ", ".join(f"'{fact}'" for fact in outbox.facts)
    free = FREE.format(table=outbox.table, facts=facts)
    try:
        await connection.execute(filled)
        await connection.execute(f"ANALYZE {table}.outbox")
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        rows = await connection.fetch(f"EXPLAIN {free}", None, 100)
    finally:
        await connection.close()
    plan = "\n".join(row[0] for row in rows)
    assert "outbox_to_hand_on" in plan
    assert "Seq Scan" not in plan
